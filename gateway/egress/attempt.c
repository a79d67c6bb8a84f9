/* An attempt: made, granted, sent, orphaned, freed. What its end means is in conclude.c. */
#include "egress/attempt.h"

#include <stdlib.h>

#include "base/log.h"
#include "calls/call.h"
#include "egress/late.h"
#include "egress/nonce.h"

#define ARENA_BYTES_MAX  ((size_t)64 * 1024 * 1024) /* 50 commands, their request, and an answer's tree */
#define ANSWER_BYTES_MAX ((size_t)2 * 1024 * 1024)
#define NS_PER_SECOND    1000000000LL

struct attempt *
attempt_new(struct account_state *state, entry_t entry)
{
    struct attempt *attempt = calloc(1, sizeof *attempt);

    if (attempt == NULL) {
        lane_fail(state->lane, "out of memory");
        return NULL;
    }
    attempt->lane = state->lane;
    attempt->state = state;
    attempt->service = state->lane->service;
    attempt->account = state->account;
    if (entry != ENTRY_NONE && !attempt_add(attempt, entry, NULL)) {
        attempt_free(attempt);
        return NULL;
    }
    return attempt;
}

bool
attempt_add(struct attempt *attempt, entry_t entry, struct command *command)
{
    if (attempt->count == attempt->capacity) {
        size_t capacity = attempt->capacity == 0 ? 1 : 2 * attempt->capacity;
        entry_t *entries = realloc(attempt->entries, capacity * sizeof *entries);
        struct command **commands = NULL;

        if (entries != NULL) {
            attempt->entries = entries;
            commands = realloc(attempt->commands, capacity * sizeof(struct command *));
        }
        if (commands == NULL) {
            lane_fail(attempt->lane, "out of memory");
            return false;
        }
        attempt->commands = commands;
        attempt->capacity = capacity;
    }
    attempt->entries[attempt->count] = entry;
    attempt->commands[attempt->count] = command;
    attempt->count++;
    return true;
}

void
attempt_drop_command(struct attempt *attempt, size_t index)
{
    attempt->count--;
    for (size_t i = index; i < attempt->count; i++) {
        attempt->entries[i] = attempt->entries[i + 1];
        attempt->commands[i] = attempt->commands[i + 1];
    }
}

static void
push_call(struct attempt **list, struct attempt *attempt)
{
    attempt->previous = NULL;
    attempt->next = *list;
    if (attempt->next != NULL) {
        attempt->next->previous = attempt;
    }
    *list = attempt;
}

void
attempt_ended(struct attempt *attempt)
{
    if (attempt->phase == ATTEMPT_CALLING) {
        struct attempt **list = attempt->lane == NULL ? &attempt->service->orphans : &attempt->lane->calling;

        *(attempt->previous == NULL ? list : &attempt->previous->next) = attempt->next;
        if (attempt->next != NULL) {
            attempt->next->previous = attempt->previous;
        }
        attempt->next = attempt->previous = NULL;
    }
    attempt->phase = ATTEMPT_CONCLUDED;
}

void
attempt_free(struct attempt *attempt)
{
    if (attempt == NULL) {
        return;
    }
    if (attempt->call != NULL) {
        call_cancel(attempt->call);
        attempt_ended(attempt);
    }
    if (attempt->phase >= ATTEMPT_GRANTED) {
        count_level(attempt->service->tally, LEVEL_CALLS, -1);
        if (attempt->lane != NULL) {
            attempt->lane->attempts_open--;
        }
    }
    arena_free(attempt->arena);
    free(attempt->entries);
    free(attempt->commands);
    free(attempt);
}

/* --- grant --- */

static void
write_intent(struct attempt *attempt)
{
    struct lane *lane = attempt->lane;
    struct journal_command *commands = arena_zalloc(attempt->arena, attempt->count + 1, sizeof *commands);

    if (commands == NULL) {
        lane_fail(lane, "out of memory");
        return;
    }
    for (size_t i = 0; i < attempt->count; i++) {
        commands[i].id = attempt->commands[i]->id;
        commands[i].offset = backlog_entry(lane->backlog, attempt->entries[i]).offset;
        memcpy(commands[i].content_hash, attempt->commands[i]->content_hash, sizeof commands[i].content_hash);
    }
    outbox_journal(lane->outbox, &(struct journal_entry){
                                     .kind = JOURNAL_DISPATCHED,
                                     .account = attempt->account->name,
                                     .attempt = attempt->id,
                                     .operation = slice_from(attempt->operation->command),
                                     .commands = commands,
                                     .command_count = attempt->count,
                                     .tries = attempt->tries,
                                 });
}

void
attempt_grant(struct attempt *attempt)
{
    struct lane *lane = attempt->lane;

    attempt->phase = ATTEMPT_GRANTED;
    attempt->granted_ns = service_now_ns(attempt->service);
    attempt->dispatched_ms = service_now_ms(attempt->service);
    attempt->slot = limiter_grant(attempt->state->limiter, attempt->granted_ns);
    attempt->id = (struct attempt_id){lane->epoch, ++lane->attempt_count};
    attempt->tries = 1;
    for (size_t i = 0; i < attempt->count; i++) {
        unsigned tries = backlog_entry(lane->backlog, attempt->entries[i]).attempts + 1U;

        attempt->tries = tries > attempt->tries ? tries : attempt->tries;
    }
    lane->attempts_open++;
    count_level(attempt->service->tally, LEVEL_CALLS, 1);
    write_intent(attempt);
    settle_dispatched(lane, attempt);
    if (lane_alive(lane)) {
        outbox_intend(lane->outbox, attempt);
    } else {
        attempt_free(attempt);
    }
}

/* --- send --- */

static void
on_end(void *argument, const struct call_outcome *outcome)
{
    struct attempt *attempt = argument;

    attempt->call = NULL;
    conclude(attempt, outcome);
}

/* The request of a signed composition; false: it cannot be made. */
static bool
sign(struct attempt *attempt, struct vendor_request *request)
{
    struct signing signing = {
        .composition = &attempt->composition,
        .settings = attempt->account->settings,
        .token = slice_make(attempt->state->token.text, attempt->state->token.length),
        .wall_ms = service_now_ms(attempt->service),
        .arena = attempt->arena,
    };

    if (attempt->operation == attempt->account->adapter->calls->token_operation) {
        signing.token = (struct slice){0};
    }
    attempt->token_generation = attempt->state->token.generation;
    return nonce_of(attempt->state->nonce++, &signing.nonce) &&
           attempt->account->adapter->calls->sign(&signing, request);
}

static bool
start_call(struct attempt *attempt, struct error *error)
{
    const struct account *account = attempt->account;
    struct vendor_request vendor = {0};
    struct call_header headers[VENDOR_HEADERS_MAX];
    struct call_request request = {.answer_bytes_max = ANSWER_BYTES_MAX, .lease_ns = attempt->lease_ns};

    if (!sign(attempt, &vendor)) {
        return error_set(error, "the request could not be signed");
    }
    for (size_t i = 0; i < vendor.header_count; i++) {
        headers[i] = (struct call_header){vendor.header_names[i], vendor.header_values[i]};
    }
    request.method = vendor.method;
    request.url = arena_printf(attempt->arena, "%.*s%.*s", SLICE_ARGS(account->base_url), SLICE_ARGS(vendor.path));
    request.headers = headers;
    request.header_count = vendor.header_count;
    request.body = vendor.body;
    request.timeouts = (struct call_timeouts){account->connect_ms, account->answer_ms, account->timeout_ms};
    if (arena_failed(attempt->arena)) {
        return error_set(error, "out of memory");
    }
    attempt->call = call_start(attempt->service->caller, &request, on_end, attempt, error);
    return attempt->call != NULL;
}

void
attempt_send(struct attempt *attempt, int64_t began_ns)
{
    struct lane *lane = attempt->lane;
    struct error error = {0};

    if (!lane_alive(lane)) {
        attempt_free(attempt);
        return;
    }
    attempt->lease_ns = began_ns + lane->service->config->egress.lease_seconds * NS_PER_SECOND;
    if (attempt->state->held) {
        conclude_returned(attempt, 0);
        return;
    }
    if (service_now_ns(lane->service) > attempt->lease_ns) {
        count_happening(lane->service->tally, HAPPENED_LEASE_OVER);
        conclude_returned(attempt, 0);
        return;
    }
    attempt->phase = ATTEMPT_CALLING;
    push_call(&lane->calling, attempt);
    if (!start_call(attempt, &error)) {
        log_warn("call_not_started", log_slice("account", attempt->account->name), log_text("reason", error.text));
        conclude_returned(attempt, NS_PER_SECOND);
    }
}

/* --- the lane is lost --- */

void
attempt_orphan(struct attempt *attempt)
{
    struct lane *lane = attempt->lane;

    attempt_ended(attempt);
    lane->attempts_open--;
    attempt->phase = ATTEMPT_CALLING;
    attempt->lane = NULL;
    attempt->state = NULL;
    push_call(&attempt->service->orphans, attempt);
}

void
attempt_publish_late(struct attempt *attempt)
{
    if (!attempt->answered) {
        return;
    }
    for (size_t i = 0; i < attempt->count; i++) {
        late_publish(attempt, i);
    }
}

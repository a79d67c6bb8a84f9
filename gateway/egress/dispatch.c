/* Dispatch: which command of an account goes next, and when. It is taken, its body is read where it is not at hand,
 * what may go in the same request is gathered to it, and it is granted a slot. */
#include <event2/event.h>
#include <stdlib.h>

#include "base/log.h"
#include "egress/attempt.h"

#define INTENTS_MAX      100 /* in one batch: sent at once when it is committed, and open when Kafka goes just then */
#define READ_AHEAD       32  /* bodies that are read together with the one that is needed */
#define CANDIDATES_MAX   200 /* looked at for one request */
#define ARENA_BYTES_MAX  ((size_t)64 * 1024 * 1024)
#define GATHER_BYTES_MAX ((size_t)24 * 1024 * 1024) /* of it, so that one more command and the request have room */
#define RETRIES_MAX      1000
#define AGAIN_NS         20000000LL

static void load(struct attempt *attempt);

/* --- loading --- */

/* The loading attempt is nothing any more: the account goes on without it. */
static void
unload(struct attempt *attempt)
{
    attempt->state->loading = NULL;
    attempt_free(attempt);
}

/* Back to those that wait, to be looked at again from that time on. */
static void
defer(struct attempt *attempt, int64_t not_before_ns)
{
    attempt->state->loading = NULL;
    arena_free(attempt->arena);
    attempt->arena = NULL;
    attempt->gathered = false;
    for (size_t i = 0; i < attempt->count; i++) {
        attempt->commands[i] = NULL;
    }
    attempt->not_before_ns = not_before_ns;
    retry_push(attempt->state, attempt);
}

/* NULL: out of memory, or the record is not that entry's. */
static struct command *
parse(struct attempt *attempt, entry_t entry, const struct consumed *record)
{
    struct arena *arena = attempt->arena;
    struct command *command = arena_zalloc(arena, 1, sizeof *command);
    struct record_header *headers = arena_zalloc(arena, record->header_count + 1, sizeof *headers);
    struct error error = {0};

    if (command == NULL || headers == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < record->header_count; i++) {
        headers[i].name = arena_copy(arena, record->headers[i].name);
        headers[i].value = arena_copy(arena, record->headers[i].value);
    }
    if (command_parse(arena_copy(arena, record->value), headers, record->header_count, arena, command, &error) !=
            COMMAND_VALID ||
        !command_key_equal(command_key(command->account, command->id),
                           backlog_entry(attempt->lane->backlog, entry).key)) {
        return NULL;
    }
    return command;
}

static void
give_up_body(struct attempt *attempt, size_t index)
{
    settle_gone(attempt->lane, attempt->entries[index]);
    attempt_drop_command(attempt, index);
}

static void
on_body(void *argument, int64_t offset, const struct consumed *record)
{
    struct attempt *attempt = argument;

    attempt->fetching--;
    for (size_t i = 0; i < attempt->count; i++) {
        if (attempt->commands[i] == NULL &&
            backlog_entry(attempt->lane->backlog, attempt->entries[i]).offset == offset) {
            attempt->commands[i] = record == NULL ? NULL : parse(attempt, attempt->entries[i], record);
            if (attempt->commands[i] == NULL) {
                give_up_body(attempt, i);
            }
            break;
        }
    }
    if (attempt->fetching == 0) {
        struct account_state *state = attempt->state;

        load(attempt);
        account_dispatch(state);
    }
}

static void
fetch_body(struct attempt *attempt, int64_t offset)
{
    attempt->fetching++;
    if (!record_reader_fetch(attempt->lane->bodies, offset, on_body, attempt)) {
        lane_fail(attempt->lane, "out of memory");
    }
}

static void
on_read_ahead(void *argument, int64_t offset, const struct consumed *record)
{
    (void)argument;
    (void)offset;
    (void)record;
}

/* Bodies of those that come next, in the same read. */
static void
read_ahead(struct account_state *state)
{
    struct lane *lane = state->lane;
    entry_t entry = queue_head(lane->backlog, &state->queue);

    for (int i = 0; i < READ_AHEAD && entry != ENTRY_NONE; i++) {
        int64_t offset = backlog_entry(lane->backlog, entry).offset;

        if (record_reader_kept(lane->bodies, offset) == NULL) {
            (void)record_reader_fetch(lane->bodies, offset, on_read_ahead, NULL); /* it is only ahead of time */
        }
        entry = queue_next(lane->backlog, &state->queue, entry);
    }
}

/* Parses what is kept, asks for the rest. Whether all commands are there. */
static bool
load_bodies(struct attempt *attempt)
{
    struct lane *lane = attempt->lane;
    size_t i = 0;

    while (i < attempt->count) {
        int64_t offset = backlog_entry(lane->backlog, attempt->entries[i]).offset;
        const struct consumed *record;

        if (attempt->commands[i] != NULL) {
            i++;
            continue;
        }
        record = record_reader_kept(lane->bodies, offset);
        if (record == NULL) {
            fetch_body(attempt, offset);
            i++;
            continue;
        }
        attempt->commands[i] = parse(attempt, attempt->entries[i], record);
        if (attempt->commands[i] == NULL) {
            give_up_body(attempt, i);
            continue;
        }
        i++;
    }
    if (attempt->fetching > 0) {
        read_ahead(attempt->state);
    }
    return attempt->fetching == 0;
}

/* --- what is loaded --- */

/* Settles those that are not to go any more: cancelled or expired meanwhile. */
static void
weed_out(struct attempt *attempt)
{
    struct lane *lane = attempt->lane;
    int64_t now_ms = service_now_ms(lane->service);
    size_t i = 0;

    while (i < attempt->count) {
        struct entry entry = backlog_entry(lane->backlog, attempt->entries[i]);
        struct settlement settlement = {.code = "", .attempts = entry.attempts};

        if ((entry.note & NOTE_CANCELLED) != 0) {
            settlement.status = RESULT_CANCELLED;
            settlement.reason = slice_from("cancelled before it was sent");
        } else if (entry.deadline_ms <= now_ms) {
            settlement.status = RESULT_EXPIRED;
            settlement.reason = slice_from("its time was over before it could be sent");
        } else {
            i++;
            continue;
        }
        settle(lane, attempt->entries[i], attempt->commands[i], &settlement);
        attempt_drop_command(attempt, i);
    }
}

static void
refuse_first(struct attempt *attempt, const char *reason)
{
    struct entry entry = backlog_entry(attempt->lane->backlog, attempt->entries[0]);

    settle(attempt->lane, attempt->entries[0], attempt->commands[0],
           &(struct settlement){.status = RESULT_FAILED,
                                .code = call_codes[CALL_INVALID],
                                .reason = slice_from(reason),
                                .attempts = entry.attempts});
    attempt_drop_command(attempt, 0);
}

/* Outside its account's calling hours a command goes back to those that wait. */
static bool
postpone(struct attempt *attempt)
{
    struct lane *lane = attempt->lane;
    int64_t now_ms = service_now_ms(lane->service);
    int64_t opens_ms;

    if (!attempt->operation->rings_customer || account_hours_open(attempt->account, now_ms, &opens_ms)) {
        return false;
    }
    for (size_t i = 0; i < attempt->count; i++) {
        struct entry entry = backlog_entry(lane->backlog, attempt->entries[i]);

        backlog_remove(lane->backlog, &attempt->state->queue, attempt->entries[i]);
        entry.not_before_ms = opens_ms;
        if (backlog_add(lane->backlog, &attempt->state->queue, &entry, now_ms) == ENTRY_NONE) {
            lane_fail(lane, "out of memory");
        }
    }
    lane_schedule(lane);
    return true;
}

/* Adds what is queued and may go in the same request. Bodies that are not at hand are asked for the first time round.
 * Whether it is done, and not waiting for such. */
static bool
gather(struct attempt *attempt)
{
    struct lane *lane = attempt->lane;
    const struct operation *operation = attempt->operation;
    bool first_time = !attempt->gathered;
    entry_t entry = queue_head(lane->backlog, &attempt->state->queue);

    attempt->gathered = true;
    for (int i = 0; i < CANDIDATES_MAX && entry != ENTRY_NONE && attempt->count < operation->gather_max &&
                    arena_bytes(attempt->arena) < GATHER_BYTES_MAX;
         i++) {
        entry_t next = queue_next(lane->backlog, &attempt->state->queue, entry);
        int64_t offset = backlog_entry(lane->backlog, entry).offset;
        const struct consumed *record = record_reader_kept(lane->bodies, offset);
        struct command *command = record == NULL ? NULL : parse(attempt, entry, record);

        if (record == NULL && first_time && attempt->fetching < operation->gather_max) {
            fetch_body(attempt, offset);
        }
        if (command != NULL && slice_is(command->name, operation->command) &&
            operation->gathers_with(attempt->commands[0], command)) {
            backlog_take(lane->backlog, &attempt->state->queue, entry);
            if (!attempt_add(attempt, entry, command)) {
                return true;
            }
        }
        entry = next;
    }
    return attempt->fetching == 0;
}

static bool
compose(struct attempt *attempt, struct error *error)
{
    struct composition_input input = {
        .commands = (const struct command *const *)attempt->commands,
        .count = attempt->count,
        .settings = attempt->account->settings,
        .wall_ms = service_now_ms(attempt->service),
        .arena = attempt->arena,
    };

    return attempt->operation->compose(attempt->operation, &input, &attempt->composition, error);
}

/* Composes it; when that cannot be, the first command alone. Whether there is something to send. */
static bool
compose_what_can_be(struct attempt *attempt)
{
    struct error error = {0};

    if (compose(attempt, &error)) {
        return true;
    }
    while (attempt->count > 1) {
        attempt->count--;
        backlog_put_back(attempt->lane->backlog, &attempt->state->queue, attempt->entries[attempt->count]);
        attempt->whole = true;
    }
    if (compose(attempt, &error)) {
        return true;
    }
    refuse_first(attempt, error.text);
    return false;
}

/* All bodies are there. */
static void
loaded(struct attempt *attempt)
{
    struct account_state *state = attempt->state;
    struct lane *lane = attempt->lane;
    int64_t now_ns = service_now_ns(attempt->service);

    weed_out(attempt);
    if (attempt->count == 0 || !lane_alive(lane)) {
        unload(attempt);
        return;
    }
    attempt->operation = operation_find(attempt->account->adapter, attempt->commands[0]->name);
    if (attempt->operation == NULL) {
        refuse_first(attempt, "the account's vendor has no such operation any more");
        unload(attempt);
        return;
    }
    if (postpone(attempt)) {
        unload(attempt);
        return;
    }
    if (attempt->operation->gather_max > 1 && !attempt->whole && !gather(attempt)) {
        return;
    }
    weed_out(attempt);
    if (attempt->count == 0 || !compose_what_can_be(attempt)) {
        unload(attempt);
        return;
    }
    if (lane->state != LANE_WORKING || state->held || !limiter_open(state->limiter, now_ns)) {
        defer(attempt, now_ns);
        return;
    }
    state->loading = NULL;
    attempt_grant(attempt);
}

static void
load(struct attempt *attempt)
{
    if (attempt->arena == NULL) {
        attempt->arena = arena_new(attempt->service->pool, ARENA_BYTES_MAX);
        if (attempt->arena == NULL) {
            lane_fail(attempt->lane, "out of memory");
            return;
        }
    }
    if (load_bodies(attempt)) {
        loaded(attempt);
    }
}

/* --- choosing --- */

/* Whether the queue's head goes, and not the retry (NULL: none is due). Where a thousand commands wait to be tried
 * again something is wrong with the vendor, and the others are better off in the queue; but for what concerns a call.
 */
static bool
goes_before(const struct backlog *backlog, entry_t head, const struct attempt *retry, size_t retry_count)
{
    enum command_priority priority = backlog_entry(backlog, head).priority;

    if (retry != NULL) {
        return priority < backlog_entry(backlog, retry->entries[0]).priority;
    }
    return retry_count < RETRIES_MAX || priority == PRIORITY_CONTROL;
}

/* What goes next, taken from where it waits; NULL when nothing can. */
static struct attempt *
choose(struct account_state *state, int64_t now_ns)
{
    struct backlog *backlog = state->lane->backlog;
    int64_t wakes_ns;
    struct attempt *retry = retry_choose(state, now_ns, &wakes_ns);
    entry_t head = queue_head(backlog, &state->queue);

    if (head != ENTRY_NONE && goes_before(backlog, head, retry, state->retry_count)) {
        backlog_take(backlog, &state->queue, head);
        return attempt_new(state, head);
    }
    if (retry != NULL) {
        retry_remove(state, retry);
    } else {
        account_wake_at(state, wakes_ns);
    }
    return retry;
}

static void
show_closed(struct account_state *state, bool closed)
{
    if (state->closed != closed) {
        state->closed = closed;
        count_level(state->lane->service->tally, LEVEL_ACCOUNTS_CLOSED, closed ? 1 : -1);
    }
}

/* Whether anything may be granted now; when it depends on time alone, the account wakes then. */
static bool
may_grant(struct account_state *state, int64_t now_ns)
{
    struct lane *lane = state->lane;

    show_closed(state, limiter_closed_until(state->limiter) > now_ns);
    if (lane->state != LANE_WORKING || state->held || state->loading != NULL) {
        return false;
    }
    if (outbox_intents(lane->outbox) >= INTENTS_MAX) {
        state->again = lane->crowded = true;
        return false;
    }
    if (!limiter_open(state->limiter, now_ns)) {
        account_wake_at(state, limiter_opens_at(state->limiter, now_ns));
        return false;
    }
    return true;
}

void
account_dispatch(struct account_state *state)
{
    struct lane *lane = state->lane;
    int64_t now_ns = service_now_ns(lane->service);

    while (may_grant(state, now_ns) &&
           (queue_head(lane->backlog, &state->queue) != ENTRY_NONE || state->retries != NULL)) {
        struct attempt *attempt;

        if (state->account->adapter->calls->token_operation != NULL && !token_ready(state)) {
            return;
        }
        if (!may_grant(state, now_ns)) {
            return; /* the token's own request took the slot */
        }
        if (state->token.state == TOKEN_REFUSED && lane_busy(lane)) {
            account_wake_at(state, now_ns + AGAIN_NS);
            return;
        }
        attempt = choose(state, now_ns);
        if (attempt == NULL) {
            return;
        }
        if (state->token.state == TOKEN_REFUSED) {
            for (size_t i = 0; i < attempt->count; i++) {
                settle_unread(lane, attempt->entries[i], RESULT_FAILED, call_codes[CALL_CREDENTIALS],
                              "the vendor gave no token for the account's credentials");
            }
            attempt_free(attempt);
            continue;
        }
        attempt->phase = ATTEMPT_LOADING;
        state->loading = attempt;
        load(attempt);
        now_ns = service_now_ns(lane->service);
    }
}

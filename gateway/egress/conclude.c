/* Conclusion: what the end of a request means for its slot, for its commands, and whether they are tried again. */
#include "egress/attempt.h"

#include "base/log.h"
#include "base/random.h"
#include "calls/call.h"

#define NS_PER_MS       1000000LL
#define NS_PER_SECOND   1000000000LL
#define BACKOFF_LAST_MS 60000U
#define SAFE_TRIES_MAX  10 /* of an operation that is safe to repeat, while nobody knows what is wrong */
#define WINDOW_SECONDS  60 /* for which an account without a limit of ours is closed when the vendor says so */

/* --- the meaning --- */

/* Fills in the attempt's answer; *reason is our own sentence, where the vendor said nothing. */
static void
interpret(struct attempt *attempt, const struct call_outcome *outcome, struct slice *reason)
{
    struct vendor_answer *answer = &attempt->answer;
    struct http_answer http = {
        .status = outcome->status,
        .body = arena_copy(attempt->arena, outcome->body),
        .retry_after_ms = outcome->retry_after_ms,
    };

    switch (outcome->end) {
    case CALL_NOT_SENT:
    case CALL_LEASE_OVER:
        *answer = (struct vendor_answer){.code = CALL_UNAVAILABLE, .acted = ACTED_NO, .repeat = REPEAT_BACKING_OFF};
        *reason = arena_printf(attempt->arena, "not sent: %s", outcome->reason);
        break;
    case CALL_UNANSWERED:
        *answer = (struct vendor_answer){.code = CALL_TIMEOUT, .acted = ACTED_MAYBE, .repeat = REPEAT_IF_SAFE};
        *reason = arena_printf(attempt->arena, "sent, and not answered: %s", outcome->reason);
        break;
    case CALL_BROKEN:
        *answer = (struct vendor_answer){
            .code = outcome->timed_out ? CALL_TIMEOUT : CALL_INTERNAL, .acted = ACTED_MAYBE, .repeat = REPEAT_IF_SAFE};
        *reason = arena_printf(attempt->arena, "the answer could not be used: %s", outcome->reason);
        break;
    case CALL_ANSWERED:
        attempt->account->adapter->calls->interpret(
            &(struct interpretation){
                .operation = attempt->operation,
                .answer = &http,
                .overrides = attempt->account->codes,
                .command_count = attempt->count,
                .arena = attempt->arena,
            },
            answer);
        attempt->answered = true;
        if (answer->code != CALL_OK && slice_empty(answer->vendor_code) && slice_empty(answer->vendor_message)) {
            *reason = arena_printf(attempt->arena, "answered with HTTP status %u and nothing that the vendor documents",
                                   outcome->status);
        }
        break;
    }
}

/* --- the slot --- */

/* Gives the slot back; how long it cools from now on, for the journal. */
static int64_t
release(struct attempt *attempt, enum call_end end, int64_t now_ns)
{
    const struct call_limits *limits = &attempt->account->limits;
    int64_t cool_ms = limits->window_seconds * 1000LL + LIMITER_MARGIN_NS / NS_PER_MS;

    if (end == CALL_UNANSWERED) {
        limiter_given_up(attempt->state->limiter, attempt->slot, now_ns);
        cool_ms += limits->straggler_seconds * 1000LL;
    } else {
        limiter_answered(attempt->state->limiter, attempt->slot, now_ns);
    }
    return limits->requests == 0 ? 0 : cool_ms;
}

/* The vendor says that the limit is spent: closes the account; for how long. */
static int64_t
close_account(struct attempt *attempt, int64_t now_ns)
{
    const struct call_limits *limits = &attempt->account->limits;
    int64_t closed_ms = attempt->answer.wait_ms;

    if (closed_ms <= 0) {
        closed_ms = (limits->window_seconds == 0 ? WINDOW_SECONDS : limits->window_seconds) * 1000LL;
    }
    limiter_close(attempt->state->limiter, now_ns + closed_ms * NS_PER_MS);
    count_happening(attempt->service->tally, HAPPENED_LIMIT_REFUSAL);
    log_warn("account_closed", log_slice("account", attempt->account->name),
             log_slice("vendor_code", attempt->answer.vendor_code), log_integer("milliseconds", closed_ms));
    return closed_ms;
}

/* --- the commands --- */

static void
settle_all(struct attempt *attempt, struct slice reason)
{
    const struct vendor_answer *answer = &attempt->answer;
    struct settlement settlement = {
        .code = call_codes[answer->code],
        .reason = reason,
        .dispatched_ms = attempt->dispatched_ms,
        .answered_ms = attempt->answered ? attempt->answered_ms : 0,
        .vendor_code = answer->vendor_code,
        .vendor_message = answer->vendor_message,
        .answer = answer->answer,
        .uncorrelated = attempt->composition.uncorrelated,
    };

    if (answer->code == CALL_OK) {
        settlement.status = RESULT_SUCCEEDED;
    } else if (answer->acted == ACTED_MAYBE && !attempt->operation->safe_to_repeat) {
        settlement.status = RESULT_UNKNOWN;
    } else {
        settlement.status = RESULT_FAILED;
    }
    for (size_t i = 0; i < attempt->count; i++) {
        settlement.attempts = backlog_entry(attempt->lane->backlog, attempt->entries[i]).attempts;
        settlement.item_id = answer->item_ids == NULL ? (struct slice){0} : answer->item_ids[i];
        settle(attempt->lane, attempt->entries[i], attempt->commands[i], &settlement);
    }
}

static int64_t
backed_off_ns(struct attempt *attempt, int64_t now_ns)
{
    unsigned shift = attempt->failures < 6 ? attempt->failures : 6;
    unsigned delay_ms = 1000U << shift;

    delay_ms = delay_ms > BACKOFF_LAST_MS ? BACKOFF_LAST_MS : delay_ms;
    attempt->failures++;
    return now_ns + (delay_ms / 2 + random_below(delay_ms)) * NS_PER_MS;
}

/* The earliest deadline of its commands: there is nothing to wait for behind it. */
static int64_t
until_deadline(const struct attempt *attempt, int64_t at_ns, int64_t now_ns)
{
    int64_t now_ms = service_now_ms(attempt->service);

    for (size_t i = 0; i < attempt->count; i++) {
        int64_t left_ms = backlog_entry(attempt->lane->backlog, attempt->entries[i]).deadline_ms - now_ms;

        left_ms = left_ms < 0 ? 0 : left_ms;
        at_ns = left_ms < (at_ns - now_ns) / NS_PER_MS ? now_ns + left_ms * NS_PER_MS : at_ns;
    }
    return at_ns;
}

static void
retry_all(struct attempt *attempt, int64_t at_ns, int64_t now_ns)
{
    attempt->whole = true;
    (void)attempt_retry(attempt, 0, attempt->count, until_deadline(attempt, at_ns, now_ns));
}

static void
retry_halves(struct attempt *attempt, int64_t now_ns)
{
    size_t half = attempt->count / 2;

    attempt->whole = true;
    if (attempt_retry(attempt, 0, half, now_ns)) {
        (void)attempt_retry(attempt, half, attempt->count - half, now_ns);
    }
}

/* Whether its commands are tried again; then they wait already. */
static bool
repeat(struct attempt *attempt, int64_t closed_until_ns, int64_t now_ns)
{
    if (attempt->answer.acted != ACTED_NO && !attempt->operation->safe_to_repeat) {
        return false; /* whatever a table of codes says */
    }
    switch (attempt->answer.repeat) {
    case REPEAT_IF_SAFE:
        if (!attempt->operation->safe_to_repeat || attempt->failures >= SAFE_TRIES_MAX) {
            return false;
        }
        retry_all(attempt, backed_off_ns(attempt, now_ns), now_ns);
        return true;
    case REPEAT_BACKING_OFF:
        retry_all(attempt, backed_off_ns(attempt, now_ns), now_ns);
        return true;
    case REPEAT_AFTER_WINDOW:
        retry_all(attempt, closed_until_ns, now_ns);
        return true;
    case REPEAT_FRESH:
        if (attempt->fresh_spent) {
            return false;
        }
        attempt->fresh_spent = true;
        retry_all(attempt, now_ns, now_ns);
        return true;
    case REPEAT_FRESH_TOKEN:
        token_spoiled(attempt->state, attempt->token_generation);
        if (attempt->token_spent) {
            return false;
        }
        attempt->token_spent = true;
        retry_all(attempt, now_ns, now_ns);
        return true;
    case REPEAT_HALVED:
        if (attempt->count == 1) {
            return false;
        }
        retry_halves(attempt, now_ns);
        return true;
    case REPEAT_NEVER:
        return false;
    }
    return false;
}

static void
write_answered(struct attempt *attempt, int64_t cool_ms, int64_t closed_ms)
{
    outbox_journal(attempt->lane->outbox, &(struct journal_entry){
                                              .kind = JOURNAL_ANSWERED,
                                              .account = attempt->account->name,
                                              .attempt = attempt->id,
                                              .cool_ms = cool_ms,
                                              .closed_ms = closed_ms,
                                          });
}

static void
log_end(const struct attempt *attempt, const struct call_outcome *outcome)
{
    const struct vendor_answer *answer = &attempt->answer;

    if (answer->code != CALL_OK) {
        log_info("call_failed", log_slice("account", attempt->account->name),
                 log_text("operation", attempt->operation->command), log_text("end", call_ends[outcome->end]),
                 log_text("code", call_codes[answer->code]), log_slice("vendor_code", answer->vendor_code),
                 log_text("reason", outcome->reason));
    }
    if (answer->items_missing) {
        count_happening(attempt->service->tally, HAPPENED_ITEMS_MISSING);
    }
}

/* It was sent, or tried to, and its lane is still there. */
static void
conclude_alive(struct attempt *attempt, const struct call_outcome *outcome, struct slice reason)
{
    struct account_state *state = attempt->state;
    struct lane *lane = attempt->lane;
    int64_t now_ns = service_now_ns(attempt->service);
    int64_t cool_ms = release(attempt, outcome->end, now_ns);
    int64_t closed_ms = attempt->answer.repeat == REPEAT_AFTER_WINDOW ? close_account(attempt, now_ns) : 0;

    if (outcome->end != CALL_NOT_SENT) {
        for (size_t i = 0; i < attempt->count; i++) {
            backlog_count_attempt(lane->backlog, attempt->entries[i]);
        }
    }
    write_answered(attempt, cool_ms, closed_ms);
    if (attempt->count == 0) {
        token_concluded(attempt);
    } else if (!repeat(attempt, now_ns + closed_ms * NS_PER_MS, now_ns)) {
        settle_all(attempt, reason);
    }
    if (lane_alive(lane)) {
        outbox_conclude(lane->outbox, attempt);
        account_dispatch(state);
    } else {
        attempt_free(attempt);
    }
}

void
conclude(struct attempt *attempt, const struct call_outcome *outcome)
{
    struct slice reason = {0};
    bool alive = attempt->lane != NULL && lane_alive(attempt->lane);

    attempt_ended(attempt);
    if (outcome->end == CALL_LEASE_OVER && alive) {
        count_happening(attempt->service->tally, HAPPENED_LEASE_OVER);
        conclude_returned(attempt, 0);
        return;
    }
    attempt->answered_ms = service_now_ms(attempt->service);
    interpret(attempt, outcome, &reason);
    count_request(attempt->service->tally, attempt->account->adapter, attempt->answer.code,
                  service_now_ns(attempt->service) - attempt->granted_ns);
    log_end(attempt, outcome);
    if (!alive) {
        attempt_publish_late(attempt);
        attempt_free(attempt);
        return;
    }
    conclude_alive(attempt, outcome, reason);
}

void
conclude_returned(struct attempt *attempt, int64_t wait_ns)
{
    struct account_state *state = attempt->state;
    struct lane *lane = attempt->lane;
    int64_t now_ns = service_now_ns(attempt->service);

    attempt_ended(attempt);
    limiter_returned(state->limiter, attempt->slot);
    outbox_journal(lane->outbox, &(struct journal_entry){
                                     .kind = JOURNAL_RETURNED,
                                     .account = attempt->account->name,
                                     .attempt = attempt->id,
                                 });
    if (attempt->count == 0) {
        token_concluded(attempt);
    } else {
        (void)attempt_retry(attempt, 0, attempt->count, until_deadline(attempt, now_ns + wait_ns, now_ns));
    }
    if (lane_alive(lane)) {
        outbox_conclude(lane->outbox, attempt);
        account_dispatch(state);
    } else {
        attempt_free(attempt);
    }
}

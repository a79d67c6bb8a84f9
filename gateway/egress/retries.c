/* Retries: the attempts of an account that wait for their time, oldest first. */
#include <stdlib.h>

#include "egress/attempt.h"

void
retry_push(struct account_state *state, struct attempt *attempt)
{
    struct attempt **last = &state->retries;

    while (*last != NULL) {
        last = &(*last)->next;
    }
    attempt->next = NULL;
    attempt->phase = ATTEMPT_WAITING;
    *last = attempt;
    state->retry_count++;
}

void
retry_remove(struct account_state *state, struct attempt *attempt)
{
    struct attempt **place = &state->retries;

    while (*place != attempt) {
        place = &(*place)->next;
    }
    *place = attempt->next;
    attempt->next = NULL;
    state->retry_count--;
}

bool
attempt_retry(struct attempt *attempt, size_t first, size_t count, int64_t not_before_ns)
{
    struct attempt *retry = attempt_new(attempt->state, ENTRY_NONE);

    if (retry == NULL) {
        return false;
    }
    for (size_t i = first; i < first + count; i++) {
        if (!attempt_add(retry, attempt->entries[i], NULL)) {
            attempt_free(retry);
            return false;
        }
    }
    retry->whole = attempt->whole;
    retry->fresh_spent = attempt->fresh_spent;
    retry->token_spent = attempt->token_spent;
    retry->failures = attempt->failures;
    retry->not_before_ns = not_before_ns;
    retry_push(attempt->state, retry);
    return true;
}

/* The attempt goes without that command, or not at all. */
static void
drop(struct attempt *attempt, size_t index)
{
    attempt_drop_command(attempt, index);
    if (attempt->count == 0) {
        retry_remove(attempt->state, attempt);
        attempt_free(attempt);
    }
}

bool
attempt_withdraw(struct account_state *state, entry_t entry, bool *waiting)
{
    struct attempt *attempt = state->loading;

    *waiting = false;
    for (size_t i = 0; attempt != NULL && i < attempt->count; i++) {
        if (attempt->entries[i] == entry) {
            backlog_note(state->lane->backlog, entry, NOTE_CANCELLED);
            return true;
        }
    }
    for (attempt = state->retries; attempt != NULL; attempt = attempt->next) {
        for (size_t i = 0; i < attempt->count; i++) {
            if (attempt->entries[i] == entry) {
                drop(attempt, i);
                *waiting = true;
                return true;
            }
        }
    }
    return false;
}

struct attempt *
retry_choose(struct account_state *state, int64_t now_ns, int64_t *wakes_ns)
{
    struct attempt *best = NULL;
    enum command_priority best_priority = PRIORITY_COUNT;

    *wakes_ns = INT64_MAX;
    for (struct attempt *attempt = state->retries; attempt != NULL; attempt = attempt->next) {
        enum command_priority priority = backlog_entry(state->lane->backlog, attempt->entries[0]).priority;

        if (attempt->not_before_ns > now_ns) {
            *wakes_ns = attempt->not_before_ns < *wakes_ns ? attempt->not_before_ns : *wakes_ns;
        } else if (priority < best_priority) {
            best = attempt;
            best_priority = priority;
        }
    }
    return best;
}

/* Takes a command whose time is over out of the attempt; ENTRY_NONE: there is none. */
static entry_t
drop_expired(struct attempt *attempt, int64_t now_ms)
{
    for (size_t i = 0; i < attempt->count; i++) {
        entry_t entry = attempt->entries[i];

        if (backlog_entry(attempt->lane->backlog, entry).deadline_ms <= now_ms) {
            drop(attempt, i);
            return entry;
        }
    }
    return ENTRY_NONE;
}

void
retry_expire(struct account_state *state)
{
    struct lane *lane = state->lane;
    int64_t now_ms = service_now_ms(lane->service);
    struct attempt *attempt = state->retries;

    while (attempt != NULL && lane_alive(lane) && !lane_busy(lane)) {
        struct attempt *next = attempt->next;
        entry_t entry = drop_expired(attempt, now_ms);

        if (entry == ENTRY_NONE) {
            attempt = next;
            continue;
        }
        settle_unread(lane, entry, RESULT_EXPIRED, "", "its time was over before it could be sent");
        attempt = state->retries; /* it may have set others going */
    }
}

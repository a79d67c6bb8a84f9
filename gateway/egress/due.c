/* What comes due in a lane: deadlines, times before which a command may not go, and open fates. */
#include <stdlib.h>

#include "egress/attempt.h"
#include "egress/timer.h"

#define AT_ONCE  500 /* commands, before others get their turn */
#define AGAIN_MS 20
#define ROUND_MS 1000

/* A command of which nobody knows yet whether it was carried out. */
struct open_fate {
    entry_t entry;
    bool safe;
    int64_t due_ns;
    struct open_fate *next;
};

void
lane_schedule(struct lane *lane)
{
    int64_t due_ms = backlog_due_at(lane->backlog);
    int64_t left_ms;

    if (due_ms == INT64_MAX || lane->state != LANE_WORKING) {
        return;
    }
    left_ms = due_ms - service_now_ms(lane->service);
    left_ms = left_ms < 0 ? 0 : left_ms > ROUND_MS ? ROUND_MS : left_ms;
    /* At most a round: wall time may be set anew. */
    timer_after_ms(lane->due, left_ms);
}

bool
lane_busy(const struct lane *lane)
{
    return lane->settling >= AT_ONCE || outbox_crowded(lane->outbox);
}

/* --- open fates --- */

bool
lane_await_fate(struct lane *lane, entry_t entry, bool safe, int64_t due_ns)
{
    struct open_fate *fate = calloc(1, sizeof *fate);

    if (fate == NULL) {
        return false;
    }
    *fate = (struct open_fate){entry, safe, due_ns, lane->fates};
    lane->fates = fate;
    return true;
}

void
lane_await_longer(struct lane *lane, entry_t entry, int64_t due_ns)
{
    for (struct open_fate *fate = lane->fates; fate != NULL; fate = fate->next) {
        if (fate->entry == entry && fate->due_ns < due_ns) {
            fate->due_ns = due_ns;
        }
    }
}

/* As many as may be settled at once. */
static void
resolve_fates(struct lane *lane)
{
    int64_t now_ns = service_now_ns(lane->service);
    struct open_fate **place = &lane->fates;

    while (*place != NULL && lane_alive(lane) && !lane_busy(lane)) {
        struct open_fate *fate = *place;

        if (fate->due_ns > now_ns) {
            place = &fate->next;
            continue;
        }
        *place = fate->next;
        if (fate->safe) {
            intake_again(lane, fate->entry);
        } else {
            settle_unread(
                lane, fate->entry, RESULT_UNKNOWN, call_codes[CALL_TIMEOUT],
                "the worker that was about to send it, or had sent it, is gone: it may have been carried out");
        }
        free(fate);
    }
}

void
lane_free_fates(struct lane *lane)
{
    while (lane->fates != NULL) {
        struct open_fate *fate = lane->fates;

        lane->fates = fate->next;
        free(fate);
    }
}

/* --- all of it --- */

void
lane_on_due(evutil_socket_t fd, short events, void *argument)
{
    struct lane *lane = argument;
    int64_t now_ms = service_now_ms(lane->service);

    (void)fd;
    (void)events;
    if (lane->state == LANE_WORKING) {
        resolve_fates(lane);
    }
    for (int i = 0; i < AT_ONCE && lane->state == LANE_WORKING && !lane_busy(lane); i++) {
        bool expired;
        entry_t number = backlog_due(lane->backlog, now_ms, lane_queue, lane, &expired);
        struct entry entry;

        if (number == ENTRY_NONE) {
            break;
        }
        entry = backlog_entry(lane->backlog, number);
        if (expired) {
            settle_unread(lane, number, RESULT_EXPIRED, "", "its time was over before it could be sent");
        } else if (entry.account == STRANGERS) {
            backlog_take(lane->backlog, &lane->strangers, number);
            settle_unread(lane, number, RESULT_FAILED, "unknown_account",
                          "no such account is configured; it was waited for");
        } else {
            account_dispatch(lane->accounts[entry.account]);
        }
    }
    if (lane_busy(lane)) {
        timer_after_ms(lane->due, AGAIN_MS);
    } else {
        lane_schedule(lane);
    }
}

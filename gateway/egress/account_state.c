/* An account's state in a lane: made when its first command comes, kept until the lane ends. */
#include "egress/account_state.h"

#include <event2/event.h>
#include <stdlib.h>

#include "base/random.h"
#include "egress/lane_state.h"

#define NS_PER_SECOND 1000000000LL
#define MINUTE_MS     60000LL
#define DAY_MINUTES   1440

static void
on_wake(evutil_socket_t fd, short events, void *argument)
{
    (void)fd;
    (void)events;
    account_dispatch(argument);
}

struct account_state *
account_state_new(struct lane *lane, const struct account *account)
{
    struct account_state *state = calloc(1, sizeof *state);

    if (state == NULL) {
        return NULL;
    }
    state->lane = lane;
    state->account = account;
    queue_init(&state->queue);
    state->limiter = limiter_new(&(struct limiter_settings){
        .requests = account->limits.requests,
        .window_ns = account->limits.window_seconds * NS_PER_SECOND,
        .straggler_ns = account->limits.straggler_seconds * NS_PER_SECOND,
        .concurrency = account->limits.concurrency,
    });
    state->wake = evtimer_new(lane->service->base, on_wake, state);
    if (state->limiter == NULL || state->wake == NULL || !random_bytes(&state->nonce, sizeof state->nonce)) {
        account_state_free(state);
        return NULL;
    }
    return state;
}

void
account_state_free(struct account_state *state)
{
    if (state == NULL) {
        return;
    }
    if (state->wake != NULL) {
        event_free(state->wake);
    }
    token_free(&state->token);
    limiter_free(state->limiter);
    free(state);
}

void
account_wake_at(struct account_state *state, int64_t at_ns)
{
    int64_t left_us;
    struct timeval delay;

    if (at_ns == INT64_MAX) {
        return;
    }
    left_us = (at_ns - service_now_ns(state->lane->service) + 999) / 1000;
    left_us = left_us < 0 ? 0 : left_us;
    delay = (struct timeval){.tv_sec = left_us / 1000000, .tv_usec = left_us % 1000000};
    if (evtimer_pending(state->wake, NULL)) {
        struct timeval due, now;

        (void)event_pending(state->wake, EV_TIMEOUT, &due);
        evutil_gettimeofday(&now, NULL);
        evutil_timeradd(&now, &delay, &now);
        if (evutil_timercmp(&due, &now, <=)) {
            return; /* it wakes sooner anyway, and will look again */
        }
    }
    (void)evtimer_add(state->wake, &delay);
}

/* The minute of the account's day. */
static int
minute_of_day(const struct account *account, int64_t now_ms)
{
    struct timestamp local = timestamp_from_unix_ms(now_ms, account->zone);
    int64_t minutes = now_ms / MINUTE_MS + local.offset_minutes;

    return (int)(minutes % DAY_MINUTES);
}

bool
account_hours_open(const struct account *account, int64_t now_ms, int64_t *opens_ms)
{
    int minute;
    int wait = DAY_MINUTES;

    if (account->hour_count == 0) {
        return true;
    }
    minute = minute_of_day(account, now_ms);
    for (size_t i = 0; i < account->hour_count; i++) {
        const struct calling_hours *hours = &account->hours[i];
        int until = (hours->from_minute - minute + DAY_MINUTES) % DAY_MINUTES;

        if (minute >= hours->from_minute && minute < hours->to_minute) {
            return true;
        }
        wait = until < wait ? until : wait;
    }
    *opens_ms = (now_ms / MINUTE_MS + wait) * MINUTE_MS;
    return false;
}

/* The limiter keeps one account within its vendor's rate: N slots, each of which serves at most one request in any
 * window at the vendor's door, wherever in its time on the wire the vendor counts it.
 *
 *   free → granted → in flight → cooling until answer + window + margin → free
 *
 * A request that was not answered cools from the give-up for as long as the vendor could still take it in (straggler),
 * plus window and margin. Time is boot time in nanoseconds, handed in. Nothing here asks for it. */
#pragma once

#include <stdint.h>

#include "base/slice.h"

#define LIMITER_MARGIN_NS 500000000LL

struct limiter_settings {
    unsigned requests; /* slots; 0: no limit, everything below is granted at once */
    int64_t window_ns;
    int64_t straggler_ns;
    unsigned concurrency; /* requests granted or in flight at the same time; 0: no limit */
};

struct limiter;

/* NULL when out of memory. Small: accounts are many. */
struct limiter *limiter_new(const struct limiter_settings *settings);
void limiter_free(struct limiter *limiter); /* NULL is fine */

/* Whether a request may be granted now. */
bool limiter_open(const struct limiter *limiter, int64_t now_ns);
/* Takes a slot; only while open. Returns its number, to be given back with one of the three below, once: a number that
 * is not given out changes nothing. */
uint32_t limiter_grant(struct limiter *limiter, int64_t now_ns);
/* It was never sent, and never will be: free at once. */
void limiter_returned(struct limiter *limiter, uint32_t slot);
/* It was answered, or provably never sent though it was tried: cools from now. */
void limiter_answered(struct limiter *limiter, uint32_t slot, int64_t now_ns);
/* It was sent, wholly or in part, and will not be answered: cools from now, with the straggler on top. */
void limiter_given_up(struct limiter *limiter, uint32_t slot, int64_t now_ns);

/* For the rebuild after a takeover: a slot that another owner used and that is free at that time. One that is past is
 * nothing. When there are more than slots, the latest count. */
void limiter_restore(struct limiter *limiter, int64_t free_ns);

/* The vendor has said that the limit is spent: nothing is granted before that time. An earlier time than one said
 * before changes nothing. */
void limiter_close(struct limiter *limiter, int64_t until_ns);
int64_t limiter_closed_until(const struct limiter *limiter); /* 0: never closed */

/* The earliest time at which limiter_open may become true; now_ns when it is; INT64_MAX when it depends on a request
 * that is still granted or in flight. */
int64_t limiter_opens_at(const struct limiter *limiter, int64_t now_ns);
/* When the request that is so many behind the next one may be expected to go: an estimate for people, that takes what
 * is on its way as answered now. Never less than now_ns. */
int64_t limiter_expected(const struct limiter *limiter, int64_t now_ns, uint64_t behind);

unsigned limiter_used(const struct limiter *limiter);                    /* granted or in flight */
unsigned limiter_cooling(const struct limiter *limiter, int64_t now_ns); /* slots */

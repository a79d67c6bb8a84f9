/* The limiter's slots: which numbers are given out, and from when on each of the others is free again. */
#include "egress/limiter.h"

#include <stdlib.h>

#define WORD_BITS 64

struct limiter {
    struct limiter_settings settings;
    int64_t closed_until_ns;
    unsigned used;     /* granted or in flight */
    unsigned cooling;  /* times in free_ns; some may be past. With used it may be more than there are slots, after a
                        * rebuild: then as many more have to pass before one is free */
    unsigned next;     /* where a number to give out is looked for first */
    int64_t free_ns[]; /* room for one a slot: when those that cool are free, the latest first; behind it the taken
                        * numbers, a bit each */
};

static uint64_t *
taken_bits(struct limiter *limiter)
{
    return (uint64_t *)(limiter->free_ns + limiter->settings.requests);
}

struct limiter *
limiter_new(const struct limiter_settings *settings)
{
    size_t words = ((size_t)settings->requests + WORD_BITS - 1) / WORD_BITS;
    struct limiter *limiter =
        calloc(1, sizeof *limiter + settings->requests * sizeof(int64_t) + words * sizeof(uint64_t));

    if (limiter != NULL) {
        limiter->settings = *settings;
    }
    return limiter;
}

void
limiter_free(struct limiter *limiter)
{
    free(limiter);
}

static bool
limited(const struct limiter *limiter)
{
    return limiter->settings.requests > 0;
}

/* For which an answered request cools. */
static int64_t
period_ns(const struct limiter *limiter)
{
    return limiter->settings.window_ns + LIMITER_MARGIN_NS;
}

/* --- those that cool --- */

/* How many of them are free only after that time. */
static unsigned
later_than(const struct limiter *limiter, int64_t at_ns)
{
    unsigned low = 0;
    unsigned high = limiter->cooling;

    while (low < high) {
        unsigned middle = low + (high - low) / 2;

        if (limiter->free_ns[middle] > at_ns) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* When there are as many as slots, the earliest of them changes nothing any more. */
static void
cool(struct limiter *limiter, int64_t free_ns)
{
    unsigned place = later_than(limiter, free_ns);

    if (place == limiter->settings.requests) {
        return;
    }
    if (limiter->cooling == limiter->settings.requests) {
        limiter->cooling--;
    }
    memmove(limiter->free_ns + place + 1, limiter->free_ns + place,
            (limiter->cooling - place) * sizeof *limiter->free_ns);
    limiter->free_ns[place] = free_ns;
    limiter->cooling++;
}

void
limiter_restore(struct limiter *limiter, int64_t free_ns)
{
    if (limited(limiter)) {
        cool(limiter, free_ns);
    }
}

/* When a slot is free, as far as time alone decides; INT64_MIN: one is; INT64_MAX: it depends on one that is used. */
static int64_t
slot_free_ns(const struct limiter *limiter)
{
    unsigned slots = limiter->settings.requests;

    if (!limited(limiter) || limiter->used + limiter->cooling < slots) {
        return INT64_MIN;
    }
    /* So that fewer than slots - used of them are still to come. */
    return limiter->used >= slots ? INT64_MAX : limiter->free_ns[slots - limiter->used - 1];
}

/* --- granting --- */

int64_t
limiter_opens_at(const struct limiter *limiter, int64_t now_ns)
{
    int64_t opens_ns = slot_free_ns(limiter);

    if (limiter->settings.concurrency > 0 && limiter->used >= limiter->settings.concurrency) {
        return INT64_MAX;
    }
    opens_ns = opens_ns > limiter->closed_until_ns ? opens_ns : limiter->closed_until_ns;
    return opens_ns > now_ns ? opens_ns : now_ns;
}

bool
limiter_open(const struct limiter *limiter, int64_t now_ns)
{
    return limiter_opens_at(limiter, now_ns) <= now_ns;
}

/* A number that is not given out. One round of the words finds it, as no more than slots are used at a time. */
static uint32_t
take_number(struct limiter *limiter)
{
    uint64_t *taken = taken_bits(limiter);
    unsigned slots = limiter->settings.requests;

    for (unsigned tried = 0; tried <= slots / WORD_BITS + 1; tried++) {
        unsigned word = limiter->next / WORD_BITS;
        uint64_t free_bits = ~taken[word] & UINT64_MAX << limiter->next % WORD_BITS;
        unsigned number = word * WORD_BITS + (free_bits == 0 ? 0 : (unsigned)__builtin_ctzll(free_bits));

        if (free_bits != 0 && number < slots) {
            taken[word] |= UINT64_C(1) << number % WORD_BITS;
            limiter->next = number + 1 == slots ? 0 : number + 1;
            return number;
        }
        limiter->next = (word + 1) * WORD_BITS < slots ? (word + 1) * WORD_BITS : 0;
    }
    return UINT32_MAX;
}

uint32_t
limiter_grant(struct limiter *limiter, int64_t now_ns)
{
    uint32_t slot = limited(limiter) ? take_number(limiter) : limiter->next++;

    if (limited(limiter) && slot == UINT32_MAX) {
        return slot; /* it was not open: nothing is granted, and the number is nobody's */
    }
    while (limiter->cooling > 0 && limiter->free_ns[limiter->cooling - 1] <= now_ns) {
        limiter->cooling--;
    }
    limiter->used++;
    return slot;
}

/* Whether the number was given out. One that comes back twice must not free somebody else's slot. */
static bool
give_number(struct limiter *limiter, uint32_t slot)
{
    uint64_t bit = UINT64_C(1) << slot % WORD_BITS;

    if (limited(limiter)) {
        uint64_t *taken = taken_bits(limiter);

        if (slot >= limiter->settings.requests || (taken[slot / WORD_BITS] & bit) == 0) {
            return false;
        }
        taken[slot / WORD_BITS] &= ~bit;
    }
    if (limiter->used == 0) {
        return false;
    }
    limiter->used--;
    return true;
}

void
limiter_returned(struct limiter *limiter, uint32_t slot)
{
    (void)give_number(limiter, slot);
}

void
limiter_answered(struct limiter *limiter, uint32_t slot, int64_t now_ns)
{
    if (give_number(limiter, slot) && limited(limiter)) {
        cool(limiter, now_ns + period_ns(limiter));
    }
}

void
limiter_given_up(struct limiter *limiter, uint32_t slot, int64_t now_ns)
{
    if (give_number(limiter, slot) && limited(limiter)) {
        cool(limiter, now_ns + limiter->settings.straggler_ns + period_ns(limiter));
    }
}

/* --- closing --- */

void
limiter_close(struct limiter *limiter, int64_t until_ns)
{
    if (until_ns > limiter->closed_until_ns) {
        limiter->closed_until_ns = until_ns;
    }
}

int64_t
limiter_closed_until(const struct limiter *limiter)
{
    return limiter->closed_until_ns;
}

/* --- what is to be expected --- */

/* The slots as they would be free if what is on its way were answered now, in three groups that are each in order. */
struct forecast {
    const struct limiter *limiter;
    int64_t begin_ns;       /* nothing goes before */
    int64_t answered_ns;    /* of those that are used */
    unsigned idle, used;    /* slots */
    unsigned cooling, soon; /* of the times: all that count; those not after answered_ns */
};

static int64_t
later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static unsigned
least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

static struct forecast
forecast_of(const struct limiter *limiter, int64_t now_ns)
{
    unsigned slots = limiter->settings.requests;
    unsigned sum = limiter->used + limiter->cooling;
    struct forecast forecast = {
        .limiter = limiter,
        .begin_ns = later(now_ns, limiter->closed_until_ns),
        .answered_ns = later(now_ns + period_ns(limiter), limiter->closed_until_ns),
        .idle = sum < slots ? slots - sum : 0,
        .used = limiter->used,
        .cooling = limiter->cooling,
    };
    unsigned excess = sum > slots ? sum - slots : 0;
    unsigned dropped;

    /* Of more than slots the latest count. */
    forecast.soon = limiter->cooling - later_than(limiter, forecast.answered_ns);
    dropped = least(excess, forecast.soon);
    forecast.soon -= dropped;
    forecast.cooling -= dropped;
    forecast.used -= least(excess - dropped, forecast.used);
    return forecast;
}

/* When the slot is free that is so many behind the first. */
static int64_t
forecast_slot(const struct forecast *forecast, unsigned index)
{
    if (index < forecast->idle) {
        return forecast->begin_ns;
    }
    index -= forecast->idle;
    if (index >= forecast->soon) {
        if (index - forecast->soon < forecast->used) {
            return forecast->answered_ns;
        }
        index -= forecast->used;
    }
    return later(forecast->limiter->free_ns[forecast->cooling - 1 - index], forecast->begin_ns);
}

static int64_t
after_rounds(int64_t first_ns, uint64_t rounds, int64_t period)
{
    int64_t wait_ns;
    int64_t at_ns;

    return __builtin_mul_overflow(rounds, period, &wait_ns) || __builtin_add_overflow(first_ns, wait_ns, &at_ns)
               ? INT64_MAX
               : at_ns;
}

/* How many requests can have gone by that time, none of them taking any. */
static uint64_t
gone_by(const struct forecast *forecast, int64_t at_ns)
{
    uint64_t period = (uint64_t)period_ns(forecast->limiter);
    uint64_t count = 0;

    if (at_ns >= forecast->begin_ns) {
        count += forecast->idle * ((uint64_t)(at_ns - forecast->begin_ns) / period + 1);
    }
    if (at_ns >= forecast->answered_ns) {
        count += forecast->used * ((uint64_t)(at_ns - forecast->answered_ns) / period + 1);
    }
    for (unsigned i = 0; i < forecast->cooling; i++) {
        int64_t free_ns = later(forecast->limiter->free_ns[i], forecast->begin_ns);

        count += at_ns < free_ns ? 0 : (uint64_t)(at_ns - free_ns) / period + 1;
    }
    return count;
}

int64_t
limiter_expected(const struct limiter *limiter, int64_t now_ns, uint64_t behind)
{
    unsigned slots = limiter->settings.requests;
    struct forecast forecast;
    int64_t from_ns;
    int64_t to_ns;

    if (!limited(limiter)) {
        return later(now_ns, limiter->closed_until_ns);
    }
    forecast = forecast_of(limiter, now_ns);
    from_ns = forecast_slot(&forecast, 0);
    to_ns = forecast_slot(&forecast, slots - 1);
    if (to_ns - from_ns <= period_ns(limiter)) { /* each in its turn */
        return after_rounds(forecast_slot(&forecast, (unsigned)(behind % slots)), behind / slots, period_ns(limiter));
    }
    /* Some slot is out for so long that others go twice before: by to_ns each has gone often enough. */
    to_ns = after_rounds(to_ns, behind / slots, period_ns(limiter));
    while (to_ns - from_ns > 1000000) { /* to a millisecond */
        int64_t middle_ns = from_ns + (to_ns - from_ns) / 2;

        if (gone_by(&forecast, middle_ns) > behind) {
            to_ns = middle_ns;
        } else {
            from_ns = middle_ns;
        }
    }
    return to_ns;
}

unsigned
limiter_used(const struct limiter *limiter)
{
    return limiter->used;
}

unsigned
limiter_cooling(const struct limiter *limiter, int64_t now_ns)
{
    return later_than(limiter, now_ns);
}

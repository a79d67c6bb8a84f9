/* The limiter at the vendor's door: thousands of simulated ones, none of which may see too many requests in any window,
 * and each of which sees all that may come. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dice.h"
#include "egress/limiter.h"

#define SECOND_NS 1000000000LL
#define MS_NS     1000000LL
#define START_NS  (5000 * SECOND_NS)
#define SEEDS     4000

static const struct limiter_settings seven_moor = {20, 60 * SECOND_NS, 300 * SECOND_NS, 64};

struct request {
    int64_t granted_ns, ends_ns, arrives_ns;
    uint32_t slot;
    enum { ANSWERED, GIVEN_UP, RETURNED } end;
};

struct door {
    struct chance dice;
    struct limiter_settings settings;
    struct limiter *limiter;
    int64_t now_ns, timeout_ns;
    unsigned lost_percent, returned_percent, restart_per_thousand, pause_percent;
    struct request flying[64];
    unsigned flying_count;
    int64_t cooling[4096]; /* what the journal knows: when each ended request's slot is free */
    unsigned cooling_count;
    int64_t arrivals[4096];
    unsigned arrival_count;
};

/* The vendor may count it at any time on its way; the ends of that time are where mistakes show. */
static int64_t
arrival(struct door *door, int64_t from_ns, int64_t to_ns)
{
    switch (dice_below(&door->dice, 3)) {
    case 0:
        return from_ns;
    case 1:
        return to_ns;
    default:
        return dice_between(&door->dice, from_ns, to_ns);
    }
}

static void
send(struct door *door)
{
    struct request *request = &door->flying[door->flying_count++];
    int64_t took_ns = dice_between(&door->dice, 0, dice_percent(&door->dice, 50) ? SECOND_NS : door->timeout_ns);

    request->slot = limiter_grant(door->limiter, door->now_ns);
    request->granted_ns = door->now_ns;
    request->end = dice_percent(&door->dice, door->returned_percent) ? RETURNED
                   : dice_percent(&door->dice, door->lost_percent)   ? GIVEN_UP
                                                                     : ANSWERED;
    request->ends_ns = door->now_ns + (request->end == GIVEN_UP ? door->timeout_ns : took_ns);
    request->arrives_ns = arrival(door, request->granted_ns,
                                  request->ends_ns + (request->end == GIVEN_UP ? door->settings.straggler_ns : 0));
}

static void
conclude(struct door *door, unsigned index)
{
    struct request request = door->flying[index];
    int64_t free_ns = request.ends_ns + door->settings.window_ns + LIMITER_MARGIN_NS;

    door->flying[index] = door->flying[--door->flying_count];
    switch (request.end) {
    case RETURNED:
        limiter_returned(door->limiter, request.slot);
        return;
    case GIVEN_UP:
        limiter_given_up(door->limiter, request.slot, request.ends_ns);
        free_ns += door->settings.straggler_ns;
        break;
    case ANSWERED:
        limiter_answered(door->limiter, request.slot, request.ends_ns);
        break;
    }
    door->cooling[door->cooling_count++] = free_ns;
    door->arrivals[door->arrival_count++] = request.arrives_ns;
}

/* The owner dies. What was on its way may arrive as late as a request can, and the next owner knows only that. */
static void
restart(struct door *door)
{
    struct limiter *limiter = limiter_new(&door->settings);

    for (unsigned i = 0; i < door->flying_count; i++) {
        int64_t latest_ns = door->flying[i].granted_ns + door->timeout_ns + door->settings.straggler_ns;

        door->arrivals[door->arrival_count++] = arrival(door, door->flying[i].granted_ns, latest_ns);
        door->cooling[door->cooling_count++] = latest_ns + door->settings.window_ns + LIMITER_MARGIN_NS;
    }
    door->flying_count = 0;
    for (unsigned i = door->cooling_count; i-- > 0;) {
        limiter_restore(limiter, door->cooling[i]);
    }
    limiter_free(door->limiter);
    door->limiter = limiter;
    door->now_ns += dice_between(&door->dice, 0, 20 * SECOND_NS);
}

/* The request that ends first; -1: none is on its way. */
static int
next_to_end(const struct door *door)
{
    int first = -1;

    for (unsigned i = 0; i < door->flying_count; i++) {
        if (first < 0 || door->flying[i].ends_ns < door->flying[first].ends_ns) {
            first = (int)i;
        }
    }
    return first;
}

static void
assert_counts(const struct door *door)
{
    unsigned cooling = 0;

    for (unsigned i = 0; i < door->cooling_count; i++) {
        cooling += door->cooling[i] > door->now_ns ? 1 : 0;
    }
    cooling = cooling < door->settings.requests ? cooling : door->settings.requests;
    assert_int_equal(limiter_used(door->limiter), door->flying_count);
    assert_int_equal(limiter_cooling(door->limiter, door->now_ns), cooling);
    assert_true(door->settings.concurrency == 0 || door->flying_count <= door->settings.concurrency);
}

/* On to whatever comes first: an end, or the time at which the limiter says that it opens. */
static void
step(struct door *door)
{
    int64_t opens_ns = limiter_opens_at(door->limiter, door->now_ns);
    int ends = next_to_end(door);

    if (ends >= 0 && door->flying[ends].ends_ns <= opens_ns) {
        door->now_ns = door->flying[ends].ends_ns > door->now_ns ? door->flying[ends].ends_ns : door->now_ns;
        conclude(door, (unsigned)ends);
        return;
    }
    assert_true(opens_ns < INT64_MAX);
    if (opens_ns > door->now_ns) {
        assert_false(limiter_open(door->limiter, opens_ns - 1));
    }
    assert_true(limiter_open(door->limiter, opens_ns));
    door->now_ns = opens_ns;
}

static void
run(struct door *door, unsigned sends)
{
    unsigned sent = 0;

    while (sent < sends) {
        assert_counts(door);
        if (dice_below(&door->dice, 1000) < door->restart_per_thousand) {
            restart(door);
        } else if (limiter_open(door->limiter, door->now_ns) && !dice_percent(&door->dice, door->pause_percent)) {
            send(door);
            sent++;
        } else if (dice_percent(&door->dice, door->pause_percent) && next_to_end(door) < 0) {
            door->now_ns += dice_between(&door->dice, 0, 2 * door->settings.window_ns);
        } else {
            step(door);
        }
    }
    while (door->flying_count > 0) {
        conclude(door, (unsigned)next_to_end(door));
    }
}

static int
compare_times(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;

    return (left > right) - (left < right);
}

/* Any window, its ends belonging to it, that holds more than so many begins at an arrival. */
static void
assert_never_too_many(struct door *door, uint64_t seed)
{
    unsigned limit = door->settings.requests;

    qsort(door->arrivals, door->arrival_count, sizeof *door->arrivals, compare_times);
    for (unsigned i = 0; i + limit < door->arrival_count; i++) {
        if (door->arrivals[i + limit] - door->arrivals[i] <= door->settings.window_ns) {
            fail_msg("seed %" PRIu64 ": %u arrive within %" PRId64 " ns from %" PRId64 " on", seed, limit + 1,
                     door->arrivals[i + limit] - door->arrivals[i], door->arrivals[i]);
        }
    }
}

static void
no_window_at_the_door_sees_too_many(void **state)
{
    (void)state;
    struct door *door = malloc(sizeof *door);

    assert_non_null(door);
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        memset(door, 0, sizeof *door);
        door->dice.state = seed;
        door->settings = (struct limiter_settings){
            .requests = (unsigned)dice_between(&door->dice, 1, 20),
            .window_ns = dice_between(&door->dice, 1, 60) * SECOND_NS,
            .straggler_ns = dice_percent(&door->dice, 50) ? 0 : dice_between(&door->dice, 0, 300 * SECOND_NS),
            .concurrency = dice_percent(&door->dice, 50) ? 0 : (unsigned)dice_between(&door->dice, 1, 8),
        };
        door->timeout_ns = dice_between(&door->dice, 1, 10) * SECOND_NS;
        door->lost_percent = (unsigned)dice_below(&door->dice, 20);
        door->returned_percent = (unsigned)dice_below(&door->dice, 20);
        door->restart_per_thousand = dice_percent(&door->dice, 50) ? 0 : (unsigned)dice_below(&door->dice, 30);
        door->pause_percent = dice_percent(&door->dice, 50) ? 0 : (unsigned)dice_below(&door->dice, 50);
        door->limiter = limiter_new(&door->settings);
        door->now_ns = START_NS;
        run(door, (unsigned)dice_between(&door->dice, 50, 400));
        assert_never_too_many(door, seed);
        limiter_free(door->limiter);
    }
    free(door);
}

/* What the limit allows is used: with answers after r, that is N requests in window + margin + r. */
static void
endless_demand_uses_what_there_is(void **state)
{
    (void)state;
    static const int64_t took_ns[] = {0, 200 * MS_NS, SECOND_NS, 10 * SECOND_NS, -1};
    struct chance dice = {1};

    for (size_t i = 0; i < sizeof took_ns / sizeof *took_ns; i++) {
        struct limiter *limiter = limiter_new(&seven_moor);
        int64_t period_ns = seven_moor.window_ns + LIMITER_MARGIN_NS;
        int64_t end_ns = START_NS + 500 * period_ns;
        int64_t took_sum_ns = 0;
        struct request flying[20];
        unsigned flying_count = 0;
        uint64_t sent = 0;
        double possible;

        for (int64_t now_ns = START_NS; now_ns < end_ns;) {
            int64_t next_ns = limiter_opens_at(limiter, now_ns);

            while (limiter_open(limiter, now_ns)) {
                int64_t took = took_ns[i] >= 0 ? took_ns[i] : dice_between(&dice, 0, 10 * SECOND_NS);

                flying[flying_count++] =
                    (struct request){.slot = limiter_grant(limiter, now_ns), .ends_ns = now_ns + took};
                took_sum_ns += took;
                sent++;
                next_ns = limiter_opens_at(limiter, now_ns);
            }
            for (unsigned j = 0; j < flying_count; j++) {
                next_ns = flying[j].ends_ns < next_ns ? flying[j].ends_ns : next_ns;
            }
            now_ns = next_ns;
            for (unsigned j = flying_count; j-- > 0;) {
                if (flying[j].ends_ns <= now_ns) {
                    limiter_answered(limiter, flying[j].slot, now_ns);
                    flying[j] = flying[--flying_count];
                }
            }
        }
        possible = 20.0 * (double)(end_ns - START_NS) / ((double)period_ns + (double)took_sum_ns / (double)sent);
        assert_true((double)sent >= 0.99 * possible);
        limiter_free(limiter);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_window_at_the_door_sees_too_many),
        cmocka_unit_test(endless_demand_uses_what_there_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The limiter: single slots, and thousands of simulated vendors' doors at which no window may see too many. */
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

/* --- one thing at a time --- */

static void
a_slot_cools_from_its_answer(void **state)
{
    (void)state;
    struct limiter_settings settings = {.requests = 1, .window_ns = 60 * SECOND_NS, .straggler_ns = 300 * SECOND_NS};
    struct limiter *limiter = limiter_new(&settings);
    int64_t answered_ns = START_NS + 3 * SECOND_NS;
    int64_t free_ns = answered_ns + settings.window_ns + LIMITER_MARGIN_NS;
    uint32_t slot;

    assert_non_null(limiter);
    assert_true(limiter_open(limiter, START_NS));
    assert_int_equal(limiter_opens_at(limiter, START_NS), START_NS);
    slot = limiter_grant(limiter, START_NS);
    assert_false(limiter_open(limiter, START_NS));
    assert_false(limiter_open(limiter, START_NS + 1000 * SECOND_NS));
    assert_int_equal(limiter_opens_at(limiter, START_NS), INT64_MAX);
    assert_int_equal(limiter_used(limiter), 1);

    limiter_answered(limiter, slot, answered_ns);
    assert_int_equal(limiter_used(limiter), 0);
    assert_int_equal(limiter_cooling(limiter, answered_ns), 1);
    assert_int_equal(limiter_opens_at(limiter, answered_ns), free_ns);
    assert_false(limiter_open(limiter, free_ns - 1));
    assert_true(limiter_open(limiter, free_ns));
    assert_int_equal(limiter_cooling(limiter, free_ns), 0);

    slot = limiter_grant(limiter, free_ns);
    limiter_given_up(limiter, slot, free_ns);
    free_ns += settings.straggler_ns + settings.window_ns + LIMITER_MARGIN_NS;
    assert_false(limiter_open(limiter, free_ns - 1));
    assert_true(limiter_open(limiter, free_ns));

    slot = limiter_grant(limiter, free_ns);
    limiter_returned(limiter, slot);
    assert_true(limiter_open(limiter, free_ns));
    assert_int_equal(limiter_cooling(limiter, free_ns), 0);
    limiter_free(limiter);
    limiter_free(NULL);
}

static void
a_number_that_is_not_given_out_changes_nothing(void **state)
{
    (void)state;
    struct limiter *limiter = limiter_new(&seven_moor);
    uint32_t slots[20];
    uint64_t seen = 0;

    for (int i = 0; i < 20; i++) {
        assert_true(limiter_open(limiter, START_NS));
        slots[i] = limiter_grant(limiter, START_NS);
        assert_in_range(slots[i], 0, 19);
        seen |= UINT64_C(1) << slots[i];
    }
    assert_int_equal(seen, (1 << 20) - 1);
    assert_false(limiter_open(limiter, START_NS));
    assert_int_equal(limiter_grant(limiter, START_NS), UINT32_MAX);
    limiter_returned(limiter, UINT32_MAX);
    limiter_returned(limiter, 20);
    assert_int_equal(limiter_used(limiter), 20);

    limiter_answered(limiter, slots[7], START_NS);
    limiter_returned(limiter, slots[7]);
    limiter_given_up(limiter, slots[7], START_NS);
    assert_int_equal(limiter_used(limiter), 19);
    assert_int_equal(limiter_cooling(limiter, START_NS), 1);
    limiter_returned(limiter, slots[3]);
    assert_int_equal(limiter_grant(limiter, START_NS), slots[3]);
    limiter_free(limiter);
}

static void
concurrency_is_counted_beside_the_slots(void **state)
{
    (void)state;
    static const unsigned limits[] = {0, 10};

    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        struct limiter_settings settings = {limits[i], 60 * SECOND_NS, 0, 4};
        struct limiter *limiter = limiter_new(&settings);
        uint32_t slots[4];

        for (int used = 0; used < 4; used++) {
            assert_true(limiter_open(limiter, START_NS));
            slots[used] = limiter_grant(limiter, START_NS);
        }
        assert_false(limiter_open(limiter, START_NS));
        assert_int_equal(limiter_opens_at(limiter, START_NS), INT64_MAX);
        limiter_answered(limiter, slots[2], START_NS);
        assert_true(limiter_open(limiter, START_NS));
        assert_int_equal(limiter_used(limiter), 3);
        assert_int_equal(limiter_cooling(limiter, START_NS), limits[i] == 0 ? 0 : 1);
        limiter_free(limiter);
    }
}

static void
without_a_limit_everything_goes(void **state)
{
    (void)state;
    struct limiter_settings settings = {.requests = 0, .window_ns = 60 * SECOND_NS};
    struct limiter *limiter = limiter_new(&settings);

    limiter_restore(limiter, START_NS + 1000 * SECOND_NS);
    for (int i = 0; i < 100000; i++) {
        uint32_t slot;

        assert_true(limiter_open(limiter, START_NS));
        slot = limiter_grant(limiter, START_NS);
        if (i % 3 == 0) {
            limiter_answered(limiter, slot, START_NS);
        }
    }
    assert_int_equal(limiter_used(limiter), 100000 - 33334);
    assert_int_equal(limiter_cooling(limiter, START_NS), 0);
    assert_int_equal(limiter_expected(limiter, START_NS, 1000000), START_NS);
    limiter_close(limiter, START_NS + SECOND_NS);
    assert_false(limiter_open(limiter, START_NS));
    assert_int_equal(limiter_expected(limiter, START_NS, 5), START_NS + SECOND_NS);
    limiter_free(limiter);
}

static void
closing_holds_until_the_latest_time_said(void **state)
{
    (void)state;
    struct limiter *limiter = limiter_new(&seven_moor);

    assert_int_equal(limiter_closed_until(limiter), 0);
    limiter_close(limiter, START_NS + 10 * SECOND_NS);
    limiter_close(limiter, START_NS + 5 * SECOND_NS);
    assert_int_equal(limiter_closed_until(limiter), START_NS + 10 * SECOND_NS);
    assert_int_equal(limiter_opens_at(limiter, START_NS), START_NS + 10 * SECOND_NS);
    assert_false(limiter_open(limiter, START_NS + 10 * SECOND_NS - 1));
    assert_true(limiter_open(limiter, START_NS + 10 * SECOND_NS));
    assert_int_equal(limiter_expected(limiter, START_NS, 19), START_NS + 10 * SECOND_NS);
    limiter_free(limiter);
}

static void
of_too_many_restored_slots_the_latest_count(void **state)
{
    (void)state;
    struct limiter_settings settings = {.requests = 3, .window_ns = 60 * SECOND_NS};
    static const int64_t restored[] = {50, 10, 40, -7, 20, 30, 60};
    struct limiter *limiter = limiter_new(&settings);

    for (size_t i = 0; i < sizeof restored / sizeof *restored; i++) {
        limiter_restore(limiter, START_NS + restored[i] * SECOND_NS);
    }
    assert_int_equal(limiter_cooling(limiter, START_NS), 3); /* 60, 50 and 40 */
    assert_int_equal(limiter_opens_at(limiter, START_NS), START_NS + 40 * SECOND_NS);
    assert_int_equal(limiter_cooling(limiter, START_NS + 55 * SECOND_NS), 1);
    limiter_free(limiter);

    /* With two in use, two of the three have to pass. */
    limiter = limiter_new(&settings);
    (void)limiter_grant(limiter, START_NS);
    (void)limiter_grant(limiter, START_NS);
    for (int i = 1; i <= 3; i++) {
        limiter_restore(limiter, START_NS + i * SECOND_NS);
    }
    assert_int_equal(limiter_opens_at(limiter, START_NS), START_NS + 3 * SECOND_NS);
    limiter_free(limiter);
}

/* --- at the vendor's door --- */

struct request {
    uint32_t slot;
    int64_t granted_ns, ends_ns, arrives_ns;
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

/* --- what is to be expected --- */

/* A limiter in some state; *slots are those in use. */
static struct limiter *
some_limiter(struct chance *dice, struct limiter_settings *settings, uint32_t *slots, unsigned *used)
{
    struct limiter *limiter;
    unsigned restored;

    *settings = (struct limiter_settings){.requests = (unsigned)dice_between(dice, 1, 20),
                                          .window_ns = dice_between(dice, 1, 60) * SECOND_NS};
    limiter = limiter_new(settings);
    *used = (unsigned)dice_below(dice, settings->requests + 1);
    for (unsigned i = 0; i < *used; i++) {
        slots[i] = limiter_grant(limiter, START_NS);
    }
    restored = (unsigned)dice_below(dice, settings->requests + 3);
    for (unsigned i = 0; i < restored; i++) {
        limiter_restore(
            limiter, START_NS + dice_between(dice, -10 * SECOND_NS, (dice_percent(dice, 20) ? 400 : 60) * SECOND_NS));
    }
    if (dice_percent(dice, 30)) {
        limiter_close(limiter, START_NS + dice_between(dice, -SECOND_NS, 100 * SECOND_NS));
    }
    return limiter;
}

/* Held against what really happens when all that is on its way is answered at once, and everything after it too. */
static void
expectations_are_what_happens(void **state)
{
    (void)state;
    struct chance dice = {7};

    for (int round = 0; round < 3000; round++) {
        struct limiter_settings settings;
        uint32_t slots[20];
        unsigned used;
        struct limiter *limiter = some_limiter(&dice, &settings, slots, &used);
        int64_t expected_ns[100];
        int64_t now_ns = START_NS;

        for (unsigned i = 0; i < 100; i++) {
            expected_ns[i] = limiter_expected(limiter, START_NS, i);
            assert_true(expected_ns[i] >= START_NS);
        }
        for (unsigned i = 0; i < used; i++) {
            limiter_answered(limiter, slots[i], START_NS);
        }
        for (unsigned i = 0; i < 100; i++) {
            now_ns = limiter_opens_at(limiter, now_ns);
            if (expected_ns[i] < now_ns || expected_ns[i] - now_ns > MS_NS) {
                fail_msg("round %d: the request %u behind goes at %" PRId64 ", expected %" PRId64, round, i,
                         now_ns - START_NS, expected_ns[i] - START_NS);
            }
            limiter_answered(limiter, limiter_grant(limiter, now_ns), now_ns);
        }
        limiter_free(limiter);
    }
}

static void
an_endless_queue_is_expected_never(void **state)
{
    (void)state;
    struct limiter *limiter = limiter_new(&seven_moor);

    assert_int_equal(limiter_expected(limiter, START_NS, UINT64_MAX), INT64_MAX);
    limiter_free(limiter);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slot_cools_from_its_answer),
        cmocka_unit_test(a_number_that_is_not_given_out_changes_nothing),
        cmocka_unit_test(concurrency_is_counted_beside_the_slots),
        cmocka_unit_test(without_a_limit_everything_goes),
        cmocka_unit_test(closing_holds_until_the_latest_time_said),
        cmocka_unit_test(of_too_many_restored_slots_the_latest_count),
        cmocka_unit_test(no_window_at_the_door_sees_too_many),
        cmocka_unit_test(endless_demand_uses_what_there_is),
        cmocka_unit_test(expectations_are_what_happens),
        cmocka_unit_test(an_endless_queue_is_expected_never),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

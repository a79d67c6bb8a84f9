/* The limiter: its slots one at a time, and what it says that is to be expected. */
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
                         (int64_t)(now_ns - START_NS), (int64_t)(expected_ns[i] - START_NS));
            }
            limiter_answered(limiter, limiter_grant(limiter, now_ns), now_ns);
        }
        limiter_free(limiter);
    }
}

static void
an_endless_queue_is_never_through(void **state)
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
        cmocka_unit_test(expectations_are_what_happens),
        cmocka_unit_test(an_endless_queue_is_never_through),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

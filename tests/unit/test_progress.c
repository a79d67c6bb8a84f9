/* Progress: what is committed, gaps that cost nothing, and random steps beside a plain list. */
#include <inttypes.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dice.h"
#include "egress/progress.h"

#define SEEDS    300
#define STEPS    3000
#define OPEN_MAX 600

static void
the_oldest_unfinished_is_committed(void **state)
{
    (void)state;
    struct progress *progress = progress_new(5);

    assert_non_null(progress);
    assert_int_equal(progress_committable(progress), 5);
    for (int64_t offset = 7; offset < 10; offset++) {
        assert_true(progress_begin(progress, offset));
    }
    assert_int_equal(progress_committable(progress), 7);
    progress_finish(progress, 8);
    assert_int_equal(progress_committable(progress), 7);
    progress_finish(progress, 7);
    assert_int_equal(progress_committable(progress), 9);
    progress_finish(progress, 9);
    assert_int_equal(progress_committable(progress), 10);
    assert_true(progress_begin(progress, 10));
    assert_int_equal(progress_committable(progress), 10);
    progress_free(progress);
    progress_free(NULL);
}

static void
what_was_not_begun_changes_nothing(void **state)
{
    (void)state;
    struct progress *progress = progress_new(0);
    static const int64_t strangers[] = {-1, INT64_MIN, 0, 63, 99, 101, 100 + 4096, INT64_MAX};

    progress_finish(progress, 100);
    assert_true(progress_begin(progress, 100));
    for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++) {
        progress_finish(progress, strangers[i]);
        assert_int_equal(progress_committable(progress), 100);
    }
    progress_finish(progress, 100);
    progress_finish(progress, 100);
    assert_int_equal(progress_committable(progress), 101);
    /* Offsets rise. */
    assert_false(progress_begin(progress, 100));
    assert_false(progress_begin(progress, -5));
    assert_false(progress_begin(progress, INT64_MAX));
    assert_true(progress_begin(progress, INT64_MAX - 1));
    assert_int_equal(progress_committable(progress), INT64_MAX - 1);
    progress_finish(progress, INT64_MAX - 1);
    assert_int_equal(progress_committable(progress), INT64_MAX);
    progress_free(progress);
}

static size_t
allocated_bytes(void)
{
    struct mallinfo2 info = mallinfo2();

    return info.uordblks + info.hblkhd;
}

/* What was begun long ago stays while the log goes on by leaps. */
static void
gaps_cost_nothing(void **state)
{
    (void)state;
    struct progress *progress = progress_new(0);
    int64_t offset = 3;
    size_t before_bytes;

    assert_true(progress_begin(progress, offset));
    before_bytes = allocated_bytes();
    for (int i = 0; i < 100000; i++) {
        offset += INT64_C(50000000);
        assert_true(progress_begin(progress, offset));
        progress_finish(progress, offset);
        assert_int_equal(progress_committable(progress), 3);
    }
    assert_true(allocated_bytes() < before_bytes + 16384);
    progress_finish(progress, 3);
    assert_int_equal(progress_committable(progress), offset + 1);
    progress_free(progress);
}

static void
a_long_stretch_takes_a_bit_an_offset(void **state)
{
    (void)state;
    struct progress *progress = progress_new(0);
    size_t before_bytes = allocated_bytes();

    for (int64_t offset = 0; offset < 1000000; offset++) {
        assert_true(progress_begin(progress, offset));
    }
    assert_true(allocated_bytes() < before_bytes + 1000000 / 8 * 5 / 4);
    for (int64_t offset = 999999; offset > 0; offset--) {
        progress_finish(progress, offset);
    }
    assert_int_equal(progress_committable(progress), 0);
    progress_finish(progress, 0);
    assert_int_equal(progress_committable(progress), 1000000);
    progress_free(progress);
}

/* --- beside a plain list --- */

struct model {
    struct chance chance;
    struct progress *progress;
    int64_t open[OPEN_MAX]; /* rising */
    size_t count;
    int64_t next;
};

static int64_t
some_gap(struct chance *chance)
{
    switch (dice_below(chance, 12)) {
    case 0:
        return dice_between(chance, 0, 70);
    case 1:
        return dice_between(chance, 4000, 9000);
    case 2:
        return dice_percent(chance, 10) ? dice_between(chance, 0, INT64_C(1) << 40) : 1;
    default:
        return 0;
    }
}

static void
step_begin(struct model *model)
{
    int64_t offset = model->next + some_gap(&model->chance);

    if (model->count < OPEN_MAX) {
        assert_true(progress_begin(model->progress, offset));
        model->open[model->count++] = offset;
        model->next = offset + 1;
    }
}

/* Mostly one of the oldest or of the newest. */
static void
step_finish(struct model *model)
{
    size_t span = model->count < 20 || dice_percent(&model->chance, 20) ? model->count : 20;
    size_t index;

    if (model->count == 0) {
        return;
    }
    index = dice_below(&model->chance, span);
    index = dice_percent(&model->chance, 50) ? index : model->count - 1 - index;
    progress_finish(model->progress, model->open[index]);
    model->count--;
    memmove(model->open + index, model->open + index + 1, (model->count - index) * sizeof *model->open);
}

static void
random_steps_do_what_a_plain_list_does(void **state)
{
    (void)state;
    struct model *model = malloc(sizeof *model);

    assert_non_null(model);
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        unsigned begins = 50;

        *model = (struct model){.chance = {seed}};
        model->next = dice_between(&model->chance, 0, 20000);
        model->progress = progress_new(model->next);
        for (int i = 0; i < STEPS; i++) {
            if (i % 500 == 0) {
                begins = (unsigned)dice_between(&model->chance, 30, 70);
            }
            if (dice_percent(&model->chance, begins)) {
                step_begin(model);
            } else {
                step_finish(model);
            }
            assert_int_equal(progress_committable(model->progress), model->count == 0 ? model->next : model->open[0]);
        }
        progress_free(model->progress);
    }
    free(model);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_oldest_unfinished_is_committed),
        cmocka_unit_test(what_was_not_begun_changes_nothing),
        cmocka_unit_test(gaps_cost_nothing),
        cmocka_unit_test(a_long_stretch_takes_a_bit_an_offset),
        cmocka_unit_test(random_steps_do_what_a_plain_list_does),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Duplicates: the window, replacement, memory, and random steps beside a plain list. */
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
#include "egress/duplicates.h"

#define WINDOW_MS 86400000LL
#define NOW_MS    1700000000000LL

static struct command_key
key_of(uint64_t id)
{
    struct chance chance = {id};

    return (struct command_key){id, chance_draw(&chance)};
}

static struct finished
finished_of(uint64_t id, int64_t finished_ms)
{
    return (struct finished){key_of(id), id + 1, -1, finished_ms};
}

static void
add(struct duplicates *duplicates, uint64_t id, int64_t finished_ms)
{
    struct finished finished = finished_of(id, finished_ms);

    assert_true(duplicates_add(duplicates, &finished));
}

static void
it_is_remembered_for_the_window(void **state)
{
    (void)state;
    struct duplicates *duplicates = duplicates_new(WINDOW_MS);
    const struct finished *found;

    assert_non_null(duplicates);
    assert_null(duplicates_find(duplicates, key_of(1), NOW_MS));
    add(duplicates, 1, NOW_MS);
    found = duplicates_find(duplicates, key_of(1), NOW_MS);
    assert_non_null(found);
    assert_int_equal(found->content, 2);
    assert_int_equal(found->finished_ms, NOW_MS);
    assert_int_equal(found->journal_offset, -1);
    assert_null(duplicates_find(duplicates, key_of(2), NOW_MS));

    duplicates_locate(duplicates, key_of(1), 77);
    duplicates_locate(duplicates, key_of(2), 78);
    assert_int_equal(duplicates_find(duplicates, key_of(1), NOW_MS)->journal_offset, 77);

    assert_non_null(duplicates_find(duplicates, key_of(1), NOW_MS - 5000)); /* a clock that was set back */
    duplicates_forget(duplicates, NOW_MS + WINDOW_MS);
    assert_int_equal(duplicates_count(duplicates), 1);
    assert_non_null(duplicates_find(duplicates, key_of(1), NOW_MS + WINDOW_MS));
    assert_null(duplicates_find(duplicates, key_of(1), NOW_MS + WINDOW_MS + 1)); /* though nobody has forgotten it */
    duplicates_forget(duplicates, NOW_MS + WINDOW_MS + 1);
    assert_int_equal(duplicates_count(duplicates), 0);
    duplicates_free(duplicates);
    duplicates_free(NULL);
}

static void
the_later_one_of_a_key_counts(void **state)
{
    (void)state;
    struct duplicates *duplicates = duplicates_new(WINDOW_MS);
    struct finished later = {key_of(1), 55, 9, NOW_MS + 1000};

    add(duplicates, 1, NOW_MS);
    add(duplicates, 2, NOW_MS + 500);
    assert_true(duplicates_add(duplicates, &later));
    assert_int_equal(duplicates_count(duplicates), 2);
    assert_int_equal(duplicates_find(duplicates, key_of(1), NOW_MS)->content, 55);
    duplicates_locate(duplicates, key_of(1), 10);
    assert_int_equal(duplicates_find(duplicates, key_of(1), NOW_MS)->journal_offset, 10);
    duplicates_forget(duplicates, NOW_MS + WINDOW_MS + 600);
    assert_int_equal(duplicates_count(duplicates), 1);
    assert_non_null(duplicates_find(duplicates, key_of(1), NOW_MS + WINDOW_MS + 600));
    duplicates_forget(duplicates, NOW_MS + WINDOW_MS + 1001);
    assert_int_equal(duplicates_count(duplicates), 0);
    duplicates_free(duplicates);
}

static size_t
allocated_bytes(void)
{
    struct mallinfo2 info = mallinfo2();

    return info.uordblks + info.hblkhd;
}

static void
many_take_little_memory_and_give_it_back(void **state)
{
    (void)state;
    static const uint64_t many = 200000;
    struct duplicates *duplicates = duplicates_new(WINDOW_MS);
    size_t before_bytes = allocated_bytes();

    for (uint64_t i = 0; i < many; i++) {
        add(duplicates, i, NOW_MS + (int64_t)i);
    }
    assert_true(allocated_bytes() < before_bytes + 48 * many);
    for (uint64_t i = 0; i < many; i++) {
        assert_int_equal(duplicates_find(duplicates, key_of(i), NOW_MS)->content, i + 1);
    }
    duplicates_forget(duplicates, NOW_MS + WINDOW_MS + (int64_t)many / 2);
    assert_int_equal(duplicates_count(duplicates), many / 2);
    assert_true(allocated_bytes() < before_bytes + 50 * many / 2);
    duplicates_forget(duplicates, NOW_MS + WINDOW_MS + (int64_t)many);
    assert_int_equal(duplicates_count(duplicates), 0);
    /* The table of buckets is merged as items go, and keeps a page. */
    assert_true(allocated_bytes() < before_bytes + 65536);
    duplicates_free(duplicates);
}

/* --- beside a plain list --- */

#define IDS       3000
#define WINDOW    20000
#define STEPS     400000
#define REPEATING 5 /* in a hundred */

struct model {
    struct chance chance;
    struct duplicates *duplicates;
    struct finished known[IDS]; /* content 0: not known */
    int64_t now_ms;
};

static void
step(struct model *model)
{
    uint64_t id = dice_below(&model->chance, IDS);
    struct finished *known = &model->known[id];
    const struct finished *found = duplicates_find(model->duplicates, key_of(id), model->now_ms);

    if (known->content == 0 || known->finished_ms < model->now_ms - WINDOW) {
        assert_null(found);
    } else {
        assert_non_null(found);
        assert_memory_equal(found, known, sizeof *known);
    }
    if (found != NULL && !dice_percent(&model->chance, REPEATING)) {
        known->journal_offset = dice_between(&model->chance, 0, 1000000);
        duplicates_locate(model->duplicates, key_of(id), known->journal_offset);
        return;
    }
    *known = finished_of(id, model->now_ms);
    known->content = chance_draw(&model->chance) | 1;
    assert_true(duplicates_add(model->duplicates, known));
}

static void
assert_forgotten(struct model *model)
{
    size_t count = 0;

    duplicates_forget(model->duplicates, model->now_ms);
    for (size_t i = 0; i < IDS; i++) {
        count += model->known[i].content != 0 && model->known[i].finished_ms >= model->now_ms - WINDOW ? 1 : 0;
    }
    assert_int_equal(duplicates_count(model->duplicates), count);
}

static void
random_steps_do_what_a_plain_list_does(void **state)
{
    (void)state;
    struct model *model = calloc(1, sizeof *model);

    assert_non_null(model);
    model->chance.state = 5;
    model->duplicates = duplicates_new(WINDOW);
    model->now_ms = NOW_MS;
    for (int i = 0; i < STEPS; i++) {
        step(model);
        model->now_ms += dice_between(&model->chance, 0, i / 50000 % 2 == 0 ? 2 : 12);
        if (i % 500 == 0) {
            assert_forgotten(model);
        }
    }
    duplicates_free(model->duplicates);
    free(model);
}

/* Nearly in order is enough: one that is out of order stays longer, and is not found. */
static void
times_out_of_order_are_not_found_too_long(void **state)
{
    (void)state;
    struct duplicates *duplicates = duplicates_new(WINDOW_MS);

    add(duplicates, 1, NOW_MS + 5000);
    add(duplicates, 2, NOW_MS);
    duplicates_forget(duplicates, NOW_MS + WINDOW_MS + 1);
    assert_int_equal(duplicates_count(duplicates), 2);
    assert_null(duplicates_find(duplicates, key_of(2), NOW_MS + WINDOW_MS + 1));
    duplicates_forget(duplicates, NOW_MS + WINDOW_MS + 5001);
    assert_int_equal(duplicates_count(duplicates), 0);
    duplicates_free(duplicates);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_remembered_for_the_window),
        cmocka_unit_test(the_later_one_of_a_key_counts),
        cmocka_unit_test(many_take_little_memory_and_give_it_back),
        cmocka_unit_test(random_steps_do_what_a_plain_list_does),
        cmocka_unit_test(times_out_of_order_are_not_found_too_long),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

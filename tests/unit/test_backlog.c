/* The backlog: keys, states, the order of a queue, what is due, and how many take how much. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backlog_shape.h"
#include "dice.h"

static struct queue *
only_queue(void *argument, uint32_t account)
{
    (void)account;
    return argument;
}

static struct entry
plain_entry(uint64_t id, enum command_priority priority, int64_t deadline_ms)
{
    return (struct entry){.key = {id, id * 0x9e3779b97f4a7c15ULL},
                          .offset = (int64_t)id,
                          .deadline_ms = deadline_ms,
                          .priority = priority};
}

/* --- keys --- */

static void
a_key_is_the_head_of_a_digest_over_both(void **state)
{
    (void)state;
    char long_account[256];
    char long_id[300];
    struct command_key key = command_key((struct slice)SLICE("7moor"), (struct slice)SLICE("c-1"));

    assert_true(key.high == 0x447b0c5868bb2fd6 && key.low == 0x189239ab3abbc8c8);
    key = command_key((struct slice)SLICE("7moorc"), (struct slice)SLICE("-1"));
    assert_true(key.high == 0x10e16ab630fc3d06 && key.low == 0xed2d7a011ff52212);
    memset(long_account, 'a', sizeof long_account);
    memset(long_id, 'b', sizeof long_id);
    key = command_key(slice_make(long_account, 256), slice_make(long_id, 256));
    assert_true(key.high == 0x14fcd0f95645bb5c && key.low == 0xf5a0c800c11c4af1);
    /* Longer than any command's: still one key for each. */
    for (size_t length = 257; length <= 300; length++) {
        struct command_key longer = command_key(slice_make(long_account, 256), slice_make(long_id, length));

        assert_false(longer.high == key.high && longer.low == key.low);
        key = longer;
    }
    key = command_key((struct slice){NULL, 0}, (struct slice){NULL, 0}); /* of one NUL */
    assert_true(key.high == 0x6e340b9cffb37a98);
}

/* --- one thing at a time --- */

static void
the_order_is_priority_then_deadline_then_offset(void **state)
{
    (void)state;
    static const struct {
        enum command_priority priority;
        int64_t deadline_ms, offset;
    } rows[] = {
        {PRIORITY_CONTROL, 900, 8},     {PRIORITY_CONTROL, 900, 9}, {PRIORITY_INTERACTIVE, 100, 7},
        {PRIORITY_INTERACTIVE, 200, 1}, {PRIORITY_BULK, 50, 2},     {PRIORITY_IDLE, 10, 3},
    };
    enum { COUNT = sizeof rows / sizeof *rows };
    struct chance chance = {3};

    for (int round = 0; round < 200; round++) {
        struct backlog *backlog = backlog_new();
        struct queue queue = {0};
        entry_t numbers[COUNT] = {0};
        entry_t number;

        assert_non_null(backlog);
        for (size_t left = COUNT; left > 0; left--) {
            size_t row = dice_below(&chance, COUNT);
            struct entry entry;

            while (numbers[row] != 0) {
                row = (row + 1) % COUNT;
            }
            entry = plain_entry(row + 1, rows[row].priority, rows[row].deadline_ms);
            entry.offset = rows[row].offset;
            numbers[row] = backlog_add(backlog, &queue, &entry, 0);
            assert_int_not_equal(numbers[row], ENTRY_NONE);
        }
        number = queue_head(backlog, &queue);
        for (size_t i = 0; i < COUNT; i++) {
            assert_int_equal(number, numbers[i]);
            assert_int_equal(queue_ahead(backlog, &queue, number), i);
            number = queue_next(backlog, &queue, number);
        }
        assert_int_equal(number, ENTRY_NONE);
        assert_int_equal(queue.count[PRIORITY_INTERACTIVE], 2);
        assert_int_equal(queue_length(&queue), COUNT);
        backlog_free(backlog);
    }
    backlog_free(NULL);
}

static void
an_entry_is_what_was_added(void **state)
{
    (void)state;
    struct backlog *backlog = backlog_new();
    struct queue queue;
    struct entry entry = {{1, 2}, 0xfedcba9876543210, INT64_MAX - 1, -1,  INT64_MAX,
                          500,    UINT32_MAX,         PRIORITY_IDLE, 254, 7};
    struct entry found;
    entry_t number;

    queue_init(&queue);
    assert_int_equal(queue_head(backlog, &queue), ENTRY_NONE);
    assert_int_equal(backlog_due_at(backlog), INT64_MAX);
    assert_int_equal(backlog_find(backlog, entry.key), ENTRY_NONE);
    number = backlog_add(backlog, &queue, &entry, 499);
    found = backlog_entry(backlog, number);
    assert_same_entry(&found, &entry);
    assert_int_equal(backlog_find(backlog, entry.key), number);
    assert_int_equal(backlog_find(backlog, (struct command_key){1, 3}), ENTRY_NONE);
    assert_int_equal(backlog_find(backlog, (struct command_key){2, 2}), ENTRY_NONE);
    assert_int_equal(backlog_state(backlog, number), ENTRY_WAITING);
    assert_int_equal(queue.waiting, 1);
    assert_int_equal(queue_length(&queue), 0);

    backlog_take(backlog, &queue, number);
    assert_int_equal(queue.waiting, 0);
    assert_int_equal(backlog_state(backlog, number), ENTRY_TAKEN);
    assert_int_equal(backlog_due_at(backlog), INT64_MAX);
    backlog_put_back(backlog, &queue, number);
    assert_int_equal(backlog_state(backlog, number), ENTRY_QUEUED);
    found = backlog_entry(backlog, number);
    entry.not_before_ms = 0; /* nobody waits for it any more */
    assert_same_entry(&found, &entry);

    backlog_note(backlog, number, 9);
    backlog_count_attempt(backlog, number);
    backlog_count_attempt(backlog, number);
    found = backlog_entry(backlog, number);
    assert_int_equal(found.note, 9);
    assert_int_equal(found.attempts, 255);
    assert_int_equal(backlog_count(backlog), 1);
    backlog_remove(backlog, &queue, number);
    assert_int_equal(backlog_count(backlog), 0);
    assert_int_equal(queue_head(backlog, &queue), ENTRY_NONE);
    backlog_free(backlog);
}

static void
what_is_due_comes_in_time(void **state)
{
    (void)state;
    struct backlog *backlog = backlog_new();
    struct queue queue = {0};
    struct entry entry = plain_entry(1, PRIORITY_BULK, 300);
    bool expired;
    entry_t early;
    entry_t waits;
    entry_t hopeless;

    early = backlog_add(backlog, &queue, &entry, 0);
    entry = plain_entry(2, PRIORITY_CONTROL, 500);
    entry.not_before_ms = 200;
    waits = backlog_add(backlog, &queue, &entry, 0);
    entry = plain_entry(3, PRIORITY_CONTROL, 250);
    entry.not_before_ms = 400;
    hopeless = backlog_add(backlog, &queue, &entry, 0);

    assert_int_equal(backlog_due_at(backlog), 200);
    assert_int_equal(backlog_due(backlog, 199, only_queue, &queue, &expired), ENTRY_NONE);
    assert_int_equal(backlog_due(backlog, 200, only_queue, &queue, &expired), waits);
    assert_false(expired);
    assert_int_equal(backlog_state(backlog, waits), ENTRY_QUEUED);
    assert_int_equal(queue_head(backlog, &queue), waits);
    assert_int_equal(backlog_due(backlog, 200, only_queue, &queue, &expired), ENTRY_NONE);

    /* It may not go before 400, and not after 250: that is known at 250. */
    assert_int_equal(backlog_due_at(backlog), 250);
    assert_int_equal(backlog_due(backlog, 250, only_queue, &queue, &expired), hopeless);
    assert_true(expired);
    assert_int_equal(backlog_state(backlog, hopeless), ENTRY_TAKEN);
    assert_int_equal(queue.waiting, 0);

    /* A deadline counts behind every priority. */
    assert_int_equal(backlog_due(backlog, 300, only_queue, &queue, &expired), early);
    assert_true(expired);
    backlog_take(backlog, &queue, waits);
    assert_int_equal(backlog_due_at(backlog), INT64_MAX);
    assert_int_equal(backlog_due(backlog, 1000, only_queue, &queue, &expired), ENTRY_NONE);
    backlog_put_back(backlog, &queue, waits);
    assert_int_equal(backlog_due_at(backlog), 500);

    /* One for which nobody looked until its deadline had passed, too, expires at once. */
    entry = plain_entry(4, PRIORITY_BULK, 700);
    entry.not_before_ms = 450;
    waits = backlog_add(backlog, &queue, &entry, 0);
    assert_int_equal(backlog_due(backlog, 700, only_queue, &queue, &expired), waits);
    assert_true(expired);
    backlog_free(backlog);
}

/* Keys of which the table sees the same bits only. */
static void
keys_that_look_alike_are_told_apart(void **state)
{
    (void)state;
    struct backlog *backlog = backlog_new();
    entry_t numbers[500];

    for (uint64_t i = 0; i < 500; i++) {
        struct entry entry = plain_entry(i, PRIORITY_BULK, 100);

        entry.key = (struct command_key){i, i % 2 << 40};
        numbers[i] = backlog_add_taken(backlog, &entry);
    }
    for (uint64_t i = 0; i < 500; i += 3) {
        backlog_remove(backlog, NULL, numbers[i]);
    }
    for (uint64_t i = 0; i < 500; i++) {
        entry_t expected = i % 3 == 0 ? ENTRY_NONE : numbers[i];

        assert_int_equal(backlog_find(backlog, (struct command_key){i, i % 2 << 40}), expected);
        assert_int_equal(backlog_find(backlog, (struct command_key){i, (i + 1) % 2 << 40}), ENTRY_NONE);
    }
    backlog_free(backlog);
}

/* --- many --- */

static void
many_take_little_memory_and_give_it_back(void **state)
{
    (void)state;
    static const uint64_t many = 200000;
    struct backlog *backlog = backlog_new();
    struct queue queue = {0};
    size_t before_bytes = backlog_bytes(backlog);
    size_t bytes;
    entry_t number;

    /* In order: what makes a plain tree a list. */
    for (uint64_t i = 0; i < many; i++) {
        struct entry entry = plain_entry(i, PRIORITY_BULK, NOW_MS + (int64_t)i);

        assert_int_not_equal(backlog_add(backlog, &queue, &entry, 0), ENTRY_NONE);
    }
    bytes = backlog_bytes(backlog);
    assert_true(bytes <= 76 * many);
    assert_true(depth_of(backlog, queue.root) < 120);
    for (uint64_t i = 0; i < many; i++) {
        number = queue_head(backlog, &queue);
        assert_int_equal(backlog_entry(backlog, number).offset, i);
        backlog_remove(backlog, &queue, number);
    }
    assert_int_equal(backlog_count(backlog), 0);
    assert_true(backlog_bytes(backlog) <= before_bytes + bytes / 50);

    for (uint64_t i = 0; i < many; i++) {
        struct entry entry = plain_entry(i, PRIORITY_BULK, INT64_MAX);

        entry.not_before_ms = NOW_MS + (int64_t)(i * 7919 % many);
        assert_int_not_equal(backlog_add(backlog, &queue, &entry, 0), ENTRY_NONE);
    }
    assert_true(backlog_bytes(backlog) <= 92 * many);
    for (uint64_t i = 0; i < many; i++) {
        bool expired;

        assert_int_equal(backlog_due_at(backlog), NOW_MS + (int64_t)i);
        number = backlog_due(backlog, NOW_MS + (int64_t)i, only_queue, &queue, &expired);
        assert_int_equal(backlog_entry(backlog, number).offset * 7919 % (int64_t)many, i);
        assert_false(expired);
    }
    assert_int_equal(queue_length(&queue), many);
    assert_int_equal(queue.waiting, 0);
    backlog_free(backlog);
}

static void
a_tree_stays_flat_whatever_comes_and_goes(void **state)
{
    (void)state;
    enum { COUNT = 20000 };
    struct backlog *backlog = backlog_new();
    struct queue queue = {0};
    struct chance chance = {2};
    entry_t *numbers = calloc(COUNT, sizeof *numbers);

    assert_non_null(numbers);
    for (uint64_t i = 0; i < UINT64_C(20) * COUNT; i++) {
        size_t place = i < COUNT ? i : dice_below(&chance, COUNT);
        struct entry entry = plain_entry(i, PRIORITY_BULK, NOW_MS + (int64_t)i);

        if (i >= COUNT) {
            backlog_remove(backlog, &queue, numbers[place]);
        }
        numbers[place] = backlog_add(backlog, &queue, &entry, 0);
        assert_int_not_equal(numbers[place], ENTRY_NONE);
    }
    assert_true(depth_of(backlog, queue.root) < 100);
    free(numbers);
    backlog_free(backlog);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_the_head_of_a_digest_over_both),
        cmocka_unit_test(the_order_is_priority_then_deadline_then_offset),
        cmocka_unit_test(an_entry_is_what_was_added),
        cmocka_unit_test(what_is_due_comes_in_time),
        cmocka_unit_test(keys_that_look_alike_are_told_apart),
        cmocka_unit_test(many_take_little_memory_and_give_it_back),
        cmocka_unit_test(a_tree_stays_flat_whatever_comes_and_goes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

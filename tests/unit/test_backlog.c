/* The backlog: its states, its order, what is due, and hundreds of thousands of random steps beside a plain list. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dice.h"
#include "egress/backlog_state.h"

#define QUEUES   7
#define LIVE_MAX 400
#define STEPS    300000
#define NOW_MS   1000000000LL

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

/* Up to its last member: what stands behind that is nobody's. */
static void
assert_same_entry(const struct entry *found, const struct entry *expected)
{
    assert_memory_equal(found, expected, offsetof(struct entry, note) + sizeof found->note);
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

static unsigned
depth_of(const struct backlog *backlog, entry_t root)
{
    static struct {
        entry_t number;
        unsigned depth;
    } stack[2000];
    size_t count = 0;
    unsigned deepest = 0;

    stack[count++].number = root;
    stack[0].depth = 1;
    while (count > 0) {
        entry_t number = stack[--count].number;
        unsigned depth = stack[count].depth;
        const struct node *node = node_at(backlog, number);

        if (number == NODE_NONE) {
            continue;
        }
        deepest = depth > deepest ? depth : deepest;
        assert_true(depth < 900);
        assert_int_equal(node->size, 1 + node_at(backlog, node->left)->size + node_at(backlog, node->right)->size);
        stack[count].number = node->left;
        stack[count++].depth = depth + 1;
        stack[count].number = node->right;
        stack[count++].depth = depth + 1;
    }
    return deepest;
}

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

/* --- beside a plain list --- */

struct model {
    struct chance chance;
    struct backlog *backlog;
    struct queue queues[QUEUES];
    struct live {
        entry_t number;
        enum entry_state state;
        struct entry entry;
    } live[LIVE_MAX];
    size_t count;
    int64_t now_ms;
    uint64_t next_id;
};

static struct queue *
queue_of(void *argument, uint32_t account)
{
    return &((struct model *)argument)->queues[account];
}

static bool
goes_before(const struct entry *a, const struct entry *b)
{
    if (a->priority != b->priority) {
        return a->priority < b->priority;
    }
    return a->deadline_ms != b->deadline_ms ? a->deadline_ms < b->deadline_ms : a->offset < b->offset;
}

static int64_t
due_at(const struct live *live)
{
    int64_t at_ms = live->entry.deadline_ms;

    if (live->state == ENTRY_TAKEN) {
        return INT64_MAX;
    }
    return live->state == ENTRY_WAITING && live->entry.not_before_ms < at_ms ? live->entry.not_before_ms : at_ms;
}

/* Any of those in that state; NULL: there is none. */
static struct live *
some(struct model *model, enum entry_state state)
{
    size_t from = model->count == 0 ? 0 : dice_below(&model->chance, model->count);

    for (size_t i = 0; i < model->count; i++) {
        struct live *live = &model->live[(from + i) % model->count];

        if (live->state == state) {
            return live;
        }
    }
    return NULL;
}

static void
step_add(struct model *model)
{
    struct live *live = &model->live[model->count];
    uint64_t id = model->next_id++;

    if (model->count == LIVE_MAX) {
        return;
    }
    live->entry = (struct entry){
        .key = command_key((struct slice)SLICE("model"), slice_make((const char *)&id, sizeof id)),
        .content = chance_draw(&model->chance),
        .offset = (int64_t)(id ^ 5), /* nearly in order */
        .received_ms = model->now_ms,
        .deadline_ms =
            dice_percent(&model->chance, 10) ? INT64_MAX : model->now_ms + dice_between(&model->chance, -2, 60) * 10,
        .not_before_ms =
            dice_percent(&model->chance, 30) ? model->now_ms + dice_between(&model->chance, -2, 60) * 10 : 0,
        .account = (uint32_t)dice_below(&model->chance, QUEUES),
        .priority = (enum command_priority)dice_below(&model->chance, PRIORITY_COUNT),
    };
    if (dice_percent(&model->chance, 10)) {
        live->number = backlog_add_taken(model->backlog, &live->entry);
        live->state = ENTRY_TAKEN;
    } else {
        live->number = backlog_add(model->backlog, &model->queues[live->entry.account], &live->entry, model->now_ms);
        live->state = live->entry.not_before_ms > model->now_ms ? ENTRY_WAITING : ENTRY_QUEUED;
    }
    assert_int_not_equal(live->number, ENTRY_NONE);
    model->count++;
}

static void
step_take(struct model *model)
{
    struct live *live = some(model, dice_percent(&model->chance, 80) ? ENTRY_QUEUED : ENTRY_WAITING);

    if (live != NULL) {
        backlog_take(model->backlog, &model->queues[live->entry.account], live->number);
        live->state = ENTRY_TAKEN;
    }
}

static void
step_put_back(struct model *model)
{
    struct live *live = some(model, ENTRY_TAKEN);

    if (live != NULL) {
        backlog_put_back(model->backlog, &model->queues[live->entry.account], live->number);
        live->state = ENTRY_QUEUED;
    }
}

static void
step_remove(struct model *model)
{
    struct live *live = some(model, (enum entry_state)dice_below(&model->chance, 3));

    if (live != NULL) {
        backlog_remove(model->backlog, &model->queues[live->entry.account], live->number);
        assert_int_equal(backlog_find(model->backlog, live->entry.key), ENTRY_NONE);
        *live = model->live[--model->count];
    }
}

static void
step_attempt(struct model *model)
{
    struct live *live = some(model, (enum entry_state)dice_below(&model->chance, 3));

    if (live != NULL) {
        live->entry.note = (uint8_t)chance_draw(&model->chance);
        backlog_note(model->backlog, live->number, live->entry.note);
        live->entry.attempts += live->entry.attempts < UINT8_MAX ? 1 : 0;
        backlog_count_attempt(model->backlog, live->number);
    }
}

static void
step_due(struct model *model)
{
    bool expired;
    entry_t number;

    model->now_ms += dice_between(&model->chance, 0, 15);
    while ((number = backlog_due(model->backlog, model->now_ms, queue_of, model, &expired)) != ENTRY_NONE) {
        struct live *due = NULL;
        int64_t earliest_ms = INT64_MAX;

        for (size_t i = 0; i < model->count; i++) {
            due = model->live[i].number == number ? &model->live[i] : due;
            earliest_ms = due_at(&model->live[i]) < earliest_ms ? due_at(&model->live[i]) : earliest_ms;
        }
        assert_non_null(due);
        assert_int_not_equal(due->state, ENTRY_TAKEN);
        assert_int_equal(due_at(due), earliest_ms);
        assert_true(earliest_ms <= model->now_ms);
        assert_int_equal(expired, due->entry.deadline_ms <= model->now_ms);
        due->state = expired ? ENTRY_TAKEN : ENTRY_QUEUED;
    }
}

static void
assert_entries(const struct model *model)
{
    int64_t due_ms = INT64_MAX;

    for (size_t i = 0; i < model->count; i++) {
        const struct live *live = &model->live[i];
        struct entry expected = live->entry;
        struct entry found = backlog_entry(model->backlog, live->number);

        expected.not_before_ms = live->state == ENTRY_WAITING ? expected.not_before_ms : 0;
        assert_same_entry(&found, &expected);
        assert_int_equal(backlog_state(model->backlog, live->number), live->state);
        assert_int_equal(backlog_find(model->backlog, live->entry.key), live->number);
        due_ms = due_at(live) < due_ms ? due_at(live) : due_ms;
    }
    assert_int_equal(backlog_due_at(model->backlog), due_ms);
    assert_int_equal(backlog_count(model->backlog), model->count);
}

static void
assert_place(const struct model *model, const struct live *live)
{
    const struct queue *queue = &model->queues[live->entry.account];
    const struct live *next = NULL;
    uint64_t ahead = 0;

    for (size_t i = 0; i < model->count; i++) {
        const struct live *other = &model->live[i];

        if (other->state != ENTRY_QUEUED || other->entry.account != live->entry.account || other == live) {
            continue;
        }
        if (goes_before(&other->entry, &live->entry)) {
            ahead++;
        } else if (next == NULL || goes_before(&other->entry, &next->entry)) {
            next = other;
        }
    }
    assert_int_equal(queue_ahead(model->backlog, queue, live->number), ahead);
    assert_int_equal(queue_next(model->backlog, queue, live->number), next == NULL ? ENTRY_NONE : next->number);
    assert_int_equal(queue_head(model->backlog, queue) == live->number, ahead == 0);
}

static void
assert_queues(const struct model *model)
{
    struct queue expected[QUEUES] = {{0}};

    for (size_t i = 0; i < model->count; i++) {
        const struct live *live = &model->live[i];
        struct queue *queue = &expected[live->entry.account];

        queue->count[live->entry.priority] += live->state == ENTRY_QUEUED ? 1 : 0;
        queue->waiting += live->state == ENTRY_WAITING ? 1 : 0;
        if (live->state == ENTRY_QUEUED) {
            assert_place(model, live);
        }
    }
    for (size_t i = 0; i < QUEUES; i++) {
        assert_memory_equal(model->queues[i].count, expected[i].count, sizeof expected[i].count);
        assert_int_equal(model->queues[i].waiting, expected[i].waiting);
        assert_int_equal(queue_head(model->backlog, &model->queues[i]) == ENTRY_NONE, queue_length(&expected[i]) == 0);
        (void)depth_of(model->backlog, model->queues[i].root);
    }
}

static void
random_steps_do_what_a_plain_list_does(void **state)
{
    (void)state;
    struct model *model = calloc(1, sizeof *model);
    unsigned grows = 50;

    assert_non_null(model);
    model->chance.state = 11;
    model->backlog = backlog_new();
    model->now_ms = NOW_MS;
    for (int i = 0; i < STEPS; i++) {
        unsigned kind = (unsigned)dice_below(&model->chance, 100);

        if (i % 5000 == 0) {
            grows = (unsigned)dice_between(&model->chance, 15, 50); /* by turns it fills and empties */
        }
        if (kind < grows) {
            step_add(model);
        } else if (kind < 65) {
            step_remove(model);
        } else if (kind < 78) {
            step_take(model);
        } else if (kind < 90) {
            step_put_back(model);
        } else if (kind < 95) {
            step_attempt(model);
        } else {
            step_due(model);
        }
        if (i % 16 == 0) {
            assert_entries(model);
        }
        if (i % 256 == 0) {
            assert_queues(model);
        }
    }
    backlog_free(model->backlog);
    free(model);
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
        cmocka_unit_test(random_steps_do_what_a_plain_list_does),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The backlog beside a plain list: hundreds of thousands of random steps, and all that can be asked after them. */
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

#define QUEUES   7
#define LIVE_MAX 400
#define STEPS    300000

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
        struct live none = {.state = ENTRY_TAKEN};
        struct live *due = &none;
        int64_t earliest_ms = INT64_MAX;

        for (size_t i = 0; i < model->count; i++) {
            due = model->live[i].number == number ? &model->live[i] : due;
            earliest_ms = due_at(&model->live[i]) < earliest_ms ? due_at(&model->live[i]) : earliest_ms;
        }
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
        cmocka_unit_test(random_steps_do_what_a_plain_list_does),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

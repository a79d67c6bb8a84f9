/* The backlog's entries and their states; what holds them together is in the files beside this one. */
#include "egress/backlog.h"

#include <stdlib.h>

#include "base/random.h"
#include "egress/backlog_state.h"

_Static_assert(sizeof(struct node) == 72, "a node has grown: there may be a million");
_Static_assert(ENTRY_NONE == KEY_TABLE_NONE, "the table's word for none is the backlog's");

static struct key_item
item_of(void *owner, uint32_t number)
{
    struct node *node = node_at(owner, number);

    return (struct key_item){&node->key, &node->next};
}

struct backlog *
backlog_new(void)
{
    struct backlog *backlog = calloc(1, sizeof *backlog);

    if (backlog == NULL) {
        return NULL;
    }
    pool_init(&backlog->pool);
    backlog->waiting.item_bytes = sizeof(struct due);
    if (!random_bytes(&backlog->seed, sizeof backlog->seed) || pool_take(&backlog->pool) != NODE_NONE ||
        !key_table_init(&backlog->table, item_of, backlog)) {
        backlog_free(backlog);
        return NULL;
    }
    *node_at(backlog, NODE_NONE) = (struct node){.size = 0};
    return backlog;
}

void
backlog_free(struct backlog *backlog)
{
    if (backlog == NULL) {
        return;
    }
    key_table_free(&backlog->table);
    paged_free(&backlog->waiting);
    pool_free(&backlog->pool);
    free(backlog);
}

size_t
backlog_count(const struct backlog *backlog)
{
    return backlog->table.count;
}

size_t
backlog_bytes(const struct backlog *backlog)
{
    return sizeof *backlog + pool_bytes(&backlog->pool) + paged_bytes(&backlog->table.buckets) +
           paged_bytes(&backlog->waiting);
}

void
queue_init(struct queue *queue)
{
    *queue = (struct queue){.root = NODE_NONE};
}

/* --- states --- */

static void
enter_queue(struct backlog *backlog, struct queue *queue, entry_t number)
{
    struct node *node = node_at(backlog, number);

    node->state = ENTRY_QUEUED;
    order_insert(backlog, &queue->root, number);
    queue->count[node->priority]++;
    queue_gained(backlog, queue, number);
}

static void
enter_waiting(struct backlog *backlog, struct queue *queue, entry_t number, int64_t not_before_ms)
{
    struct node *node = node_at(backlog, number);

    node->state = ENTRY_WAITING;
    node->not_before_ms = not_before_ms;
    waiting_add(backlog, number);
    queue->waiting++;
}

/* Out of where it is, if it is anywhere. */
static void
leave_place(struct backlog *backlog, struct queue *queue, entry_t number)
{
    struct node *node = node_at(backlog, number);

    if (node->state == ENTRY_QUEUED) {
        order_remove(backlog, &queue->root, number);
        queue->count[node->priority]--;
        queue_lost(backlog, queue, number);
    } else if (node->state == ENTRY_WAITING) {
        waiting_remove(backlog, number);
        queue->waiting--;
    }
    node->state = ENTRY_TAKEN;
}

/* --- entries --- */

static entry_t
add(struct backlog *backlog, const struct entry *entry)
{
    entry_t number;

    if (!key_table_reserve(&backlog->table)) {
        return ENTRY_NONE;
    }
    number = pool_take(&backlog->pool);
    if (number == ENTRY_NONE) {
        return ENTRY_NONE;
    }
    *node_at(backlog, number) = (struct node){
        .key = entry->key,
        .content = entry->content,
        .offset = entry->offset,
        .received_ms = entry->received_ms,
        .deadline_ms = entry->deadline_ms,
        .account = entry->account,
        .priority = (uint8_t)entry->priority,
        .state = ENTRY_TAKEN,
        .attempts = entry->attempts,
        .note = entry->note,
    };
    key_table_insert(&backlog->table, number);
    return number;
}

entry_t
backlog_add(struct backlog *backlog, struct queue *queue, const struct entry *entry, int64_t now_ms)
{
    bool waits = entry->not_before_ms > now_ms;
    entry_t number;

    if (waits && !waiting_reserve(backlog)) {
        return ENTRY_NONE;
    }
    number = add(backlog, entry);
    if (number == ENTRY_NONE) {
        return ENTRY_NONE;
    }
    if (waits) {
        enter_waiting(backlog, queue, number, entry->not_before_ms);
    } else {
        enter_queue(backlog, queue, number);
    }
    return number;
}

entry_t
backlog_add_taken(struct backlog *backlog, const struct entry *entry)
{
    return add(backlog, entry);
}

struct entry
backlog_entry(const struct backlog *backlog, entry_t number)
{
    const struct node *node = node_at(backlog, number);

    return (struct entry){
        .key = node->key,
        .content = node->content,
        .offset = node->offset,
        .received_ms = node->received_ms,
        .deadline_ms = node->deadline_ms,
        .not_before_ms = node->state == ENTRY_WAITING ? node->not_before_ms : 0,
        .account = node->account,
        .priority = (enum command_priority)node->priority,
        .attempts = node->attempts,
        .note = node->note,
    };
}

enum entry_state
backlog_state(const struct backlog *backlog, entry_t number)
{
    return (enum entry_state)node_at(backlog, number)->state;
}

entry_t
backlog_find(const struct backlog *backlog, struct command_key key)
{
    return key_table_find(&backlog->table, key);
}

void
backlog_note(struct backlog *backlog, entry_t number, uint8_t note)
{
    node_at(backlog, number)->note = note;
}

void
backlog_count_attempt(struct backlog *backlog, entry_t number)
{
    struct node *node = node_at(backlog, number);

    node->attempts += node->attempts < UINT8_MAX ? 1 : 0;
}

void
backlog_take(struct backlog *backlog, struct queue *queue, entry_t number)
{
    leave_place(backlog, queue, number);
}

void
backlog_put_back(struct backlog *backlog, struct queue *queue, entry_t number)
{
    if (node_at(backlog, number)->state == ENTRY_TAKEN) {
        enter_queue(backlog, queue, number);
    }
}

void
backlog_remove(struct backlog *backlog, struct queue *queue, entry_t number)
{
    leave_place(backlog, queue, number);
    key_table_remove(&backlog->table, number);
    pool_give(&backlog->pool, number);
}

/* --- what is due --- */

static const struct due *
first_waiting(const struct backlog *backlog)
{
    return backlog->waiting_count == 0 ? NULL : paged_at(&backlog->waiting, 1);
}

int64_t
backlog_due_at(const struct backlog *backlog)
{
    const struct due *waiting = first_waiting(backlog);
    int64_t due_ms = backlog->first == NULL ? INT64_MAX : backlog->first->due_ms;

    return waiting != NULL && waiting->at_ms < due_ms ? waiting->at_ms : due_ms;
}

entry_t
backlog_due(struct backlog *backlog, int64_t now_ms, struct queue *(*queue_of)(void *argument, uint32_t account),
            void *argument, bool *expired)
{
    const struct due *waiting = first_waiting(backlog);
    int64_t due_ms = backlog_due_at(backlog);
    struct queue *queue = backlog->first;
    entry_t number;

    if (due_ms > now_ms || (queue == NULL && waiting == NULL)) {
        return ENTRY_NONE;
    }
    if (waiting != NULL && waiting->at_ms == due_ms) {
        number = waiting->number;
        queue = queue_of(argument, node_at(backlog, number)->account);
    } else {
        number = queue_earliest(backlog, queue);
    }
    *expired = node_at(backlog, number)->deadline_ms <= now_ms;
    leave_place(backlog, queue, number);
    if (!*expired) {
        enter_queue(backlog, queue, number);
    }
    return number;
}

/* What is due in the backlog: the entries that wait are a heap by time, and of those that are queued only each queue's
 * earliest deadline is in the heap of queues. That one is a pairing heap inside of the queues themselves: it needs no
 * memory, so an entry can always be put back. */
#include "egress/backlog_state.h"

/* --- those that wait --- */

static struct due *
due_at(const struct backlog *backlog, uint32_t place)
{
    return paged_at(&backlog->waiting, place);
}

static void
put_at(const struct backlog *backlog, uint32_t place, struct due due)
{
    *due_at(backlog, place) = due;
    node_at(backlog, due.number)->place = place;
}

static void
sift_up(const struct backlog *backlog, uint32_t place, struct due due)
{
    while (place > 1 && due_at(backlog, place / 2)->at_ms > due.at_ms) {
        put_at(backlog, place, *due_at(backlog, place / 2));
        place /= 2;
    }
    put_at(backlog, place, due);
}

static void
sift_down(const struct backlog *backlog, uint32_t place, struct due due)
{
    uint32_t count = backlog->waiting_count;

    while (place <= count / 2) {
        uint32_t child = 2 * place;

        if (child < count && due_at(backlog, child + 1)->at_ms < due_at(backlog, child)->at_ms) {
            child++;
        }
        if (due_at(backlog, child)->at_ms >= due.at_ms) {
            break;
        }
        put_at(backlog, place, *due_at(backlog, child));
        place = child;
    }
    put_at(backlog, place, due);
}

bool
waiting_reserve(struct backlog *backlog)
{
    return paged_reserve(&backlog->waiting, backlog->waiting_count + 2);
}

void
waiting_add(struct backlog *backlog, entry_t number)
{
    const struct node *node = node_at(backlog, number);
    /* One whose deadline comes first is not kept until it could have gone. */
    int64_t at_ms = node->not_before_ms < node->deadline_ms ? node->not_before_ms : node->deadline_ms;

    sift_up(backlog, ++backlog->waiting_count, (struct due){at_ms, number});
}

void
waiting_remove(struct backlog *backlog, entry_t number)
{
    uint32_t place = node_at(backlog, number)->place;
    struct due last = *due_at(backlog, backlog->waiting_count--);

    if (last.number != number) {
        if (place > 1 && due_at(backlog, place / 2)->at_ms > last.at_ms) {
            sift_up(backlog, place, last);
        } else {
            sift_down(backlog, place, last);
        }
    }
    paged_trim(&backlog->waiting, backlog->waiting_count + 1);
}

/* --- the queues, by the earliest deadline in each --- */

static struct queue *
meld(struct queue *a, struct queue *b)
{
    if (b->due_ms < a->due_ms) {
        struct queue *later = a;

        a = b;
        b = later;
    }
    b->sibling = a->child;
    b->previous = a;
    if (a->child != NULL) {
        a->child->previous = b;
    }
    a->child = b;
    return a;
}

/* The children of a queue that leaves, as one heap: melded in pairs on the way there, and into one on the way back. */
static struct queue *
meld_children(struct queue *queue)
{
    struct queue *pairs = NULL;
    struct queue *heap = NULL;

    while (queue != NULL) {
        struct queue *pair = queue;
        struct queue *second = queue->sibling;

        queue = second == NULL ? NULL : second->sibling;
        if (second != NULL) {
            pair = meld(pair, second);
        }
        pair->sibling = pairs;
        pairs = pair;
    }
    while (pairs != NULL) {
        struct queue *pair = pairs;

        pairs = pair->sibling;
        heap = heap == NULL ? pair : meld(heap, pair);
    }
    if (heap != NULL) {
        heap->sibling = heap->previous = NULL;
    }
    return heap;
}

static void
enter(struct backlog *backlog, struct queue *queue)
{
    queue->child = queue->sibling = queue->previous = NULL;
    backlog->first = backlog->first == NULL ? queue : meld(backlog->first, queue);
}

static void
leave(struct backlog *backlog, struct queue *queue)
{
    struct queue *rest = meld_children(queue->child);

    if (queue->previous == NULL) {
        backlog->first = rest;
        return;
    }
    if (queue->previous->child == queue) {
        queue->previous->child = queue->sibling;
    } else {
        queue->previous->sibling = queue->sibling;
    }
    if (queue->sibling != NULL) {
        queue->sibling->previous = queue->previous;
    }
    if (rest != NULL) {
        backlog->first = meld(backlog->first, rest);
    }
}

entry_t
queue_earliest(const struct backlog *backlog, const struct queue *queue)
{
    entry_t earliest = ENTRY_NONE;
    uint32_t rank = 0;

    /* Within a priority it is the first. */
    for (int priority = 0; priority < PRIORITY_COUNT; priority++) {
        entry_t first;

        if (queue->count[priority] == 0) {
            continue;
        }
        first = order_select(backlog, queue->root, rank);
        if (earliest == ENTRY_NONE || node_at(backlog, first)->deadline_ms < node_at(backlog, earliest)->deadline_ms) {
            earliest = first;
        }
        rank += queue->count[priority];
    }
    return earliest;
}

void
queue_gained(struct backlog *backlog, struct queue *queue, entry_t number)
{
    int64_t deadline_ms = node_at(backlog, number)->deadline_ms;
    bool alone = queue_length(queue) == 1;

    if (!alone && deadline_ms >= queue->due_ms) {
        return;
    }
    if (!alone) {
        leave(backlog, queue);
    }
    queue->due_ms = deadline_ms;
    enter(backlog, queue);
}

void
queue_lost(struct backlog *backlog, struct queue *queue, entry_t number)
{
    entry_t earliest;

    if (node_at(backlog, number)->deadline_ms > queue->due_ms) {
        return;
    }
    earliest = queue_earliest(backlog, queue);
    if (earliest != ENTRY_NONE && node_at(backlog, earliest)->deadline_ms == queue->due_ms) {
        return;
    }
    leave(backlog, queue);
    if (earliest != ENTRY_NONE) {
        queue->due_ms = node_at(backlog, earliest)->deadline_ms;
        enter(backlog, queue);
    }
}

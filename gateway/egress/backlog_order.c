/* The order of a queue: a treap, that is a search tree by (priority, deadline, offset) which is at the same time a heap
 * by a random rank of each node, and so some 2 log2 n deep whatever comes in which order. All of it goes down from the
 * root, in loops. */
#include "egress/backlog_state.h"

/* A random rank that needs no memory: the number, mixed with the backlog's seed (the finaliser of MurmurHash3). */
static uint64_t
rank_of(const struct backlog *backlog, entry_t number)
{
    uint64_t rank = backlog->seed ^ number;

    rank = (rank ^ rank >> 33) * 0xff51afd7ed558ccdULL;
    rank = (rank ^ rank >> 33) * 0xc4ceb9fe1a85ec53ULL;
    return rank ^ rank >> 33;
}

/* Whether a goes before b. Offsets are unique in a partition; the number only makes the order a total one. */
static bool
before(const struct backlog *backlog, entry_t a, entry_t b)
{
    const struct node *left = node_at(backlog, a);
    const struct node *right = node_at(backlog, b);

    if (left->priority != right->priority) {
        return left->priority < right->priority;
    }
    if (left->deadline_ms != right->deadline_ms) {
        return left->deadline_ms < right->deadline_ms;
    }
    if (left->offset != right->offset) {
        return left->offset < right->offset;
    }
    return a < b;
}

/* How many of the subtree go before the number. */
static uint32_t
count_before(const struct backlog *backlog, entry_t root, entry_t number)
{
    uint32_t count = 0;

    while (root != NODE_NONE) {
        const struct node *node = node_at(backlog, root);

        if (root != number && before(backlog, root, number)) {
            count += node_at(backlog, node->left)->size + 1;
            root = node->right;
        } else {
            root = node->left;
        }
    }
    return count;
}

/* Parts the subtree into what goes before the number and what goes behind it. smaller is how many the former are: on
 * the way down that tells the size of each part, and no way back up is needed. */
static void
part(const struct backlog *backlog, entry_t root, entry_t number, uint32_t smaller, entry_t *left, entry_t *right)
{
    uint32_t size = node_at(backlog, root)->size;

    while (root != NODE_NONE) {
        struct node *node = node_at(backlog, root);

        if (before(backlog, root, number)) {
            uint32_t kept = node_at(backlog, node->left)->size + 1;

            *left = root;
            left = &node->right;
            node->size = smaller;
            smaller -= kept;
            size -= kept;
            root = node->right;
        } else {
            *right = root;
            right = &node->left;
            node->size = size - smaller;
            size = node_at(backlog, node->left)->size;
            root = node->left;
        }
    }
    *left = NODE_NONE;
    *right = NODE_NONE;
}

/* Joins two subtrees, all of the left one going before all of the right one. */
static entry_t
join(const struct backlog *backlog, entry_t left, entry_t right)
{
    entry_t root = NODE_NONE;
    entry_t *link = &root;

    while (left != NODE_NONE && right != NODE_NONE) {
        struct node *a = node_at(backlog, left);
        struct node *b = node_at(backlog, right);

        if (rank_of(backlog, left) > rank_of(backlog, right)) {
            a->size += b->size;
            *link = left;
            link = &a->right;
            left = a->right;
        } else {
            b->size += a->size;
            *link = right;
            link = &b->left;
            right = b->left;
        }
    }
    *link = left != NODE_NONE ? left : right;
    return root;
}

void
order_insert(const struct backlog *backlog, entry_t *root, entry_t number)
{
    struct node *node = node_at(backlog, number);
    uint64_t rank = rank_of(backlog, number);

    while (*root != NODE_NONE && rank_of(backlog, *root) >= rank) {
        struct node *above = node_at(backlog, *root);

        above->size++;
        root = before(backlog, *root, number) ? &above->right : &above->left;
    }
    node->size = node_at(backlog, *root)->size + 1;
    part(backlog, *root, number, count_before(backlog, *root, number), &node->left, &node->right);
    *root = number;
}

void
order_remove(const struct backlog *backlog, entry_t *root, entry_t number)
{
    const struct node *node = node_at(backlog, number);

    while (*root != number) {
        struct node *above = node_at(backlog, *root);

        above->size--;
        root = before(backlog, *root, number) ? &above->right : &above->left;
    }
    *root = join(backlog, node->left, node->right);
}

entry_t
order_select(const struct backlog *backlog, entry_t root, uint32_t rank)
{
    for (;;) {
        const struct node *node = node_at(backlog, root);
        uint32_t left = node_at(backlog, node->left)->size;

        if (rank == left) {
            return root;
        }
        if (rank < left) {
            root = node->left;
        } else {
            rank -= left + 1;
            root = node->right;
        }
    }
}

/* --- what the queue shows --- */

entry_t
queue_head(const struct backlog *backlog, const struct queue *queue)
{
    return queue->root == NODE_NONE ? ENTRY_NONE : order_select(backlog, queue->root, 0);
}

entry_t
queue_next(const struct backlog *backlog, const struct queue *queue, entry_t number)
{
    entry_t next = ENTRY_NONE;

    for (entry_t root = queue->root; root != NODE_NONE;) {
        const struct node *node = node_at(backlog, root);

        if (root == number || before(backlog, root, number)) {
            root = node->right;
        } else {
            next = root;
            root = node->left;
        }
    }
    return next;
}

uint64_t
queue_ahead(const struct backlog *backlog, const struct queue *queue, entry_t number)
{
    return count_before(backlog, queue->root, number);
}

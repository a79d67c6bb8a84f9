/* The inside of the backlog, for the files that it is made of: the pool of nodes, the order of the queues, what is due.
 */
#pragma once

#include "egress/backlog.h"
#include "egress/key_table.h"

#define NODE_NONE 0U /* inside; a node of that number is there, and is an empty subtree */

/* An entry, and its links. 72 bytes: there may be a million. */
struct node {
    struct command_key key;
    uint64_t content;
    int64_t offset, received_ms, deadline_ms;
    union {
        struct {
            entry_t left, right; /* QUEUED: its subtrees */
        };
        int64_t not_before_ms; /* WAITING */
    };
    uint32_t account;
    entry_t next; /* in its chain of the table; of a free node: the next free one of its chunk */
    union {
        uint32_t size;  /* QUEUED: of its subtree, itself included */
        uint32_t place; /* WAITING: in the heap of those */
    };
    uint8_t priority, state, attempts, note;
};

#define CHUNK_BITS   10
#define CHUNK_NODES  (1U << CHUNK_BITS)
#define CHUNKS_MAX   (UINT32_MAX >> CHUNK_BITS) /* so that no entry gets the number ENTRY_NONE */
#define CHUNK_ABSENT UINT32_MAX

struct chunk {
    struct node *nodes;      /* NULL: it has no memory */
    uint32_t live;           /* nodes in use */
    uint32_t fresh;          /* from here on they were never used */
    entry_t free;            /* NODE_NONE: none of those before has been freed */
    uint32_t next, previous; /* in the list that it is in: of those with room, or of those without memory */
};

/* Nodes by number. They never move; a chunk that is empty is given back, but for one. */
struct pool {
    struct chunk *chunks;
    uint32_t count, capacity;
    uint32_t with_room, without_memory; /* heads of the lists */
    uint32_t empty;                     /* chunks with memory and no node in use */
};

/* One that waits, and when something happens to it. */
struct due {
    int64_t at_ms;
    entry_t number;
};

struct backlog {
    struct pool pool;
    struct key_table table;
    uint64_t seed;        /* of the shape of the trees, so that no order of commands makes a bad one */
    struct paged waiting; /* struct due: a heap from place 1 on, the earliest first */
    uint32_t waiting_count;
    struct queue *first; /* of those that are not empty: the one with the earliest deadline in it */
};

static inline struct node *
node_at(const struct backlog *backlog, entry_t number)
{
    return &backlog->pool.chunks[number >> CHUNK_BITS].nodes[number & (CHUNK_NODES - 1)];
}

/* --- backlog_pool.c --- */
void pool_init(struct pool *pool);
void pool_free(struct pool *pool);
entry_t pool_take(struct pool *pool); /* ENTRY_NONE: out of memory */
void pool_give(struct pool *pool, entry_t number);
size_t pool_bytes(const struct pool *pool);

/* --- backlog_order.c: each queue a treap, with the size of every subtree --- */
void order_insert(const struct backlog *backlog, entry_t *root, entry_t number);
void order_remove(const struct backlog *backlog, entry_t *root, entry_t number);
/* The one that so many go before; there must be more than that. */
entry_t order_select(const struct backlog *backlog, entry_t root, uint32_t rank);

/* --- backlog_due.c --- */
bool waiting_reserve(struct backlog *backlog) MUST_CHECK; /* for one more */
void waiting_add(struct backlog *backlog, entry_t number);
void waiting_remove(struct backlog *backlog, entry_t number);
/* The queue has got the entry, or has it no longer: its count has been changed already. */
void queue_gained(struct backlog *backlog, struct queue *queue, entry_t number);
void queue_lost(struct backlog *backlog, struct queue *queue, entry_t number);
/* Of a queue that is not empty: the one with the earliest deadline. */
entry_t queue_earliest(const struct backlog *backlog, const struct queue *queue);

/* The pool of the backlog's nodes: chunks of a thousand, each with its own free nodes. */
#include <stdlib.h>

#include "egress/backlog_state.h"

void
pool_init(struct pool *pool)
{
    *pool = (struct pool){.with_room = CHUNK_ABSENT, .without_memory = CHUNK_ABSENT};
}

void
pool_free(struct pool *pool)
{
    for (uint32_t i = 0; i < pool->count; i++) {
        free(pool->chunks[i].nodes);
    }
    free(pool->chunks);
}

static void
push(struct pool *pool, uint32_t *head, uint32_t index)
{
    struct chunk *chunk = &pool->chunks[index];

    chunk->next = *head;
    chunk->previous = CHUNK_ABSENT;
    if (*head != CHUNK_ABSENT) {
        pool->chunks[*head].previous = index;
    }
    *head = index;
}

static void
unlink_chunk(struct pool *pool, uint32_t *head, uint32_t index)
{
    const struct chunk *chunk = &pool->chunks[index];

    if (chunk->next != CHUNK_ABSENT) {
        pool->chunks[chunk->next].previous = chunk->previous;
    }
    if (chunk->previous != CHUNK_ABSENT) {
        pool->chunks[chunk->previous].next = chunk->next;
    } else {
        *head = chunk->next;
    }
}

/* A place in the table of chunks for one more. */
static bool
add_chunk(struct pool *pool)
{
    if (pool->count == CHUNKS_MAX) {
        return false;
    }
    if (pool->count == pool->capacity) {
        uint32_t capacity = pool->capacity == 0 ? 4 : pool->capacity * 2;
        struct chunk *chunks = realloc(pool->chunks, capacity * sizeof *chunks);

        if (chunks == NULL) {
            return false;
        }
        pool->chunks = chunks;
        pool->capacity = capacity;
    }
    pool->chunks[pool->count] = (struct chunk){.nodes = NULL};
    push(pool, &pool->without_memory, pool->count++);
    return true;
}

static bool
make_room(struct pool *pool)
{
    uint32_t index;
    struct node *nodes;

    if (pool->without_memory == CHUNK_ABSENT && !add_chunk(pool)) {
        return false;
    }
    nodes = malloc(CHUNK_NODES * sizeof *nodes);
    if (nodes == NULL) {
        return false;
    }
    index = pool->without_memory;
    unlink_chunk(pool, &pool->without_memory, index);
    pool->chunks[index].nodes = nodes;
    pool->chunks[index].fresh = 0;
    pool->chunks[index].free = NODE_NONE;
    pool->empty++;
    push(pool, &pool->with_room, index);
    return true;
}

entry_t
pool_take(struct pool *pool)
{
    uint32_t index;
    struct chunk *chunk;
    entry_t number;

    if (pool->with_room == CHUNK_ABSENT && !make_room(pool)) {
        return ENTRY_NONE;
    }
    index = pool->with_room;
    chunk = &pool->chunks[index];
    if (chunk->free != NODE_NONE) {
        number = chunk->free;
        chunk->free = chunk->nodes[number & (CHUNK_NODES - 1)].next;
    } else {
        number = index << CHUNK_BITS | chunk->fresh++;
    }
    pool->empty -= chunk->live == 0 ? 1 : 0;
    chunk->live++;
    if (chunk->live == CHUNK_NODES) {
        unlink_chunk(pool, &pool->with_room, index);
    }
    return number;
}

void
pool_give(struct pool *pool, entry_t number)
{
    uint32_t index = number >> CHUNK_BITS;
    struct chunk *chunk = &pool->chunks[index];

    chunk->nodes[number & (CHUNK_NODES - 1)].next = chunk->free;
    chunk->free = number;
    if (chunk->live == CHUNK_NODES) {
        push(pool, &pool->with_room, index);
    }
    chunk->live--;
    if (chunk->live > 0) {
        return;
    }
    pool->empty++;
    if (pool->empty > 1) { /* one is kept, against a length that goes to and fro */
        unlink_chunk(pool, &pool->with_room, index);
        free(chunk->nodes);
        chunk->nodes = NULL;
        pool->empty--;
        push(pool, &pool->without_memory, index);
    }
}

size_t
pool_bytes(const struct pool *pool)
{
    size_t bytes = pool->capacity * sizeof *pool->chunks;

    for (uint32_t i = 0; i < pool->count; i++) {
        bytes += pool->chunks[i].nodes == NULL ? 0 : CHUNK_NODES * sizeof *pool->chunks[i].nodes;
    }
    return bytes;
}

/* Arenas: a list of chunks with a bump pointer, the first chunk out of a pool. */
#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define ALIGNMENT           ((size_t)16)
#define CHUNK_BYTES_DEFAULT ((size_t)4096)

struct chunk {
    struct chunk *next;
    size_t size; /* bytes behind this header */
    _Alignas(16) char bytes[];
};

struct arena_pool {
    size_t chunk_bytes;
    size_t kept_limit;
    size_t kept;
    struct chunk *free;
};

/* Lives at the begin of its own first chunk. */
struct arena {
    struct arena_pool *pool;
    struct chunk *chunks; /* the newest first */
    char *cursor, *end;   /* of the newest */
    size_t handed_out, limit;
    bool failed;
    bool starved; /* memory is out, whatever the limit */
};

static struct chunk *
chunk_new(size_t size)
{
    struct chunk *chunk = malloc(sizeof(*chunk) + size);

    if (chunk != NULL) {
        chunk->next = NULL;
        chunk->size = size;
    }
    return chunk;
}

struct arena_pool *
arena_pool_new(size_t chunk_bytes, size_t kept_chunks)
{
    struct arena_pool *pool = calloc(1, sizeof(*pool));

    if (pool != NULL) {
        pool->chunk_bytes = chunk_bytes < sizeof(struct arena) + ALIGNMENT ? CHUNK_BYTES_DEFAULT : chunk_bytes;
        pool->kept_limit = kept_chunks;
    }
    return pool;
}

void
arena_pool_free(struct arena_pool *pool)
{
    struct chunk *chunk;

    if (pool == NULL) {
        return;
    }
    while ((chunk = pool->free) != NULL) {
        pool->free = chunk->next;
        free(chunk);
    }
    free(pool);
}

/* The first chunk of an arena: one that an earlier arena gave back, or a new one. */
static struct chunk *
pool_take(struct arena_pool *pool)
{
    struct chunk *chunk;

    if (pool == NULL || pool->free == NULL) {
        return chunk_new(pool == NULL ? CHUNK_BYTES_DEFAULT : pool->chunk_bytes);
    }
    chunk = pool->free;
    pool->free = chunk->next;
    pool->kept--;
    chunk->next = NULL;
    return chunk;
}

static void
pool_give(struct arena_pool *pool, struct chunk *chunk)
{
    if (pool == NULL || pool->kept >= pool->kept_limit) {
        free(chunk);
        return;
    }
    chunk->next = pool->free;
    pool->free = chunk;
    pool->kept++;
}

static size_t
aligned(size_t bytes)
{
    return (bytes + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
}

struct arena *
arena_new(struct arena_pool *pool, size_t limit_bytes)
{
    struct chunk *chunk = pool_take(pool);
    struct arena *arena;

    if (chunk == NULL) {
        return NULL;
    }
    arena = (struct arena *)chunk->bytes;
    *arena = (struct arena){
        .pool = pool,
        .chunks = chunk,
        .cursor = chunk->bytes + aligned(sizeof(*arena)),
        .end = chunk->bytes + chunk->size,
        .limit = limit_bytes,
    };
    return arena;
}

void
arena_free(struct arena *arena)
{
    struct arena_pool *pool;
    struct chunk *chunk;

    if (arena == NULL) {
        return;
    }
    pool = arena->pool;
    chunk = arena->chunks;
    while (chunk->next != NULL) {
        struct chunk *next = chunk->next;

        free(chunk);
        chunk = next;
    }
    pool_give(pool, chunk); /* the first one, in which the arena itself lives */
}

static void *
give_up(struct arena *arena)
{
    arena->failed = true;
    return NULL;
}

/* Puts a chunk in front that holds at least bytes, of which the limit allows for; and no more than it allows for. */
static bool
grow(struct arena *arena, size_t bytes)
{
    size_t size = arena->chunks->size < (SIZE_MAX >> 2) ? arena->chunks->size * 2 : arena->chunks->size;
    size_t left = arena->limit - arena->handed_out;
    struct chunk *chunk;

    if (size > left) {
        size = left;
    }
    if (size < bytes) {
        size = bytes;
    }
    chunk = chunk_new(size);
    if (chunk == NULL) {
        arena_starve(arena);
        return false;
    }
    chunk->next = arena->chunks;
    arena->chunks = chunk;
    arena->cursor = chunk->bytes;
    arena->end = chunk->bytes + chunk->size;
    return true;
}

void *
arena_alloc(struct arena *arena, size_t bytes)
{
    size_t size = aligned(bytes == 0 ? 1 : bytes);
    char *memory;

    if (bytes > arena->limit || size > arena->limit - arena->handed_out) {
        return give_up(arena);
    }
    if (size > (size_t)(arena->end - arena->cursor) && !grow(arena, size)) {
        return give_up(arena);
    }
    memory = arena->cursor;
    arena->cursor += size;
    arena->handed_out += size;
    return memory;
}

void *
arena_zalloc(struct arena *arena, size_t count, size_t bytes)
{
    size_t size;
    void *memory;

    if (__builtin_mul_overflow(count, bytes, &size)) {
        return give_up(arena);
    }
    memory = arena_alloc(arena, size);
    return memory == NULL ? NULL : memset(memory, 0, size);
}

bool
arena_extend(struct arena *arena, void *memory, size_t old_bytes, size_t new_bytes)
{
    size_t before = aligned(old_bytes == 0 ? 1 : old_bytes);
    size_t after = aligned(new_bytes == 0 ? 1 : new_bytes);
    char *begin = memory;

    if (new_bytes > arena->limit || after < before || begin + before != arena->cursor ||
        after - before > (size_t)(arena->end - arena->cursor) || after - before > arena->limit - arena->handed_out) {
        return false;
    }
    arena->cursor = begin + after;
    arena->handed_out += after - before;
    return true;
}

bool
arena_failed(const struct arena *arena)
{
    return arena->failed;
}

void
arena_starve(struct arena *arena)
{
    arena->starved = true;
    arena->failed = true;
}

bool
arena_allow(struct arena *arena, size_t bytes)
{
    if (arena->starved) {
        return false;
    }
    arena->limit = bytes > SIZE_MAX - ALIGNMENT - arena->limit ? SIZE_MAX : arena->limit + aligned(bytes);
    arena->failed = false;
    return true;
}

size_t
arena_bytes(const struct arena *arena)
{
    return arena->handed_out;
}

size_t
arena_footprint(const struct arena *arena)
{
    size_t bytes = 0;

    for (const struct chunk *chunk = arena->chunks; chunk != NULL; chunk = chunk->next) {
        bytes += sizeof(*chunk) + chunk->size;
    }
    return bytes;
}

struct slice
arena_copy(struct arena *arena, struct slice slice)
{
    char *copy = slice.length == SIZE_MAX ? give_up(arena) : arena_alloc(arena, slice.length + 1);

    if (copy == NULL) {
        return slice_make(NULL, 0);
    }
    if (slice.length > 0) {
        memcpy(copy, slice.data, slice.length);
    }
    copy[slice.length] = '\0';
    return slice_make(copy, slice.length);
}

struct slice
arena_printf(struct arena *arena, const char *format, ...)
{
    va_list arguments, again;
    char *text = NULL;
    int length;

    va_start(arguments, format);
    va_copy(again, arguments);
    length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length >= 0) {
        text = arena_alloc(arena, (size_t)length + 1);
    }
    if (text != NULL) {
        vsnprintf(text, (size_t)length + 1, format, again);
    }
    va_end(again);
    return slice_make(text, text == NULL ? 0 : (size_t)length);
}

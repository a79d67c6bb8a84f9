/* An arena owns all memory of one request (or one file): allocation is a pointer step, freeing is one call. */
#pragma once

#include "base/slice.h"

struct arena;
struct arena_pool;

/* A pool keeps the first chunks of freed arenas for the next ones. One pool a thread; it takes no lock. NULL when out
 * of memory. */
struct arena_pool *arena_pool_new(size_t chunk_bytes, size_t kept_chunks);
void arena_pool_free(struct arena_pool *pool); /* after every arena of it; NULL is fine */

/* A new arena that never hands out more than limit_bytes. pool may be NULL. Returns NULL when out of memory. */
struct arena *arena_new(struct arena_pool *pool, size_t limit_bytes);
void arena_free(struct arena *arena); /* NULL is fine */

/* Aligned for any type and not cleared; NULL when the limit is reached or memory is out, and then arena_failed() stays
 * true. Code that formats many small texts may therefore go on with empty slices and ask once, at its end. */
void *arena_alloc(struct arena *arena, size_t bytes);
/* The same, cleared; count * bytes is checked for overflow. */
void *arena_zalloc(struct arena *arena, size_t count, size_t bytes);
/* Makes the block that was allocated last longer where it is; false, and nothing changed, when it cannot. */
bool arena_extend(struct arena *arena, void *memory, size_t old_bytes, size_t new_bytes) MUST_CHECK;
bool arena_failed(const struct arena *arena);
/* Whoever makes what the arena is to hold got no memory from elsewhere: it is as if the arena's own were out. */
void arena_starve(struct arena *arena);
/* Raises the limit by so many bytes, also when it has been reached: for what is to be said then. It has failed no more.
 * false: memory itself is out. */
bool arena_allow(struct arena *arena, size_t bytes) MUST_CHECK;
size_t arena_bytes(const struct arena *arena);     /* handed out so far */
size_t arena_footprint(const struct arena *arena); /* memory that it holds, with what is not handed out yet */

/* A copy that lives as long as the arena; the empty slice on failure. The copy is followed by a NUL that is not part
 * of the slice. */
struct slice arena_copy(struct arena *arena, struct slice slice);
struct slice arena_printf(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));

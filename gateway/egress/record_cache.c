/* Copies of records: each one block of memory, in a hash table by offset and in a list by when it was asked for. */
#include "egress/record_cache.h"

#include <stdlib.h>

#define BUCKETS_LEAST ((size_t)64)

struct copy {
    struct consumed record;     /* its bytes and headers follow this struct */
    struct copy *next;          /* in its bucket */
    struct copy *newer, *older; /* by when they were asked for */
    size_t bytes;               /* of the whole block */
};

struct record_cache {
    struct slice topic;
    size_t limit, bytes;
    struct copy *newest, *oldest;
    struct copy **buckets;
    size_t bucket_count; /* a power of two */
    size_t count;
};

struct record_cache *
record_cache_new(struct slice topic, size_t bytes)
{
    struct record_cache *cache = calloc(1, sizeof *cache);

    if (cache == NULL) {
        return NULL;
    }
    cache->buckets = calloc(BUCKETS_LEAST, sizeof(struct copy *));
    if (cache->buckets == NULL) {
        free(cache);
        return NULL;
    }
    cache->bucket_count = BUCKETS_LEAST;
    cache->topic = topic;
    cache->limit = bytes;
    return cache;
}

void
record_cache_free(struct record_cache *cache)
{
    if (cache == NULL) {
        return;
    }
    while (cache->oldest != NULL) {
        struct copy *copy = cache->oldest;

        cache->oldest = copy->newer;
        free(copy);
    }
    free(cache->buckets);
    free(cache);
}

static struct copy **
bucket_of(const struct record_cache *cache, int64_t offset)
{
    /* Offsets come in rows: their low bits are as good as a hash. */
    return &cache->buckets[(size_t)offset & (cache->bucket_count - 1)];
}

/* Where the pointer to that offset's copy is, or would be. */
static struct copy **
place_of(const struct record_cache *cache, int64_t offset)
{
    struct copy **place = bucket_of(cache, offset);

    while (*place != NULL && (*place)->record.offset != offset) {
        place = &(*place)->next;
    }
    return place;
}

/* Twice the buckets; without memory for them the old ones go on, with longer chains. */
static void
grow(struct record_cache *cache)
{
    struct copy **old = cache->buckets;
    struct copy **buckets = calloc(cache->bucket_count * 2, sizeof(struct copy *));
    size_t count = cache->bucket_count;

    if (buckets == NULL) {
        return;
    }
    cache->buckets = buckets;
    cache->bucket_count *= 2;
    for (size_t i = 0; i < count; i++) {
        while (old[i] != NULL) {
            struct copy *copy = old[i];
            struct copy **bucket = bucket_of(cache, copy->record.offset);

            old[i] = copy->next;
            copy->next = *bucket;
            *bucket = copy;
        }
    }
    free(old);
}

static void
list_remove(struct record_cache *cache, struct copy *copy)
{
    *(copy->newer == NULL ? &cache->newest : &copy->newer->older) = copy->older;
    *(copy->older == NULL ? &cache->oldest : &copy->older->newer) = copy->newer;
}

static void
list_add_newest(struct record_cache *cache, struct copy *copy)
{
    copy->newer = NULL;
    copy->older = cache->newest;
    *(cache->newest == NULL ? &cache->oldest : &cache->newest->newer) = copy;
    cache->newest = copy;
}

void
record_cache_drop(struct record_cache *cache, int64_t offset)
{
    struct copy **place = place_of(cache, offset);
    struct copy *copy = *place;

    if (copy == NULL) {
        return;
    }
    *place = copy->next;
    list_remove(cache, copy);
    cache->bytes -= copy->bytes;
    cache->count--;
    free(copy);
}

/* Sizes come from a record in memory: their sum does not overflow. Every name and text is followed by a NUL. */
static size_t
size_of(const struct consumed *record)
{
    size_t size = sizeof(struct copy) + record->header_count * sizeof *record->headers + record->key.length +
                  record->value.length + 2;

    for (size_t i = 0; i < record->header_count; i++) {
        size += record->headers[i].name.length + record->headers[i].value.length + 2;
    }
    return size;
}

/* To *to, which moves on. What is absent stays absent. */
static struct slice
put(char **to, struct slice slice)
{
    char *text = *to;

    if (slice.data == NULL) {
        return slice;
    }
    memcpy(text, slice.data, slice.length);
    text[slice.length] = '\0';
    *to += slice.length + 1;
    return slice_make(text, slice.length);
}

static void
fill(struct copy *copy, const struct consumed *record, struct slice topic)
{
    struct record_header *headers = (struct record_header *)(copy + 1);
    char *to = (char *)(headers + record->header_count);

    copy->record = *record;
    copy->record.topic = topic;
    copy->record.key = put(&to, record->key);
    copy->record.value = put(&to, record->value);
    for (size_t i = 0; i < record->header_count; i++) {
        headers[i].name = put(&to, record->headers[i].name);
        headers[i].value = put(&to, record->headers[i].value);
    }
    copy->record.headers = headers;
}

void
record_cache_keep(struct record_cache *cache, const struct consumed *record)
{
    size_t bytes = size_of(record);
    struct copy *copy;
    struct copy **bucket;

    copy = bytes > cache->limit ? NULL : malloc(bytes);
    if (copy != NULL) {
        fill(copy, record, cache->topic); /* first: the record may be the very copy that goes now */
        copy->bytes = bytes;
    }
    record_cache_drop(cache, record->offset);
    if (copy == NULL) {
        return;
    }
    while (cache->bytes > cache->limit - bytes) {
        record_cache_drop(cache, cache->oldest->record.offset);
    }
    if (cache->count >= cache->bucket_count) {
        grow(cache);
    }
    bucket = bucket_of(cache, copy->record.offset);
    copy->next = *bucket;
    *bucket = copy;
    list_add_newest(cache, copy);
    cache->bytes += bytes;
    cache->count++;
}

const struct consumed *
record_cache_find(struct record_cache *cache, int64_t offset)
{
    struct copy *copy = *place_of(cache, offset);

    if (copy == NULL) {
        return NULL;
    }
    list_remove(cache, copy);
    list_add_newest(cache, copy);
    return &copy->record;
}

size_t
record_cache_bytes(const struct record_cache *cache)
{
    return cache->bytes;
}

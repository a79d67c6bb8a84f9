/* A batch: its records grow in arrays, their bytes in one arena. */
#include "egress/batch.h"

#include <stdlib.h>

#define BYTES_MAX     ((size_t)256 * 1024 * 1024) /* never reached, as intake stops long before */
#define CROWD_RECORDS 2000
#define CROWD_BYTES   ((size_t)1024 * 1024) /* a lane holds several times as much, while one batch is on its way */
#define FIRST_RECORDS 32

struct batch *
batch_new(struct arena_pool *pool)
{
    struct batch *batch = calloc(1, sizeof *batch);

    if (batch == NULL) {
        return NULL;
    }
    batch->accepted_through = -1;
    batch->arena = arena_new(pool, BYTES_MAX);
    if (batch->arena == NULL) {
        free(batch);
        return NULL;
    }
    return batch;
}

void
batch_free(struct batch *batch)
{
    if (batch == NULL) {
        return;
    }
    arena_free(batch->arena);
    free(batch->records);
    free(batch->fallbacks);
    free(batch->places);
    free(batch);
}

static bool
make_room(struct batch *batch)
{
    size_t capacity = batch->capacity == 0 ? FIRST_RECORDS : 2 * batch->capacity;
    struct transaction_record *records;
    struct slice *fallbacks;

    if (batch->count < batch->capacity) {
        return true;
    }
    records = realloc(batch->records, capacity * sizeof *records);
    if (records == NULL) {
        return false;
    }
    batch->records = records;
    fallbacks = realloc(batch->fallbacks, capacity * sizeof *fallbacks);
    if (fallbacks == NULL) {
        return false;
    }
    batch->fallbacks = fallbacks;
    batch->capacity = capacity;
    return true;
}

bool
batch_add(struct batch *batch, struct slice topic, int32_t partition, const struct record *record)
{
    if (arena_failed(batch->arena) || !make_room(batch)) {
        return false;
    }
    batch->fallbacks[batch->count] = (struct slice){0};
    batch->records[batch->count++] = (struct transaction_record){
        .topic = topic,
        .partition = partition,
        .key = batch_keep(batch, record->key),
        .value = record->value,
        .headers = record->headers,
        .header_count = record->header_count,
    };
    return !arena_failed(batch->arena);
}

struct slice
batch_keep(struct batch *batch, struct slice bytes)
{
    return slice_empty(bytes) ? slice_from("") : arena_copy(batch->arena, bytes);
}

bool
batch_add_copy(struct batch *batch, struct slice topic, int32_t partition, const struct record *record)
{
    struct record_header *headers = arena_zalloc(batch->arena, record->header_count + 1, sizeof *headers);
    struct record copy = {.key = record->key, .value = batch_keep(batch, record->value)};

    if (headers == NULL) {
        return false;
    }
    for (size_t i = 0; i < record->header_count; i++) {
        headers[i].name = arena_copy(batch->arena, record->headers[i].name);
        headers[i].value = batch_keep(batch, record->headers[i].value);
    }
    copy.headers = headers;
    copy.header_count = record->header_count;
    return batch_add(batch, topic, partition, &copy);
}

bool
batch_place(struct batch *batch, struct command_key key)
{
    if (batch->place_count == batch->place_capacity) {
        size_t capacity = batch->place_capacity == 0 ? FIRST_RECORDS : 2 * batch->place_capacity;
        struct done_place *places = realloc(batch->places, capacity * sizeof *places);

        if (places == NULL) {
            return false;
        }
        batch->places = places;
        batch->place_capacity = capacity;
    }
    batch->places[batch->place_count++] = (struct done_place){key, batch->count - 1};
    return true;
}

bool
batch_crowded(const struct batch *batch)
{
    return batch->count >= CROWD_RECORDS || arena_bytes(batch->arena) >= CROWD_BYTES;
}

/* The record moves from one place to the other. */
static void
move(struct batch *batch, size_t from, size_t to)
{
    for (size_t i = 0; i < batch->place_count; i++) {
        if (batch->places[i].record == from) {
            batch->places[i].record = to;
        }
    }
    batch->fallbacks[to] = batch->fallbacks[from];
    batch->records[to] = batch->records[from];
}

void
batch_shorten(struct batch *batch)
{
    size_t kept = 0;

    for (size_t i = 0; i < batch->count; i++) {
        if (batch->records[i].delivery == DELIVERY_REFUSED) {
            if (slice_empty(batch->fallbacks[i])) {
                continue;
            }
            batch->records[i].value = batch->fallbacks[i];
            batch->fallbacks[i] = (struct slice){0};
        }
        move(batch, i, kept++);
    }
    batch->count = kept;
}

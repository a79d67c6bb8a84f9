/* Duplicates: the finished commands in the order in which they ended, in chunks that go once the window has passed over
 * them, and a table that finds them by key. */
#include "egress/duplicates.h"

#include <stdlib.h>

#include "egress/key_table.h"

#define CHUNK_BITS  10
#define CHUNK_ITEMS (1U << CHUNK_BITS)
#define RING_MIN    4U

/* An item's number counts up and wraps; it begins shortly before that, so that it does in every test. */
#define NUMBER_FIRST (UINT32_MAX - 4 * CHUNK_ITEMS + 1)
#define ITEMS_MAX    (UINT32_MAX - 2 * CHUNK_ITEMS)

#define REPLACED INT64_MIN /* as journal_offset: there is a later item of that key */

struct chunk {
    struct finished items[CHUNK_ITEMS];
    uint32_t next[CHUNK_ITEMS]; /* links of the table */
};

struct duplicates {
    int64_t window_ms;
    struct key_table table; /* of those that were not replaced */
    struct chunk **ring;    /* by number / CHUNK_ITEMS */
    uint32_t capacity;      /* a power of two */
    uint32_t first, end;    /* numbers: of the oldest item, and behind the newest one */
};

static struct chunk **
chunk_of(const struct duplicates *duplicates, uint32_t number)
{
    return &duplicates->ring[number >> CHUNK_BITS & (duplicates->capacity - 1)];
}

static struct finished *
item_at(const struct duplicates *duplicates, uint32_t number)
{
    return &(*chunk_of(duplicates, number))->items[number & (CHUNK_ITEMS - 1)];
}

static struct key_item
item_of(void *owner, uint32_t number)
{
    struct chunk *chunk = *chunk_of(owner, number);
    uint32_t place = number & (CHUNK_ITEMS - 1);

    return (struct key_item){&chunk->items[place].key, &chunk->next[place]};
}

struct duplicates *
duplicates_new(int64_t window_ms)
{
    struct duplicates *duplicates = calloc(1, sizeof *duplicates);

    if (duplicates == NULL) {
        return NULL;
    }
    *duplicates = (struct duplicates){.window_ms = window_ms, .first = NUMBER_FIRST, .end = NUMBER_FIRST};
    duplicates->capacity = RING_MIN;
    duplicates->ring = calloc(RING_MIN, sizeof(struct chunk *));
    if (duplicates->ring == NULL || !key_table_init(&duplicates->table, item_of, duplicates)) {
        duplicates_free(duplicates);
        return NULL;
    }
    return duplicates;
}

void
duplicates_free(struct duplicates *duplicates)
{
    if (duplicates == NULL) {
        return;
    }
    for (uint32_t i = 0; duplicates->ring != NULL && i < duplicates->capacity; i++) {
        free(duplicates->ring[i]);
    }
    free(duplicates->ring);
    key_table_free(&duplicates->table);
    free(duplicates);
}

/* --- adding --- */

static bool
grow(struct duplicates *duplicates)
{
    uint32_t capacity = duplicates->capacity * 2;
    struct chunk **ring = calloc(capacity, sizeof(struct chunk *));
    uint32_t first = duplicates->first >> CHUNK_BITS;

    if (ring == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < duplicates->capacity; i++) {
        ring[(first + i) & (capacity - 1)] = duplicates->ring[(first + i) & (duplicates->capacity - 1)];
    }
    free(duplicates->ring);
    duplicates->ring = ring;
    duplicates->capacity = capacity;
    return true;
}

/* Sees to the chunk of the number that comes next. */
static bool
reserve(struct duplicates *duplicates)
{
    struct chunk **chunk;

    if (duplicates->end - duplicates->first > ITEMS_MAX) {
        return false;
    }
    if ((duplicates->end & (CHUNK_ITEMS - 1)) == 0 &&
        (duplicates->end - (duplicates->first & ~(CHUNK_ITEMS - 1))) >> CHUNK_BITS == duplicates->capacity &&
        !grow(duplicates)) {
        return false;
    }
    chunk = chunk_of(duplicates, duplicates->end);
    if (*chunk == NULL) {
        *chunk = malloc(sizeof **chunk);
    }
    return *chunk != NULL;
}

/* The oldest item goes, and with the last of a chunk the chunk. */
static void
drop_first(struct duplicates *duplicates)
{
    struct chunk **chunk = chunk_of(duplicates, duplicates->first);

    if (item_at(duplicates, duplicates->first)->journal_offset != REPLACED) {
        key_table_remove(&duplicates->table, duplicates->first);
    }
    duplicates->first++;
    if ((duplicates->first & (CHUNK_ITEMS - 1)) == 0) {
        free(*chunk);
        *chunk = NULL;
    }
}

static void
append(struct duplicates *duplicates, const struct finished *finished)
{
    struct finished *item = item_at(duplicates, duplicates->end);

    *item = *finished;
    if (finished->journal_offset < 0) {
        item->journal_offset = -1;
    }
    key_table_insert(&duplicates->table, duplicates->end++);
}

bool
duplicates_add(struct duplicates *duplicates, const struct finished *finished)
{
    uint32_t earlier;

    if (!reserve(duplicates)) {
        return false;
    }
    if (duplicates->end == KEY_TABLE_NONE) {
        /* That number is no item's. */
        item_at(duplicates, duplicates->end++)->journal_offset = REPLACED;
        if (!reserve(duplicates)) {
            return false;
        }
    }
    if (!key_table_reserve(&duplicates->table)) {
        return false;
    }
    earlier = key_table_find(&duplicates->table, finished->key);
    if (earlier != KEY_TABLE_NONE) {
        key_table_remove(&duplicates->table, earlier);
        item_at(duplicates, earlier)->journal_offset = REPLACED;
    }
    append(duplicates, finished);
    return true;
}

/* --- asking --- */

/* The end of the window belongs to it: that is the side on which nobody is dialled twice. */
static bool
within(const struct duplicates *duplicates, const struct finished *finished, int64_t now_ms)
{
    return finished->finished_ms >= now_ms - duplicates->window_ms;
}

const struct finished *
duplicates_find(const struct duplicates *duplicates, struct command_key key, int64_t now_ms)
{
    uint32_t number = key_table_find(&duplicates->table, key);
    const struct finished *found = number == KEY_TABLE_NONE ? NULL : item_at(duplicates, number);

    return found != NULL && within(duplicates, found, now_ms) ? found : NULL;
}

void
duplicates_locate(struct duplicates *duplicates, struct command_key key, int64_t journal_offset)
{
    uint32_t number = key_table_find(&duplicates->table, key);

    if (number != KEY_TABLE_NONE && journal_offset >= 0) {
        item_at(duplicates, number)->journal_offset = journal_offset;
    }
}

void
duplicates_forget(struct duplicates *duplicates, int64_t now_ms)
{
    while (duplicates->first != duplicates->end) {
        const struct finished *oldest = item_at(duplicates, duplicates->first);

        if (oldest->journal_offset != REPLACED && within(duplicates, oldest, now_ms)) {
            break;
        }
        drop_first(duplicates);
    }
}

size_t
duplicates_count(const struct duplicates *duplicates)
{
    return duplicates->table.count;
}

/* Linear hashing: buckets are split in their order, one whenever the items have become too many. */
#include "egress/key_table.h"

/* Items a bucket: split above, merged below. The first makes 2 bytes an item; a chain is two long then. */
#define SPLIT_AT 2

/* The key is a digest already: any bits of it will do. */
static uint32_t
bucket_index(const struct command_key *key, uint32_t bucket_count)
{
    uint32_t mask = bucket_count == 1 ? 0 : UINT32_MAX >> __builtin_clz(bucket_count - 1);
    uint32_t index = (uint32_t)key->low & mask;

    return index < bucket_count ? index : index & mask >> 1;
}

static uint32_t *
bucket_at(const struct key_table *table, uint32_t index)
{
    return paged_at(&table->buckets, index);
}

static bool
same_key(const struct command_key *a, const struct command_key *b)
{
    return a->high == b->high && a->low == b->low;
}

bool
key_table_init(struct key_table *table, struct key_item (*item_of)(void *owner, uint32_t number), void *owner)
{
    *table = (struct key_table){.buckets = {.item_bytes = sizeof(uint32_t)}, .item_of = item_of, .owner = owner};
    if (!paged_reserve(&table->buckets, 1)) {
        paged_free(&table->buckets);
        return false;
    }
    table->bucket_count = 1;
    *bucket_at(table, 0) = KEY_TABLE_NONE;
    return true;
}

void
key_table_free(struct key_table *table)
{
    paged_free(&table->buckets);
}

/* The bucket that the last of so many was split from, and is merged into. */
static uint32_t
origin_of_last(uint32_t bucket_count)
{
    uint32_t last = bucket_count - 1;

    return last & ~(1U << (31 - __builtin_clz(last)));
}

static void
split(struct key_table *table)
{
    uint32_t last = table->bucket_count++;
    uint32_t *from = bucket_at(table, origin_of_last(table->bucket_count));
    uint32_t *to = bucket_at(table, last);

    while (*from != KEY_TABLE_NONE) {
        struct key_item item = table->item_of(table->owner, *from);

        if (bucket_index(item.key, table->bucket_count) == last) {
            *to = *from;
            to = item.next;
            *from = *item.next;
        } else {
            from = item.next;
        }
    }
    *to = KEY_TABLE_NONE;
}

static void
merge(struct key_table *table)
{
    uint32_t *to = bucket_at(table, origin_of_last(table->bucket_count));

    while (*to != KEY_TABLE_NONE) {
        to = table->item_of(table->owner, *to).next;
    }
    *to = *bucket_at(table, --table->bucket_count);
    paged_trim(&table->buckets, table->bucket_count);
}

bool
key_table_reserve(struct key_table *table)
{
    if (table->count / SPLIT_AT < table->bucket_count) {
        return true;
    }
    if (table->count == KEY_TABLE_NONE - 1 || !paged_reserve(&table->buckets, table->bucket_count + 1)) {
        return false;
    }
    split(table);
    return true;
}

void
key_table_insert(struct key_table *table, uint32_t number)
{
    struct key_item item = table->item_of(table->owner, number);
    uint32_t *bucket = bucket_at(table, bucket_index(item.key, table->bucket_count));

    *item.next = *bucket;
    *bucket = number;
    table->count++;
}

void
key_table_remove(struct key_table *table, uint32_t number)
{
    struct key_item item = table->item_of(table->owner, number);
    uint32_t *place = bucket_at(table, bucket_index(item.key, table->bucket_count));

    while (*place != number) {
        place = table->item_of(table->owner, *place).next;
    }
    *place = *item.next;
    table->count--;
    /* Well below the point at which it is split again, and never so low that few items have many buckets. */
    if (table->bucket_count > 1 && table->count / SPLIT_AT < table->bucket_count - table->bucket_count / 4 - 1) {
        merge(table);
    }
}

uint32_t
key_table_find(const struct key_table *table, struct command_key key)
{
    uint32_t number = *bucket_at(table, bucket_index(&key, table->bucket_count));

    while (number != KEY_TABLE_NONE) {
        struct key_item item = table->item_of(table->owner, number);

        if (same_key(item.key, &key)) {
            break;
        }
        number = *item.next;
    }
    return number;
}

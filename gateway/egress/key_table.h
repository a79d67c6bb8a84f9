/* Finds numbered items by their command key. The items are somebody else's and hold the links of the chains; the table
 * is the buckets alone. It grows and shrinks by one bucket at a time (linear hashing), so no operation takes longer
 * than the others, however many items there are. */
#pragma once

#include "egress/backlog.h"
#include "egress/paged.h"

#define KEY_TABLE_NONE UINT32_MAX /* no item */

struct key_item {
    const struct command_key *key;
    uint32_t *next; /* the table's, while the item is in it */
};

struct key_table {
    struct paged buckets;
    uint32_t bucket_count, count;
    struct key_item (*item_of)(void *owner, uint32_t number);
    void *owner;
};

/* false: out of memory. */
bool key_table_init(struct key_table *table, struct key_item (*item_of)(void *owner, uint32_t number),
                    void *owner) MUST_CHECK;
void
key_table_free(struct key_table *table); /* the buckets, not the table; one that was never set up is fine, cleared */
/* Makes room for one more item. false: out of memory. */
bool key_table_reserve(struct key_table *table) MUST_CHECK;
/* Into the room that was made. Its key must not be there yet. */
void key_table_insert(struct key_table *table, uint32_t number);
void key_table_remove(struct key_table *table, uint32_t number);
uint32_t key_table_find(const struct key_table *table, struct command_key key);

/* Counts, shares and removals. */
#include "spool/stock.h"

#include <stdlib.h>

#define RESERVE_DIVISOR 10 /* a tenth is kept for sources whose vendors never repeat */

void
stock_init(struct stock *stock, const struct spool_settings *settings, struct gate *gate)
{
    *stock = (struct stock){.settings = settings, .gate = gate};
    stock->removals_end = &stock->removals;
}

void
stock_clear(struct stock *stock)
{
    struct share *next_share;
    struct removal *next;

    for (struct removal *removal = stock->removals; removal != NULL; removal = next) {
        next = removal->next;
        removal->free(removal);
    }
    for (struct share *share = stock->shares; share != NULL; share = next_share) {
        next_share = share->next;
        free(share);
    }
    id_set_free(&stock->in_flight);
    id_set_free(&stock->taken);
    stock_init(stock, stock->settings, stock->gate);
}

struct share *
stock_share(struct stock *stock, struct slice source)
{
    struct share *share;

    for (share = stock->shares; share != NULL; share = share->next) {
        if (slice_is(source, share->name)) {
            return share;
        }
    }
    share = calloc(1, sizeof(*share) + source.length + 1);
    if (share == NULL) {
        return NULL;
    }
    if (source.length > 0) {
        memcpy(share->name, source.data, source.length);
    }
    share->next = stock->shares;
    stock->shares = share;
    return share;
}

uint64_t
stock_reserve(const struct stock *stock)
{
    return stock->settings->max_bytes / RESERVE_DIVISOR;
}

bool
stock_admits(const struct stock *stock, const struct share *share, bool vendor_repeats, uint64_t bytes)
{
    uint64_t max = stock->settings->max_bytes;
    uint64_t reserve = stock_reserve(stock);
    uint64_t limit = vendor_repeats ? max - reserve : max;
    uint64_t share_limit = max / 100 * stock->settings->source_share_percent + (vendor_repeats ? 0 : reserve);
    uint64_t all = atomic_load(&stock->bytes);
    uint64_t own = atomic_load(&share->bytes);

    return all <= limit && own <= share_limit && bytes <= limit - all && bytes <= share_limit - own;
}

void
stock_add(struct stock *stock, const struct entry *entry, bool set_aside)
{
    atomic_fetch_add(&stock->bytes, entry->bytes);
    atomic_fetch_add(&entry->share->bytes, entry->bytes);
    atomic_fetch_add(set_aside ? &stock->set_aside : &stock->records, 1);
}

/* What was lost with a damaged file is counted no more, though it may still be on its way. */
static void
subtract(_Atomic uint64_t *count, uint64_t amount)
{
    uint64_t now = atomic_load(count);

    atomic_store(count, now < amount ? 0 : now - amount); /* nobody else writes it */
}

void
stock_drop(struct stock *stock, const struct entry *entry, bool set_aside)
{
    subtract(&stock->bytes, entry->bytes);
    subtract(&entry->share->bytes, entry->bytes);
    subtract(set_aside ? &stock->set_aside : &stock->records, 1);
}

void
stock_forget(struct stock *stock)
{
    for (struct share *share = stock->shares; share != NULL; share = share->next) {
        atomic_store(&share->bytes, 0);
    }
    atomic_store(&stock->records, 0);
    atomic_store(&stock->bytes, 0);
    atomic_store(&stock->set_aside, 0);
}

void
stock_retire(struct stock *stock, struct removal *removal)
{
    stock->removal_count++;
    removal->next = NULL;
    *stock->removals_end = removal;
    stock->removals_end = &removal->next;
}

static void
settle(struct stock *stock, const struct removal *removal)
{
    const struct entry *entry = &removal->entry;

    if (removal->set_aside) {
        subtract(&stock->records, 1);
        atomic_fetch_add(&stock->set_aside, 1);
    } else {
        stock_drop(stock, entry, false);
    }
    id_set_remove(&stock->taken, entry->id);
    gate_release(stock->gate, entry->key); /* last: what comes now finds all that was before it in Kafka */
}

void
stock_settle_removals(struct stock *stock)
{
    struct removal *next;

    for (struct removal *removal = stock->removals; removal != NULL; removal = next) {
        next = removal->next;
        settle(stock, removal);
        removal->free(removal);
    }
    stock->removals = NULL;
    stock->removals_end = &stock->removals;
    stock->removal_count = 0;
}

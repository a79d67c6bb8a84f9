/* The records of siblings on their way into our store: counted, and their keys held, once they are committed. */
#include <stdlib.h>

#include "spool/commit.h"
#include "spool/siblings.h"

struct adopted {
    struct adopted *next;
    struct entry entry;
    bool set_aside;
};

static bool
has_room(void *argument, uint64_t bytes)
{
    const struct commit *commit = argument;
    uint64_t taken = atomic_load(&commit->stock->bytes);

    return taken <= commit->stock->settings->max_bytes && bytes <= commit->stock->settings->max_bytes - taken;
}

static enum store_verdict
checked(struct commit *commit, const struct store *store, enum store_verdict verdict)
{
    if (verdict == STORE_BROKEN && store != NULL) {
        keeper_broken(commit->keeper, store_reason(store));
    }
    return verdict;
}

static enum store_verdict
take(void *argument, const struct stored *stored)
{
    struct commit *commit = argument;
    struct store *store = keeper_store(commit->keeper);
    struct share *share = stock_share(commit->stock, stored->source);
    struct adopted *adopted = share == NULL ? NULL : calloc(1, sizeof(*adopted));
    enum store_verdict verdict = store == NULL ? STORE_BROKEN : STORE_OK;
    struct stored copy = *stored;

    if (adopted == NULL) {
        return STORE_FULL;
    }
    copy.id = commit->next_id++;
    adopted->entry = (struct entry){.id = copy.id, .key = copy.key, .bytes = copy.bytes, .share = share};
    adopted->set_aside = !slice_empty(stored->aside);
    if (verdict == STORE_OK && commit->adopted == NULL) {
        verdict = store_begin(store);
    }
    adopted->next = commit->adopted;
    commit->adopted = adopted;
    return checked(commit, store, verdict == STORE_OK ? store_put(store, &copy) : verdict);
}

/* Its records are ours now, or forgotten. */
static void
end_adoption(struct commit *commit, bool durable)
{
    struct adopted *next;

    for (struct adopted *adopted = commit->adopted; adopted != NULL; adopted = next) {
        next = adopted->next;
        if (durable) {
            stock_add(commit->stock, &adopted->entry, adopted->set_aside);
        }
        if (durable && !adopted->set_aside) {
            gate_hold(commit->stock->gate, adopted->entry.key);
        }
        free(adopted);
    }
    commit->adopted = NULL;
}

static enum store_verdict
commit_adopted(void *argument)
{
    struct commit *commit = argument;
    const struct store *store = keeper_store(commit->keeper);
    enum store_verdict verdict = checked(commit, store, store_commit(keeper_store(commit->keeper)));

    if (verdict == STORE_OK) {
        end_adoption(commit, true);
    }
    return verdict;
}

static void
take_back(void *argument)
{
    struct commit *commit = argument;

    end_adoption(commit, false);
    if (keeper_store(commit->keeper) != NULL) {
        store_take_back(keeper_store(commit->keeper));
    }
}

void
commit_adopt(struct commit *commit, const char *data_dir, const struct instance *own)
{
    const struct siblings_taker taker = {
        .has_room = has_room,
        .take = take,
        .commit = commit_adopted,
        .take_back = take_back,
        .argument = commit,
    };

    if (!commit->failing && siblings_adopt(data_dir, own, &taker) > 0 && commit->drain != NULL) {
        drain_more(commit->drain);
    }
}

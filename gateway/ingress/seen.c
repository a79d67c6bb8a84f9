/* The ids in shards, each a ring in the order in which they came, with chains through it to find them by. */
#include "ingress/seen.h"

#include <assert.h>
#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/digest.h"
#include "base/log.h"
#include "base/random.h"
#include "base/wipe.h"

#define CACHE_LINE_BYTES 64
#define SHARDS_MAX       64
#define SHARD_IDS_MIN    1024 /* with fewer, chance would fill one shard long before the others */
#define KEY_BYTES        32
#define NEXT_BITS        24
#define SHARD_IDS_MAX    ((1U << NEXT_BITS) - 1)

/* A slot's number is its index + 1; 0: none. */
struct slot {
    struct seen_id id;
    uint64_t added_ms : 38; /* since the table was made: 8 years */
    uint64_t spooled : 1;
    uint64_t renewed : 1;      /* it came again: its place in the ring is not its age */
    uint64_t next : NEXT_BITS; /* number of the next in the chain */
};
static_assert(sizeof(struct slot) == 24, "an id takes 24 bytes, and 4 for the head of a chain");

struct shard {
    alignas(CACHE_LINE_BYTES) pthread_mutex_t lock;
    struct slot *slots; /* NULL until the first comes */
    uint32_t *heads;    /* of the chains: numbers */
    uint32_t used;      /* slots with an id */
    uint32_t hand;      /* index of the oldest, once all are used */
};

struct seen {
    const struct clock *clock;
    int64_t began_ms;
    struct metric *remembered, *forgotten;
    atomic_flag starved; /* the lack of memory was told */
    unsigned char key[KEY_BYTES];
    uint32_t shard_count;
    uint32_t slot_count;  /* of a shard */
    uint32_t chain_count; /* of a shard, a power of two */
    struct shard shards[];
};

/* --- making it --- */

static uint32_t
power_of_two(uint32_t least)
{
    uint32_t power = 1;

    while (power < least) {
        power *= 2;
    }
    return power;
}

static uint32_t
shards_for(size_t most)
{
    uint32_t count = SHARDS_MAX;

    while (count > 1 && most / count < SHARD_IDS_MIN) {
        count /= 2;
    }
    return count;
}

struct seen *
seen_new(size_t most, const struct clock *clock, struct metrics *metrics)
{
    uint32_t shard_count = shards_for(most);
    size_t slots = most / shard_count;
    size_t bytes = sizeof(struct seen) + shard_count * sizeof(struct shard);
    struct seen *seen = aligned_alloc(CACHE_LINE_BYTES, bytes);

    if (seen == NULL) {
        return NULL;
    }
    memset(seen, 0, bytes);
    if (!random_bytes(seen->key, sizeof(seen->key))) {
        free(seen);
        return NULL;
    }
    seen->clock = clock;
    seen->began_ms = clock_boottime_ns(clock) / 1000000;
    seen->remembered = metrics_gauge(metrics, "trunkline_dedup_ids",
                                     "Ids of durable events that are remembered, to know repeats.", "");
    seen->forgotten = metrics_counter(metrics, "trunkline_dedup_ids_forgotten_total",
                                      "Ids that were forgotten within the window, for want of room.", "");
    seen->starved = (atomic_flag)ATOMIC_FLAG_INIT;
    seen->shard_count = shard_count;
    seen->slot_count = (uint32_t)(slots < 1 ? 1 : slots > SHARD_IDS_MAX ? SHARD_IDS_MAX : slots);
    seen->chain_count = power_of_two(seen->slot_count);
    for (uint32_t i = 0; i < shard_count; i++) {
        (void)pthread_mutex_init(&seen->shards[i].lock, NULL); /* never fails on Linux */
    }
    return seen;
}

void
seen_free(struct seen *seen)
{
    if (seen == NULL) {
        return;
    }
    for (uint32_t i = 0; i < seen->shard_count; i++) {
        (void)pthread_mutex_destroy(&seen->shards[i].lock);
        free(seen->shards[i].slots);
        free(seen->shards[i].heads);
    }
    wipe(seen->key, sizeof(seen->key));
    free(seen);
}

bool
seen_name(const struct seen *seen, struct slice text, struct seen_id *id)
{
    unsigned char mac[HMAC_SHA256_BYTES];

    if (!digest_hmac_sha256(slice_make((const char *)seen->key, sizeof(seen->key)), text, mac)) {
        return false;
    }
    memcpy(id->halves, mac, sizeof(id->halves));
    return true;
}

/* --- a shard: under its lock --- */

static struct shard *
shard_of(struct seen *seen, struct seen_id id)
{
    return &seen->shards[id.halves[0] % seen->shard_count];
}

static uint32_t *
chain_of(const struct seen *seen, const struct shard *shard, struct seen_id id)
{
    return &shard->heads[id.halves[1] & (seen->chain_count - 1)];
}

static bool
ids_equal(struct seen_id one, struct seen_id other)
{
    return one.halves[0] == other.halves[0] && one.halves[1] == other.halves[1];
}

/* NULL: none. */
static struct slot *
find(const struct seen *seen, const struct shard *shard, struct seen_id id)
{
    uint32_t number = shard->slots == NULL ? 0 : *chain_of(seen, shard, id);

    while (number != 0 && !ids_equal(shard->slots[number - 1].id, id)) {
        number = shard->slots[number - 1].next;
    }
    return number == 0 ? NULL : &shard->slots[number - 1];
}

static void
chain(const struct seen *seen, struct shard *shard, struct slot *slot)
{
    uint32_t *head = chain_of(seen, shard, slot->id);

    slot->next = *head;
    *head = (uint32_t)(slot - shard->slots) + 1;
}

static void
unchain(const struct seen *seen, struct shard *shard, const struct slot *slot)
{
    uint32_t *head = chain_of(seen, shard, slot->id);
    uint32_t number = (uint32_t)(slot - shard->slots) + 1;

    if (*head == number) {
        *head = slot->next;
    } else {
        struct slot *before = &shard->slots[*head - 1];

        while (before->next != number) {
            before = &shard->slots[before->next - 1];
        }
        before->next = slot->next;
    }
}

/* The system gives pages only when they are written to. */
static bool
furnish(struct seen *seen, struct shard *shard)
{
    if (shard->slots != NULL) {
        return true;
    }
    shard->slots = malloc(seen->slot_count * sizeof(struct slot));
    shard->heads = calloc(seen->chain_count, sizeof(uint32_t));
    if (shard->slots != NULL && shard->heads != NULL) {
        return true;
    }
    free(shard->slots);
    free(shard->heads);
    shard->slots = NULL;
    shard->heads = NULL;
    if (!atomic_flag_test_and_set(&seen->starved)) {
        log_error("dedup_short_of_memory", log_integer("bytes", (int64_t)(seen->slot_count * sizeof(struct slot))),
                  log_text("consequence", "repeated callbacks are published again"),
                  log_text("advice", "lower gateway.dedup_ids, or give the gateway more memory"));
    }
    return false;
}

/* The next of the ring, but for those that came again meanwhile: they get another round. So a slot is passed over no
 * more often than its id came. */
static struct slot *
next_in_turn(const struct seen *seen, struct shard *shard)
{
    struct slot *slot;

    do {
        slot = &shard->slots[shard->hand];
        shard->hand = (shard->hand + 1) % seen->slot_count;
        if (!slot->renewed) {
            return slot;
        }
        slot->renewed = 0;
    } while (true);
}

/* A slot for another id: one that was never used, or the oldest. */
static struct slot *
vacate(const struct seen *seen, struct shard *shard, int64_t now_ms, int64_t window_ms)
{
    struct slot *slot;

    if (shard->used < seen->slot_count) {
        metric_move(seen->remembered, 1);
        return &shard->slots[shard->used++];
    }
    slot = next_in_turn(seen, shard);
    if (now_ms - (int64_t)slot->added_ms < window_ms) {
        metric_add(seen->forgotten, 1);
    }
    unchain(seen, shard, slot);
    return slot;
}

static void
add(const struct seen *seen, struct shard *shard, struct slot added, int64_t window_ms)
{
    struct slot *slot = find(seen, shard, added.id);

    if (slot != NULL) {
        added.renewed = 1;
        added.next = slot->next;
        *slot = added;
        return;
    }
    slot = vacate(seen, shard, (int64_t)added.added_ms, window_ms);
    *slot = added;
    chain(seen, shard, slot);
}

/* --- what workers ask --- */

static int64_t
now_ms(const struct seen *seen)
{
    return clock_boottime_ns(seen->clock) / 1000000 - seen->began_ms;
}

void
seen_add(struct seen *seen, struct seen_id id, enum durability durability, int64_t window_ms)
{
    struct shard *shard = shard_of(seen, id);
    struct slot added = {
        .id = id,
        .added_ms = (uint64_t)now_ms(seen),
        .spooled = durability == DURABILITY_SPOOL,
    };

    (void)pthread_mutex_lock(&shard->lock);
    if (furnish(seen, shard)) {
        add(seen, shard, added, window_ms);
    }
    (void)pthread_mutex_unlock(&shard->lock);
}

bool
seen_find(struct seen *seen, struct seen_id id, int64_t window_ms, enum durability *durability)
{
    struct shard *shard = shard_of(seen, id);
    int64_t now = now_ms(seen);
    const struct slot *slot;
    bool found;

    (void)pthread_mutex_lock(&shard->lock);
    slot = find(seen, shard, id);
    found = slot != NULL && now - (int64_t)slot->added_ms < window_ms;
    if (found) {
        *durability = slot->spooled ? DURABILITY_SPOOL : DURABILITY_KAFKA;
    }
    (void)pthread_mutex_unlock(&shard->lock);
    return found;
}

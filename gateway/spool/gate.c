/* The gate: counters of the keys that wait in the spool, and one word that tells whether there is anything to ask. */
#include "spool/gate.h"

#include <stdatomic.h>
#include <stdlib.h>

/* Keys share a counter when these bits are the same: a record then takes the spool's way though it need not. */
#define COUNTERS  ((size_t)1 << 20)
#define SHUT      ((uint64_t)1 << 63)
#define FNV_BASIS 0xCBF29CE484222325U
#define FNV_PRIME 0x100000001B3U

/* All accesses are sequentially consistent. What matters: a worker holds a key before the callback is answered; the
 * answer reaches the vendor, whose next callback another worker reads and asks for. The hold is a read-modify-write
 * with release, the question a load with acquire, and between them lie the kernel's own locks, in which the answer was
 * written and the next callback read: so the question sees the hold. The same way round, whoever sees a key released
 * publishes after Kafka's acknowledgement. A full ordering costs nothing beyond that where questions are plain loads.
 */
struct gate {
    _Atomic uint64_t word;      /* records held; the top bit: shut */
    _Atomic uint32_t *counters; /* of records by key; pages that no key has touched take no memory */
};

struct gate *
gate_new(void)
{
    struct gate *gate = calloc(1, sizeof *gate);

    if (gate == NULL) {
        return NULL;
    }
    gate->counters = calloc(COUNTERS, sizeof *gate->counters);
    if (gate->counters == NULL) {
        free(gate);
        return NULL;
    }
    return gate;
}

void
gate_free(struct gate *gate)
{
    if (gate == NULL) {
        return;
    }
    free(gate->counters);
    free(gate);
}

static uint64_t
mix_in(uint64_t hash, struct slice bytes)
{
    for (size_t i = 0; i < bytes.length; i++) {
        hash = (hash ^ (unsigned char)bytes.data[i]) * FNV_PRIME;
    }
    return hash;
}

/* FNV-1a over topic, NUL and key (no topic has a NUL in it), then the finaliser of MurmurHash3, as FNV's low bits alone
 * spread badly. Byte by byte, so every machine makes the same of it. */
uint64_t
gate_key(struct slice topic, struct slice key)
{
    uint64_t hash = mix_in(mix_in(FNV_BASIS, topic) * FNV_PRIME, key);

    hash = (hash ^ (hash >> 33)) * 0xFF51AFD7ED558CCDU;
    hash = (hash ^ (hash >> 33)) * 0xC4CEB9FE1A85EC53U;
    return hash ^ (hash >> 33);
}

static _Atomic uint32_t *
counter_of(const struct gate *gate, uint64_t key)
{
    return &gate->counters[key & (COUNTERS - 1)];
}

void
gate_shut(struct gate *gate)
{
    atomic_fetch_or(&gate->word, SHUT);
}

void
gate_open(struct gate *gate)
{
    atomic_fetch_and(&gate->word, ~SHUT);
}

/* The counter first: who sees the number of records sees this one's key, too. */
void
gate_hold(struct gate *gate, uint64_t key)
{
    atomic_fetch_add(counter_of(gate, key), 1);
    atomic_fetch_add(&gate->word, 1);
}

void
gate_release(struct gate *gate, uint64_t key)
{
    atomic_fetch_sub(counter_of(gate, key), 1);
    atomic_fetch_sub(&gate->word, 1);
}

uint64_t
gate_held(const struct gate *gate)
{
    return atomic_load(&gate->word) & ~SHUT;
}

bool
gate_diverts(const struct gate *gate, const struct record *records, size_t count)
{
    uint64_t word = atomic_load(&gate->word);

    if (word == 0 || (word & SHUT) != 0) {
        return word != 0;
    }
    for (size_t i = 0; i < count; i++) {
        if (!slice_empty(records[i].key) &&
            atomic_load(counter_of(gate, gate_key(records[i].topic, records[i].key))) > 0) {
            return true;
        }
    }
    return false;
}

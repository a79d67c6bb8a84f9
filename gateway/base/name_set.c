/* Finds duplicate names: by looking at all of a small object's, by a hash table for a large one's. */
#include "base/name_set.h"

#include <pthread.h>
#include <sys/random.h>

#define SMALL 32

static uint64_t seed;
static pthread_once_t seeded = PTHREAD_ONCE_INIT;

/* A sender that could foresee the hashes could put all of its names into one chain. */
static void
draw_seed(void)
{
    if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != (ssize_t)sizeof(seed)) {
        seed = (uint64_t)(uintptr_t)&seed ^ UINT64_C(0x9e3779b97f4a7c15);
    }
}

static uint64_t
mix(uint64_t a, uint64_t b)
{
    __extension__ unsigned __int128 product = (unsigned __int128)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t
hash_of(struct slice name)
{
    uint64_t hash = seed ^ name.length;
    size_t at = 0;

    while (at < name.length) {
        size_t bytes = name.length - at < 8 ? name.length - at : 8;
        uint64_t word = 0;

        memcpy(&word, name.data + at, bytes);
        hash = mix(hash ^ word, UINT64_C(0xa0761d6478bd642f) ^ seed);
        at += bytes;
    }
    return mix(hash, UINT64_C(0xe7037ed1a0b428db));
}

/* The slot that has the name, or the free one where it belongs. */
static struct value **
slot_of(const struct name_set *set, struct slice name)
{
    uint32_t at = (uint32_t)hash_of(name) & (set->capacity - 1);

    while (set->slots[at] != NULL && !slice_equal(set->slots[at]->name, name)) {
        at = (at + 1) & (set->capacity - 1);
    }
    return &set->slots[at];
}

/* A table for twice as many, with the names that are known. They stand before member in the object. */
static bool
rebuild(struct name_set *set, struct arena *arena, const struct value *object, const struct value *member)
{
    uint32_t capacity = set->capacity == 0 ? SMALL * 4 : set->capacity * 2;

    set->slots = arena_zalloc(arena, capacity, sizeof(struct value *));
    if (set->slots == NULL) {
        return false;
    }
    set->capacity = capacity;
    for (struct value *known = object->first; known != NULL && known != member; known = known->next) {
        *slot_of(set, known->name) = known;
    }
    return true;
}

/* One of 64 bits by the name's length and ends. */
static uint64_t
mark_of(struct slice name)
{
    unsigned char first = name.length == 0 ? 0 : (unsigned char)name.data[0];
    unsigned char last = name.length == 0 ? 0 : (unsigned char)name.data[name.length - 1];

    return UINT64_C(1) << ((name.length * 11 + (size_t)first * 5 + last) % 64);
}

enum name_verdict
name_set_add(struct name_set *set, struct arena *arena, const struct value *object, struct value *member)
{
    struct value **slot;

    if (object->count < SMALL) {
        uint64_t mark = mark_of(member->name);

        if ((set->marks & mark) == 0) { /* no name before it looks like this one */
            set->marks |= mark;
            return NAME_NEW;
        }
        for (struct value *known = object->first; known != NULL && known != member; known = known->next) {
            if (slice_equal(known->name, member->name)) {
                set->known = known;
                return NAME_KNOWN;
            }
        }
        return NAME_NEW;
    }
    pthread_once(&seeded, draw_seed);
    if (object->count >= set->capacity / 2 && !rebuild(set, arena, object, member)) {
        return NAME_NO_MEMORY;
    }
    slot = slot_of(set, member->name);
    if (*slot != NULL) {
        set->known = *slot;
        return NAME_KNOWN;
    }
    *slot = member;
    return NAME_NEW;
}

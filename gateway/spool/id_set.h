/* A set of record ids. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zero is the empty set. Ids are above 0. */
struct id_set {
    int64_t *slots;
    size_t capacity; /* a power of two, or 0 */
    size_t count;
};

/* false when out of memory; then nothing has changed. */
bool id_set_reserve(struct id_set *set, size_t more);
/* There must be room: id_set_reserve. Adding what is there is fine. */
void id_set_add(struct id_set *set, int64_t id);
void id_set_remove(struct id_set *set, int64_t id);
bool id_set_has(const struct id_set *set, int64_t id);
void id_set_free(struct id_set *set);

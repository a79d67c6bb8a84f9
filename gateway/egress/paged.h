/* An array that grows and shrinks at its end by whole pages: no item ever moves, and growing copies nothing. */
#pragma once

#include <stdint.h>

#include "base/slice.h"

#define PAGED_BITS  10
#define PAGED_ITEMS (1U << PAGED_BITS) /* of a page */

/* Cleared memory, but for item_bytes, is an empty one. */
struct paged {
    size_t item_bytes;
    unsigned char **pages;
    uint32_t page_count, capacity;
};

void paged_free(struct paged *array); /* the pages, not the array */
/* Makes room for so many items; what is new is not initialised. false: out of memory, and nothing has changed. */
bool paged_reserve(struct paged *array, uint32_t items) MUST_CHECK;
/* Only so many items are still needed: gives back the pages behind them, but one, so that an array whose length goes to
 * and fro does not allocate each time. */
void paged_trim(struct paged *array, uint32_t items);
size_t paged_bytes(const struct paged *array);

static inline void *
paged_at(const struct paged *array, uint32_t index)
{
    return array->pages[index >> PAGED_BITS] + (index & (PAGED_ITEMS - 1)) * array->item_bytes;
}

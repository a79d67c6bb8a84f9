/* Pages of an array, and the table of them. */
#include "egress/paged.h"

#include <stdlib.h>

void
paged_free(struct paged *array)
{
    for (uint32_t i = 0; i < array->page_count; i++) {
        free(array->pages[i]);
    }
    free(array->pages);
    *array = (struct paged){.item_bytes = array->item_bytes};
}

static bool
add_page(struct paged *array)
{
    unsigned char *page;

    if (array->page_count == array->capacity) {
        uint32_t capacity = array->capacity == 0 ? 8 : array->capacity * 2;
        unsigned char **pages = realloc(array->pages, capacity * sizeof *pages);

        if (pages == NULL) {
            return false;
        }
        array->pages = pages;
        array->capacity = capacity;
    }
    page = malloc(PAGED_ITEMS * array->item_bytes);
    if (page == NULL) {
        return false;
    }
    array->pages[array->page_count++] = page;
    return true;
}

bool
paged_reserve(struct paged *array, uint32_t items)
{
    while ((uint64_t)array->page_count * PAGED_ITEMS < items) {
        if (!add_page(array)) {
            return false;
        }
    }
    return true;
}

void
paged_trim(struct paged *array, uint32_t items)
{
    uint64_t needed = ((uint64_t)items + PAGED_ITEMS - 1) / PAGED_ITEMS + 1;

    while (array->page_count > needed) {
        free(array->pages[--array->page_count]);
    }
}

size_t
paged_bytes(const struct paged *array)
{
    return array->capacity * sizeof *array->pages + (size_t)array->page_count * PAGED_ITEMS * array->item_bytes;
}

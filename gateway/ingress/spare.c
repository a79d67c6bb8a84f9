/* Spare blocks, a set for each thread. They come from malloc, so that whoever got one frees it like any other. */
#include "ingress/spare.h"

#include <stdlib.h>

#define SPARE_BYTES  960   /* connections, requests and their strings; what libevent reads into is larger */
#define SPARE_COUNT  32    /* more than a connection or a request takes at its beginning */
#define PARSER_BYTES 12288 /* of libevhtp, and some: it asks malloc itself, and forgets the descriptor when refused */

static _Thread_local struct {
    void *blocks[SPARE_COUNT];
    unsigned count;
} spares;

/* What was just given back is there when it is asked for next, by the same thread. */
static bool
parser_fits(void)
{
    void *volatile block = malloc(PARSER_BYTES);

    free(block);
    return block != NULL;
}

bool
spare_fill(void)
{
    while (spares.count < SPARE_COUNT) {
        void *block = malloc(SPARE_BYTES);

        if (block == NULL) {
            return false;
        }
        spares.blocks[spares.count++] = block;
    }
    return true;
}

bool
spare_fill_for_connection(void)
{
    return spare_fill() && parser_fits();
}

void
spare_drop(void)
{
    while (spares.count > 0) {
        free(spares.blocks[--spares.count]);
    }
}

void *
spare_allocate(size_t bytes)
{
    void *block = malloc(bytes);

    if (block == NULL && bytes <= SPARE_BYTES && spares.count > 0) {
        block = spares.blocks[--spares.count];
    }
    return block;
}

/* Both can do without a larger block. */
void *
spare_resize(void *block, size_t bytes)
{
    return block == NULL ? spare_allocate(bytes) : realloc(block, bytes);
}

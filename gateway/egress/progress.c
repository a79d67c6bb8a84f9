/* Progress: a bit for each offset that was begun and is not finished, in blocks of 4096 offsets. Offsets that are not
 * there cost nothing, however many: a block exists only while something in it is unfinished. */
#include "egress/progress.h"

#include <stdlib.h>

#define BLOCK_BITS  12
#define BLOCK_WORDS ((1U << BLOCK_BITS) / 64)
#define RING_MIN    8U

struct block {
    int64_t number;  /* offset / 4096 */
    uint64_t *words; /* NULL: everything in it is finished */
    unsigned unfinished;
    unsigned first; /* of the words: those before it are 0 */
};

/* The blocks in order, in a ring. The first one has something unfinished in it, as has every other that is not NULL;
 * the last one may be at rest, to be gone on with. */
struct progress {
    int64_t next;
    struct block *ring;
    size_t capacity; /* a power of two */
    size_t head, count;
    size_t finished; /* blocks between that are NULL */
    uint64_t *spare; /* words of a block, zeroed; or NULL */
};

static struct block *
block_at(const struct progress *progress, size_t index)
{
    return &progress->ring[(progress->head + index) & (progress->capacity - 1)];
}

struct progress *
progress_new(int64_t next)
{
    struct progress *progress = calloc(1, sizeof *progress);

    if (progress == NULL) {
        return NULL;
    }
    progress->next = next;
    progress->capacity = RING_MIN;
    progress->ring = calloc(RING_MIN, sizeof *progress->ring);
    if (progress->ring == NULL) {
        free(progress);
        return NULL;
    }
    return progress;
}

void
progress_free(struct progress *progress)
{
    if (progress == NULL) {
        return;
    }
    for (size_t i = 0; i < progress->count; i++) {
        free(block_at(progress, i)->words);
    }
    free(progress->spare);
    free(progress->ring);
    free(progress);
}

/* Gives a block's words back; all of them are 0 by now. */
static void
drop_words(struct progress *progress, struct block *block)
{
    if (progress->spare == NULL) {
        progress->spare = block->words;
    } else {
        free(block->words);
    }
    block->words = NULL;
}

/* Of the blocks before, those in which everything is finished leave no trace. */
static void
compact(struct progress *progress)
{
    size_t kept = 0;

    for (size_t i = 0; i < progress->count; i++) {
        if (block_at(progress, i)->words != NULL) {
            *block_at(progress, kept++) = *block_at(progress, i);
        }
    }
    progress->count = kept;
    progress->finished = 0;
}

static bool
grow(struct progress *progress)
{
    size_t capacity = progress->capacity * 2;
    struct block *ring = calloc(capacity, sizeof *ring);

    if (ring == NULL) {
        return false;
    }
    for (size_t i = 0; i < progress->count; i++) {
        ring[i] = *block_at(progress, i);
    }
    free(progress->ring);
    progress->ring = ring;
    progress->capacity = capacity;
    progress->head = 0;
    return true;
}

/* A ring that is full is made larger only when at least half of it is needed. */
static bool
make_room(struct progress *progress)
{
    if (progress->count < progress->capacity) {
        return true;
    }
    if (progress->finished >= progress->capacity / 2) {
        compact(progress);
        return true;
    }
    return grow(progress);
}

/* Whatever is finished at the front goes. */
static void
advance(struct progress *progress)
{
    while (progress->count > 0 && block_at(progress, 0)->unfinished == 0) {
        struct block *block = block_at(progress, 0);

        if (block->words != NULL && progress->count == 1) {
            return; /* the last one: it is gone on with */
        }
        if (block->words != NULL) {
            drop_words(progress, block);
        } else {
            progress->finished--;
        }
        progress->head++;
        progress->count--;
    }
}

/* The last block no longer is the last. */
static void
leave_last(struct progress *progress)
{
    struct block *block = progress->count == 0 ? NULL : block_at(progress, progress->count - 1);

    if (block != NULL && block->unfinished == 0) {
        drop_words(progress, block);
        progress->finished++;
        advance(progress);
    }
}

static bool
add_block(struct progress *progress, int64_t number)
{
    uint64_t *words = progress->spare != NULL ? progress->spare : calloc(BLOCK_WORDS, sizeof *words);

    progress->spare = NULL;
    if (words == NULL || !make_room(progress)) {
        progress->spare = words;
        return false;
    }
    leave_last(progress);
    *block_at(progress, progress->count++) = (struct block){.number = number, .words = words};
    return true;
}

bool
progress_begin(struct progress *progress, int64_t offset)
{
    int64_t number = offset >> BLOCK_BITS;
    unsigned word = (unsigned)offset / 64 % BLOCK_WORDS;
    struct block *last = progress->count == 0 ? NULL : block_at(progress, progress->count - 1);

    if (offset < progress->next || offset < 0 || offset == INT64_MAX) {
        return false;
    }
    if (last == NULL || last->number != number) {
        if (!add_block(progress, number)) {
            return false;
        }
        last = block_at(progress, progress->count - 1);
    }
    if (last->unfinished++ == 0) {
        last->first = word;
    }
    last->words[word] |= UINT64_C(1) << offset % 64;
    progress->next = offset + 1;
    return true;
}

/* Its block, NULL when there is none. Mostly the blocks follow one another without a gap, and the first guess is right.
 */
static struct block *
find_block(const struct progress *progress, int64_t number)
{
    size_t low = 0;
    size_t high = progress->count;
    int64_t distance;

    if (progress->count == 0 || (distance = number - block_at(progress, 0)->number) < 0) {
        return NULL;
    }
    if ((uint64_t)distance < high) {
        if (block_at(progress, (size_t)distance)->number == number) {
            return block_at(progress, (size_t)distance);
        }
        high = (size_t)distance;
    }
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (block_at(progress, middle)->number == number) {
            return block_at(progress, middle);
        }
        if (block_at(progress, middle)->number < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

void
progress_finish(struct progress *progress, int64_t offset)
{
    struct block *block = offset < 0 ? NULL : find_block(progress, offset >> BLOCK_BITS);
    unsigned word = (unsigned)offset / 64 % BLOCK_WORDS;
    uint64_t bit = UINT64_C(1) << (uint64_t)offset % 64;

    if (block == NULL || block->words == NULL || (block->words[word] & bit) == 0) {
        return;
    }
    block->words[word] &= ~bit;
    block->unfinished--;
    if (block->unfinished == 0) {
        if (block != block_at(progress, progress->count - 1)) {
            drop_words(progress, block);
            progress->finished++;
        }
        advance(progress);
        return;
    }
    while (block->words[block->first] == 0) {
        block->first++;
    }
}

int64_t
progress_committable(const struct progress *progress)
{
    const struct block *block = progress->count == 0 ? NULL : block_at(progress, 0);

    if (block == NULL || block->unfinished == 0) {
        return progress->next;
    }
    return block->number << BLOCK_BITS | (int64_t)block->first * 64 | __builtin_ctzll(block->words[block->first]);
}

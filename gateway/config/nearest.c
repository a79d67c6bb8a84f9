/* The edit distance of Levenshtein, with two neighbours swapped counting as one edit. */
#include "config/nearest.h"

#define NAME_BYTES_MAX 64
#define EDITS_MAX      3

static size_t
least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Both at most NAME_BYTES_MAX bytes. */
static size_t
edits(struct slice a, struct slice b)
{
    size_t rows[3][NAME_BYTES_MAX + 1];

    for (size_t j = 0; j <= b.length; j++) {
        rows[0][j] = j;
    }
    for (size_t i = 1; i <= a.length; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i + 2) % 3];

        row[0] = i;
        for (size_t j = 1; j <= b.length; j++) {
            size_t replaced = above[j - 1] + (a.data[i - 1] != b.data[j - 1]);

            row[j] = least(replaced, least(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a.data[i - 1] == b.data[j - 2] && a.data[i - 2] == b.data[j - 1]) {
                row[j] = least(row[j], rows[(i + 1) % 3][j - 2] + 1);
            }
        }
    }
    return rows[a.length % 3][b.length];
}

const char *
nearest_name(struct slice text, const char *const *names, size_t count)
{
    const char *nearest = NULL;
    size_t fewest = least(EDITS_MAX, text.length / 5 + 1) + 1;

    if (text.length > NAME_BYTES_MAX) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        struct slice name = slice_from(names[i]);

        if (name.length > NAME_BYTES_MAX) {
            continue;
        }
        size_t distance = edits(text, name);
        if (distance < fewest) {
            fewest = distance;
            nearest = names[i];
        }
    }
    return nearest;
}

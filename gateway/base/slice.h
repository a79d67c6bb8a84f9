/* A slice is a view of bytes that somebody else owns: no terminator, no ownership, empty means absent. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

/* Marks a function whose result must be looked at. */
#define MUST_CHECK __attribute__((warn_unused_result))

struct slice {
    const char *data;
    size_t length; /* bytes */
};

/* A slice of a string literal; usable as an initialiser too. */
#define SLICE(literal)                                                                                                 \
    {                                                                                                                  \
        (literal), sizeof(literal) - 1                                                                                 \
    }

/* For printf's "%.*s". */
#define SLICE_ARGS(slice) (int)(slice).length, (slice).data

static inline struct slice
slice_make(const char *data, size_t length)
{
    return (struct slice){data, length};
}

/* A view of a C string; NULL gives the empty slice. */
static inline struct slice
slice_from(const char *text)
{
    return (struct slice){text, text == NULL ? 0 : strlen(text)};
}

static inline bool
slice_empty(struct slice slice)
{
    return slice.length == 0;
}

static inline bool
slice_equal(struct slice a, struct slice b)
{
    return a.length == b.length && (a.length == 0 || memcmp(a.data, b.data, a.length) == 0);
}

static inline bool
slice_is(struct slice slice, const char *text)
{
    return slice_equal(slice, slice_from(text));
}

/* ASCII case is folded. */
static inline bool
slice_is_nocase(struct slice slice, const char *text)
{
    size_t length = strlen(text);

    return slice.length == length && (length == 0 || strncasecmp(slice.data, text, length) == 0);
}

/* Expansion cuts a text into pieces, some of them out of the environment, and puts them together again. */
#include "config/expand.h"

#include <stdlib.h>

#include "base/utf8.h"

static bool
starts_with(struct slice text, const char *start)
{
    size_t length = strlen(start);

    return text.length >= length && memcmp(text.data, start, length) == 0;
}

static struct slice
skip(struct slice text, size_t bytes)
{
    return slice_make(text.data + bytes, text.length - bytes);
}

static bool
name_valid(struct slice name)
{
    for (size_t i = 0; i < name.length; i++) {
        char byte = name.data[i];
        bool letter = (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') || byte == '_';

        if (!letter && (i == 0 || byte < '0' || byte > '9')) {
            return false;
        }
    }
    return !slice_empty(name);
}

/* The value of what stands between "${" and "}". */
static bool
read_variable(struct slice inner, struct slice *value, struct error *error)
{
    const char *dash = inner.length == 0 ? NULL : memmem(inner.data, inner.length, ":-", 2);
    struct slice name = dash == NULL ? inner : slice_make(inner.data, (size_t)(dash - inner.data));
    char copy[128];

    if (!name_valid(name) || name.length >= sizeof copy) {
        return error_set(error, "\"${\" is not followed by a variable's name; write ${NAME} or ${NAME:-default}, "
                                "and $${ for a literal \"${\"");
    }
    memcpy(copy, name.data, name.length);
    copy[name.length] = '\0';
    if (dash != NULL && memmem(dash, (size_t)(inner.data + inner.length - dash), "${", 2) != NULL) {
        return error_set(error, "the default of ${%s} holds another \"${\"; defaults cannot be nested", copy);
    }

    const char *found = getenv(copy);
    if (found == NULL && dash == NULL) {
        return error_set(error, "the environment has no %s; set it, or write ${%s:-} where it may be missing", copy,
                         copy);
    }
    if (found != NULL && !utf8_valid(slice_from(found))) {
        return error_set(error, "the environment variable %s is not UTF-8; set it to text", copy);
    }
    *value = found == NULL || (found[0] == '\0' && dash != NULL) ? skip(inner, name.length + 2) : slice_from(found);
    return true;
}

/* Takes the next piece off the text: a run of it as it is, or what a variable holds. */
static bool
next_piece(struct slice *text, struct slice *piece, struct error *error)
{
    if (starts_with(*text, "$${")) {
        *piece = slice_make(text->data + 1, 2);
        *text = skip(*text, 3);
        return true;
    }
    if (starts_with(*text, "${")) {
        const char *end = memchr(text->data, '}', text->length);

        if (end == NULL) {
            return error_set(error, "\"${\" has no \"}\"; write $${ for a literal \"${\"");
        }
        if (!read_variable(slice_make(text->data + 2, (size_t)(end - text->data) - 2), piece, error)) {
            return false;
        }
        *text = skip(*text, (size_t)(end - text->data) + 1);
        return true;
    }

    size_t run = 1;
    while (run < text->length && !starts_with(skip(*text, run), "${") && !starts_with(skip(*text, run), "$${")) {
        run++;
    }
    *piece = slice_make(text->data, run);
    *text = skip(*text, run);
    return true;
}

bool
expand(struct slice text, struct arena *arena, struct slice *expanded, struct error *error)
{
    struct slice rest = text;
    struct slice piece = SLICE("");
    size_t length = 0;

    while (rest.length > 0) {
        if (!next_piece(&rest, &piece, error)) {
            return false;
        }
        length += piece.length;
        if (length > EXPANDED_BYTES_MAX) {
            return error_set(error, "with its variables this text is longer than %zu bytes; shorten it",
                             EXPANDED_BYTES_MAX);
        }
    }

    char *copy = arena_alloc(arena, length + 1);
    if (copy == NULL) {
        return error_set(error, "the configuration is too large; shorten it");
    }
    char *end = copy;
    for (rest = text; rest.length > 0 && next_piece(&rest, &piece, error); end += piece.length) {
        memcpy(end, piece.data, piece.length);
    }
    *end = '\0';
    *expanded = slice_make(copy, length);
    return true;
}

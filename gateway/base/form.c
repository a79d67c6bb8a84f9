/* Reads forms parameter by parameter. */
#include "base/form.h"

#include "base/name_set.h"
#include "base/percent.h"
#include "base/utf8.h"

/* A member of the object, and, once its name has come twice, its newest value. */
struct parameter {
    struct value value;
    struct value *last;
};

struct reader {
    struct arena *arena;
    struct value_limits limits;
    struct error *error;
    struct value *object, *last;
    struct name_set names;
    uint32_t values;
};

/* Takes the text before the next byte of that kind off the rest; the byte goes, too. */
static struct slice
take(struct slice *rest, char end)
{
    const char *found = rest->length == 0 ? NULL : memchr(rest->data, end, rest->length);
    size_t length = found == NULL ? rest->length : (size_t)(found - rest->data);
    struct slice taken = slice_make(rest->data, length);
    size_t gone = found == NULL ? length : length + 1;

    *rest = gone == 0 ? *rest : slice_make(rest->data + gone, rest->length - gone);
    return taken;
}

static char
next_byte(struct slice text, size_t *at)
{
    char plain = text.data[*at];
    char byte = percent_next(text, at);

    return plain == '+' ? ' ' : byte;
}

static bool
is_coded(struct slice text)
{
    return text.length > 0 &&
           (memchr(text.data, '%', text.length) != NULL || memchr(text.data, '+', text.length) != NULL);
}

/* The text itself where nothing in it is encoded. The empty slice when the arena is full. */
static struct slice
decoded(struct arena *arena, struct slice text)
{
    size_t length = 0;
    char *bytes;

    if (!is_coded(text)) {
        return text;
    }
    bytes = arena_alloc(arena, text.length);
    if (bytes == NULL) {
        return (struct slice){0};
    }
    for (size_t at = 0; at < text.length;) {
        bytes[length++] = next_byte(text, &at);
    }
    return slice_make(bytes, length);
}

/* Whether the text spells the name. */
static bool
spells(struct slice text, struct slice name)
{
    size_t length = 0;

    for (size_t at = 0; at < text.length; length++) {
        if (next_byte(text, &at) != (length < name.length ? name.data[length] : '\0') || length == name.length) {
            return false;
        }
    }
    return length == name.length;
}

struct slice
form_parameter(struct arena *arena, struct slice text, struct slice name)
{
    struct slice found = {0};
    bool known = false;

    while (!slice_empty(text)) {
        struct slice value = take(&text, '&');
        bool given = !slice_empty(value);

        if (!given || !spells(take(&value, '='), name)) {
            continue;
        }
        if (known) {
            return (struct slice){0};
        }
        known = true;
        found = value;
    }
    return decoded(arena, found);
}

struct slice
form_without(struct arena *arena, struct slice text, struct slice name)
{
    char *kept = arena_alloc(arena, text.length + 1);
    size_t length = 0;

    if (kept == NULL) {
        return (struct slice){0};
    }
    while (!slice_empty(text)) {
        struct slice whole = take(&text, '&');
        struct slice rest = whole;

        if (slice_empty(whole) || spells(take(&rest, '='), name)) {
            continue;
        }
        if (length > 0) {
            kept[length++] = '&';
        }
        memcpy(kept + length, whole.data, whole.length);
        length += whole.length;
    }
    return slice_make(kept, length);
}

/* --- the tree --- */

static bool
text_valid(struct slice text)
{
    return utf8_valid(text) && (text.length == 0 || memchr(text.data, '\0', text.length) == NULL);
}

/* Makes an array of the value that is known, and appends the other. */
static bool
gather(struct reader *reader, struct parameter *known, struct value *more)
{
    if (known->value.kind == VALUE_STRING) {
        struct value *first = arena_zalloc(reader->arena, 1, sizeof *first);

        if (first == NULL) {
            return false;
        }
        first->kind = VALUE_STRING;
        first->text = known->value.text;
        known->value.kind = VALUE_ARRAY;
        known->value.text = (struct slice){0};
        known->value.count = 1;
        known->value.first = first;
        known->last = first;
    }
    more->name = (struct slice){0};
    known->last->next = more;
    known->last = more;
    known->value.count++;
    return true;
}

static bool
add(struct reader *reader, struct slice name, struct slice text)
{
    struct parameter *parameter = arena_zalloc(reader->arena, 1, sizeof *parameter);
    struct value *value;

    if (parameter == NULL) {
        return false;
    }
    value = &parameter->value;
    *value = (struct value){.kind = VALUE_STRING, .name = name, .text = text};
    switch (name_set_add(&reader->names, reader->arena, reader->object, value)) {
    case NAME_NO_MEMORY:
        return false;
    case NAME_KNOWN:
        return gather(reader, (struct parameter *)reader->names.known, value);
    case NAME_NEW:
        break;
    }
    if (reader->last == NULL) {
        reader->object->first = value;
    } else {
        reader->last->next = value;
    }
    reader->last = value;
    reader->object->count++;
    return true;
}

static bool
read_parameter(struct reader *reader, struct slice text)
{
    struct slice name = decoded(reader->arena, take(&text, '='));
    struct slice value = decoded(reader->arena, text);

    if (++reader->values > reader->limits.members) {
        return error_set(reader->error, "too many parameters; the most are %u", reader->limits.members);
    }
    if (!text_valid(name) || !text_valid(value)) {
        return error_set(reader->error, "parameter %u is not UTF-8, or holds a NUL", reader->values);
    }
    return !arena_failed(reader->arena) && add(reader, name, value);
}

struct value *
form_parse(struct arena *arena, struct slice text, struct value_limits limits, struct error *error)
{
    struct reader reader = {
        .arena = arena,
        .limits = limits,
        .error = error,
        .object = arena_zalloc(arena, 1, sizeof *reader.object),
    };
    bool good = reader.object != NULL;

    if (good) {
        reader.object->kind = VALUE_OBJECT;
    }
    while (good && !slice_empty(text)) {
        struct slice parameter = take(&text, '&');

        good = slice_empty(parameter) || read_parameter(&reader, parameter);
    }
    if (!good && arena_failed(arena)) {
        error_set(error, "no memory left to read it");
    }
    return good ? reader.object : NULL;
}

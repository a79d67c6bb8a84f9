/* Writes JSON into a block of an arena that grows as long as it is the last one. */
#include "base/json_writer.h"

#define CAPACITY_LEAST ((size_t)256)

void
json_writer_init(struct json_writer *writer, struct arena *arena, size_t expected_bytes)
{
    *writer = (struct json_writer){.arena = arena};
    writer->capacity = expected_bytes < CAPACITY_LEAST ? CAPACITY_LEAST : expected_bytes;
    writer->data = arena_alloc(arena, writer->capacity);
    writer->failed = writer->data == NULL;
}

/* A block that holds bytes more. */
static bool
grow(struct json_writer *writer, size_t bytes)
{
    size_t capacity = writer->capacity;
    char *data;

    while (capacity - writer->length < bytes) {
        if (__builtin_mul_overflow(capacity, (size_t)2, &capacity)) {
            writer->failed = true;
            return false;
        }
    }
    if (!arena_extend(writer->arena, writer->data, writer->capacity, capacity)) {
        data = arena_alloc(writer->arena, capacity);
        if (data == NULL) {
            writer->failed = true;
            return false;
        }
        memcpy(data, writer->data, writer->length);
        writer->data = data;
    }
    writer->capacity = capacity;
    return true;
}

/* Makes room for bytes more; false when the arena is full. */
static inline bool
reserve(struct json_writer *writer, size_t bytes)
{
    return !writer->failed && (bytes <= writer->capacity - writer->length || grow(writer, bytes));
}

/* The comma that is due, if one is, and room for bytes behind it. */
static bool
begin(struct json_writer *writer, size_t bytes)
{
    if (bytes >= SIZE_MAX - 1 || !reserve(writer, bytes + 1)) {
        writer->failed = true;
        return false;
    }
    if (writer->separator) {
        writer->data[writer->length++] = ',';
    }
    writer->separator = true;
    return true;
}

static void
append(struct json_writer *writer, const char *bytes, size_t count)
{
    if (count > 0 && reserve(writer, count)) {
        memcpy(writer->data + writer->length, bytes, count);
        writer->length += count;
    }
}

void
json_open(struct json_writer *writer, char bracket)
{
    if (begin(writer, 1)) {
        writer->data[writer->length++] = bracket;
        writer->separator = false;
    }
}

void
json_close(struct json_writer *writer, char bracket)
{
    append(writer, &bracket, 1);
    writer->separator = true;
}

/* What a byte needs before it in a JSON string: 0 nothing, 'u' the long form, else the letter behind the backslash. */
static inline char
escape_of(unsigned char byte)
{
    static const char letters[] = "uuuuuuuubtnufruuuuuuuuuuuuuuuuuu"; /* of 0x00 to 0x1f */

    if (byte < 0x20) {
        return letters[byte];
    }
    return byte == '"' || byte == '\\' ? (char)byte : '\0';
}

static void
append_escaped(struct json_writer *writer, struct slice text)
{
    static const char digits[] = "0123456789abcdef";
    size_t plain = 0;

    for (size_t at = 0; at < text.length; at++) {
        unsigned char byte = (unsigned char)text.data[at];
        char escape = escape_of(byte);

        if (escape == '\0') {
            continue;
        }
        append(writer, text.data + plain, at - plain);
        plain = at + 1;
        if (escape == 'u') {
            append(writer, (char[]){'\\', 'u', '0', '0', digits[byte >> 4], digits[byte & 15]}, 6);
        } else {
            append(writer, (char[]){'\\', escape}, 2);
        }
    }
    if (plain < text.length) { /* of an empty slice not even the address counts */
        append(writer, text.data + plain, text.length - plain);
    }
}

/* Whether any of eight bytes is a control character, a quote or a backslash: a subtraction borrows into the highest bit
 * of a byte that is smaller than what is taken from it. */
static bool
any_escaped(uint64_t bytes)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t quotes = bytes ^ (ones * '"');
    uint64_t backslashes = bytes ^ (ones * '\\');

    return ((((bytes - ones * 0x20) & ~bytes) | ((quotes - ones) & ~quotes) | ((backslashes - ones) & ~backslashes)) &
            (ones * 0x80)) != 0;
}

/* Eight bytes at once where it can be: mostly all are plain, and of a text's last ones some are looked at twice. */
static bool
is_plain(struct slice text)
{
    size_t at = 0;
    uint64_t eight;

    if (text.length >= sizeof(eight)) {
        for (; text.length - at > sizeof(eight); at += sizeof(eight)) {
            memcpy(&eight, text.data + at, sizeof(eight));
            if (any_escaped(eight)) {
                return false;
            }
        }
        memcpy(&eight, text.data + text.length - sizeof(eight), sizeof(eight));
        return !any_escaped(eight);
    }
    while (at < text.length && escape_of((unsigned char)text.data[at]) == '\0') {
        at++;
    }
    return at == text.length;
}

/* The text as a string; begin has made room for it, its quotes and what stands behind them. */
static void
put_string(struct json_writer *writer, struct slice text)
{
    writer->data[writer->length++] = '"';
    if (!is_plain(text)) {
        append_escaped(writer, text);
    } else if (text.length > 0) {
        memcpy(writer->data + writer->length, text.data, text.length);
        writer->length += text.length;
    }
}

void
json_string(struct json_writer *writer, struct slice text)
{
    if (begin(writer, text.length > SIZE_MAX - 4 ? SIZE_MAX : text.length + 2)) {
        put_string(writer, text);
        append(writer, "\"", 1);
    }
}

void
json_name(struct json_writer *writer, struct slice name)
{
    if (begin(writer, name.length > SIZE_MAX - 5 ? SIZE_MAX : name.length + 3)) {
        put_string(writer, name);
        append(writer, "\":", 2);
    }
    writer->separator = false;
}

void
json_own_name(struct json_writer *writer, struct slice name)
{
    if (begin(writer, name.length + 3)) {
        char *to = writer->data + writer->length;

        *to++ = '"';
        memcpy(to, name.data, name.length);
        to[name.length] = '"';
        to[name.length + 1] = ':';
        writer->length += name.length + 3;
        writer->separator = false;
    }
}

void
json_raw(struct json_writer *writer, struct slice json)
{
    if (begin(writer, json.length)) {
        append(writer, json.data, json.length);
    }
}

void
json_integer(struct json_writer *writer, int64_t number)
{
    char text[24];
    char *digit = text + sizeof(text);
    uint64_t rest = number < 0 ? -(uint64_t)number : (uint64_t)number;

    do {
        *--digit = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (number < 0) {
        *--digit = '-';
    }
    json_raw(writer, slice_make(digit, (size_t)(text + sizeof(text) - digit)));
}

void
json_boolean(struct json_writer *writer, bool boolean)
{
    json_raw(writer, slice_from(boolean ? "true" : "false"));
}

static void
write_children(struct json_writer *writer, const struct value *value)
{
    json_open(writer, value->kind == VALUE_OBJECT ? '{' : '[');
    for (const struct value *child = value->first; child != NULL; child = child->next) {
        if (value->kind == VALUE_OBJECT) {
            json_name(writer, child->name);
        }
        json_value(writer, child);
    }
    json_close(writer, value->kind == VALUE_OBJECT ? '}' : ']');
}

void
json_value(struct json_writer *writer, const struct value *value)
{
    switch (value->kind) {
    case VALUE_NULL:
        json_raw(writer, slice_from("null"));
        break;
    case VALUE_BOOLEAN:
        json_boolean(writer, value->boolean);
        break;
    case VALUE_NUMBER:
        json_raw(writer, value->text);
        break;
    case VALUE_STRING:
        json_string(writer, value->text);
        break;
    case VALUE_ARRAY:
    case VALUE_OBJECT:
        if (slice_empty(value->raw)) {
            write_children(writer, value); /* out of XML */
        } else {
            json_raw(writer, value->raw);
        }
        break;
    }
}

struct json_mark
json_mark(const struct json_writer *writer)
{
    return (struct json_mark){writer->length, writer->separator};
}

void
json_rewind(struct json_writer *writer, struct json_mark mark)
{
    writer->length = mark.length;
    writer->separator = mark.separator;
}

struct slice
json_finish(struct json_writer *writer)
{
    return writer->failed ? slice_make(NULL, 0) : slice_make(writer->data, writer->length);
}

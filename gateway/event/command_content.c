/* Writes the canonical form of a command's content, and digests it. */
#include "event/command_content.h"

#include <stdlib.h>

#include "base/digest.h"
#include "base/json_writer.h"

/* Of an object, to be sorted. */
struct member {
    const struct value *value;
};

static int
compare_names(const void *left, const void *right)
{
    const struct slice a = ((const struct member *)left)->value->name;
    const struct slice b = ((const struct member *)right)->value->name;
    size_t common = a.length < b.length ? a.length : b.length;
    int order = common == 0 ? 0 : memcmp(a.data, b.data, common);

    return order != 0 ? order : (a.length > b.length) - (a.length < b.length);
}

static void write_canonical(struct json_writer *writer, const struct value *value);

static void
write_object(struct json_writer *writer, const struct value *object)
{
    struct member *members = arena_zalloc(writer->arena, (size_t)object->count + 1, sizeof(*members));
    size_t count = 0;

    if (members == NULL) {
        writer->failed = true;
        return;
    }
    for (const struct value *member = object->first; member != NULL; member = member->next) {
        members[count++].value = member;
    }
    qsort(members, count, sizeof(*members), compare_names);
    json_open(writer, '{');
    for (size_t i = 0; i < count; i++) {
        json_name(writer, members[i].value->name);
        write_canonical(writer, members[i].value);
    }
    json_close(writer, '}');
}

static void
write_array(struct json_writer *writer, const struct value *array)
{
    json_open(writer, '[');
    for (const struct value *element = array->first; element != NULL; element = element->next) {
        write_canonical(writer, element);
    }
    json_close(writer, ']');
}

/* Calls itself no deeper than the parser let the value be nested. */
static void
write_canonical(struct json_writer *writer, const struct value *value)
{
    switch (value->kind) {
    case VALUE_OBJECT:
        write_object(writer, value);
        break;
    case VALUE_ARRAY:
        write_array(writer, value);
        break;
    case VALUE_NULL:
    case VALUE_BOOLEAN:
    case VALUE_NUMBER:
    case VALUE_STRING:
        json_value(writer, value);
        break;
    }
}

static unsigned
hex_digit(char digit)
{
    return (unsigned)(digit <= '9' ? digit - '0' : digit - 'a' + 10);
}

bool
command_content_hash(const struct command *command, struct arena *arena, unsigned char hash[COMMAND_CONTENT_HASH_BYTES])
{
    struct json_writer writer;
    struct slice text;
    char hex[SHA256_HEX_BYTES];

    /* The tree's arrays of members come between: a writer that grew would be copied each time. */
    json_writer_init(&writer, arena, 1024 + (command->data == NULL ? 0 : command->data->raw.length));
    json_open(&writer, '[');
    json_string(&writer, command->name);
    json_string(&writer, command->account);
    if (command->data == NULL) {
        json_raw(&writer, slice_from("{}"));
    } else {
        write_canonical(&writer, command->data);
    }
    json_close(&writer, ']');
    text = json_finish(&writer);
    if (slice_empty(text) || !digest_sha256_hex(text, hex)) {
        return false;
    }
    for (size_t i = 0; i < COMMAND_CONTENT_HASH_BYTES; i++) {
        hash[i] = (unsigned char)(hex_digit(hex[2 * i]) << 4 | hex_digit(hex[2 * i + 1]));
    }
    return true;
}

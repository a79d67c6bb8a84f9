/* Puts a command together out of a file and options. */
#include "verbs/command_draft.h"

#include "base/json.h"
#include "base/json_writer.h"
#include "base/random.h"
#include "base/timestamp.h"
#include "base/utf8.h"
#include "event/command.h"
#include "verbs/sample.h"

#define ID_RANDOM_BYTES 10
#define MS_MAX          (INT64_C(366) * 24 * 3600 * 1000)

bool
command_duration_read(const char *text, int64_t *ms)
{
    static const struct {
        char unit;
        int64_t ms;
    } units[] = {{'s', 1000}, {'m', 60000}, {'h', 3600000}, {'d', 86400000}};
    int64_t number = 0;

    for (; *text >= '0' && *text <= '9'; text++) {
        number = number * 10 + (*text - '0');
        if (number > MS_MAX) {
            return false;
        }
    }
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (text[0] == units[i].unit && text[1] == '\0') {
            *ms = number > MS_MAX / units[i].ms ? 0 : number * units[i].ms;
            return *ms > 0;
        }
    }
    return false;
}

/* A member that an option gives: it replaces the file's. */
struct member {
    const char *name;
    const char *text; /* NULL: not given */
};

static bool
replaced(const struct member *members, size_t count, struct slice name)
{
    for (size_t i = 0; i < count; i++) {
        if (members[i].text != NULL && slice_is(name, members[i].name)) {
            return true;
        }
    }
    return false;
}

static const char *
full_type(const char *type, struct arena *arena)
{
    if (type == NULL || strncmp(type, "io.trunkline.", strlen("io.trunkline.")) == 0) {
        return type;
    }
    return arena_printf(arena, COMMAND_TYPE_PREFIX "%s.v1", type).data;
}

static const char *
random_id(struct arena *arena)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char bytes[ID_RANDOM_BYTES];
    char hex[2 * ID_RANDOM_BYTES];

    if (!random_bytes(bytes, sizeof(bytes))) {
        return NULL;
    }
    for (size_t i = 0; i < sizeof(bytes); i++) {
        hex[2 * i] = digits[bytes[i] >> 4];
        hex[2 * i + 1] = digits[bytes[i] & 15];
    }
    return arena_copy(arena, slice_make(hex, sizeof(hex))).data;
}

static const char *
time_text(int64_t unix_ms, struct arena *arena)
{
    char text[TIMESTAMP_TEXT_BYTES];
    struct timestamp timestamp = {.unix_ms = unix_ms, .present = true, .millis = true};

    return arena_copy(arena, slice_make(text, timestamp_format(timestamp, text))).data;
}

static bool
read_object(const char *what, struct slice text, struct arena *arena, const struct value **object, struct error *error)
{
    struct error why = {""};

    *object = json_parse(arena, text, VALUE_LIMITS_DEFAULT, &why);
    if (*object == NULL) {
        return error_set(error, "%s is not JSON: %s", what, why.text);
    }
    if ((*object)->kind != VALUE_OBJECT) {
        return error_set(error, "%s must be one JSON object", what);
    }
    return true;
}

/* NULL in *object when the draft has no file, or *data when it has none. */
static bool
read_parts(const struct command_draft *draft, struct arena *arena, const struct value **object,
           const struct value **data, struct error *error)
{
    struct slice bytes = {0};

    *object = NULL;
    *data = NULL;
    if (draft->file != NULL) {
        const char *name = strcmp(draft->file, "-") == 0 ? "standard input" : draft->file;

        if (!sample_read(draft->file, arena, &bytes, error) || !read_object(name, bytes, arena, object, error)) {
            return false;
        }
    }
    return draft->data == NULL || read_object("--data", slice_from(draft->data), arena, data, error);
}

static bool
check_utf8(const struct member *members, size_t count, struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        if (members[i].text != NULL && !utf8_valid(slice_from(members[i].text))) {
            return error_set(error, "%s is not UTF-8", members[i].name);
        }
    }
    return true;
}

static void
write_data(struct json_writer *writer, const struct command_draft *draft, const struct value *data)
{
    if (data != NULL) {
        json_name(writer, slice_from("data"));
        json_value(writer, data);
    } else if (draft->target != NULL) {
        json_name(writer, slice_from("data"));
        json_open(writer, '{');
        json_name(writer, slice_from("command"));
        json_string(writer, slice_from(draft->target));
        json_close(writer, '}');
    }
}

bool
command_draft_write(const struct command_draft *draft, int64_t now_ms, struct arena *arena, struct slice *value,
                    struct error *error)
{
    struct member members[] = {
        {"id", draft->id},
        {"type", full_type(draft->type, arena)},
        {"account", draft->account},
        {"priority", draft->priority},
        {"expirytime", draft->expires_in_ms == 0 ? NULL : time_text(now_ms + draft->expires_in_ms, arena)},
        {"data", draft->target != NULL ? draft->target : draft->data}, /* last: written by write_data */
    };
    const size_t count = sizeof(members) / sizeof(members[0]);
    const struct value *object, *data;
    struct json_writer writer;

    if (!check_utf8(members, count, error) || !read_parts(draft, arena, &object, &data, error)) {
        return false;
    }
    if (draft->id == NULL && value_member(object, "id") == NULL) {
        members[0].text = random_id(arena);
    }
    json_writer_init(&writer, arena, 512 + (object == NULL ? 0 : object->raw.length));
    json_open(&writer, '{');
    for (const struct value *member = object == NULL ? NULL : object->first; member != NULL; member = member->next) {
        if (!replaced(members, count, member->name)) {
            json_name(&writer, member->name);
            json_value(&writer, member);
        }
    }
    for (size_t i = 0; i + 1 < count; i++) {
        if (members[i].text != NULL) {
            json_name(&writer, slice_from(members[i].name));
            json_string(&writer, slice_from(members[i].text));
        }
    }
    write_data(&writer, draft, data);
    json_close(&writer, '}');
    *value = json_finish(&writer);
    return (!slice_empty(*value) && !arena_failed(arena)) || error_set(error, "out of memory");
}

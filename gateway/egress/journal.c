/* The journal's entries as compact JSON objects: a table says which kind has which members, and one function writes and
 * one reads each sort of member. */
#include "egress/journal.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>

#include "base/json.h"
#include "base/json_writer.h"

#define HEX_BYTES     ((size_t)2 * COMMAND_CONTENT_HASH_BYTES)
#define BYTES_AT_HAND 384 /* an entry with one command and no result is hardly longer */

/* What a kind has, beside "v" and "kind". */
enum {
    ACCOUNT = 1 << 0,
    ATTEMPT = 1 << 1,
    OPERATION = 1 << 2,
    COMMANDS = 1 << 3,
    TRIES = 1 << 4,
    TIMES = 1 << 5,   /* cool_ms and closed_ms */
    OUTCOME = 1 << 6, /* status, result and target */
    OFFSET = 1 << 7,
    OWNER = 1 << 8, /* and partitions */
};

static const struct {
    const char *name;
    unsigned members;
} kinds[JOURNAL_KIND_COUNT] = {
    [JOURNAL_TAKEOVER] = {"takeover", OWNER},
    [JOURNAL_DISPATCHED] = {"dispatched", ACCOUNT | ATTEMPT | OPERATION | COMMANDS | TRIES},
    [JOURNAL_RETURNED] = {"returned", ACCOUNT | ATTEMPT},
    [JOURNAL_ANSWERED] = {"answered", ACCOUNT | ATTEMPT | TIMES},
    [JOURNAL_DONE] = {"done", ACCOUNT | COMMANDS | OUTCOME},
    [JOURNAL_REPEATED] = {"repeated", OFFSET},
    [JOURNAL_ACCEPTED] = {"accepted", OFFSET},
    [JOURNAL_HOLD] = {"hold", ACCOUNT},
    [JOURNAL_RESUME] = {"resume", ACCOUNT},
};

static void
write_text(struct json_writer *writer, const char *name, struct slice text)
{
    json_name(writer, slice_from(name));
    json_string(writer, text);
}

static void
write_text_if(struct json_writer *writer, const char *name, struct slice text)
{
    if (!slice_empty(text)) {
        write_text(writer, name, text);
    }
}

static void
write_integer(struct json_writer *writer, const char *name, int64_t number)
{
    json_name(writer, slice_from(name));
    json_integer(writer, number);
}

static void
write_commands(struct json_writer *writer, const struct journal_entry *entry)
{
    static const char digits[] = "0123456789abcdef";

    json_name(writer, slice_from("commands"));
    json_open(writer, '[');
    for (size_t i = 0; i < entry->command_count; i++) {
        const struct journal_command *command = &entry->commands[i];
        char hex[HEX_BYTES];

        for (size_t byte = 0; byte < COMMAND_CONTENT_HASH_BYTES; byte++) {
            hex[2 * byte] = digits[command->content_hash[byte] >> 4];
            hex[2 * byte + 1] = digits[command->content_hash[byte] & 15];
        }
        json_open(writer, '{');
        write_text(writer, "id", command->id);
        write_integer(writer, "offset", command->offset);
        write_text(writer, "content_hash", slice_make(hex, sizeof hex));
        json_close(writer, '}');
    }
    json_close(writer, ']');
}

static void
write_outcome(struct json_writer *writer, const struct journal_entry *entry)
{
    write_text(writer, "status", entry->status);
    if (!slice_empty(entry->result)) {
        json_name(writer, slice_from("result"));
        json_raw(writer, entry->result);
    }
    write_text_if(writer, "target", entry->target);
}

static void
write_attempt(struct json_writer *writer, struct attempt_id attempt)
{
    char text[48];
    int length = snprintf(text, sizeof text, "%" PRId64 ".%" PRIu64, attempt.epoch, attempt.number);

    write_text(writer, "attempt", slice_make(text, (size_t)length));
}

/* In the order in which they are read again. */
static void
write_members(struct json_writer *writer, const struct journal_entry *entry, unsigned members)
{
    if ((members & ACCOUNT) != 0) {
        write_text(writer, "account", entry->account);
    } else {
        write_text_if(writer, "account", entry->account);
    }
    if ((members & ATTEMPT) != 0) {
        write_attempt(writer, entry->attempt);
    }
    if ((members & OPERATION) != 0) {
        write_text_if(writer, "operation", entry->operation);
    }
    if ((members & COMMANDS) != 0) {
        write_commands(writer, entry);
    }
    if ((members & TRIES) != 0) {
        write_integer(writer, "tries", entry->tries);
    }
    if ((members & TIMES) != 0) {
        write_integer(writer, "cool_ms", entry->cool_ms);
        if (entry->closed_ms != 0) {
            write_integer(writer, "closed_ms", entry->closed_ms);
        }
    }
    if ((members & OUTCOME) != 0) {
        write_outcome(writer, entry);
    }
    if ((members & OFFSET) != 0) {
        write_integer(writer, "offset", entry->offset);
    }
    if ((members & OWNER) != 0) {
        write_integer(writer, "partitions", entry->partitions);
        write_text(writer, "owner", entry->owner);
    }
}

bool
journal_write(const struct journal_entry *entry, struct arena *arena, struct record *record)
{
    struct json_writer writer;

    json_writer_init(&writer, arena, BYTES_AT_HAND + entry->result.length);
    json_open(&writer, '{');
    write_integer(&writer, "v", JOURNAL_VERSION);
    write_text(&writer, "kind", slice_from(kinds[entry->kind].name));
    write_members(&writer, entry, kinds[entry->kind].members);
    json_close(&writer, '}');
    record->value = json_finish(&writer);
    record->key = arena_copy(arena, entry->account);
    return !slice_empty(record->value) && !arena_failed(arena);
}

/* A number as we write them: digits alone, no zero in front, at most most. */
static bool
read_digits(struct slice text, uint64_t most, uint64_t *number)
{
    uint64_t sum = 0;

    if (text.length == 0 || (text.length > 1 && text.data[0] == '0')) {
        return false;
    }
    for (size_t i = 0; i < text.length; i++) {
        unsigned digit = (unsigned)text.data[i] - '0';

        if (digit > 9 || sum > (UINT64_MAX - digit) / 10) {
            return false;
        }
        sum = sum * 10 + digit;
    }
    *number = sum;
    return sum <= most;
}

/* A member that must be there. */
static bool
read_text(const struct value *object, const char *name, struct slice *text, struct error *error)
{
    const struct value *member = value_member(object, name);

    if (member == NULL || member->kind != VALUE_STRING) {
        return error_set(error, "a journal entry whose \"%s\" is %s", name, member == NULL ? "missing" : "no string");
    }
    *text = member->text;
    return true;
}

/* One that may be missing. */
static bool
read_text_if(const struct value *object, const char *name, struct slice *text, struct error *error)
{
    return value_member(object, name) == NULL || read_text(object, name, text, error);
}

static bool
read_integer(const struct value *object, const char *name, int64_t most, int64_t *number, struct error *error)
{
    const struct value *member = value_member(object, name);
    uint64_t found;

    if (member == NULL || member->kind != VALUE_NUMBER || !read_digits(member->text, (uint64_t)most, &found)) {
        return error_set(error, "a journal entry whose \"%s\" is %s", name,
                         member == NULL ? "missing" : "no whole number in its range");
    }
    *number = (int64_t)found;
    return true;
}

static bool
read_attempt(const struct value *object, struct attempt_id *attempt, struct error *error)
{
    struct slice text = {NULL, 0};
    const char *dot;
    uint64_t epoch = 0;

    if (!read_text(object, "attempt", &text, error)) {
        return false;
    }
    dot = slice_empty(text) ? NULL : memchr(text.data, '.', text.length);
    if (dot == NULL || !read_digits(slice_make(text.data, (size_t)(dot - text.data)), INT64_MAX, &epoch) ||
        !read_digits(slice_make(dot + 1, text.length - (size_t)(dot - text.data) - 1), UINT64_MAX, &attempt->number)) {
        return error_set(error, "a journal entry whose \"attempt\" is not two numbers with a dot between");
    }
    attempt->epoch = (int64_t)epoch;
    return true;
}

/* 0 to 15, or 16 for what is no digit of ours. */
static unsigned
hex_digit(char digit)
{
    if (digit >= '0' && digit <= '9') {
        return (unsigned)(digit - '0');
    }
    return digit >= 'a' && digit <= 'f' ? (unsigned)(digit - 'a') + 10 : 16;
}

static bool
read_hash(const struct value *object, unsigned char *hash, struct error *error)
{
    struct slice hex = {NULL, 0};

    if (!read_text(object, "content_hash", &hex, error)) {
        return false;
    }
    for (size_t i = 0; i < COMMAND_CONTENT_HASH_BYTES; i++) {
        unsigned high = hex.length == HEX_BYTES ? hex_digit(hex.data[2 * i]) : 16;
        unsigned low = hex.length == HEX_BYTES ? hex_digit(hex.data[2 * i + 1]) : 16;

        if (high > 15 || low > 15) {
            return error_set(error, "a journal entry whose \"content_hash\" is not %zu lower-case hex digits",
                             HEX_BYTES);
        }
        hash[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

static bool
read_commands(const struct value *object, struct arena *arena, struct journal_entry *entry, struct error *error)
{
    const struct value *list = value_member(object, "commands");
    struct journal_command *commands;
    size_t count = 0;

    if (list == NULL || list->kind != VALUE_ARRAY) {
        return error_set(error, "a journal entry whose \"commands\" is %s", list == NULL ? "missing" : "no array");
    }
    commands = arena_zalloc(arena, list->count, sizeof *commands);
    if (commands == NULL) {
        return error_set(error, "out of memory");
    }
    for (const struct value *item = list->first; item != NULL; item = item->next) {
        struct journal_command *command = &commands[count++];

        if (!read_text(item, "id", &command->id, error) ||
            !read_integer(item, "offset", INT64_MAX, &command->offset, error) ||
            !read_hash(item, command->content_hash, error)) {
            return false;
        }
    }
    entry->commands = commands;
    entry->command_count = count;
    return true;
}

static bool
read_times(const struct value *object, struct journal_entry *entry, struct error *error)
{
    return read_integer(object, "cool_ms", INT64_MAX, &entry->cool_ms, error) &&
           (value_member(object, "closed_ms") == NULL ||
            read_integer(object, "closed_ms", INT64_MAX, &entry->closed_ms, error));
}

static bool
read_outcome(const struct value *object, struct journal_entry *entry, struct error *error)
{
    const struct value *result = value_member(object, "result");

    if (entry->command_count != 1) {
        return error_set(error, "a journal entry \"done\" with %zu commands", entry->command_count);
    }
    if (result != NULL && result->kind != VALUE_OBJECT) {
        return error_set(error, "a journal entry whose \"result\" is no object");
    }
    if (result != NULL) {
        entry->result = result->raw;
    }
    return read_text(object, "status", &entry->status, error) && read_text_if(object, "target", &entry->target, error);
}

static bool
read_owner(const struct value *object, struct journal_entry *entry, struct error *error)
{
    int64_t partitions = 0;

    if (!read_integer(object, "partitions", INT32_MAX, &partitions, error)) {
        return false;
    }
    entry->partitions = (int32_t)partitions;
    return read_text(object, "owner", &entry->owner, error);
}

static bool
read_tries(const struct value *object, struct journal_entry *entry, struct error *error)
{
    int64_t tries = 0;

    if (!read_integer(object, "tries", UINT_MAX, &tries, error)) {
        return false;
    }
    entry->tries = (unsigned)tries;
    return true;
}

static bool
read_members(const struct value *object, struct arena *arena, struct journal_entry *entry, struct error *error)
{
    unsigned members = kinds[entry->kind].members;

    if ((members & ACCOUNT) != 0 ? !read_text(object, "account", &entry->account, error)
                                 : !read_text_if(object, "account", &entry->account, error)) {
        return false;
    }
    return ((members & ATTEMPT) == 0 || read_attempt(object, &entry->attempt, error)) &&
           ((members & OPERATION) == 0 || read_text_if(object, "operation", &entry->operation, error)) &&
           ((members & COMMANDS) == 0 || read_commands(object, arena, entry, error)) &&
           ((members & TRIES) == 0 || read_tries(object, entry, error)) &&
           ((members & TIMES) == 0 || read_times(object, entry, error)) &&
           ((members & OUTCOME) == 0 || read_outcome(object, entry, error)) &&
           ((members & OFFSET) == 0 || read_integer(object, "offset", INT64_MAX, &entry->offset, error)) &&
           ((members & OWNER) == 0 || read_owner(object, entry, error));
}

enum journal_verdict
journal_read(struct slice value, struct arena *arena, struct journal_entry *entry, struct error *error)
{
    /* A result nests a little deeper here than by itself. */
    static const struct value_limits limits = {.depth = 40, .members = 100000};
    const struct value *object = json_parse(arena, value, limits, error);
    struct slice kind = {NULL, 0};
    int64_t version = 0;

    *entry = (struct journal_entry){.kind = JOURNAL_KIND_COUNT};
    if (object == NULL || !read_integer(object, "v", INT64_MAX, &version, error)) {
        return JOURNAL_UNREADABLE;
    }
    if (version > JOURNAL_VERSION) {
        error_set(error, "a journal entry of version %lld; this program reads %d: run the one that wrote it, or newer",
                  (long long)version, JOURNAL_VERSION);
        return JOURNAL_NEWER;
    }
    if (version < 1) {
        error_set(error, "a journal entry of version 0");
        return JOURNAL_UNREADABLE;
    }
    if (!read_text(object, "kind", &kind, error)) {
        return JOURNAL_UNREADABLE;
    }
    for (int known = 0; known < JOURNAL_KIND_COUNT; known++) {
        if (slice_is(kind, kinds[known].name)) {
            entry->kind = (enum journal_kind)known;
            return read_members(object, arena, entry, error) ? JOURNAL_READ : JOURNAL_UNREADABLE;
        }
    }
    error_set(error, "a journal entry of the unknown kind \"%.*s\": run the program that wrote it, or a newer one",
              kind.length > 64 ? 64 : (int)kind.length, kind.data);
    return JOURNAL_NEWER;
}

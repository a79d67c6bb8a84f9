/* Reads a record of the commands topic into a command, and checks all that does not depend on the vendor. */
#include "event/command.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/timestamp.h"
#include "event/attribute.h"
#include "event/cloudevent_reader.h"
#include "event/command_content.h"

#define TYPE_VERSION      ".v1"
#define NAME_BYTES_MAX    64
#define QUOTED_BYTES_MAX  40 /* of an unknown member's name in a message */
#define ID_BYTES_MAX_TEXT "256"
#define TIME_EXAMPLE      "such as 2021-05-08T14:39:47+08:00"

_Static_assert(COMMAND_ID_BYTES_MAX == 256, "the messages say so");

const char *const command_priorities[PRIORITY_COUNT] = {
    [PRIORITY_CONTROL] = "control",
    [PRIORITY_INTERACTIVE] = "interactive",
    [PRIORITY_BULK] = "bulk",
    [PRIORITY_IDLE] = "idle",
};

/* One command on its way. The first fault is told; the rest is read all the same, so that the sender can be answered.
 */
struct reading {
    struct incoming_event event;
    struct command *command;
    struct error *error;
    bool invalid;
};

__attribute__((format(printf, 2, 3))) static void
complain(struct reading *reading, const char *format, ...)
{
    va_list arguments;
    char text[sizeof(reading->error->text)];

    if (reading->invalid) {
        return;
    }
    reading->invalid = true;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    error_set(reading->error, "%s", text);
}

/* --- names --- */

struct control_name {
    const char *name;
    enum command_control control;
};
static const struct control_name control_names[] = {
    {"command.cancel", CONTROL_CANCEL},
    {"account.hold", CONTROL_ACCOUNT_HOLD},
    {"account.resume", CONTROL_ACCOUNT_RESUME},
};

static enum command_control
control_of(struct slice name)
{
    for (size_t i = 0; i < sizeof(control_names) / sizeof(control_names[0]); i++) {
        if (slice_is(name, control_names[i].name)) {
            return control_names[i].control;
        }
    }
    return CONTROL_NONE;
}

static bool
begins_with(struct slice text, const char *start)
{
    size_t length = strlen(start);

    return text.length >= length && memcmp(text.data, start, length) == 0;
}

static bool
ends_with(struct slice text, const char *end)
{
    size_t length = strlen(end);

    return text.length >= length && memcmp(text.data + text.length - length, end, length) == 0;
}

enum command_priority
command_default_priority(struct slice name)
{
    /* What concerns a call that is going on; the beginnings of all others are new orders. */
    static const char *const going_on[] = {"call.hangup", "call.transfer", "call.conference", "call.hold",
                                           "call.unhold", "call.mute",     "call.unmute"};

    if (control_of(name) != CONTROL_NONE || begins_with(name, "call.consult")) {
        return PRIORITY_CONTROL;
    }
    for (size_t i = 0; i < sizeof(going_on) / sizeof(going_on[0]); i++) {
        if (slice_is(name, going_on[i])) {
            return PRIORITY_CONTROL;
        }
    }
    if (ends_with(name, ".query")) {
        return PRIORITY_INTERACTIVE;
    }
    if (begins_with(name, "task.")) {
        return PRIORITY_BULK;
    }
    return slice_is(name, "push.recover") ? PRIORITY_IDLE : PRIORITY_INTERACTIVE;
}

/* Words of lower-case letters and `_`, with dots between. */
static bool
name_valid(struct slice name)
{
    bool word = false;

    if (name.length > NAME_BYTES_MAX) {
        return false;
    }
    for (size_t i = 0; i < name.length; i++) {
        char byte = name.data[i];

        if (byte == '.' && word) {
            word = false;
        } else if ((byte >= 'a' && byte <= 'z') || byte == '_') {
            word = true;
        } else {
            return false;
        }
    }
    return word;
}

/* --- attributes --- */

/* An id: something to be told from others by, that fits into attributes and keys. Empty when there is none. */
static struct slice
read_id(struct reading *reading, const char *name, bool required)
{
    struct slice text;

    switch (cloudevent_attribute(&reading->event, name, &text)) {
    case ATTRIBUTE_ABSENT:
        if (required) {
            complain(reading, "%s is missing; give a text of 1 to " ID_BYTES_MAX_TEXT " bytes", name);
        }
        return (struct slice){0};
    case ATTRIBUTE_WRONG:
        complain(reading, "%s must be one string", name);
        return (struct slice){0};
    case ATTRIBUTE_TEXT:
        break;
    }
    if (slice_empty(text) || text.length > COMMAND_ID_BYTES_MAX) {
        complain(reading, "%s has %zu bytes; it must have 1 to " ID_BYTES_MAX_TEXT, name, text.length);
        return (struct slice){0};
    }
    if (!attribute_allowed(text)) {
        complain(reading, "%s holds control characters; take them out", name);
        return (struct slice){0};
    }
    return text;
}

static void
read_type(struct reading *reading)
{
    static const struct slice prefix = SLICE(COMMAND_TYPE_PREFIX);
    static const struct slice version = SLICE(TYPE_VERSION);
    struct slice type;

    if (cloudevent_attribute(&reading->event, "type", &type) != ATTRIBUTE_TEXT) {
        complain(reading, "type must be one string, such as " COMMAND_TYPE_PREFIX "call.dial" TYPE_VERSION);
        return;
    }
    if (begins_with(type, prefix.data) && ends_with(type, version.data) &&
        type.length > prefix.length + version.length) {
        struct slice name = slice_make(type.data + prefix.length, type.length - prefix.length - version.length);

        if (name_valid(name)) {
            reading->command->name = name;
            return;
        }
    }
    complain(reading, "type must be " COMMAND_TYPE_PREFIX "<name>" TYPE_VERSION ", such as " COMMAND_TYPE_PREFIX
                      "call.dial" TYPE_VERSION);
}

static void
read_priority(struct reading *reading)
{
    struct slice word;

    reading->command->priority = command_default_priority(reading->command->name);
    switch (cloudevent_attribute(&reading->event, "priority", &word)) {
    case ATTRIBUTE_ABSENT:
        return;
    case ATTRIBUTE_TEXT:
        for (int i = 0; i < PRIORITY_COUNT; i++) {
            if (slice_is(word, command_priorities[i])) {
                reading->command->priority = (enum command_priority)i;
                return;
            }
        }
        break;
    case ATTRIBUTE_WRONG:
        break;
    }
    complain(reading, "priority must be control, interactive, bulk or idle");
}

/* 0: not told. */
static int64_t
read_time(struct reading *reading, const char *name)
{
    struct timestamp timestamp = {0};
    struct slice text;

    switch (cloudevent_attribute(&reading->event, name, &text)) {
    case ATTRIBUTE_ABSENT:
        return 0;
    case ATTRIBUTE_TEXT:
        if (timestamp_read_rfc3339(text, &timestamp) && timestamp.unix_ms > 0) {
            return timestamp.unix_ms;
        }
        break;
    case ATTRIBUTE_WRONG:
        break;
    }
    complain(reading, "%s must be a time after 1970 as RFC 3339 has it, " TIME_EXAMPLE, name);
    return 0;
}

static void
read_traceparent(struct reading *reading)
{
    struct slice text;

    /* Tracing is no reason to refuse a command. */
    if (reading->event.form != EVENT_FORM_BARE &&
        cloudevent_attribute(&reading->event, "traceparent", &text) == ATTRIBUTE_TEXT && traceparent_valid(text)) {
        reading->command->traceparent = text;
    }
}

/* --- members --- */

/* A name that somebody gave is repeated only if it looks like one: it may be anything, a phone number too. */
static struct slice
quotable(struct slice name)
{
    static const struct slice odd = SLICE("(a name that is none)");

    for (size_t i = 0; i < name.length; i++) {
        char letter = (char)(name.data[i] | 0x20);

        if (!(letter >= 'a' && letter <= 'z') && name.data[i] != '_') {
            return odd;
        }
    }
    return slice_empty(name) || name.length > QUOTED_BYTES_MAX ? odd : name;
}

/* CloudEvents may have extensions that we do not know; the bare form is ours alone. */
static void
check_bare_members(struct reading *reading)
{
    static const char *const known[] = {"id",         "type",      "account",       "data", "priority",
                                        "expirytime", "notbefore", "correlationid", NULL};

    if (reading->event.form != EVENT_FORM_BARE || reading->event.object == NULL) {
        return;
    }
    for (const struct value *member = reading->event.object->first; member != NULL; member = member->next) {
        const char *const *name = known;

        while (*name != NULL && !slice_is(member->name, *name)) {
            name++;
        }
        if (*name == NULL) {
            complain(reading,
                     "%.*s is not a member of a command; it takes id, type, account, data, priority, expirytime, "
                     "notbefore, correlationid",
                     SLICE_ARGS(quotable(member->name)));
            return;
        }
    }
}

static void
read_data(struct reading *reading)
{
    if (reading->event.data == NULL || reading->event.data->kind == VALUE_OBJECT) {
        reading->command->data = reading->event.data;
        return;
    }
    complain(reading, "data must be a JSON object");
}

static void
check_cancel(struct reading *reading)
{
    const struct value *target = value_member(reading->command->data, "command");

    if (target == NULL || target->kind != VALUE_STRING || slice_empty(target->text) ||
        target->text.length > COMMAND_ID_BYTES_MAX || !attribute_allowed(target->text)) {
        complain(reading,
                 "data.command must be the id of the command to be cancelled, a string of 1 to " ID_BYTES_MAX_TEXT
                 " bytes without control characters");
    } else if (reading->command->data->count > 1) {
        complain(reading, "data of command.cancel takes the member command and nothing else");
    }
}

/* Control commands are the same for every vendor, so all of them can be checked here. */
static void
check_control(struct reading *reading)
{
    const struct command *command = reading->command;

    if (command->control == CONTROL_NONE) {
        return;
    }
    if (command->not_before_ms != 0) {
        complain(reading, "notbefore: %.*s takes effect at once; leave it out", SLICE_ARGS(command->name));
    }
    if (command->control == CONTROL_CANCEL) {
        check_cancel(reading);
    } else if (command->data != NULL && command->data->count > 0) {
        complain(reading, "data of %.*s takes no members", SLICE_ARGS(command->name));
    }
}

static void
read_command(struct reading *reading)
{
    struct command *command = reading->command;

    command->id = read_id(reading, "id", true);
    command->account = read_id(reading, "account", true);
    read_type(reading);
    command->control = control_of(command->name);
    command->correlation_id = read_id(reading, "correlationid", false);
    read_traceparent(reading);
    read_priority(reading);
    command->expires_ms = read_time(reading, "expirytime");
    command->not_before_ms = read_time(reading, "notbefore");
    read_data(reading);
    check_bare_members(reading);
    check_control(reading);
}

enum command_verdict
command_parse(struct slice value, const struct record_header *headers, size_t header_count, struct arena *arena,
              struct command *command, struct error *error)
{
    struct reading reading = {.command = command, .error = error};
    struct error why = {""};

    *command = (struct command){.priority = PRIORITY_INTERACTIVE};
    if (value.length > COMMAND_BYTES_MAX) {
        /* What the headers tell is worth an answer; the value is not worth the memory. */
        complain(&reading, "it has %zu bytes; a command has at most %zu", value.length, COMMAND_BYTES_MAX);
        value = (struct slice){0};
    }
    switch (cloudevent_read(value, headers, header_count, arena, &reading.event, &why)) {
    case CLOUDEVENT_READ:
        break;
    case CLOUDEVENT_UNREADABLE:
        complain(&reading, "%s", why.text);
        break;
    case CLOUDEVENT_NO_MEMORY:
        return COMMAND_NO_MEMORY;
    }
    read_command(&reading);
    if (reading.invalid) {
        return COMMAND_INVALID;
    }
    return command_content_hash(command, arena, command->content_hash) ? COMMAND_VALID : COMMAND_NO_MEMORY;
}

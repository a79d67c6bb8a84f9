/* Records in lines of text, and as JSON. */
#include "verbs/tap_show.h"

#include "base/utf8.h"

#define TYPE_COLUMN   22
#define SOURCE_COLUMN 9
#define WORD_BYTES    72
#define WORDS_MOST    10
#define SCALARS_MOST  5
#define DATA_INDENT   4

/* --- what happened, in few words --- */

/* Members of an event's data in the order of the line. Of an array the number of elements is told. */
static const struct {
    const char *path, *before, *after;
} words[] = {
    /* results */
    {"status", "", ""},
    {"code", "", ""},
    {"reason", "", ""},
    {"vendor_code", "vendor's code ", ""},
    {"vendor_message", "", ""},
    {"queue.ahead", "", " ahead"},
    /* events */
    {"call.direction", "", ""},
    {"call.leg", "leg of ", ""},
    {"call.caller", "from ", ""},
    {"call.callee", "to ", ""},
    {"outcome.status", "", ""},
    {"outcome.vendor_reason", "", ""},
    {"durations.talk_seconds", "", " s talk"},
    {"outcome.hung_up_by", "hung up by ", ""},
    {"agent.number", "agent ", ""},
    {"agent.status.state", "", ""},
    {"agent.status.name", "", ""},
    {"queue.name", "queue ", ""},
    {"task.name", "task ", ""},
    {"task.status", "", ""},
    {"diagnosis.reason", "", ""},
    {"recordings", "recordings: ", ""},
    {"transcript.turns", "turns: ", ""},
};

static const struct value *
member_at(const struct value *object, const char *path)
{
    for (;;) {
        size_t length = strcspn(path, ".");

        object = value_member_named(object, slice_make(path, length));
        if (object == NULL || path[length] == '\0') {
            return object;
        }
        path += length + 1;
    }
}

static bool
is_scalar(const struct value *value)
{
    return value->kind == VALUE_STRING || value->kind == VALUE_NUMBER || value->kind == VALUE_BOOLEAN;
}

/* As much of it as a line bears. */
static void
print_short(FILE *stream, struct slice text)
{
    size_t length = text.length;

    if (length > WORD_BYTES) {
        length = utf8_valid_prefix(slice_make(text.data, WORD_BYTES));
    }
    printer_text(stream, slice_make(text.data, length));
    if (length < text.length) {
        fputs("...", stream);
    }
}

static void
print_scalar(FILE *stream, const struct value *value)
{
    print_short(stream, value->kind == VALUE_BOOLEAN ? slice_from(value->boolean ? "true" : "false") : value->text);
}

/* Whether there was something to print. */
static bool
print_word(FILE *stream, const struct value *data, size_t index, bool first)
{
    const struct value *value = member_at(data, words[index].path);

    if (value == NULL || !(value->kind == VALUE_ARRAY || (is_scalar(value) && !slice_empty(value->text)))) {
        return false;
    }
    fprintf(stream, "%s%s", first ? "" : ", ", words[index].before);
    if (value->kind == VALUE_ARRAY) {
        fprintf(stream, "%u", value->count);
    } else {
        print_scalar(stream, value);
    }
    fputs(words[index].after, stream);
    return true;
}

/* The first members, whatever they mean. */
static void
print_scalars(FILE *stream, const struct value *object)
{
    size_t printed = 0;

    for (const struct value *member = object->first; member != NULL && printed < SCALARS_MOST; member = member->next) {
        if (!is_scalar(member) || (member->kind == VALUE_STRING && slice_empty(member->text))) {
            continue;
        }
        fputs(printed++ == 0 ? "" : ", ", stream);
        print_short(stream, member->name);
        fputc('=', stream);
        print_scalar(stream, member);
    }
}

static void
print_words(FILE *stream, const struct value *data)
{
    const struct value *vendor = value_member(data, "vendor");
    size_t printed = 0;

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]) && printed < WORDS_MOST; i++) {
        printed += print_word(stream, data, i, printed == 0);
    }
    if (printed == 0 && data != NULL && data->kind == VALUE_OBJECT) {
        /* An unmapped event has the vendor's message alone. */
        print_scalars(stream, vendor != NULL && vendor->kind == VALUE_OBJECT && data->count == 1 ? vendor : data);
    }
}

static void
print_original(FILE *stream, const struct sight *sight)
{
    const struct dead_letter *letter = &sight->letter;

    printer_text(stream, letter->method);
    fputs(slice_empty(letter->method) ? "" : " ", stream);
    printer_text(stream, letter->endpoint);
    if (!slice_empty(letter->reason)) {
        fputs(slice_empty(letter->endpoint) ? "" : ", ", stream);
        printer_text(stream, letter->reason);
        fputs(slice_empty(letter->detail) ? "" : ": ", stream);
        print_short(stream, letter->detail);
    }
    fprintf(stream, " (%zu bytes)", sight->bytes);
}

/* --- lines --- */

/* Of a width, so that lines of a terminal stand in columns. */
static void
print_column(FILE *stream, struct slice text, size_t width)
{
    text = slice_empty(text) ? (struct slice)SLICE("-") : text;
    printer_text(stream, text);
    fprintf(stream, "%*s", text.length < width ? (int)(width - text.length) + 2 : 2, "");
}

/* The event's own time, or when Kafka got the record. */
static struct slice
time_of(const struct sight *sight, char text[TIMESTAMP_TEXT_BYTES])
{
    struct timestamp time = {.unix_ms = sight->timestamp_ms, .present = true, .millis = true};

    return slice_empty(sight->time) ? slice_make(text, timestamp_format(time, text)) : sight->time;
}

static struct slice
type_of(const struct sight *sight)
{
    switch (sight->kind) {
    case SIGHT_EVENT:
        return sight_short_type(sight->type);
    case SIGHT_ORIGINAL:
        return slice_from(slice_empty(sight->letter.reason) ? "(callback)" : "(dead letter)");
    case SIGHT_OTHER:
        break;
    }
    return slice_from("(no event)");
}

static void
print_line(const struct printer *printer, const struct sight *sight)
{
    FILE *stream = printer->stream;
    char time[TIMESTAMP_TEXT_BYTES];

    printer_colour(printer, PRINTER_FAINT);
    print_column(stream, time_of(sight, time), 0);
    printer_colour(printer, PRINTER_PLAIN);
    printer_colour(printer, PRINTER_HEADLINE);
    print_column(stream, type_of(sight), TYPE_COLUMN);
    printer_colour(printer, PRINTER_PLAIN);
    print_column(stream, sight_short_source(sight->source), SOURCE_COLUMN);
    printer_colour(printer, PRINTER_NAME);
    print_column(stream, sight->key, 0);
    printer_colour(printer, PRINTER_PLAIN);
    if (sight->kind == SIGHT_ORIGINAL) {
        print_original(stream, sight);
    } else if (sight->kind == SIGHT_EVENT) {
        print_words(stream, sight->event.data);
    } else {
        fprintf(stream, "(%zu bytes)", sight->bytes);
    }
    fputc('\n', stream);
}

static void
print_data(const struct printer *printer, const struct sight *sight, struct arena *arena)
{
    const struct value *data = sight->kind == SIGHT_EVENT ? sight->event.data : sight->tree;

    fprintf(printer->stream, "%*s", DATA_INDENT, "");
    if (data != NULL) {
        printer_value(printer, data, DATA_INDENT, arena);
    } else {
        printer_text(printer->stream, sight->value);
    }
    fputc('\n', printer->stream);
}

/* --- JSON --- */

static void
write_text(struct json_writer *writer, const char *name, struct slice text)
{
    json_name(writer, slice_from(name));
    json_string(writer, text);
}

/* A binary event in the form of a structured one. */
static void
write_event(struct json_writer *writer, const struct sight *sight)
{
    static const struct slice prefix = SLICE("ce_");
    const struct incoming_event *event = &sight->event;

    json_name(writer, (struct slice)SLICE("event"));
    if (event->form != EVENT_FORM_BINARY) {
        json_value(writer, event->object);
        return;
    }
    json_open(writer, '{');
    for (size_t i = 0; i < event->header_count; i++) {
        struct slice name = event->headers[i].name, value = event->headers[i].value;

        if (name.length > prefix.length && memcmp(name.data, prefix.data, prefix.length) == 0 && utf8_valid(name) &&
            utf8_valid(value)) {
            json_name(writer, slice_make(name.data + prefix.length, name.length - prefix.length));
            json_string(writer, value);
        }
    }
    if (sight->tree != NULL) {
        json_name(writer, (struct slice)SLICE("data"));
        json_value(writer, sight->tree);
    }
    json_close(writer, '}');
}

static bool
print_json(const struct printer *printer, const struct sight *sight, struct arena *arena)
{
    struct timestamp time = {.unix_ms = sight->timestamp_ms, .present = true, .millis = true};
    char text[TIMESTAMP_TEXT_BYTES];
    struct json_writer writer;
    struct slice json;

    json_writer_init(&writer, arena, sight->value.length + 512);
    json_open(&writer, '{');
    write_text(&writer, "topic", sight->topic);
    json_name(&writer, (struct slice)SLICE("partition"));
    json_integer(&writer, sight->partition);
    json_name(&writer, (struct slice)SLICE("offset"));
    json_integer(&writer, sight->offset);
    write_text(&writer, "timestamp", slice_make(text, timestamp_format(time, text)));
    printer_json_bytes(&writer, "key", sight->key);
    if (sight->kind == SIGHT_EVENT) {
        write_event(&writer, sight);
    } else {
        printer_json_headers(&writer, sight->headers, sight->header_count);
        printer_json_bytes(&writer, "value", sight->value);
    }
    json_close(&writer, '}');
    json = json_finish(&writer);
    printer_safe_json(printer->stream, json);
    fputc('\n', printer->stream);
    return !slice_empty(json);
}

bool
show(const struct printer *printer, const struct sight *sight, enum show_form form, struct arena *arena)
{
    if (form == SHOW_JSON) {
        return print_json(printer, sight, arena);
    }
    print_line(printer, sight);
    if (form == SHOW_DATA) {
        print_data(printer, sight, arena);
    }
    return !arena_failed(arena);
}

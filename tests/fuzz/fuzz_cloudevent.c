/* Fuzzes the reader of CloudEvents: attributes are what they claim to be, and an event of any form says the same when
 * it is told again in binary mode. An input is a record, as record_text.h reads it. */
#include "base/json_writer.h"
#include "base/utf8.h"
#include "event/cloudevent_reader.h"
#include "fuzz/fact.h"
#include "fuzz/record_text.h"

#define ARENA_BYTES ((size_t)64 << 20)

static const char *const names[] = {
    "specversion", "id",      "source",       "type",          "subject",     "time",      "dataschema", "partitionkey",
    "vendor",      "account", "recordedtime", "correlationid", "traceparent", "recovered", "expirytime", "priority"};
#define NAME_COUNT (sizeof(names) / sizeof(names[0]))

static void
check_attributes(const struct incoming_event *event)
{
    for (size_t i = 0; i < NAME_COUNT; i++) {
        struct slice text;
        enum attribute_verdict verdict = cloudevent_attribute(event, names[i], &text);

        require(verdict == ATTRIBUTE_TEXT ? utf8_valid(text) : verdict == ATTRIBUTE_WRONG || slice_empty(text));
    }
}

/* Its attributes as headers; those that are no texts are left out. */
static size_t
headers_of(const struct incoming_event *event, struct record_header headers[NAME_COUNT + 1], struct arena *arena)
{
    size_t count = 0;

    for (size_t i = 0; i < NAME_COUNT; i++) {
        struct slice text;

        if (cloudevent_attribute(event, names[i], &text) == ATTRIBUTE_TEXT) {
            headers[count++] = (struct record_header){arena_printf(arena, "ce_%s", names[i]), text};
        }
    }
    if (event->form == EVENT_FORM_BARE) {
        headers[count++] = (struct record_header){SLICE("ce_specversion"), SLICE("1.0")};
    }
    return count;
}

static struct slice
text_of(const struct value *value, struct arena *arena)
{
    struct json_writer writer;

    json_writer_init(&writer, arena, 1024);
    json_value(&writer, value);
    return json_finish(&writer);
}

static void
check_again(const struct incoming_event *event, struct arena *arena)
{
    struct record_header headers[NAME_COUNT + 1];
    size_t count = headers_of(event, headers, arena);
    struct slice value = event->data == NULL ? slice_from("") : text_of(event->data, arena);
    struct incoming_event again;
    struct error error = {""};

    if (arena_failed(arena) || cloudevent_read(value, headers, count, arena, &again, &error) == CLOUDEVENT_NO_MEMORY) {
        return;
    }
    require(error.text[0] == '\0' && again.form == EVENT_FORM_BINARY);
    require((again.data == NULL) == (event->data == NULL));
    if (again.data != NULL) {
        require(again.data->kind == event->data->kind);
        require(slice_equal(text_of(again.data, arena), value) || arena_failed(arena));
    }
    for (size_t i = event->form == EVENT_FORM_BARE ? 1 : 0; i < NAME_COUNT; i++) {
        struct slice before, after;

        if (cloudevent_attribute(event, names[i], &before) == ATTRIBUTE_TEXT) {
            require(cloudevent_attribute(&again, names[i], &after) == ATTRIBUTE_TEXT && slice_equal(before, after));
        }
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_make((const char *)data, size);
    struct record_header headers[RECORD_TEXT_HEADERS_MAX];
    size_t count = record_text_headers(&text, headers);
    struct arena *arena = arena_new(NULL, ARENA_BYTES);
    struct incoming_event event;
    struct error error = {""};
    enum cloudevent_verdict verdict = cloudevent_read(text, headers, count, arena, &event, &error);

    if (verdict != CLOUDEVENT_NO_MEMORY) {
        require((verdict == CLOUDEVENT_READ) == (error.text[0] == '\0'));
        check_attributes(&event);
    }
    if (verdict == CLOUDEVENT_READ) {
        require((event.form == EVENT_FORM_BINARY) == (event.object == NULL));
        require(event.data == NULL || event.data->kind != VALUE_NULL);
        /* By itself only an object or a list is JSON for us. */
        if (event.data == NULL || event.data->kind == VALUE_OBJECT || event.data->kind == VALUE_ARRAY) {
            check_again(&event, arena);
        }
    }
    arena_free(arena);
    return 0;
}

/* Tells the three forms of an event apart, and finds attributes in each. */
#include "event/cloudevent_reader.h"

#include "base/json.h"
#include "base/utf8.h"

#define PREFIX "ce_"

static enum attribute_verdict
header_named(const struct incoming_event *event, struct slice prefix, const char *name, struct slice *text)
{
    const struct record_header *found = NULL;

    for (size_t i = 0; i < event->header_count; i++) {
        const struct record_header *header = &event->headers[i];

        if (header->name.length <= prefix.length || memcmp(header->name.data, prefix.data, prefix.length) != 0 ||
            !slice_is(slice_make(header->name.data + prefix.length, header->name.length - prefix.length), name)) {
            continue;
        }
        if (found != NULL) {
            return ATTRIBUTE_WRONG;
        }
        found = header;
    }
    if (found == NULL) {
        return ATTRIBUTE_ABSENT;
    }
    *text = found->value;
    return utf8_valid(*text) ? ATTRIBUTE_TEXT : ATTRIBUTE_WRONG;
}

enum attribute_verdict
cloudevent_attribute(const struct incoming_event *event, const char *name, struct slice *text)
{
    const struct value *member;

    *text = (struct slice){0};
    if (event->form == EVENT_FORM_BINARY) {
        return header_named(event, (struct slice)SLICE(PREFIX), name, text);
    }
    member = value_member(event->object, name);
    if (member == NULL || member->kind == VALUE_NULL) {
        return ATTRIBUTE_ABSENT;
    }
    if (member->kind != VALUE_STRING) {
        return ATTRIBUTE_WRONG;
    }
    *text = member->text;
    return ATTRIBUTE_TEXT;
}

/* --- content types --- */

/* "Application/JSON; charset=utf-8" is "application/json". */
static struct slice
media_type(struct slice content_type)
{
    size_t length = 0;

    while (length < content_type.length && content_type.data[length] != ';' && content_type.data[length] != ' ' &&
           content_type.data[length] != '\t') {
        length++;
    }
    return slice_make(content_type.data, length);
}

static bool
ends_with_nocase(struct slice text, const char *end)
{
    size_t length = strlen(end);

    return text.length > length && slice_is_nocase(slice_make(text.data + text.length - length, length), end);
}

static bool
is_json(struct slice content_type)
{
    struct slice type = media_type(content_type);

    return slice_is_nocase(type, "application/json") || slice_is_nocase(type, "text/json") ||
           ends_with_nocase(type, "+json");
}

/* --- reading --- */

static enum event_form
form_by_headers(const struct incoming_event *event, struct slice content_type)
{
    static const struct slice family = SLICE("application/cloudevents");
    struct slice type = media_type(content_type);

    if (type.length >= family.length && strncasecmp(type.data, family.data, family.length) == 0) {
        return EVENT_FORM_STRUCTURED;
    }
    for (size_t i = 0; i < event->header_count; i++) {
        struct slice name = event->headers[i].name;

        if (name.length >= strlen(PREFIX) && memcmp(name.data, PREFIX, strlen(PREFIX)) == 0) {
            return EVENT_FORM_BINARY;
        }
    }
    return EVENT_FORM_BARE;
}

static bool
check_specversion(const struct incoming_event *event, struct error *error)
{
    struct slice version;

    if (event->form == EVENT_FORM_BARE) {
        return true;
    }
    if (cloudevent_attribute(event, "specversion", &version) != ATTRIBUTE_TEXT || !slice_is(version, "1.0")) {
        return error_set(error, "specversion must be \"1.0\": the version of CloudEvents that is read here");
    }
    return true;
}

/* In binary mode the data's content type is the record's header; then an attribute of that name means nothing. */
static bool
check_content_type(const struct incoming_event *event, struct slice content_type, struct error *error)
{
    struct slice type = content_type;

    if (event->form != EVENT_FORM_BINARY) {
        if (cloudevent_attribute(event, "datacontenttype", &type) == ATTRIBUTE_WRONG) {
            return error_set(error, "datacontenttype must be a string: application/json");
        }
        if (value_member(event->object, "data_base64") != NULL && event->form == EVENT_FORM_STRUCTURED) {
            return error_set(error, "data_base64 is not read; give the data as the JSON object `data`");
        }
    }
    if (!slice_empty(type) && !is_json(type)) {
        return error_set(error, "the data's content type must be application/json");
    }
    return true;
}

static enum cloudevent_verdict
read_object(struct incoming_event *event, struct slice value, struct arena *arena, const struct value **object,
            struct error *error)
{
    struct error why = {""};

    *object = json_parse(arena, value, VALUE_LIMITS_DEFAULT, &why);
    if (*object == NULL && arena_failed(arena)) {
        error_set(error, "no memory left to read it");
        return CLOUDEVENT_NO_MEMORY;
    }
    if (*object == NULL) {
        error_set(error, "the value is not JSON: %s", why.text);
        return CLOUDEVENT_UNREADABLE;
    }
    if (event->form != EVENT_FORM_BINARY && (*object)->kind != VALUE_OBJECT) {
        *object = NULL;
        error_set(error, "the value must be one JSON object, not a list");
        return CLOUDEVENT_UNREADABLE;
    }
    return CLOUDEVENT_READ;
}

enum cloudevent_verdict
cloudevent_read(struct slice value, const struct record_header *headers, size_t header_count, struct arena *arena,
                struct incoming_event *event, struct error *error)
{
    enum cloudevent_verdict verdict = CLOUDEVENT_READ;
    struct slice content_type = {0};
    const struct value *object = NULL;

    *event = (struct incoming_event){.headers = headers, .header_count = header_count};
    /* One that cannot be read decides nothing: the value does. */
    (void)header_named(event, (struct slice){"", 0}, "content-type", &content_type);
    event->form = form_by_headers(event, content_type);
    if (event->form != EVENT_FORM_BINARY || !slice_empty(value)) {
        verdict = read_object(event, value, arena, &object, error);
    }
    if (verdict != CLOUDEVENT_READ) {
        return verdict;
    }
    if (event->form == EVENT_FORM_BINARY) {
        event->data = object;
    } else {
        event->object = object;
        event->data = value_member(object, "data");
        if (event->form == EVENT_FORM_BARE && value_member(object, "specversion") != NULL) {
            event->form = EVENT_FORM_STRUCTURED;
        }
    }
    if (event->data != NULL && event->data->kind == VALUE_NULL) {
        event->data = NULL;
    }
    return check_specversion(event, error) && check_content_type(event, content_type, error) ? CLOUDEVENT_READ
                                                                                             : CLOUDEVENT_UNREADABLE;
}

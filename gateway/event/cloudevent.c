/* The CloudEvents form of an event: its attributes once, then either into the JSON envelope or into record headers. */
#include "event/cloudevent.h"

#include "base/digest.h"
#include "base/json_writer.h"
#include "event/attribute.h"
#include "event/event_data.h"

#define KEY_BYTES_MAX   256
#define KEY_HASH_DIGITS 32

/* What a record takes beside the vendor's message: 15 attributes, and canonical members of a usual size. */
#define USUAL_BYTES 2048

struct attribute {
    struct slice name; /* as a record header: "ce_" and the attribute's name, followed by a NUL */
    struct slice value;
    bool boolean; /* the value is the word of a JSON boolean */
};

#define ATTRIBUTES_MAX 14
struct attribute_list {
    struct attribute attributes[ATTRIBUTES_MAX];
    size_t count;
};

#define PREFIX_BYTES 3 /* "ce_" */

/* What may stand in an attribute and be a partition key. */
static struct slice
safe_key(struct slice key, struct arena *arena)
{
    char hex[SHA256_HEX_BYTES];

    if (key.length <= KEY_BYTES_MAX && attribute_allowed(key)) {
        return key;
    }
    if (!digest_sha256_hex(key, hex)) {
        arena_starve(arena);
        return (struct slice){0};
    }
    return arena_copy(arena, slice_make(hex, KEY_HASH_DIGITS));
}

static struct slice
joined(struct arena *arena, const struct slice *parts, size_t count)
{
    struct slice whole = {0};
    char *to;

    for (size_t i = 0; i < count; i++) {
        whole.length += parts[i].length;
    }
    to = arena_alloc(arena, whole.length);
    if (to == NULL) {
        return (struct slice){0};
    }
    whole.data = to;
    for (size_t i = 0; i < count; i++) {
        if (parts[i].length > 0) {
            memcpy(to, parts[i].data, parts[i].length);
            to += parts[i].length;
        }
    }
    return whole;
}

struct slice
cloudevent_id(const struct canonical_event *event, const struct envelope *envelope, struct arena *arena)
{
    const struct slice parts[] = {
        envelope->adapter,
        SLICE("-"),
        safe_key(event->key, arena),
        SLICE("-"),
        slice_from(event_own_names(event)->name),
        event->suffix,
    };

    return joined(arena, parts, sizeof parts / sizeof parts[0]);
}

static struct slice
time_text(struct timestamp timestamp, struct arena *arena)
{
    char text[TIMESTAMP_TEXT_BYTES];

    return arena_copy(arena, slice_make(text, timestamp_format(timestamp, text)));
}

static void
add(struct attribute_list *list, struct slice name, struct slice value)
{
    if (!slice_empty(value)) {
        list->attributes[list->count++] = (struct attribute){name, value, false};
    }
}

#define ADD(list, name, value) add((list), (struct slice)SLICE("ce_" name), (value))

static void
list_attributes(struct attribute_list *list, const struct canonical_event *event, const struct envelope *envelope,
                struct slice subject, struct arena *arena)
{
    const struct event_names *names = event_own_names(event);
    const struct slice source[] = {SLICE("/trunkline/"), envelope->source};
    struct slice received = time_text(envelope->received, arena);

    list->count = 0;
    ADD(list, "specversion", slice_from("1.0"));
    ADD(list, "id", cloudevent_id(event, envelope, arena));
    ADD(list, "source", joined(arena, source, sizeof source / sizeof source[0]));
    ADD(list, "type", names->type);
    ADD(list, "subject", subject);
    ADD(list, "time", event->time.present ? time_text(event->time, arena) : received);
    ADD(list, "dataschema", names->dataschema);
    ADD(list, "partitionkey", subject);
    ADD(list, "vendor", envelope->adapter);
    ADD(list, "account", envelope->account);
    ADD(list, "recordedtime", received);
    ADD(list, "correlationid", safe_key(event->correlation_id, arena));
    ADD(list, "traceparent", envelope->traceparent);
    if (envelope->recovered) {
        ADD(list, "recovered", slice_from("true"));
        list->attributes[list->count - 1].boolean = true;
    }
}

static bool
write_structured(const struct attribute_list *list, const struct canonical_event *event, struct arena *arena,
                 struct record *record)
{
    static const struct record_header header = {SLICE("content-type"), SLICE("application/cloudevents+json")};
    struct json_writer writer;

    json_writer_init(&writer, arena, USUAL_BYTES + event->vendor.length);
    json_open(&writer, '{');
    for (size_t i = 0; i < list->count; i++) {
        const struct attribute *attribute = &list->attributes[i];

        json_own_name(&writer, slice_make(attribute->name.data + PREFIX_BYTES, attribute->name.length - PREFIX_BYTES));
        if (attribute->boolean) {
            json_raw(&writer, attribute->value);
        } else {
            json_string(&writer, attribute->value);
        }
    }
    json_own_name(&writer, (struct slice)SLICE("datacontenttype"));
    json_string(&writer, (struct slice)SLICE("application/json"));
    json_own_name(&writer, (struct slice)SLICE("data"));
    event_data_write(&writer, event);
    json_close(&writer, '}');
    record->value = json_finish(&writer);
    record->headers = &header;
    record->header_count = 1;
    return !slice_empty(record->value);
}

static bool
write_binary(const struct attribute_list *list, const struct canonical_event *event, struct arena *arena,
             struct record *record)
{
    struct record_header *headers = arena_zalloc(arena, list->count + 1, sizeof *headers);
    struct json_writer writer;

    if (headers == NULL) {
        return false;
    }
    headers[0] = (struct record_header){SLICE("content-type"), SLICE("application/json")};
    for (size_t i = 0; i < list->count; i++) {
        headers[i + 1] = (struct record_header){list->attributes[i].name, list->attributes[i].value};
    }
    json_writer_init(&writer, arena, USUAL_BYTES + event->vendor.length);
    event_data_write(&writer, event);
    record->value = json_finish(&writer);
    record->headers = headers;
    record->header_count = list->count + 1;
    return !slice_empty(record->value);
}

bool
cloudevent_write(const struct canonical_event *event, const struct envelope *envelope, enum cloudevent_mode mode,
                 struct arena *arena, struct record *record)
{
    struct attribute_list list;

    record->key = safe_key(event->subject, arena);
    list_attributes(&list, event, envelope, record->key, arena);
    if (mode == CLOUDEVENT_BINARY) {
        return write_binary(&list, event, arena, record) && !arena_failed(arena);
    }
    return write_structured(&list, event, arena, record) && !arena_failed(arena);
}

/* Dead letters and raw records: the vendor's bytes as the record's value, all else as its headers. */
#include "event/deadletter.h"

/* id, reason, detail, source, vendor, account, recordedtime, method, endpoint, query */
#define OWN_HEADERS 10

struct header_list {
    struct record_header *headers;
    size_t count;
};

static void
add(struct header_list *list, struct slice name, struct slice value)
{
    if (!slice_empty(value)) {
        list->headers[list->count++] = (struct record_header){name, value};
    }
}

#define ADD(list, name, value) add((list), (struct slice)SLICE(name), (value))

/* "http." and the field's name, followed by a NUL; the empty slice when the arena is full. */
static struct slice
field_header_name(struct slice field, struct arena *arena)
{
    static const char prefix[] = "http.";
    size_t length = sizeof prefix - 1 + field.length;
    char *name = arena_alloc(arena, length + 1);

    if (name == NULL) {
        return (struct slice){0};
    }
    memcpy(name, prefix, sizeof prefix - 1);
    if (field.length > 0) {
        memcpy(name + sizeof prefix - 1, field.data, field.length);
    }
    name[length] = '\0';
    return slice_make(name, length);
}

bool
deadletter_write(const struct original *original, const struct envelope *envelope, struct slice reason,
                 struct slice detail, struct arena *arena, struct record *record)
{
    struct header_list list = {0};
    char received[TIMESTAMP_TEXT_BYTES];

    list.headers = arena_zalloc(arena, OWN_HEADERS + original->header_count, sizeof *list.headers);
    if (list.headers == NULL) {
        return false;
    }
    ADD(&list, "id", original->hash);
    ADD(&list, "reason", reason);
    ADD(&list, "detail", detail);
    ADD(&list, "source", envelope->source);
    ADD(&list, "vendor", envelope->adapter);
    ADD(&list, "account", envelope->account);
    ADD(&list, "recordedtime", arena_copy(arena, slice_make(received, timestamp_format(envelope->received, received))));
    ADD(&list, "method", original->method);
    ADD(&list, "endpoint", original->endpoint);
    ADD(&list, "query", original->query);
    for (size_t i = 0; i < original->header_count; i++) {
        const struct record_header *field = &original->headers[i];

        list.headers[list.count++] = (struct record_header){field_header_name(field->name, arena), field->value};
    }
    record->key = original->hash;
    /* Never a NULL value: to Kafka that is a tombstone, not an empty body. */
    record->value = slice_empty(original->body) ? slice_from("") : original->body;
    record->headers = list.headers;
    record->header_count = list.count;
    return !arena_failed(arena);
}

bool
raw_record_write(const struct original *original, const struct envelope *envelope, struct arena *arena,
                 struct record *record)
{
    return deadletter_write(original, envelope, (struct slice){0}, (struct slice){0}, arena, record);
}

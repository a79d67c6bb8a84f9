/* Dead letters read back: the inverse of deadletter.c. */
#include "event/deadletter_reader.h"

#define FIELD_PREFIX "http."

static struct slice
header_value(const struct dead_letter *letter, const char *name)
{
    for (size_t i = 0; i < letter->header_count; i++) {
        if (slice_is(letter->headers[i].name, name)) {
            return letter->headers[i].value;
        }
    }
    return (struct slice){0};
}

struct dead_letter
deadletter_read(struct slice value, const struct record_header *headers, size_t header_count)
{
    struct dead_letter letter = {.body = value, .headers = headers, .header_count = header_count};

    letter.id = header_value(&letter, "id");
    letter.reason = header_value(&letter, "reason");
    letter.detail = header_value(&letter, "detail");
    letter.source = header_value(&letter, "source");
    letter.vendor = header_value(&letter, "vendor");
    letter.account = header_value(&letter, "account");
    letter.method = header_value(&letter, "method");
    letter.endpoint = header_value(&letter, "endpoint");
    letter.query = header_value(&letter, "query");
    if (!timestamp_read_rfc3339(header_value(&letter, "recordedtime"), &letter.received)) {
        letter.received = (struct timestamp){0};
    }
    return letter;
}

/* A source may be called "commands", too; its callbacks name a vendor. */
bool
deadletter_is_command(const struct dead_letter *letter)
{
    return slice_is(letter->source, "commands") && slice_empty(letter->vendor);
}

bool
deadletter_fields(const struct dead_letter *letter, struct arena *arena, const struct record_header **fields,
                  size_t *count)
{
    static const size_t prefix = sizeof FIELD_PREFIX - 1;
    struct record_header *list = arena_zalloc(arena, letter->header_count, sizeof *list);

    *fields = list;
    *count = 0;
    if (list == NULL) {
        return letter->header_count == 0;
    }
    for (size_t i = 0; i < letter->header_count; i++) {
        const struct record_header *header = &letter->headers[i];

        if (header->name.length > prefix && memcmp(header->name.data, FIELD_PREFIX, prefix) == 0) {
            list[*count] = (struct record_header){
                slice_make(header->name.data + prefix, header->name.length - prefix),
                header->value,
            };
            (*count)++;
        }
    }
    return true;
}

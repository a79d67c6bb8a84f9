/* Copies a record out of the store. */
#include "spool/passage.h"

#include <stdlib.h>

static size_t
text_bytes(const struct record *record)
{
    size_t bytes = record->topic.length + record->key.length + record->value.length + 1;

    for (size_t i = 0; i < record->header_count; i++) {
        bytes += record->headers[i].name.length + 1 + record->headers[i].value.length;
    }
    return bytes;
}

/* A copy that ends with a NUL where asked; the empty slice stays what it is. */
static struct slice
put(char **at, struct slice slice, bool terminated)
{
    char *start = *at;

    if (slice.length > 0) {
        memcpy(start, slice.data, slice.length);
    }
    *at += slice.length;
    if (terminated) {
        *(*at)++ = '\0';
    }
    return slice_make(start, slice.length);
}

struct passage *
passage_new(const struct stored *stored)
{
    const struct record *from = &stored->record;
    size_t table_bytes = from->header_count * sizeof(struct record_header);
    struct passage *passage = malloc(sizeof(*passage) + table_bytes + text_bytes(from));
    char *at;

    if (passage == NULL) {
        return NULL;
    }
    at = (char *)passage->headers + table_bytes;
    *passage = (struct passage){
        .removal = {.entry = {.id = stored->id, .key = stored->key, .bytes = stored->bytes}, .free = passage_free},
        .set = {.records = &passage->record, .count = 1, .owner = passage},
    };
    passage->record = (struct record){
        .topic = put(&at, from->topic, true),
        .key = put(&at, from->key, false),
        .value = put(&at, from->value, false),
        .headers = passage->headers,
        .header_count = from->header_count,
        .set = &passage->set,
    };
    for (size_t i = 0; i < from->header_count; i++) {
        passage->headers[i] = (struct record_header){
            .name = put(&at, from->headers[i].name, true),
            .value = put(&at, from->headers[i].value, false),
        };
    }
    return passage;
}

void
passage_free(struct removal *removal)
{
    free(removal); /* its first member */
}

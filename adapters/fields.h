/* Tables that say which member of a vendor's message fills which member of the canonical event. */
#pragma once

#include "adapters/adapter.h"

/* One cell of such a table: `name` goes to the member at `offset` of struct canonical_event (a slice, or a timestamp).
 */
struct field {
    const char *name; /* NULL ends a table */
    size_t offset;
};

#define FIELD(name, member)                                                                                            \
    {                                                                                                                  \
        (name), offsetof(struct canonical_event, member)                                                               \
    }

typedef struct timestamp field_time_reader(const struct callback *callback, struct conversion *conversion,
                                           const struct value *object, const char *name);

/* Each fills the members whose values are there, by the rules of adapters/message.h, and leaves the others alone. */
void fields_read_texts(const struct field *fields, const struct value *message, struct canonical_event *event);
void fields_read_numbers(const struct field *fields, const struct value *message, struct conversion *conversion,
                         struct canonical_event *event);
void fields_read_times(const struct field *fields, field_time_reader *reader, const struct value *message,
                       const struct callback *callback, struct conversion *conversion, struct canonical_event *event);

/* A value as JSON text: as the vendor wrote it where that is known. The empty slice when the arena is full. */
struct slice field_json(const struct value *value, struct arena *arena);

/* Whether it begins with a scheme and "://", with something behind. */
bool url_is_absolute(struct slice url);

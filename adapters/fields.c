/* Reads a message by the tables of fields.h. */
#include "adapters/fields.h"

#include "adapters/message.h"
#include "base/json_writer.h"

static void *
member_at(struct canonical_event *event, const struct field *field)
{
    return (char *)event + field->offset;
}

void
fields_read_texts(const struct field *fields, const struct value *message, struct canonical_event *event)
{
    for (const struct field *field = fields; field->name != NULL; field++) {
        struct slice text = message_text(message, field->name);

        if (!slice_empty(text)) {
            *(struct slice *)member_at(event, field) = text;
        }
    }
}

void
fields_read_numbers(const struct field *fields, const struct value *message, struct conversion *conversion,
                    struct canonical_event *event)
{
    for (const struct field *field = fields; field->name != NULL; field++) {
        struct slice number = message_number(conversion, message, field->name);

        if (!slice_empty(number)) {
            *(struct slice *)member_at(event, field) = number;
        }
    }
}

void
fields_read_times(const struct field *fields, field_time_reader *reader, const struct value *message,
                  const struct callback *callback, struct conversion *conversion, struct canonical_event *event)
{
    for (const struct field *field = fields; field->name != NULL; field++) {
        struct timestamp time = reader(callback, conversion, message, field->name);

        if (time.present) {
            *(struct timestamp *)member_at(event, field) = time;
        }
    }
}

struct slice
field_json(const struct value *value, struct arena *arena)
{
    struct json_writer writer;

    if (!slice_empty(value->raw)) {
        return value->raw;
    }
    json_writer_init(&writer, arena, value->text.length + 2);
    json_value(&writer, value);
    return json_finish(&writer);
}

bool
url_is_absolute(struct slice url)
{
    size_t scheme = 0;

    while (scheme < url.length && (url.data[scheme] | 0x20) >= 'a' && (url.data[scheme] | 0x20) <= 'z') {
        scheme++;
    }
    return scheme > 0 && url.length - scheme > 3 && memcmp(url.data + scheme, "://", 3) == 0;
}

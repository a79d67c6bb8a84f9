/* Reading a vendor's message by the rules for absence, and reporting what was found. */
#include "adapters/message.h"

#include <limits.h>

#include "base/digest.h"
#include "base/json_writer.h"

#define HASH_DIGITS      32
#define NUMBER_BYTES_MAX 32

static bool
is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static bool
is_space(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

struct slice
text_trimmed(struct slice text)
{
    while (text.length > 0 && is_space(text.data[0])) {
        text = slice_make(text.data + 1, text.length - 1);
    }
    while (text.length > 0 && is_space(text.data[text.length - 1])) {
        text.length--;
    }
    return text;
}

struct slice
body_text(struct slice body)
{
    static const struct slice mark = SLICE("\xef\xbb\xbf");

    if (body.length >= mark.length && memcmp(body.data, mark.data, mark.length) == 0) {
        body = slice_make(body.data + mark.length, body.length - mark.length);
    }
    return text_trimmed(body);
}

bool
value_absent(const struct value *value)
{
    return value == NULL || value->kind == VALUE_NULL ||
           (value->kind == VALUE_STRING && (slice_empty(value->text) || slice_is(value->text, "null")));
}

struct slice
value_text(const struct value *value)
{
    if (value_absent(value) || (value->kind != VALUE_STRING && value->kind != VALUE_NUMBER)) {
        return (struct slice){0};
    }
    return value->text;
}

struct slice
message_text(const struct value *object, const char *name)
{
    return value_text(value_member(object, name));
}

bool
message_has(const struct value *object, const char *name)
{
    return !value_absent(value_member(object, name));
}

static size_t
digits_at(struct slice text, size_t at)
{
    size_t end = at;

    while (end < text.length && is_digit(text.data[end])) {
        end++;
    }
    return end - at;
}

/* The JSON number in text, less leading zeros; empty when there is none that we take. */
static struct slice
number_in(struct slice text)
{
    static const struct slice none = {NULL, 0};
    size_t sign = text.length > 0 && text.data[0] == '-' ? 1 : 0;
    size_t whole;
    size_t fraction;

    while (sign == 0 && text.length > 1 && text.data[0] == '0' && is_digit(text.data[1])) {
        text = slice_make(text.data + 1, text.length - 1);
    }
    whole = digits_at(text, sign);
    if (whole == 0 || text.length > NUMBER_BYTES_MAX || (whole > 1 && text.data[sign] == '0')) {
        return none;
    }
    if (sign + whole == text.length) {
        return text;
    }
    fraction = digits_at(text, sign + whole + 1);
    return text.data[sign + whole] == '.' && fraction > 0 && sign + whole + 1 + fraction == text.length ? text : none;
}

struct slice
text_number(struct conversion *conversion, struct slice text)
{
    struct slice number = number_in(text_trimmed(text));

    if (slice_empty(number)) {
        conversion->unreadable++;
    }
    return number;
}

struct slice
message_number(struct conversion *conversion, const struct value *object, const char *name)
{
    const struct value *value = value_member(object, name);

    return value_absent(value) ? (struct slice){0} : text_number(conversion, value_text(value));
}

int
message_code(const struct value *object, const char *name)
{
    struct slice digits = text_trimmed(message_text(object, name));
    int code = 0;

    if (slice_empty(digits) || digits_at(digits, 0) != digits.length) {
        return -1;
    }
    for (size_t i = 0; i < digits.length; i++) {
        int digit = digits.data[i] - '0';

        if (code > (INT_MAX - digit) / 10) {
            return -1;
        }
        code = code * 10 + digit;
    }
    return code;
}

struct timestamp
text_time(const struct callback *callback, struct conversion *conversion, struct slice text, time_reader *reader)
{
    struct slice time = text_trimmed(text);
    struct timestamp timestamp = {0};

    if (slice_is(number_in(time), "0")) {
        return timestamp;
    }
    if (!reader(time, callback->zone, &timestamp)) {
        conversion->unreadable++;
        return (struct timestamp){0};
    }
    return timestamp;
}

static struct timestamp
message_time(const struct callback *callback, struct conversion *conversion, const struct value *object,
             const char *name, time_reader *reader)
{
    const struct value *value = value_member(object, name);

    return value_absent(value) ? (struct timestamp){0} : text_time(callback, conversion, value_text(value), reader);
}

struct timestamp
message_time_seconds(const struct callback *callback, struct conversion *conversion, const struct value *object,
                     const char *name)
{
    return message_time(callback, conversion, object, name, timestamp_read_seconds);
}

struct timestamp
message_time_millis(const struct callback *callback, struct conversion *conversion, const struct value *object,
                    const char *name)
{
    return message_time(callback, conversion, object, name, timestamp_read_millis);
}

struct timestamp
message_time_local(const struct callback *callback, struct conversion *conversion, const struct value *object,
                   const char *name)
{
    return message_time(callback, conversion, object, name, timestamp_read_local);
}

struct timestamp
message_time_compact(const struct callback *callback, struct conversion *conversion, const struct value *object,
                     const char *name)
{
    return message_time(callback, conversion, object, name, timestamp_read_compact);
}

int
message_word(const struct message_word *table, struct slice text, int fallback)
{
    for (; table->word != NULL; table++) {
        if (slice_is(text, table->word)) {
            return table->meaning;
        }
    }
    return fallback;
}

struct slice
callback_hash(const struct callback *callback)
{
    char hex[SHA256_HEX_BYTES];

    if (!digest_sha256_hex(slice_empty(callback->body) ? callback->query : callback->body, hex)) {
        arena_starve(callback->arena);
        return (struct slice){0};
    }
    return arena_copy(callback->arena, slice_make(hex, HASH_DIGITS));
}

struct slice
vendor_json(const struct callback *callback)
{
    struct json_writer writer;

    if (callback->format == BODY_JSON) {
        return body_text(callback->body);
    }
    json_writer_init(&writer, callback->arena, callback->body.length + 1);
    json_value(&writer, callback->message);
    return json_finish(&writer);
}

void
conversion_append(struct conversion *conversion, struct canonical_event *event)
{
    if (conversion->last == NULL) {
        conversion->first = event;
    } else {
        conversion->last->next = event;
    }
    conversion->last = event;
    conversion->count++;
}

struct canonical_event *
conversion_add(struct conversion *conversion, struct arena *arena)
{
    struct canonical_event *event = arena_zalloc(arena, 1, sizeof *event);

    if (event != NULL) {
        conversion_append(conversion, event);
    }
    return event;
}

bool
conversion_fail(struct conversion *conversion, const char *reason, const char *detail)
{
    conversion->reason = reason;
    conversion->detail = detail;
    return false;
}

bool
conversion_unmapped(const struct callback *callback, struct conversion *conversion, struct slice call_id)
{
    struct canonical_event *event = conversion_add(conversion, callback->arena);

    if (event == NULL) {
        return false;
    }
    event->type = EVENT_VENDOR_UNMAPPED;
    event->key = callback_hash(callback);
    event->subject = slice_empty(call_id) ? event->key : call_id;
    event->call.id = call_id;
    event->vendor = vendor_json(callback);
    return true;
}

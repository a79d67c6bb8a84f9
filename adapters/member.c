/* The kinds of members, one by one, and the sentences with which they refuse. */
#include "adapters/member.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define CHINA_OFFSET_MINUTES (8 * 60)
#define NUMBER_BYTES_MAX     32

/* Where a value stands, for messages: data.rows[3], data.options.group. */
struct spot {
    struct error *error;
    const char *prefix;
    const struct member_rule *rule;
    int index; /* in a list; -1: in none */
};

__attribute__((format(printf, 2, 3))) static bool
refuse(const struct spot *spot, const char *format, ...)
{
    va_list arguments;
    char text[sizeof(spot->error->text)];
    char index[16] = "";

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (spot->index >= 0) {
        (void)snprintf(index, sizeof(index), "[%d]", spot->index);
    }
    return error_set(spot->error, "%s%s%s: %s", spot->prefix, spot->rule->name, index, text);
}

void
member_list(char *text, size_t size, const char *word)
{
    size_t length = strlen(text);

    (void)snprintf(text + length, size - length, "%s%s", length == 0 ? "" : ", ", word);
}

static bool
has_control_characters(struct slice text)
{
    for (size_t i = 0; i < text.length; i++) {
        if ((unsigned char)text.data[i] < 0x20 || text.data[i] == 0x7f) {
            return true;
        }
    }
    return false;
}

static bool
all_digits(struct slice text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }
    }
    return text.length > 0;
}

static bool
check_text(const struct spot *spot, const struct value *value)
{
    const struct member_rule *rule = spot->rule;
    size_t most = rule->most > 0 ? (size_t)rule->most : TEXT_BYTES_MAX;

    if (value->kind == VALUE_NUMBER) {
        return refuse(spot, "must be a string; put the number in quotes, so that no digit of it is lost");
    }
    if (value->kind != VALUE_STRING) {
        return refuse(spot, "must be a string");
    }
    if (slice_empty(value->text) && !rule->may_be_empty) {
        return refuse(spot, "is empty; give it a value%s", rule->required ? "" : ", or leave it out");
    }
    if (value->text.length > most) {
        return refuse(spot, "has %zu bytes; at most %zu are allowed", value->text.length, most);
    }
    if (has_control_characters(value->text)) {
        return refuse(spot, "holds control characters; take them out");
    }
    if (rule->kind == MEMBER_DIGITS && !slice_empty(value->text) && !all_digits(value->text)) {
        return refuse(spot, "must be a string of digits");
    }
    return true;
}

/* Whole numbers without fraction and exponent, of at most 18 digits. */
static bool
read_integer(struct slice text, int64_t *integer)
{
    bool negative = text.length > 0 && text.data[0] == '-';
    struct slice digits = slice_make(text.data + negative, text.length - negative);
    int64_t sum = 0;

    if (!all_digits(digits) || digits.length > 18) {
        return false;
    }
    for (size_t i = 0; i < digits.length; i++) {
        sum = sum * 10 + (digits.data[i] - '0');
    }
    *integer = negative ? -sum : sum;
    return true;
}

static bool
check_integer(const struct spot *spot, const struct value *value)
{
    int64_t integer = 0;

    if (value->kind != VALUE_NUMBER || !read_integer(value->text, &integer) || integer < spot->rule->least ||
        integer > spot->rule->most) {
        return refuse(spot, "must be a whole number from %lld to %lld%s", (long long)spot->rule->least,
                      (long long)spot->rule->most, value->kind == VALUE_STRING ? ", without quotes" : "");
    }
    return true;
}

static bool
check_number(const struct spot *spot, const struct value *value)
{
    char text[NUMBER_BYTES_MAX + 1] = "";
    double number;

    if (value->kind == VALUE_NUMBER && value->text.length <= NUMBER_BYTES_MAX) {
        memcpy(text, value->text.data, value->text.length);
        number = strtod(text, NULL);
        if (number >= (double)spot->rule->least && number <= (double)spot->rule->most) {
            return true;
        }
    }
    return refuse(spot, "must be a number from %lld to %lld%s", (long long)spot->rule->least,
                  (long long)spot->rule->most, value->kind == VALUE_STRING ? ", without quotes" : "");
}

const struct member_word *
member_find_word(const struct member_rule *rule, const struct value *value)
{
    for (const struct member_word *word = rule->words; word->word != NULL; word++) {
        if (value->kind == VALUE_STRING && slice_is(value->text, word->word)) {
            return word;
        }
    }
    return NULL;
}

static bool
check_word(const struct spot *spot, const struct value *value)
{
    char known[256] = "";

    if (member_find_word(spot->rule, value) != NULL) {
        return true;
    }
    for (const struct member_word *word = spot->rule->words; word->word != NULL; word++) {
        member_list(known, sizeof(known), word->word);
    }
    return refuse(spot, "must be one of the strings %s", known);
}

bool
member_read_time(const struct value *value, struct timestamp *timestamp)
{
    char text[TIMESTAMP_TEXT_BYTES];

    if (value->kind != VALUE_STRING || !timestamp_read_rfc3339(value->text, timestamp)) {
        return false;
    }
    timestamp->offset_minutes = CHINA_OFFSET_MINUTES;
    timestamp->millis = false;
    return timestamp->unix_ms >= 0 && timestamp_format(*timestamp, text) > 0;
}

static bool
check_time(const struct spot *spot, const struct value *value)
{
    struct timestamp timestamp = {0};

    return member_read_time(value, &timestamp) ||
           refuse(spot, "must be a time as RFC 3339 has it, with its offset, such as \"2021-03-25T00:27:33+08:00\"");
}

static bool
check_value(const struct spot *spot, const struct value *value)
{
    switch (spot->rule->kind) {
    case MEMBER_TEXT:
    case MEMBER_DIGITS:
        return check_text(spot, value);
    case MEMBER_INTEGER:
        return check_integer(spot, value);
    case MEMBER_NUMBER:
        return check_number(spot, value);
    case MEMBER_BOOLEAN:
        return value->kind == VALUE_BOOLEAN || refuse(spot, "must be true or false, without quotes");
    case MEMBER_WORD:
        return check_word(spot, value);
    case MEMBER_MILLIS:
    case MEMBER_CHINA_TIME:
        return check_time(spot, value);
    case MEMBER_OBJECT:
        return value->kind == VALUE_OBJECT || refuse(spot, "must be an object");
    case MEMBER_ANY:
        return true;
    }
    return false;
}

static bool
check_list(const struct spot *spot, const struct value *list)
{
    struct spot element = *spot;

    if (list->kind != VALUE_ARRAY) {
        return refuse(spot, "must be a list");
    }
    if (list->count < spot->rule->list_least || list->count > spot->rule->list_most) {
        return refuse(spot, "has %u values; it takes %u to %u", (unsigned)list->count, spot->rule->list_least,
                      spot->rule->list_most);
    }
    element.index = 0;
    for (const struct value *value = list->first; value != NULL; value = value->next, element.index++) {
        if (!check_value(&element, value)) {
            return false;
        }
    }
    return true;
}

bool
member_check(const char *prefix, const struct member_rule *rule, const struct value *value, struct error *error)
{
    struct spot spot = {error, prefix, rule, -1};

    return rule->list_most > 0 ? check_list(&spot, value) : check_value(&spot, value);
}

const struct value *
member_present(const struct value *object, const char *name)
{
    const struct value *value = value_member(object, name);

    return value == NULL || value->kind == VALUE_NULL ? NULL : value;
}

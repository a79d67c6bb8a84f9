/* Checks and writes the members of a command by the tables of composer.h. */
#include "adapters/composer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/timestamp.h"

#define CHINA_OFFSET_MINUTES (8 * 60)
#define NAME_BYTES_MAX       40 /* of an unknown member's name in a message */
#define NAME_DIGITS_MAX      4  /* the same: fewer than make a phone number */
#define NUMBER_BYTES_MAX     32
#define BODY_BYTES_GUESS     512

/* Where a value stands, for messages: data.rows[3], data.options.group. */
struct spot {
    struct composer *composer;
    const char *prefix; /* "data." or "data.options." */
    const struct member_rule *rule;
    int index; /* in a list; -1: in none */
};

void
composer_init(struct composer *composer, const struct operation *operation, const struct command *command,
              struct arena *arena, struct error *error)
{
    *composer = (struct composer){.operation = operation, .command = command, .arena = arena, .error = error};
    json_writer_init(&composer->writer, arena, BODY_BYTES_GUESS);
    json_open(&composer->writer, '{');
}

void
composer_turn_to(struct composer *composer, const struct command *command)
{
    composer->command = command;
}

/* --- refusing --- */

bool
composer_refuse(struct composer *composer, const char *member, const char *format, ...)
{
    va_list arguments;
    char text[sizeof(composer->error->text)];

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    return error_set(composer->error, "data.%s: %s", member, text);
}

__attribute__((format(printf, 2, 3))) static bool
refuse(const struct spot *spot, const char *format, ...)
{
    va_list arguments;
    char text[sizeof(spot->composer->error->text)];
    char index[16] = "";

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (spot->index >= 0) {
        (void)snprintf(index, sizeof(index), "[%d]", spot->index);
    }
    return error_set(spot->composer->error, "%s%s%s: %s", spot->prefix, spot->rule->name, index, text);
}

/* Appends to a text of bounded size; what does not fit is left out. */
static void
append(char *text, size_t size, const char *separator, const char *word)
{
    size_t length = strlen(text);

    (void)snprintf(text + length, size - length, "%s%s", length == 0 ? "" : separator, word);
}

/* A name that somebody gave is repeated only if it looks like one: it may be anything, a phone number too. */
static struct slice
printable_name(struct slice name)
{
    static const struct slice unprintable = SLICE("(a name that is none)");
    unsigned digits = 0;

    for (size_t i = 0; i < name.length; i++) {
        char letter = (char)(name.data[i] | 0x20);
        bool digit = name.data[i] >= '0' && name.data[i] <= '9';
        bool inner = i > 0 && (digit || name.data[i] == '-');

        digits += digit;
        if ((!(letter >= 'a' && letter <= 'z') && name.data[i] != '_' && !inner) || digits > NAME_DIGITS_MAX) {
            return unprintable;
        }
    }
    return name.length == 0 || name.length > NAME_BYTES_MAX ? unprintable : name;
}

static bool
refuse_unknown(struct composer *composer, const char *prefix, struct slice name, const struct member_rule *rules,
               bool options_too)
{
    char known[320] = "";

    name = printable_name(name);
    for (const struct member_rule *rule = rules; rule != NULL && rule->name != NULL; rule++) {
        append(known, sizeof(known), ", ", rule->name);
    }
    if (options_too) {
        append(known, sizeof(known), ", ", "options");
    }
    return error_set(composer->error, "%s%.*s: not a member of %s; it takes %s", prefix, SLICE_ARGS(name),
                     composer->operation->command, known[0] == '\0' ? "none there" : known);
}

/* --- checking one value --- */

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

static const struct member_word *
find_word(const struct member_rule *rule, const struct value *value)
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

    if (find_word(spot->rule, value) != NULL) {
        return true;
    }
    for (const struct member_word *word = spot->rule->words; word->word != NULL; word++) {
        append(known, sizeof(known), ", ", word->word);
    }
    return refuse(spot, "must be one of the strings %s", known);
}

/* A time that has a four-digit year in China too. */
static bool
read_time(const struct value *value, struct timestamp *timestamp)
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

    return read_time(value, &timestamp) ||
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

/* --- checking a table --- */

static const struct value *
present(const struct value *object, const char *name)
{
    const struct value *value = value_member(object, name);

    return value == NULL || value->kind == VALUE_NULL ? NULL : value;
}

static bool
is_known(const struct member_rule *rules, struct slice name)
{
    for (const struct member_rule *rule = rules; rule != NULL && rule->name != NULL; rule++) {
        if (slice_is(name, rule->name)) {
            return true;
        }
    }
    return false;
}

static bool
check_table(struct composer *composer, const char *prefix, const struct value *object, const struct member_rule *rules)
{
    for (const struct member_rule *rule = rules; rule != NULL && rule->name != NULL; rule++) {
        const struct value *value = present(object, rule->name);
        struct spot spot = {composer, prefix, rule, -1};

        if (value == NULL && rule->required) {
            return refuse(&spot, "missing; %s needs it", composer->operation->command);
        }
        if (value != NULL && !(rule->list_most > 0 ? check_list(&spot, value) : check_value(&spot, value))) {
            return false;
        }
    }
    return true;
}

static bool
check_options(struct composer *composer, const struct member_rule *options)
{
    const struct value *given = present(composer->command->data, "options");

    if (given != NULL && given->kind != VALUE_OBJECT) {
        return composer_refuse(composer, "options", "must be an object, with the vendor's own names");
    }
    for (const struct value *member = given == NULL ? NULL : given->first; member != NULL; member = member->next) {
        if (!is_known(options, member->name)) {
            return refuse_unknown(composer, "data.options.", member->name, options, false);
        }
    }
    return check_table(composer, "data.options.", given, options);
}

bool
composer_check(struct composer *composer, const struct member_rule *rules, const struct member_rule *options)
{
    const struct value *data = composer->command->data;

    for (const struct value *member = data == NULL ? NULL : data->first; member != NULL; member = member->next) {
        if (!is_known(rules, member->name) && !(options != NULL && slice_is(member->name, "options"))) {
            return refuse_unknown(composer, "data.", member->name, rules, options != NULL);
        }
    }
    return check_table(composer, "data.", data, rules) && (options == NULL || check_options(composer, options));
}

/* --- writing --- */

static void
write_time(struct json_writer *writer, enum member_kind kind, const struct value *value)
{
    struct timestamp timestamp = {0};
    char text[TIMESTAMP_TEXT_BYTES];

    if (!read_time(value, &timestamp)) { /* cannot be: it has been checked */
        writer->failed = true;
        return;
    }
    if (kind == MEMBER_MILLIS) {
        json_integer(writer, timestamp.unix_ms);
        return;
    }
    (void)timestamp_format(timestamp, text);
    text[sizeof("YYYY-MM-DD") - 1] = ' ';
    json_string(writer, slice_make(text, sizeof("YYYY-MM-DD HH:MM:SS") - 1));
}

static void
write_value(struct json_writer *writer, const struct member_rule *rule, const struct value *value)
{
    switch (rule->kind) {
    case MEMBER_WORD:
        json_raw(writer, slice_from(find_word(rule, value)->json));
        break;
    case MEMBER_MILLIS:
    case MEMBER_CHINA_TIME:
        write_time(writer, rule->kind, value);
        break;
    default:
        composer_write_compact(writer, value);
        break;
    }
}

static void
write_table(struct json_writer *writer, const struct value *object, const struct member_rule *rules)
{
    for (const struct member_rule *rule = rules; rule != NULL && rule->name != NULL; rule++) {
        const struct value *value = present(object, rule->name);

        if (rule->vendor_name == NULL || (value == NULL && rule->fallback == NULL)) {
            continue;
        }
        json_name(writer, slice_from(rule->vendor_name));
        if (value == NULL) {
            json_raw(writer, slice_from(rule->fallback));
        } else if (rule->list_most == 0) {
            write_value(writer, rule, value);
        } else {
            json_open(writer, '[');
            for (const struct value *element = value->first; element != NULL; element = element->next) {
                write_value(writer, rule, element);
            }
            json_close(writer, ']');
        }
    }
}

bool
composer_write(struct composer *composer, const struct member_rule *rules, const struct member_rule *options)
{
    const struct value *data = composer->command->data;

    if (!composer_check(composer, rules, options)) {
        return false;
    }
    write_table(&composer->writer, data, rules);
    write_table(&composer->writer, present(data, "options"), options);
    return true;
}

/* Recursion is as deep as the command's JSON, whose depth its parse has bounded. */
void
composer_write_compact(struct json_writer *writer, const struct value *value)
{
    if (value->kind != VALUE_OBJECT && value->kind != VALUE_ARRAY) {
        json_value(writer, value);
        return;
    }
    json_open(writer, value->kind == VALUE_OBJECT ? '{' : '[');
    for (const struct value *child = value->first; child != NULL; child = child->next) {
        if (value->kind == VALUE_OBJECT) {
            json_name(writer, child->name);
        }
        composer_write_compact(writer, child);
    }
    json_close(writer, value->kind == VALUE_OBJECT ? '}' : ']');
}

/* --- for the operation's own code --- */

const struct value *
composer_member(const struct composer *composer, const char *name)
{
    return present(composer->command->data, name);
}

struct slice
composer_text(const struct composer *composer, const char *name)
{
    const struct value *value = composer_member(composer, name);

    return value == NULL || value->kind != VALUE_STRING ? (struct slice){NULL, 0} : value->text;
}

struct timestamp
composer_time(const struct composer *composer, const char *name)
{
    const struct value *value = composer_member(composer, name);
    struct timestamp timestamp = {0};

    return value != NULL && read_time(value, &timestamp) ? timestamp : (struct timestamp){0};
}

bool
composer_finish(struct composer *composer, struct composition *composition)
{
    json_close(&composer->writer, '}');
    composition->path = slice_from(composer->operation->path);
    composition->body = json_finish(&composer->writer);
    return (!slice_empty(composition->body) && !arena_failed(composer->arena)) ||
           error_set(composer->error, "no memory left to compose the request");
}

/* Goes through the tables of a command's members: what is there and is not to be, what is missing, what is written. */
#include "adapters/composer.h"

#include <stdarg.h>
#include <stdio.h>

#define NAME_BYTES_MAX   40 /* of an unknown member's name in a message */
#define NAME_DIGITS_MAX  4  /* the same: fewer than make a phone number */
#define BODY_BYTES_GUESS 512

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
        member_list(known, sizeof(known), rule->name);
    }
    if (options_too) {
        member_list(known, sizeof(known), "options");
    }
    return error_set(composer->error, "%s%.*s: not a member of %s; it takes %s", prefix, SLICE_ARGS(name),
                     composer->operation->command, known[0] == '\0' ? "none there" : known);
}

/* --- checking a table --- */

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
        const struct value *value = member_present(object, rule->name);

        if (value == NULL && rule->required) {
            return error_set(composer->error, "%s%s: missing; %s needs it", prefix, rule->name,
                             composer->operation->command);
        }
        if (value != NULL && !member_check(prefix, rule, value, composer->error)) {
            return false;
        }
    }
    return true;
}

static bool
check_options(struct composer *composer, const struct member_rule *options)
{
    const struct value *given = member_present(composer->command->data, "options");

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

    if (!member_read_time(value, &timestamp)) { /* cannot be: it has been checked */
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
        json_raw(writer, slice_from(member_find_word(rule, value)->json));
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
        const struct value *value = member_present(object, rule->name);

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
    write_table(&composer->writer, member_present(data, "options"), options);
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
    return member_present(composer->command->data, name);
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

    return value != NULL && member_read_time(value, &timestamp) ? timestamp : (struct timestamp){0};
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

/* The guard's judgement of the fields: names, values, and those that decide framing or the connection's life. */
#include <string.h>

#include "ingress/guard_state.h"

#define LENGTH_DIGITS_MAX 18 /* fits into 63 bits */
#define PORT_DIGITS_MAX   5

enum host_step { HOST_BEGIN, HOST_NAME, HOST_LITERAL_BEGIN, HOST_LITERAL, HOST_LITERAL_END, HOST_PORT };

bool
guard_field(struct guard *guard, char byte)
{
    if (byte == '\r') {
        return guard_go(guard, GUARD_END_LF);
    }
    if (!syntax_is(byte, SYNTAX_TOKEN)) {
        return guard_bad(guard); /* a folded line, too */
    }
    if (++guard->field_count > guard->limits->header_count) {
        return guard_refuse(guard, REFUSAL_FIELDS_TOO_LARGE);
    }
    guard_word_begin(guard);
    guard_word_add(guard, byte);
    return guard_go(guard, GUARD_NAME);
}

static enum guard_field
field_named(const struct guard *guard)
{
    static const struct {
        const char *name;
        enum guard_field field;
    } known[] = {
        {"host", FIELD_HOST},
        {"content-length", FIELD_CONTENT_LENGTH},
        {"transfer-encoding", FIELD_TRANSFER_ENCODING},
        {"connection", FIELD_CONNECTION},
        {"expect", FIELD_EXPECT},
    };

    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (guard_word_is(guard, known[i].name)) {
            return known[i].field;
        }
    }
    return FIELD_OTHER;
}

/* A second Host, or any two of the fields that say where the body ends, are refused as soon as they are named. */
static bool
name_over(struct guard *guard)
{
    guard->field = field_named(guard);
    guard->step = 0;
    guard_word_begin(guard);
    switch (guard->field) {
    case FIELD_HOST:
        if (guard->has_host) {
            return guard_bad(guard);
        }
        guard->has_host = true;
        guard_host_begin(guard);
        break;
    case FIELD_CONTENT_LENGTH:
    case FIELD_TRANSFER_ENCODING:
        if (guard->content_length >= 0 || guard->chunked) {
            return guard_bad(guard);
        }
        if (guard->field == FIELD_CONTENT_LENGTH) {
            guard->content_length = 0;
        } else if (guard->http10) {
            return guard_bad(guard);
        }
        break;
    default:
        break;
    }
    return guard_go(guard, GUARD_BEFORE_VALUE);
}

bool
guard_name(struct guard *guard, char byte)
{
    if (byte == ':') {
        return name_over(guard);
    }
    if (!syntax_is(byte, SYNTAX_TOKEN)) {
        return guard_bad(guard);
    }
    guard_word_add(guard, byte);
    return true;
}

void
guard_host_begin(struct guard *guard)
{
    guard->step = HOST_BEGIN;
    guard->port_digits = 0;
}

bool
guard_host_whole(const struct guard *guard)
{
    return guard->step != HOST_BEGIN && guard->step != HOST_LITERAL_BEGIN && guard->step != HOST_LITERAL;
}

bool
guard_host(struct guard *guard, char byte)
{
    switch ((enum host_step)guard->step) {
    case HOST_BEGIN:
        guard->step = byte == '[' ? HOST_LITERAL_BEGIN : HOST_NAME;
        return byte == '[' || syntax_is(byte, SYNTAX_HOST) || guard_bad(guard);
    case HOST_LITERAL:
        if (byte == ']') {
            guard->step = HOST_LITERAL_END;
            return true;
        }
        /* fall through */
    case HOST_LITERAL_BEGIN:
        guard->step = HOST_LITERAL;
        return syntax_is(byte, SYNTAX_HEX) || byte == ':' || byte == '.' || guard_bad(guard);
    case HOST_NAME:
        if (syntax_is(byte, SYNTAX_HOST)) {
            return true;
        }
        break;
    case HOST_LITERAL_END:
        break;
    case HOST_PORT:
        return (syntax_is(byte, SYNTAX_DIGIT) && ++guard->port_digits <= PORT_DIGITS_MAX) || guard_bad(guard);
    }
    guard->step = HOST_PORT;
    return byte == ':' || guard_bad(guard);
}

static bool
length_byte(struct guard *guard, char byte)
{
    if (!syntax_is(byte, SYNTAX_DIGIT)) {
        return guard_bad(guard);
    }
    if (guard->content_length != 0 || byte != '0') {
        guard->word_length++; /* digits that count: leading zeros are allowed, however many */
    }
    if (guard->word_length > LENGTH_DIGITS_MAX) {
        return guard_refuse(guard, REFUSAL_TOO_LARGE);
    }
    guard->content_length = guard->content_length * 10 + (byte - '0');
    guard->step = 1;
    return true;
}

static void
connection_option(struct guard *guard)
{
    guard->asked_close = guard->asked_close || guard_word_is(guard, "close");
    guard->asked_keep_alive = guard->asked_keep_alive || guard_word_is(guard, "keep-alive");
    guard_word_begin(guard);
}

/* One byte of a value, which is no white space unless the field may have it inside. */
static bool
value_byte(struct guard *guard, char byte)
{
    switch (guard->field) {
    case FIELD_HOST:
        return guard_host(guard, byte);
    case FIELD_CONTENT_LENGTH:
        return length_byte(guard, byte);
    case FIELD_CONNECTION:
        if (byte == ',' || syntax_is(byte, SYNTAX_SPACE)) {
            connection_option(guard);
        } else {
            guard_word_add(guard, byte);
        }
        break;
    case FIELD_TRANSFER_ENCODING:
    case FIELD_EXPECT:
        guard_word_add(guard, byte);
        break;
    default:
        break;
    }
    return syntax_is(byte, SYNTAX_VALUE) || guard_bad(guard);
}

/* "chunked" alone is ours. Another coding, or a list of them, is one we do not know; what is not even a list of tokens
 * is broken. */
static bool
transfer_encoding_over(struct guard *guard)
{
    bool token = false;

    if (guard_word_is(guard, "chunked")) {
        guard->chunked = true;
        return true;
    }
    for (size_t i = 0; i < guard->word_length && i < sizeof guard->word; i++) {
        if (syntax_is(guard->word[i], SYNTAX_TOKEN)) {
            token = true;
        } else if (strchr(",;=\" \t", guard->word[i]) == NULL) {
            return guard_bad(guard);
        }
    }
    return guard_refuse(guard, token ? REFUSAL_NOT_IMPLEMENTED : REFUSAL_BAD_REQUEST);
}

static bool
value_over(struct guard *guard)
{
    switch (guard->field) {
    case FIELD_HOST:
        if (!guard_host_whole(guard)) {
            return guard_bad(guard);
        }
        break;
    case FIELD_CONTENT_LENGTH:
        if (guard->step == 0) {
            return guard_bad(guard);
        }
        break;
    case FIELD_TRANSFER_ENCODING:
        if (!transfer_encoding_over(guard)) {
            return false;
        }
        break;
    case FIELD_CONNECTION:
        connection_option(guard);
        break;
    case FIELD_EXPECT:
        if (!guard_word_is(guard, "100-continue")) {
            return guard_refuse(guard, REFUSAL_EXPECTATION);
        }
        guard->expect_continue = true;
        break;
    default:
        break;
    }
    return guard_go(guard, GUARD_FIELD_LF);
}

static bool
white_space_ends_value(const struct guard *guard)
{
    return guard->field != FIELD_OTHER && guard->field != FIELD_CONNECTION;
}

bool
guard_value(struct guard *guard, char byte)
{
    if (byte == '\r') {
        return value_over(guard);
    }
    if (syntax_is(byte, SYNTAX_SPACE)) {
        if (guard->state == GUARD_BEFORE_VALUE) {
            return true;
        }
        if (white_space_ends_value(guard)) {
            return guard_go(guard, GUARD_AFTER_VALUE);
        }
    }
    if (guard->state == GUARD_AFTER_VALUE) {
        /* Codings and expectations may be a list with spaces in it: not ours, but not broken either. */
        if (guard->field != FIELD_TRANSFER_ENCODING && guard->field != FIELD_EXPECT) {
            return guard_bad(guard);
        }
        guard_word_add(guard, ' ');
    }
    guard->state = GUARD_VALUE;
    return value_byte(guard, byte);
}

bool
guard_end(struct guard *guard, char byte)
{
    if (byte != '\n' || (!guard->has_host && !guard->http10)) {
        return guard_bad(guard);
    }
    guard->keep_alive = !guard->asked_close && (!guard->http10 || guard->asked_keep_alive);
    if (guard->http10) {
        guard->expect_continue = false; /* RFC 9110 §10.1.1: ignored */
    }
    return true;
}

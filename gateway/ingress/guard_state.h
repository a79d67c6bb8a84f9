/* The guard's inside: its states and the steps that guard.c (request line) and guard_fields.c (fields) share. A step
 * judges one byte and returns false when it makes the head impossible. */
#pragma once

#include "ingress/guard.h"
#include "ingress/syntax.h"

enum guard_state {
    GUARD_START,
    GUARD_EMPTY_LINE_LF,
    GUARD_METHOD,
    GUARD_TARGET,    /* its first byte */
    GUARD_ASTERISK,  /* behind '*' */
    GUARD_SCHEME,    /* of an absolute form */
    GUARD_AUTHORITY, /* of an absolute form */
    GUARD_PATH,
    GUARD_QUERY,
    GUARD_PERCENT, /* the two digits of a percent-encoding; step counts and remembers path or query */
    GUARD_VERSION,
    GUARD_LINE_LF,
    GUARD_FIELD, /* the first byte of a field line, or of the empty line */
    GUARD_NAME,
    GUARD_BEFORE_VALUE,
    GUARD_VALUE,
    GUARD_AFTER_VALUE, /* white space behind a value that has none inside */
    GUARD_FIELD_LF,
    GUARD_END_LF,
};

/* Fields that decide framing or the connection's life. */
enum guard_field {
    FIELD_OTHER,
    FIELD_HOST,
    FIELD_CONTENT_LENGTH,
    FIELD_TRANSFER_ENCODING,
    FIELD_CONNECTION,
    FIELD_EXPECT,
};

/* The first byte of a field line; a field name's; a value's or the white space's around it. */
bool guard_field(struct guard *guard, char byte);
bool guard_name(struct guard *guard, char byte);
bool guard_value(struct guard *guard, char byte);
/* An address, with or without a port, in Host or in an absolute form: no list, no user, nothing odd. */
void guard_host_begin(struct guard *guard);
bool guard_host(struct guard *guard, char byte);
bool guard_host_whole(const struct guard *guard);
/* The line feed that ends the head: is it whole, and how does the connection go on? */
bool guard_end(struct guard *guard, char byte);

static inline bool
guard_refuse(struct guard *guard, enum refusal refusal)
{
    guard->refusal = refusal;
    return false;
}

static inline bool
guard_bad(struct guard *guard)
{
    return guard_refuse(guard, REFUSAL_BAD_REQUEST);
}

static inline bool
guard_go(struct guard *guard, enum guard_state state)
{
    guard->state = state;
    return true;
}

/* As guard_go(), when the byte is the one that must come. */
static inline bool
guard_expect(struct guard *guard, char byte, char expected, enum guard_state next)
{
    return byte == expected ? guard_go(guard, next) : guard_bad(guard);
}

static inline void
guard_word_begin(struct guard *guard)
{
    guard->word_length = 0;
}

static inline void
guard_word_add(struct guard *guard, char byte)
{
    if (guard->word_length < sizeof guard->word) {
        guard->word[guard->word_length] = syntax_lower(byte);
    }
    guard->word_length++;
}

static inline bool
guard_word_is(const struct guard *guard, const char *text)
{
    return guard->word_length <= sizeof guard->word && slice_is(slice_make(guard->word, guard->word_length), text);
}

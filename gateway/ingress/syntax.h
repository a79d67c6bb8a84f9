/* The characters of HTTP's grammar (RFC 9110 §5, RFC 9112 §3, RFC 3986): one table look-up each. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum syntax_class {
    SYNTAX_TOKEN = 1,  /* tchar: methods, field names */
    SYNTAX_VALUE = 2,  /* field-vchar, SP, HTAB: inside a field's value */
    SYNTAX_TARGET = 4, /* pchar and '/', less '%': inside a path; a query has '?' besides */
    SYNTAX_HOST = 8,   /* of a registered name or an IPv4 address */
    SYNTAX_DIGIT = 16,
    SYNTAX_HEX = 32,
    SYNTAX_SPACE = 64, /* SP, HTAB */
};

extern const uint8_t syntax_table[256];

static inline bool
syntax_is(char byte, enum syntax_class class)
{
    return (syntax_table[(unsigned char)byte] & class) != 0;
}

/* ASCII only, whatever the locale. */
static inline char
syntax_lower(char byte)
{
    return byte >= 'A' && byte <= 'Z' ? (char)(byte | 0x20) : byte;
}

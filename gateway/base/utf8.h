/* UTF-8, strictly: RFC 3629. */
#pragma once

#include "base/slice.h"

/* No overlong forms, no surrogates, nothing above U+10FFFF. */
bool utf8_valid(struct slice text);
/* How many of its first bytes are valid. */
size_t utf8_valid_prefix(struct slice text);

/* The bytes (1 to 4) of the character that text begins with; 0 when it begins with none, or is empty. */
static inline size_t
utf8_character_bytes(struct slice text)
{
    unsigned char lead = text.length == 0 ? 0xff : (unsigned char)text.data[0];
    size_t bytes = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;

    return bytes <= text.length && utf8_valid(slice_make(text.data, bytes)) ? bytes : 0;
}

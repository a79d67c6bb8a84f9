/* Percent-encoding (RFC 3986 §2.1), read one byte at a time. */
#pragma once

#include "base/slice.h"

static inline int
percent_digit(char byte)
{
    if (byte >= '0' && byte <= '9') {
        return byte - '0';
    }
    if ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'f') {
        return (byte | 0x20) - 'a' + 10;
    }
    return -1;
}

/* The byte that stands at *at, which is inside the text, and *at moved behind it. What is no valid escape stays as it
 * is. */
static inline char
percent_next(struct slice text, size_t *at)
{
    size_t here = *at;
    int high = text.data[here] == '%' && here + 2 < text.length ? percent_digit(text.data[here + 1]) : -1;
    int low = high < 0 ? -1 : percent_digit(text.data[here + 2]);

    *at = here + (low < 0 ? 1 : 3);
    return low < 0 ? text.data[here] : (char)(high * 16 + low);
}

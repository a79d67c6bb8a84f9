/* Looks over JSON text for what yajl lets pass: bad UTF-8, odd white space, NUL, lone surrogates. */
#include "base/json_scan.h"

#include <stdint.h>

#include "base/utf8.h"

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* Whether a word holds a byte that needs a look: below 0x20, a backslash, or not ASCII. */
static bool
needs_a_look(uint64_t word)
{
    uint64_t control = (word - EACH(0x20)) & ~word;
    uint64_t backslash = word ^ EACH('\\');

    backslash = (backslash - EACH(1)) & ~backslash;
    return ((control | backslash | word) & EACH(0x80)) != 0;
}

/* The four hex digits at data, or -1. */
static int
hex4(const char *data)
{
    int code = 0;

    for (int i = 0; i < 4; i++) {
        char c = data[i];
        int digit = c >= '0' && c <= '9'                     ? c - '0'
                    : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
                                                             : -1;

        if (digit < 0) {
            return -1;
        }
        code = code << 4 | digit;
    }
    return code;
}

/* The length of the escape at data (a backslash), 0 when it must be refused. Whether an escape stands where one may
 * stand, and which letters it may have, is yajl's to judge. */
static size_t
escape_bytes(const char *data, size_t left)
{
    int code;

    if (left < 2 || data[1] != 'u') {
        return left < 2 ? 1 : 2;
    }
    code = left < 6 ? -1 : hex4(data + 2);
    if (code <= 0) {
        return 0; /* not hex, or NUL */
    }
    if (code < 0xd800 || code > 0xdfff) {
        return 6;
    }
    if (code > 0xdbff || left < 12 || data[6] != '\\' || data[7] != 'u') {
        return 0;
    }
    code = hex4(data + 8);
    return code >= 0xdc00 && code <= 0xdfff ? 12 : 0;
}

bool
json_scan(struct slice text, struct error *error)
{
    size_t at = 0;

    while (at < text.length) {
        unsigned char byte = (unsigned char)text.data[at];
        uint64_t word;
        size_t step;

        if (text.length - at >= sizeof(word)) {
            memcpy(&word, text.data + at, sizeof(word));
            if (!needs_a_look(word)) {
                at += sizeof(word);
                continue;
            }
        }
        if (byte >= 0x80) {
            step = utf8_character_bytes(slice_make(text.data + at, text.length - at));
            if (step == 0) {
                return error_set(error, "invalid UTF-8 at byte %zu", at);
            }
        } else if (byte == '\\') {
            step = escape_bytes(text.data + at, text.length - at);
            if (step == 0) {
                return error_set(error, "an escape of NUL, of half a surrogate pair or of no character at byte %zu",
                                 at);
            }
        } else if (byte >= 0x20 || byte == '\t' || byte == '\n' || byte == '\r') {
            step = 1;
        } else {
            return error_set(error, "control character 0x%02x at byte %zu", byte, at);
        }
        at += step;
    }
    return true;
}

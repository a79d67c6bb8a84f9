/* Checks UTF-8: runs of ASCII eight bytes at a time, everything else by the table of RFC 3629. */
#include "base/utf8.h"

#include <stdint.h>

/* How many continuation bytes follow a lead byte, and between what the first of them must lie; 0 for no lead byte. */
static size_t
continuation_bytes(unsigned char lead, unsigned char *low, unsigned char *high)
{
    *low = 0x80;
    *high = 0xbf;
    if (lead >= 0xc2 && lead <= 0xdf) {
        return 1;
    }
    if (lead >= 0xe0 && lead <= 0xef) {
        *low = lead == 0xe0 ? 0xa0 : 0x80;  /* below: overlong */
        *high = lead == 0xed ? 0x9f : 0xbf; /* above: surrogates */
        return 2;
    }
    if (lead >= 0xf0 && lead <= 0xf4) {
        *low = lead == 0xf0 ? 0x90 : 0x80;
        *high = lead == 0xf4 ? 0x8f : 0xbf; /* above: beyond U+10FFFF */
        return 3;
    }
    return 0;
}

size_t
utf8_valid_prefix(struct slice text)
{
    const unsigned char *bytes = (const unsigned char *)text.data;
    size_t at = 0;

    while (at < text.length) {
        uint64_t word;
        unsigned char low, high;
        size_t more;

        if (text.length - at >= sizeof(word)) {
            memcpy(&word, bytes + at, sizeof(word));
            if ((word & UINT64_C(0x8080808080808080)) == 0) {
                at += sizeof(word);
                continue;
            }
        }
        if (bytes[at] < 0x80) {
            at++;
            continue;
        }
        more = continuation_bytes(bytes[at], &low, &high);
        if (more == 0 || more >= text.length - at || bytes[at + 1] < low || bytes[at + 1] > high) {
            return at;
        }
        for (size_t next = 2; next <= more; next++) {
            if ((bytes[at + next] & 0xc0) != 0x80) {
                return at;
            }
        }
        at += more + 1;
    }
    return at;
}

bool
utf8_valid(struct slice text)
{
    return utf8_valid_prefix(text) == text.length;
}

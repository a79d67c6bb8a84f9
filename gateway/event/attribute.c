/* The rules for texts in a CloudEvent's attributes. */
#include "event/attribute.h"

#include <stdint.h>

/* U+FDD0 to U+FDEF, and the last two of every plane: U+FFFE, U+FFFF, U+1FFFE and so on; at a character's first byte. */
static bool
is_noncharacter(const unsigned char *bytes, size_t length)
{
    if (length >= 3 && bytes[0] == 0xef) {
        return (bytes[1] == 0xb7 && bytes[2] >= 0x90 && bytes[2] <= 0xaf) || (bytes[1] == 0xbf && bytes[2] >= 0xbe);
    }
    return length >= 4 && bytes[0] >= 0xf0 && (bytes[1] & 0x0f) == 0x0f && bytes[2] == 0xbf && bytes[3] >= 0xbe;
}

/* Whether eight bytes are ASCII and none is a control character: most keys are nothing else. */
static bool
all_printable(uint64_t bytes)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t deletes = bytes ^ (ones * 0x7f);

    return ((bytes | ((bytes - ones * 0x20) & ~bytes) | ((deletes - ones) & ~deletes)) & (ones * 0x80)) == 0;
}

bool
attribute_allowed(struct slice text)
{
    const unsigned char *bytes = (const unsigned char *)text.data;
    size_t i = 0;

    for (uint64_t eight; text.length - i >= sizeof eight; i += sizeof eight) {
        memcpy(&eight, bytes + i, sizeof eight);
        if (!all_printable(eight)) {
            break;
        }
    }
    for (; i < text.length; i++) {
        if (bytes[i] < 0x20 || bytes[i] == 0x7f || (bytes[i] == 0xc2 && i + 1 < text.length && bytes[i + 1] < 0xa0) ||
            is_noncharacter(bytes + i, text.length - i)) {
            return false;
        }
    }
    return true;
}

bool
traceparent_valid(struct slice text)
{
    static const char form[] = "xx-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx-xxxxxxxxxxxxxxxx-xx";
    const size_t length = sizeof(form) - 1;

    if (text.length < length || text.length > 255) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        char byte = text.data[i];
        bool hex = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'f');

        if (form[i] == 'x' ? !hex : byte != form[i]) {
            return false;
        }
    }
    if (memcmp(text.data, "ff", 2) == 0 || strspn(text.data + 3, "0") >= 32 || strspn(text.data + 36, "0") >= 16) {
        return false;
    }
    if (text.length == length) {
        return true;
    }
    for (size_t i = length; i < text.length; i++) {
        if (text.data[i] < '!' || text.data[i] > '~') {
            return false;
        }
    }
    return memcmp(text.data, "00", 2) != 0 && text.data[length] == '-';
}

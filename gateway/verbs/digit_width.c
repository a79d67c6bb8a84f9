/* Goes from character to character, and writes the narrow one of each that has one. */
#include "verbs/digit_width.h"

/* Where full-width digits begin in UTF-8; the last byte counts up from here. */
static const struct slice wide_zero = SLICE("\xef\xbc\x90");

/* What may stand between the digits of a number, and what it looks like. */
static const struct {
    struct slice wide;
    char narrow;
} separators[] = {
    {SLICE("\xef\xbc\x8d"), '-'}, /* U+FF0D: full-width dash */
    {SLICE("\xe2\x80\x90"), '-'}, /* U+2010: hyphen */
    {SLICE("\xe2\x80\x91"), '-'}, /* U+2011: one that does not break */
    {SLICE("\xe2\x80\x93"), '-'}, /* U+2013: en dash */
    {SLICE("\xe2\x80\x94"), '-'}, /* U+2014: em dash */
    {SLICE("\xe3\x80\x80"), ' '}, /* U+3000: full-width space */
    {SLICE("\xc2\xa0"), ' '},     /* U+00A0: space that does not break */
    {SLICE("\xe2\x80\x8b"), ' '}, /* U+200B: space without a width */
};

static bool
begins_with(struct slice text, size_t at, struct slice begin, size_t bytes)
{
    return text.length - at >= begin.length && memcmp(text.data + at, begin.data, bytes) == 0;
}

static bool
is_narrow_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

/* Its narrow digit; '\0' when none stands there. */
static char
wide_digit(struct slice text, size_t at)
{
    char last;

    if (!begins_with(text, at, wide_zero, wide_zero.length - 1)) {
        return '\0';
    }
    last = (char)(text.data[at + 2] - wide_zero.data[2] + '0');
    return is_narrow_digit(last) ? last : '\0';
}

/* The bytes of a separator with a digit behind it; 0 when none stands there. */
static size_t
separator_bytes(struct slice text, size_t at, char *narrow)
{
    for (size_t i = 0; i < sizeof separators / sizeof *separators; i++) {
        size_t end = at + separators[i].wide.length;

        if (begins_with(text, at, separators[i].wide, separators[i].wide.length)) {
            *narrow = separators[i].narrow;
            return end < text.length && (is_narrow_digit(text.data[end]) || wide_digit(text, end) != '\0') ? end - at
                                                                                                           : 0;
        }
    }
    return 0;
}

static bool
is_ascii(struct slice text)
{
    for (size_t i = 0; i < text.length; i++) {
        if ((unsigned char)text.data[i] >= 0x80) {
            return false;
        }
    }
    return true;
}

struct slice
digits_narrowed(struct slice text, struct arena *arena)
{
    char *narrowed;
    size_t length = 0;

    if (is_ascii(text)) {
        return text;
    }
    narrowed = arena_alloc(arena, text.length);
    if (narrowed == NULL) {
        return (struct slice){0};
    }
    for (size_t at = 0; at < text.length;) {
        bool behind_digit = length > 0 && is_narrow_digit(narrowed[length - 1]);
        size_t bytes = behind_digit ? separator_bytes(text, at, &narrowed[length]) : 0;

        if (bytes == 0) {
            char digit = wide_digit(text, at);

            narrowed[length] = digit == '\0' ? text.data[at] : digit;
            bytes = digit == '\0' ? 1 : wide_zero.length;
        }
        length++;
        at += bytes;
    }
    return length == text.length ? text : slice_make(narrowed, length);
}

/* Finds the ampersands of an XML text that begin no reference, and escapes them. */
#include "base/xml_ampersand.h"

/* Sections in which '&' is a plain character. */
static const struct {
    struct slice opens, closes;
} verbatim[] = {
    {SLICE("<![CDATA["), SLICE("]]>")},
    {SLICE("<!--"), SLICE("-->")},
    {SLICE("<?"), SLICE("?>")},
};

static bool
begins_with(struct slice text, struct slice begin)
{
    return text.length >= begin.length && memcmp(text.data, begin.data, begin.length) == 0;
}

/* The length of the verbatim section that text begins with; 0: none. */
static size_t
verbatim_bytes(struct slice text)
{
    for (size_t i = 0; i < sizeof(verbatim) / sizeof(verbatim[0]); i++) {
        if (begins_with(text, verbatim[i].opens)) {
            const char *end = memmem(text.data, text.length, verbatim[i].closes.data, verbatim[i].closes.length);

            return end == NULL ? text.length : (size_t)(end - text.data) + verbatim[i].closes.length;
        }
    }
    return 0;
}

static bool
is_digit(char c, bool hexadecimal)
{
    return (c >= '0' && c <= '9') || (hexadecimal && (c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

/* Whether text, which begins with '&', begins with a reference. What the number stands for is expat's to judge. */
static bool
is_reference(struct slice text)
{
    static const struct slice entities[] = {SLICE("&amp;"), SLICE("&lt;"), SLICE("&gt;"), SLICE("&quot;"),
                                            SLICE("&apos;")};
    bool hexadecimal;
    size_t first, at;

    for (size_t i = 0; i < sizeof(entities) / sizeof(entities[0]); i++) {
        if (begins_with(text, entities[i])) {
            return true;
        }
    }
    if (text.length < 4 || text.data[1] != '#') {
        return false;
    }
    hexadecimal = text.data[2] == 'x';
    first = at = hexadecimal ? 3 : 2;
    while (at < text.length && is_digit(text.data[at], hexadecimal)) {
        at++;
    }
    return at > first && at < text.length && text.data[at] == ';';
}

/* The next bare ampersand at or behind at; text.length: none. */
static size_t
next_bare(struct slice text, size_t at)
{
    while (at < text.length) {
        struct slice rest = slice_make(text.data + at, text.length - at);

        if (rest.data[0] == '&' && !is_reference(rest)) {
            return at;
        }
        if (rest.data[0] == '<') {
            size_t skipped = verbatim_bytes(rest);

            at += skipped == 0 ? 1 : skipped;
        } else {
            at++;
        }
    }
    return at;
}

struct slice
xml_escape_bare_ampersands(struct arena *arena, struct slice text)
{
    static const char escaped[] = "&amp;";
    size_t count = 0, from = 0, length = 0;
    char *copy;

    if (text.length == 0 || memchr(text.data, '&', text.length) == NULL) {
        return text;
    }
    for (size_t at = next_bare(text, 0); at < text.length; at = next_bare(text, at + 1)) {
        count++;
    }
    if (count == 0) {
        return text;
    }
    copy = arena_alloc(arena, text.length + count * (sizeof(escaped) - 2));
    if (copy == NULL) {
        return slice_make(NULL, 0);
    }
    while (from < text.length) {
        size_t at = next_bare(text, from);

        memcpy(copy + length, text.data + from, at - from);
        length += at - from;
        if (at < text.length) {
            memcpy(copy + length, escaped, sizeof(escaped) - 1);
            length += sizeof(escaped) - 1;
        }
        from = at + 1;
    }
    return slice_make(copy, length);
}

/* A usage text in pieces. */
#include "verbs/usage_text.h"

#define ITEM_INDENT 2

static size_t
indent_of(const char *line)
{
    return strspn(line, " ");
}

/* Where the next line begins; the text's end when there is none. */
static const char *
line_end(const char *line)
{
    const char *end = strchr(line, '\n');

    return end == NULL ? line + strlen(line) : end + 1;
}

static bool
is_item(const char *line)
{
    return indent_of(line) == ITEM_INDENT && line[ITEM_INDENT] != '\n' && line[ITEM_INDENT] != '\0';
}

static struct slice
trimmed(const char *start, const char *end)
{
    while (end > start && (end[-1] == '\n' || end[-1] == ' ')) {
        end--;
    }
    return slice_make(start, (size_t)(end - start));
}

/* "usage: trunkline ...", and lines below that begin in the same column. */
static bool
take_synopsis(const char **at, struct usage_piece *piece)
{
    static const char head[] = "usage: ", more[] = "       trunkline ";
    bool first = strncmp(*at, head, strlen(head)) == 0;
    const char *start = *at + strlen(head);

    if (!first && strncmp(*at, more, strlen(more)) != 0) {
        return false;
    }
    *at = line_end(*at);
    *piece = (struct usage_piece){.kind = USAGE_SYNOPSIS, .text = trimmed(start, *at)};
    return true;
}

static void
take_item(const char **at, struct usage_piece *piece)
{
    const char *term = *at + ITEM_INDENT;
    const char *line = line_end(*at);
    const char *gap = strstr(term, "  ");
    const char *text;

    gap = gap == NULL || gap > line ? line : gap;
    text = gap + indent_of(gap);
    while (indent_of(line) > ITEM_INDENT && line[indent_of(line)] != '\n') {
        line = line_end(line);
    }
    *piece = (struct usage_piece){.kind = USAGE_ITEM, .term = trimmed(term, gap), .text = trimmed(text, line)};
    *at = line;
}

static void
take_paragraph(const char **at, struct usage_piece *piece)
{
    const char *line = line_end(*at);

    while (*line != '\0' && *line != '\n' && !is_item(line)) {
        line = line_end(line);
    }
    *piece = (struct usage_piece){.kind = USAGE_PARAGRAPH, .text = trimmed(*at, line)};
    *at = line;
}

bool
usage_next(const char **at, struct usage_piece *piece)
{
    while (**at == '\n') {
        (*at)++;
    }
    if (**at == '\0') {
        return false;
    }
    if (take_synopsis(at, piece)) {
        return true;
    }
    if (is_item(*at)) {
        take_item(at, piece);
    } else {
        take_paragraph(at, piece);
    }
    return true;
}

bool
usage_word(struct slice text, size_t *at, struct slice *word)
{
    size_t start;

    while (*at < text.length && (text.data[*at] == ' ' || text.data[*at] == '\n')) {
        (*at)++;
    }
    start = *at;
    while (*at < text.length && text.data[*at] != ' ' && text.data[*at] != '\n') {
        (*at)++;
    }
    *word = slice_make(text.data + start, *at - start);
    return !slice_empty(*word);
}

bool
usage_option(const struct verb *verb, const char *option, struct usage_piece *piece)
{
    const char *at = verb->usage;

    while (usage_next(&at, piece)) {
        struct slice word = {0};
        size_t bytes = 0;

        if (piece->kind == USAGE_ITEM && usage_word(piece->term, &bytes, &word) && word.length > 2 &&
            memcmp(word.data, "--", 2) == 0 && slice_is(slice_make(word.data + 2, word.length - 2), option)) {
            return true;
        }
    }
    return false;
}

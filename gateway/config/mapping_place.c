/* Where things stand in a callback, as a mapping writes it: references, and what is made of them. */
#include "config/faults.h"
#include "config/mapping_draft.h"
#include "config/nearest.h"
#include "config/sections.h"

#define STEPS_MAX 32
#define PARTS_MAX 100

/* Those that are words. One that is named has a name behind its dot. */
static const struct {
    const char *word;
    enum reference_place place;
    bool named;
} place_words[] = {
    {"header", PLACE_HEADER, true},      {"query", PLACE_PARAMETER, true}, {"body", PLACE_BODY, false},
    {"query", PLACE_QUERY, false},       {"method", PLACE_METHOD, false},  {"endpoint", PLACE_ENDPOINT, false},
    {"received", PLACE_RECEIVED, false}, {"key", PLACE_KEY, false},
};
#define PLACE_WORDS (sizeof place_words / sizeof *place_words)

/* How each is written, for faults. */
static const char *const place_forms[] = {
    [PLACE_MEMBER] = "/member",
    [PLACE_TOP_MEMBER] = "^/member",
    [PLACE_HEADER] = "header.<name>",
    [PLACE_PARAMETER] = "query.<name>",
    [PLACE_BODY] = "body",
    [PLACE_QUERY] = "query",
    [PLACE_METHOD] = "method",
    [PLACE_ENDPOINT] = "endpoint",
    [PLACE_RECEIVED] = "received",
    [PLACE_KEY] = "key",
};

static bool
is_letter(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

static bool
is_pointer(struct slice text)
{
    return text.length > 0 && (text.data[0] == '/' || (text.length > 1 && text.data[0] == '^' && text.data[1] == '/'));
}

/* --- references --- */

/* "/member, header.<name>": what may stand there. */
static struct slice
list_places(struct loader *loader, unsigned places)
{
    struct slice list = slice_make("", 0);

    for (size_t i = 0; i < sizeof place_forms / sizeof *place_forms; i++) {
        if ((places & PLACE_BIT(i)) != 0) {
            list = arena_printf(loader->arena, "%.*s%s%s", SLICE_ARGS(list), slice_empty(list) ? "" : ", ",
                                place_forms[i]);
        }
    }
    return list;
}

/* What was probably meant: "headers.x" is header.x, "call.id" and "call/id" are /call/id. The empty slice when nobody
 * knows. */
static struct slice
guess(struct loader *loader, struct slice text)
{
    const char *words[PLACE_WORDS];
    size_t head = 0;

    for (size_t i = 0; i < PLACE_WORDS; i++) {
        words[i] = place_words[i].word;
    }
    while (head < text.length && text.data[head] != '.' && text.data[head] != '/') {
        if (!is_letter(text.data[head]) && text.data[head] != '_' && (text.data[head] < '0' || text.data[head] > '9')) {
            return (struct slice){NULL, 0};
        }
        head++;
    }
    const char *nearest = nearest_name(slice_make(text.data, head), words, PLACE_WORDS);
    if (head < text.length && text.data[head] == '/') {
        return arena_printf(loader->arena, "/%.*s", SLICE_ARGS(text));
    }
    if (nearest != NULL && head < text.length) {
        return arena_printf(loader->arena, "%s%.*s", nearest,
                            SLICE_ARGS(slice_make(text.data + head, text.length - head)));
    }
    if (nearest != NULL) {
        return slice_from(nearest);
    }
    struct slice pointer = arena_printf(loader->arena, "/%.*s", SLICE_ARGS(text));
    struct slice slashed = arena_copy(loader->arena, pointer);
    char *bytes = (char *)slashed.data;
    for (size_t i = 0; i < slashed.length; i++) {
        if (bytes[i] == '.') {
            bytes[i] = '/';
        }
    }
    return slashed;
}

static bool
tell_unknown(struct loader *loader, const struct written *written)
{
    struct slice text = fault_quote(written->text);
    struct slice meant = guess(loader, text);
    struct slice list = list_places(loader, written->places);

    if (slice_empty(meant) || slice_equal(meant, text)) {
        fault_add(loader->faults, written->line, "%s%s: \"%.*s\" names no place in a callback; there are %.*s",
                  loader->where, written->option, SLICE_ARGS(text), SLICE_ARGS(list));
    } else {
        fault_add(loader->faults, written->line, "%s%s: \"%.*s\" names no place in a callback; did you mean \"%.*s\"?",
                  loader->where, written->option, SLICE_ARGS(text), SLICE_ARGS(meant));
    }
    return false;
}

/* A step with its "~1" and "~0" decoded to "/" and "~"; false when a "~" begins neither. */
static bool
decode_step(struct loader *loader, struct slice text, struct slice *step)
{
    char *copy = arena_zalloc(loader->arena, text.length + 1, 1);
    size_t length = 0;

    for (size_t i = 0; copy != NULL && i < text.length; i++) {
        copy[length++] = text.data[i];
        if (text.data[i] != '~') {
            continue;
        }
        if (++i == text.length || (text.data[i] != '0' && text.data[i] != '1')) {
            return false;
        }
        copy[length - 1] = text.data[i] == '0' ? '~' : '/';
    }
    *step = slice_make(copy, length);
    return copy != NULL;
}

static size_t
count_bytes(struct slice text, char byte)
{
    size_t count = 0;

    for (size_t i = 0; i < text.length; i++) {
        count += text.data[i] == byte;
    }
    return count;
}

/* "/" alone is the whole: a member without a name is of use to nobody. */
static bool
read_pointer(struct loader *loader, const struct written *written, struct slice text, struct reference *reference)
{
    size_t count = text.length == 1 ? 0 : count_bytes(text, '/');
    struct slice *steps = count > STEPS_MAX ? NULL : arena_zalloc(loader->arena, count + 1, sizeof *steps);

    if (count > STEPS_MAX) {
        fault_add(loader->faults, written->line, "%s%s: \"%.*s\" has more than %d steps; point to less deep a place",
                  loader->where, written->option, QUOTE(written->text), STEPS_MAX);
    }
    if (steps == NULL) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        const char *begin = text.data + 1;
        const char *slash = memchr(begin, '/', text.length - 1);
        size_t length = slash == NULL ? text.length - 1 : (size_t)(slash - begin);

        if (!decode_step(loader, slice_make(begin, length), &steps[i])) {
            fault_add(loader->faults, written->line,
                      "%s%s: \"%.*s\" is no JSON pointer; in one, write ~1 for \"/\" and ~0 for \"~\"", loader->where,
                      written->option, QUOTE(written->text));
            return false;
        }
        text = slice_make(begin + length, text.length - 1 - length);
    }
    reference->steps = steps;
    reference->step_count = count;
    return true;
}

/* Finds the word, and what it names behind the dot; false when there is none. */
static bool
find_word(struct slice text, struct reference *reference)
{
    const char *dot = memchr(text.data, '.', text.length);
    struct slice head = slice_make(text.data, dot == NULL ? text.length : (size_t)(dot - text.data));
    struct slice name = dot == NULL ? (struct slice){NULL, 0} : slice_make(dot + 1, text.length - head.length - 1);

    for (size_t i = 0; i < PLACE_WORDS; i++) {
        if (slice_is(head, place_words[i].word) && place_words[i].named == (dot != NULL) &&
            place_words[i].named == !slice_empty(name)) {
            *reference = (struct reference){.place = place_words[i].place, .name = name};
            return true;
        }
    }
    return false;
}

/* Whether it may name a header field. */
static bool
is_token(struct slice text)
{
    for (size_t i = 0; i < text.length; i++) {
        char byte = text.data[i];

        if (!is_letter(byte) && (byte < '0' || byte > '9') &&
            (byte == '\0' || strchr("!#$%&'*+-.^_`|~", byte) == NULL)) {
            return false;
        }
    }
    return true;
}

/* Tells where a place is one of credentials: what is there would be published, or compared as no secret is. */
static bool
check_credentials(struct loader *loader, const struct written *written, const struct reference *found)
{
    const struct source *source = loader->source;
    bool parameter = found->place == PLACE_PARAMETER && slice_equal(found->name, source->secret_parameter);

    if (parameter || (found->place == PLACE_HEADER && slice_equal(found->name, source->secret_header))) {
        fault_add(loader->faults, written->line,
                  "%s%s: \"%.*s\" is where the source's own secret stands, which no event and no answer gets; point "
                  "elsewhere, or, where the vendor has something else there, set %s to another name",
                  loader->where, written->option, QUOTE(written->text),
                  parameter ? "secret_parameter" : "secret_header");
        return false;
    }
    if (found->place == PLACE_HEADER && !source_field_is_public(source, found->name)) {
        fault_add(loader->faults, written->line,
                  "%s%s: \"%.*s\" carries credentials, which no event and no answer gets; point elsewhere",
                  loader->where, written->option, QUOTE(written->text));
        return false;
    }
    return true;
}

bool
reference_read(struct loader *loader, const struct written *written, struct reference *reference)
{
    struct slice text = written->text;
    struct reference found = {.place = PLACE_MEMBER};

    if (slice_empty(text)) {
        return false;
    }
    if (is_pointer(text)) {
        size_t top = text.data[0] == '^';

        found.place = top == 1 ? PLACE_TOP_MEMBER : PLACE_MEMBER;
        if (!read_pointer(loader, written, slice_make(text.data + top, text.length - top), &found)) {
            return false;
        }
    } else if (!find_word(text, &found) || (found.place == PLACE_HEADER && !is_token(found.name))) {
        return tell_unknown(loader, written);
    }
    if ((written->places & PLACE_BIT(found.place)) == 0) {
        fault_add(loader->faults, written->line, "%s%s: \"%.*s\" cannot be used here; what can is %.*s", loader->where,
                  written->option, QUOTE(text), SLICE_ARGS(list_places(loader, written->places)));
        return false;
    }
    if (found.place == PLACE_HEADER) {
        found.name = lower_case(loader, found.name);
    }
    if ((written->places & PLACES_CREDENTIALS) == 0 && !check_credentials(loader, written, &found)) {
        return false;
    }
    *reference = found;
    return true;
}

/* --- templates --- */

/* Whether a brace before it begins a reference; in JSON, none does. */
static bool
begins_reference(struct slice text, size_t at)
{
    return at < text.length && (is_letter(text.data[at]) || text.data[at] == '/' || text.data[at] == '^');
}

/* A template while it is cut into its parts. */
struct cutter {
    const struct written *written;
    struct reference *parts;
    size_t count;
    char *plain; /* what stands between references, one behind the other; a part of it is not finished yet */
    size_t plain_begin, plain_end;
};

static void
finish_plain(struct cutter *cutter)
{
    if (cutter->plain_end > cutter->plain_begin) {
        struct slice text = slice_make(cutter->plain + cutter->plain_begin, cutter->plain_end - cutter->plain_begin);

        cutter->parts[cutter->count++] = (struct reference){.place = PLACE_LITERAL, .name = text};
        cutter->plain_begin = cutter->plain_end;
    }
}

/* The reference whose brace stands before at; the place behind it, 0 when it is wrong. */
static size_t
cut_reference(struct loader *loader, struct cutter *cutter, size_t at)
{
    struct slice text = cutter->written->text;
    const char *end = memchr(text.data + at, '}', text.length - at);
    struct written inner = *cutter->written;

    if (end == NULL) {
        fault_add(loader->faults, inner.line,
                  "%s%s: the brace before \"%.*s\" is not closed; write \"}\" behind the reference, or \"{{\" for the "
                  "brace itself",
                  loader->where, inner.option, QUOTE(slice_make(text.data + at, text.length - at)));
        return 0;
    }
    finish_plain(cutter);
    inner.text = slice_make(text.data + at, (size_t)(end - text.data) - at);
    if (!reference_read(loader, &inner, &cutter->parts[cutter->count])) {
        return 0;
    }
    cutter->count++;
    return (size_t)(end - text.data) + 1;
}

bool
template_read(struct loader *loader, const struct written *written, struct text_template *template)
{
    struct slice text = written->text;
    size_t most = 2 * count_bytes(text, '{') + 1;
    struct cutter cutter = {.written = written};

    if (slice_empty(text)) {
        return false;
    }
    if (most > PARTS_MAX) {
        fault_add(loader->faults, written->line, "%s%s has more than %d braces; write a shorter text", loader->where,
                  written->option, PARTS_MAX / 2);
        return false;
    }
    cutter.parts = arena_zalloc(loader->arena, most, sizeof *cutter.parts);
    cutter.plain = arena_zalloc(loader->arena, text.length + 1, 1);
    if (cutter.parts == NULL || cutter.plain == NULL) {
        return false;
    }
    for (size_t at = 0; at < text.length;) {
        bool brace = text.data[at] == '{';

        if (brace && begins_reference(text, at + 1)) {
            at = cut_reference(loader, &cutter, at + 1);
            if (at == 0) {
                return false;
            }
            continue;
        }
        bool doubled = brace && at + 1 < text.length && text.data[at + 1] == '{' && begins_reference(text, at + 2);
        cutter.plain[cutter.plain_end++] = text.data[at];
        at += doubled ? 2 : 1;
    }
    finish_plain(&cutter);
    *template = (struct text_template){cutter.parts, cutter.count};
    return true;
}

bool
value_read(struct loader *loader, const struct written *written, struct text_template *template)
{
    struct slice text = written->text;

    if (slice_empty(text)) {
        return false;
    }
    if (memchr(text.data, '{', text.length) == NULL) {
        struct reference *reference = arena_zalloc(loader->arena, 1, sizeof *reference);

        if (reference == NULL || !reference_read(loader, written, reference)) {
            return false;
        }
        *template = (struct text_template){reference, 1};
        return true;
    }
    if (is_pointer(text)) {
        fault_add(loader->faults, written->line,
                  "%s%s: \"%.*s\" is half a pointer and half a text; put each reference in braces, like "
                  "\"{/call/id}-{/leg}\"",
                  loader->where, written->option, QUOTE(text));
        return false;
    }
    if (!template_read(loader, written, template)) {
        return false;
    }
    for (size_t i = 0; i < template->count; i++) {
        if (template->parts[i].place != PLACE_LITERAL) {
            return true;
        }
    }
    fault_add(loader->faults, written->line, "%s%s: \"%.*s\" holds no reference; write one like {/call/id}",
              loader->where, written->option, QUOTE(text));
    return false;
}

bool
template_names(const struct text_template *template, enum reference_place place)
{
    for (size_t i = 0; i < template->count; i++) {
        if (template->parts[i].place == place) {
            return true;
        }
    }
    return false;
}

bool
references_equal(const struct reference *one, const struct reference *other)
{
    bool equal =
        one->place == other->place && slice_equal(one->name, other->name) && one->step_count == other->step_count;

    for (size_t i = 0; equal && i < one->step_count; i++) {
        equal = slice_equal(one->steps[i], other->steps[i]);
    }
    return equal;
}

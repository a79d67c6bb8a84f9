/* Reads XML with expat into the tree that JSON is read into. */
#include "base/xml.h"

#include <expat.h>

#include "base/name_set.h"
#include "base/utf8.h"
#include "base/xml_ampersand.h"

/* An element that is not closed yet. */
struct element {
    struct value *value; /* a string until it turns out to be an object */
    struct value *last;  /* its newest member */
    struct name_set names;
    char *text;
    size_t text_bytes, text_capacity;
    struct element *outer;
};

/* Every value of a reader with lists: with the newest of its elements once it has become an array. */
struct node {
    struct value value;
    struct value *last;
};

struct reader {
    struct arena *arena;
    struct value_limits limits;
    bool lists; /* elements of one name become an array */
    struct error *error;
    XML_Parser expat;
    struct slice root_name;
    struct value *root;
    struct element *element;
    struct element *spare; /* closed ones, to be used again */
    uint32_t depth, values;
    bool stopped; /* error says why, or the arena is full */
};

static void
stop(struct reader *reader, const char *why)
{
    if (!reader->stopped) {
        error_set(reader->error, "%s at line %lu", why, (unsigned long)XML_GetCurrentLineNumber(reader->expat));
        reader->stopped = true;
    }
    XML_StopParser(reader->expat, XML_FALSE);
}

static void
stop_without_memory(struct reader *reader)
{
    stop(reader, "no memory left to read it");
}

static struct value *
new_value(struct reader *reader, const char *name, const char *prefix)
{
    struct value *value;

    if (reader->values++ >= reader->limits.members) {
        stop(reader, "too many elements");
        return NULL;
    }
    value = arena_zalloc(reader->arena, 1, reader->lists ? sizeof(struct node) : sizeof(*value));
    if (value == NULL) {
        stop_without_memory(reader);
        return NULL;
    }
    value->kind = VALUE_STRING;
    value->name = arena_printf(reader->arena, "%s%s", prefix, name);
    return value;
}

/* The member of that name takes the place of an array that begins with what it was. */
static bool
make_array(struct reader *reader, struct value *known)
{
    struct value *first = arena_alloc(reader->arena, sizeof(*first));

    if (first == NULL) {
        stop_without_memory(reader);
        return false;
    }
    *first = *known;
    first->name = (struct slice){0};
    first->next = NULL;
    *known = (struct value){.kind = VALUE_ARRAY, .count = 1, .name = known->name, .first = first, .next = known->next};
    ((struct node *)known)->last = first;
    return true;
}

/* A member whose name is known becomes an element of that one's array, and no member. */
static bool
add_to_list(struct reader *reader, struct element *element, struct value *before, struct value *member)
{
    struct value *known = element->names.known;
    struct node *array = (struct node *)known;

    if (!reader->lists || before == NULL) { /* something stands before it: what has its name */
        stop(reader, "an element's or attribute's name comes twice");
        return false;
    }
    before->next = NULL;
    element->last = before;
    if (known->kind != VALUE_ARRAY && !make_array(reader, known)) {
        return false;
    }
    member->name = (struct slice){0};
    array->last->next = member;
    array->last = member;
    known->count++;
    return true;
}

/* Hangs a member into an element, which is an object from then on. */
static bool
add_member(struct reader *reader, struct element *element, struct value *member)
{
    struct value *before = element->last;

    if (member == NULL) {
        return false;
    }
    element->value->kind = VALUE_OBJECT;
    if (before == NULL) {
        element->value->first = member;
    } else {
        before->next = member;
    }
    element->last = member;
    switch (name_set_add(&element->names, reader->arena, element->value, member)) {
    case NAME_NEW:
        element->value->count++;
        return true;
    case NAME_KNOWN:
        return add_to_list(reader, element, before, member);
    case NAME_NO_MEMORY:
        stop_without_memory(reader);
        return false;
    }
    return false;
}

static bool
add_text_member(struct reader *reader, struct element *element, const char *name, const char *prefix, struct slice text)
{
    struct value *member = new_value(reader, name, prefix);

    if (member != NULL) {
        member->text = arena_copy(reader->arena, text);
    }
    return add_member(reader, element, member);
}

static struct element *
new_element(struct reader *reader)
{
    struct element *element = reader->spare;

    if (element != NULL) {
        reader->spare = element->outer;
    } else if ((element = arena_alloc(reader->arena, sizeof(*element))) == NULL) {
        stop_without_memory(reader);
        return NULL;
    }
    *element = (struct element){0};
    return element;
}

static void
on_start(void *context, const XML_Char *name, const XML_Char **attributes)
{
    struct reader *reader = context;
    struct element *element;
    struct value *value;

    if (reader->stopped) {
        return;
    }
    if (reader->depth >= reader->limits.depth) {
        stop(reader, "nested too deeply");
        return;
    }
    element = new_element(reader);
    if (element == NULL) {
        return;
    }
    value = new_value(reader, name, "");
    if (value == NULL) {
        return;
    }
    if (reader->element == NULL) {
        reader->root = value;
        reader->root_name = value->name;
        value->name = slice_make(NULL, 0);
        value->kind = VALUE_OBJECT;
    } else if (!add_member(reader, reader->element, value)) {
        return;
    }
    element->value = value;
    element->outer = reader->element;
    reader->element = element;
    reader->depth++;
    for (const XML_Char **pair = attributes; *pair != NULL; pair += 2) {
        if (!add_text_member(reader, element, pair[0], "@", slice_from(pair[1]))) {
            return;
        }
    }
}

static void
on_text(void *context, const XML_Char *text, int length)
{
    struct reader *reader = context;
    struct element *element = reader->element;
    size_t bytes = (size_t)length;

    if (reader->stopped || element == NULL) {
        return;
    }
    if (bytes > element->text_capacity - element->text_bytes) {
        size_t capacity = (element->text_bytes + bytes) * 2;

        if (element->text == NULL || !arena_extend(reader->arena, element->text, element->text_capacity, capacity)) {
            char *larger = arena_alloc(reader->arena, capacity);

            if (larger == NULL) {
                stop_without_memory(reader);
                return;
            }
            if (element->text != NULL) {
                memcpy(larger, element->text, element->text_bytes);
            }
            element->text = larger;
        }
        element->text_capacity = capacity;
    }
    memcpy(element->text + element->text_bytes, text, bytes);
    element->text_bytes += bytes;
}

static bool
is_blank(struct slice text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (strchr(" \t\r\n", text.data[i]) == NULL) {
            return false;
        }
    }
    return true;
}

static void
on_end(void *context, const XML_Char *name)
{
    struct reader *reader = context;
    struct element *element = reader->element;
    struct slice text;

    (void)name;
    if (reader->stopped) {
        return;
    }
    text = slice_make(element->text, element->text_bytes);
    if (element->value->kind == VALUE_STRING) {
        element->value->text = text;
    } else if (!is_blank(text)) {
        add_text_member(reader, element, "#text", "", text);
    }
    reader->element = element->outer;
    element->outer = reader->spare;
    reader->spare = element;
    reader->depth--;
}

static void
on_doctype(void *context, const XML_Char *name, const XML_Char *system, const XML_Char *public, int internal)
{
    (void)name;
    (void)system;
    (void)public;
    (void)internal;
    stop(context, "a DTD, which is not taken,");
}

static void
on_declaration(void *context, const XML_Char *version, const XML_Char *encoding, int standalone)
{
    (void)version;
    (void)standalone;
    if (encoding != NULL && strcasecmp(encoding, "utf-8") != 0 && strcasecmp(encoding, "us-ascii") != 0) {
        stop(context, "an encoding other than UTF-8");
    }
}

/* What expat found. Without memory it has found nothing: the same text may be read well the next time. */
static bool
complain(const struct reader *reader)
{
    enum XML_Error code = XML_GetErrorCode(reader->expat);

    if (code == XML_ERROR_NO_MEMORY) {
        arena_starve(reader->arena);
    }
    return error_set(reader->error, "%s at line %lu", XML_ErrorString(code),
                     (unsigned long)XML_GetCurrentLineNumber(reader->expat));
}

static bool
run(struct reader *reader, struct slice text)
{
    XML_SetUserData(reader->expat, reader);
    XML_SetElementHandler(reader->expat, on_start, on_end);
    XML_SetCharacterDataHandler(reader->expat, on_text);
    XML_SetStartDoctypeDeclHandler(reader->expat, on_doctype);
    XML_SetXmlDeclHandler(reader->expat, on_declaration);
    if (XML_Parse(reader->expat, text.data, (int)text.length, XML_TRUE) != XML_STATUS_OK) {
        return !reader->stopped && complain(reader);
    }
    return !arena_failed(reader->arena) || error_set(reader->error, "no memory left to read it");
}

#define TEXT_BYTES_MAX ((size_t)1 << 30) /* expat counts in int */

static struct value *
parse(struct reader *reader, struct slice text, struct slice *root)
{
    struct arena *arena = reader->arena;
    struct error *error = reader->error;
    size_t valid = utf8_valid_prefix(text);
    bool read;

    if (text.length == 0) {
        error_set(error, "nothing at all");
        return NULL;
    }
    if (valid != text.length) {
        error_set(error, "invalid UTF-8 at byte %zu", valid);
        return NULL;
    }
    if (memchr(text.data, '\0', text.length) != NULL) {
        error_set(error, "a NUL byte");
        return NULL;
    }
    text = xml_escape_bare_ampersands(arena, text);
    if (text.data == NULL || text.length > TEXT_BYTES_MAX) {
        error_set(error, text.data == NULL ? "no memory left to read it" : "too long");
        return NULL;
    }
    reader->expat = XML_ParserCreate("UTF-8");
    if (reader->expat == NULL) {
        arena_starve(arena);
        error_set(error, "no memory left to read it");
        return NULL;
    }
    read = run(reader, text);
    XML_ParserFree(reader->expat);
    if (read && root != NULL) {
        *root = reader->root_name;
    }
    return read ? reader->root : NULL;
}

struct value *
xml_parse(struct arena *arena, struct slice text, struct value_limits limits, struct slice *root, struct error *error)
{
    struct reader reader = {.arena = arena, .limits = limits, .error = error};

    return parse(&reader, text, root);
}

struct value *
xml_parse_lists(struct arena *arena, struct slice text, struct value_limits limits, struct error *error)
{
    struct reader reader = {.arena = arena, .limits = limits, .lists = true, .error = error};

    return parse(&reader, text, NULL);
}

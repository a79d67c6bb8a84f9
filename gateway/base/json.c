/* Reads JSON with yajl's streaming parser straight into a tree of arena nodes. */
#include "base/json.h"

#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <yajl/yajl_parse.h>

#include "base/json_scan.h"
#include "base/name_set.h"

/* An object or array that is not closed yet. */
struct level {
    struct value *container;
    struct value *last; /* its newest child */
    struct name_set names;
    size_t start; /* where its bracket stands */
    struct level *outer;
};

struct reader {
    struct arena *arena;
    struct slice text;
    struct value_limits limits;
    struct error *error;
    yajl_handle yajl;
    struct value *root;
    struct level *level;
    struct level *spare; /* closed levels, to be used again */
    uint32_t depth, values;
    struct slice name; /* of the member whose value comes next */
    bool refused;      /* error says why */
    jmp_buf full;      /* where to go when the arena is */
};

static int
refuse(struct reader *reader, const char *why)
{
    error_set(reader->error, "%s at byte %zu", why, yajl_get_bytes_consumed(reader->yajl));
    reader->refused = true;
    return 0;
}

/* Yajl hands out views of its input where it can; what it had to decode it will overwrite. */
static struct slice
keep(struct reader *reader, const unsigned char *bytes, size_t length)
{
    const char *text = (const char *)bytes;

    if (length == 0 || (text >= reader->text.data && text + length <= reader->text.data + reader->text.length)) {
        return slice_make(text, length);
    }
    return arena_copy(reader->arena, slice_make(text, length));
}

/* A node at its place in the tree; NULL when it must not or cannot be. */
static struct value *
add(struct reader *reader, enum value_kind kind)
{
    struct level *level = reader->level;
    struct value *value;

    if (level == NULL && kind != VALUE_OBJECT && kind != VALUE_ARRAY) {
        refuse(reader, "neither an object nor an array");
        return NULL;
    }
    if (reader->values++ >= reader->limits.members) {
        refuse(reader, "too many values");
        return NULL;
    }
    value = arena_alloc(reader->arena, sizeof(*value));
    if (value == NULL) {
        return NULL;
    }
    *value = (struct value){.kind = kind};
    if (level == NULL) {
        reader->root = value;
        return value;
    }
    if (level->last == NULL) {
        level->container->first = value;
    } else {
        level->last->next = value;
    }
    level->last = value;
    if (level->container->kind == VALUE_OBJECT) {
        value->name = reader->name;
        switch (name_set_add(&level->names, reader->arena, level->container, value)) {
        case NAME_NEW:
            break;
        case NAME_KNOWN:
            refuse(reader, "a member's name comes twice");
            return NULL;
        case NAME_NO_MEMORY:
            return NULL;
        }
    }
    level->container->count++;
    return value;
}

static int
on_null(void *context)
{
    return add(context, VALUE_NULL) != NULL;
}

static int
on_boolean(void *context, int boolean)
{
    struct value *value = add(context, VALUE_BOOLEAN);

    if (value != NULL) {
        value->boolean = boolean != 0;
    }
    return value != NULL;
}

static int
on_number(void *context, const char *text, size_t length)
{
    struct reader *reader = context;
    struct value *value = add(reader, VALUE_NUMBER);

    if (value != NULL) {
        value->text = keep(reader, (const unsigned char *)text, length);
        value->raw = value->text;
    }
    return value != NULL;
}

static int
on_string(void *context, const unsigned char *text, size_t length)
{
    struct reader *reader = context;
    struct value *value = add(reader, VALUE_STRING);

    if (value != NULL) {
        value->text = keep(reader, text, length);
    }
    return value != NULL && !arena_failed(reader->arena);
}

static int
on_name(void *context, const unsigned char *text, size_t length)
{
    struct reader *reader = context;

    reader->name = keep(reader, text, length);
    return !arena_failed(reader->arena);
}

static int
open_level(struct reader *reader, enum value_kind kind)
{
    struct value *value;
    struct level *level;

    if (reader->depth >= reader->limits.depth) {
        return refuse(reader, "nested too deeply");
    }
    value = add(reader, kind);
    if (value == NULL) {
        return 0;
    }
    level = reader->spare;
    if (level != NULL) {
        reader->spare = level->outer;
    } else {
        level = arena_alloc(reader->arena, sizeof(*level));
    }
    if (level == NULL) {
        return 0;
    }
    *level = (struct level){
        .container = value,
        .start = yajl_get_bytes_consumed(reader->yajl) - 1, /* just behind its bracket */
        .outer = reader->level,
    };
    reader->level = level;
    reader->depth++;
    return 1;
}

static int
on_close(void *context)
{
    struct reader *reader = context;
    struct level *level = reader->level;
    size_t end = yajl_get_bytes_consumed(reader->yajl);

    level->container->raw = slice_make(reader->text.data + level->start, end - level->start);
    reader->level = level->outer;
    level->outer = reader->spare;
    reader->spare = level;
    reader->depth--;
    return 1;
}

static int
on_object(void *context)
{
    return open_level(context, VALUE_OBJECT);
}

static int
on_array(void *context)
{
    return open_level(context, VALUE_ARRAY);
}

static const yajl_callbacks callbacks = {
    .yajl_null = on_null,
    .yajl_boolean = on_boolean,
    .yajl_number = on_number,
    .yajl_string = on_string,
    .yajl_start_map = on_object,
    .yajl_map_key = on_name,
    .yajl_end_map = on_close,
    .yajl_start_array = on_array,
    .yajl_end_array = on_close,
};

/* Yajl's memory comes from the arena and is never given back. Yajl does not look for NULL, so an arena that is full
 * leaves the parser by a jump; nothing else than arena memory is held there. */
struct block {
    size_t size;
    _Alignas(16) char bytes[];
};

static void *
yajl_allocate(void *context, size_t size)
{
    struct reader *reader = context;
    struct block *block = size > SIZE_MAX / 2 ? NULL : arena_alloc(reader->arena, sizeof(*block) + size);

    if (block == NULL) {
        longjmp(reader->full, 1);
    }
    block->size = size;
    return block->bytes;
}

static void *
yajl_reallocate(void *context, void *memory, size_t size)
{
    void *larger = yajl_allocate(context, size);

    if (memory != NULL) {
        size_t before = ((struct block *)((char *)memory - offsetof(struct block, bytes)))->size;

        memcpy(larger, memory, before < size ? before : size);
    }
    return larger;
}

static void
yajl_release(void *context, void *memory)
{
    (void)context;
    (void)memory;
}

static struct value *
fail(struct reader *reader, size_t at)
{
    unsigned char *text;

    if (arena_failed(reader->arena)) {
        error_set(reader->error, "no memory left to read it");
    } else if (!reader->refused) {
        text = yajl_get_error(reader->yajl, 0, NULL, 0);
        error_set(reader->error, "%.*s at byte %zu", (int)strcspn((char *)text, "\n"), (char *)text, at);
    }
    return NULL;
}

/* Yajl waits for the end of a string that begins behind the value, and so never calls it garbage. */
static bool
ends_with_the_value(const struct reader *reader)
{
    const char *end = reader->text.data + reader->text.length;

    for (const char *at = reader->root->raw.data + reader->root->raw.length; at < end; at++) {
        if (*at != ' ' && *at != '\t' && *at != '\n' && *at != '\r') {
            return error_set(reader->error, "something stands behind the value at byte %zu",
                             (size_t)(at - reader->text.data));
        }
    }
    return true;
}

static struct value *
read_tree(struct reader *reader)
{
    yajl_alloc_funcs memory = {yajl_allocate, yajl_reallocate, yajl_release, reader};

    reader->yajl = yajl_alloc(&callbacks, &memory, reader);
    yajl_config(reader->yajl, yajl_dont_validate_strings, 1); /* json_scan has */
    if (yajl_parse(reader->yajl, (const unsigned char *)reader->text.data, reader->text.length) != yajl_status_ok) {
        return fail(reader, yajl_get_bytes_consumed(reader->yajl));
    }
    if (yajl_complete_parse(reader->yajl) != yajl_status_ok) {
        return fail(reader, reader->text.length);
    }
    return ends_with_the_value(reader) ? reader->root : NULL;
}

struct value *
json_parse(struct arena *arena, struct slice text, struct value_limits limits, struct error *error)
{
    struct reader reader = {.arena = arena, .text = text, .limits = limits, .error = error};

    if (!json_scan(text, error)) {
        return NULL;
    }
    if (setjmp(reader.full) != 0) {
        error_set(error, "no memory left to read it");
        return NULL;
    }
    return read_tree(&reader);
}

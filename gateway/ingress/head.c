/* Heads in slices: cut without a second judgement, since the guard has seen every byte. */
#include "ingress/head.h"

#include <string.h>

#include "ingress/syntax.h"

static struct slice
trim(const char *from, const char *to)
{
    while (from < to && syntax_is(*from, SYNTAX_SPACE)) {
        from++;
    }
    while (from < to && syntax_is(to[-1], SYNTAX_SPACE)) {
        to--;
    }
    return slice_make(from, (size_t)(to - from));
}

/* Reads the line at `from` and returns where the next one begins; NULL: there is none, which the guard excludes. */
static char *
read_field(char *from, const char *end, struct record_header *field)
{
    char *colon = from;
    char *stop;

    while (colon < end && *colon != ':') {
        *colon = syntax_lower(*colon);
        colon++;
    }
    stop = memchr(colon, '\r', (size_t)(end - colon));
    if (stop == NULL) {
        return NULL;
    }
    field->name = slice_make(from, (size_t)(colon - from));
    field->value = trim(colon + 1, stop);
    *colon = '\0';
    return stop + 2;
}

static struct record_header *
find(struct record_header *fields, size_t count, struct slice name)
{
    for (size_t i = 0; i < count; i++) {
        if (slice_equal(fields[i].name, name)) {
            return &fields[i];
        }
    }
    return NULL;
}

/* RFC 9110 §5.3: fields of one name are one list. */
static bool
join(struct arena *arena, struct slice *value, struct slice more)
{
    char *joined = arena_alloc(arena, value->length + 2 + more.length);

    if (joined == NULL) {
        return false;
    }
    if (value->length != 0) {
        memcpy(joined, value->data, value->length);
    }
    joined[value->length] = ',';
    joined[value->length + 1] = ' ';
    if (more.length != 0) {
        memcpy(joined + value->length + 2, more.data, more.length);
    }
    *value = slice_make(joined, value->length + 2 + more.length);
    return true;
}

static bool
read_fields(const struct guard *guard, char *from, const char *end, struct arena *arena, struct head *head)
{
    struct record_header *fields = arena_zalloc(arena, guard->field_count + 1, sizeof *fields);
    size_t count = 0;

    if (fields == NULL) {
        return false;
    }
    for (unsigned i = 0; i < guard->field_count && from != NULL; i++) {
        struct record_header *earlier;

        from = read_field(from, end, &fields[count]);
        earlier = find(fields, count, fields[count].name);
        if (earlier == NULL) {
            count++;
        } else if (!join(arena, &earlier->value, fields[count].value)) {
            return false;
        }
    }
    head->fields = fields;
    head->field_count = count;
    return from != NULL;
}

bool
head_read(const struct guard *guard, char *bytes, size_t length, struct arena *arena, struct head *head)
{
    *head = (struct head){
        .method = slice_make(bytes + guard->method_at, guard->method_length),
        .path = slice_make(bytes + guard->path_at, guard->path_length),
        .query = slice_make(bytes + guard->query_at, guard->query_length),
        .content_length = guard->chunked              ? -1
                          : guard->content_length < 0 ? 0
                                                      : guard->content_length,
        .http10 = guard->http10,
        .keep_alive = guard->keep_alive,
        .expect_continue = guard->expect_continue,
    };
    if (slice_empty(head->path)) {
        head->path = slice_make("/", 1);
    }
    return read_fields(guard, bytes + guard->fields_at, bytes + length, arena, head);
}

struct slice
head_field(const struct head *head, const char *name)
{
    struct slice wanted = slice_from(name);

    for (size_t i = 0; i < head->field_count; i++) {
        if (slice_equal(head->fields[i].name, wanted)) {
            return head->fields[i].value;
        }
    }
    return (struct slice){NULL, 0};
}

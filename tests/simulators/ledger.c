/* The calls that a simulator saw. */
#include "simulators/ledger.h"

#include <stdlib.h>

#include "simulators/members.h"

/* A call of the largest body, with an answer that echoes it, escaped at its worst. */
#define ARENA_BYTES ((size_t)64 * 1024 * 1024)

struct line {
    char *text; /* malloc'd, no terminator */
    size_t length;
};

struct ledger {
    FILE *file;
    struct line *lines; /* of the calls first + 1 to last */
    size_t capacity;
    uint64_t first, last; /* first: so many were forgotten */
    size_t bytes;
};

struct ledger *
ledger_new(FILE *file)
{
    struct ledger *ledger = calloc(1, sizeof(*ledger));

    if (ledger != NULL) {
        ledger->file = file;
    }
    return ledger;
}

void
ledger_clear(struct ledger *ledger)
{
    for (size_t i = 0; i < ledger->last - ledger->first; i++) {
        free(ledger->lines[i].text);
    }
    ledger->first = ledger->last = 0;
    ledger->bytes = 0;
}

void
ledger_free(struct ledger *ledger)
{
    if (ledger != NULL) {
        ledger_clear(ledger);
        free(ledger->lines);
        free(ledger);
    }
}

static void
write_headers(struct json_writer *writer, const struct simulated_request *request)
{
    member_open(writer, "headers", '[');
    for (size_t i = 0; i < request->header_count; i++) {
        struct slice name = request->header_names[i];
        struct slice value = request->header_values[i];

        json_open(writer, '[');
        json_string(writer, slice_make(name.data, utf8_valid_prefix(name)));
        json_string(writer, slice_make(value.data, utf8_valid_prefix(value)));
        json_close(writer, ']');
    }
    json_close(writer, ']');
}

static struct slice
format(const struct ledger *ledger, const struct seen_call *call, struct arena *arena)
{
    const struct simulated_request *request = call->request;
    struct json_writer writer;

    json_writer_init(&writer, arena, 1024 + 2 * request->body.length + 2 * call->answer.length);
    json_open(&writer, '{');
    member_integer(&writer, "seq", (int64_t)ledger->last + 1);
    member_integer(&writer, "door_monotonic_ns", call->door_monotonic_ns);
    member_integer(&writer, "door_wall_ns", call->door_wall_ns);
    member_integer(&writer, "read_monotonic_ns", request->monotonic_ns);
    member_slice(&writer, "method", request->method);
    member_slice(&writer, "target", request->target);
    member_slice(&writer, "path", request->path);
    write_headers(&writer, request);
    member_slice(&writer, "body", request->body);
    member_integer(&writer, "body_bytes", (int64_t)request->body.length);
    member_integer(&writer, "status", call->status);
    member_slice(&writer, "answer", call->answer);
    member_slice(&writer, "code", call->code);
    member_boolean(&writer, "acted", call->acted);
    member_boolean(&writer, "exceeded", call->exceeded);
    member_text(&writer, "behaviour", call->behaviour);
    member_integer(&writer, "concurrent", (int64_t)call->concurrent);
    member_integer(&writer, "in_window", (int64_t)call->in_window);
    json_close(&writer, '}');
    return json_finish(&writer);
}

static void
forget_oldest(struct ledger *ledger)
{
    size_t count = ledger->last - ledger->first;
    size_t gone = count / 4 + 1; /* a quarter in one go, so that moving the others is seldom */

    for (size_t i = 0; i < gone; i++) {
        ledger->bytes -= ledger->lines[i].length;
        free(ledger->lines[i].text);
    }
    memmove(ledger->lines, ledger->lines + gone, (count - gone) * sizeof(*ledger->lines));
    ledger->first += gone;
}

static bool
make_room(struct ledger *ledger, size_t bytes)
{
    size_t count = ledger->last - ledger->first;
    size_t capacity = ledger->capacity == 0 ? 256 : ledger->capacity * 2;
    struct line *lines;

    if (count > 0 && (count == LEDGER_CALLS_MAX || bytes > LEDGER_BYTES_MAX - ledger->bytes)) {
        forget_oldest(ledger);
        return true;
    }
    if (count < ledger->capacity) {
        return true;
    }
    lines = realloc(ledger->lines, capacity * sizeof(*lines));
    if (lines == NULL) {
        return false;
    }
    ledger->lines = lines;
    ledger->capacity = capacity;
    return true;
}

static bool
write_line(const struct ledger *ledger, struct slice text)
{
    return ledger->file == NULL || (fwrite(text.data, 1, text.length, ledger->file) == text.length &&
                                    fputc('\n', ledger->file) != EOF && fflush(ledger->file) == 0);
}

bool
ledger_add(struct ledger *ledger, const struct seen_call *call)
{
    struct arena *arena = arena_new(NULL, ARENA_BYTES);
    struct slice text = arena == NULL ? (struct slice){0} : format(ledger, call, arena);
    char *copy = slice_empty(text) || !make_room(ledger, text.length) ? NULL : malloc(text.length);
    bool added = copy != NULL && write_line(ledger, text);

    if (added) {
        memcpy(copy, text.data, text.length);
        ledger->lines[ledger->last - ledger->first] = (struct line){copy, text.length};
        ledger->last++;
        ledger->bytes += text.length;
    } else {
        free(copy);
    }
    arena_free(arena);
    return added;
}

void
ledger_write(const struct ledger *ledger, uint64_t since, struct json_writer *writer)
{
    uint64_t from = since < ledger->first ? ledger->first : since;

    member_open(writer, "calls", '[');
    for (uint64_t i = from; i < ledger->last && writer->length < LEDGER_PAGE_BYTES; i++) {
        const struct line *line = &ledger->lines[i - ledger->first];

        json_raw(writer, slice_make(line->text, line->length));
    }
    json_close(writer, ']');
    member_integer(writer, "last", (int64_t)ledger->last);
    member_integer(writer, "forgotten", (int64_t)ledger->first);
}

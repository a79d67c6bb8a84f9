/* HTTP requests as the simulators read them: strict enough to notice a client that writes nonsense, and no more. */
#include "simulators/request.h"

#include <event2/buffer.h>
#include <stdint.h>
#include <stdlib.h>

/* Where the head ends, behind its empty line; 0: not here yet. */
static size_t
head_length(struct evbuffer *input)
{
    struct evbuffer_ptr end = evbuffer_search(input, "\r\n\r\n", 4, NULL);

    return end.pos < 0 ? 0 : (size_t)end.pos + 4;
}

static struct slice
trimmed(struct slice text)
{
    while (text.length > 0 && (*text.data == ' ' || *text.data == '\t')) {
        text = slice_make(text.data + 1, text.length - 1);
    }
    while (text.length > 0 && (text.data[text.length - 1] == ' ' || text.data[text.length - 1] == '\t')) {
        text.length--;
    }
    return text;
}

/* Up to the next separator, which is skipped; false: there is none. */
static bool
cut_at(struct slice *rest, const char *separator, struct slice *piece)
{
    size_t length = strlen(separator);
    const char *found = memmem(rest->data, rest->length, separator, length);

    if (found == NULL) {
        return false;
    }
    *piece = slice_make(rest->data, (size_t)(found - rest->data));
    *rest = slice_make(found + length, rest->length - piece->length - length);
    return true;
}

static bool
read_request_line(struct slice line, struct simulated_request *request)
{
    struct slice rest = line;

    if (!cut_at(&rest, " ", &request->method) || !cut_at(&rest, " ", &request->target) || !slice_is(rest, "HTTP/1.1") ||
        slice_empty(request->target) || *request->target.data != '/') {
        return false;
    }
    rest = request->target;
    if (!cut_at(&rest, "?", &request->path)) {
        request->path = request->target;
        rest = (struct slice){"", 0};
    }
    request->query = rest;
    return true;
}

static bool
read_head(struct slice head, struct simulated_request *request)
{
    struct slice rest = head;
    struct slice line;

    if (!cut_at(&rest, "\r\n", &line) || !read_request_line(line, request)) {
        return false;
    }
    while (cut_at(&rest, "\r\n", &line) && !slice_empty(line)) {
        size_t i = request->header_count;

        if (i == REQUEST_HEADERS_MAX || !cut_at(&line, ":", &request->header_names[i])) {
            return false;
        }
        request->header_values[i] = trimmed(line);
        request->header_count++;
    }
    return true;
}

static bool
body_length(const struct simulated_request *request, size_t *length)
{
    struct slice text = request_header(request, "content-length");

    *length = 0;
    if (!slice_empty(request_header(request, "transfer-encoding")) || text.length > 7) {
        return false;
    }
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }
        *length = *length * 10 + (size_t)(text.data[i] - '0');
    }
    return *length <= REQUEST_BODY_BYTES_MAX;
}

bool
request_complete(struct evbuffer *input)
{
    return head_length(input) > 0 || evbuffer_get_length(input) > REQUEST_HEAD_BYTES_MAX;
}

enum request_read
request_read(struct evbuffer *input, struct arena *arena, struct simulated_request *request)
{
    size_t length = head_length(input);
    char *head = length == 0 || length > REQUEST_HEAD_BYTES_MAX ? NULL : arena_alloc(arena, length);
    char *body;
    size_t body_bytes;

    if (head == NULL || evbuffer_copyout(input, head, length) != (ev_ssize_t)length ||
        !read_head(slice_make(head, length), request) || !body_length(request, &body_bytes)) {
        return REQUEST_BROKEN;
    }
    if (evbuffer_get_length(input) < length + body_bytes) {
        return REQUEST_PARTIAL;
    }
    body = arena_alloc(arena, body_bytes + 1);
    if (body == NULL || evbuffer_drain(input, length) != 0 ||
        evbuffer_remove(input, body, body_bytes) != (int)body_bytes) {
        return REQUEST_BROKEN;
    }
    body[body_bytes] = '\0'; /* so that numbers in it can be read in place */
    request->body = slice_make(body, body_bytes);
    return REQUEST_WHOLE;
}

struct slice
request_header(const struct simulated_request *request, const char *name)
{
    for (size_t i = 0; i < request->header_count; i++) {
        if (slice_is_nocase(request->header_names[i], name)) {
            return request->header_values[i];
        }
    }
    return (struct slice){"", 0};
}

struct slice
request_parameter(const struct simulated_request *request, const char *name)
{
    struct slice rest = request->query;
    struct slice pair;

    while (!slice_empty(rest)) {
        struct slice key;

        if (!cut_at(&rest, "&", &pair)) {
            pair = rest;
            rest.length = 0;
        }
        if (cut_at(&pair, "=", &key) && slice_is(key, name)) {
            return pair;
        }
    }
    return (struct slice){"", 0};
}

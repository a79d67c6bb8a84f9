/* Reading one HTTP request out of a connection's buffer. */
#pragma once

#include "simulators/server.h"

struct evbuffer;

#define REQUEST_HEAD_BYTES_MAX ((size_t)32 * 1024)
#define REQUEST_BODY_BYTES_MAX ((size_t)1024 * 1024)
#define REQUEST_BYTES_MAX      (REQUEST_HEAD_BYTES_MAX + REQUEST_BODY_BYTES_MAX)
/* At most, of the request, its JSON tree and the answer, which may be a page of the ledger. */
#define REQUEST_ARENA_BYTES ((size_t)256 * 1024 * 1024)

enum request_read {
    REQUEST_WHOLE,
    REQUEST_PARTIAL,
    REQUEST_BROKEN, /* no HTTP that is understood here; the connection cannot be used any more */
};

/* Cheap: whether request_read may find something else than REQUEST_PARTIAL. */
bool request_complete(struct evbuffer *input);
/* Takes one request out of input, into arena. */
enum request_read request_read(struct evbuffer *input, struct arena *arena, struct simulated_request *request);

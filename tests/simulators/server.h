/* The simulators' HTTP server, on bare connections: what the tests need most is what a proper server never does, such
 * as an answer that breaks off in its middle. HTTP/1.1, Content-Length only. */
#pragma once

#include "base/arena.h"
#include "base/clock.h"
#include "base/error.h"

struct event_base;
struct server;
struct exchange;

struct server_callbacks {
    /* A connection came; false closes it before a byte is read. */
    bool (*on_accept)(void *argument);
    /* A whole request came. Whoever gets the exchange frees it, later or at once. */
    void (*on_request)(void *argument, struct exchange *exchange);
    void *argument;
};

/* A socket that listens on 127.0.0.1; port 0: any. Clients can connect from now on, and wait for a server. -1: error
 * says why. */
int server_listen(unsigned port, struct error *error);
unsigned server_socket_port(int socket);

/* Takes the socket's connections, and closes it in the end, also when it fails. */
struct server *server_new(struct event_base *base, const struct clock *clock, int socket,
                          const struct server_callbacks *callbacks, struct error *error);
/* Closes all connections. Exchanges live on, and lead nowhere. NULL is fine. */
void server_free(struct server *server);
unsigned server_port(const struct server *server);

#define REQUEST_HEADERS_MAX 64

/* Everything lives in the exchange's arena. */
struct simulated_request {
    struct slice method, target; /* target: path and query as they came */
    struct slice path, query;
    struct slice header_names[REQUEST_HEADERS_MAX], header_values[REQUEST_HEADERS_MAX];
    size_t header_count;
    struct slice body;
    int64_t monotonic_ns; /* when its last byte was read */
};

const struct simulated_request *exchange_request(const struct exchange *exchange);
struct arena *exchange_arena(struct exchange *exchange);
/* The value of the first header of that name, or the empty slice. */
struct slice request_header(const struct simulated_request *request, const char *name);
/* The value of a query parameter as it stands, or the empty slice. */
struct slice request_parameter(const struct simulated_request *request, const char *name);

struct http_reply {
    unsigned status;
    const char *content_type;
    unsigned retry_after_seconds; /* 0: no such header */
    struct slice body;
    size_t cut_at; /* so many bytes of the body go out, then the connection is closed; SIZE_MAX: all, and it is kept */
};

/* One of these three, once; the client may have gone, then they do nothing. */
void exchange_answer(struct exchange *exchange, const struct http_reply *reply);
void exchange_raw(struct exchange *exchange, struct slice bytes); /* no HTTP; the connection is closed behind them */
void exchange_cut(struct exchange *exchange);                     /* closed without a byte */
/* One that had none of the three leaves its client waiting until the client goes. */
void exchange_free(struct exchange *exchange);

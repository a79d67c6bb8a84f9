/* Connections of the simulators' HTTP server, and the exchanges on them: one at a time a connection. */
#include "simulators/server.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "simulators/request.h"

#define BACKLOG          1024
#define CONNECTIONS_MAX  8192
#define PATIENCE_SECONDS 900 /* longer than any time-out that a test gives its client */

struct connection {
    struct server *server;
    struct bufferevent *stream;
    struct exchange *exchange; /* the one under way; NULL: none, or it was left without an answer */
    bool waiting;              /* a request was taken, and not answered yet: what follows it stays unread */
    bool closing;              /* when everything is written */
    LIST_ENTRY(connection) link;
};

struct exchange {
    struct connection *connection; /* NULL: gone, or answered */
    struct arena *arena;
    struct simulated_request request;
};

struct server {
    struct event_base *base;
    const struct clock *clock;
    struct server_callbacks callbacks;
    struct evconnlistener *listener;
    unsigned port;
    size_t count;
    LIST_HEAD(, connection) connections;
};

static void
connection_free(struct connection *connection)
{
    if (connection->exchange != NULL) {
        connection->exchange->connection = NULL;
    }
    connection->server->count--;
    LIST_REMOVE(connection, link);
    bufferevent_free(connection->stream);
    free(connection);
}

/* --- requests --- */

/* The request with its arena; NULL: not whole yet, or the connection is gone. */
static struct exchange *
take_request(struct connection *connection)
{
    struct exchange *exchange = calloc(1, sizeof(*exchange));
    enum request_read read = REQUEST_BROKEN;

    if (exchange != NULL) {
        exchange->arena = arena_new(NULL, REQUEST_ARENA_BYTES);
    }
    if (exchange != NULL && exchange->arena != NULL) {
        read = request_read(bufferevent_get_input(connection->stream), exchange->arena, &exchange->request);
    }
    if (read == REQUEST_WHOLE) {
        exchange->request.monotonic_ns = clock_monotonic_ns(connection->server->clock);
        exchange->connection = connection;
        return exchange;
    }
    exchange_free(exchange);
    if (read == REQUEST_BROKEN) {
        connection_free(connection);
    }
    return NULL;
}

static void
on_readable(struct bufferevent *stream, void *argument)
{
    struct connection *connection = argument;
    struct server *server = connection->server;
    struct exchange *exchange;

    (void)stream;
    if (connection->waiting || connection->closing || !request_complete(bufferevent_get_input(stream))) {
        return;
    }
    exchange = take_request(connection);
    if (exchange == NULL) {
        return;
    }
    connection->exchange = exchange;
    connection->waiting = true;
    server->callbacks.on_request(server->callbacks.argument, exchange);
}

static void
on_written(struct bufferevent *stream, void *argument)
{
    struct connection *connection = argument;

    if (connection->closing && evbuffer_get_length(bufferevent_get_output(stream)) == 0) {
        connection_free(connection);
    }
}

static void
on_event(struct bufferevent *stream, short what, void *argument)
{
    struct connection *connection = argument;

    (void)stream;
    if ((what & (BEV_EVENT_EOF | BEV_EVENT_ERROR | BEV_EVENT_TIMEOUT)) != 0) {
        connection_free(connection);
    }
}

static void
on_connection(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address, int length, void *argument)
{
    static const struct timeval patience = {.tv_sec = PATIENCE_SECONDS};
    struct server *server = argument;
    struct connection *connection;

    (void)listener;
    (void)address;
    (void)length;
    connection = NULL;
    if (server->count < CONNECTIONS_MAX && server->callbacks.on_accept(server->callbacks.argument)) {
        connection = calloc(1, sizeof(*connection));
    }
    if (connection != NULL) {
        /* Deferred, so that an answer out of a callback never frees the connection under its own feet. */
        connection->stream = bufferevent_socket_new(server->base, fd, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
    }
    if (connection == NULL || connection->stream == NULL) {
        free(connection);
        (void)evutil_closesocket(fd);
        return;
    }
    connection->server = server;
    server->count++;
    LIST_INSERT_HEAD(&server->connections, connection, link);
    bufferevent_setcb(connection->stream, on_readable, on_written, on_event, connection);
    bufferevent_setwatermark(connection->stream, EV_READ, 0, REQUEST_BYTES_MAX);
    if (bufferevent_set_timeouts(connection->stream, &patience, &patience) != 0 ||
        bufferevent_enable(connection->stream, EV_READ | EV_WRITE) != 0) {
        connection_free(connection);
    }
}

/* Out of file descriptors: libevent would call again at once. Better a test that fails than one that spins. */
static void
on_accept_error(struct evconnlistener *listener, void *argument)
{
    (void)argument;
    fprintf(stderr, "simulator: cannot take connections any more: %s\n", strerror(errno));
    (void)evconnlistener_disable(listener);
}

/* --- answers --- */

/* The connection of an exchange that is to be answered now; NULL: the client has gone. */
static struct connection *
detach(struct exchange *exchange)
{
    struct connection *connection = exchange->connection;

    exchange->connection = NULL;
    if (connection != NULL) {
        connection->exchange = NULL;
    }
    return connection;
}

/* Whatever cannot be written for want of memory ends the connection: the client sees a cut. */
static void
sent(struct connection *connection, bool written, bool close)
{
    if (!written) {
        connection_free(connection);
        return;
    }
    connection->waiting = false;
    connection->closing = close;
    if (!close) {
        bufferevent_trigger(connection->stream, EV_READ, 0);
    }
}

void
exchange_answer(struct exchange *exchange, const struct http_reply *reply)
{
    struct connection *connection = detach(exchange);
    struct evbuffer *output = connection == NULL ? NULL : bufferevent_get_output(connection->stream);
    bool close = reply->cut_at < reply->body.length ||
                 slice_is_nocase(request_header(&exchange->request, "connection"), "close");
    size_t length = reply->cut_at < reply->body.length ? reply->cut_at : reply->body.length;
    bool written;

    if (connection == NULL) {
        return;
    }
    written = evbuffer_add_printf(output, "HTTP/1.1 %u Simulated\r\nContent-Type: %s\r\nContent-Length: %zu\r\n",
                                  reply->status, reply->content_type, reply->body.length) > 0;
    if (reply->retry_after_seconds > 0) {
        written = evbuffer_add_printf(output, "Retry-After: %u\r\n", reply->retry_after_seconds) > 0 && written;
    }
    written = evbuffer_add_printf(output, "%s\r\n", close ? "Connection: close\r\n" : "") > 0 && written;
    written = evbuffer_add(output, reply->body.data, length) == 0 && written;
    sent(connection, written, close);
}

void
exchange_raw(struct exchange *exchange, struct slice bytes)
{
    struct connection *connection = detach(exchange);

    if (connection != NULL) {
        sent(connection, evbuffer_add(bufferevent_get_output(connection->stream), bytes.data, bytes.length) == 0, true);
    }
}

void
exchange_cut(struct exchange *exchange)
{
    struct connection *connection = detach(exchange);

    if (connection != NULL) {
        connection_free(connection);
    }
}

void
exchange_free(struct exchange *exchange)
{
    if (exchange != NULL) {
        (void)detach(exchange);
        arena_free(exchange->arena);
        free(exchange);
    }
}

const struct simulated_request *
exchange_request(const struct exchange *exchange)
{
    return &exchange->request;
}

struct arena *
exchange_arena(struct exchange *exchange)
{
    return exchange->arena;
}

/* --- server --- */

unsigned
server_socket_port(int socket)
{
    struct sockaddr_in bound = {0};
    socklen_t length = sizeof(bound);

    return getsockname(socket, (struct sockaddr *)&bound, &length) == 0 ? ntohs(bound.sin_port) : 0;
}

int
server_listen(unsigned port, struct error *error)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int listening = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int one = 1;

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (listening >= 0 && setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == 0 &&
        bind(listening, (struct sockaddr *)&to, sizeof(to)) == 0 && listen(listening, BACKLOG) == 0) {
        return listening;
    }
    (void)error_set(error, "a simulator cannot listen on 127.0.0.1 port %u: %s; choose another port", port,
                    strerror(errno));
    if (listening >= 0) {
        (void)close(listening);
    }
    return -1;
}

struct server *
server_new(struct event_base *base, const struct clock *clock, int socket, const struct server_callbacks *callbacks,
           struct error *error)
{
    struct server *server = calloc(1, sizeof(*server));

    if (server != NULL) {
        server->base = base;
        server->clock = clock;
        server->callbacks = *callbacks;
        LIST_INIT(&server->connections);
        /* Backlog 0: it listens already. */
        server->listener =
            evconnlistener_new(base, on_connection, server, LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_CLOSE_ON_FREE, 0, socket);
    }
    if (server == NULL || server->listener == NULL) {
        (void)error_set(error, "out of memory for a simulator");
        (void)close(socket);
        free(server);
        return NULL;
    }
    evconnlistener_set_error_cb(server->listener, on_accept_error);
    server->port = server_socket_port(socket);
    return server;
}

void
server_free(struct server *server)
{
    struct connection *connection;
    struct connection *next;

    if (server == NULL) {
        return;
    }
    evconnlistener_free(server->listener);
    for (connection = LIST_FIRST(&server->connections); connection != NULL; connection = next) {
        next = LIST_NEXT(connection, link);
        connection_free(connection);
    }
    free(server);
}

unsigned
server_port(const struct server *server)
{
    return server->port;
}

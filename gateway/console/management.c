/* The management port, on libevent's own HTTP server: it is asked a few times a minute, and shares nothing with the
 * engine that serves the vendors. */
#include "console/management.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/address.h"

#define TIMEOUT_SECONDS 10
#define HEAD_BYTES_MAX  8192
#define BODY_BYTES_MAX  1024
#define BACKLOG         64
#define TEXT_TYPE       "text/plain; charset=utf-8"
#define METRICS_TYPE    "text/plain; version=0.0.4; charset=utf-8"
#define JANITOR_SECONDS 1

struct management {
    struct evhttp *http;
    struct evconnlistener *listener; /* http's, once bound */
    struct event *janitor;           /* takes connections again after accept failed */
    unsigned port;
    struct metrics *metrics;
    void (*readiness)(void *argument, struct readiness *readiness);
    void *argument;
};

static void
reply(struct evhttp_request *request, int status, const char *type, const char *text, size_t length)
{
    struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
    struct evbuffer *body = evhttp_request_get_output_buffer(request);
    size_t sent = evhttp_request_get_command(request) == EVHTTP_REQ_HEAD ? 0 : length;
    char length_text[24];

    /* libevent would not tell the length in the answer to a HEAD. */
    (void)snprintf(length_text, sizeof length_text, "%zu", length);
    if (evhttp_add_header(headers, "Content-Type", type) != 0 ||
        evhttp_add_header(headers, "Content-Length", length_text) != 0 ||
        evhttp_add_header(headers, "Cache-Control", "no-store") != 0 || evbuffer_add(body, text, sent) != 0) {
        evhttp_send_error(request, HTTP_INTERNAL, NULL);
        return;
    }
    evhttp_send_reply(request, status, NULL, NULL);
}

static void
reply_text(struct evhttp_request *request, int status, const char *text)
{
    reply(request, status, TEXT_TYPE, text, strlen(text));
}

static void
serve_livez(struct evhttp_request *request, struct management *management)
{
    (void)management;
    reply_text(request, HTTP_OK, "ok\n");
}

static void
serve_readyz(struct evhttp_request *request, struct management *management)
{
    struct readiness readiness = {false, ""};
    char text[sizeof readiness.reason + 1];

    management->readiness(management->argument, &readiness);
    (void)snprintf(text, sizeof text, "%s\n", readiness.reason);
    reply_text(request, readiness.ready ? HTTP_OK : HTTP_SERVUNAVAIL, text);
}

static void
serve_metrics(struct evhttp_request *request, struct management *management)
{
    size_t length = 0;
    char *page = metrics_print(management->metrics, &length);

    if (page == NULL) {
        reply_text(request, HTTP_SERVUNAVAIL, "out of memory\n");
    } else {
        reply(request, HTTP_OK, METRICS_TYPE, page, length);
    }
    free(page);
}

static const struct {
    const char *path;
    void (*serve)(struct evhttp_request *request, struct management *management);
} routes[] = {
    {"/livez", serve_livez},
    {"/readyz", serve_readyz},
    {"/metrics", serve_metrics},
};

static void
on_request(struct evhttp_request *request, void *argument)
{
    struct management *management = argument;
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
    const char *path = uri == NULL ? NULL : evhttp_uri_get_path(uri);
    enum evhttp_cmd_type method = evhttp_request_get_command(request);

    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        if (path == NULL || strcmp(path, routes[i].path) != 0) {
            continue;
        }
        if (method == EVHTTP_REQ_GET || method == EVHTTP_REQ_HEAD) {
            routes[i].serve(request, management);
            return;
        }
        (void)evhttp_add_header(evhttp_request_get_output_headers(request), "Allow", "GET, HEAD");
        reply_text(request, HTTP_BADMETHOD, "only GET and HEAD are served here\n");
        return;
    }
    reply_text(request, HTTP_NOTFOUND, "not found; there are /livez, /readyz and /metrics\n");
}

/* Out of file descriptors: the waiting connection would wake the loop again and again. The argument is not ours but
 * evhttp's, which has bound the listener; so the janitor looks after the end of the pause. */
static void
on_accept_error(struct evconnlistener *listener, void *argument)
{
    (void)argument;
    (void)evconnlistener_disable(listener);
}

static void
on_janitor(evutil_socket_t unused, short events, void *argument)
{
    struct management *management = argument;

    (void)unused;
    (void)events;
    (void)evconnlistener_enable(management->listener);
}

union socket_address {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
};

/* Returns the length of the member that is filled. */
static int
fill_socket_address(const struct address *address, unsigned port, union socket_address *to)
{
    char text[ADDRESS_TEXT_BYTES];
    bool v6 = memchr(text, ':', address_format(address, text)) != NULL;

    memset(to, 0, sizeof *to);
    if (v6) {
        to->in6.sin6_family = AF_INET6;
        to->in6.sin6_port = htons((uint16_t)port);
        memcpy(&to->in6.sin6_addr, address->bytes, sizeof to->in6.sin6_addr);
        return (int)sizeof to->in6;
    }
    to->in.sin_family = AF_INET;
    to->in.sin_port = htons((uint16_t)port);
    memcpy(&to->in.sin_addr, address->bytes + sizeof address->bytes - sizeof to->in.sin_addr, sizeof to->in.sin_addr);
    return (int)sizeof to->in;
}

static unsigned
bound_port(struct evconnlistener *listener)
{
    union socket_address bound;
    socklen_t length = sizeof bound;

    memset(&bound, 0, sizeof bound);
    if (getsockname(evconnlistener_get_fd(listener), &bound.any, &length) != 0) {
        return 0;
    }
    return ntohs(bound.any.sa_family == AF_INET6 ? bound.in6.sin6_port : bound.in.sin_port);
}

static bool
bind_port(struct management *management, struct event_base *base, struct slice text, unsigned port, struct error *error)
{
    struct address address;
    union socket_address to;

    if (!address_parse(text, &address) || port > UINT16_MAX) {
        return error_set(error, "management address \"%.*s\" port %u: write an IP address, and a port up to 65535",
                         SLICE_ARGS(text), port);
    }
    int length = fill_socket_address(&address, port, &to);
    struct evconnlistener *listener = evconnlistener_new_bind(
        base, NULL, NULL, LEV_OPT_REUSEABLE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_CLOSE_ON_FREE, BACKLOG, &to.any, length);
    if (listener == NULL) {
        return error_set(error, "cannot listen on management address %.*s port %u: %s; choose another port or address",
                         SLICE_ARGS(text), port, strerror(errno));
    }
    if (evhttp_bind_listener(management->http, listener) == NULL) {
        evconnlistener_free(listener);
        return error_set(error, "out of memory for the management port");
    }
    static const struct timeval period = {.tv_sec = JANITOR_SECONDS};
    if (event_add(management->janitor, &period) != 0) {
        return error_set(error, "out of memory for the management port");
    }
    management->listener = listener;
    management->port = bound_port(listener);
    evconnlistener_set_error_cb(listener, on_accept_error);
    return true;
}

static bool
start_http(struct management *management, struct event_base *base)
{
    management->http = evhttp_new(base);
    management->janitor = event_new(base, -1, EV_PERSIST, on_janitor, management);
    if (management->http == NULL || management->janitor == NULL) {
        return false;
    }
    evhttp_set_timeout(management->http, TIMEOUT_SECONDS);
    evhttp_set_max_headers_size(management->http, HEAD_BYTES_MAX);
    evhttp_set_max_body_size(management->http, BODY_BYTES_MAX);
    /* All of them, so that the answer to a wrong one is ours. */
    evhttp_set_allowed_methods(management->http, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD | EVHTTP_REQ_PUT |
                                                     EVHTTP_REQ_DELETE | EVHTTP_REQ_OPTIONS | EVHTTP_REQ_TRACE |
                                                     EVHTTP_REQ_CONNECT | EVHTTP_REQ_PATCH);
    evhttp_set_gencb(management->http, on_request, management);
    return true;
}

struct management *
management_new(struct event_base *base, struct slice address, unsigned port, struct metrics *metrics,
               void (*readiness)(void *argument, struct readiness *readiness), void *argument, struct error *error)
{
    struct management *management = calloc(1, sizeof *management);

    if (management == NULL) {
        (void)error_set(error, "out of memory for the management port");
        return NULL;
    }
    management->metrics = metrics;
    management->readiness = readiness;
    management->argument = argument;
    if (!start_http(management, base)) {
        (void)error_set(error, "out of memory for the management port");
        management_free(management);
        return NULL;
    }
    if (!bind_port(management, base, address, port, error)) {
        management_free(management);
        return NULL;
    }
    return management;
}

unsigned
management_port(const struct management *management)
{
    return management->port;
}

void
management_free(struct management *management)
{
    if (management == NULL) {
        return;
    }
    if (management->http != NULL) {
        evhttp_free(management->http);
    }
    if (management->janitor != NULL) {
        event_free(management->janitor);
    }
    free(management);
}

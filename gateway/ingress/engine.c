/* The only file that knows libevhtp (1.2.18).
 *
 * Its parser is not fit for what clients send: it misreads request lines that come in two pieces, takes ambiguous
 * framing, and closes without an answer. Therefore our callbacks stand in front of the library's on each connection,
 * and it is called with a synthetic head, alone in the input. Pausing, which the library needs to keep pipelined
 * requests apart, is then not needed either: it would cost two system calls a request. TLS, too, is ours: the library
 * has it only with buffers that lose half-closed connections. */
#include "ingress/engine.h"

#include <errno.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <evhtp/evhtp.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/tls.h"
#include "ingress/seal.h"
#include "ingress/spare.h"
#include "ingress/turns.h"

#define BACKLOG          4096
#define EXHAUSTED_PAUSE  100000 /* microseconds */
#define ACCEPTED_AT_ONCE 32     /* connections; then others have their turn */

static const char synthetic_head[] = "POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n";

/* One socket that is accepted from. */
struct door {
    evhtp_t *evhtp;
    bool shared;
    struct door *next;
};

struct engine {
    struct event_base *base;
    struct door *doors;
    bool stopped; /* nothing is accepted any more */
    size_t input_bytes;
    const struct engine_handlers *handlers;
    void *argument;
    struct evbuffer *aside; /* pipelined input, while the library looks at a synthetic head */
    struct event *pause;    /* ends one in accepting */
    unsigned accepted;      /* so far */
    struct event *later;    /* gives links that have yielded their turn */
    struct turns turns;     /* those links */
    struct link *beginning; /* that the library works on: its request begins or ends */
};

struct link {
    struct engine *engine;
    evhtp_connection_t *connection;
    evhtp_request_t *request; /* begun and not over */
    struct bufferevent *buffer;
    bufferevent_data_cb library_read, library_write;
    void *owner;
    bool answered;     /* the request is over once the output is flushed */
    bool parting;      /* the output ends once it is flushed */
    struct seal *seal; /* NULL: it is without TLS */
    struct turn turn;  /* waits when it has yielded */
};

/* The library's write callback ends the answered request and makes its parser ready for the next. */
static bool
end_request(struct link *link)
{
    struct engine *engine = link->engine;
    bool alive;

    link->answered = false;
    link->request = NULL;
    engine->beginning = link;
    link->library_write(link->buffer, link->connection);
    alive = engine->beginning != NULL; /* else the library has closed it */
    engine->beginning = NULL;
    return alive;
}

static void
handshake_failed(struct link *link, const char *reason, bool gone)
{
    struct handshake_fault fault = {reason, !gone && tls_met_plain_http(seal_session(link->seal)), gone};

    seal_free(link->seal);
    link->seal = NULL;
    link->engine->handlers->on_handshake_failed(link->owner, &fault);
}

static void
on_sealed_read(struct link *link)
{
    const struct engine_handlers *handlers = link->engine->handlers;
    struct error error = {{0}};

    switch (seal_on_read(link->seal, &error)) {
    case SEAL_NOTHING:
        break;
    case SEAL_INPUT:
        handlers->on_input(link->owner);
        break;
    case SEAL_END:
        handlers->on_end(link->owner, false);
        break;
    case SEAL_BREAK:
        handlers->on_end(link->owner, true);
        break;
    case SEAL_FAILED:
        handshake_failed(link, error.text, false);
        break;
    }
}

static void
on_read(struct bufferevent *buffer, void *argument)
{
    struct link *link = argument;

    (void)buffer;
    if (link->seal != NULL) {
        on_sealed_read(link);
    } else {
        link->engine->handlers->on_input(link->owner);
    }
}

static void
on_write(struct bufferevent *buffer, void *argument)
{
    struct link *link = argument;
    const struct engine_handlers *handlers = link->engine->handlers;
    void *owner = link->owner;

    (void)buffer;
    if (link->parting) {
        link_end_output(link);
    }
    if (link->answered && !end_request(link)) {
        handlers->on_gone(owner);
        return;
    }
    handlers->on_flushed(owner);
}

static void
on_event(struct bufferevent *buffer, short what, void *argument)
{
    struct link *link = argument;
    bool broken = (what & BEV_EVENT_ERROR) != 0;

    (void)buffer;
    if (!link_ready(link) && tls_begun(link_session(link))) {
        handshake_failed(link, "the client hung up in the middle of it", true);
    } else if (link->seal != NULL && link_ready(link) && !broken) {
        seal_on_hang_up(link->seal);
    } else {
        link->engine->handlers->on_end(link->owner, broken);
    }
}

/* --- turns --- */

void
link_yield(struct link *link)
{
    turns_wait(&link->engine->turns, &link->turn);
    event_active(link->engine->later, EV_TIMEOUT, 0);
}

static struct link *
link_of(struct turn *turn)
{
    return (struct link *)(void *)((char *)turn - offsetof(struct link, turn));
}

/* One at a time: the loop looks for what is more urgent in between. */
static void
on_later(evutil_socket_t fd, short what, void *argument)
{
    struct engine *engine = argument;
    struct turn *turn = turns_take(&engine->turns);

    (void)fd;
    (void)what;
    if (turn != NULL) {
        engine->handlers->on_input(link_of(turn)->owner);
    }
    if (engine->turns.first != NULL) {
        event_active(engine->later, EV_TIMEOUT, 0);
    }
}

/* It fails while such an event waits to be served: then it is as it was until the next time. */
void
link_stand_back(struct link *link, bool back)
{
    (void)bufferevent_priority_set(link->buffer, back ? ENGINE_PRIORITY_BACK : ENGINE_PRIORITY_USUAL);
}

/* Called by the library when it frees a connection, whoever asked for it. */
static evhtp_res
on_connection_end(evhtp_connection_t *connection, void *argument)
{
    struct link *link = argument;

    (void)connection;
    if (link->engine->beginning == link) {
        link->engine->beginning = NULL;
    }
    turns_leave(&link->engine->turns, &link->turn);
    seal_free(link->seal);
    free(link);
    return EVHTP_RES_OK;
}

/* Whoever waits to be accepted waits in the kernel meanwhile. */
static void
pause_accepting(struct engine *engine, struct evconnlistener *listener, const struct timeval *pause)
{
    if (evtimer_add(engine->pause, pause) == 0) {
        evconnlistener_disable(listener);
    }
}

static void
give_up_for_now(struct engine *engine, struct evconnlistener *listener, int error)
{
    static const struct timeval pause = {.tv_usec = EXHAUSTED_PAUSE};

    pause_accepting(engine, listener, &pause);
    engine->handlers->on_exhausted(engine->argument, error);
}

static evhtp_res
on_accept(evhtp_connection_t *connection, void *argument)
{
    static const struct timeval breath = {0};
    struct engine *engine = argument;
    struct link *link = calloc(1, sizeof *link);
    bufferevent_event_cb library_event;
    void *library_argument;

    if (!spare_fill_for_connection()) {
        give_up_for_now(engine, connection->htp->server, ENOMEM);
    } else if (++engine->accepted % ACCEPTED_AT_ONCE == 0) {
        pause_accepting(engine, connection->htp->server, &breath);
    }
    if (link == NULL) {
        return EVHTP_RES_FATAL;
    }
    if (evhtp_connection_set_hook(connection, evhtp_hook_on_connection_fini, (evhtp_hook)on_connection_end, link) !=
        0) {
        free(link);
        return EVHTP_RES_FATAL;
    }
    link->engine = engine;
    link->connection = connection;
    link->buffer = connection->bev;
    bufferevent_getcb(link->buffer, &link->library_read, &link->library_write, &library_event, &library_argument);
    bufferevent_setcb(link->buffer, on_read, on_write, on_event, link);
    bufferevent_setwatermark(link->buffer, EV_READ, 0, engine->input_bytes);
    engine->handlers->on_accept(engine->argument, link, connection->saddr);
    return EVHTP_RES_OK;
}

/* Before the library makes the connection's buffers, which it takes for granted. */
static evhtp_res
on_pre_accept(evhtp_connection_t *connection, void *argument)
{
    (void)connection, (void)argument;
    return spare_fill() ? EVHTP_RES_OK : EVHTP_RES_ERROR;
}

/* The request's own callback: it only notes that the library has made the request. */
static void
on_request(evhtp_request_t *request, void *argument)
{
    struct engine *engine = argument;

    engine->beginning->request = request;
}

static void
on_exhausted(struct evconnlistener *listener, void *argument)
{
    const evhtp_t *evhtp = argument; /* the listener's own argument */

    give_up_for_now(evhtp->arg, listener, errno);
}

static void
on_pause_over(evutil_socket_t fd, short what, void *argument)
{
    static const struct timeval pause = {.tv_usec = EXHAUSTED_PAUSE};
    struct engine *engine = argument;

    (void)fd;
    (void)what;
    if (!spare_fill_for_connection() && evtimer_add(engine->pause, &pause) == 0) {
        return;
    }
    for (struct door *door = engine->doors; door != NULL && !engine->stopped; door = door->next) {
        if (evconnlistener_enable(door->evhtp->server) != 0) {
            (void)evtimer_add(engine->pause, &pause); /* its memory is there already */
        }
    }
}

void
engine_use_spares(void)
{
    evhtp_set_mem_functions(spare_allocate, spare_resize, free);
}

struct engine *
engine_new(struct event_base *base, size_t input_bytes, const struct engine_handlers *handlers, void *argument)
{
    struct engine *engine = calloc(1, sizeof *engine);

    if (engine == NULL) {
        return NULL;
    }
    engine->base = base;
    engine->input_bytes = input_bytes;
    engine->handlers = handlers;
    engine->argument = argument;
    engine->aside = evbuffer_new();
    engine->pause = evtimer_new(base, on_pause_over, engine);
    engine->later = evtimer_new(base, on_later, engine);
    if (engine->aside == NULL || engine->pause == NULL || engine->later == NULL ||
        event_priority_set(engine->later, ENGINE_PRIORITY_BACK) != 0) {
        engine_free(engine);
        return NULL;
    }
    return engine;
}

/* The library listens on one socket for each of its servers. */
bool
engine_listen(struct engine *engine, int fd, bool shared, struct error *error)
{
    struct door *door = calloc(1, sizeof *door);
    evhtp_t *evhtp = door == NULL ? NULL : evhtp_new(engine->base, engine);

    if (evhtp == NULL) {
        free(door);
        return error_set(error, "out of memory");
    }
    evhtp_set_gencb(evhtp, on_request, engine);
    evhtp_set_pre_accept_cb(evhtp, on_pre_accept, engine);
    evhtp_set_post_accept_cb(evhtp, on_accept, engine);
    if (evhtp_accept_socket(evhtp, fd, BACKLOG) != 0) {
        evhtp_free(evhtp);
        free(door);
        return error_set(error, "cannot listen: %s", strerror(errno));
    }
    evconnlistener_set_error_cb(evhtp->server, on_exhausted);
    *door = (struct door){evhtp, shared, engine->doors};
    engine->doors = door;
    return true;
}

/* A shared socket is not closed while the loop runs: with its changelist, epoll would go on telling of a socket that
 * lives on under other descriptors. */
void
engine_stop_listening(struct engine *engine)
{
    for (struct door *door = engine->doors; door != NULL && !engine->stopped; door = door->next) {
        if (door->shared) {
            evconnlistener_disable(door->evhtp->server);
        } else {
            evhtp_unbind_socket(door->evhtp);
        }
    }
    engine->stopped = true;
}

void
engine_free(struct engine *engine)
{
    if (engine == NULL) {
        return;
    }
    while (engine->doors != NULL) {
        struct door *door = engine->doors;

        engine->doors = door->next;
        evhtp_unbind_socket(door->evhtp);
        evhtp_free(door->evhtp);
        free(door);
    }
    if (engine->aside != NULL) {
        evbuffer_free(engine->aside);
    }
    if (engine->pause != NULL) {
        event_free(engine->pause);
    }
    if (engine->later != NULL) {
        event_free(engine->later);
    }
    free(engine);
}

void
link_own(struct link *link, void *owner)
{
    link->owner = owner;
}

/* Tries the socket at once: an answer that fits, as nearly all do, costs one system call and no event. */
static bool
send_now(void *argument, struct slice bytes)
{
    struct link *link = argument;
    size_t sent = 0;

    if (link_flushed(link)) {
        ssize_t result = send(link->connection->sock, bytes.data, bytes.length, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (result < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
            return false;
        }
        sent = result < 0 ? 0 : (size_t)result;
    }
    return sent == bytes.length || bufferevent_write(link->buffer, bytes.data + sent, bytes.length - sent) == 0;
}

bool
link_secure(struct link *link, const struct tls_context *context)
{
    link->seal = seal_new(context, link->buffer, link->engine->input_bytes, send_now, link);
    return link->seal != NULL;
}

bool
link_ready(const struct link *link)
{
    return link->seal == NULL || seal_ready(link->seal);
}

const struct tls_session *
link_session(const struct link *link)
{
    return link->seal == NULL ? NULL : seal_session(link->seal);
}

struct evbuffer *
link_input(struct link *link)
{
    return link->seal == NULL ? bufferevent_get_input(link->buffer) : seal_input(link->seal);
}

bool
link_input_waits(const struct link *link)
{
    char byte;

    return recv(link->connection->sock, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 1;
}

bool
link_begin(struct link *link)
{
    struct engine *engine = link->engine;
    struct evbuffer *input = bufferevent_get_input(link->buffer);

    if (!spare_fill()) {
        link_close(link);
        return false;
    }
    if (evbuffer_add_buffer(engine->aside, input) != 0 ||
        evbuffer_prepend(input, synthetic_head, sizeof synthetic_head - 1) != 0) {
        evbuffer_drain(engine->aside, evbuffer_get_length(engine->aside));
        link_close(link);
        return false;
    }
    engine->beginning = link;
    link->library_read(link->buffer, link->connection);
    if (engine->beginning == NULL) { /* the library has closed it */
        evbuffer_drain(engine->aside, evbuffer_get_length(engine->aside));
        return false;
    }
    engine->beginning = NULL;
    if (link->request == NULL || evbuffer_prepend_buffer(input, engine->aside) != 0) {
        evbuffer_drain(engine->aside, evbuffer_get_length(engine->aside));
        link_close(link);
        return false;
    }
    return true;
}

bool
link_finish(struct link *link)
{
    evhtp_send_reply_end(link->request);
    link->answered = true;
    return !link_flushed(link) || end_request(link);
}

bool
link_write(struct link *link, struct slice bytes)
{
    return link->seal == NULL ? send_now(link, bytes) : seal_write(link->seal, bytes);
}

bool
link_flushed(const struct link *link)
{
    return evbuffer_get_length(bufferevent_get_output(link->buffer)) == 0;
}

/* Over TLS the client is told twice: by TLS, and by the socket. */
void
link_end_output(struct link *link)
{
    if (link->seal != NULL) {
        seal_end(link->seal);
    }
    link->parting = !link_flushed(link);
    if (!link->parting) {
        /* Fails only when the client is gone, which the next read tells. */
        (void)shutdown(link->connection->sock, SHUT_WR);
    }
}

void
link_close(struct link *link)
{
    if (link->seal != NULL) {
        seal_end(link->seal);
    }
    evhtp_connection_free(link->connection);
}

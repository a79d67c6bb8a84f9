/* The engine's side of a connection: our callbacks in front of the library's, and the way from a whole request to its
 * answer. */
#include <errno.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/tls.h"
#include "ingress/engine_state.h"
#include "ingress/seal.h"
#include "ingress/spare.h"

static const char synthetic_head[] = "POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n";

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

/* Who stands back waits for a turn. */
static void
tell_input(struct link *link)
{
    if (link->back) {
        link_yield(link);
    } else {
        link->engine->handlers->on_input(link->owner);
    }
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
        tell_input(link);
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
        tell_input(link);
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

void
link_take_turn(struct turn *turn)
{
    const struct link *link = (const struct link *)(void *)((char *)turn - offsetof(struct link, turn));

    link->engine->handlers->on_input(link->owner);
}

/* Not by the priority of the buffer's events: libevent does not mind whether the one that it defers is queued already,
 * and loses track of its queues. */
void
link_stand_back(struct link *link, bool back)
{
    link->back = back;
}

/* Nothing more is read while the input is full. Not by libevent's watermark: of an input that stays full it would tell
 * in every turn of the loop, before all who wait for theirs. */
static void
on_input_changed(struct evbuffer *input, const struct evbuffer_cb_info *info, void *argument)
{
    struct link *link = argument;
    bool full = evbuffer_get_length(input) >= link->input_bytes;

    (void)info;
    if (full && (bufferevent_get_enabled(link->buffer) & EV_READ) != 0) {
        link->full = bufferevent_disable(link->buffer, EV_READ) == 0;
    } else if (!full && link->full) {
        link->full = bufferevent_enable(link->buffer, EV_READ) != 0;
    }
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
    (void)evbuffer_remove_cb(bufferevent_get_input(link->buffer), on_input_changed, link);
    free(link);
    return EVHTP_RES_OK;
}

struct link *
link_new(struct engine *engine, evhtp_connection_t *connection)
{
    struct link *link = calloc(1, sizeof *link);
    bufferevent_event_cb library_event;
    void *library_argument;

    if (link == NULL) {
        return NULL;
    }
    if (evbuffer_add_cb(bufferevent_get_input(connection->bev), on_input_changed, link) == NULL) {
        free(link);
        return NULL;
    }
    if (evhtp_connection_set_hook(connection, evhtp_hook_on_connection_fini, (evhtp_hook)on_connection_end, link) !=
        0) {
        (void)evbuffer_remove_cb(bufferevent_get_input(connection->bev), on_input_changed, link);
        free(link);
        return NULL;
    }
    link->engine = engine;
    link->connection = connection;
    link->buffer = connection->bev;
    bufferevent_getcb(link->buffer, &link->library_read, &link->library_write, &library_event, &library_argument);
    bufferevent_setcb(link->buffer, on_read, on_write, on_event, link);
    link->input_bytes = engine->input_bytes;
    return link;
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
    link->input_bytes = SEAL_INPUT_BYTES;
    return link->seal != NULL;
}

bool
link_ready(const struct link *link)
{
    return link->seal == NULL || seal_ready(link->seal);
}

struct tls_session *
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

    return link->turn.next != NULL || recv(link->connection->sock, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 1;
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

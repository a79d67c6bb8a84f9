/* Accepting, and the turns of those who are accepted. This and link.c are the only files that know libevhtp (1.2.18).
 *
 * Its parser is not fit for what clients send: it misreads request lines that come in two pieces, takes ambiguous
 * framing, and closes without an answer. Therefore our callbacks stand in front of the library's on each connection,
 * and it is called with a synthetic head, alone in the input. Pausing, which the library needs to keep pipelined
 * requests apart, is then not needed either: it would cost two system calls a request. TLS, too, is ours: the library
 * has it only with buffers that lose half-closed connections. */
#include <errno.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <stdlib.h>

#include "ingress/engine_state.h"
#include "ingress/spare.h"

#define BACKLOG          4096
#define EXHAUSTED_PAUSE  100000 /* microseconds */
#define ACCEPTED_AT_ONCE 32     /* connections; then others have their turn */

/* One at a time: the loop looks for what is more urgent in between. */
static void
on_later(evutil_socket_t fd, short what, void *argument)
{
    struct engine *engine = argument;
    struct turn *turn = turns_take(&engine->turns);

    (void)fd;
    (void)what;
    if (turn != NULL) {
        link_take_turn(turn);
    }
    if (engine->turns.first != NULL) {
        event_active(engine->later, EV_TIMEOUT, 0);
    }
}

/* --- accepting --- */

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
    struct link *link = link_new(engine, connection);

    if (!spare_fill_for_connection()) {
        give_up_for_now(engine, connection->htp->server, ENOMEM);
    } else if (++engine->accepted % ACCEPTED_AT_ONCE == 0) {
        pause_accepting(engine, connection->htp->server, &breath);
    }
    if (link == NULL) {
        return EVHTP_RES_FATAL;
    }
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

/* The HTTP engine, libevhtp behind one header. It accepts connections and runs each one's life, one request at a time.
 * It never sees a byte that a client sent: when a request is whole, the engine is given a head of our own for it. */
#pragma once

#include "base/error.h"
#include "base/slice.h"

struct engine;
struct event_base;
struct evbuffer;
struct link; /* the engine's side of one connection */
struct sockaddr;
struct tls_context;
struct tls_session;

/* Why the handshake of TLS came to nothing. */
struct handshake_fault {
    const char *reason; /* in words for the log */
    bool plain_http;    /* the client knows nothing of TLS: from now on the link is one without */
    bool gone;          /* there is nobody to be told any more; else the client has been, as far as TLS allows */
};

/* Whom the engine calls, on its loop. */
struct engine_handlers {
    /* A connection has come: link_own() it, or link_close() it. */
    void (*on_accept)(void *argument, struct link *link, const struct sockaddr *peer);
    /* No connection can be accepted for want of descriptors; the engine pauses for a moment. */
    void (*on_exhausted)(void *argument, int error);
    void (*on_input)(void *owner);            /* there is more in link_input() */
    void (*on_flushed)(void *owner);          /* what link_write() could not send at once has gone out */
    void (*on_end)(void *owner, bool broken); /* the client sends no more (it may still read), or is gone */
    void (*on_gone)(void *owner);             /* the link is closed already, for want of memory */
    /* Instead of on_input. Where the client is not gone, what it still sends is told by on_input, and is worth nothing.
     */
    void (*on_handshake_failed)(void *owner, const struct handshake_fault *fault);
};

/* Of the loop's events: the turns of links that stand back or have yielded come last, when there is nothing else to do.
 * The loop looks for others at least so often. */
#define ENGINE_PRIORITIES    3
#define ENGINE_PRIORITY_BACK 2    /* the usual is libevent's, 1 of three */
#define ENGINE_LOOK_UP       1000 /* microseconds */

/* libevhtp and libevent have their memory by spare.h from now on; before threads use them. Whose thread runs a loop
 * with an engine fills its spares before, and drops them afterwards. */
void engine_use_spares(void);
/* The loop has ENGINE_PRIORITIES. handlers and argument outlive it. input_bytes: how much a link holds that is not used
 * up; then nothing more is read until there is room. NULL when out of memory. */
struct engine *engine_new(struct event_base *base, size_t input_bytes, const struct engine_handlers *handlers,
                          void *argument);
/* Accepts from that socket, too; it is closed by the engine, unless this fails. shared: others have descriptors of the
 * same socket, and go on with it. */
bool engine_listen(struct engine *engine, int fd, bool shared, struct error *error);
/* Connections live on. What still waits to be accepted is reset, but for a shared socket: there others accept it. */
void engine_stop_listening(struct engine *engine);
void engine_free(struct engine *engine); /* after its links are closed; NULL is fine */

void link_own(struct link *link, void *owner);
/* From its first byte on it is one over TLS; the context is needed no longer than this call. Before link_own; false:
 * out of memory. */
bool link_secure(struct link *link, const struct tls_context *context) MUST_CHECK;
/* Whether requests come and answers go: over TLS not before the handshake is over, else always. */
bool link_ready(const struct link *link);
/* NULL: it is one without TLS. It may be asked who the client is. */
struct tls_session *link_session(const struct link *link);
/* What has arrived and is not used up. */
struct evbuffer *link_input(struct link *link);
/* Leave the rest of the input for later, when others have had their turn: on_input comes again. */
void link_yield(struct link *link);
/* From now on its input waits, or waits no more, for what happens on others; what waits already has its turn. */
void link_stand_back(struct link *link, bool back);
/* Whether the kernel holds more, or its turn is to come: then on_input comes, unless on_end does. */
bool link_input_waits(const struct link *link);
/* A whole request has been read: the engine begins its life. false: out of memory; the link is closed. */
bool link_begin(struct link *link) MUST_CHECK;
/* The request that was begun is answered, by link_write. false: out of memory; the link is closed. */
bool link_finish(struct link *link) MUST_CHECK;
/* Sends; what the socket does not take is kept and sent later. false: the client is gone. */
bool link_write(struct link *link, struct slice bytes) MUST_CHECK;
bool link_flushed(const struct link *link);
void link_end_output(struct link *link); /* the client is told that no more will come */
void link_close(struct link *link);      /* ends link and connection; no handler is called for it any more */

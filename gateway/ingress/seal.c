/* Opening what libevent has read, and sealing what it is to write. */
#include "ingress/seal.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdlib.h>

#include "base/tls.h"

#define RECORD_BYTES SEAL_INPUT_BYTES

struct seal {
    struct bufferevent *buffer;
    struct tls_session *session;
    struct evbuffer *clear;
    size_t clear_bytes;
    seal_give give;
    void *argument;
    bool ready;        /* the handshake is over */
    bool hung_up;      /* nothing more is received */
    bool over, broken; /* nor opened */
    bool end_told;
};

static size_t
take_sealed(void *argument, void *bytes, size_t size)
{
    struct seal *seal = argument;
    int taken = evbuffer_remove(bufferevent_get_input(seal->buffer), bytes, size);

    return taken < 0 ? 0 : (size_t)taken;
}

static bool
give_sealed(void *argument, const void *bytes, size_t length)
{
    struct seal *seal = argument;

    return seal->give(seal->argument, slice_make(bytes, length));
}

struct seal *
seal_new(const struct tls_context *context, struct bufferevent *buffer, size_t clear_bytes, seal_give give,
         void *argument)
{
    static const struct tls_wire wire = {take_sealed, give_sealed};
    struct seal *seal = calloc(1, sizeof *seal);

    if (seal == NULL) {
        return NULL;
    }
    *seal = (struct seal){.buffer = buffer, .clear_bytes = clear_bytes, .give = give, .argument = argument};
    seal->session = tls_session_new(context, &wire, seal);
    seal->clear = evbuffer_new();
    if (seal->session == NULL || seal->clear == NULL) {
        seal_free(seal);
        return NULL;
    }
    return seal;
}

void
seal_free(struct seal *seal)
{
    if (seal == NULL) {
        return;
    }
    tls_session_free(seal->session);
    if (seal->clear != NULL) {
        evbuffer_free(seal->clear);
    }
    free(seal);
}

/* The read callback, in a turn of the loop of its own: whoever asks for it is in the middle of something. */
static void
call_again(const struct seal *seal)
{
    bufferevent_trigger(seal->buffer, EV_READ, BEV_TRIG_IGNORE_WATERMARKS | BEV_TRIG_DEFER_CALLBACKS);
}

static void
end_opening(struct seal *seal, bool broken)
{
    seal->over = true;
    seal->broken = broken;
    call_again(seal);
}

static void
open_all(struct seal *seal)
{
    static _Thread_local char record[RECORD_BYTES];

    while (seal->ready && !seal->over) {
        size_t length = 0;
        enum tls_progress progress;

        if (evbuffer_get_length(seal->clear) >= seal->clear_bytes) {
            call_again(seal); /* what is left may be in the session, of which no socket tells */
            return;
        }
        progress = tls_read(seal->session, record, sizeof record, &length);
        if (progress == TLS_WAITS && !seal->hung_up) {
            return;
        }
        if (progress != TLS_DONE) {
            end_opening(seal, progress == TLS_BROKEN);
        } else if (evbuffer_add(seal->clear, record, length) != 0) {
            end_opening(seal, true);
        }
    }
}

static enum seal_news
shake_hands(struct seal *seal, struct error *error)
{
    switch (tls_handshake(seal->session, error)) {
    case TLS_DONE:
        seal->ready = true;
        return SEAL_INPUT;
    case TLS_WAITS:
        return SEAL_NOTHING;
    case TLS_ENDED:
    case TLS_BROKEN:
        break;
    }
    return SEAL_FAILED;
}

enum seal_news
seal_on_read(struct seal *seal, struct error *error)
{
    if (!seal->ready) {
        return shake_hands(seal, error);
    }
    if (seal->over && !seal->end_told) {
        seal->end_told = true;
        return seal->broken ? SEAL_BREAK : SEAL_END;
    }
    return SEAL_INPUT;
}

void
seal_on_hang_up(struct seal *seal)
{
    seal->hung_up = true;
    call_again(seal);
}

bool
seal_ready(const struct seal *seal)
{
    return seal->ready;
}

struct evbuffer *
seal_input(struct seal *seal)
{
    open_all(seal);
    return seal->clear;
}

bool
seal_write(struct seal *seal, struct slice bytes)
{
    return seal->ready && !seal->broken && tls_write(seal->session, bytes);
}

void
seal_end(struct seal *seal)
{
    if (seal->ready && !seal->broken) {
        tls_end(seal->session);
    }
}

struct tls_session *
seal_session(const struct seal *seal)
{
    return seal->session;
}

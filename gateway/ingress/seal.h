/* The seal is TLS around a link: libevent's buffers hold sealed bytes, and what they open to is kept here. It is opened
 * when it is asked for, so that a client waits whose requests wait. */
#pragma once

#include "base/error.h"
#include "base/slice.h"

struct bufferevent;
struct evbuffer;
struct seal;
struct tls_context;
struct tls_session;

/* Sends sealed bytes; false: the client is gone. */
typedef bool (*seal_give)(void *argument, struct slice bytes);

#define SEAL_INPUT_BYTES 16384 /* a record of TLS at most: of so many sealed bytes some can be opened */

/* clear_bytes: how much is opened and not used up at most, but for one record; sealed bytes that wait are fewer. NULL
 * when out of memory. */
struct seal *seal_new(const struct tls_context *context, struct bufferevent *buffer, size_t clear_bytes, seal_give give,
                      void *argument);
void seal_free(struct seal *seal); /* NULL is fine */

enum seal_news {
    SEAL_NOTHING, /* yet */
    SEAL_INPUT,   /* there may be more in seal_input */
    SEAL_END,     /* the client sends no more; told once */
    SEAL_BREAK,   /* it does not keep to TLS any more, or memory is out; told once */
    SEAL_FAILED,  /* the handshake has, and error says why; the seal is of no more use */
};
/* What the buffer's read callback means; it comes also without new bytes. */
enum seal_news seal_on_read(struct seal *seal, struct error *error);
/* The client sends no more, says its kernel. What has come before is news first. */
void seal_on_hang_up(struct seal *seal);

bool seal_ready(const struct seal *seal); /* the handshake is over */
struct evbuffer *seal_input(struct seal *seal);
bool seal_write(struct seal *seal, struct slice bytes) MUST_CHECK; /* false: it is not ready, or the client is gone */
void seal_end(struct seal *seal);                                  /* tells the client that no more is written */
struct tls_session *seal_session(const struct seal *seal);

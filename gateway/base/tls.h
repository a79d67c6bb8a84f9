/* TLS of the connections that we accept, on OpenSSL: bytes in, bytes out, no socket. */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"

struct tls_context; /* certificate, key, whom we believe: what connections have in common */
struct tls_session; /* one connection's; one thread's at a time */

enum tls_version { TLS_VERSION_1_2, TLS_VERSION_1_3 };

/* Files are PEM. */
struct tls_settings {
    const char *certificate_file; /* with its chain; NULL: no TLS */
    const char *key_file;
    const char *client_ca_file; /* who signs clients' certificates; NULL: none are asked for */
    int minimum;                /* an enum tls_version */
    const char *ciphers;        /* of TLS 1.2, as OpenSSL writes them; NULL: forward secrecy, authenticated */
};

/* Which of the settings a fault lies in. */
enum tls_part { TLS_CERTIFICATE, TLS_KEY, TLS_CLIENT_CA, TLS_CIPHERS };

/* Reads the files. NULL with error, and *part, which may be NULL. Any number of threads may make sessions of it. */
struct tls_context *tls_context_new(const struct tls_settings *settings, enum tls_part *part, struct error *error);
void tls_context_free(struct tls_context *context);                     /* its sessions live on; NULL is fine */
int64_t tls_context_expires_seconds(const struct tls_context *context); /* Unix time: our own certificate's end */

/* Where a session's sealed bytes come from and go. */
struct tls_wire {
    size_t (*take)(void *argument, void *bytes, size_t size);       /* what has arrived; 0: nothing yet */
    bool (*give)(void *argument, const void *bytes, size_t length); /* all of it; false: the other end is gone */
};

/* wire and argument outlive it. NULL when out of memory. */
struct tls_session *tls_session_new(const struct tls_context *context, const struct tls_wire *wire, void *argument);
void tls_session_free(struct tls_session *session); /* tells the other end nothing; NULL is fine */

enum tls_progress {
    TLS_DONE,
    TLS_WAITS,  /* for more to arrive */
    TLS_ENDED,  /* the other end sends no more, and says so */
    TLS_BROKEN, /* it does not keep to the protocol, or is gone */
};

/* Until it is done nothing can be read or written. TLS_DONE, TLS_WAITS or TLS_BROKEN; then the other end has been told,
 * as far as the protocol allows, and error tells us. */
enum tls_progress tls_handshake(struct tls_session *session, struct error *error);
bool tls_begun(const struct tls_session *session);          /* something has arrived */
bool tls_met_plain_http(const struct tls_session *session); /* of a broken handshake: that is what came */
/* *length bytes when TLS_DONE. */
enum tls_progress tls_read(struct tls_session *session, void *bytes, size_t size, size_t *length);
bool tls_write(struct tls_session *session, struct slice bytes) MUST_CHECK; /* false: the other end is gone */
void tls_end(struct tls_session *session); /* tells the other end that no more is written; once, after the handshake */

/* Whether the other end has shown a certificate. It is one that the context's client CA vouches for: the handshake
 * fails with any other. */
bool tls_certified(const struct tls_session *session);
/* Where the context is another one than that of the handshake, or of the last judgement: holds the certificate against
 * its client CA, at the present time; tls_certified tells what came of it. false: it could not be judged, mostly for
 * want of memory. */
bool tls_judge_anew(struct tls_session *session, const struct tls_context *context) MUST_CHECK;
/* A judgement was not for the other end: a new handshake might be, for it may have a better certificate by now. */
bool tls_outdated(const struct tls_session *session);
/* Whether that bears exactly this name: one of its DNS names or, when it has none, its common name. */
bool tls_certified_as(const struct tls_session *session, struct slice name);

/* What a client gets: the vendor's own success answer, or a problem (RFC 9457). Rendered in one piece, written once. */
#pragma once

#include <stdint.h>

#include "adapters/adapter.h"
#include "base/clock.h"
#include "base/slice.h"

/* Every way a request can end other than well; one row each in answer.c: status, title, what to do, metric label. None
 * of the texts contains the word that yeta looks for to see a push accepted. */
enum refusal {
    REFUSAL_NONE,
    REFUSAL_BAD_REQUEST,      /* 400: HTTP itself is broken; closes */
    REFUSAL_UNAUTHORIZED,     /* 401: one and the same for every failed check */
    REFUSAL_NOT_FOUND,        /* 404 */
    REFUSAL_METHOD,           /* 405 */
    REFUSAL_TIMEOUT,          /* 408; closes */
    REFUSAL_TOO_LARGE,        /* 413; closes */
    REFUSAL_TARGET_TOO_LONG,  /* 414; closes */
    REFUSAL_UNSUPPORTED,      /* 415: Content-Encoding, multipart */
    REFUSAL_EXPECTATION,      /* 417; closes */
    REFUSAL_UNREADABLE,       /* 422: the body is not what it claims to be */
    REFUSAL_FIELDS_TOO_LARGE, /* 431; closes */
    REFUSAL_NOT_IMPLEMENTED,  /* 501: a transfer coding that we do not know; closes */
    REFUSAL_UNAVAILABLE,      /* 503: neither Kafka nor the spool took it in time; Retry-After */
    REFUSAL_BUSY,             /* 503: too many body bytes or connections, or the spool is full; Retry-After */
    REFUSAL_OVER_SHARE,       /* 503: its source has as much in hand as its share allows; Retry-After */
    REFUSAL_VERSION,          /* 505; closes */
    REFUSAL_COUNT,
};

/* What keeps an event that was answered with a success. */
enum durability {
    DURABILITY_KAFKA, /* acknowledged, acks=all */
    DURABILITY_SPOOL, /* fsynced in the local spool */
    DURABILITY_NONE,  /* it made no event: there was nothing to keep */
};

struct refusal_kind {
    int status;
    const char *title;
    const char *label; /* outcome in metrics and logs */
    bool closes;
};
const struct refusal_kind *refusal_kind(enum refusal refusal);

/* The Date field's value, made once a second. Zeroed at first. */
struct date_cache {
    int64_t second;
    char text[32];
};
const char *date_text(struct date_cache *cache, const struct clock *clock);

/* What an answer depends on besides its kind. */
struct answer_context {
    const char *date;
    const char *request_id;
    bool keep;                  /* the connection stays */
    bool http10;                /* the client speaks HTTP/1.0 */
    bool head;                  /* HEAD: the fields of the answer without its body */
    enum durability durability; /* of a success */
};

#define ANSWER_REFUSAL_BYTES 1024 /* room for any refusal whose allow has up to 128 bytes */
/* Room that a success needs. */
size_t answer_success_bytes(struct answer answer);
/* They write the whole message and return its length; 0 when it does not fit. */
size_t answer_success(char *text, size_t size, const struct answer_context *context, struct answer answer);
/* allow: the methods for a 405, else empty. */
size_t answer_refusal(char *text, size_t size, const struct answer_context *context, enum refusal refusal,
                      struct slice allow);

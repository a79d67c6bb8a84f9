/* A ticket is one request that we owe an answer: made when its head is complete, it owns the request's memory, outlives
 * the HTTP connection where it must, is owned by one place at a time, and is freed exactly once.
 *
 *   connection ── head complete ──▶ admission ── body complete ──▶ conversion ──▶ custody ──▶ answer ──▶ freed
 */
#pragma once

#include <stdint.h>

#include "adapters/adapter.h"
#include "base/address.h"
#include "base/arena.h"
#include "config/config.h"
#include "event/envelope.h"
#include "ingress/custody.h"
#include "ingress/deadline.h"
#include "ingress/share.h"

struct connection;
struct generation;
struct tls_session;
struct worker;

/* The request's head as the guard judged it; slices live in the ticket's arena. */
struct head {
    struct slice method;
    struct slice path;                  /* as received, absolute, without query; not decoded */
    struct slice query;                 /* without '?' */
    const struct record_header *fields; /* names in lower case, values without surrounding white space */
    size_t field_count;
    int64_t content_length; /* bytes; -1: chunked */
    bool http10;
    bool keep_alive;      /* what the client asked for */
    bool expect_continue; /* it waits for 100 Continue */
};

/* The value of the field of that (lower-case) name; the empty slice when it is missing. A field that came twice is
 * joined by ", ". */
struct slice head_field(const struct head *head, const char *name);

enum ticket_state {
    TICKET_READING,    /* head accepted, body on its way: the connection's */
    TICKET_PUBLISHING, /* records on their way to Kafka or the spool: custody's */
    TICKET_ANSWERED,   /* the answer is written, or the client is gone */
};

#define REQUEST_ID_BYTES 24

struct ticket {
    struct worker *worker;
    struct generation *generation; /* held: its source is that generation's */
    struct connection *connection; /* NULL once the client is gone or answered */
    struct arena *arena;
    enum ticket_state state;
    char request_id[REQUEST_ID_BYTES + 1];

    struct head head;
    struct address peer;         /* the connection's other end */
    struct tls_session *session; /* the connection's, for admission; NULL: it is without TLS */
    struct slice body;           /* complete when TICKET_PUBLISHING begins; grows before */
    int64_t started_ns;          /* monotonic, when the head was complete */
    struct deadline deadline;    /* the source's budget, then the patience for the spool */
    size_t buffered_bytes;       /* its share of the worker's */
    struct holding *holding;     /* of its source; NULL: not admitted, or, in tests, nobody counts */
    bool in_hand;                /* counted there */

    /* Set by admission. */
    const struct source *source;
    struct address sender; /* the peer, or whom a trusted proxy names */
    struct slice endpoint;
    struct slice public_path, public_query; /* without the secret: for logs and dead letters */
    bool vouched;                           /* a secret, an address or a certificate vouches for the sender */

    /* Set by conversion. */
    enum body_format format;
    struct envelope envelope;
    struct custody custody;
    enum durability durability; /* of what a success answers */
    const char *outcome;        /* for metrics: "accepted", "unmapped", "dead_letter", "repeated" */
};

/* The most that a request may take in memory. */
size_t ticket_arena_bytes(const struct ingress_limits *limits);
/* A ticket in an arena of its own, TICKET_READING, with a request id. NULL when out of memory. */
struct ticket *ticket_new(struct worker *worker);
/* Its source is known, and may have it in hand: it counts until it is answered. Otherwise why not. */
enum refusal ticket_admit(struct ticket *ticket) MUST_CHECK;
/* Its client keeps it waiting for the body: all that it holds counts against the shares of memory from now on, and more
 * when that grows. Otherwise why not. */
enum refusal ticket_wait(struct ticket *ticket) MUST_CHECK;
/* The body is complete and the service has it: TICKET_PUBLISHING, and the source's budget begins to run. */
void ticket_publish(struct ticket *ticket);
/* Kafka is not waited for any more: the patience for the spool begins to run. Does nothing for one that is answered. */
void ticket_spool(struct ticket *ticket);
/* It is answered and lives on, though no client waits: all that it holds counts against the worker's share. */
void ticket_linger(struct ticket *ticket);
/* So many more bytes of its arena count against the worker's share. */
void ticket_buffer(struct ticket *ticket, size_t bytes);

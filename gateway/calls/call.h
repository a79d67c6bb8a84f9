/* A call is one HTTP request to a vendor, made by libcurl on the caller's loop. libcurl never repeats one, never
 * follows a redirect and never shares a connection between calls: whether the vendor can have seen a request is known
 * exactly. Only this room and the verbs include libcurl. */
#pragma once

#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/slice.h"

struct event_base;
struct call;
struct caller; /* of one loop: all its calls */

struct caller_options {
    const char *ca_file; /* certificates that servers are held against; NULL: the system's */
};

/* The process ignores SIGPIPE. Fails with what to do when ca_file cannot be read, or libcurl is none that we can use.
 */
struct caller *caller_new(struct event_base *base, const struct clock *clock, const struct caller_options *options,
                          struct error *error);
/* Calls that are still going on end without calling back. NULL is fine. */
void caller_free(struct caller *caller);
size_t caller_count(const struct caller *caller); /* calls going on */

struct call_header {
    struct slice name, value;
};

/* Milliseconds, each at least 1. */
struct call_timeouts {
    unsigned resolve_connect_ms; /* name, TCP and TLS */
    unsigned answer_ms;          /* from the request's last byte to the answer's status line; 1xx are no answer */
    unsigned total_ms;           /* all of it: what an account calls its time-out */
};

struct call_request {
    struct slice method; /* "POST" */
    struct slice url;    /* whole; its query may be a secret: it is never logged and never in a message */
    /* Sent besides: Host, User-Agent, Content-Length. What frames the message may not be among them. */
    const struct call_header *headers;
    size_t header_count;
    struct slice body;
    struct call_timeouts timeouts;
    size_t answer_bytes_max; /* of the body; a longer one ends the call as CALL_BROKEN */
    int64_t lease_ns;        /* boot time after which the request may no longer begin to be sent; 0: none */
};

/* Where a call ended. The order is that of its life. */
enum call_end {
    CALL_NOT_SENT,   /* provably: no byte of the request left (name, connect, TLS, certificate) */
    CALL_LEASE_OVER, /* the same, because the lease had run out when the request could have been sent */
    CALL_UNANSWERED, /* sent, wholly or in part, and no answer began: cut, timed out. A connection that could have been
                      * written to counts as sent, whether it took a byte or not */
    CALL_BROKEN,     /* an answer came, but none that can be used: cut or timed out within it, too long, not HTTP. The
                      * end of an answer that has no length is the connection's: a cut is not seen, even with TLS */
    CALL_ANSWERED,
};
extern const char *const call_ends[]; /* "not_sent" and so on */

struct call_outcome {
    enum call_end end;
    unsigned status;        /* CALL_ANSWERED */
    struct slice body;      /* the same; valid during the callback */
    int64_t retry_after_ms; /* the same; 0: no such header */
    bool timed_out;         /* a time-out ended it */
    const char *reason;     /* libcurl's words, or ours, for what went wrong; "" when nothing did. Valid as body is */
    int64_t sent_ns;        /* monotonic time at which the request began to be sent; 0: it did not */
    int64_t ended_ns;
};

/* Starts a call. Everything in request is copied. on_end is called exactly once, later, from the loop, unless the call
 * is cancelled; the call is gone when it returns. NULL with error when it could not be started: then nothing was sent
 * and on_end is not called. on_end may start and cancel other calls, and free the caller. */
struct call *call_start(struct caller *caller, const struct call_request *request,
                        void (*on_end)(void *argument, const struct call_outcome *outcome), void *argument,
                        struct error *error);
/* Ends it at once; on_end is not called. */
void call_cancel(struct call *call);

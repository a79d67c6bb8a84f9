/* The guard judges a request's head byte by byte as it arrives (RFC 9112, strictly): what two parsers could read in two
 * ways is refused, at the first byte that makes it so. It keeps no bytes: who feeds it keeps them, and head_read() cuts
 * them up once the guard has let them pass. */
#pragma once

#include <stdint.h>

#include "base/slice.h"
#include "ingress/answer.h"

struct guard_limits {
    size_t head_bytes; /* request line and fields, with what separates them */
    unsigned header_count;
};

enum guard_verdict {
    GUARD_MORE,     /* fine so far */
    GUARD_COMPLETE, /* the head is over */
    GUARD_REFUSED,  /* it can never become a good one */
};

#define GUARD_WORD_BYTES 64 /* the longest word that means anything to us */

struct guard {
    const struct guard_limits *limits;
    unsigned state;
    size_t position; /* bytes judged */
    enum refusal refusal;

    /* Where things stand, as offsets from the first byte fed. */
    size_t method_at, method_length;
    size_t path_at, path_length;   /* without query */
    size_t query_at, query_length; /* behind '?' */
    size_t fields_at;

    /* What the fields say; valid when complete. */
    int64_t content_length; /* -1: none given */
    bool chunked;
    bool http10;
    bool keep_alive;
    bool expect_continue;

    /* Of the element that is being read. */
    unsigned field; /* which of the fields that matter */
    unsigned field_count;
    unsigned empty_lines;
    unsigned step; /* in fixed texts and percent-encodings */
    unsigned port_digits;
    bool has_host, asterisk, asked_close, asked_keep_alive;
    char word[GUARD_WORD_BYTES]; /* lower case */
    size_t word_length;          /* may exceed the array: then it is none of ours */
};

/* limits outlives the guard. */
void guard_init(struct guard *guard, const struct guard_limits *limits);
/* Judges the next bytes; *consumed is how many belong to the head (less than length when the head is over, or refused).
 * Not to be called again after COMPLETE or REFUSED. */
enum guard_verdict guard_feed(struct guard *guard, const char *data, size_t length, size_t *consumed);
/* Nothing but empty lines has come. */
bool guard_untouched(const struct guard *guard);

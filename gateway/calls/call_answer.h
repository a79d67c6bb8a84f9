/* An answer as it comes in: its status, what of its head matters, and its body within a bound. */
#pragma once

#include <stdint.h>

#include "base/slice.h"

#define CALL_ANSWER_HEAD_BYTES_MAX 65536U /* interim answers and trailers included */
#define CALL_ANSWER_HEAD_LINES_MAX 256U

struct call_answer {
    size_t body_bytes_max;
    char *body; /* the first body_length bytes of it; malloc'd */
    size_t body_length, body_capacity;
    size_t head_bytes, head_lines;
    unsigned status; /* of the latest head, 1xx too; 0: none has begun */
    bool begun;      /* the status line is there, of an answer that is not interim */
    bool head_whole; /* and the empty line that ends its head */
    int64_t retry_after_ms;
    char fault[96]; /* why it cannot be used; "": it can, so far */
};

void call_answer_init(struct call_answer *answer, size_t body_bytes_max);
void call_answer_free(struct call_answer *answer); /* what it holds */

/* A line of a head or a trailer, with its end of line. false, with the fault: the answer cannot be used. */
bool call_answer_line(struct call_answer *answer, struct slice line, int64_t wall_ms) MUST_CHECK;
/* More of the body. No memory is taken for what is over the bound. */
bool call_answer_bytes(struct call_answer *answer, struct slice bytes) MUST_CHECK;

/* The value of a Retry-After (RFC 9110, 10.2.3), seconds or a date, as milliseconds from wall_ms on: at most a day, 0
 * for a time that is past and for what is neither. */
int64_t retry_after_read(struct slice value, int64_t wall_ms);

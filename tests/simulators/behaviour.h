/* How a simulator misbehaves. A behaviour is a JSON object; the first one that fits a call applies to it, and no other:
 *
 *   "path"         a glob that the path's end must match, such as "dialOut" or "task*"
 *   "body"         a text that the body must contain
 *   "next"         so many calls that fit, then it is over; without it: all of them
 *   "probability"  0 to 1: of the calls that fit, so many on average are hit; the others are tried with the next one
 *   "delay_ms"     n or [least, most]: the answer comes so much later (the deed is done at once)
 *   "answer"       what comes instead of the answer:
 *                    "refuse"   the connection is closed, nothing is read, nothing is done; without path and body the
 *                               connection is closed as it comes
 *                    "close"    the deed is done, the connection closed without a byte
 *                    "half"     the deed is done, half of the answer comes, then the connection is closed
 *                    "never"    the deed is done, and nothing comes
 *                    "garbage"  bytes that are no HTTP;  "html" an error page;  "empty" no body
 *                    "huge"     a body of "bytes" bytes (8 MiB);  "deep" JSON in 100,000 brackets
 *                    "code"     the vendor's error "code", nothing is done
 *   "status"       an HTTP status, with a page; nothing is done. With "answer" that answer's status
 *   "retry_after"  seconds, as a header
 *   "act"          whether the deed is done, if it is to be otherwise than said here
 *   "late_ms"      n or [least, most]: the client's connection ends now ("late": "close") or hangs ("hang", the
 * default); the call comes to the vendor's door only then, and is carried out and written down then
 */
#pragma once

#include "base/error.h"
#include "base/slice.h"
#include "simulators/chance.h"

struct value;

enum answer_kind {
    ANSWER_PROPER,
    ANSWER_REFUSE,
    ANSWER_CLOSE,
    ANSWER_HALF,
    ANSWER_NEVER,
    ANSWER_GARBAGE,
    ANSWER_HTML,
    ANSWER_EMPTY,
    ANSWER_HUGE,
    ANSWER_DEEP,
    ANSWER_CODE,
};

#define BEHAVIOUR_TEXT_BYTES 128

struct behaviour {
    char path[BEHAVIOUR_TEXT_BYTES], body[BEHAVIOUR_TEXT_BYTES], code[BEHAVIOUR_TEXT_BYTES]; /* empty: not given */
    unsigned next;                                                                           /* UINT_MAX: without end */
    double probability;
    unsigned delay_least_ms, delay_most_ms;
    enum answer_kind answer;
    unsigned status; /* 0: as it is */
    unsigned retry_after_seconds;
    unsigned bytes;
    bool act;
    bool late, late_close;
    unsigned late_least_ms, late_most_ms;
};

extern const char *const answer_kinds[]; /* "proper" and so on; ends with NULL */

#define BEHAVIOURS_MAX 64

struct behaviours {
    struct behaviour list[BEHAVIOURS_MAX];
    size_t count;
};

/* One object, or a list of them, behind those that are there. */
bool behaviours_add(struct behaviours *behaviours, const struct value *given, struct error *error);
/* The one for a call, which is counted as used; NULL: none. */
const struct behaviour *behaviours_for_call(struct behaviours *behaviours, struct chance *chance, struct slice path,
                                            struct slice body);
/* Whether a connection that comes is closed unread. */
bool behaviours_refuse_connection(struct behaviours *behaviours, struct chance *chance);

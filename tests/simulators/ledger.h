/* The calls that a simulator saw, in the order in which they came to its door: lines of JSON, in memory and in a file.
 */
#pragma once

#include <stdio.h>

#include "base/json_writer.h"
#include "simulators/server.h"

/* What is kept in memory: beyond it the oldest are forgotten, and counted. */
#define LEDGER_CALLS_MAX 200000
#define LEDGER_BYTES_MAX ((size_t)512 * 1024 * 1024)

#define LEDGER_PAGE_BYTES ((size_t)16 * 1024 * 1024)

/* One call, when all about it is decided. */
struct seen_call {
    const struct simulated_request *request;
    int64_t door_monotonic_ns,
        door_wall_ns;      /* when it came to the door; the request was read at request->monotonic_ns */
    unsigned status;       /* of the proper answer */
    struct slice answer;   /* the proper answer's body, whatever came of it on the way */
    struct slice code;     /* the vendor's code in it */
    bool acted;            /* the deed was done */
    bool exceeded;         /* it was more than the window takes */
    const char *behaviour; /* the answer's kind; NULL: no behaviour applied */
    size_t concurrent;     /* calls under way then, this one among them */
    size_t in_window;      /* calls that came to the door within the window, this one among them */
};

struct ledger;

struct ledger *ledger_new(FILE *file); /* file: NULL or the caller's */
void ledger_free(struct ledger *ledger);
void ledger_clear(struct ledger *ledger);
/* false: out of memory, or the file cannot be written: the witness is blind, and its word worth nothing. */
bool ledger_add(struct ledger *ledger, const struct seen_call *call) MUST_CHECK;
/* Writes the members calls, last, forgotten; of the calls those behind that number, the first being 1, until a page is
 * full: whoever wants all of them asks again until he has the last. */
void ledger_write(const struct ledger *ledger, uint64_t since, struct json_writer *writer);

/* A result tells a producer one step of its command: accepted, dispatched, or how it ended. It is a CloudEvent on the
 * results topic; data's members are those of schemas/command.result.data.v1.json. */
#pragma once

#include "base/arena.h"
#include "event/command.h"
#include "event/recordset.h"

enum result_status {
    RESULT_ACCEPTED,
    RESULT_DISPATCHED,
    /* Final: every command gets exactly one of these. */
    RESULT_SUCCEEDED,
    RESULT_FAILED,
    RESULT_EXPIRED,
    RESULT_CANCELLED,
    RESULT_UNKNOWN, /* it may have happened, or not: nobody knows, and it is not tried again */
    /* The answer to a call whose lane had been lost: tells what a result of RESULT_UNKNOWN could not. Not final. */
    RESULT_LATE_ANSWER,
    RESULT_STATUS_COUNT,
};
extern const char *const result_statuses[RESULT_STATUS_COUNT]; /* "accepted" and so on */

static inline bool
result_final(enum result_status status)
{
    return status >= RESULT_SUCCEEDED && status <= RESULT_UNKNOWN;
}

#define RESULT_ANSWER_BYTES_MAX ((size_t)512 * 1024)

struct result {
    enum result_status status;
    struct slice command, account; /* ids */
    struct slice command_name;     /* "call.dial"; empty: not known */
    struct slice vendor;           /* the adapter's name; empty: not known */
    struct slice code;             /* ok, invalid, ..., id_conflict, queue_full, unknown_account; empty: none yet */
    struct slice reason;           /* our own sentence for people; empty: none */
    struct slice vendor_code, vendor_message;
    unsigned attempts;                               /* requests that left for the vendor */
    bool queued;                                     /* ahead and expected_start_ms are told */
    uint64_t ahead;                                  /* commands of the account that go first */
    int64_t expected_start_ms;                       /* wall time; 0: not known (held, unlimited waits) */
    int64_t received_ms, dispatched_ms, answered_ms; /* wall time; 0: absent */
    struct slice item_id;
    bool uncorrelated;       /* `correlated: false`: its id did not fit into the call's extras */
    struct slice answer;     /* JSON, the vendor's reply; empty: none */
    uint64_t answer_omitted; /* bytes of an answer that is not told here; 0: none */
    struct slice correlation_id, traceparent;
    int64_t time_ms; /* of this step, wall time */
};

/* A vendor's code and message, and our reason, are cut there, and end in "..." then. */
#define RESULT_CODE_BYTES_MAX 256
#define RESULT_TEXT_BYTES_MAX 1024

/* Fills key, value and headers of record (structured mode); its topic is the caller's. An answer above
 * RESULT_ANSWER_BYTES_MAX is left out, and the member `answer_omitted` says how many bytes it had. The id is
 * "<account>/<command>/<status>", the key "<account>/<command>". The record refers to nothing of the result.
 * correlationid is the command's own, else the command's id. false only when the arena is full. */
bool result_write(const struct result *result, struct arena *arena, struct record *record) MUST_CHECK;

/* A result out of its record's value: for those who follow the topic, and for `done` records of the journal. Written
 * again it is the same bytes. Those of value must outlive it. false: it is none, or the arena is full. */
bool result_read(struct slice value, struct arena *arena, struct result *result) MUST_CHECK;

/* Translation turns one callback's bytes into the records that Kafka gets: verified, parsed, converted, written. It is
 * pure: no loop, no Kafka, no clock; `convert`, the tests and the fuzzer run the same code as the gateway. */
#pragma once

#include "adapters/adapter.h"
#include "config/config.h"
#include "event/envelope.h"
#include "event/recordset.h"
#include "ingress/answer.h"

/* One callback as it came, and what is known of its sender. All of it outlives the arena. */
struct incoming {
    const struct source *source;
    struct slice method, endpoint;
    struct slice query;                 /* as received: a vendor may sign it */
    struct slice public_query;          /* without the secret */
    const struct record_header *fields; /* names in lower case */
    size_t field_count;
    struct slice body;
    struct slice traceparent; /* as received; left out when it has not W3C's form */
    struct timestamp received;
    bool vouched;   /* a secret or an address vouches for the sender */
    bool unchecked; /* neither signature nor expected members are looked at */
};

/* What became of it; label of metrics and logs. Compared by pointer. */
extern const char outcome_accepted[];
extern const char outcome_unmapped[]; /* vendor.unmapped events only */
extern const char outcome_dead_letter[];
extern const char outcome_handshake[]; /* it only checked that the URL is ours: no records, just the answer */

struct translation {
    enum refusal
        refusal; /* NONE: publish the records, then accept; UNAUTHORIZED, UNREADABLE; BUSY: the arena is full */
    const char *outcome;
    enum body_format format;     /* by the first byte; JSON where it does not tell */
    const struct value *message; /* the parsed body; NULL when it could not be read */
    struct answer answer;        /* of a handshake */
    struct envelope envelope;
    struct record *records; /* in the arena; those of one event stand together and share their bytes */
    size_t count;
    struct conversion conversion; /* the events, and what could not be read */
    const char *reason;           /* of a refusal or dead letter: a word */
    struct slice detail;          /* and a sentence; it may quote the body: not for the log */
};

/* The callback as adapters see it, but for what is read of its body. */
struct callback incoming_callback(const struct incoming *incoming, struct arena *arena);

void translate(const struct config *config, const struct incoming *incoming, struct arena *arena,
               struct translation *translation);

/* The callback's dead letter in place of the records it has: for what Kafka will never take. */
void translate_to_dead_letter(const struct config *config, const struct incoming *incoming, struct arena *arena,
                              const char *reason, struct slice detail, struct translation *translation);

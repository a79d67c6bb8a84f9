/* Dead letters and raw records: a callback's own bytes with what is known of it in the record's headers, secrets taken
 * out. A dead letter says why it became no event. */
#pragma once

#include "base/arena.h"
#include "event/envelope.h"
#include "event/recordset.h"

struct original {
    struct slice method, endpoint;
    struct slice query; /* as received, without secrets */
    struct slice hash;  /* 32 hex digits of SHA-256 over the body: key and id of the record */
    struct slice body;  /* untouched */
    const struct record_header *headers; /* the request's fields, names in lower case, without secrets */
    size_t header_count;
};

/* reason is a word of the list in the documentation ("missing_key", "not_json", ...), detail a sentence. */
bool deadletter_write(const struct original *original, const struct envelope *envelope, struct slice reason,
                      struct slice detail, struct arena *arena, struct record *record) MUST_CHECK;
bool raw_record_write(const struct original *original, const struct envelope *envelope, struct arena *arena,
                      struct record *record) MUST_CHECK;

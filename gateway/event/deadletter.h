/* Dead letters and raw records: a callback's own bytes with what is known of it in the record's headers, secrets taken
 * out. A dead letter says why it became no event. */
#pragma once

#include "base/arena.h"
#include "event/envelope.h"
#include "event/recordset.h"

struct original {
    struct slice method, endpoint;
    struct slice query;                  /* as received, without secrets */
    struct slice hash;                   /* 32 hex digits of SHA-256 over the body: key and id of the record */
    struct slice body;                   /* untouched */
    const struct record_header *headers; /* the request's fields, names in lower case, without secrets */
    size_t header_count;
};

/* Both write the record header by header: id (the hash), source, vendor, account, recordedtime, method, endpoint,
 * query, then every field of the request as http.<name>. What is absent has no header. A dead letter also has reason, a
 * word, and detail, a sentence for people. The reasons:
 *
 *   not_json, not_xml  the body is not what its first byte claims, or breaks the rules of base/json.h, base/xml.h
 *   not_form           the form breaks the rules of base/form.h
 *   unknown_format     the body is empty, or begins like neither
 *   missing_key        a message that we know, without the id that its event is named by
 *   no_records         no array stands where a mapping has its records
 *   too_many_records   they are more than one callback may have
 *   too_complex        it takes more memory, or more looking for members, than a request may have
 *   refused_by_kafka   Kafka will never take the event as it is: too large, not allowed
 *
 * false only when the arena is full. */
bool deadletter_write(const struct original *original, const struct envelope *envelope, struct slice reason,
                      struct slice detail, struct arena *arena, struct record *record) MUST_CHECK;
bool raw_record_write(const struct original *original, const struct envelope *envelope, struct arena *arena,
                      struct record *record) MUST_CHECK;

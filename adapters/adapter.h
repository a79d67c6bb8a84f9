/* An adapter is everything that Trunkline knows of one vendor: one const struct in one file, pure functions over bytes.
 * It sees no socket, no Kafka, no clock and no global; so a table of files tests it and a fuzzer runs it.
 * docs/adding-a-vendor.md walks through one. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/timestamp.h"
#include "base/value.h"
#include "event/model.h"
#include "event/recordset.h"

enum body_format {
    BODY_JSON,
    BODY_XML,
    BODY_FORM, /* application/x-www-form-urlencoded, or the query of a request without a body */
};

struct mapping;

/* The rows of an adapter's own settings: a source gives them under `settings:`. */
struct adapter_setting {
    const char *name;
    const char *fallback; /* the default; NULL: not configured */
    bool secret;          /* may be given as <name>_file, is never logged or published */
    const char *help;
};
#define ADAPTER_SETTINGS_MAX 8

/* One vendor's request, as adapters see it. Everything outlives the arena of the request. */
struct callback {
    struct slice method;
    struct slice endpoint;              /* the path's part behind the source; empty when there is none */
    struct slice query;                 /* raw, without '?' */
    const struct record_header *fields; /* of the head: names in lower case */
    size_t field_count;
    struct slice body; /* untouched, un-chunked */
    enum body_format format;
    const struct value *message;   /* the parsed body; NULL in verify_raw */
    struct slice account;          /* the source's configured account */
    const struct zone *zone;       /* for times that bear none */
    const struct slice *settings;  /* in the order of the adapter's rows; empty: not configured */
    const struct mapping *mapping; /* the source's, where its adapter follows one (adapters/mapping.h); else NULL */
    int64_t received_ms;           /* Unix time at which it came */
    struct arena *arena;
};

enum verdict {
    VERDICT_VALID,    /* signed, and rightly */
    VERDICT_WRONG,    /* the signature is wrong, or missing where this kind of message has one */
    VERDICT_UNSIGNED, /* this kind of message bears none: something else must vouch for the sender */
};

/* What convert fills in; cleared before. */
struct conversion {
    struct canonical_event *first; /* in the arena; the list's order is the order on the topic */
    struct canonical_event *last;
    size_t count;
    unsigned unreadable;    /* times and numbers that could not be read, and were left out */
    unsigned unknown_codes; /* outcome codes that no table names */
    const char *reason;     /* on failure: a word ("missing_key"), and a sentence */
    const char *detail;
};

/* A cleared event at the end of the list; NULL when the arena is full. */
struct canonical_event *conversion_add(struct conversion *conversion, struct arena *arena);
/* The same with an event that is a part of something larger in the arena. */
void conversion_append(struct conversion *conversion, struct canonical_event *event);

struct answer {
    struct slice content_type;
    struct slice body;
};

/* A sample as its vendor would send it: what is signed in the body, or beside it. */
#define SIGNED_FIELDS_MAX 4
struct signed_sample {
    struct slice body;
    struct slice query;                             /* in place of the URL's; empty: that stays as it is */
    struct record_header fields[SIGNED_FIELDS_MAX]; /* each name and value followed by a NUL */
    size_t field_count;
};

/* A kind of message the adapter knows, with a sample of it (the vendor's own example, repaired where it is broken). */
struct adapter_kind {
    const char *name;     /* as people call it: "taskFinished", "3.1 ring" */
    const char *endpoint; /* "" when it needs none */
    enum body_format format;
    const char *sample;
};
/* JSON as it stands in the source as the string of a sample: the preprocessor quotes what needs quoting. */
#define JSON_SAMPLE(...) #__VA_ARGS__

struct call_side;

struct adapter {
    const char *name; /* "7moor": the head of every id, and the extension `vendor` */
    const char *title;
    const char *const *endpoints;           /* paths behind the source that exist; ends with NULL */
    bool retries;                           /* the vendor repeats a callback that was not accepted */
    unsigned budget_ms;                     /* its patience, less a margin: the default of a source's budget */
    const struct adapter_setting *settings; /* ends with a NULL name */
    const struct adapter_kind *kinds;       /* ends with a NULL name */

    /* Reads a body that is not simply JSON or XML, by its first byte; sets the format. NULL with error; the adapter has
     * none: NULL. */
    const struct value *(*parse)(const struct callback *callback, enum body_format *format, struct error *error);
    /* Whether it only checks that the URL is ours; it is answered so, and makes no event. The callback is parsed, if it
     * can be, and its sender was vouched for. NULL: the vendor has no such thing. */
    bool (*handshake)(const struct callback *callback, struct answer *answer);
    /* Over the raw bytes, the head and the query, before any parse; NULL when the vendor signs none. */
    enum verdict (*verify_raw)(const struct callback *callback);
    /* Over members of the parsed message; NULL when the vendor signs none. */
    enum verdict (*verify_parsed)(const struct callback *callback);
    /* Whether this source's settings or its mapping (may be NULL) make verify_* possible: a key is there; NULL: never.
     */
    bool (*signed_with)(const struct slice *settings, const struct mapping *mapping);
    /* Turns the message into events. false: reason and detail say why there is none. A message that is well formed but
     * unknown is no failure: it becomes vendor.unmapped. */
    bool (*convert)(const struct callback *callback, struct conversion *conversion);
    /* What the vendor takes as accepted. The message may be NULL: that of a dead letter. */
    struct answer (*answer)(const struct callback *callback);
    /* Signs a sample (body, settings, mapping, received_ms and arena are given) as the vendor would; false: it cannot.
     * NULL: samples go as they are. */
    bool (*sign_sample)(const struct callback *callback, struct signed_sample *sample);
    bool mapped; /* sources have a `mapping`, which tells what this struct does not */
    /* How the vendor is called (adapters/operation.h); NULL: it is not. */
    const struct call_side *calls;
};

/* All adapters, ends with NULL. */
extern const struct adapter *const adapters[];
/* NULL when there is none of that name. */
const struct adapter *adapter_find(struct slice name);

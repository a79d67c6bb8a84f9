/* A mapping is how the callbacks of a vendor without an adapter of its own are read: what a source of the adapter
 * `generic` is configured with. config/mapping.c makes it out of YAML, adapters/generic.c follows it. Immutable; its
 * texts and lists live as long as the configuration snapshot.
 *
 * A *reference* names a place in a callback:
 *
 *   /call/id          a member, by JSON pointer (RFC 6901); within a record of `records`, from that record on
 *   ^/batch/id        a member, always from the top of the message
 *   header.x-event    a header field; its name in lower case
 *   query.sig         a parameter of the query, decoded
 *   body, query       the untouched bytes
 *   method, endpoint
 *   received          Unix seconds at which it came; in what a sample is signed with
 *   key               the secret of the signature; nowhere but in `signature.signed`
 *
 * "/" alone is the whole record, "^/" the whole message. A *template* is text with references in braces:
 * "v0:{header.x-time}:{body}". A brace begins one when a letter, "/" or "^" follows it, as none does in JSON; "{{" is
 * then the brace itself. */
#pragma once

#include "adapters/adapter.h"

enum reference_place {
    PLACE_MEMBER,
    PLACE_TOP_MEMBER,
    PLACE_HEADER,
    PLACE_PARAMETER,
    PLACE_BODY,
    PLACE_QUERY,
    PLACE_METHOD,
    PLACE_ENDPOINT,
    PLACE_RECEIVED,
    PLACE_KEY,
    PLACE_LITERAL, /* of a template: the text itself */
};

struct reference {
    enum reference_place place;
    struct slice name;         /* the header's, the parameter's, or the literal's text */
    const struct slice *steps; /* of a pointer, decoded: member names, or array indexes in digits; none: the whole */
    size_t step_count;
};

struct text_template {
    const struct reference *parts;
    size_t count; /* 0: not configured */
};

/* A row of a `map`; from "*" matches what no other row does. What none matches stays as it is; to "" is absent. */
struct map_row {
    struct slice from, to;
};

/* What stands at the reference equals one of the values, with `*` as in routes. */
struct condition {
    struct reference at;
    const struct slice *values;
    size_t value_count; /* 0: it is enough that something stands there */
};

struct condition_list {
    const struct condition *conditions; /* all must hold */
    size_t count;
};

enum time_form { TIME_SECONDS, TIME_MILLISECONDS, TIME_RFC3339, TIME_LOCAL, TIME_COMPACT };

enum field_form {
    FIELD_TEXT,
    FIELD_NUMBER, /* digit for digit */
    FIELD_TIME,   /* by time_form */
    FIELD_SWITCH, /* true, false, 1, 0, yes, no */
    FIELD_JSON,   /* the value as it stands */
};

struct field_rule {
    struct slice target;             /* of an own type: any "a.b.c"; of ours: what the row is called */
    const struct generic_field *row; /* of ours: that of generic_fields */
    struct text_template value;      /* a lone reference keeps its kind; else the text */
    const struct map_row *map;       /* applied to the text */
    size_t map_count;                /* 0: none */
    enum field_form form;            /* of ours: what the target is */
    enum time_form time_form;        /* where form is FIELD_TIME */
};

struct event_rule {
    struct condition_list when;       /* none: always */
    enum event_type type;             /* EVENT_CUSTOM: an own one */
    const struct custom_type *custom; /* where type is EVENT_CUSTOM */
    struct text_template key;         /* the vendor's key of the message: the middle of the event's id */
    struct text_template suffix;      /* where one key gives several events of one type; often not configured. It is set
                                       * off by a "-" that it need not have */
    struct text_template subject;     /* partition key; not configured: the key */
    struct text_template correlation; /* the id of the command that caused it */
    struct text_template time;        /* not configured: when it was received */
    enum time_form time_form;
    const struct field_rule *fields;
    size_t field_count;
};

enum signature_digest { SIGNATURE_NONE, SIGNATURE_MD5, SIGNATURE_SHA1, SIGNATURE_SHA256 };

struct signature_rule {
    enum signature_digest digest; /* NONE: callbacks are not signed */
    bool keyed;                   /* HMAC; else a plain digest over a template that holds {key} */
    bool base64;                  /* else hex, in either case */
    const struct slice *keys;     /* any of them may have signed: for rotation; the first signs samples */
    size_t key_count;
    struct text_template signed_text;
    struct reference at;   /* where the signature stands: a header, a parameter or a member */
    struct slice prefix;   /* "sha256=": before the signature there */
    struct reference time; /* where the time of signing stands, in Unix seconds or milliseconds */
    bool timed;            /* time is configured */
    unsigned tolerance_seconds;
};

/* A request by which a vendor's console checks that the URL is ours: it is answered, and makes no event. */
struct handshake_rule {
    struct condition_list when;
    struct text_template body;
    struct slice content_type;
};

struct answer_rule {
    struct text_template body;
    struct slice content_type;
};

enum mapping_format { MAPPING_AUTO, MAPPING_JSON, MAPPING_XML, MAPPING_FORM, MAPPING_QUERY };

struct mapping {
    struct slice vendor;        /* the head of every id, and the extension `vendor` */
    enum mapping_format format; /* AUTO: JSON or XML by the first byte, else a form */
    struct reference records;   /* an array, each of whose elements gives events by itself */
    bool has_records;
    struct signature_rule signature;
    const struct handshake_rule *handshakes;
    size_t handshake_count;
    struct answer_rule answer; /* body not configured: {"code":0} as JSON */
    const struct event_rule *events;
    size_t event_count;
    /* All rules whose conditions hold give an event, of those with the same id the first; else the first rule only. */
    bool every;
    const struct custom_type *custom_types;
    size_t custom_count;
};

/* The members of our own events that a field rule can fill, by type: "call.id" ... The table stands in
 * generic_fields.c; config checks targets against it, and maps against the words of an enumeration. */
struct generic_field {
    const char *target; /* NULL ends the table */
    enum field_form form;
    size_t offset; /* in struct generic_event (adapters/generic_events.h) */
    const char *const
        *words; /* of an enumeration, by its value, words[0] NULL: absent; the list ends with NULL behind it */
};
extern const struct generic_field generic_fields[];
/* NULL when there is none of that name. */
const struct generic_field *generic_field_find(struct slice target);

#define MAPPING_RECORDS_MAX 1000 /* of one callback; more are a dead letter */

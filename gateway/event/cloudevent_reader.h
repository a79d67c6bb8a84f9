/* Reads what a producer sends us: a CloudEvent 1.0 in structured or binary mode, or the same members as a bare JSON
 * object. Attributes are found by name, whatever the form. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/value.h"
#include "event/recordset.h"

enum event_form {
    EVENT_FORM_STRUCTURED, /* the value is a JSON object with specversion */
    EVENT_FORM_BINARY,     /* attributes are headers ce_*, the value is the data */
    EVENT_FORM_BARE,       /* a JSON object without specversion */
};

struct incoming_event {
    enum event_form form;
    const struct value *object; /* the whole event; NULL in binary mode, and when it cannot be read */
    const struct value *data;   /* whatever it is; NULL: none, or null */
    const struct record_header *headers;
    size_t header_count;
};

enum cloudevent_verdict {
    CLOUDEVENT_READ,
    CLOUDEVENT_UNREADABLE, /* error says why; attributes of a binary-mode event can be asked for all the same */
    CLOUDEVENT_NO_MEMORY,
};

/* Strict JSON by base/json.h. Of the attributes only specversion and the data's content type are checked here. The
 * event refers to value and headers. */
enum cloudevent_verdict cloudevent_read(struct slice value, const struct record_header *headers, size_t header_count,
                                        struct arena *arena, struct incoming_event *event, struct error *error);

enum attribute_verdict {
    ATTRIBUTE_ABSENT, /* or null */
    ATTRIBUTE_TEXT,   /* valid UTF-8, perhaps empty */
    ATTRIBUTE_WRONG,  /* no string, not UTF-8, or a header that comes twice */
};
enum attribute_verdict cloudevent_attribute(const struct incoming_event *event, const char *name, struct slice *text);

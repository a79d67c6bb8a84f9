/* The canonical model: what an event says, the same for every vendor. An adapter fills it, cloudevent.c writes it. */
#pragma once

#include "base/slice.h"
#include "base/timestamp.h"

enum event_type {
    EVENT_NONE,
    EVENT_CALL_DIALING,
    EVENT_CALL_RINGING,
    EVENT_CALL_ANSWERED,
    EVENT_CALL_ENDED,
    EVENT_CALL_RECORDED,
    EVENT_CALL_RECORDING_AVAILABLE,
    EVENT_CALL_TRANSCRIBED,
    EVENT_CALL_DISPOSITIONED,
    EVENT_CALL_MEDIA_DIAGNOSED,
    EVENT_AGENT_STATUS_CHANGED,
    EVENT_AGENT_LOGGED_IN,
    EVENT_AGENT_LOGGED_OUT,
    EVENT_TASK_FINISHED,
    EVENT_TASK_STATUS_CHANGED,
    EVENT_VENDOR_UNMAPPED,
    EVENT_TYPE_COUNT,
    EVENT_CUSTOM = EVENT_TYPE_COUNT, /* a company's own; its names stand beside the event */
};

/* "call.dialing" ... "vendor.unmapped". The CloudEvents type is "io.trunkline." + this + ".v1". */
const char *event_type_name(enum event_type type);

struct event_names {
    const char *name;        /* "call.ended" */
    struct slice type;       /* "io.trunkline.call.ended.v1" */
    struct slice dataschema; /* "urn:trunkline:schema:call.ended:v1": also the schema's $id */
};
const struct event_names *event_names(enum event_type type); /* but EVENT_CUSTOM */

/* A company's own type of events, by its configuration: whose data is whatever that says. */
struct custom_type {
    struct event_names names; /* name: the type less a ".v<n>" at its end */
    size_t index;             /* among those of its source */
    struct slice topic;       /* that it goes to, beside those of routes; followed by a NUL */
};

/* Enumerations whose zero means: the message does not tell. Their words stand in words.c. */
enum direction { DIRECTION_ABSENT, DIRECTION_INBOUND, DIRECTION_OUTBOUND };
enum call_kind {
    CALL_KIND_ABSENT,
    CALL_KIND_AGENT,
    CALL_KIND_WEBCALL,
    CALL_KIND_PREVIEW,
    CALL_KIND_AUTO,
    CALL_KIND_ROBOT,
    CALL_KIND_AXB,
    CALL_KIND_PREDICTIVE,
};
enum call_leg { CALL_LEG_ABSENT, CALL_LEG_AGENT, CALL_LEG_CUSTOMER };
enum record_kind { RECORD_ABSENT, RECORD_BASIC, RECORD_FULL };
enum agent_state {
    AGENT_STATE_ABSENT,
    AGENT_STATE_IDLE,
    AGENT_STATE_BUSY,
    AGENT_STATE_DIALING,
    AGENT_STATE_RINGING,
    AGENT_STATE_TALKING,
    AGENT_STATE_WRAP_UP,
    AGENT_STATE_HELD,
    AGENT_STATE_MUTED,
    AGENT_STATE_DISCONNECTED,
    AGENT_STATE_INVALID,
    AGENT_STATE_CUSTOM,
};
enum outcome_status {
    OUTCOME_ABSENT,
    OUTCOME_ANSWERED,
    OUTCOME_NO_ANSWER,
    OUTCOME_AGENT_NO_ANSWER,
    OUTCOME_BUSY,
    OUTCOME_REJECTED,
    OUTCOME_UNREACHABLE,
    OUTCOME_POWERED_OFF,
    OUTCOME_SUSPENDED,
    OUTCOME_INVALID_NUMBER,
    OUTCOME_RESTRICTED,
    OUTCOME_CANCELLED,
    OUTCOME_TIMEOUT,
    OUTCOME_ABANDONED_IN_QUEUE,
    OUTCOME_ENDED_IN_IVR,
    OUTCOME_NETWORK_FAILURE,
    OUTCOME_FAILED,
    OUTCOME_UNKNOWN,
};
enum call_party { PARTY_ABSENT, PARTY_CALLER, PARTY_CALLEE };
enum hung_up_by { HUNG_UP_BY_ABSENT, HUNG_UP_BY_AGENT, HUNG_UP_BY_CUSTOMER, HUNG_UP_BY_SYSTEM, HUNG_UP_BY_UNKNOWN };
enum recording_kind {
    RECORDING_ABSENT,
    RECORDING_MIXED,
    RECORDING_STEREO,
    RECORDING_AGENT,
    RECORDING_CUSTOMER,
    RECORDING_VOICEMAIL,
};
enum tristate { TRISTATE_ABSENT, TRISTATE_FALSE, TRISTATE_TRUE };

/* In all of what follows an empty slice, an absent timestamp and a zero count mean: absent. Numbers are slices that
 * hold JSON numbers, so that no vendor's digit is lost. Texts are UTF-8 and live as long as the callback's arena. */

struct call_data {
    struct slice id, super_id, relation_id, action_id;
    enum direction direction;
    enum call_kind kind;
    enum call_leg leg; /* whose phone the event is about */
    struct slice caller, callee, customer, display_number, virtual_number, trunk_number;
};

struct agent_data {
    struct slice number, name, id, login_type, logout_type, offline_type;
    struct slice status_number; /* number */
    struct slice status_name;
    enum agent_state state;
};

struct queue_data {
    struct slice number, name;
};

struct times_data {
    struct timestamp started, dialed, agent_dialed, customer_dialed, rang, answered, system_answered, agent_answered,
        customer_answered, bridged, queued, hung_up, ended, created;
};

struct durations_data { /* numbers, in seconds, the vendor's own */
    struct slice ring, agent_ring, talk, wait, total, recording;
};

struct outcome_data {
    enum outcome_status status;
    enum call_party party;
    struct slice vendor_code, vendor_reason;
    enum hung_up_by hung_up_by;
    enum tristate transferred;
};

struct recording {
    struct slice url; /* absolute */
    enum recording_kind kind;
    struct slice duration_seconds, size_bytes; /* numbers */
};

struct column {
    struct slice name, value;
};

struct task_data {
    struct slice id, name, plan_name, item_id;
    struct slice row_index; /* number */
    const struct column *row;
    size_t row_count;
    struct slice tries; /* number */
    struct slice status;
};

struct turn {
    struct slice seq; /* number */
    struct slice role, text;
    struct slice node_id, node_name, node_type;
    struct slice intent_name, intent_description;
    struct slice hits; /* JSON array */
    struct timestamp started, spoke;
};

struct transcript_data {
    const struct turn *turns;
    size_t turn_count;
    struct slice intent_highest, intent_lowest;
};

struct diagnosis_data {
    struct slice reason, code, keyword;
    struct slice segments; /* JSON array */
};

struct place {
    struct slice country, country_code, province, city, area_code;
};

struct canonical_event {
    enum event_type type;
    const struct custom_type *custom; /* where type is EVENT_CUSTOM */
    struct slice custom_data;    /* where type is EVENT_CUSTOM: a JSON object's text, which begins and ends with its
                                  * braces and has no member `vendor`: that is added */
    struct slice key;            /* the vendor's key: id is <adapter>-<key>-<type name><suffix> */
    struct slice suffix;         /* "-full", "-basic", "-<16 hex>" or empty */
    struct slice subject;        /* partition key and subject */
    struct slice correlation_id; /* the command that caused it */
    struct timestamp time;       /* absent: when it was received */

    struct call_data call;
    enum record_kind record;
    struct agent_data agent;
    struct queue_data queue;
    struct times_data times;
    struct durations_data durations;
    struct outcome_data outcome;
    const struct recording *recordings;
    size_t recording_count;
    struct task_data task;
    struct transcript_data transcript;
    struct diagnosis_data diagnosis;
    struct place customer_location, agent_location;
    struct slice extras; /* JSON text: what the company itself gave the call */
    struct slice vendor; /* JSON text: the vendor's message, every field */

    struct canonical_event *next; /* of the same callback */
};

/* The names of the event's type, whosever it is. */
static inline const struct event_names *
event_own_names(const struct canonical_event *event)
{
    return event->type == EVENT_CUSTOM ? &event->custom->names : event_names(event->type);
}

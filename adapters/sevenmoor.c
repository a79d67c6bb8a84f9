/* The adapter of 7moor (容联七陌 v7): tells the pushes of the document's section 3 apart and turns those of calls and
 * agents into events. Call records are sevenmoor_record.c's. */
#include "adapters/sevenmoor.h"

#include "adapters/fields.h"
#include "adapters/message.h"
#include "adapters/sevenmoor_calls.h"
#include "base/json_writer.h"

/* callType (3.1 and others). */
static const struct call_type {
    const char *word;
    enum direction direction;
    enum call_kind kind;
} call_types[] = {
    {"incoming", DIRECTION_INBOUND, CALL_KIND_AGENT},    {"dialout", DIRECTION_OUTBOUND, CALL_KIND_AGENT},
    {"webcall", DIRECTION_OUTBOUND, CALL_KIND_WEBCALL},  {"previewDialout", DIRECTION_OUTBOUND, CALL_KIND_PREVIEW},
    {"autoDialout", DIRECTION_OUTBOUND, CALL_KIND_AUTO},
};

/* callEvent: what happened to the call, whose phone it is about when a push tells it by itself, and which of the call's
 * times statusTime then is (offset 0: none). */
static const struct moment {
    const char *word;
    enum event_type type;
    enum call_leg leg;
    size_t time, also;
} moments[] = {
    {"calling", EVENT_CALL_DIALING, CALL_LEG_ABSENT, offsetof(struct canonical_event, times.dialed), 0},
    {"ring", EVENT_CALL_RINGING, CALL_LEG_AGENT, offsetof(struct canonical_event, times.rang), 0},
    {"link", EVENT_CALL_ANSWERED, CALL_LEG_CUSTOMER, offsetof(struct canonical_event, times.answered), 0},
    {"hangup", EVENT_CALL_ENDED, CALL_LEG_ABSENT, offsetof(struct canonical_event, times.hung_up),
     offsetof(struct canonical_event, times.ended)},
};

/* statusNumber (3.7), 0 to 9; from 100 on they are the company's own. */
static const enum agent_state agent_states[] = {
    AGENT_STATE_IDLE,    AGENT_STATE_BUSY, AGENT_STATE_DIALING, AGENT_STATE_RINGING,      AGENT_STATE_TALKING,
    AGENT_STATE_WRAP_UP, AGENT_STATE_HELD, AGENT_STATE_MUTED,   AGENT_STATE_DISCONNECTED, AGENT_STATE_INVALID,
};
#define AGENT_STATUS_COUNT  ((int)(sizeof(agent_states) / sizeof(agent_states[0])))
#define AGENT_STATUS_CUSTOM 100

static const struct field common_texts[] = {
    FIELD("customerNumber", call.customer),  FIELD("displayNumber", call.display_number),
    FIELD("trunkNumber", call.trunk_number), FIELD("agentNumber", agent.number),
    FIELD("agentName", agent.name),          {NULL, 0},
};

/* 3.9. */
static const struct field session_texts[] = {
    FIELD("loginType", agent.login_type),
    FIELD("logoutType", agent.logout_type),
    FIELD("offlineType", agent.offline_type),
    {NULL, 0},
};

/* 3.8. */
static const struct field diagnosis_texts[] = {
    FIELD("preMediaFailureReason", diagnosis.reason),
    FIELD("preMediaFailureReason", outcome.vendor_reason),
    FIELD("preMediaCode", diagnosis.code),
    FIELD("preMediaCode", outcome.vendor_code),
    FIELD("preMediaKeyWord", diagnosis.keyword),
    {NULL, 0},
};
static const struct message_word diagnosis_reasons[] = {
    {"onThePhone", OUTCOME_BUSY},
    {NULL, OUTCOME_UNKNOWN},
};

static const struct adapter_setting settings[] = {
    {"answer", "{\"success\":true}", false, "the JSON that 7moor takes as accepted; its document names none"},
    {NULL, NULL, false, NULL},
};
enum { SETTING_ANSWER };

/* --- what all pushes have in common --- */

struct slice
sevenmoor_text(const struct sevenmoor_push *push, const char *name)
{
    struct slice text = message_text(push->message, name);

    return slice_empty(text) && push->outer != push->message ? message_text(push->outer, name) : text;
}

/* An object without our member in it; the empty slice when nothing else is. */
static struct slice
without_command(const struct value *extras, struct arena *arena)
{
    struct json_writer writer;

    if (extras->count <= 1) {
        return (struct slice){NULL, 0};
    }
    json_writer_init(&writer, arena, extras->raw.length);
    json_open(&writer, '{');
    for (const struct value *member = extras->first; member != NULL; member = member->next) {
        if (slice_is(member->name, SEVENMOOR_COMMAND_MEMBER)) {
            continue;
        }
        json_name(&writer, member->name);
        json_value(&writer, member);
    }
    json_close(&writer, '}');
    return json_finish(&writer);
}

/* What the company gave the call comes out as it went in: without what a command of ours put there. `{}` is what 7moor
 * wants where there is nothing to give. */
static void
read_extras(const struct sevenmoor_push *push, struct canonical_event *event)
{
    const struct value *extras = value_member(push->message, "extras");
    struct arena *arena = push->callback->arena;

    if (!message_has(push->message, "extras") || (extras->kind == VALUE_OBJECT && extras->count == 0)) {
        return;
    }
    event->correlation_id = message_text(extras, SEVENMOOR_COMMAND_MEMBER);
    if (slice_empty(event->correlation_id)) {
        event->extras = field_json(extras, arena);
    } else if (extras->count == 2 && message_has(extras, SEVENMOOR_WRAPPED_MEMBER)) {
        event->extras = field_json(value_member(extras, SEVENMOOR_WRAPPED_MEMBER), arena);
    } else {
        event->extras = without_command(extras, arena);
    }
}

static void
read_call(const struct sevenmoor_push *push, struct canonical_event *event)
{
    struct call_data *call = &event->call;
    struct slice super_id = sevenmoor_text(push, "superUniqueId");
    struct slice type = message_text(push->message, "callType");

    call->id = push->call_id;
    if (!slice_equal(super_id, call->id)) {
        call->super_id = super_id;
    }
    for (size_t i = 0; i < sizeof(call_types) / sizeof(call_types[0]); i++) {
        if (slice_is(type, call_types[i].word)) {
            call->direction = call_types[i].direction;
            call->kind = call_types[i].kind;
        }
    }
    if (call->direction == DIRECTION_INBOUND) {
        call->caller = call->customer;
        call->callee = call->trunk_number;
    } else if (call->direction == DIRECTION_OUTBOUND) {
        call->caller = call->display_number;
        call->callee = call->customer;
    }
}

struct canonical_event *
sevenmoor_add(const struct sevenmoor_push *push, enum event_type type, struct slice key, struct slice subject)
{
    struct canonical_event *event = conversion_add(push->conversion, push->callback->arena);

    if (event == NULL) {
        return NULL;
    }
    event->type = type;
    event->key = key;
    event->subject = subject;
    fields_read_texts(common_texts, push->message, event);
    read_call(push, event);
    read_extras(push, event);
    event->vendor = vendor_json(push->callback);
    return event;
}

/* --- pushes of calls and agents --- */

static struct slice
event_id(const struct sevenmoor_push *push)
{
    struct slice id = sevenmoor_text(push, "eventUniqueId");

    if (slice_empty(id)) {
        id = sevenmoor_text(push, "uniqueId");
    }
    return slice_empty(id) ? callback_hash(push->callback) : id;
}

/* Epoch seconds in pushes of calls, "YYYY-MM-DD HH:MM:SS" in those of 3.9. */
static struct timestamp
status_time(const struct sevenmoor_push *push)
{
    struct slice text = message_text(push->message, "statusTime");
    bool is_date = text.length > 0 && memchr(text.data, '-', text.length) != NULL;

    return is_date ? message_time_local(push->callback, push->conversion, push->message, "statusTime")
                   : message_time_seconds(push->callback, push->conversion, push->message, "statusTime");
}

static const struct moment *
moment_of(const struct sevenmoor_push *push)
{
    for (size_t i = 0; i < sizeof(moments) / sizeof(moments[0]); i++) {
        if (slice_is(push->call_event, moments[i].word)) {
            return &moments[i];
        }
    }
    return NULL;
}

/* statusTime is the event's own and, where the push has a callEvent, one of the call's. */
static void
read_status_time(const struct sevenmoor_push *push, const struct moment *moment, struct canonical_event *event)
{
    event->time = status_time(push);
    if (moment == NULL) {
        return;
    }
    *(struct timestamp *)((char *)event + moment->time) = event->time;
    if (moment->also != 0) {
        *(struct timestamp *)((char *)event + moment->also) = event->time;
    }
}

/* 3.1, 3.2, 3.4, 3.6. */
static bool
convert_moment(const struct sevenmoor_push *push, const struct moment *moment)
{
    struct canonical_event *event;

    if (slice_empty(push->call_id)) {
        return conversion_fail(push->conversion, "missing_key", "neither callUniqueId nor superUniqueId");
    }
    event = sevenmoor_add(push, moment->type, event_id(push), push->call_id);
    if (event == NULL) {
        return false;
    }
    event->call.leg = moment->leg;
    read_status_time(push, moment, event);
    return true;
}

/* An event whose subject is the agent. */
static struct canonical_event *
add_agent_event(const struct sevenmoor_push *push, enum event_type type)
{
    struct slice account = push->callback->account;
    struct slice agent = message_text(push->message, "agentNumber");

    if (slice_empty(agent)) {
        (void)conversion_fail(push->conversion, "missing_key", "no agentNumber");
        return NULL;
    }
    return sevenmoor_add(push, type, event_id(push),
                         arena_printf(push->callback->arena, "%.*s/%.*s", SLICE_ARGS(account), SLICE_ARGS(agent)));
}

static void
read_agent_status(const struct sevenmoor_push *push, struct agent_data *agent)
{
    int code = message_code(push->message, "statusNumber");

    agent->status_number = message_number(push->conversion, push->message, "statusNumber");
    agent->status_name = message_text(push->message, "statusName");
    if (code >= 0 && code < AGENT_STATUS_COUNT) {
        agent->state = agent_states[code];
    } else if (code >= AGENT_STATUS_CUSTOM) {
        agent->state = AGENT_STATE_CUSTOM;
    }
}

/* Of dialling, and of an incoming call's ringing, the status of the agent is the only push (3.3). */
static bool
told_by_status_alone(const struct moment *moment, const struct canonical_event *event)
{
    return moment != NULL && (moment->type == EVENT_CALL_DIALING ||
                              (moment->type == EVENT_CALL_RINGING && event->call.direction == DIRECTION_INBOUND));
}

/* 3.3, 3.7. */
static bool
convert_status(const struct sevenmoor_push *push, const struct moment *moment)
{
    struct canonical_event *event = add_agent_event(push, EVENT_AGENT_STATUS_CHANGED);
    struct canonical_event *call_event;

    if (event == NULL) {
        return false;
    }
    read_agent_status(push, &event->agent);
    read_status_time(push, moment, event);
    /* Without a call id there is no call to tell of; the agent's status stands all the same. */
    if (!told_by_status_alone(moment, event) || slice_empty(push->call_id)) {
        return true;
    }
    call_event = conversion_add(push->conversion, push->callback->arena);
    if (call_event == NULL) {
        return false;
    }
    *call_event = *event;
    call_event->next = NULL;
    call_event->type = moment->type;
    call_event->subject = push->call_id;
    return true;
}

/* 3.8. Its table puts the segments into `content`. */
static bool
convert_diagnosis(const struct sevenmoor_push *push)
{
    const struct value *segments = value_member(value_member(push->outer, "content"), "segments");
    struct canonical_event *event;

    if (slice_empty(push->call_id)) {
        return conversion_fail(push->conversion, "missing_key", "neither callUniqueId nor superUniqueId");
    }
    event = sevenmoor_add(push, EVENT_CALL_MEDIA_DIAGNOSED, event_id(push), push->call_id);
    if (event == NULL) {
        return false;
    }
    fields_read_texts(diagnosis_texts, push->message, event);
    if (segments != NULL && segments->kind == VALUE_ARRAY) {
        event->diagnosis.segments = field_json(segments, push->callback->arena);
    }
    if (slice_empty(event->diagnosis.reason) && slice_empty(event->diagnosis.code)) {
        return true;
    }
    event->outcome.status =
        (enum outcome_status)message_word(diagnosis_reasons, event->diagnosis.reason, OUTCOME_UNKNOWN);
    if (event->outcome.status == OUTCOME_UNKNOWN) {
        push->conversion->unknown_codes++;
    }
    return true;
}

/* 3.9. */
static bool
convert_session(const struct sevenmoor_push *push, enum event_type type)
{
    struct canonical_event *event = add_agent_event(push, type);

    if (event == NULL) {
        return false;
    }
    fields_read_texts(session_texts, push->message, event);
    event->time = status_time(push);
    return true;
}

/* --- the adapter --- */

static struct sevenmoor_push
push_open(const struct callback *callback, struct conversion *conversion)
{
    struct sevenmoor_push push = {callback, conversion, callback->message, callback->message, {0}, {0}, {0}};
    const struct value *content = value_member(callback->message, "content");

    if (!slice_empty(message_text(content, "callEvent"))) { /* 3.6; the content of 3.8 is another thing */
        push.message = content;
    }
    push.push_type = sevenmoor_text(&push, "pushType");
    push.call_event = message_text(push.message, "callEvent");
    push.call_id = sevenmoor_text(&push, "callUniqueId");
    if (slice_empty(push.call_id)) {
        push.call_id = sevenmoor_text(&push, "superUniqueId");
    }
    return push;
}

static bool
sevenmoor_convert(const struct callback *callback, struct conversion *conversion)
{
    struct sevenmoor_push push = push_open(callback, conversion);
    const struct moment *moment = moment_of(&push);
    bool status = slice_is(push.push_type, "callStatus") || message_has(push.message, "statusNumber");

    if (callback->format != BODY_JSON) {
        return conversion_unmapped(callback, conversion, push.call_id);
    }
    if (status) {
        return convert_status(&push, moment);
    }
    if (moment != NULL) {
        return convert_moment(&push, moment);
    }
    if (slice_is(push.push_type, "cdr") || message_has(push.message, "cdrType")) {
        return sevenmoor_convert_record(&push);
    }
    if (slice_is(push.push_type, "mediaFailreason")) {
        return convert_diagnosis(&push);
    }
    if (slice_is(push.push_type, "login")) {
        return convert_session(&push, EVENT_AGENT_LOGGED_IN);
    }
    if (slice_is(push.push_type, "logout")) {
        return convert_session(&push, EVENT_AGENT_LOGGED_OUT);
    }
    return conversion_unmapped(callback, conversion, push.call_id);
}

static struct answer
sevenmoor_answer(const struct callback *callback)
{
    return (struct answer){SLICE("application/json"), callback->settings[SETTING_ANSWER]};
}

static const char *const endpoints[] = {NULL};

const struct adapter adapter_sevenmoor = {
    .name = "7moor",
    .title = "7moor (容联七陌 v7)",
    .endpoints = endpoints,
    .retries = false, /* its document promises none */
    .budget_ms = 1000,
    .settings = settings,
    .kinds = sevenmoor_kinds,
    .convert = sevenmoor_convert,
    .answer = sevenmoor_answer,
    .calls = &sevenmoor_calls,
};

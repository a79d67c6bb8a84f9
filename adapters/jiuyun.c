/* 玖云 AXB (33e9cloud): one callback when a call through a bound number has ended, as XML or as JSON; unsigned. */
#include "adapters/fields.h"
#include "adapters/message.h"

static const char *const endpoints[] = {NULL};

static const struct adapter_setting settings[] = {{0}};

/* Section 3 of the document, whose example ends before it starts. */
static const struct adapter_kind kinds[] = {
    {"Hangup", "", BODY_XML,
     "<?xml version='1.0'?>\n"
     "<req>\n"
     "    <action>Hangup</action>\n"
     "    <type>22</type>\n"
     "    <appId>7290fa01293c483fb2709c690f213272</appId>\n"
     "    <callId>9f1ffdf1273511e7a80d000c29779dd9</callId>\n"
     "    <telX>18643210001</telX>\n"
     "    <startTime>20170911145109</startTime>\n"
     "    <endTime>20170422163810</endTime>\n"
     "    <duration>0</duration>\n"
     "    <byeType>0</byeType>\n"
     "    <dateCreated>20161106190844</dateCreated>\n"
     "    <recordUrl>http://xxx.xx/download/record1</recordUrl>\n"
     "</req>\n"},
    {"Hangup, JSON", "", BODY_JSON,
     "{\"req\":{\"action\":\"Hangup\",\"type\":22,\"appId\":\"7290fa01293c483fb2709c690f213272\","
     "\"callId\":\"9f1ffdf1273511e7a80d000c29779dda\",\"telX\":\"18643210001\",\"caller\":\"13800000001\","
     "\"called\":\"13800000002\",\"startTime\":\"20170911145109\",\"endTime\":\"20170911145230\",\"duration\":\"65\","
     "\"byeType\":\"0\",\"dateCreated\":\"20170911145231\",\"recordUrl\":\"\"}}"},
    {0},
};

/* byeType. A and B are read as caller and callee, which the document does not say. */
struct bye {
    const char *type; /* NULL ends the table */
    enum outcome_status status;
    enum call_party party;
    enum hung_up_by hung_up_by;
    bool connected; /* the status is no_answer where the call has no duration */
};
static const struct bye byes[] = {
    {"0", OUTCOME_ANSWERED, PARTY_ABSENT, HUNG_UP_BY_ABSENT, true},
    {"1", OUTCOME_UNREACHABLE, PARTY_CALLER, HUNG_UP_BY_ABSENT, false},
    {"2", OUTCOME_UNREACHABLE, PARTY_CALLEE, HUNG_UP_BY_ABSENT, false},
    {"3", OUTCOME_BUSY, PARTY_CALLER, HUNG_UP_BY_ABSENT, false},
    {"4", OUTCOME_BUSY, PARTY_CALLEE, HUNG_UP_BY_ABSENT, false},
    {"5", OUTCOME_ANSWERED, PARTY_ABSENT, HUNG_UP_BY_SYSTEM, true},
    {"6", OUTCOME_FAILED, PARTY_ABSENT, HUNG_UP_BY_ABSENT, false},
    {"7", OUTCOME_NETWORK_FAILURE, PARTY_ABSENT, HUNG_UP_BY_ABSENT, false},
    {"255", OUTCOME_UNKNOWN, PARTY_ABSENT, HUNG_UP_BY_ABSENT, false},
    {0},
};

/* The members stand at the top, or in `req`: the XML's root is gone by now, the JSON form is not documented. */
static const struct value *
request(const struct value *message)
{
    const struct value *wrapped = value_member(message, "req");

    return wrapped != NULL && wrapped->kind == VALUE_OBJECT ? wrapped : message;
}

static bool
is_positive(struct slice number)
{
    for (size_t i = 0; i < number.length; i++) {
        if (number.data[i] >= '1' && number.data[i] <= '9') {
            return number.data[0] != '-';
        }
    }
    return false;
}

static void
read_outcome(const struct value *req, struct conversion *conversion, struct canonical_event *event)
{
    struct outcome_data *outcome = &event->outcome;
    const struct bye *bye = byes;

    outcome->vendor_code = message_text(req, "byeType");
    if (slice_empty(outcome->vendor_code)) {
        return;
    }
    while (bye->type != NULL && !slice_is(outcome->vendor_code, bye->type)) {
        bye++;
    }
    if (bye->type == NULL) {
        outcome->status = OUTCOME_UNKNOWN;
        conversion->unknown_codes++;
        return;
    }
    outcome->status = bye->connected && !is_positive(event->durations.talk) ? OUTCOME_NO_ANSWER : bye->status;
    outcome->party = bye->party;
    outcome->hung_up_by = bye->hung_up_by;
}

/* What both events of a hang-up say. */
static struct canonical_event *
add_event(const struct callback *callback, struct conversion *conversion, const struct value *req, enum event_type type)
{
    struct canonical_event *event = conversion_add(conversion, callback->arena);

    if (event == NULL) {
        return NULL;
    }
    event->type = type;
    event->key = message_text(req, "callId");
    event->subject = event->key;
    event->call = (struct call_data){
        .id = event->key,
        .kind = CALL_KIND_AXB,
        .caller = message_text(req, "caller"),
        .callee = message_text(req, "called"),
        .virtual_number = message_text(req, "telX"),
    };
    event->vendor = vendor_json(callback);
    return event;
}

static bool
add_recording(const struct callback *callback, struct conversion *conversion, const struct value *req,
              struct timestamp time)
{
    struct slice url = message_text(req, "recordUrl");
    struct recording *recording;
    struct canonical_event *event;

    if (slice_empty(url)) {
        return true;
    }
    /* Events give absolute URLs, and what a relative one would be relative to is not documented. */
    if (!url_is_absolute(url)) {
        conversion->unreadable++;
        return true;
    }
    event = add_event(callback, conversion, req, EVENT_CALL_RECORDING_AVAILABLE);
    recording = arena_zalloc(callback->arena, 1, sizeof *recording);
    if (event == NULL || recording == NULL) {
        return false;
    }
    recording->url = url;
    event->recordings = recording;
    event->recording_count = 1;
    event->time = time;
    return true;
}

static bool
convert_hangup(const struct callback *callback, struct conversion *conversion, const struct value *req)
{
    struct canonical_event *event;

    if (slice_empty(message_text(req, "callId"))) {
        return conversion_fail(conversion, "missing_key", "a Hangup without callId");
    }
    event = add_event(callback, conversion, req, EVENT_CALL_ENDED);
    if (event == NULL) {
        return false;
    }
    event->times.started = message_time_compact(callback, conversion, req, "startTime");
    event->times.ended = message_time_compact(callback, conversion, req, "endTime");
    event->times.hung_up = event->times.ended;
    event->time = event->times.ended;
    event->durations.talk = message_number(conversion, req, "duration");
    read_outcome(req, conversion, event);
    return add_recording(callback, conversion, req, event->time);
}

static bool
convert(const struct callback *callback, struct conversion *conversion)
{
    const struct value *req = request(callback->message);

    if (slice_is(message_text(req, "action"), "Hangup")) {
        return convert_hangup(callback, conversion, req);
    }
    return conversion_unmapped(callback, conversion, message_text(req, "callId"));
}

static struct answer
answer(const struct callback *callback)
{
    static const struct answer xml = {
        SLICE("application/xml"),
        SLICE("<?xml version='1.0' encoding='utf-8'?>"
              "<Response><statusCode>0000</statusCode><statusMsg>Success</statusMsg></Response>"),
    };
    static const struct answer json = {
        SLICE("application/json"),
        SLICE("{\"statusCode\":\"0000\",\"statusMsg\":\"Success\"}"),
    };

    return callback->format == BODY_XML ? xml : json;
}

const struct adapter adapter_jiuyun = {
    .name = "jiuyun",
    .title = "玖云 AXB",
    .endpoints = endpoints,
    .retries = false,
    .budget_ms = 500,
    .settings = settings,
    .kinds = kinds,
    .convert = convert,
    .answer = answer,
};

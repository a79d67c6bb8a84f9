/* 7moor's call records: pushed (3.5), or a row of the list that one can ask for (2.13). */
#include "adapters/sevenmoor.h"

#include "adapters/fields.h"
#include "adapters/message.h"

static const struct field record_texts[] = {
    FIELD("actionId", call.action_id),
    FIELD("virtualNumber", call.virtual_number),
    FIELD("agentId", agent.id),
    FIELD("loginType", agent.login_type),
    FIELD("queueNumber", queue.number),
    FIELD("queueName", queue.name),
    FIELD("status", outcome.vendor_code),
    FIELD("customerCountry", customer_location.country),
    FIELD("customerCountryCode", customer_location.country_code),
    FIELD("customerProvince", customer_location.province),
    FIELD("customerCity", customer_location.city),
    FIELD("customerAreacode", customer_location.area_code),
    FIELD("customerAreaCode", customer_location.area_code),
    FIELD("agentCountry", agent_location.country),
    FIELD("agentCountryCode", agent_location.country_code),
    FIELD("agentProvince", agent_location.province),
    FIELD("agentCity", agent_location.city),
    FIELD("agentAreacode", agent_location.area_code), /* the table's spelling; the next is the example's */
    FIELD("agentAreaCode", agent_location.area_code),
    {NULL, 0},
};

static const struct field record_times[] = {
    FIELD("startTime", times.started),
    FIELD("agentStartTime", times.agent_dialed),
    FIELD("customerStartTime", times.customer_dialed),
    FIELD("systemAnswerTime", times.system_answered),
    FIELD("agentAnswerTime", times.agent_answered),
    FIELD("customerAnswerTime", times.customer_answered),
    FIELD("bridgeTime", times.bridged),
    FIELD("joinQueueTime", times.queued),
    FIELD("hangupTime", times.hung_up),
    FIELD("endTime", times.ended),
    FIELD("createTime", times.created),
    {NULL, 0},
};

static const struct field record_durations[] = {
    FIELD("customerRingDuration", durations.ring),
    FIELD("agentRingDuration", durations.agent_ring),
    FIELD("bridgeDuration", durations.talk),
    FIELD("waitDuration", durations.wait),
    FIELD("totalDuration", durations.total),
    FIELD("recordingDuration", durations.recording),
    {NULL, 0},
};

static const struct message_word statuses[] = {
    {"ANSWER", OUTCOME_ANSWERED},
    {"IVR", OUTCOME_ENDED_IN_IVR},
    {"QUEUE_ABANDON", OUTCOME_ABANDONED_IN_QUEUE},
    {"AGENT_NO_ANSWER", OUTCOME_AGENT_NO_ANSWER},
    {"CUSTOMER_NO_ANSWER", OUTCOME_NO_ANSWER}, /* failureReason may tell more */
    {NULL, OUTCOME_UNKNOWN},
};

/* failureReason of CUSTOMER_NO_ANSWER; requestTimeout, unknow and others say no more than the status. */
static const struct message_word failure_reasons[] = {
    {"forbidden", OUTCOME_RESTRICTED}, {"serviceUnavailable", OUTCOME_NETWORK_FAILURE},
    {"cancel", OUTCOME_CANCELLED},     {"decline", OUTCOME_REJECTED},
    {NULL, OUTCOME_NO_ANSWER},
};

static const struct message_word record_types[] = {
    {"normal", RECORDING_MIXED},
    {"doubleTrack", RECORDING_STEREO},
    {"voiceMail", RECORDING_VOICEMAIL},
    {NULL, RECORDING_ABSENT},
};

/* Where recordings are told; of the same file the first tells its kind. */
static const struct recording_rule {
    const char *name;
    enum recording_kind kind;
} recording_rules[] = {
    {"recordFileUrl", RECORDING_ABSENT}, /* recordType tells, and recordingDuration is of this one */
    {"doubleTrackFileUrl", RECORDING_STEREO}, {"agentFileUrl", RECORDING_AGENT},
    {"customerFileUrl", RECORDING_CUSTOMER},  {"voiceMailUrl", RECORDING_VOICEMAIL},
};
#define RECORDING_RULES (sizeof(recording_rules) / sizeof(recording_rules[0]))

static void
read_outcome(const struct sevenmoor_push *push, struct outcome_data *outcome)
{
    struct slice reason = message_text(push->message, "failureReason");
    struct slice side = message_text(push->message, "hangUpSide");

    if (!slice_is(reason, "0")) {
        outcome->vendor_reason = reason;
    }
    if (!slice_empty(outcome->vendor_code)) {
        outcome->status = (enum outcome_status)message_word(statuses, outcome->vendor_code, OUTCOME_UNKNOWN);
        if (outcome->status == OUTCOME_UNKNOWN) {
            push->conversion->unknown_codes++;
        }
    }
    if (outcome->status == OUTCOME_NO_ANSWER) {
        outcome->status = (enum outcome_status)message_word(failure_reasons, reason, OUTCOME_NO_ANSWER);
    }
    if (slice_is_nocase(side, "AGENT")) {
        outcome->hung_up_by = HUNG_UP_BY_AGENT;
    } else if (slice_is_nocase(side, "CUSTOMER")) {
        outcome->hung_up_by = HUNG_UP_BY_CUSTOMER;
    } else if (!slice_empty(side)) {
        outcome->hung_up_by = HUNG_UP_BY_UNKNOWN;
    }
}

/* A recording that can be fetched and is not listed yet. What is no whole URL counts as unreadable. */
static bool
is_new_url(struct conversion *conversion, const struct recording *recordings, size_t count, struct slice url)
{
    if (slice_empty(url)) {
        return false;
    }
    if (!url_is_absolute(url)) {
        conversion->unreadable++;
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (slice_equal(recordings[i].url, url)) {
            return false;
        }
    }
    return true;
}

static bool
read_recordings(const struct sevenmoor_push *push, struct canonical_event *event)
{
    struct recording *recordings = arena_zalloc(push->callback->arena, RECORDING_RULES, sizeof(*recordings));
    size_t count = 0;

    if (recordings == NULL) {
        return false;
    }
    for (size_t i = 0; i < RECORDING_RULES; i++) {
        struct slice url = message_text(push->message, recording_rules[i].name);

        if (!is_new_url(push->conversion, recordings, count, url)) {
            continue;
        }
        recordings[count].url = url;
        recordings[count].kind = recording_rules[i].kind;
        if (i == 0) {
            recordings[count].kind = (enum recording_kind)message_word(
                record_types, message_text(push->message, "recordType"), RECORDING_ABSENT);
            recordings[count].duration_seconds = event->durations.recording;
        }
        count++;
    }
    event->recordings = recordings;
    event->recording_count = count;
    return true;
}

/* A record names more of the two ends than the pushes during the call do. */
static void
read_ends(const struct sevenmoor_push *push, struct call_data *call)
{
    if (call->direction == DIRECTION_INBOUND && slice_empty(call->callee)) {
        call->callee = message_text(push->message, "hotLineNumber");
    }
    if (call->direction == DIRECTION_OUTBOUND && !slice_empty(call->virtual_number)) {
        call->caller = call->virtual_number;
    }
}

bool
sevenmoor_convert_record(const struct sevenmoor_push *push)
{
    struct sevenmoor_push record = *push;
    struct canonical_event *event;

    if (slice_empty(record.call_id) && slice_empty(push->push_type)) { /* a row of 2.13 */
        record.call_id = message_text(push->message, "_id");
    }
    if (slice_empty(record.call_id)) {
        return conversion_fail(push->conversion, "missing_key", "neither callUniqueId nor superUniqueId");
    }
    event = sevenmoor_add(&record, EVENT_CALL_RECORDED, record.call_id, record.call_id);
    if (event == NULL) {
        return false;
    }
    event->record = RECORD_FULL;
    fields_read_texts(record_texts, push->message, event);
    fields_read_times(record_times, message_time_local, push->message, push->callback, push->conversion, event);
    fields_read_numbers(record_durations, push->message, push->conversion, event);
    event->times.answered = event->times.bridged;
    event->time = event->times.ended.present ? event->times.ended : event->times.created;
    read_ends(push, &event->call);
    read_outcome(push, &event->outcome);
    return read_recordings(push, event);
}

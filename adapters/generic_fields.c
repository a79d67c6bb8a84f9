/* The members of our own events that a mapping can fill: as data calls them, with what each takes. */
#include "adapters/generic_events.h"
#include "event/words.h"

#define ROW(target, form, member, words)                                                                               \
    {                                                                                                                  \
        (target), (form), offsetof(struct generic_event, member), (words)                                              \
    }
#define TEXT(target, member)        ROW(target, FIELD_TEXT, event.member, NULL)
#define WORD(target, member, words) ROW(target, FIELD_TEXT, event.member, words)
#define NUMBER(target, member)      ROW(target, FIELD_NUMBER, event.member, NULL)
#define TIME(target, member)        ROW(target, FIELD_TIME, event.member, NULL)

const struct generic_field generic_fields[] = {
    TEXT("call.id", call.id),
    TEXT("call.super_id", call.super_id),
    TEXT("call.relation_id", call.relation_id),
    TEXT("call.action_id", call.action_id),
    WORD("call.direction", call.direction, direction_words),
    WORD("call.kind", call.kind, call_kind_words),
    WORD("call.leg", call.leg, call_leg_words),
    TEXT("call.caller", call.caller),
    TEXT("call.callee", call.callee),
    TEXT("call.customer", call.customer),
    TEXT("call.display_number", call.display_number),
    TEXT("call.virtual_number", call.virtual_number),
    TEXT("call.trunk_number", call.trunk_number),

    WORD("record", record, record_kind_words),

    TEXT("agent.number", agent.number),
    TEXT("agent.name", agent.name),
    TEXT("agent.id", agent.id),
    TEXT("agent.login_type", agent.login_type),
    TEXT("agent.logout_type", agent.logout_type),
    TEXT("agent.offline_type", agent.offline_type),
    NUMBER("agent.status.number", agent.status_number),
    TEXT("agent.status.name", agent.status_name),
    WORD("agent.status.state", agent.state, agent_state_words),

    TEXT("queue.number", queue.number),
    TEXT("queue.name", queue.name),

    TIME("times.started", times.started),
    TIME("times.dialed", times.dialed),
    TIME("times.agent_dialed", times.agent_dialed),
    TIME("times.customer_dialed", times.customer_dialed),
    TIME("times.rang", times.rang),
    TIME("times.answered", times.answered),
    TIME("times.system_answered", times.system_answered),
    TIME("times.agent_answered", times.agent_answered),
    TIME("times.customer_answered", times.customer_answered),
    TIME("times.bridged", times.bridged),
    TIME("times.queued", times.queued),
    TIME("times.hung_up", times.hung_up),
    TIME("times.ended", times.ended),
    TIME("times.created", times.created),

    NUMBER("durations.ring_seconds", durations.ring),
    NUMBER("durations.agent_ring_seconds", durations.agent_ring),
    NUMBER("durations.talk_seconds", durations.talk),
    NUMBER("durations.wait_seconds", durations.wait),
    NUMBER("durations.total_seconds", durations.total),
    NUMBER("durations.recording_seconds", durations.recording),

    WORD("outcome.status", outcome.status, outcome_words),
    WORD("outcome.party", outcome.party, party_words),
    TEXT("outcome.vendor_code", outcome.vendor_code),
    TEXT("outcome.vendor_reason", outcome.vendor_reason),
    WORD("outcome.hung_up_by", outcome.hung_up_by, hung_up_by_words),
    ROW("outcome.transferred", FIELD_SWITCH, event.outcome.transferred, NULL),

    /* The one recording that a mapping can tell of: the first of `recordings`. */
    ROW("recording.url", FIELD_TEXT, recording.url, NULL),
    ROW("recording.kind", FIELD_TEXT, recording.kind, recording_kind_words),
    ROW("recording.duration_seconds", FIELD_NUMBER, recording.duration_seconds, NULL),
    ROW("recording.size_bytes", FIELD_NUMBER, recording.size_bytes, NULL),

    TEXT("task.id", task.id),
    TEXT("task.name", task.name),
    TEXT("task.plan_name", task.plan_name),
    TEXT("task.item_id", task.item_id),
    NUMBER("task.row_index", task.row_index),
    NUMBER("task.tries", task.tries),
    TEXT("task.status", task.status),

    TEXT("transcript.intent_highest", transcript.intent_highest),
    TEXT("transcript.intent_lowest", transcript.intent_lowest),

    TEXT("diagnosis.reason", diagnosis.reason),
    TEXT("diagnosis.code", diagnosis.code),
    TEXT("diagnosis.keyword", diagnosis.keyword),

    TEXT("location.customer.country", customer_location.country),
    TEXT("location.customer.country_code", customer_location.country_code),
    TEXT("location.customer.province", customer_location.province),
    TEXT("location.customer.city", customer_location.city),
    TEXT("location.customer.area_code", customer_location.area_code),
    TEXT("location.agent.country", agent_location.country),
    TEXT("location.agent.country_code", agent_location.country_code),
    TEXT("location.agent.province", agent_location.province),
    TEXT("location.agent.city", agent_location.city),
    TEXT("location.agent.area_code", agent_location.area_code),

    ROW("extras", FIELD_JSON, event.extras, NULL),
    {0},
};

const struct generic_field *
generic_field_find(struct slice target)
{
    for (const struct generic_field *row = generic_fields; row->target != NULL; row++) {
        if (slice_is(target, row->target)) {
            return row;
        }
    }
    return NULL;
}

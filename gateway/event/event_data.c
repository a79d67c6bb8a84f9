/* The data object's members as tables, one table an object: the one place to see what an event can say. */
#include "event/event_data.h"

#include <stddef.h>

#include "event/words.h"

enum member_kind {
    MEMBER_TEXT,
    MEMBER_JSON,   /* a slice of JSON text: numbers, arrays, whole messages */
    MEMBER_TIME,   /* a timestamp */
    MEMBER_WORD,   /* an enumeration: words[value]; zero is absent */
    MEMBER_TRUTH,  /* a tristate */
    MEMBER_OBJECT, /* members, whose offsets count from `offset` */
    MEMBER_LIST,   /* a pointer at `offset` to elements of `size` bytes, and their number at `count` */
    MEMBER_ROW,    /* the same of struct column: an object of texts */
};

struct member {
    struct slice name;
    enum member_kind kind;
    size_t offset; /* in the structure that the table is about */
    const char *const *words;
    const struct member *members; /* ends with an empty name */
    size_t count, size;
};

#define MEMBER(kind, type, field, name, words, members)                                                                \
    {                                                                                                                  \
        SLICE(name), kind, offsetof(struct type, field), words, members, 0, 0                                          \
    }
#define TEXT(type, field, name)         MEMBER(MEMBER_TEXT, type, field, name, NULL, NULL)
#define JSON(type, field, name)         MEMBER(MEMBER_JSON, type, field, name, NULL, NULL)
#define TIME(type, field, name)         MEMBER(MEMBER_TIME, type, field, name, NULL, NULL)
#define WORD(type, field, name, words)  MEMBER(MEMBER_WORD, type, field, name, words, NULL)
#define TRUTH(type, field, name)        MEMBER(MEMBER_TRUTH, type, field, name, NULL, NULL)
#define OBJECT(type, field, name, list) MEMBER(MEMBER_OBJECT, type, field, name, NULL, list)
/* An object that the structure itself does not have: its members' offsets count from the structure. */
#define GROUP(name, list)                                                                                              \
    {                                                                                                                  \
        SLICE(name), MEMBER_OBJECT, 0, NULL, list, 0, 0                                                                \
    }
#define LIST(kind, type, field, number, name, list, element)                                                           \
    {                                                                                                                  \
        SLICE(name), kind, offsetof(struct type, field), NULL, list, offsetof(struct type, number),                    \
            sizeof(struct element)                                                                                     \
    }
#define END                                                                                                            \
    {                                                                                                                  \
        {NULL, 0}, MEMBER_TEXT, 0, NULL, NULL, 0, 0                                                                    \
    }

static const struct member call_members[] = {
    TEXT(call_data, id, "id"),
    TEXT(call_data, super_id, "super_id"),
    TEXT(call_data, relation_id, "relation_id"),
    TEXT(call_data, action_id, "action_id"),
    WORD(call_data, direction, "direction", direction_words),
    WORD(call_data, kind, "kind", call_kind_words),
    WORD(call_data, leg, "leg", call_leg_words),
    TEXT(call_data, caller, "caller"),
    TEXT(call_data, callee, "callee"),
    TEXT(call_data, customer, "customer"),
    TEXT(call_data, display_number, "display_number"),
    TEXT(call_data, virtual_number, "virtual_number"),
    TEXT(call_data, trunk_number, "trunk_number"),
    END,
};

static const struct member agent_status_members[] = {
    JSON(agent_data, status_number, "number"),
    TEXT(agent_data, status_name, "name"),
    WORD(agent_data, state, "state", agent_state_words),
    END,
};

static const struct member agent_members[] = {
    TEXT(agent_data, number, "number"),
    TEXT(agent_data, name, "name"),
    TEXT(agent_data, id, "id"),
    TEXT(agent_data, login_type, "login_type"),
    TEXT(agent_data, logout_type, "logout_type"),
    TEXT(agent_data, offline_type, "offline_type"),
    GROUP("status", agent_status_members),
    END,
};

static const struct member queue_members[] = {
    TEXT(queue_data, number, "number"),
    TEXT(queue_data, name, "name"),
    END,
};

static const struct member times_members[] = {
    TIME(times_data, started, "started"),
    TIME(times_data, dialed, "dialed"),
    TIME(times_data, agent_dialed, "agent_dialed"),
    TIME(times_data, customer_dialed, "customer_dialed"),
    TIME(times_data, rang, "rang"),
    TIME(times_data, answered, "answered"),
    TIME(times_data, system_answered, "system_answered"),
    TIME(times_data, agent_answered, "agent_answered"),
    TIME(times_data, customer_answered, "customer_answered"),
    TIME(times_data, bridged, "bridged"),
    TIME(times_data, queued, "queued"),
    TIME(times_data, hung_up, "hung_up"),
    TIME(times_data, ended, "ended"),
    TIME(times_data, created, "created"),
    END,
};

static const struct member durations_members[] = {
    JSON(durations_data, ring, "ring_seconds"),
    JSON(durations_data, agent_ring, "agent_ring_seconds"),
    JSON(durations_data, talk, "talk_seconds"),
    JSON(durations_data, wait, "wait_seconds"),
    JSON(durations_data, total, "total_seconds"),
    JSON(durations_data, recording, "recording_seconds"),
    END,
};

static const struct member outcome_members[] = {
    WORD(outcome_data, status, "status", outcome_words),
    WORD(outcome_data, party, "party", party_words),
    TEXT(outcome_data, vendor_code, "vendor_code"),
    TEXT(outcome_data, vendor_reason, "vendor_reason"),
    WORD(outcome_data, hung_up_by, "hung_up_by", hung_up_by_words),
    TRUTH(outcome_data, transferred, "transferred"),
    END,
};

static const struct member recording_members[] = {
    TEXT(recording, url, "url"),
    WORD(recording, kind, "kind", recording_kind_words),
    JSON(recording, duration_seconds, "duration_seconds"),
    JSON(recording, size_bytes, "size_bytes"),
    END,
};

static const struct member task_members[] = {
    TEXT(task_data, id, "id"),
    TEXT(task_data, name, "name"),
    TEXT(task_data, plan_name, "plan_name"),
    TEXT(task_data, item_id, "item_id"),
    JSON(task_data, row_index, "row_index"),
    LIST(MEMBER_ROW, task_data, row, row_count, "row", NULL, column),
    JSON(task_data, tries, "tries"),
    TEXT(task_data, status, "status"),
    END,
};

static const struct member node_members[] = {
    TEXT(turn, node_id, "id"),
    TEXT(turn, node_name, "name"),
    TEXT(turn, node_type, "type"),
    END,
};

static const struct member intent_members[] = {
    TEXT(turn, intent_name, "name"),
    TEXT(turn, intent_description, "description"),
    END,
};

static const struct member turn_members[] = {
    JSON(turn, seq, "seq"),         TEXT(turn, role, "role"),        TEXT(turn, text, "text"),
    GROUP("node", node_members),    GROUP("intent", intent_members), JSON(turn, hits, "hits"),
    TIME(turn, started, "started"), TIME(turn, spoke, "spoke"),      END,
};

static const struct member transcript_members[] = {
    LIST(MEMBER_LIST, transcript_data, turns, turn_count, "turns", turn_members, turn),
    TEXT(transcript_data, intent_highest, "intent_highest"),
    TEXT(transcript_data, intent_lowest, "intent_lowest"),
    END,
};

static const struct member diagnosis_members[] = {
    TEXT(diagnosis_data, reason, "reason"),
    TEXT(diagnosis_data, code, "code"),
    TEXT(diagnosis_data, keyword, "keyword"),
    JSON(diagnosis_data, segments, "segments"),
    END,
};

static const struct member place_members[] = {
    TEXT(place, country, "country"), TEXT(place, country_code, "country_code"), TEXT(place, province, "province"),
    TEXT(place, city, "city"),       TEXT(place, area_code, "area_code"),       END,
};

static const struct member location_members[] = {
    OBJECT(canonical_event, customer_location, "customer", place_members),
    OBJECT(canonical_event, agent_location, "agent", place_members),
    END,
};

static const struct member event_members[] = {
    OBJECT(canonical_event, call, "call", call_members),
    WORD(canonical_event, record, "record", record_kind_words),
    OBJECT(canonical_event, agent, "agent", agent_members),
    OBJECT(canonical_event, queue, "queue", queue_members),
    OBJECT(canonical_event, times, "times", times_members),
    OBJECT(canonical_event, durations, "durations", durations_members),
    OBJECT(canonical_event, outcome, "outcome", outcome_members),
    LIST(MEMBER_LIST, canonical_event, recordings, recording_count, "recordings", recording_members, recording),
    OBJECT(canonical_event, task, "task", task_members),
    OBJECT(canonical_event, transcript, "transcript", transcript_members),
    OBJECT(canonical_event, diagnosis, "diagnosis", diagnosis_members),
    GROUP("location", location_members),
    JSON(canonical_event, extras, "extras"),
    JSON(canonical_event, vendor, "vendor"),
    END,
};

static void write_members(struct json_writer *writer, const struct member *members, const char *base);

static struct slice
slice_at(const char *at)
{
    struct slice slice;

    memcpy(&slice, at, sizeof slice);
    return slice;
}

static struct timestamp
time_at(const char *at)
{
    struct timestamp timestamp;

    memcpy(&timestamp, at, sizeof timestamp);
    return timestamp;
}

static unsigned
choice_at(const char *at)
{
    unsigned choice; /* every enumeration of the model has this size */

    _Static_assert(sizeof(enum outcome_status) == sizeof choice && sizeof(enum tristate) == sizeof choice,
                   "enumerations are read as unsigned");
    memcpy(&choice, at, sizeof choice);
    return choice;
}

static const void *
elements(const struct member *member, const char *base)
{
    const void *first;

    memcpy(&first, base + member->offset, sizeof first);
    return first;
}

static size_t
element_count(const struct member *member, const char *base)
{
    size_t count;

    memcpy(&count, base + member->count, sizeof count);
    return count;
}

/* An object is there when one of its members is; tables are as deep as they are written above. */
static bool
is_there(const struct member *member, const char *base)
{
    switch (member->kind) {
    case MEMBER_TEXT:
    case MEMBER_JSON:
        return !slice_empty(slice_at(base + member->offset));
    case MEMBER_TIME:
        return time_at(base + member->offset).present;
    case MEMBER_WORD:
    case MEMBER_TRUTH:
        return choice_at(base + member->offset) != 0;
    case MEMBER_LIST:
    case MEMBER_ROW:
        return element_count(member, base) != 0;
    case MEMBER_OBJECT:
        break;
    }
    for (const struct member *inner = member->members; !slice_empty(inner->name); inner++) {
        if (is_there(inner, base + member->offset)) {
            return true;
        }
    }
    return false;
}

static void
write_time(struct json_writer *writer, struct timestamp timestamp)
{
    char text[TIMESTAMP_TEXT_BYTES];

    json_string(writer, slice_make(text, timestamp_format(timestamp, text)));
}

static void
write_object(struct json_writer *writer, const struct member *members, const char *base)
{
    json_open(writer, '{');
    write_members(writer, members, base);
    json_close(writer, '}');
}

static void
write_list(struct json_writer *writer, const struct member *member, const char *base)
{
    const char *element = elements(member, base);
    size_t count = element_count(member, base);

    json_open(writer, '[');
    for (size_t i = 0; i < count; i++) {
        write_object(writer, member->members, element + i * member->size);
    }
    json_close(writer, ']');
}

static void
write_row(struct json_writer *writer, const struct member *member, const char *base)
{
    const struct column *columns = elements(member, base);
    size_t count = element_count(member, base);

    json_open(writer, '{');
    for (size_t i = 0; i < count; i++) {
        json_name(writer, columns[i].name);
        json_string(writer, columns[i].value);
    }
    json_close(writer, '}');
}

static void
write_value(struct json_writer *writer, const struct member *member, const char *base)
{
    const char *at = base + member->offset;

    switch (member->kind) {
    case MEMBER_TEXT:
        json_string(writer, slice_at(at));
        break;
    case MEMBER_JSON:
        json_raw(writer, slice_at(at));
        break;
    case MEMBER_TIME:
        write_time(writer, time_at(at));
        break;
    case MEMBER_WORD:
        json_string(writer, slice_from(member->words[choice_at(at)]));
        break;
    case MEMBER_TRUTH:
        json_boolean(writer, choice_at(at) == TRISTATE_TRUE);
        break;
    case MEMBER_OBJECT:
        write_object(writer, member->members, at);
        break;
    case MEMBER_LIST:
        write_list(writer, member, base);
        break;
    case MEMBER_ROW:
        write_row(writer, member, base);
        break;
    }
}

static void
write_members(struct json_writer *writer, const struct member *members, const char *base)
{
    for (const struct member *member = members; !slice_empty(member->name); member++) {
        if (is_there(member, base)) {
            json_own_name(writer, member->name);
            write_value(writer, member, base);
        }
    }
}

/* The members of a company's own type: whatever stands between the braces. */
static void
write_custom(struct json_writer *writer, const struct canonical_event *event)
{
    static const struct slice vendor = SLICE("vendor");

    if (event->custom_data.length > 2) {
        json_raw(writer, slice_make(event->custom_data.data + 1, event->custom_data.length - 2));
    }
    if (!slice_empty(event->vendor)) {
        json_own_name(writer, vendor);
        json_raw(writer, event->vendor);
    }
}

void
event_data_write(struct json_writer *writer, const struct canonical_event *event)
{
    json_open(writer, '{');
    if (event->type == EVENT_CUSTOM) {
        write_custom(writer, event);
    } else {
        write_members(writer, event_members, (const char *)event);
    }
    json_close(writer, '}');
}

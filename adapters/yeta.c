/* The adapter of yeta (讯飞): the three pushes of Part 2 of its document. The requests of Part 3 are no pushes; one
 * that arrives without its endpoint is an unmapped event. */
#include "adapters/yeta.h"

#include "adapters/fields.h"
#include "adapters/message.h"
#include "adapters/yeta_calls.h"
#include "base/digest.h"
#include "base/json_writer.h"

/* How much of the SHA-256 of a recording's url tells it from the call's others. */
#define URL_HASH_DIGITS 16
/* A row is a line of somebody's table; what goes beyond is left out, and counted. */
#define ROW_COLUMNS_MAX 128

static const struct field common_texts[] = {
    FIELD("call_uuid", call.id),
    FIELD("call_relation_id", call.relation_id),
    FIELD("caller", call.caller),
    FIELD("callee", call.callee),
    FIELD("task_id", task.id),
    FIELD("task_data_id", task.item_id),
    {NULL, 0},
};

/* 一 (receiveCallRecord). */
static const struct field record_texts[] = {
    FIELD("task_result", outcome.vendor_code),
    FIELD("task_result_desc", outcome.vendor_reason),
    {NULL, 0},
};
static const struct field record_times[] = {
    FIELD("time_dial", times.dialed),
    FIELD("time_ring", times.rang),
    FIELD("time_answer", times.answered),
    FIELD("time_hangup", times.hung_up),
    {NULL, 0},
};
static const struct field record_numbers[] = {
    FIELD("duration_ring", durations.ring),
    FIELD("duration_call", durations.talk),
    FIELD("task_row_index", task.row_index),
    FIELD("task_tries", task.tries),
    {NULL, 0},
};
static const struct message_word results[] = {
    {"-1", OUTCOME_TIMEOUT},
    {"0", OUTCOME_ANSWERED},
    {"2", OUTCOME_BUSY},
    {"3", OUTCOME_UNREACHABLE},
    {"4", OUTCOME_POWERED_OFF},
    {"5", OUTCOME_BUSY},
    {"6", OUTCOME_INVALID_NUMBER},
    {"7", OUTCOME_INVALID_NUMBER},
    {"8", OUTCOME_REJECTED},
    {"9", OUTCOME_SUSPENDED},
    {"15", OUTCOME_ANSWERED}, /* and the customer hung up */
    {"16", OUTCOME_ANSWERED},
    {"18", OUTCOME_ANSWERED},
    {"19", OUTCOME_ANSWERED}, /* and was transferred */
    {"20", OUTCOME_NO_ANSWER},
    {"22", OUTCOME_NO_ANSWER},
    {"23", OUTCOME_RESTRICTED},
    {"25", OUTCOME_UNREACHABLE},
    {"26", OUTCOME_NETWORK_FAILURE},
    {"27", OUTCOME_RESTRICTED},
    {"28", OUTCOME_NETWORK_FAILURE},
    {NULL, OUTCOME_UNKNOWN},
};

/* 三 (receiveDialog). */
static const struct field dialog_texts[] = {
    FIELD("tag_max", transcript.intent_highest),
    FIELD("tag_min", transcript.intent_lowest),
    {NULL, 0},
};

static const struct adapter_setting settings[] = {
    {"recording_prefix", "http://voice.kxjlcc.com:9000/", false, "what the relative url of a recording follows"},
    {NULL, NULL, false, NULL},
};
enum { SETTING_RECORDING_PREFIX };

static const char *const endpoints[] = {"receiveCallRecord", "receiveVoice", "receiveDialog", NULL};

static void
read_direction(const struct value *message, struct call_data *call)
{
    switch (message_code(message, "direction")) {
    case 1:
        call->direction = DIRECTION_INBOUND;
        call->customer = call->caller;
        break;
    case 2:
        call->direction = DIRECTION_OUTBOUND;
        call->customer = call->callee;
        break;
    default:
        break;
    }
}

/* The first element of a list; NULL when there is none. What should be a list and is not counts as unreadable. */
static const struct value *
first_of(struct conversion *conversion, const struct value *message, const char *name)
{
    const struct value *list = value_member(message, name);

    if (list != NULL && list->kind == VALUE_ARRAY) {
        return list->first;
    }
    conversion->unreadable += message_has(message, name);
    return NULL;
}

/* An event of the call, with what all three pushes tell. NULL when there is no call_uuid or the arena is full. */
static struct canonical_event *
add_event(const struct callback *callback, struct conversion *conversion, enum event_type type)
{
    struct slice uuid = message_text(callback->message, "call_uuid");
    struct canonical_event *event;

    if (slice_empty(uuid)) {
        (void)conversion_fail(conversion, "missing_key", "no call_uuid");
        return NULL;
    }
    event = conversion_add(conversion, callback->arena);
    if (event == NULL) {
        return NULL;
    }
    event->type = type;
    event->key = uuid;
    event->subject = uuid;
    event->vendor = vendor_json(callback);
    event->call.kind = CALL_KIND_ROBOT;
    fields_read_texts(common_texts, callback->message, event);
    read_direction(callback->message, &event->call);
    return event;
}

/* --- 一, call records --- */

static void
read_outcome(struct conversion *conversion, struct canonical_event *event)
{
    struct outcome_data *outcome = &event->outcome;

    if (slice_empty(outcome->vendor_code)) { /* inbound, or the first of an outbound call's two records */
        outcome->status = event->times.answered.present ? OUTCOME_ANSWERED : OUTCOME_NO_ANSWER;
        return;
    }
    outcome->status = (enum outcome_status)message_word(results, outcome->vendor_code, OUTCOME_UNKNOWN);
    if (outcome->status == OUTCOME_UNKNOWN) {
        conversion->unknown_codes++;
    }
    if (slice_is(outcome->vendor_code, "15")) {
        outcome->hung_up_by = HUNG_UP_BY_CUSTOMER;
    }
    if (slice_is(outcome->vendor_code, "19")) {
        outcome->transferred = TRISTATE_TRUE;
    }
}

static bool
is_named(const struct column *row, size_t count, struct slice name)
{
    for (size_t i = 0; i < count; i++) {
        if (slice_equal(row[i].name, name)) {
            return true;
        }
    }
    return false;
}

/* The row's columns: the names of one list beside the values of another. A name or a value too many is left out, and so
 * is a name that comes again: each counts as unreadable. An empty value is merely absent. */
static bool
read_row(const struct callback *callback, struct conversion *conversion, struct task_data *task)
{
    const struct value *head = first_of(conversion, callback->message, "task_row_head");
    const struct value *value = first_of(conversion, callback->message, "task_row_value");
    struct column *row = NULL;

    if (head != NULL && value != NULL) {
        uint32_t columns = value_member(callback->message, "task_row_head")->count;

        row = arena_zalloc(callback->arena, columns < ROW_COLUMNS_MAX ? columns : ROW_COLUMNS_MAX, sizeof(*row));
        if (row == NULL) {
            return false;
        }
    }
    for (; head != NULL && value != NULL && task->row_count < ROW_COLUMNS_MAX; head = head->next, value = value->next) {
        struct column column = {value_text(head), value_text(value)};

        if (slice_empty(column.name) || is_named(row, task->row_count, column.name)) {
            conversion->unreadable++;
        } else if (!slice_empty(column.value)) {
            row[task->row_count++] = column;
        }
    }
    conversion->unreadable += head != NULL || value != NULL;
    task->row = row;
    return true;
}

static bool
convert_record(const struct callback *callback, struct conversion *conversion)
{
    bool of_task = message_has(callback->message, "task_row_index");
    struct canonical_event *event = add_event(callback, conversion, EVENT_CALL_RECORDED);

    if (event == NULL) {
        return false;
    }
    event->suffix = slice_from(of_task ? "-full" : "-basic");
    event->record = of_task || event->call.direction == DIRECTION_INBOUND ? RECORD_FULL : RECORD_BASIC;
    fields_read_texts(record_texts, callback->message, event);
    fields_read_numbers(record_numbers, callback->message, conversion, event);
    fields_read_times(record_times, message_time_millis, callback->message, callback, conversion, event);
    event->times.ended = event->times.hung_up;
    event->time = event->times.hung_up;
    read_outcome(conversion, event);
    return read_row(callback, conversion, &event->task);
}

/* --- 二, recordings --- */

static struct slice
absolute_url(const struct callback *callback, struct slice url)
{
    struct slice prefix = callback->settings[SETTING_RECORDING_PREFIX];

    if (url_is_absolute(url)) {
        return url;
    }
    while (prefix.length > 0 && prefix.data[prefix.length - 1] == '/') {
        prefix.length--;
    }
    while (url.length > 0 && url.data[0] == '/') {
        url = slice_make(url.data + 1, url.length - 1);
    }
    return arena_printf(callback->arena, "%.*s/%.*s", SLICE_ARGS(prefix), SLICE_ARGS(url));
}

static bool
convert_voice(const struct callback *callback, struct conversion *conversion)
{
    struct slice url = message_text(callback->message, "url");
    struct canonical_event *event;
    struct recording *recording;
    char hex[SHA256_HEX_BYTES];

    if (slice_empty(url)) { /* the id has it in it */
        return conversion_fail(conversion, "missing_key", "no url");
    }
    event = add_event(callback, conversion, EVENT_CALL_RECORDING_AVAILABLE);
    recording = arena_zalloc(callback->arena, 1, sizeof(*recording));
    if (event == NULL || recording == NULL) {
        return false;
    }
    if (!digest_sha256_hex(url, hex)) {
        arena_starve(callback->arena);
        return false;
    }
    event->suffix = arena_printf(callback->arena, "-%.*s", URL_HASH_DIGITS, hex);
    recording->url = absolute_url(callback, url);
    recording->duration_seconds = message_number(conversion, callback->message, "duration");
    recording->size_bytes = message_number(conversion, callback->message, "size");
    event->recordings = recording;
    event->recording_count = 1;
    return true;
}

/* --- 三, dialogs --- */

/* `hits` is a list here and `hit` an object in Part 3: either may come, a list it becomes. */
static struct slice
read_hits(const struct value *turn, struct arena *arena)
{
    const char *name = message_has(turn, "hits") ? "hits" : "hit";
    const struct value *hits = value_member(turn, name);
    struct json_writer writer;

    if (!message_has(turn, name)) {
        return (struct slice){NULL, 0};
    }
    if (hits->kind == VALUE_ARRAY) {
        return field_json(hits, arena);
    }
    json_writer_init(&writer, arena, hits->raw.length + hits->text.length + 4);
    json_open(&writer, '[');
    json_value(&writer, hits);
    json_close(&writer, ']');
    return json_finish(&writer);
}

static void
read_turn(const struct callback *callback, struct conversion *conversion, const struct value *source, struct turn *turn)
{
    turn->seq = message_number(conversion, source, "seq");
    turn->role = message_text(source, "role");
    if (slice_is(turn->role, "robot")) {
        turn->text = message_text(source, "text_robot");
    } else if (slice_is(turn->role, "customer")) {
        turn->text = message_text(source, "text_man");
    }
    turn->node_id = message_text(source, "node_id");
    turn->node_name = message_text(source, "node_name");
    turn->node_type = message_text(source, "node_type");
    turn->intent_name = message_text(source, "tag_name");
    turn->intent_description = message_text(source, "tag_desc");
    turn->hits = read_hits(source, callback->arena);
    turn->started = message_time_millis(callback, conversion, source, "time_start");
    turn->spoke = message_time_millis(callback, conversion, source, "time_speaking");
}

static bool
read_transcript(const struct callback *callback, struct conversion *conversion, struct transcript_data *transcript)
{
    const struct value *turn = first_of(conversion, callback->message, "dialog");
    struct turn *turns;

    if (turn == NULL) {
        return true;
    }
    turns = arena_zalloc(callback->arena, value_member(callback->message, "dialog")->count, sizeof(*turns));
    if (turns == NULL) {
        return false;
    }
    for (; turn != NULL; turn = turn->next) {
        if (turn->kind == VALUE_OBJECT) {
            read_turn(callback, conversion, turn, &turns[transcript->turn_count++]);
        } else {
            conversion->unreadable++;
        }
    }
    transcript->turns = turns;
    return true;
}

static bool
convert_dialog(const struct callback *callback, struct conversion *conversion)
{
    struct canonical_event *event = add_event(callback, conversion, EVENT_CALL_TRANSCRIBED);

    if (event == NULL) {
        return false;
    }
    fields_read_texts(dialog_texts, callback->message, event);
    event->time = message_time_millis(callback, conversion, callback->message, "time_end");
    return read_transcript(callback, conversion, &event->transcript);
}

/* --- the adapter --- */

static bool
yeta_convert(const struct callback *callback, struct conversion *conversion)
{
    const struct value *message = callback->message;
    bool by_fields = slice_empty(callback->endpoint);

    if (callback->format != BODY_JSON || message->kind != VALUE_OBJECT) { /* no push, whatever its endpoint */
        return conversion_unmapped(callback, conversion, message_text(message, "call_uuid"));
    }
    if (slice_is(callback->endpoint, "receiveCallRecord") ||
        (by_fields && (message_has(message, "duration_call") || message_has(message, "time_hangup")))) {
        return convert_record(callback, conversion);
    }
    if (slice_is(callback->endpoint, "receiveVoice") ||
        (by_fields && message_has(message, "url") && message_has(message, "size"))) {
        return convert_voice(callback, conversion);
    }
    if (slice_is(callback->endpoint, "receiveDialog") ||
        (by_fields && message_has(message, "dialog") && !message_has(message, "code"))) {
        return convert_dialog(callback, conversion);
    }
    return conversion_unmapped(callback, conversion, message_text(message, "call_uuid"));
}

static struct answer
yeta_answer(const struct callback *callback)
{
    (void)callback;
    return (struct answer){SLICE("text/plain"), SLICE("success")};
}

const struct adapter adapter_yeta = {
    .name = "yeta",
    .title = "yeta (讯飞)",
    .endpoints = endpoints,
    .retries = true, /* three times, then it keeps the record in a file (十) */
    .budget_ms = 1500,
    .settings = settings,
    .kinds = yeta_kinds,
    .convert = yeta_convert,
    .answer = yeta_answer,
    .calls = &yeta_calls,
};

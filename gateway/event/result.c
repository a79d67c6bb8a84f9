/* The CloudEvents form of a result, written and read. */
#include "event/result.h"

#include "base/json.h"
#include "base/json_writer.h"
#include "base/timestamp.h"
#include "base/utf8.h"

/* What a result takes beside its ids, texts and the vendor's reply. */
#define USUAL_BYTES 1536

struct status_names {
    const char *word;
    struct slice type, dataschema;
};

#define NAMES(word)                                                                                                    \
    {                                                                                                                  \
        word, SLICE("io.trunkline.command." word ".v1"), SLICE("urn:trunkline:schema:command." word ":v1")             \
    }

static const struct status_names names[RESULT_STATUS_COUNT] = {
    [RESULT_ACCEPTED] = NAMES("accepted"),   [RESULT_DISPATCHED] = NAMES("dispatched"),
    [RESULT_SUCCEEDED] = NAMES("succeeded"), [RESULT_FAILED] = NAMES("failed"),
    [RESULT_EXPIRED] = NAMES("expired"),     [RESULT_CANCELLED] = NAMES("cancelled"),
    [RESULT_UNKNOWN] = NAMES("unknown"),     [RESULT_LATE_ANSWER] = NAMES("late_answer"),
};

const char *const result_statuses[RESULT_STATUS_COUNT] = {
    [RESULT_ACCEPTED] = "accepted", [RESULT_DISPATCHED] = "dispatched",   [RESULT_SUCCEEDED] = "succeeded",
    [RESULT_FAILED] = "failed",     [RESULT_EXPIRED] = "expired",         [RESULT_CANCELLED] = "cancelled",
    [RESULT_UNKNOWN] = "unknown",   [RESULT_LATE_ANSWER] = "late_answer",
};

static const struct slice type_suffix = SLICE(".v1");

/* --- writing --- */

#define NAME(writer, literal) json_name((writer), (struct slice)SLICE(literal))

static void
write_text(struct json_writer *writer, const char *name, struct slice text)
{
    if (!slice_empty(text)) {
        json_name(writer, slice_from(name));
        json_string(writer, text);
    }
}

/* A text that may be anything: what is not UTF-8 ends it, what is too long is cut between characters. */
static void
write_bounded(struct json_writer *writer, const char *name, struct slice text, size_t most)
{
    static const char cut[] = {'.', '.', '.'};
    size_t valid = utf8_valid_prefix(text);
    char *shorter;

    if (valid == text.length && valid <= most) {
        write_text(writer, name, text);
        return;
    }
    if (valid > most - sizeof(cut)) {
        valid = utf8_valid_prefix(slice_make(text.data, most - sizeof(cut)));
    }
    shorter = arena_alloc(writer->arena, valid + sizeof(cut));
    if (shorter == NULL) {
        writer->failed = true;
        return;
    }
    if (valid > 0) {
        memcpy(shorter, text.data, valid);
    }
    memcpy(shorter + valid, cut, sizeof(cut));
    write_text(writer, name, slice_make(shorter, valid + sizeof(cut)));
}

static void
write_number(struct json_writer *writer, const char *name, uint64_t number)
{
    json_name(writer, slice_from(name));
    json_integer(writer, number > INT64_MAX ? INT64_MAX : (int64_t)number);
}

static void
write_time(struct json_writer *writer, const char *name, int64_t unix_ms)
{
    char text[TIMESTAMP_TEXT_BYTES];
    struct timestamp timestamp = {.unix_ms = unix_ms, .present = unix_ms > 0, .millis = true};

    write_text(writer, name, slice_make(text, timestamp_format(timestamp, text)));
}

static void
write_queue(struct json_writer *writer, const struct result *result)
{
    if (!result->queued) {
        return;
    }
    NAME(writer, "queue");
    json_open(writer, '{');
    write_number(writer, "ahead", result->ahead);
    write_time(writer, "expected_start", result->expected_start_ms);
    json_close(writer, '}');
}

static void
write_times(struct json_writer *writer, const struct result *result)
{
    if (result->received_ms <= 0 && result->dispatched_ms <= 0 && result->answered_ms <= 0) {
        return;
    }
    NAME(writer, "times");
    json_open(writer, '{');
    write_time(writer, "received", result->received_ms);
    write_time(writer, "dispatched", result->dispatched_ms);
    write_time(writer, "answered", result->answered_ms);
    json_close(writer, '}');
}

static void
write_answer(struct json_writer *writer, const struct result *result)
{
    if (result->answer.length > RESULT_ANSWER_BYTES_MAX) {
        write_number(writer, "answer_omitted", result->answer.length);
    } else if (!slice_empty(result->answer)) {
        NAME(writer, "answer");
        json_raw(writer, result->answer);
    } else if (result->answer_omitted > 0) {
        write_number(writer, "answer_omitted", result->answer_omitted);
    }
}

static void
write_command_type(struct json_writer *writer, const struct result *result)
{
    struct slice type;

    if (slice_empty(result->command_name)) {
        return;
    }
    type =
        arena_printf(writer->arena, COMMAND_TYPE_PREFIX "%.*s%s", SLICE_ARGS(result->command_name), type_suffix.data);
    write_text(writer, "command_type", type);
}

static void
write_data(struct json_writer *writer, const struct result *result)
{
    json_open(writer, '{');
    write_text(writer, "command", result->command);
    write_command_type(writer, result);
    write_text(writer, "account", result->account);
    write_text(writer, "status", slice_from(result_statuses[result->status]));
    write_text(writer, "code", result->code);
    write_bounded(writer, "reason", result->reason, RESULT_TEXT_BYTES_MAX);
    write_bounded(writer, "vendor_code", result->vendor_code, RESULT_CODE_BYTES_MAX);
    write_bounded(writer, "vendor_message", result->vendor_message, RESULT_TEXT_BYTES_MAX);
    write_number(writer, "attempts", result->attempts);
    write_queue(writer, result);
    write_times(writer, result);
    write_text(writer, "item_id", result->item_id);
    if (result->uncorrelated) {
        NAME(writer, "correlated");
        json_boolean(writer, false);
    }
    write_answer(writer, result);
    json_close(writer, '}');
}

static void
write_event(struct json_writer *writer, const struct result *result, struct slice key)
{
    const struct status_names *name = &names[result->status];
    bool correlates = !slice_empty(result->correlation_id);

    json_open(writer, '{');
    write_text(writer, "specversion", slice_from("1.0"));
    write_text(writer, "id", arena_printf(writer->arena, "%.*s/%s", SLICE_ARGS(key), name->word));
    write_text(writer, "source", slice_from("/trunkline/egress"));
    write_text(writer, "type", name->type);
    write_text(writer, "subject", result->command);
    write_time(writer, "time", result->time_ms);
    write_text(writer, "dataschema", name->dataschema);
    write_text(writer, "partitionkey", key);
    write_text(writer, "vendor", result->vendor);
    write_text(writer, "account", result->account);
    write_text(writer, "correlationid", correlates ? result->correlation_id : result->command);
    write_text(writer, "traceparent", result->traceparent);
    write_text(writer, "datacontenttype", slice_from("application/json"));
    NAME(writer, "data");
    write_data(writer, result);
    json_close(writer, '}');
}

bool
result_write(const struct result *result, struct arena *arena, struct record *record)
{
    static const struct record_header header = {SLICE("content-type"), SLICE("application/cloudevents+json")};
    struct json_writer writer;
    size_t answer_bytes = result->answer.length > RESULT_ANSWER_BYTES_MAX ? 0 : result->answer.length;

    record->key = arena_printf(arena, "%.*s/%.*s", SLICE_ARGS(result->account), SLICE_ARGS(result->command));
    json_writer_init(&writer, arena, USUAL_BYTES + answer_bytes);
    write_event(&writer, result, record->key);
    record->value = json_finish(&writer);
    record->headers = &header;
    record->header_count = 1;
    return !slice_empty(record->value) && !arena_failed(arena);
}

/* --- reading --- */

/* A reply as deep and as large as we read one, and the result around it. */
#define READ_LIMITS ((struct value_limits){.depth = 32 + 4, .members = 50000 + 100})

/* Members that are absent leave what stands there; those of another kind make it no result of ours. */
static bool
read_text(const struct value *object, const char *name, struct slice *text)
{
    const struct value *member = value_member(object, name);

    if (member != NULL && member->kind == VALUE_STRING) {
        *text = member->text;
    }
    return member == NULL || member->kind == VALUE_STRING;
}

static bool
read_number(const struct value *object, const char *name, uint64_t most, uint64_t *number)
{
    const struct value *member = value_member(object, name);
    uint64_t sum = 0;

    if (member == NULL) {
        return true;
    }
    if (member->kind != VALUE_NUMBER) {
        return false;
    }
    for (size_t i = 0; i < member->text.length; i++) {
        char digit = member->text.data[i];

        if (digit < '0' || digit > '9' || __builtin_mul_overflow(sum, (uint64_t)10, &sum) ||
            __builtin_add_overflow(sum, (uint64_t)(digit - '0'), &sum)) {
            return false;
        }
    }
    *number = sum;
    return sum <= most;
}

static bool
read_time(const struct value *object, const char *name, int64_t *unix_ms)
{
    struct timestamp timestamp = {0};
    struct slice text = {0};

    if (!read_text(object, name, &text)) {
        return false;
    }
    if (slice_empty(text)) {
        return true;
    }
    if (!timestamp_read_rfc3339(text, &timestamp)) {
        return false;
    }
    *unix_ms = timestamp.unix_ms;
    return true;
}

static bool
read_status(struct slice word, enum result_status *status)
{
    for (int i = 0; i < RESULT_STATUS_COUNT; i++) {
        if (slice_is(word, result_statuses[i])) {
            *status = (enum result_status)i;
            return true;
        }
    }
    return false;
}

/* "io.trunkline.command.call.dial.v1" gives "call.dial". */
static bool
read_command_name(const struct value *data, struct slice *name)
{
    static const struct slice prefix = SLICE(COMMAND_TYPE_PREFIX);
    struct slice type = {0};

    if (!read_text(data, "command_type", &type)) {
        return false;
    }
    if (slice_empty(type)) {
        return true;
    }
    if (type.length <= prefix.length + type_suffix.length || memcmp(type.data, prefix.data, prefix.length) != 0 ||
        memcmp(type.data + type.length - type_suffix.length, type_suffix.data, type_suffix.length) != 0) {
        return false;
    }
    *name = slice_make(type.data + prefix.length, type.length - prefix.length - type_suffix.length);
    return true;
}

static bool
read_answer(const struct value *data, struct arena *arena, struct result *result)
{
    const struct value *answer = value_member(data, "answer");
    struct json_writer writer;

    if (answer == NULL) {
        return true;
    }
    result->answer = answer->raw;
    if (slice_empty(answer->raw)) { /* a string, true, null: not kept as written */
        json_writer_init(&writer, arena, answer->text.length + 8);
        json_value(&writer, answer);
        result->answer = json_finish(&writer);
    }
    return !slice_empty(result->answer);
}

static bool
read_correlated(const struct value *data, struct result *result)
{
    const struct value *correlated = value_member(data, "correlated");

    result->uncorrelated = correlated != NULL && !correlated->boolean;
    return correlated == NULL || correlated->kind == VALUE_BOOLEAN;
}

static bool
read_data(const struct value *data, struct arena *arena, struct result *result)
{
    const struct value *queue = value_member(data, "queue");
    const struct value *times = value_member(data, "times");
    struct slice status = {0};
    uint64_t attempts = 0;

    if (!read_text(data, "command", &result->command) || !read_text(data, "account", &result->account) ||
        !read_text(data, "status", &status) || !read_status(status, &result->status) ||
        !read_command_name(data, &result->command_name)) {
        return false;
    }
    if (!read_text(data, "code", &result->code) || !read_text(data, "reason", &result->reason) ||
        !read_text(data, "vendor_code", &result->vendor_code) ||
        !read_text(data, "vendor_message", &result->vendor_message) || !read_text(data, "item_id", &result->item_id)) {
        return false;
    }
    if (!read_number(data, "attempts", UINT32_MAX, &attempts) ||
        !read_number(data, "answer_omitted", INT64_MAX, &result->answer_omitted) ||
        !read_number(queue, "ahead", INT64_MAX, &result->ahead) ||
        !read_time(queue, "expected_start", &result->expected_start_ms) ||
        !read_time(times, "received", &result->received_ms) ||
        !read_time(times, "dispatched", &result->dispatched_ms) ||
        !read_time(times, "answered", &result->answered_ms)) {
        return false;
    }
    result->attempts = (unsigned)attempts;
    result->queued = queue != NULL;
    return !slice_empty(result->command) && !slice_empty(result->account) && read_correlated(data, result) &&
           read_answer(data, arena, result);
}

bool
result_read(struct slice value, struct arena *arena, struct result *result)
{
    const struct value *event = json_parse(arena, value, READ_LIMITS, NULL);
    const struct value *data = value_member(event, "data");
    struct slice type = {0};

    *result = (struct result){0};
    return data != NULL && read_text(event, "type", &type) && read_data(data, arena, result) &&
           slice_equal(type, names[result->status].type) && read_text(event, "vendor", &result->vendor) &&
           read_text(event, "correlationid", &result->correlation_id) &&
           read_text(event, "traceparent", &result->traceparent) && read_time(event, "time", &result->time_ms);
}

/* The tables of the adapter 7moor, row by row, and what it counts. Whole messages are the golden files' part. */
#include "conversion.h"

extern const struct adapter adapter_sevenmoor;

static struct bench bench;

static int
open_bench(void **state)
{
    (void)state;
    bench_open(&bench, &adapter_sevenmoor);
    return 0;
}

static int
close_bench(void **state)
{
    (void)state;
    bench_close(&bench);
    return 0;
}

static void
every_sample_is_known(void **state)
{
    (void)state;
    for (const struct adapter_kind *kind = adapter_sevenmoor.kinds; kind->name != NULL; kind++) {
        assert_true(bench_convert(&bench, kind->endpoint, kind->sample));
        assert_int_not_equal(bench.conversion.first->type, EVENT_VENDOR_UNMAPPED);
        assert_int_equal(bench.conversion.unreadable, 0);
        assert_int_equal(bench.conversion.unknown_codes, 0);
    }
}

static void
call_types_tell_direction_and_kind(void **state)
{
    static const struct {
        const char *type;
        enum direction direction;
        enum call_kind kind;
        const char *caller, *callee;
    } rows[] = {
        {"incoming", DIRECTION_INBOUND, CALL_KIND_AGENT, "customer", "trunk"},
        {"dialout", DIRECTION_OUTBOUND, CALL_KIND_AGENT, "display", "customer"},
        {"webcall", DIRECTION_OUTBOUND, CALL_KIND_WEBCALL, "display", "customer"},
        {"previewDialout", DIRECTION_OUTBOUND, CALL_KIND_PREVIEW, "display", "customer"},
        {"autoDialout", DIRECTION_OUTBOUND, CALL_KIND_AUTO, "display", "customer"},
        {"other", DIRECTION_ABSENT, CALL_KIND_ABSENT, "", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct canonical_event *event =
            bench_event_of(&bench,
                           "{\"callEvent\":\"link\",\"callUniqueId\":\"c\",\"customerNumber\":\"customer\","
                           "\"trunkNumber\":\"trunk\",\"displayNumber\":\"display\",\"callType\":\"%s\"}",
                           rows[i].type);

        assert_int_equal(event->call.direction, rows[i].direction);
        assert_int_equal(event->call.kind, rows[i].kind);
        assert_slice(event->call.caller, rows[i].caller);
        assert_slice(event->call.callee, rows[i].callee);
        assert_slice(event->call.customer, "customer");
    }
}

static void
status_numbers_tell_the_agents_state(void **state)
{
    static const struct {
        const char *number;
        enum agent_state state;
    } rows[] = {
        {"0", AGENT_STATE_IDLE},     {"1", AGENT_STATE_BUSY},      {"2", AGENT_STATE_DIALING},
        {"3", AGENT_STATE_RINGING},  {"4", AGENT_STATE_TALKING},   {"5", AGENT_STATE_WRAP_UP},
        {"6", AGENT_STATE_HELD},     {"7", AGENT_STATE_MUTED},     {"8", AGENT_STATE_DISCONNECTED},
        {"9", AGENT_STATE_INVALID},  {"10", AGENT_STATE_ABSENT},   {"99", AGENT_STATE_ABSENT},
        {"100", AGENT_STATE_CUSTOM}, {"2000", AGENT_STATE_CUSTOM},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct canonical_event *event =
            bench_event_of(&bench, "{\"agentNumber\":\"7\",\"statusNumber\":\"%s\"}", rows[i].number);

        assert_int_equal(event->type, EVENT_AGENT_STATUS_CHANGED);
        assert_int_equal(event->agent.state, rows[i].state);
        assert_slice(event->agent.status_number, rows[i].number);
        assert_slice(event->subject, "acme/7");
    }
}

static void
unreadable_values_are_left_out_and_counted_once(void **state)
{
    (void)state;
    assert_true(bench_convert(&bench, "",
                              "{\"pushType\":\"callStatus\",\"callEvent\":\"calling\",\"callUniqueId\":\"c\","
                              "\"agentNumber\":\"7\",\"statusNumber\":\"two\",\"statusTime\":\"2021\"}"));
    assert_int_equal(bench.conversion.count, 2);
    assert_int_equal(bench.conversion.unreadable, 2);
    assert_false(bench.conversion.first->time.present);
    assert_true(slice_empty(bench.conversion.first->agent.status_number));
    assert_int_equal(bench.conversion.last->type, EVENT_CALL_DIALING);
    assert_ptr_equal(bench.conversion.first->next, bench.conversion.last);
    assert_null(bench.conversion.last->next);

    bench_event_of(&bench, "{\"callEvent\":\"hangup\",\"callUniqueId\":\"c\",\"statusTime\":\"%s\"}",
                   "2021-02-30 00:00:00");
    assert_int_equal(bench.conversion.unreadable, 1);
}

static void
times_of_calls_may_be_local_and_those_of_agents_epoch_seconds(void **state)
{
    const struct canonical_event *event;

    (void)state;
    event = bench_event_of(&bench, "{\"callEvent\":\"ring\",\"callUniqueId\":\"c\",\"statusTime\":\"%s\"}",
                           "2021-05-08 14:39:37");
    assert_int_equal(event->times.rang.unix_ms, 1620455977000);
    event = bench_event_of(&bench, "{\"pushType\":\"login\",\"agentNumber\":\"7\",\"statusTime\":%s}", "1620455977");
    assert_int_equal(event->time.unix_ms, 1620455977000);
}

static void
statuses_of_records_are_outcomes(void **state)
{
    static const struct {
        const char *members;
        enum outcome_status status;
        unsigned unknown;
    } rows[] = {
        {"\"status\":\"ANSWER\"", OUTCOME_ANSWERED, 0},
        {"\"status\":\"IVR\"", OUTCOME_ENDED_IN_IVR, 0},
        {"\"status\":\"QUEUE_ABANDON\"", OUTCOME_ABANDONED_IN_QUEUE, 0},
        {"\"status\":\"AGENT_NO_ANSWER\",\"failureReason\":\"decline\"", OUTCOME_AGENT_NO_ANSWER, 0},
        {"\"status\":\"CUSTOMER_NO_ANSWER\"", OUTCOME_NO_ANSWER, 0},
        {"\"status\":\"CUSTOMER_NO_ANSWER\",\"failureReason\":0", OUTCOME_NO_ANSWER, 0},
        {"\"status\":\"CUSTOMER_NO_ANSWER\",\"failureReason\":\"forbidden\"", OUTCOME_RESTRICTED, 0},
        {"\"status\":\"CUSTOMER_NO_ANSWER\",\"failureReason\":\"serviceUnavailable\"", OUTCOME_NETWORK_FAILURE, 0},
        {"\"status\":\"CUSTOMER_NO_ANSWER\",\"failureReason\":\"cancel\"", OUTCOME_CANCELLED, 0},
        {"\"status\":\"CUSTOMER_NO_ANSWER\",\"failureReason\":\"decline\"", OUTCOME_REJECTED, 0},
        {"\"status\":\"CUSTOMER_NO_ANSWER\",\"failureReason\":\"requestTimeout\"", OUTCOME_NO_ANSWER, 0},
        {"\"status\":\"CUSTOMER_NO_ANSWER\",\"failureReason\":\"unknow\"", OUTCOME_NO_ANSWER, 0},
        {"\"status\":\"CUSTOMER_NO_ANSWER\",\"failureReason\":\"other\"", OUTCOME_NO_ANSWER, 0},
        {"\"status\":\"answer\"", OUTCOME_UNKNOWN, 1},
        {"\"status\":\"\"", OUTCOME_ABSENT, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct canonical_event *event =
            bench_event_of(&bench, "{\"pushType\":\"cdr\",\"callUniqueId\":\"c\",%s}", rows[i].members);

        assert_int_equal(event->type, EVENT_CALL_RECORDED);
        assert_int_equal(event->outcome.status, rows[i].status);
        assert_int_equal(bench.conversion.unknown_codes, rows[i].unknown);
    }
}

static void
failure_reason_zero_is_none(void **state)
{
    (void)state;
    assert_slice(
        bench_event_of(&bench, "{\"cdrType\":\"a\",\"_id\":\"c\",\"failureReason\":%s}", "0")->outcome.vendor_reason,
        "");
    assert_slice(bench_event_of(&bench, "{\"cdrType\":\"a\",\"_id\":\"c\",\"failureReason\":%s}", "\"0\"")
                     ->outcome.vendor_reason,
                 "");
    assert_slice(bench_event_of(&bench, "{\"cdrType\":\"a\",\"_id\":\"c\",\"failureReason\":%s}", "\"x\"")
                     ->outcome.vendor_reason,
                 "x");
}

static void
hang_up_sides_are_read_in_any_case(void **state)
{
    static const struct {
        const char *side;
        enum hung_up_by by;
    } rows[] = {
        {"AGENT", HUNG_UP_BY_AGENT},    {"agent", HUNG_UP_BY_AGENT}, {"Customer", HUNG_UP_BY_CUSTOMER},
        {"SYSTEM", HUNG_UP_BY_UNKNOWN}, {"", HUNG_UP_BY_ABSENT},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(bench_event_of(&bench, "{\"cdrType\":\"a\",\"_id\":\"c\",\"hangUpSide\":\"%s\"}", rows[i].side)
                             ->outcome.hung_up_by,
                         rows[i].by);
    }
}

static void
the_same_recording_is_told_once(void **state)
{
    const struct canonical_event *event = bench_event_of(
        &bench, "{\"pushType\":\"cdr\",\"callUniqueId\":\"c\",\"recordingDuration\":\"9\","
                "\"recordType\":\"normal\",\"recordFileUrl\":\"http://a\",\"doubleTrackFileUrl\":\"http://b\","
                "\"agentFileUrl\":\"http://a\",\"customerFileUrl\":\"http://c\",\"voiceMailUrl\":\"http://b\"}");

    (void)state;
    assert_int_equal(event->recording_count, 3);
    assert_slice(event->recordings[0].url, "http://a");
    assert_int_equal(event->recordings[0].kind, RECORDING_MIXED);
    assert_slice(event->recordings[0].duration_seconds, "9");
    assert_slice(event->recordings[1].url, "http://b");
    assert_int_equal(event->recordings[1].kind, RECORDING_STEREO);
    assert_slice(event->recordings[1].duration_seconds, "");
    assert_slice(event->recordings[2].url, "http://c");
    assert_int_equal(event->recordings[2].kind, RECORDING_CUSTOMER);
}

static void
recordings_without_a_whole_url_are_left_out_and_counted(void **state)
{
    static const struct {
        const char *url;
        size_t recordings;
        unsigned unreadable;
    } rows[] = {
        {"https://h/a.mp3", 1, 0}, {"HTTP://h/a.mp3", 1, 0}, {"/a.mp3", 0, 1}, {"://h/a.mp3", 0, 1},
        {"http://", 0, 1},         {"http:/h", 0, 1},        {"", 0, 0},       {"null", 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct canonical_event *event = bench_event_of(
            &bench, "{\"pushType\":\"cdr\",\"callUniqueId\":\"c\",\"agentFileUrl\":\"%s\"}", rows[i].url);

        assert_int_equal(event->recording_count, rows[i].recordings);
        assert_int_equal(bench.conversion.unreadable, rows[i].unreadable);
    }
}

static void
only_a_row_of_the_list_has_its_primary_key_as_call_id(void **state)
{
    (void)state;
    assert_slice(bench_event_of(&bench, "{\"cdrType\":\"callRecord\",\"_id\":\"%s\"}", "38")->key, "38");
    assert_slice(
        bench_event_of(&bench, "{\"cdrType\":\"callRecord\",\"_id\":\"38\",\"callUniqueId\":\"%s\"}", "40")->key, "40");
    assert_false(bench_convert(&bench, "", "{\"pushType\":\"cdr\",\"_id\":\"38\"}"));
    assert_string_equal(bench.conversion.reason, "missing_key");
}

static void
commands_are_taken_out_of_extras(void **state)
{
    static const struct {
        const char *extras, *kept, *command;
    } rows[] = {
        {"\"\"", "", ""},
        {"null", "", ""},
        {"\"null\"", "", ""},
        {"{}", "", ""},
        {"\"a text\"", "\"a text\"", ""},
        {"[1]", "[1]", ""},
        {"{\"a\" : 1.50}", "{\"a\" : 1.50}", ""},
        {"{\"_tl\":\"id\"}", "", "id"},
        {"{\"_tl\":\"id\",\"a\":1.50}", "{\"a\":1.50}", "id"},
        {"{\"value\":\"x\\u0041\",\"_tl\":\"id\"}", "\"xA\"", "id"},
        {"{\"_tl\":\"id\",\"value\":true}", "true", "id"},
        {"{\"_tl\":\"id\",\"value\":{\"a\":[]}}", "{\"a\":[]}", "id"},
        {"{\"_tl\":\"id\",\"value\":1,\"a\":2}", "{\"value\":1,\"a\":2}", "id"},
        {"{\"_tl\":\"\",\"a\":2}", "{\"_tl\":\"\",\"a\":2}", ""},
        {"\"{\\\"_tl\\\":1}\"", "\"{\\\"_tl\\\":1}\"", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct canonical_event *event =
            bench_event_of(&bench, "{\"callEvent\":\"ring\",\"callUniqueId\":\"c\",\"extras\":%s}", rows[i].extras);

        assert_slice(event->extras, rows[i].kept);
        assert_slice(event->correlation_id, rows[i].command);
    }
}

static void
diagnoses_beyond_the_table_are_unknown_and_counted(void **state)
{
    (void)state;
    assert_int_equal(bench_event_of(&bench,
                                    "{\"pushType\":\"mediaFailreason\",\"callUniqueId\":\"c\","
                                    "\"preMediaFailureReason\":\"%s\"}",
                                    "onThePhone")
                         ->outcome.status,
                     OUTCOME_BUSY);
    assert_int_equal(bench.conversion.unknown_codes, 0);
    assert_int_equal(bench_event_of(&bench,
                                    "{\"pushType\":\"mediaFailreason\",\"callUniqueId\":\"c\","
                                    "\"preMediaFailureReason\":\"%s\"}",
                                    "empty")
                         ->outcome.status,
                     OUTCOME_UNKNOWN);
    assert_int_equal(bench.conversion.unknown_codes, 1);
}

static void
messages_without_a_key_fail(void **state)
{
    static const char *const bodies[] = {
        "{\"callEvent\":\"hangup\"}",
        "{\"callEvent\":\"link\",\"callUniqueId\":\"null\",\"superUniqueId\":null}",
        "{\"pushType\":\"mediaFailreason\"}",
        "{\"pushType\":\"cdr\"}",
        "{\"pushType\":\"callStatus\",\"callUniqueId\":\"c\"}",
        "{\"pushType\":\"login\",\"agentNumber\":{}}",
        "{\"pushType\":\"logout\",\"agentNumber\":\"\"}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        assert_false(bench_convert(&bench, "", bodies[i]));
        assert_string_equal(bench.conversion.reason, "missing_key");
        assert_int_equal(bench.conversion.count, 0);
    }
}

static void
unknown_messages_are_unmapped(void **state)
{
    static const char *const bodies[] = {
        "{}", "[]", "{\"callEvent\":\"transfer\"}", "{\"callEvent\":[\"ring\"]}", "{\"content\":{\"segments\":[]}}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        assert_int_equal(bench_event(&bench, "", bodies[i])->type, EVENT_VENDOR_UNMAPPED);
    }
}

static void
the_answer_is_a_setting(void **state)
{
    struct slice own = SLICE("{\"code\":200}");
    struct callback callback = {.settings = bench.settings};

    (void)state;
    assert_slice(adapter_sevenmoor.answer(&callback).body, "{\"success\":true}");
    assert_slice(adapter_sevenmoor.answer(&callback).content_type, "application/json");
    callback.settings = &own;
    assert_slice(adapter_sevenmoor.answer(&callback).body, "{\"code\":200}");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, open_bench, close_bench)

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(every_sample_is_known),
        TEST(call_types_tell_direction_and_kind),
        TEST(status_numbers_tell_the_agents_state),
        TEST(unreadable_values_are_left_out_and_counted_once),
        TEST(times_of_calls_may_be_local_and_those_of_agents_epoch_seconds),
        TEST(statuses_of_records_are_outcomes),
        TEST(failure_reason_zero_is_none),
        TEST(hang_up_sides_are_read_in_any_case),
        TEST(the_same_recording_is_told_once),
        TEST(recordings_without_a_whole_url_are_left_out_and_counted),
        TEST(only_a_row_of_the_list_has_its_primary_key_as_call_id),
        TEST(commands_are_taken_out_of_extras),
        TEST(diagnoses_beyond_the_table_are_unknown_and_counted),
        TEST(messages_without_a_key_fail),
        TEST(unknown_messages_are_unmapped),
        TEST(the_answer_is_a_setting),
    };

    return cmocka_run_group_tests_name("7moor", tests, NULL, NULL);
}

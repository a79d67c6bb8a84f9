/* The tables of the adapter yeta, row by row, and what it counts. Whole messages are the golden files' part. */
#include "conversion.h"

extern const struct adapter adapter_yeta;

static struct bench bench;

static int
open_bench(void **state)
{
    (void)state;
    bench_open(&bench, &adapter_yeta);
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
    for (const struct adapter_kind *kind = adapter_yeta.kinds; kind->name != NULL; kind++) {
        enum event_type type = bench_event(&bench, kind->endpoint, kind->sample)->type;

        assert_int_not_equal(type, EVENT_VENDOR_UNMAPPED);
        assert_int_equal(bench_event(&bench, "", kind->sample)->type, type);
        assert_int_equal(bench.conversion.unreadable, 0);
        assert_int_equal(bench.conversion.unknown_codes, 0);
    }
}

static void
task_results_are_outcomes(void **state)
{
    static const struct {
        const char *result;
        enum outcome_status status;
    } rows[] = {
        {"-1", OUTCOME_TIMEOUT},         {"0", OUTCOME_ANSWERED},       {"2", OUTCOME_BUSY},
        {"3", OUTCOME_UNREACHABLE},      {"4", OUTCOME_POWERED_OFF},    {"5", OUTCOME_BUSY},
        {"6", OUTCOME_INVALID_NUMBER},   {"7", OUTCOME_INVALID_NUMBER}, {"8", OUTCOME_REJECTED},
        {"9", OUTCOME_SUSPENDED},        {"15", OUTCOME_ANSWERED},      {"16", OUTCOME_ANSWERED},
        {"18", OUTCOME_ANSWERED},        {"19", OUTCOME_ANSWERED},      {"20", OUTCOME_NO_ANSWER},
        {"22", OUTCOME_NO_ANSWER},       {"23", OUTCOME_RESTRICTED},    {"25", OUTCOME_UNREACHABLE},
        {"26", OUTCOME_NETWORK_FAILURE}, {"27", OUTCOME_RESTRICTED},    {"28", OUTCOME_NETWORK_FAILURE},
        {"1", OUTCOME_UNKNOWN},          {"150", OUTCOME_UNKNOWN},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct canonical_event *event = bench_event_of(
            &bench, "{\"call_uuid\":\"u\",\"duration_call\":0,\"time_answer\":0,\"task_result\":%s}", rows[i].result);

        assert_int_equal(event->outcome.status, rows[i].status);
        assert_slice(event->outcome.vendor_code, rows[i].result);
        assert_int_equal(event->outcome.hung_up_by,
                         strcmp(rows[i].result, "15") == 0 ? HUNG_UP_BY_CUSTOMER : HUNG_UP_BY_ABSENT);
        assert_int_equal(event->outcome.transferred,
                         strcmp(rows[i].result, "19") == 0 ? TRISTATE_TRUE : TRISTATE_ABSENT);
        assert_int_equal(bench.conversion.unknown_codes, rows[i].status == OUTCOME_UNKNOWN);
    }
}

static void
without_a_result_the_time_of_answer_tells(void **state)
{
    (void)state;
    assert_int_equal(
        bench_event_of(&bench, "{\"call_uuid\":\"u\",\"duration_call\":0,\"time_answer\":%s}", "0")->outcome.status,
        OUTCOME_NO_ANSWER);
    assert_int_equal(
        bench_event_of(&bench, "{\"call_uuid\":\"u\",\"duration_call\":0,\"time_answer\":%s}", "null")->outcome.status,
        OUTCOME_NO_ANSWER);
    assert_int_equal(
        bench_event_of(&bench, "{\"call_uuid\":\"u\",\"duration_call\":0,\"time_answer\":%s}", "1527737763429")
            ->outcome.status,
        OUTCOME_ANSWERED);
    assert_int_equal(bench.conversion.unknown_codes, 0);
}

static void
records_are_basic_or_full(void **state)
{
    static const struct {
        const char *members, *suffix;
        enum record_kind record;
    } rows[] = {
        {"\"direction\":2", "-basic", RECORD_BASIC},
        {"\"direction\":2,\"task_row_index\":\"\"", "-basic", RECORD_BASIC},
        {"\"direction\":2,\"task_row_index\":0", "-full", RECORD_FULL},
        {"\"direction\":1", "-basic", RECORD_FULL},
        {"\"direction\":\"1\",\"task_row_index\":7", "-full", RECORD_FULL},
        {"\"direction\":9", "-basic", RECORD_BASIC},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct canonical_event *event =
            bench_event_of(&bench, "{\"call_uuid\":\"u\",\"duration_call\":1,%s}", rows[i].members);

        assert_slice(event->suffix, rows[i].suffix);
        assert_int_equal(event->record, rows[i].record);
    }
}

static void
rows_keep_what_has_a_name_and_a_value(void **state)
{
    static const struct {
        const char *members;
        size_t columns;
        unsigned unreadable;
    } rows[] = {
        {"\"task_row_head\":[\"a\",\"b\"],\"task_row_value\":[\"1\",2]", 2, 0},
        {"\"task_row_head\":[\"a\",\"b\"],\"task_row_value\":[\"1\"]", 1, 1},
        {"\"task_row_head\":[\"a\"],\"task_row_value\":[\"1\",\"2\",\"3\"]", 1, 1},
        {"\"task_row_head\":[\"a\",\"a\",\"\"],\"task_row_value\":[\"1\",\"2\",\"3\"]", 1, 2},
        {"\"task_row_head\":[\"a\"]", 0, 1},
        {"\"task_row_head\":\"a\",\"task_row_value\":\"1\"", 0, 2},
        {"\"task_row_head\":[\"a\",\"b\",\"c\"],\"task_row_value\":[\"1\",\"\",null]", 1, 0},
        {"\"task_row_head\":[],\"task_row_value\":[]", 0, 0},
        {"\"task_row_head\":null,\"task_row_value\":\"\"", 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct canonical_event *event =
            bench_event_of(&bench, "{\"call_uuid\":\"u\",\"duration_call\":1,%s}", rows[i].members);

        assert_int_equal(event->task.row_count, rows[i].columns);
        assert_int_equal(bench.conversion.unreadable, rows[i].unreadable);
        if (rows[i].columns > 0) {
            assert_slice(event->task.row[0].value, "1");
        }
    }
}

static void
rows_are_bounded(void **state)
{
    static char body[16384];
    int length = snprintf(body, sizeof(body), "{\"call_uuid\":\"u\",\"duration_call\":1,\"task_row_head\":[\"c0\"");

    (void)state;
    for (int i = 1; i < 500; i++) {
        length += snprintf(body + length, sizeof(body) - (size_t)length, ",\"c%d\"", i);
    }
    length += snprintf(body + length, sizeof(body) - (size_t)length, "],\"task_row_value\":[0");
    for (int i = 1; i < 500; i++) {
        length += snprintf(body + length, sizeof(body) - (size_t)length, ",%d", i);
    }
    snprintf(body + length, sizeof(body) - (size_t)length, "]}");
    assert_int_equal(bench_event(&bench, "", body)->task.row_count, 128);
    assert_int_equal(bench.conversion.unreadable, 1);
    assert_slice(bench.conversion.first->task.row[127].value, "127");
}

static void
recordings_have_absolute_urls(void **state)
{
    static const struct {
        const char *prefix, *url, *absolute;
    } rows[] = {
        {"http://v.example/", "a/b.wav", "http://v.example/a/b.wav"},
        {"http://v.example", "a/b.wav", "http://v.example/a/b.wav"},
        {"http://v.example/x//", "//a/b.wav", "http://v.example/x/a/b.wav"},
        {"http://v.example/", "https://w.example/b.wav", "https://w.example/b.wav"},
        {"http://v.example/", "HTTP://w.example/b.wav", "HTTP://w.example/b.wav"},
        {"http://v.example/", "a/http://b.wav", "http://v.example/a/http://b.wav"},
        {"http://v.example/", "://b.wav", "http://v.example/://b.wav"},
        {"http://v.example/", "http:/b", "http://v.example/http:/b"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct canonical_event *event;

        bench.settings[0] = slice_from(rows[i].prefix);
        event = bench_event_of(&bench, "{\"call_uuid\":\"u\",\"size\":1,\"url\":\"%s\"}", rows[i].url);
        assert_int_equal(event->type, EVENT_CALL_RECORDING_AVAILABLE);
        assert_int_equal(event->recording_count, 1);
        assert_slice(event->recordings[0].url, rows[i].absolute);
        assert_int_equal(event->suffix.length, 17);
    }
}

static void
hits_are_always_a_list(void **state)
{
    static const struct {
        const char *members, *hits;
    } rows[] = {
        {"\"hits\":[{\"hit\":\"a\"}]", "[{\"hit\":\"a\"}]"},
        {"\"hits\":{\"hit\":\"a\"}", "[{\"hit\":\"a\"}]"},
        {"\"hit\":{\"id\":9007199254740993}", "[{\"id\":9007199254740993}]"},
        {"\"hit\":\"a\"", "[\"a\"]"},
        {"\"hits\":null,\"hit\":\"a\"", "[\"a\"]"},
        {"\"hits\":[1],\"hit\":\"a\"", "[1]"},
        {"\"hits\":\"\",\"hit\":null", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct canonical_event *event =
            bench_event_of(&bench, "{\"call_uuid\":\"u\",\"dialog\":[{%s}]}", rows[i].members);

        assert_int_equal(event->transcript.turn_count, 1);
        assert_slice(event->transcript.turns[0].hits, rows[i].hits);
    }
}

static void
what_is_no_turn_is_left_out_and_counted(void **state)
{
    const struct canonical_event *event =
        bench_event_of(&bench, "{\"call_uuid\":\"u\",\"dialog\":[1,{\"role\":\"robot\",\"seq\":\"%s\"},[]]}", "x");

    (void)state;
    assert_int_equal(event->transcript.turn_count, 1);
    assert_int_equal(bench.conversion.unreadable, 3);
    assert_int_equal(bench_event(&bench, "receiveDialog", "{\"call_uuid\":\"u\",\"dialog\":\"a\"}")->type,
                     EVENT_CALL_TRANSCRIBED);
    assert_int_equal(bench.conversion.unreadable, 1);
}

static void
the_endpoint_decides_and_then_the_fields_in_order(void **state)
{
    static const struct {
        const char *endpoint, *members;
        enum event_type type;
    } rows[] = {
        {"receiveCallRecord", "\"url\":\"a\",\"size\":1", EVENT_CALL_RECORDED},
        {"receiveVoice", "\"url\":\"a\",\"duration_call\":1", EVENT_CALL_RECORDING_AVAILABLE},
        {"receiveDialog", "\"duration_call\":1,\"code\":\"a\"", EVENT_CALL_TRANSCRIBED},
        {"", "\"duration_call\":0,\"url\":\"a\",\"size\":1", EVENT_CALL_RECORDED},
        {"", "\"time_hangup\":1527737763429", EVENT_CALL_RECORDED},
        {"", "\"url\":\"a\",\"size\":0,\"dialog\":[]", EVENT_CALL_RECORDING_AVAILABLE},
        {"", "\"url\":\"a\"", EVENT_VENDOR_UNMAPPED},
        {"", "\"url\":\"a\",\"dialog\":[]", EVENT_CALL_TRANSCRIBED},
        {"", "\"dialog\":[],\"code\":\"\"", EVENT_CALL_TRANSCRIBED},
        {"", "\"dialog\":[],\"code\":\"SELF1\"", EVENT_VENDOR_UNMAPPED},
        {"", "\"call_relation_id\":\"1111\"", EVENT_VENDOR_UNMAPPED},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char body[128];

        snprintf(body, sizeof(body), "{\"call_uuid\":\"u\",%s}", rows[i].members);
        assert_int_equal(bench_event(&bench, rows[i].endpoint, body)->type, rows[i].type);
        assert_slice(bench.conversion.first->subject, "u");
    }
}

static void
messages_without_a_key_fail(void **state)
{
    static const struct {
        const char *endpoint, *body;
    } rows[] = {
        {"receiveCallRecord", "{}"},
        {"receiveCallRecord", "{\"call_uuid\":\"null\"}"},
        {"receiveVoice", "{\"call_uuid\":\"u\",\"url\":\"\"}"},
        {"receiveVoice", "{\"call_uuid\":\"\",\"url\":\"a\"}"},
        {"receiveDialog", "{\"dialog\":[]}"},
        {"", "{\"duration_call\":1}"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_false(bench_convert(&bench, rows[i].endpoint, rows[i].body));
        assert_string_equal(bench.conversion.reason, "missing_key");
        assert_int_equal(bench.conversion.count, 0);
    }
}

static void
the_answer_is_the_word_that_yeta_looks_for(void **state)
{
    struct callback callback = {.settings = bench.settings};

    (void)state;
    assert_slice(adapter_yeta.answer(&callback).body, "success");
    assert_slice(adapter_yeta.answer(&callback).content_type, "text/plain");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, open_bench, close_bench)

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(every_sample_is_known),
        TEST(task_results_are_outcomes),
        TEST(without_a_result_the_time_of_answer_tells),
        TEST(records_are_basic_or_full),
        TEST(rows_keep_what_has_a_name_and_a_value),
        TEST(rows_are_bounded),
        TEST(recordings_have_absolute_urls),
        TEST(hits_are_always_a_list),
        TEST(what_is_no_turn_is_left_out_and_counted),
        TEST(the_endpoint_decides_and_then_the_fields_in_order),
        TEST(messages_without_a_key_fail),
        TEST(the_answer_is_the_word_that_yeta_looks_for),
    };

    return cmocka_run_group_tests_name("yeta", tests, NULL, NULL);
}

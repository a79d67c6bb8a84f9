/* The table of byeType and the answers of 玖云. Whole messages are the golden files' part. */
#include "conversion.h"

extern const struct adapter adapter_jiuyun;

static struct bench bench;

static int
open_bench(void **state)
{
    (void)state;
    bench_open(&bench, &adapter_jiuyun);
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
outcomes(void **state)
{
    static const struct {
        const char *code, *duration;
        enum outcome_status status;
        enum call_party party;
        enum hung_up_by hung_up_by;
        unsigned unknown_codes;
    } rows[] = {
        {"\"0\"", "\"1\"", OUTCOME_ANSWERED, PARTY_ABSENT, HUNG_UP_BY_ABSENT, 0},
        {"0", "60", OUTCOME_ANSWERED, PARTY_ABSENT, HUNG_UP_BY_ABSENT, 0},
        {"\"0\"", "\"0\"", OUTCOME_NO_ANSWER, PARTY_ABSENT, HUNG_UP_BY_ABSENT, 0},
        {"\"0\"", "\"0.0\"", OUTCOME_NO_ANSWER, PARTY_ABSENT, HUNG_UP_BY_ABSENT, 0},
        {"\"0\"", "\"0.5\"", OUTCOME_ANSWERED, PARTY_ABSENT, HUNG_UP_BY_ABSENT, 0},
        {"\"0\"", "\"-7\"", OUTCOME_NO_ANSWER, PARTY_ABSENT, HUNG_UP_BY_ABSENT, 0},
        {"\"0\"", "\"\"", OUTCOME_NO_ANSWER, PARTY_ABSENT, HUNG_UP_BY_ABSENT, 0},
        {"\"1\"", "\"0\"", OUTCOME_UNREACHABLE, PARTY_CALLER, HUNG_UP_BY_ABSENT, 0},
        {"\"2\"", "\"0\"", OUTCOME_UNREACHABLE, PARTY_CALLEE, HUNG_UP_BY_ABSENT, 0},
        {"\"3\"", "\"0\"", OUTCOME_BUSY, PARTY_CALLER, HUNG_UP_BY_ABSENT, 0},
        {"\"4\"", "\"0\"", OUTCOME_BUSY, PARTY_CALLEE, HUNG_UP_BY_ABSENT, 0},
        {"\"5\"", "\"7200\"", OUTCOME_ANSWERED, PARTY_ABSENT, HUNG_UP_BY_SYSTEM, 0},
        {"\"5\"", "\"0\"", OUTCOME_NO_ANSWER, PARTY_ABSENT, HUNG_UP_BY_SYSTEM, 0},
        {"\"6\"", "\"9\"", OUTCOME_FAILED, PARTY_ABSENT, HUNG_UP_BY_ABSENT, 0},
        {"\"7\"", "\"9\"", OUTCOME_NETWORK_FAILURE, PARTY_ABSENT, HUNG_UP_BY_ABSENT, 0},
        {"\"255\"", "\"9\"", OUTCOME_UNKNOWN, PARTY_ABSENT, HUNG_UP_BY_ABSENT, 0},
        {"\"8\"", "\"9\"", OUTCOME_UNKNOWN, PARTY_ABSENT, HUNG_UP_BY_ABSENT, 1},
        {"\"00\"", "\"9\"", OUTCOME_UNKNOWN, PARTY_ABSENT, HUNG_UP_BY_ABSENT, 1},
        {"\"\"", "\"9\"", OUTCOME_ABSENT, PARTY_ABSENT, HUNG_UP_BY_ABSENT, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct slice body =
            arena_printf(bench.arena, "{\"action\":\"Hangup\",\"callId\":\"c\",\"byeType\":%s,\"duration\":%s}",
                         rows[i].code, rows[i].duration);
        const struct canonical_event *event = bench_event(&bench, "", body.data);

        assert_int_equal(event->outcome.status, rows[i].status);
        assert_int_equal(event->outcome.party, rows[i].party);
        assert_int_equal(event->outcome.hung_up_by, rows[i].hung_up_by);
        assert_int_equal(bench.conversion.unknown_codes, rows[i].unknown_codes);
    }
}

static void
unreadable_members_are_counted(void **state)
{
    (void)state;
    (void)bench_event(&bench, "",
                      "{\"action\":\"Hangup\",\"callId\":\"c\",\"startTime\":\"soon\",\"endTime\":\"2021\","
                      "\"duration\":\"long\",\"recordUrl\":\"ftp.wav\"}");
    assert_int_equal(bench.conversion.unreadable, 4);
}

static void
answers(void **state)
{
    struct callback callback = {.format = BODY_XML};

    (void)state;
    assert_slice(adapter_jiuyun.answer(&callback).content_type, "application/xml");
    assert_slice(adapter_jiuyun.answer(&callback).body,
                 "<?xml version='1.0' encoding='utf-8'?><Response><statusCode>0000</statusCode>"
                 "<statusMsg>Success</statusMsg></Response>");
    callback.format = BODY_JSON;
    assert_slice(adapter_jiuyun.answer(&callback).content_type, "application/json");
    assert_slice(adapter_jiuyun.answer(&callback).body, "{\"statusCode\":\"0000\",\"statusMsg\":\"Success\"}");
}

static void
what_it_is(void **state)
{
    (void)state;
    assert_ptr_equal(adapter_find(slice_from("jiuyun")), &adapter_jiuyun);
    assert_null(adapter_find(slice_from("Jiuyun")));
    assert_false(adapter_jiuyun.retries);
    assert_int_equal(adapter_jiuyun.budget_ms, 500);
    assert_null(adapter_jiuyun.verify_raw);
    assert_null(adapter_jiuyun.verify_parsed);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outcomes),
        cmocka_unit_test(unreadable_members_are_counted),
        cmocka_unit_test(answers),
        cmocka_unit_test(what_it_is),
    };

    return cmocka_run_group_tests(tests, open_bench, close_bench);
}

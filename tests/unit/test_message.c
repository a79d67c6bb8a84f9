/* The rules for what is absent, unreadable or a number, row by row. */
#include "conversion.h"

#include "adapters/message.h"

static struct bench bench;

extern const struct adapter adapter_jiuyun;

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

static const struct value *
parsed(const char *json)
{
    struct error error;
    const struct value *message = json_parse(bench.arena, slice_from(json), VALUE_LIMITS_DEFAULT, &error);

    assert_non_null(message);
    return message;
}

static void
texts(void **state)
{
    static const struct {
        const char *json, *text;
        bool present;
    } rows[] = {
        {"{\"a\":\"x\"}", "x", true},    {"{\"a\":12345678901234567890.50}", "12345678901234567890.50", true},
        {"{\"a\":\" \"}", " ", true},    {"{\"a\":\"\"}", "", false},
        {"{\"a\":\"null\"}", "", false}, {"{\"a\":\"NULL\"}", "NULL", true},
        {"{\"a\":null}", "", false},     {"{\"b\":1}", "", false},
        {"{\"a\":true}", "", true},      {"{\"a\":{}}", "", true},
        {"{\"a\":[\"x\"]}", "", true},   {"[\"a\"]", "", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct value *message = parsed(rows[i].json);

        assert_slice(message_text(message, "a"), rows[i].text);
        assert_int_equal(message_has(message, "a"), rows[i].present);
    }
    assert_slice(message_text(NULL, "a"), "");
}

static void
numbers(void **state)
{
    static const struct {
        const char *json, *number;
        unsigned unreadable;
    } rows[] = {
        {"{\"a\":5}", "5", 0},
        {"{\"a\":\"5\"}", "5", 0},
        {"{\"a\":\"05\"}", "5", 0},
        {"{\"a\":\"000\"}", "0", 0},
        {"{\"a\":\" 7\\n\"}", "7", 0},
        {"{\"a\":\"00.50\"}", "0.50", 0},
        {"{\"a\":-1}", "-1", 0},
        {"{\"a\":\"-1.25\"}", "-1.25", 0},
        {"{\"a\":12345678901234567890}", "12345678901234567890", 0},
        {"{\"a\":\"\"}", "", 0},
        {"{\"a\":\"null\"}", "", 0},
        {"{}", "", 0},
        {"{\"a\":\" \"}", "", 1},
        {"{\"a\":\"-\"}", "", 1},
        {"{\"a\":\"-05\"}", "", 1},
        {"{\"a\":\"+5\"}", "", 1},
        {"{\"a\":\"5.\"}", "", 1},
        {"{\"a\":\".5\"}", "", 1},
        {"{\"a\":\"1.5.5\"}", "", 1},
        {"{\"a\":\"5s\"}", "", 1},
        {"{\"a\":\"0x5\"}", "", 1},
        {"{\"a\":1e3}", "", 1},
        {"{\"a\":true}", "", 1},
        {"{\"a\":[5]}", "", 1},
        {"{\"a\":11111111112222222222333333333344}", "11111111112222222222333333333344", 0},
        {"{\"a\":111111111122222222223333333333444}", "", 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct conversion conversion = {0};

        assert_slice(message_number(&conversion, parsed(rows[i].json), "a"), rows[i].number);
        assert_int_equal(conversion.unreadable, rows[i].unreadable);
    }
}

static void
codes(void **state)
{
    (void)state;
    assert_int_equal(message_code(parsed("{\"a\":0}"), "a"), 0);
    assert_int_equal(message_code(parsed("{\"a\":\"101\"}"), "a"), 101);
    assert_int_equal(message_code(parsed("{\"a\":2147483647}"), "a"), 2147483647);
    assert_int_equal(message_code(parsed("{\"a\":2147483648}"), "a"), -1);
    assert_int_equal(message_code(parsed("{\"a\":-3}"), "a"), -1);
    assert_int_equal(message_code(parsed("{\"a\":1.0}"), "a"), -1);
    assert_int_equal(message_code(parsed("{\"a\":\"\"}"), "a"), -1);
}

typedef struct timestamp message_time_reader(const struct callback *callback, struct conversion *conversion,
                                             const struct value *object, const char *name);

static void
times(void **state)
{
    static const struct {
        message_time_reader *reader;
        const char *json;
        int64_t unix_ms; /* 0: absent */
        unsigned unreadable;
    } rows[] = {
        {message_time_seconds, "{\"a\":\"1620455977\"}", 1620455977000, 0},
        {message_time_seconds, "{\"a\":1620455977}", 1620455977000, 0},
        {message_time_seconds, "{\"a\":0}", 0, 0},
        {message_time_seconds, "{\"a\":\"0\"}", 0, 0},
        {message_time_seconds, "{\"a\":\"\"}", 0, 0},
        {message_time_seconds, "{\"a\":\"yesterday\"}", 0, 1},
        {message_time_seconds, "{\"a\":[]}", 0, 1},
        {message_time_millis, "{\"a\":1527737784829}", 1527737784829, 0},
        {message_time_millis, "{\"a\":\"null\"}", 0, 0},
        {message_time_millis, "{\"a\":-1}", 0, 1},
        {message_time_local, "{\"a\":\"2021-05-08 14:39:47\"}", 1620455987000, 0},
        {message_time_local, "{\"a\":\"2021-05-08\"}", 0, 1},
        {message_time_local, "{\"a\":0}", 0, 0},
        {message_time_compact, "{\"a\":\"20210508143947\"}", 1620455987000, 0},
        {message_time_compact, "{\"a\":20210508143947}", 1620455987000, 0},
        {message_time_compact, "{\"a\":\"20211308143947\"}", 0, 1},
    };
    struct callback callback = {.zone = bench.zone, .arena = bench.arena};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct conversion conversion = {0};
        struct timestamp timestamp = rows[i].reader(&callback, &conversion, parsed(rows[i].json), "a");

        assert_int_equal(timestamp.present, rows[i].unix_ms != 0);
        assert_int_equal(timestamp.unix_ms, rows[i].unix_ms);
        assert_int_equal(conversion.unreadable, rows[i].unreadable);
    }
}

static void
the_vendors_bytes(void **state)
{
    struct callback callback = {
        .body = SLICE(" \n{\"a\" : 1.50}\t"), .format = BODY_JSON, .zone = bench.zone, .arena = bench.arena};

    (void)state;
    assert_slice(vendor_json(&callback), "{\"a\" : 1.50}");
    callback.body = (struct slice)SLICE("abc");
    assert_slice(callback_hash(&callback), "ba7816bf8f01cfea414140de5dae2223");
}

static void
a_list_of_events(void **state)
{
    struct callback callback = {.body = SLICE("[]"), .format = BODY_JSON, .arena = bench.arena};
    struct conversion conversion = {0};

    (void)state;
    assert_true(conversion_unmapped(&callback, &conversion, slice_from("call")));
    assert_true(conversion_unmapped(&callback, &conversion, slice_from("")));
    assert_int_equal(conversion.count, 2);
    assert_slice(conversion.first->subject, "call");
    assert_ptr_equal(conversion.first->next, conversion.last);
    assert_true(slice_equal(conversion.last->subject, conversion.last->key));
    assert_null(conversion.last->next);
    assert_false(conversion_fail(&conversion, "missing_key", "none"));
    assert_string_equal(conversion.reason, "missing_key");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts), cmocka_unit_test(numbers),           cmocka_unit_test(codes),
        cmocka_unit_test(times), cmocka_unit_test(the_vendors_bytes), cmocka_unit_test(a_list_of_events),
    };

    return cmocka_run_group_tests(tests, open_bench, close_bench);
}

/* How yeta is called: what becomes of commands, and what is refused and why. */
#include "calling.h"

#define TOKEN "08236d0aeeee4d5b566db5f4adc41a63"

#define assert_slice(slice, text) assert_true(slice_is((slice), (text)))

static struct calling bench;

static int
open_bench(void **state)
{
    (void)state;
    calling_open(&bench, adapter_find(slice_from("yeta")));
    return 0;
}

static int
close_bench(void **state)
{
    (void)state;
    calling_close(&bench);
    return 0;
}

/* --- composing --- */

static bool
compose(const char *name, const char *data)
{
    return calling_compose(&bench, name, "c-1", data);
}

/* Dials, one of each data, in one request. */
static bool
compose_dials(const char *const *data, size_t count)
{
    struct command commands[4];
    const struct command *pointers[4];

    assert_true(count <= 4);
    for (size_t i = 0; i < count; i++) {
        commands[i] = calling_command(&bench, "call.dial", "c-1", data[i]);
        pointers[i] = &commands[i];
    }
    return calling_compose_commands(&bench, calling_operation(&bench, "call.dial"), pointers, count);
}

static void
requests_are_composed(void **state)
{
    static const struct {
        const char *name, *data, *body;
    } rows[] = {
        {"", NULL, "{\"app_key\":\"the-app_key\",\"app_secret\":\"the-app_secret\"}"},
        {"account.resources.query", NULL, "{}"},
        {"account.resources.query", "{}", "{}"},
        {"account.resources.query", "{\"kind\":null}", "{}"},
        {"account.resources.query", "{\"kind\":\"all\"}", "{\"type\":0}"},
        {"account.resources.query", "{\"kind\":\"robots\"}", "{\"type\":1}"},
        {"account.resources.query", "{\"kind\":\"lines\"}", "{\"type\":2}"},
        {"account.resources.query", "{\"kind\":\"urls\"}", "{\"type\":3}"},
        {"account.resources.query", "{\"kind\":\"voices\"}", "{\"type\":4}"},
        {"call.dial", "{\"callee\":\"1\",\"robot\":\"r\",\"line\":\"l\"}",
         "{\"robot_id\":\"r\",\"line_num\":\"l\",\"call_column\":[\"客户手机号码\"],\"call_list\":[[\"1\"]]}"},
        {"call.dial",
         "{\"callee\":\"1\",\"robot\":\"r\",\"line\":\"l\",\"row\":{\"b\":\"x\",\"a\":\"\"},"
         "\"options\":{\"robot_speed\":-500,\"voice_code\":\"6\"}}",
         "{\"robot_id\":\"r\",\"line_num\":\"l\",\"voice_code\":\"6\",\"robot_speed\":-500,"
         "\"call_column\":[\"客户手机号码\",\"b\",\"a\"],\"call_list\":[[\"1\",\"x\",\"\"]]}"},
        {"task.create",
         "{\"name\":\"n\",\"line\":[\"1\",\"2\",\"3\"],\"robot\":\"r\",\"begins\":\"2018-05-26T15:58:12+08:00\"}",
         "{\"task_name\":\"n\",\"robot_id\":\"r\",\"time_begin\":1527321492000,\"line_num\":\"1;2;3\"}"},
        {"task.create",
         "{\"name\":\"n\",\"line\":[\"1\"],\"robot\":\"r\",\"begins\":\"2018-05-26T07:58:12.25Z\",\"recalls\":3,"
         "\"hours\":[\"00:00:00-23:59:59\"],\"options\":{\"trubo_mode\":true,\"voice_code\":\"6\"}}",
         "{\"task_name\":\"n\",\"robot_id\":\"r\",\"time_begin\":1527321492250,\"recall_count\":3,"
         "\"time_range\":[\"00:00:00-23:59:59\"],\"voice_code\":\"6\",\"trubo_mode\":true,\"line_num\":\"1\"}"},
        {"task.add", "{\"task\":\"7\",\"columns\":[\"a\",\"b\"],\"rows\":[[\"1\",\"\"],[\"2\",\"y\"]]}",
         "{\"task_id\":\"7\",\"call_column\":[\"a\",\"b\"],\"call_list\":[[\"1\",\"\"],[\"2\",\"y\"]]}"},
        {"task.start", "{\"task\":\"7\"}", "{\"task_id\":\"7\"}"},
        {"task.pause", "{\"task\":\"7\"}", "{\"task_id\":\"7\"}"},
        {"task.delete", "{\"task\":\"7\"}", "{\"task_id\":\"7\"}"},
        {"task.query", NULL, "{}"},
        {"task.query",
         "{\"task\":\"7\",\"from\":\"2018-05-26T15:58:12+08:00\",\"to\":\"2018-05-26T15:58:13+08:00\",\"name\":\"n\","
         "\"statuses\":[0,7],\"page\":2,\"page_size\":50,\"sort\":\"STARTTIME\",\"order\":\"DESC\"}",
         "{\"task_id\":\"7\",\"time_begin\":1527321492000,\"time_end\":1527321493000,\"task_name\":\"n\","
         "\"task_status_list\":[0,7],\"page_size\":50,\"page_index\":2,\"sort_name\":\"STARTTIME\","
         "\"sort_order\":\"DESC\"}"},
        {"push.recover", NULL, "{}"},
        {"push.recover", "{\"date\":\"2016-02-29\"}", "{\"date\":\"2016-02-29\"}"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_composed(&bench, rows[i].name, rows[i].data, rows[i].body);
        assert_false(bench.composition.get);
        assert_false(bench.composition.uncorrelated);
    }
}

#define DIAL(rest)      "{\"callee\":\"1\",\"robot\":\"r\",\"line\":\"l\"" rest "}"
#define CREATE(rest)    "{\"name\":\"n\",\"robot\":\"r\"" rest "}"
#define CREATE_AT(rest) CREATE(",\"line\":[\"1\"],\"begins\":\"2018-05-26T15:58:12+08:00\"" rest)

static void
what_the_vendor_does_not_take_is_refused(void **state)
{
    static const struct {
        const char *name, *data, *error;
    } rows[] = {
        {"account.resources.query", "{\"kind\":0}",
         "data.kind: must be one of the strings all, robots, lines, urls, voices"},
        {"account.resources.query", "{\"type\":0}",
         "data.type: not a member of account.resources.query; it takes kind"},
        {"call.dial", NULL, "data.callee: missing; call.dial needs it"},
        {"call.dial", "{\"callee\":13900000001,\"robot\":\"r\",\"line\":\"l\"}",
         "data.callee: must be a string; put the number in quotes, so that no digit of it is lost"},
        {"call.dial", "{\"callee\":\"1\",\"line\":\"l\"}", "data.robot: missing; call.dial needs it"},
        {"call.dial", "{\"callee\":\"1\",\"robot\":\"r\"}", "data.line: missing; call.dial needs it"},
        {"call.dial", "{\"callee\":\"1\",\"robot\":\"r\",\"line\":[\"l\"]}", "data.line: must be a string"},
        {"call.dial", DIAL(",\"agent\":\"8000\""),
         "data.agent: not a member of call.dial; it takes callee, robot, line, row, options"},
        {"call.dial", DIAL(",\"row\":[\"x\"]"), "data.row: must be an object"},
        {"call.dial", DIAL(",\"row\":{\"a\":\"\",\"age\":30}"),
         "data.row: column 2 must be a string; put it in quotes"},
        {"call.dial", DIAL(",\"row\":{\"a\":null}"), "data.row: column 1 must be a string"},
        {"call.dial", DIAL(",\"row\":{\"a\":\"x\\ny\"}"), "data.row: column 1 holds control characters; take them out"},
        {"call.dial", DIAL(",\"row\":{\"\":\"x\"}"), "data.row: column 1 has no name"},
        {"call.dial", DIAL(",\"row\":{\"a\":\"x\",\"客户手机号码\":\"1\"}"),
         "data.row: column 2 is the customer's, which data.callee fills; leave it out"},
        {"call.dial", DIAL(",\"options\":{\"robot_speed\":501}"),
         "data.options.robot_speed: must be a number from -500 to 500"},
        {"call.dial", DIAL(",\"options\":{\"robot_speed\":\"5\"}"),
         "data.options.robot_speed: must be a number from -500 to 500, without quotes"},
        {"call.dial", DIAL(",\"options\":{\"voice_code\":60030}"),
         "data.options.voice_code: must be a string; put the number in quotes, so that no digit of it is lost"},
        {"call.dial", DIAL(",\"options\":{\"trubo_mode\":true}"),
         "data.options.trubo_mode: not a member of call.dial; it takes voice_code, robot_speed"},
        {"task.create", CREATE(",\"begins\":\"2018-05-26T15:58:12Z\""), "data.line: missing; task.create needs it"},
        {"task.create", CREATE(",\"line\":\"1\",\"begins\":\"2018-05-26T15:58:12Z\""), "data.line: must be a list"},
        {"task.create", CREATE(",\"line\":[],\"begins\":\"2018-05-26T15:58:12Z\""),
         "data.line: has 0 values; it takes 1 to 50"},
        {"task.create", CREATE(",\"line\":[\"1\",\"2;3\"],\"begins\":\"2018-05-26T15:58:12Z\""),
         "data.line: value 2 holds the separator of lines; give each line by itself"},
        {"task.create", CREATE(",\"line\":[\"1\"]"), "data.begins: missing; task.create needs it"},
        {"task.create", CREATE(",\"line\":[\"1\"],\"begins\":1527321492000"),
         "data.begins: must be a time as RFC 3339 has it, with its offset, such as \"2021-03-25T00:27:33+08:00\""},
        {"task.create", CREATE_AT(",\"ends\":\"2018-05-26T07:58:12Z\""), "data.ends: must be later than data.begins"},
        {"task.create", CREATE_AT(",\"recalls\":4"), "data.recalls: must be a whole number from 0 to 3"},
        {"task.create", CREATE_AT(",\"recalls\":1.0"), "data.recalls: must be a whole number from 0 to 3"},
        {"task.create", CREATE_AT(",\"recall_wait_seconds\":604801"),
         "data.recall_wait_seconds: must be a whole number from 0 to 604800"},
        {"task.create", CREATE_AT(",\"hours\":[\"09:00:00-12:00:00\",\"9:00-12:00\"]"),
         "data.hours: value 2 must be a part of the day such as \"09:00:00-12:00:00\""},
        {"task.create", CREATE_AT(",\"hours\":[\"09:60:00-12:00:00\"]"),
         "data.hours: value 1 must be a part of the day such as \"09:00:00-12:00:00\""},
        {"task.create", CREATE_AT(",\"hours\":[\"09:00:00-24:00:00\"]"),
         "data.hours: value 1 must be a part of the day such as \"09:00:00-12:00:00\""},
        {"task.create", CREATE_AT(",\"hours\":[\"22:00:00-06:00:00\"]"),
         "data.hours: value 1 ends before it begins; hours over midnight are two parts"},
        {"task.create", CREATE_AT(",\"options\":{\"trubo_mode\":\"true\"}"),
         "data.options.trubo_mode: must be true or false, without quotes"},
        {"task.create", CREATE_AT(",\"options\":{\"turbo_mode\":true}"),
         "data.options.turbo_mode: not a member of task.create; it takes voice_code, trubo_mode"},
        {"task.add", "{\"task\":129,\"columns\":[\"a\"],\"rows\":[[\"1\"]]}",
         "data.task: must be a string; put the number in quotes, so that no digit of it is lost"},
        {"task.add", "{\"task\":\"7\",\"columns\":[\"a\"],\"rows\":[]}", "data.rows: has 0 values; it takes 1 to 50"},
        {"task.add", "{\"task\":\"7\",\"columns\":[\"a\",\"b\",\"a\"],\"rows\":[[\"1\",\"2\",\"3\"]]}",
         "data.columns: value 3 is there before; each name comes once"},
        {"task.add", "{\"task\":\"7\",\"columns\":[\"a\",\"b\"],\"rows\":[[\"1\",\"2\"],[\"1\"]]}",
         "data.rows: row 2 must be a list of 2 values, one a column"},
        {"task.add", "{\"task\":\"7\",\"columns\":[\"a\",\"b\"],\"rows\":[{\"a\":\"1\",\"b\":\"2\"}]}",
         "data.rows: row 1 must be a list of 2 values, one a column"},
        {"task.add", "{\"task\":\"7\",\"columns\":[\"a\",\"b\"],\"rows\":[[\"1\",2]]}",
         "data.rows: column 2 of row 1 must be a string; put it in quotes"},
        {"task.add", "{\"task\":\"7\",\"columns\":[\"a\",\"b\"],\"rows\":[[\"1\",\"2\"],[\"\",\"2\"]]}",
         "data.rows: column 1 of row 2 is empty; it is the number to be called"},
        {"task.start", "{}", "data.task: missing; task.start needs it"},
        {"task.pause", "{\"task\":\"\"}", "data.task: is empty; give it a value"},
        {"task.delete", "{\"task\":\"7\",\"options\":{}}", "data.options: not a member of task.delete; it takes task"},
        {"task.query", "{\"page_size\":51}", "data.page_size: must be a whole number from 1 to 50"},
        {"task.query", "{\"page\":0}", "data.page: must be a whole number from 1 to 2147483647"},
        {"task.query", "{\"statuses\":[1,8]}", "data.statuses[1]: must be a whole number from 0 to 7"},
        {"task.query", "{\"statuses\":[]}", "data.statuses: has 0 values; it takes 1 to 8"},
        {"task.query", "{\"sort\":\"id\"}",
         "data.sort: must be one of the strings ID, NAME, CREATETIME, STARTTIME, ENDTIME"},
        {"task.query", "{\"order\":\"UP\"}", "data.order: must be one of the strings ASC, DESC"},
        {"task.query", "{\"from\":\"2018-05-26T15:58:12Z\",\"to\":\"2018-05-26T15:58:12Z\"}",
         "data.to: must be later than data.from"},
        {"push.recover", "{\"date\":\"2018-02-29\"}", "data.date: must be a date such as \"2018-12-10\""},
        {"push.recover", "{\"date\":\"2018-13-01\"}", "data.date: must be a date such as \"2018-12-10\""},
        {"push.recover", "{\"date\":\"2018-1-01\"}", "data.date: must be a date such as \"2018-12-10\""},
        {"push.recover", "{\"date\":\"20181210\"}", "data.date: must be a date such as \"2018-12-10\""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_refused(&bench, rows[i].name, rows[i].data, rows[i].error);
    }
}

static void
a_date_is_near_today_in_china(void **state)
{
    static const struct {
        const char *date;
        bool taken;
    } rows[] = {
        {"{\"date\":\"2018-12-11\"}", false}, {"{\"date\":\"2018-12-10\"}", true},  {"{\"date\":\"2018-12-04\"}", true},
        {"{\"date\":\"2018-12-03\"}", false}, {"{\"date\":\"2018-12-12\"}", false},
    };

    (void)state;
    /* 2018-12-11 in China, from its first moment (still the 10th in UTC) to its last. */
    for (int64_t wall_ms = INT64_C(1544457600000); wall_ms < INT64_C(1544544000000); wall_ms += 86399999) {
        bench.wall_ms = wall_ms;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
            assert_int_equal(compose("push.recover", rows[i].date), rows[i].taken);
            assert_string_equal(bench.error.text,
                                rows[i].taken ? ""
                                              : "data.date: must be from yesterday to 7 days back, in China's time");
        }
    }
}

static void
settings_name_the_column_and_the_separator(void **state)
{
    (void)state;
    bench.settings[2] = slice_from("phone");
    bench.settings[3] = slice_from(", ");
    assert_composed(&bench, "call.dial", DIAL(""),
                    "{\"robot_id\":\"r\",\"line_num\":\"l\",\"call_column\":[\"phone\"],\"call_list\":[[\"1\"]]}");
    assert_refused(&bench, "call.dial", DIAL(",\"row\":{\"phone\":\"1\"}"),
                   "data.row: column 1 is the customer's, which data.callee fills; leave it out");
    assert_composed(&bench, "task.create", CREATE(",\"line\":[\"1;2\",\"3\"],\"begins\":\"2018-05-26T15:58:12+08:00\""),
                    "{\"task_name\":\"n\",\"robot_id\":\"r\",\"time_begin\":1527321492000,\"line_num\":\"1;2, 3\"}");

    /* Not configured is the default. */
    bench.settings[2] = slice_from("");
    bench.settings[3] = slice_from(NULL);
    assert_composed(
        &bench, "call.dial", DIAL(""),
        "{\"robot_id\":\"r\",\"line_num\":\"l\",\"call_column\":[\"客户手机号码\"],\"call_list\":[[\"1\"]]}");
    assert_composed(&bench, "task.create", CREATE(",\"line\":[\"1\",\"3\"],\"begins\":\"2018-05-26T15:58:12+08:00\""),
                    "{\"task_name\":\"n\",\"robot_id\":\"r\",\"time_begin\":1527321492000,\"line_num\":\"1;3\"}");
}

/* head, then so many elements, each its number between before and after, then tail. */
static const char *
repeated(const char *head, const char *before, const char *after, int count, const char *tail)
{
    size_t size = strlen(head) + strlen(tail) + (size_t)count * (strlen(before) + strlen(after) + 16) + 1;
    char *text = arena_alloc(bench.arena, size);
    size_t length;

    assert_non_null(text);
    length = (size_t)snprintf(text, size, "%s", head);
    for (int i = 0; i < count; i++) {
        length += (size_t)snprintf(text + length, size - length, "%s%s%d%s", i == 0 ? "" : ",", before, i, after);
    }
    snprintf(text + length, size - length, "%s", tail);
    return text;
}

/* A dial whose row has one cell of so many bytes. */
static const char *
dial_with_cell(int bytes)
{
    return arena_printf(bench.arena, DIAL(",\"row\":{\"a\":\"%0*d\"}"), bytes, 0).data;
}

static void
rows_columns_and_cells_are_bounded(void **state)
{
    const char *add = "{\"task\":\"7\",\"columns\":[\"a\"],\"rows\":[";
    const char *dial = "{\"callee\":\"1\",\"robot\":\"r\",\"line\":\"l\",\"row\":{";

    (void)state;
    assert_true(compose("task.add", repeated(add, "[\"", "\"]", 50, "]}")));
    assert_refused(&bench, "task.add", repeated(add, "[\"", "\"]", 51, "]}"),
                   "data.rows: has 51 values; it takes 1 to 50");
    assert_true(compose("call.dial", repeated(dial, "\"c", "\":\"\"", 127, "}}")));
    assert_refused(&bench, "call.dial", repeated(dial, "\"c", "\":\"\"", 128, "}}"),
                   "data.row: has too many columns; it takes 127");
    assert_true(compose("call.dial", dial_with_cell(1024)));
    assert_refused(&bench, "call.dial", dial_with_cell(1025),
                   "data.row: column 1 has 1025 bytes; at most 1024 are allowed");
}

/* --- gathering --- */

static void
dials_go_together_only_when_all_else_is_equal(void **state)
{
    static const struct {
        const char *a, *b;
        bool together;
    } rows[] = {
        {DIAL(""), "{\"callee\":\"2\",\"line\":\"l\",\"robot\":\"r\"}", true},
        {DIAL(""), DIAL(",\"row\":{}"), true},
        {DIAL(""), DIAL(",\"row\":null,\"options\":{\"voice_code\":null}"), true},
        {DIAL(",\"row\":{\"a\":\"1\",\"b\":\"2\"}"), DIAL(",\"row\":{\"a\":\"3\",\"b\":\"\"}"), true},
        {DIAL(",\"row\":{\"a\":\"1\",\"b\":\"2\"}"), DIAL(",\"row\":{\"b\":\"2\",\"a\":\"1\"}"), false},
        {DIAL(",\"row\":{\"a\":\"1\"}"), DIAL(",\"row\":{\"a\":\"1\",\"b\":\"2\"}"), false},
        {DIAL(",\"row\":{\"a\":\"1\"}"), DIAL(""), false},
        {DIAL(""), "{\"callee\":\"1\",\"robot\":\"s\",\"line\":\"l\"}", false},
        {DIAL(""), "{\"callee\":\"1\",\"robot\":\"r\",\"line\":\"m\"}", false},
        {DIAL(",\"options\":{\"voice_code\":\"6\"}"), DIAL(",\"options\":{\"voice_code\":\"7\"}"), false},
        {DIAL(",\"options\":{\"voice_code\":\"6\"}"), DIAL(""), false},
        {DIAL(",\"options\":{\"robot_speed\":6}"), DIAL(",\"options\":{\"robot_speed\":7}"), false},
        {DIAL(",\"options\":{\"robot_speed\":6}"), DIAL(",\"options\":{\"robot_speed\":6}"), true},
        {DIAL(",\"options\":{\"robot_speed\":0}"), DIAL(""), false},
    };
    const struct operation *dial = calling_operation(&bench, "call.dial");

    (void)state;
    assert_int_equal(dial->gather_max, 50);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct command a = calling_command(&bench, "call.dial", "c-1", rows[i].a);
        struct command b = calling_command(&bench, "call.dial", "c-1", rows[i].b);
        const char *both[] = {rows[i].a, rows[i].b};

        assert_int_equal(dial->gathers_with(&a, &b), rows[i].together);
        assert_int_equal(dial->gathers_with(&b, &a), rows[i].together);
        assert_int_equal(compose_dials(both, 2), rows[i].together);
    }
}

static void
gathered_dials_are_rows_in_their_order(void **state)
{
    static const char *const data[] = {
        DIAL(",\"row\":{\"n\":\"x\"},\"options\":{\"robot_speed\":200}"),
        "{\"callee\":\"2\",\"options\":{\"robot_speed\":200},\"row\":{\"n\":\"y\"},\"line\":\"l\",\"robot\":\"r\"}",
        DIAL(",\"row\":{\"n\":\"z\"},\"options\":{\"robot_speed\":200}"),
    };

    (void)state;
    assert_true(compose_dials(data, 3));
    assert_slice(bench.composition.body,
                 "{\"robot_id\":\"r\",\"line_num\":\"l\",\"robot_speed\":200,"
                 "\"call_column\":[\"客户手机号码\",\"n\"],\"call_list\":[[\"1\",\"x\"],[\"2\",\"y\"],[\"1\",\"z\"]]}");
}

/* --- signing --- */

static void
the_token_goes_into_the_query_and_encoded(void **state)
{
    (void)state;
    assert_true(compose("task.start", "{\"task\":\"7\"}"));
    calling_sign(&bench, TOKEN);
    assert_slice(bench.request.method, "POST");
    assert_slice(bench.request.path, "/openapi/outbound/v1/task/start?token=" TOKEN);
    assert_slice(calling_header(&bench, "Content-Type"), "application/json;charset=UTF-8");
    assert_int_equal(bench.request.header_count, 1);
    assert_slice(bench.request.body, "{\"task_id\":\"7\"}");

    calling_sign(&bench, "a-Z_0.~/+=&\"%");
    assert_slice(bench.request.path, "/openapi/outbound/v1/task/start?token=a-Z_0.~%2F%2B%3D%26%22%25");

    assert_true(compose("", NULL));
    calling_sign(&bench, "");
    assert_slice(bench.request.path, "/openapi/oauth/v1/token");
}

/* --- the table of operations --- */

static void
operations_say_what_they_are(void **state)
{
    static const struct {
        const char *name, *section;
        bool safe, rings;
    } rows[] = {
        {"", "一", true, false},           {"account.resources.query", "二", true, false},
        {"call.dial", "三", false, true},  {"task.create", "四", false, false},
        {"task.add", "五", false, false},  {"task.start", "六", true, false},
        {"task.pause", "七", true, false}, {"task.delete", "八", true, false},
        {"task.query", "九", true, false}, {"push.recover", "十", true, false},
    };
    const struct call_side *calls = bench.adapter->calls;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct operation *operation = calling_operation(&bench, rows[i].name);

        assert_string_equal(operation->section, rows[i].section);
        assert_int_equal(operation->safe_to_repeat, rows[i].safe);
        assert_int_equal(operation->rings_customer, rows[i].rings);
        assert_int_equal(operation->gathers_with != NULL, operation->gather_max > 1);
    }
    assert_null(operation_find(bench.adapter, slice_from("call.hangup")));
    assert_string_equal(calls->account_settings[calls->identity_setting].name, "app_key");
    assert_int_equal(calls->limits.requests, 0);
    assert_int_equal(calls->limits.concurrency, 4);
    for (const struct adapter_setting *setting = calls->account_settings; setting->name != NULL; setting++) {
        assert_int_equal(setting->secret, strcmp(setting->name, "app_secret") == 0);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_bench, close_bench)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(requests_are_composed),
        TEST(what_the_vendor_does_not_take_is_refused),
        TEST(a_date_is_near_today_in_china),
        TEST(settings_name_the_column_and_the_separator),
        TEST(rows_columns_and_cells_are_bounded),
        TEST(dials_go_together_only_when_all_else_is_equal),
        TEST(gathered_dials_are_rows_in_their_order),
        TEST(the_token_goes_into_the_query_and_encoded),
        TEST(operations_say_what_they_are),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

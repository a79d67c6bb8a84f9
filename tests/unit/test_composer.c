/* The composer's kinds of members, one by one, and the sentences with which it refuses. */
#include "calling.h"

#include "adapters/composer.h"

static const struct member_word words[] = {{"idle", "\"0\""}, {"busy", "1"}, {NULL, NULL}};
static const struct member_rule rules[] = {
    {.name = "text", .vendor_name = "Text", .kind = MEMBER_TEXT},
    {.name = "short", .vendor_name = "Short", .kind = MEMBER_TEXT, .most = 3, .may_be_empty = true},
    {.name = "digits", .vendor_name = "Digits", .kind = MEMBER_DIGITS, .most = 4},
    {.name = "integer", .vendor_name = "Integer", .kind = MEMBER_INTEGER, .least = -1, .most = 20},
    {.name = "number", .vendor_name = "Number", .kind = MEMBER_NUMBER, .least = -500, .most = 500},
    {.name = "flag", .vendor_name = "Flag", .kind = MEMBER_BOOLEAN},
    {.name = "word", .vendor_name = "Word", .kind = MEMBER_WORD, .words = words},
    {.name = "millis", .vendor_name = "Millis", .kind = MEMBER_MILLIS},
    {.name = "china", .vendor_name = "China", .kind = MEMBER_CHINA_TIME},
    {.name = "object", .vendor_name = "Object", .kind = MEMBER_OBJECT},
    {.name = "any", .vendor_name = "Any", .kind = MEMBER_ANY},
    {.name = "texts", .vendor_name = "Texts", .kind = MEMBER_TEXT, .list_least = 1, .list_most = 2},
    {.name = "list", .vendor_name = "List", .kind = MEMBER_WORD, .list_most = 2, .words = words},
    {.name = "unwritten", .kind = MEMBER_TEXT},
    {.name = NULL},
};
static const struct member_rule strict_rules[] = {
    {.name = "agent", .vendor_name = "agentNumber", .kind = MEMBER_TEXT, .required = true},
    {.name = "page", .vendor_name = "pageNumber", .kind = MEMBER_INTEGER, .fallback = "7", .least = 1, .most = 9},
    {.name = NULL},
};
static const struct member_rule options[] = {
    {.name = "groupRule", .vendor_name = "groupRule", .kind = MEMBER_INTEGER, .least = 0, .most = 1},
    {.name = NULL},
};
static const struct operation operation = {.command = "thing.do", .path = "/do"};

struct bench {
    struct arena *arena;
    struct error error;
    struct composition composition;
};
static struct bench bench;

static int
open_bench(void **state)
{
    (void)state;
    bench = (struct bench){.arena = arena_new(NULL, 4U << 20)};
    return bench.arena == NULL;
}

static int
close_bench(void **state)
{
    (void)state;
    arena_free(bench.arena);
    return 0;
}

static bool
compose(const struct member_rule *members, const struct member_rule *option_rules, const char *data)
{
    struct error error = {0};
    struct command command = {.id = SLICE("c-1")};
    struct composer composer;

    if (data != NULL) {
        command.data = json_parse(bench.arena, arena_copy(bench.arena, slice_from(data)), VALUE_LIMITS_DEFAULT, &error);
        assert_non_null(command.data);
    }
    composer_init(&composer, &operation, &command, bench.arena, &bench.error);
    return composer_write(&composer, members, option_rules) && composer_finish(&composer, &bench.composition);
}

static void
assert_body(const char *data, const char *body)
{
    if (!compose(rules, NULL, data)) {
        fail_msg("%s", bench.error.text);
    }
    assert_true(slice_is(bench.composition.path, "/do"));
    if (!slice_is(bench.composition.body, body)) {
        fail_msg("%.*s is not %s", SLICE_ARGS(bench.composition.body), body);
    }
}

static void
assert_fault(const struct member_rule *members, const struct member_rule *option_rules, const char *data,
             const char *text)
{
    assert_false(compose(members, option_rules, data));
    assert_string_equal(bench.error.text, text);
}

static void
kinds_become_the_vendors(void **state)
{
    (void)state;
    assert_body("{}", "{}");
    assert_body(NULL, "{}");
    assert_body("{\"text\":\"a\\u4e2d\\\"\"}", "{\"Text\":\"a中\\\"\"}");
    assert_body("{\"short\":\"\"}", "{\"Short\":\"\"}");
    assert_body("{\"digits\":\"0060\"}", "{\"Digits\":\"0060\"}");
    assert_body("{\"integer\":20}", "{\"Integer\":20}");
    assert_body("{\"integer\":-1}", "{\"Integer\":-1}");
    assert_body("{\"number\":1.50}", "{\"Number\":1.50}");
    assert_body("{\"number\":-5e2}", "{\"Number\":-5e2}");
    assert_body("{\"flag\":false}", "{\"Flag\":false}");
    assert_body("{\"word\":\"idle\"}", "{\"Word\":\"0\"}");
    assert_body("{\"word\":\"busy\"}", "{\"Word\":1}");
    assert_body("{\"millis\":\"2018-05-26T15:58:12.345+08:00\"}", "{\"Millis\":1527321492345}");
    assert_body("{\"china\":\"2021-03-24T16:27:33.9Z\"}", "{\"China\":\"2021-03-25 00:27:33\"}");
    assert_body("{\"object\":{ \"b\" : [ 1, 2.50 ] }}", "{\"Object\":{\"b\":[1,2.50]}}");
    assert_body("{\"any\":[ ]}", "{\"Any\":[]}");
    assert_body("{\"any\":\"x\"}", "{\"Any\":\"x\"}");
    assert_body("{\"texts\":[\"a\",\"b\"]}", "{\"Texts\":[\"a\",\"b\"]}");
    assert_body("{\"list\":[\"busy\",\"idle\"]}", "{\"List\":[1,\"0\"]}");
    assert_body("{\"list\":[]}", "{\"List\":[]}");
    assert_body("{\"unwritten\":\"x\"}", "{}");
}

static void
members_stand_in_the_tables_order(void **state)
{
    (void)state;
    assert_body("{\"any\":1,\"flag\":true,\"text\":\"t\"}", "{\"Text\":\"t\",\"Flag\":true,\"Any\":1}");
}

static void
null_counts_as_absent(void **state)
{
    (void)state;
    assert_body("{\"text\":null,\"texts\":null,\"any\":null}", "{}");
    assert_true(compose(strict_rules, options, "{\"agent\":\"1\",\"page\":null,\"options\":null}"));
    assert_true(slice_is(bench.composition.body, "{\"agentNumber\":\"1\",\"pageNumber\":7}"));
    assert_fault(strict_rules, NULL, "{\"agent\":null}", "data.agent: missing; thing.do needs it");
}

static void
options_come_last(void **state)
{
    (void)state;
    assert_true(compose(strict_rules, options, "{\"options\":{\"groupRule\":1},\"page\":2,\"agent\":\"8001\"}"));
    assert_true(slice_is(bench.composition.body, "{\"agentNumber\":\"8001\",\"pageNumber\":2,\"groupRule\":1}"));
}

static void
every_fault_has_its_sentence(void **state)
{
    static const struct {
        const char *data, *text;
    } rows[] = {
        {"{\"text\":8001}", "data.text: must be a string; put the number in quotes, so that no digit of it is lost"},
        {"{\"text\":true}", "data.text: must be a string"},
        {"{\"text\":{}}", "data.text: must be a string"},
        {"{\"text\":\"\"}", "data.text: is empty; give it a value, or leave it out"},
        {"{\"text\":\"a\\nb\"}", "data.text: holds control characters; take them out"},
        {"{\"text\":\"\\u007f\"}", "data.text: holds control characters; take them out"},
        {"{\"short\":\"1234\"}", "data.short: has 4 bytes; at most 3 are allowed"},
        {"{\"digits\":60}", "data.digits: must be a string; put the number in quotes, so that no digit of it is lost"},
        {"{\"digits\":\"6O\"}", "data.digits: must be a string of digits"},
        {"{\"digits\":\"-6\"}", "data.digits: must be a string of digits"},
        {"{\"integer\":21}", "data.integer: must be a whole number from -1 to 20"},
        {"{\"integer\":-2}", "data.integer: must be a whole number from -1 to 20"},
        {"{\"integer\":1.0}", "data.integer: must be a whole number from -1 to 20"},
        {"{\"integer\":1e1}", "data.integer: must be a whole number from -1 to 20"},
        {"{\"integer\":99999999999999999999}", "data.integer: must be a whole number from -1 to 20"},
        {"{\"integer\":\"1\"}", "data.integer: must be a whole number from -1 to 20, without quotes"},
        {"{\"number\":500.01}", "data.number: must be a number from -500 to 500"},
        {"{\"number\":1e999}", "data.number: must be a number from -500 to 500"},
        {"{\"number\":0.00000000000000000000000000000001}", "data.number: must be a number from -500 to 500"},
        {"{\"number\":\"1\"}", "data.number: must be a number from -500 to 500, without quotes"},
        {"{\"flag\":\"true\"}", "data.flag: must be true or false, without quotes"},
        {"{\"flag\":1}", "data.flag: must be true or false, without quotes"},
        {"{\"word\":\"Idle\"}", "data.word: must be one of the strings idle, busy"},
        {"{\"word\":0}", "data.word: must be one of the strings idle, busy"},
        {"{\"china\":\"2021-03-25 00:27:33\"}",
         "data.china: must be a time as RFC 3339 has it, with its offset, such as \"2021-03-25T00:27:33+08:00\""},
        {"{\"millis\":1527321492345}",
         "data.millis: must be a time as RFC 3339 has it, with its offset, such as \"2021-03-25T00:27:33+08:00\""},
        {"{\"china\":\"9999-12-31T23:00:00Z\"}",
         "data.china: must be a time as RFC 3339 has it, with its offset, such as \"2021-03-25T00:27:33+08:00\""},
        {"{\"millis\":\"1970-01-01T00:00:00+08:00\"}",
         "data.millis: must be a time as RFC 3339 has it, with its offset, such as \"2021-03-25T00:27:33+08:00\""},
        {"{\"object\":[]}", "data.object: must be an object"},
        {"{\"texts\":\"a\"}", "data.texts: must be a list"},
        {"{\"texts\":[]}", "data.texts: has 0 values; it takes 1 to 2"},
        {"{\"texts\":[\"a\",\"b\",\"c\"]}", "data.texts: has 3 values; it takes 1 to 2"},
        {"{\"texts\":[\"a\",1]}",
         "data.texts[1]: must be a string; put the number in quotes, so that no digit of it is lost"},
        {"{\"texts\":[null]}", "data.texts[0]: must be a string"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_fault(rules, NULL, rows[i].data, rows[i].text);
    }
}

static void
unknown_and_missing_members(void **state)
{
    (void)state;
    assert_fault(strict_rules, options, "{\"agent\":\"1\",\"foo\":1}",
                 "data.foo: not a member of thing.do; it takes agent, page, options");
    assert_fault(strict_rules, NULL, "{\"agent\":\"1\",\"options\":{}}",
                 "data.options: not a member of thing.do; it takes agent, page");
    assert_fault(strict_rules, options, "{\"agent\":\"1\",\"options\":{\"agentNumber\":\"2\"}}",
                 "data.options.agentNumber: not a member of thing.do; it takes groupRule");
    assert_fault(strict_rules, options, "{\"agent\":\"1\",\"options\":{\"groupRule\":2}}",
                 "data.options.groupRule: must be a whole number from 0 to 1");
    assert_fault(strict_rules, options, "{\"agent\":\"1\",\"options\":[]}",
                 "data.options: must be an object, with the vendor's own names");
    assert_fault(strict_rules, options, "{\"page\":1}", "data.agent: missing; thing.do needs it");
    assert_fault(strict_rules, options, NULL, "data.agent: missing; thing.do needs it");
    assert_fault(strict_rules, options, "{\"agent\":\"\"}", "data.agent: is empty; give it a value");
}

/* What a command holds is never repeated: a name may be a phone number as well. */
static void
names_that_are_none_are_not_repeated(void **state)
{
    static const char *const names[] = {
        "17319132391", "callee17319132391", "a.b", "客户", "", "a b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    };
    char data[128];

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_in_range(snprintf(data, sizeof(data), "{\"%s\":1}", names[i]), 1, sizeof(data) - 1);
        assert_fault(strict_rules, NULL, data,
                     "data.(a name that is none): not a member of thing.do; it takes agent, page");
    }
}

static void
texts_have_a_bound(void **state)
{
    char data[512];

    (void)state;
    assert_in_range(snprintf(data, sizeof(data), "{\"text\":\"%0255d\"}", 1), 1, sizeof(data) - 1);
    assert_true(compose(rules, NULL, data));
    assert_in_range(snprintf(data, sizeof(data), "{\"text\":\"%0256d\"}", 1), 1, sizeof(data) - 1);
    assert_fault(rules, NULL, data, "data.text: has 256 bytes; at most 255 are allowed");
}

static void
a_full_arena_is_told(void **state)
{
    struct arena *arena = arena_new(NULL, 600);
    struct command command = {.id = SLICE("c-1")};
    struct composer composer;
    struct error error = {0};
    char data[1024];

    (void)state;
    assert_non_null(arena);
    assert_in_range(snprintf(data, sizeof(data), "{\"any\":\"%0900d\"}", 1), 1, sizeof(data) - 1);
    command.data = json_parse(bench.arena, arena_copy(bench.arena, slice_from(data)), VALUE_LIMITS_DEFAULT, &error);
    assert_non_null(command.data);
    composer_init(&composer, &operation, &command, arena, &error);
    assert_true(composer_write(&composer, rules, NULL));
    assert_false(composer_finish(&composer, &bench.composition));
    assert_string_equal(error.text, "no memory left to compose the request");
    arena_free(arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(kinds_become_the_vendors, open_bench, close_bench),
        cmocka_unit_test_setup_teardown(members_stand_in_the_tables_order, open_bench, close_bench),
        cmocka_unit_test_setup_teardown(null_counts_as_absent, open_bench, close_bench),
        cmocka_unit_test_setup_teardown(options_come_last, open_bench, close_bench),
        cmocka_unit_test_setup_teardown(every_fault_has_its_sentence, open_bench, close_bench),
        cmocka_unit_test_setup_teardown(unknown_and_missing_members, open_bench, close_bench),
        cmocka_unit_test_setup_teardown(names_that_are_none_are_not_repeated, open_bench, close_bench),
        cmocka_unit_test_setup_teardown(texts_have_a_bound, open_bench, close_bench),
        cmocka_unit_test_setup_teardown(a_full_arena_is_told, open_bench, close_bench),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

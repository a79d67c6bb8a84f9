/* Phone numbers in what people are shown: which are found, which are left alone, and what is left of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/json_writer.h"
#include "verbs/numbers.h"

struct row {
    const char *name, *text, *masked;
};

static void
check_row(const struct row *row)
{
    struct arena *arena = arena_new(NULL, 65536);
    struct numbers numbers = {.count = 0};
    struct slice masked;

    numbers_note(&numbers, slice_from(row->name), slice_from(row->text));
    masked = numbers_mask(&numbers, slice_from(row->name), slice_from(row->text), arena);
    if (!slice_is(masked, row->masked)) {
        fail_msg("%s: \"%s\" became \"%.*s\"", row->name, row->text, SLICE_ARGS(masked));
    }
    arena_free(arena);
}

static void
numbers_of_members_are_masked_by_their_names(void **state)
{
    static const struct row rows[] = {
        {"caller", "02258834811", "*******4811"},
        {"customerNumber", "17319132391", "*******2391"},
        {"customer", "1234567890", "******7890"}, /* elsewhere it would be a time */
        {"PhoneNumber", "62811000000", "*******0000"},
        {"客户手机号码", "19900000001", "*******0001"},
        {"mobile", "138-0013-8000", "***-****-8000"},
        {"mobile", "138.0013.8000", "***.****.8000"},
        {"tel", "+1 (415) 555-2671", "+* (***) ***-2671"},
        {"telX", "00862112345678901234", "****************1234"},
        {"agentNumber", "20001", "20001"},
        {"hotLineNumber", "95588", "95588"},
        {"callee", "", ""},
        {"caller", "anonymous", "anonymous"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        check_row(&rows[i]);
    }
}

/* As input methods and web pages write them. A text in which nothing is masked stays as it is. */
static void
wide_digits_are_digits(void **state)
{
    static const struct row rows[] = {
        {"caller", "１３９１２３４５６７８", "*******5678"},
        {"text", "客户１３９１２３４５６７８（张三）", "客户*******5678（张三）"},
        {"text", "１３９－１２３４－５６７８", "***-****-5678"},
        {"text",
         "139\xc2\xa0"
         "1234\xc2\xa0"
         "5678，好",
         "*** **** 5678，好"},
        {"text",
         "139\xe2\x80\x8b"
         "1234\xe2\x80\x93"
         "5678",
         "*** ****-5678"},
        {"text", "第１２３４５６号", "第１２３４５６号"},
        {"uuid", "１２３４５６７\xe3\x80\x80年", "１２３４５６７\xe3\x80\x80年"},
        {"text", "\xef\xbc", "\xef\xbc"},
        {"text", "1234567\xef\xbc", "***4567\xef\xbc"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        check_row(&rows[i]);
    }
}

static void
numbers_in_free_text_are_masked_by_their_look(void **state)
{
    static const struct row rows[] = {
        {"text", "我的电话是13800138000。", "我的电话是*******8000。"},
        {"text", "我199123456789", "我********6789"},
        {"text", "tel13800138000x", "tel*******8000x"},
        {"text", "010-80455499 or 13800138000", "***-****5499 or *******8000"},
        {"text", "call 138 0013 8000 now", "call *** **** 8000 now"},
        {"reply", "18005699514", "*******9514"},
        {"", "{\"phone\":\"62811000000\"}", "{\"phone\":\"*******0000\"}"},
        {"", "%2B8613812345678", "%2B*********5678"},
        {"amount", "1043244", "***3244"}, /* the price: it might be one */
        {"text", "call 138.0013.8000. 2 calls", "call ***.****.8000. 2 calls"},
        {"text", "+1.415.555.2671", "+*.***.***.2671"},
        {"text", "call 138 0013 8000. 2 calls", "call *** **** 8000. 2 calls"},
        {"row", "123456", "123456"},
        {"row", "90071992547409931", "90071992547409931"}, /* too long for one */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        check_row(&rows[i]);
    }
}

static void
times_ids_and_hashes_are_left_alone(void **state)
{
    static const struct row rows[] = {
        {"text", "2021-05-08 14:39:47", "2021-05-08 14:39:47"},
        {"text", "2021-03-25 19:54:44|2021-03-25 19:55:07|7", "2021-03-25 19:54:44|2021-03-25 19:55:07|7"},
        {"text", "at 19:54:44 2021-03-25", "at 19:54:44 2021-03-25"},
        {"text", "31.12.2024 from 192.168.100.200, version 1.20.300456",
         "31.12.2024 from 192.168.100.200, version 1.20.300456"},
        {"x", "1620455987", "1620455987"},
        {"x", "1543935205000", "1543935205000"},
        {"x", "20170911145109", "20170911145109"},
        {"x", "20170911", "20170911"},
        {"x", "7db2ef43a96f56105931a000000", "7db2ef43a96f56105931a000000"},
        {"x", "550e8400-e29b-41d4-a716-446655440000", "550e8400-e29b-41d4-a716-446655440000"},
        {"task_id", "504138886481984", "504138886481984"},
        {"TaskID", "88547143", "88547143"},
        {"size_bytes", "1043244", "1043244"},
        {"statusTime", "30455987", "30455987"},
        {"Sign", "12345678", "12345678"},
        {"traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
         "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        check_row(&rows[i]);
    }
}

static void
numbers_in_ids_and_urls_are_found_by_a_stricter_look(void **state)
{
    static const struct row rows[] = {
        {"id", "7moor-13800138000-call.ended", "7moor-*******8000-call.ended"},
        {"id", "8001-13800138000", "****-*******8000"}, /* an agent's number before it */
        {"id", "1-13800138000", "*-*******8000"},
        {"key", "8613800138000", "*********8000"},
        {"key", "+6281100000", "+******0000"},
        {"url", "https://a.example/20210508/1-20210508143947-13800138000-02258834811-20001.mp3",
         "https://a.example/20210508/1-20210508143947-*******8000-*******4811-20001.mp3"},
        {"url", "https://v7call-1256921685.example/2000144", "https://v7call-1256921685.example/2000144"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        check_row(&rows[i]);
    }
}

static void
persons_are_masked_whole(void **state)
{
    static const struct row rows[] = {
        {"customerName", "王小明", "***"},   {"客户姓名", "王小明", "***"}, {"id_card", "11010519491231002X", "***"},
        {"家庭住址", "长安街1号", "***"},    {"customerName", "", ""},      {"home_address", "Elm Street 1", "***"},
        {"address", "10.0.0.1", "10.0.0.1"}, {"agentName", "婷", "婷"},     {"queueName", "分组1", "分组1"},
        {"filename", "a.mp3", "a.mp3"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        check_row(&rows[i]);
    }
}

/* What a tree looks like afterwards. */
static void
check_tree(const char *before, const char *after)
{
    struct arena *arena = arena_new(NULL, (size_t)1 << 20);
    struct value *tree = json_parse(arena, slice_from(before), VALUE_LIMITS_DEFAULT, NULL);
    struct numbers numbers = {.count = 0};
    struct json_writer writer;

    assert_non_null(tree);
    numbers_note_tree(&numbers, tree);
    assert_true(numbers_mask_tree(&numbers, tree, arena));
    json_writer_init(&writer, arena, 256);
    json_value(&writer, tree);
    if (!slice_is(json_finish(&writer), after)) {
        fail_msg("%s became %.*s", before, SLICE_ARGS(json_finish(&writer)));
    }
    arena_free(arena);
}

static void
a_number_of_one_member_is_masked_in_all(void **state)
{
    (void)state;
    check_tree("{\"id\":\"x-1234567890-y\",\"data\":{\"caller\":\"1234567890\"}}",
               "{\"id\":\"x-******7890-y\",\"data\":{\"caller\":\"******7890\"}}");
    /* With and without the country's code. */
    check_tree("{\"caller\":\"+6281234567890\",\"url\":\"a/081234567890.wav\",\"id\":\"281234567890\"}",
               "{\"caller\":\"+*********7890\",\"url\":\"a/********7890.wav\",\"id\":\"********7890\"}");
    check_tree("{\"id\":\"x-1234567890-y\",\"data\":{\"caller\":\"1234567891\"}}",
               "{\"id\":\"x-1234567890-y\",\"data\":{\"caller\":\"******7891\"}}");
}

static void
trees_are_masked_wherever_a_number_may_stand(void **state)
{
    (void)state;
    /* A number of JSON becomes a string; escapes hide nothing; names of members are texts, too. */
    check_tree("{\"mobile\":13800138000,\"n\":7,\"t\":true,\"z\":null}",
               "{\"mobile\":\"*******8000\",\"n\":7,\"t\":true,\"z\":null}");
    check_tree("{\"text\":\"\\u0031\\u003380013\\u0038000\"}", "{\"text\":\"*******8000\"}");
    check_tree("{\"13800138000\":{\"a\":[1,{}]}}", "{\"*******8000\":{\"a\":[1,{}]}}");
    check_tree("{\"phones\":[\"1234567890\",[\"1234567891\"],{\"id\":\"30455987\"}]}",
               "{\"phones\":[\"******7890\",[\"******7891\"],{\"id\":\"30455987\"}]}");
}

/* More than are noted are masked all the same where they stand. */
static void
many_numbers(void **state)
{
    struct arena *arena = arena_new(NULL, 65536);
    struct numbers numbers = {.count = 0};

    (void)state;
    for (unsigned i = 0; i < 3 * NUMBERS_KNOWN_MAX; i++) {
        struct slice text = arena_printf(arena, "138%08u", i);
        struct slice masked;

        numbers_note(&numbers, slice_from("caller"), text);
        masked = numbers_mask(&numbers, slice_from("caller"), text, arena);
        assert_int_equal(masked.length, 11);
        assert_memory_equal(masked.data, "*******", 7);
    }
    assert_int_equal(numbers.count, NUMBERS_KNOWN_MAX);
    arena_free(arena);
}

static void
a_full_arena_is_told(void **state)
{
    struct arena *arena = arena_new(NULL, 64);
    struct numbers numbers = {.count = 0};

    (void)state;
    while (arena_alloc(arena, 1) != NULL) {
    }
    assert_null(numbers_mask(&numbers, slice_from("caller"), slice_from("13800138000"), arena).data);
    arena_free(arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_of_members_are_masked_by_their_names),
        cmocka_unit_test(wide_digits_are_digits),
        cmocka_unit_test(numbers_in_free_text_are_masked_by_their_look),
        cmocka_unit_test(times_ids_and_hashes_are_left_alone),
        cmocka_unit_test(numbers_in_ids_and_urls_are_found_by_a_stricter_look),
        cmocka_unit_test(persons_are_masked_whole),
        cmocka_unit_test(a_number_of_one_member_is_masked_in_all),
        cmocka_unit_test(trees_are_masked_wherever_a_number_may_stand),
        cmocka_unit_test(many_numbers),
        cmocka_unit_test(a_full_arena_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

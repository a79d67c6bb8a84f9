/* What json_parse takes, what it refuses, and that nothing of a text is lost on
 * the way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/json_writer.h"

#define ARENA_BYTES ((size_t)8 << 20)

static struct value *
parse_limited(struct arena *arena, struct slice text, struct value_limits limits, struct error *error)
{
    /* In a block of exactly its size, so that a sanitizer sees any byte read
     * beyond. */
    char *exact = malloc(text.length == 0 ? 1 : text.length);
    struct value *value;

    assert_non_null(exact);
    memcpy(exact, text.data, text.length);
    value = json_parse(arena, slice_make(exact, text.length), limits, error);
    free(exact);
    return value;
}

static bool
accepts(struct slice text)
{
    struct arena *arena = arena_new(NULL, ARENA_BYTES);
    struct error error = {""};
    bool accepted = parse_limited(arena, text, VALUE_LIMITS_DEFAULT, &error) != NULL;

    assert_true(accepted || strlen(error.text) > 0);
    arena_free(arena);
    return accepted;
}

static void
test_refuses_what_is_no_json(void **state)
{
    static const char *const texts[] = {
        "",
        " \n",
        "{",
        "[",
        "]",
        "{]",
        "[1,]",
        "[,1]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "{'a':1}",
        "[1 2]",
        "{} {}",
        "{}x",
        "[]]",
        "{}\"",
        "[1] \"text",
        "[1]\"text\"",
        "[1]tru",
        "\"text\"",
        "42",
        "true",
        "null",
        "[01]",
        "[1.]",
        "[.5]",
        "[+1]",
        "[-]",
        "[1e]",
        "[1e+]",
        "[NaN]",
        "[Infinity]",
        "[tru]",
        "[nul]",
        "[\"a]",
        "[\"\\x\"]",
        "[\"\\u12g4\"]",
        "[\"\\u12\"]",
        "[/* c */1]",
        "[1]// c",
        "[\"a\nb\"]",
        "[\"a\tb\"]",
        "[\f1]",
        "[1\v]",
        "[\"\x01\"]",
        "\xef\xbb\xbf[1]",
        "[\x7f]",
        "[\"a\\\"]",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (accepts(slice_from(texts[i]))) {
            fail_msg("accepted: %s", texts[i]);
        }
    }
    assert_false(accepts(slice_make("{}\0garbage", 10)));
    assert_false(accepts(slice_make("[\"a\0b\"]", 7)));
}

static void
test_refuses_what_is_no_text(void **state)
{
    static const char *const texts[] = {
        "[\"\\u0000\"]",
        "{\"a\\u0000\":1}",
        "[\"\\ud800\"]",
        "[\"\\udc00x\"]",
        "[\"\\ud83d\\u0041\"]",
        "[\"\\ud83d\\ud83d\"]",
        "[\"\\ud83dxxxxxx\"]",
        "[\"\xed\xa0\x80\"]",
        "[\"\xc0\xaf\"]",
        "[\"\xe0\x80\xaf\"]",
        "[\"\xf4\x90\x80\x80\"]",
        "[\"\xff\"]",
        "[\"\xe4\xb8\"]",
        "[\"\x80\"]",
        "[\"12345678\xed\xa0\x80\"]",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (accepts(slice_from(texts[i]))) {
            fail_msg("accepted: %s", texts[i]);
        }
    }
    assert_true(accepts(slice_from("[\"\\ud83d\\ude00 \xf0\x9f\x98\x80 \\\\ud800 \\u4e2d \xe4\xb8\xad\"]")));
}

static void
test_refuses_names_that_come_twice(void **state)
{
    char text[64 * 1024] = "{";
    size_t length = 1;

    (void)state;
    assert_false(accepts(slice_from("{\"a\":1,\"a\":2}")));
    assert_false(accepts(slice_from("{\"a\":1,\"\\u0061\":2}")));
    assert_false(accepts(slice_from("{\"x\":{\"b\":1,\"c\":{},\"b\":2}}")));
    assert_true(accepts(slice_from("{\"a\":{\"a\":{\"a\":1}},\"A\":2,\"\":3}")));
    for (int i = 0; i < 3000; i++) {
        length += (size_t)snprintf(text + length, sizeof(text) - length, "\"name%d\":%d,", i, i);
    }
    snprintf(text + length, sizeof(text) - length, "\"last\":1}");
    assert_true(accepts(slice_from(text)));
    for (int i = 0; i < 3000; i += 271) {
        snprintf(text + length, sizeof(text) - length, "\"name%d\":1}", i);
        assert_false(accepts(slice_from(text)));
    }
}

static void
test_limits(void **state)
{
    struct arena *arena = arena_new(NULL, ARENA_BYTES);
    struct value_limits limits = {.depth = 3, .members = 5};
    size_t levels = 1000000;
    char *deep = malloc(2 * levels);

    (void)state;
    assert_non_null(parse_limited(arena, slice_from("[[[1]]]"), limits, NULL));
    assert_null(parse_limited(arena, slice_from("[[[[1]]]]"), limits, NULL));
    assert_non_null(parse_limited(arena, slice_from("[1,2,3,4]"), limits, NULL));
    assert_null(parse_limited(arena, slice_from("[1,2,3,4,5]"), limits, NULL));
    assert_non_null(deep);
    memset(deep, '[', levels);
    memset(deep + levels, ']', levels);
    assert_false(accepts(slice_make(deep, 2 * levels)));
    free(deep);
    arena_free(arena);
}

static void
test_a_full_arena_is_not_the_texts_fault(void **state)
{
    char text[4096];
    struct error error;

    (void)state;
    memset(text, 'x', sizeof(text));
    memcpy(text, "[\"\\n", 4);
    memcpy(text + sizeof(text) - 2, "\"]", 2);
    for (size_t limit = 0; limit < 16 * sizeof(text); limit += 64) {
        struct arena *arena = arena_new(NULL, limit);
        struct value *value = parse_limited(arena, slice_make(text, sizeof(text)), VALUE_LIMITS_DEFAULT, &error);

        assert_true((value == NULL) == arena_failed(arena));
        arena_free(arena);
    }
}

static void
test_keeps_every_digit_and_every_byte(void **state)
{
    static const char text[] = " { \"id\" : 32264888839704576123 , \"list\" : [ 1 , -0.50e+10 , { } ] , "
                               "\"text\" : \"a\\u4e2d\\n\\\"b\" , \"yes\" : true , \"no\" : false , "
                               "\"nil\" : null } ";
    struct arena *arena = arena_new(NULL, ARENA_BYTES);
    struct value *root = json_parse(arena, slice_from(text), VALUE_LIMITS_DEFAULT, NULL);
    const struct value *list;

    (void)state;
    assert_non_null(root);
    assert_int_equal(root->count, 6);
    assert_true(slice_equal(root->raw, slice_make(text + 1, sizeof(text) - 3)));
    assert_true(slice_is(value_member(root, "id")->text, "32264888839704576123"));
    assert_true(slice_is(value_member(root, "id")->raw, "32264888839704576123"));
    list = value_member(root, "list");
    assert_true(slice_is(list->raw, "[ 1 , -0.50e+10 , { } ]"));
    assert_int_equal(list->count, 3);
    assert_true(slice_is(list->first->next->text, "-0.50e+10"));
    assert_true(slice_is(list->first->next->next->raw, "{ }"));
    assert_true(slice_is(value_member(root, "text")->text, "a\xe4\xb8\xad\n\"b"));
    assert_true(value_member(root, "yes")->boolean);
    assert_false(value_member(root, "no")->boolean);
    assert_int_equal(value_member(root, "nil")->kind, VALUE_NULL);
    assert_null(value_member(root, "nothing"));
    assert_null(value_member(list, "id"));
    assert_null(value_member(NULL, "id"));
    arena_free(arena);
}

static void
test_many_decoded_strings_stay_apart(void **state)
{
    struct arena *arena = arena_new(NULL, ARENA_BYTES);
    struct value *root =
        json_parse(arena, slice_from("[\"\\u0061\",\"\\u0062\",\"\\u0063d\",{\"\\u0065\":\"\\u0066\"}]"),
                   VALUE_LIMITS_DEFAULT, NULL);

    (void)state;
    assert_non_null(root);
    assert_true(slice_is(root->first->text, "a"));
    assert_true(slice_is(root->first->next->text, "b"));
    assert_true(slice_is(root->first->next->next->text, "cd"));
    assert_true(slice_is(value_member(root->first->next->next->next, "e")->text, "f"));
    arena_free(arena);
}

static void
test_errors_say_what_and_where(void **state)
{
    struct arena *arena = arena_new(NULL, ARENA_BYTES);
    struct error error;

    (void)state;
    assert_null(json_parse(arena, slice_from("{\"a\":1,\"a\":2}"), VALUE_LIMITS_DEFAULT, &error));
    assert_non_null(strstr(error.text, "comes twice at byte"));
    assert_null(json_parse(arena, slice_from("[\"\xff\"]"), VALUE_LIMITS_DEFAULT, &error));
    assert_string_equal(error.text, "invalid UTF-8 at byte 2");
    assert_null(json_parse(arena, slice_from("[1,}"), VALUE_LIMITS_DEFAULT, &error));
    assert_non_null(strstr(error.text, "at byte"));
    assert_null(strchr(error.text, '\n'));
    assert_null(json_parse(arena, slice_from("[1,[2]"), VALUE_LIMITS_DEFAULT, &error));
    assert_non_null(strstr(error.text, "premature EOF at byte 6"));
    assert_null(json_parse(arena, slice_from("[1] \"text"), VALUE_LIMITS_DEFAULT, &error));
    assert_string_equal(error.text, "something stands behind the value at byte 4");
    arena_free(arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refuses_what_is_no_json),
        cmocka_unit_test(test_refuses_what_is_no_text),
        cmocka_unit_test(test_refuses_names_that_come_twice),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_a_full_arena_is_not_the_texts_fault),
        cmocka_unit_test(test_keeps_every_digit_and_every_byte),
        cmocka_unit_test(test_many_decoded_strings_stay_apart),
        cmocka_unit_test(test_errors_say_what_and_where),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

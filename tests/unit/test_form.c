/* Forms: the tree that they become, what is refused, and single parameters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/form.h"
#include "base/json_writer.h"

static struct arena *arena;

static int
open_arena(void **state)
{
    (void)state;
    arena = arena_new(NULL, (size_t)64 << 20);
    return arena == NULL;
}

static int
close_arena(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static struct slice
as_json(const struct value *value)
{
    struct json_writer writer;

    assert_non_null(value);
    json_writer_init(&writer, arena, 64);
    json_value(&writer, value);
    return json_finish(&writer);
}

static void
trees(void **state)
{
    static const struct {
        const char *form, *json;
    } rows[] = {
        {"", "{}"},
        {"&&", "{}"},
        {"a=1&b=two", "{\"a\":\"1\",\"b\":\"two\"}"},
        {"a", "{\"a\":\"\"}"},
        {"a=", "{\"a\":\"\"}"},
        {"=x", "{\"\":\"x\"}"},
        {"a=b=c", "{\"a\":\"b=c\"}"},
        {"a+b=c+d%2B%20e", "{\"a b\":\"c d+ e\"}"},
        {"%61=%e4%bd%A0", "{\"a\":\"\xe4\xbd\xa0\"}"},
        {"a=%&b=%4&c=%zz", "{\"a\":\"%\",\"b\":\"%4\",\"c\":\"%zz\"}"},
        {"a%26b=1&c%3Dd=2", "{\"a&b\":\"1\",\"c=d\":\"2\"}"},
        {"a=1&b=2&a=3&%61=4", "{\"a\":[\"1\",\"3\",\"4\"],\"b\":\"2\"}"},
        {"a=1;b=2", "{\"a\":\"1;b=2\"}"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct error error = {0};
        struct value *tree = form_parse(arena, slice_from(rows[i].form), VALUE_LIMITS_DEFAULT, &error);

        assert_true(slice_is(as_json(tree), rows[i].json));
    }
}

static void
refusals(void **state)
{
    static const struct value_limits two = {.depth = 1, .members = 2};
    static const struct {
        const char *form, *error;
    } rows[] = {
        {"a=1&b=%ff", "parameter 2 is not UTF-8"},
        {"%ff=1", "parameter 1 is not UTF-8"},
        {"a=\xc3(", "parameter 1 is not UTF-8"},
        {"a=%00", "holds a NUL"},
        {"a=1&b=2&c=3", "too many parameters; the most are 2"},
        {"a=1&a=2&a=3", "too many parameters; the most are 2"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct error error = {0};

        assert_null(form_parse(arena, slice_from(rows[i].form), two, &error));
        assert_non_null(strstr(error.text, rows[i].error));
    }
}

/* Many names, each of them many times: neither goes quadratic. */
static void
large_forms(void **state)
{
    enum { NAMES = 2000, TIMES = 20, BYTES = 16 };
    char *text = arena_alloc(arena, (size_t)NAMES * TIMES * BYTES);
    struct error error = {0};
    size_t length = 0;
    const struct value *tree;
    unsigned number = 0;

    (void)state;
    for (unsigned i = 0; i < NAMES * TIMES; i++) {
        length += (size_t)snprintf(text + length, BYTES, "n%u=%u&", i % NAMES, i / NAMES);
    }
    tree = form_parse(arena, slice_make(text, length), VALUE_LIMITS_DEFAULT, &error);
    assert_non_null(tree);
    assert_int_equal(tree->count, NAMES);
    for (const struct value *member = tree->first; member != NULL; member = member->next, number++) {
        assert_int_equal(member->kind, VALUE_ARRAY);
        assert_int_equal(member->count, TIMES);
        assert_true(slice_is(member->first->next->text, "1"));
    }
    assert_int_equal(number, NAMES);
}

static void
a_full_arena_is_told(void **state)
{
    struct arena *small = arena_new(NULL, 512);
    struct error error = {0};

    (void)state;
    assert_null(form_parse(small, slice_from("a=1&b=2&c=3&d=4&e=5&f=6&g=7"), VALUE_LIMITS_DEFAULT, &error));
    assert_true(arena_failed(small));
    arena_free(small);
}

static void
parameters(void **state)
{
    static const struct {
        const char *form, *name, *value;
    } rows[] = {
        {"a=1&b=2", "b", "2"},
        {"a=1&b=2", "c", ""},
        {"", "a", ""},
        {"a=1&a=1", "a", ""},
        {"ab=1&a=2", "a", "2"},
        {"a=1&ab=2", "ab", "2"},
        {"%61b=x%20y+z", "ab", "x y z"},
        {"hub.challenge=7", "hub.challenge", "7"},
        {"a", "a", ""},
        {"a&b=1", "b", "1"},
        {"=1", "", "1"},
        {"a=%ff", "a", "\xff"},
        {"a%00=1", "a", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_true(slice_is(form_parameter(arena, slice_from(rows[i].form), slice_from(rows[i].name)), rows[i].value));
    }
}

static void
a_form_without_a_name(void **state)
{
    static const struct {
        const char *form, *name, *left;
    } rows[] = {
        {"a=1&b=2&c", "b", "a=1&c"}, {"a=1&a=2", "a", ""}, {"a=1&&b", "c", "a=1&b"},
        {"%61=1&ab=2", "a", "ab=2"}, {"", "a", ""},        {"&a&", "b", "a"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_true(slice_is(form_without(arena, slice_from(rows[i].form), slice_from(rows[i].name)), rows[i].left));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trees),       cmocka_unit_test(refusals),
        cmocka_unit_test(large_forms), cmocka_unit_test(a_full_arena_is_told),
        cmocka_unit_test(parameters),  cmocka_unit_test(a_form_without_a_name),
    };

    return cmocka_run_group_tests(tests, open_arena, close_arena);
}

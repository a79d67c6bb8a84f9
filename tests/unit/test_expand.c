/* Variables in a configuration's texts. */
#include "config/expand.h"

#include "configuration.h"

static struct arena *arena;

static int
set_up(void **state)
{
    (void)state;
    arena = arena_new(NULL, (size_t)4 * 1024 * 1024);
    setenv("EXPAND_SET", "value", 1);
    setenv("EXPAND_EMPTY", "", 1);
    setenv("EXPAND_YAML", "]: {a: ${EXPAND_SET}", 1);
    setenv("EXPAND_BYTES", "hush\xff", 1);
    unsetenv("EXPAND_MISSING");
    return arena == NULL;
}

static int
tear_down(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static void
texts_are_expanded(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *expected;
    } rows[] = {
        {"", ""},
        {"plain", "plain"},
        {"$", "$"},
        {"a$b $c", "a$b $c"},
        {"${EXPAND_SET}", "value"},
        {"<${EXPAND_SET}|${EXPAND_SET}>", "<value|value>"},
        {"${EXPAND_EMPTY}", ""},
        {"${EXPAND_SET:-other}", "value"},
        {"${EXPAND_EMPTY:-other}", "other"},
        {"${EXPAND_MISSING:-other}", "other"},
        {"${EXPAND_MISSING:-}", ""},
        {"${EXPAND_MISSING:-a:-b}", "a:-b"},
        {"${EXPAND_MISSING:-127.0.0.1:9092}", "127.0.0.1:9092"},
        {"$${EXPAND_SET}", "${EXPAND_SET}"},
        {"$$${EXPAND_SET}", "$${EXPAND_SET}"},
        {"a$${", "a${"},
        {"$${${EXPAND_SET}}", "${value}"},
        {"${EXPAND_YAML}", "]: {a: ${EXPAND_SET}"}, /* what a variable holds is not expanded again */
        {"座席${EXPAND_SET}号", "座席value号"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct slice expanded;
        struct error error;

        assert_true(expand(slice_from(rows[i].text), arena, &expanded, &error));
        assert_slice(expanded, rows[i].expected);
        assert_int_equal(expanded.data[expanded.length], '\0');
    }
}

static void
what_cannot_be_expanded_is_told(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *part; /* of the error */
    } rows[] = {
        {"${EXPAND_MISSING}", "the environment has no EXPAND_MISSING"},
        {"x ${EXPAND_SET} ${EXPAND_MISSING}", "the environment has no EXPAND_MISSING"},
        {"${EXPAND_SET", "has no \"}\""},
        {"${", "has no \"}\""},
        {"${}", "not followed by a variable's name"},
        {"${:-x}", "not followed by a variable's name"},
        {"${1ST}", "not followed by a variable's name"},
        {"${A-B}", "not followed by a variable's name"},
        {"${A B}", "not followed by a variable's name"},
        {"${A:-${B}}", "defaults cannot be nested"},
        {"${EXPAND_BYTES}", "EXPAND_BYTES is not UTF-8"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct slice expanded;
        struct error error = {""};

        assert_false(expand(slice_from(rows[i].text), arena, &expanded, &error));
        assert_non_null(strstr(error.text, rows[i].part));
        assert_null(strstr(error.text, "hush"));
    }
}

static void
variables_cannot_make_a_text_huge(void **state)
{
    (void)state;
    static char value[60001];
    struct slice expanded;
    struct error error;

    memset(value, 'v', sizeof value - 1);
    setenv("EXPAND_LONG", value, 1);
    assert_true(expand((struct slice)SLICE("${EXPAND_LONG}${EXPAND_LONG}"), arena, &expanded, &error));
    assert_int_equal(expanded.length, 120000);
    assert_false(expand((struct slice)SLICE("${EXPAND_LONG}${EXPAND_LONG}${EXPAND_LONG}${EXPAND_LONG}${EXPAND_LONG}"),
                        arena, &expanded, &error));
    assert_non_null(strstr(error.text, "longer than 262144 bytes"));
    unsetenv("EXPAND_LONG");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_expanded),
        cmocka_unit_test(what_cannot_be_expanded_is_told),
        cmocka_unit_test(variables_cannot_make_a_text_huge),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}

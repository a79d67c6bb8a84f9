/* The patterns of routes, and the guess at what a mistyped name was meant to be. */
#include "base/pattern.h"

#include "config/nearest.h"
#include "configuration.h"

static void
patterns_match(void **state)
{
    (void)state;
    static const struct {
        const char *pattern;
        const char *text;
        bool matches;
    } rows[] = {
        {"", "", true},
        {"", "a", false},
        {"*", "", true},
        {"*", "call.ended", true},
        {"call.*", "call.ended", true},
        {"call.*", "call.", true},
        {"call.*", "call", false},
        {"call.*", "recall.ended", false},
        {"*.ended", "call.ended", true},
        {"*.ended", "call.ended.v1", false},
        {"c*l.*d", "call.ended", true},
        {"c*d", "call.ended.", false},
        {"*a*b", "aab", true},
        {"*ab*ab", "abab", true},
        {"*ab*ab", "aba", false},
        {"**", "x", true},
        {"a**", "a", true},
        {"call.ended", "call.ended", true},
        {"call.ende", "call.ended", false},
        {"call.ended1", "call.ended", false},
        {"call?ended", "call.ended", false}, /* only '*' means something */
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (pattern_matches(slice_from(rows[i].pattern), slice_from(rows[i].text)) != rows[i].matches) {
            fail_msg("\"%s\" and \"%s\"", rows[i].pattern, rows[i].text);
        }
    }
}

/* Many stars would cost years if each were tried at every place of each other. */
static void
patterns_of_many_stars_are_cheap(void **state)
{
    (void)state;
    char pattern[401];
    char text[2001];

    for (size_t i = 0; i < sizeof pattern - 1; i += 2) {
        memcpy(pattern + i, "*a", 2);
    }
    pattern[sizeof pattern - 1] = '\0';
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 2] = 'b';
    text[sizeof text - 1] = '\0';
    assert_false(pattern_matches(slice_from(pattern), slice_from(text)));
    text[sizeof text - 2] = 'a';
    assert_true(pattern_matches(slice_from(pattern), slice_from(text)));
}

static void
the_nearest_name_is_found(void **state)
{
    (void)state;
    static const char *const names[] = {"port", "address", "workers", "limits", "trusted_proxies"};
    static const struct {
        const char *text;
        const char *nearest;
    } rows[] = {
        {"port", "port"},
        {"prot", "port"},
        {"potr", "port"},
        {"ports", "port"},
        {"worker", "workers"},
        {"adress", "address"},
        {"trustedproxies", "trusted_proxies"},
        {"Limits", "limits"},
        {"x", NULL},
        {"pool", NULL},
        {"something_else", NULL},
        {"", NULL},
        {"port port port port port port port port port port port port port port", NULL},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *nearest = nearest_name(slice_from(rows[i].text), names, sizeof names / sizeof *names);

        if (rows[i].nearest == NULL) {
            assert_null(nearest);
        } else {
            assert_string_equal(nearest, rows[i].nearest);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_match),
        cmocka_unit_test(patterns_of_many_stars_are_cheap),
        cmocka_unit_test(the_nearest_name_is_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

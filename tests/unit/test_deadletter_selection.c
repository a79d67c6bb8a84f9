/* Which dead letters are meant: places as people type them, and what fits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "verbs/deadletter_selection.h"

static void
places(void **state)
{
    static const char *const wrong[] = {
        "",
        ":",
        "1",
        "1:",
        ":1",
        "1:2 ",
        " 1:2",
        "-1:2",
        "1:-2",
        "1:2:3",
        "a:1",
        "1:b",
        "1 :2",
        "2147483648:0",
        "0:9223372036854775807",
        "0:18446744073709551617",
    };
    struct deadletter_place place;

    (void)state;
    assert_true(deadletter_place_read("3:17", &place));
    assert_int_equal(place.partition, 3);
    assert_int_equal(place.offset, 17);
    assert_true(deadletter_place_read("2147483647:9223372036854775806", &place));
    assert_int_equal(place.partition, INT32_MAX);
    assert_true(place.offset == INT64_MAX - 1);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_false(deadletter_place_read(wrong[i], &place));
    }
}

static void
fitting(void **state)
{
    struct deadletter_selection all = {.from_ms = INT64_MIN, .to_ms = INT64_MAX};
    struct deadletter_selection some = {.from_ms = 1000, .to_ms = 2000, .source = "north", .reason = "not_json"};
    struct dead_letter letter = {.source = SLICE("north"), .reason = SLICE("not_json")};

    (void)state;
    assert_true(deadletter_fits(&all, &(struct dead_letter){0}, -1));
    letter.received = (struct timestamp){.unix_ms = 1000, .present = true};
    assert_true(deadletter_fits(&some, &letter, 0)); /* the record's time counts where there is no other */
    letter.received.unix_ms = 999;
    assert_false(deadletter_fits(&some, &letter, 1500));
    letter.received.unix_ms = 2000;
    assert_false(deadletter_fits(&some, &letter, 1500));
    letter.received.present = false;
    assert_true(deadletter_fits(&some, &letter, 1999));
    assert_false(deadletter_fits(&some, &letter, 2000));
    letter.reason = (struct slice)SLICE("not_xml");
    assert_false(deadletter_fits(&some, &letter, 1999));
    letter.reason = (struct slice)SLICE("not_json");
    letter.source = (struct slice)SLICE("northern");
    assert_false(deadletter_fits(&some, &letter, 1999));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places),
        cmocka_unit_test(fitting),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

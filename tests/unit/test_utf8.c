/* The UTF-8 checks: edges, every short sequence, and every place within a word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/utf8.h"

static void
test_edges(void **state)
{
    static const char *const valid[] = {
        "",
        "ascii only, and longer than a word",
        "\xc2\x80",
        "\xdf\xbf",
        "\xe0\xa0\x80",
        "\xed\x9f\xbf",
        "\xee\x80\x80",
        "\xef\xbf\xbf",
        "\xf0\x90\x80\x80",
        "\xf4\x8f\xbf\xbf",
        ("1234567\xe4\xb8\xad"
         "12345678"),
    };
    static const char *const invalid[] = {
        "\x80",
        "\xc0\x80",
        "\xc1\xbf",
        "\xc2",
        ("\xc2"
         "a"),
        "\xe0\x9f\xbf",
        "\xed\xa0\x80",
        "\xed\xbf\xbf",
        "\xe4\xb8",
        ("\xe4\xb8"
         "a"),
        "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80",
        "\xfe",
        "\xff",
        "12345678\xff",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(valid) / sizeof(valid[0]); i++) {
        assert_true(utf8_valid(slice_from(valid[i])));
    }
    for (size_t i = 0; i < sizeof(invalid) / sizeof(invalid[0]); i++) {
        assert_false(utf8_valid(slice_from(invalid[i])));
    }
    assert_int_equal(utf8_valid_prefix(slice_from("ab\xe4\xb8\xad\xff")), 5);
    assert_int_equal(utf8_character_bytes(slice_from("\xe4\xb8\xad"
                                                     "a")),
                     3);
    assert_int_equal(utf8_character_bytes(slice_from("\xe4\xb8")), 0);
    assert_int_equal(utf8_character_bytes(slice_from("")), 0);
}

/* Of all sequences with such a lead, as many are one character as Unicode has. */
static void
test_every_short_sequence(void **state)
{
    static const unsigned char ends[] = {0x7f, 0x80, 0xbf, 0xc0};
    size_t two = 0, three = 0, four = 0;
    char text[4];

    (void)state;
    for (unsigned lead = 0x80; lead <= 0xff; lead++) {
        for (unsigned second = 0; second <= 0xff; second++) {
            text[0] = (char)lead;
            text[1] = (char)second;
            two += utf8_valid(slice_make(text, 2));
            for (unsigned third = 0; lead >= 0xe0 && third <= 0xff; third++) {
                text[2] = (char)third;
                three += utf8_valid(slice_make(text, 3));
            }
            for (unsigned i = 0; lead >= 0xf0 && i < 16; i++) {
                text[2] = (char)ends[i / 4];
                text[3] = (char)ends[i % 4];
                four += utf8_valid(slice_make(text, 4));
            }
        }
    }
    assert_int_equal(two, 0x800 - 0x80);
    assert_int_equal(three, 0x10000 - 0x800 - 0x800);
    assert_int_equal(four, 0x100000 / (64 * 64) * 4);
}

static void
test_every_place_in_a_word(void **state)
{
    char text[32];

    (void)state;
    for (size_t at = 0; at < 24; at++) {
        memset(text, 'a', sizeof(text));
        memcpy(text + at, "\xe4\xb8\xad", 3);
        assert_true(utf8_valid(slice_make(text, sizeof(text))));
        assert_true(utf8_valid(slice_make(text, at + 3)));
        assert_int_equal(utf8_valid_prefix(slice_make(text, at + 2)), at);
        text[at + 2] = 'a';
        assert_int_equal(utf8_valid_prefix(slice_make(text, sizeof(text))), at);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_edges),
        cmocka_unit_test(test_every_short_sequence),
        cmocka_unit_test(test_every_place_in_a_word),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Arenas: limits, growth, reuse, and the writer and checks that stand on them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/json_writer.h"
#include "base/utf8.h"

static void
test_blocks_are_aligned_and_apart(void **state)
{
    struct arena *arena = arena_new(NULL, (size_t)1 << 20);
    unsigned char *blocks[100];

    (void)state;
    for (size_t i = 0; i < 100; i++) {
        blocks[i] = arena_alloc(arena, i * 7);
        assert_non_null(blocks[i]);
        assert_int_equal((uintptr_t)blocks[i] % 16, 0);
        memset(blocks[i], (int)i, i * 7);
    }
    for (size_t i = 1; i < 100; i++) {
        assert_int_equal(blocks[i][0], i);
        assert_int_equal(blocks[i][i * 7 - 1], i);
    }
    arena_free(arena);
}

static void
test_the_limit_holds_and_failure_stays(void **state)
{
    struct arena *arena = arena_new(NULL, 1000);

    (void)state;
    assert_non_null(arena_alloc(arena, 900));
    assert_false(arena_failed(arena));
    assert_null(arena_alloc(arena, 200));
    assert_true(arena_failed(arena));
    assert_null(arena_alloc(arena, SIZE_MAX));
    assert_null(arena_zalloc(arena, SIZE_MAX / 2, 3));
    assert_true(slice_empty(arena_printf(arena, "%0200d", 1)));
    assert_true(arena_bytes(arena) <= 1000);
    arena_free(arena);
    arena_free(NULL);
}

static void
test_only_the_last_block_grows(void **state)
{
    struct arena *arena = arena_new(NULL, 10000);
    char *first = arena_alloc(arena, 100);

    (void)state;
    memset(first, 'a', 100);
    assert_true(arena_extend(arena, first, 100, 500));
    memset(first, 'b', 500);
    assert_non_null(arena_alloc(arena, 1));
    assert_false(arena_extend(arena, first, 500, 600));
    assert_false(arena_failed(arena));
    arena_free(arena);
}

static void
test_pools_hand_first_chunks_on(void **state)
{
    struct arena_pool *pool = arena_pool_new(8192, 1);
    struct arena *one = arena_new(pool, 100000);
    struct arena *two = arena_new(pool, 100000);
    struct arena *again;

    (void)state;
    assert_non_null(arena_alloc(one, 50000));
    arena_free(one);
    arena_free(two); /* beyond what the pool keeps */
    again = arena_new(pool, 100000);
    assert_ptr_equal(again, one);
    assert_int_equal(arena_bytes(again), 0);
    assert_false(arena_failed(again));
    arena_free(again);
    arena_pool_free(pool);
    arena_pool_free(NULL);
}

static void
test_texts(void **state)
{
    struct arena *arena = arena_new(NULL, 10000);
    struct slice copy = arena_copy(arena, (struct slice)SLICE("abc"));
    struct slice text = arena_printf(arena, "%s-%d", "x", 42);

    (void)state;
    assert_string_equal(copy.data, "abc");
    assert_int_equal(copy.length, 3);
    assert_string_equal(text.data, "x-42");
    assert_int_equal(text.length, 4);
    arena_free(arena);
}

static void
test_the_writer(void **state)
{
    struct arena *arena = arena_new(NULL, (size_t)1 << 20);
    struct json_writer writer;
    struct json_mark mark;
    struct slice json;

    (void)state;
    json_writer_init(&writer, arena, 0);
    json_open(&writer, '{');
    json_name(&writer, slice_from("a\"b"));
    json_string(&writer, (struct slice)SLICE("\x01\x1f\b\f\n\r\t\"\\/\x7f\xe4\xb8\xad"));
    mark = json_mark(&writer);
    json_name(&writer, slice_from("gone"));
    json_open(&writer, '[');
    json_rewind(&writer, mark);
    json_name(&writer, slice_from("n"));
    json_open(&writer, '[');
    json_integer(&writer, INT64_MIN);
    json_integer(&writer, 0);
    json_integer(&writer, INT64_MAX);
    json_boolean(&writer, true);
    json_raw(&writer, slice_from("1e5"));
    json_open(&writer, '{');
    json_close(&writer, '}');
    json_close(&writer, ']');
    json_close(&writer, '}');
    json = json_finish(&writer);
    json = arena_copy(arena, json);
    assert_string_equal(json.data, "{\"a\\\"b\":\"\\u0001\\u001f\\b\\f\\n\\r\\t\\\"\\\\/\x7f\xe4\xb8\xad\",\"n\":["
                                   "-9223372036854775808,0,9223372036854775807,true,1e5,{}]}");
    arena_free(arena);
}

static void
test_the_writer_in_a_full_arena(void **state)
{
    (void)state;
    for (size_t limit = 0; limit < 4000; limit += 40) {
        struct arena *arena = arena_new(NULL, limit);
        struct json_writer writer;

        json_writer_init(&writer, arena, 0);
        json_open(&writer, '[');
        for (int i = 0; i < 100; i++) {
            json_string(&writer, slice_from("0123456789"));
        }
        json_close(&writer, ']');
        assert_true(slice_empty(json_finish(&writer)) == arena_failed(arena));
        arena_free(arena);
    }
}

static void
test_utf8(void **state)
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
        "1234567\xe4\xb8\xad"
        "12345678",
    };
    static const char *const invalid[] = {
        "\x80",
        "\xc0\x80",
        "\xc1\xbf",
        "\xc2",
        "\xc2"
        "a",
        "\xe0\x9f\xbf",
        "\xed\xa0\x80",
        "\xed\xbf\xbf",
        "\xe4\xb8",
        "\xe4\xb8"
        "a",
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

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks_are_aligned_and_apart),
        cmocka_unit_test(test_the_limit_holds_and_failure_stays),
        cmocka_unit_test(test_only_the_last_block_grows),
        cmocka_unit_test(test_pools_hand_first_chunks_on),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_the_writer),
        cmocka_unit_test(test_the_writer_in_a_full_arena),
        cmocka_unit_test(test_utf8),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

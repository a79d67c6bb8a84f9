/* Arenas: limits, growth, reuse, and the texts made in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"

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
test_the_limit_can_be_raised_when_it_was_reached(void **state)
{
    struct arena *arena = arena_new(NULL, 1000);

    (void)state;
    assert_null(arena_alloc(arena, 2000));
    assert_true(arena_allow(arena, 1000));
    assert_false(arena_failed(arena));
    assert_non_null(arena_alloc(arena, 2000));
    assert_null(arena_alloc(arena, 100));
    assert_true(arena_allow(arena, 1)); /* what it allows for can be had, whatever it is rounded up to */
    assert_non_null(arena_alloc(arena, 1));
    assert_true(arena_allow(arena, SIZE_MAX));
    assert_non_null(arena_alloc(arena, 100));
    arena_free(arena);
}

static void
test_memory_that_is_out_elsewhere_is_out(void **state)
{
    struct arena *arena = arena_new(NULL, 1000);

    (void)state;
    arena_starve(arena);
    assert_true(arena_failed(arena));
    assert_false(arena_allow(arena, 1000)); /* no limit that could be raised */
    assert_true(arena_failed(arena));
    arena_free(arena);
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

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks_are_aligned_and_apart),
        cmocka_unit_test(test_the_limit_holds_and_failure_stays),
        cmocka_unit_test(test_the_limit_can_be_raised_when_it_was_reached),
        cmocka_unit_test(test_memory_that_is_out_elsewhere_is_out),
        cmocka_unit_test(test_only_the_last_block_grows),
        cmocka_unit_test(test_pools_hand_first_chunks_on),
        cmocka_unit_test(test_texts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

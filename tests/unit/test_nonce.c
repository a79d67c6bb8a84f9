/* Nonces: none comes twice, and none tells the next. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "egress/nonce.h"

static uint64_t
nonce(uint64_t counted)
{
    uint64_t number = NONCE_COUNT;

    assert_true(nonce_of(counted, &number));
    assert_true(number < NONCE_COUNT);
    return number;
}

/* Of 50,000 draws more than a thousand would be there before. */
static void
none_comes_twice(void **state)
{
    (void)state;
    enum { COUNTED = 50000 };
    bool *seen = calloc(NONCE_COUNT, sizeof *seen);
    const uint64_t key = UINT64_C(987654321) * NONCE_COUNT;

    assert_non_null(seen);
    for (uint64_t i = 0; i < COUNTED; i++) {
        uint64_t number = nonce(key + i);

        assert_false(seen[number]);
        seen[number] = true;
    }
    free(seen);
}

/* Steps between neighbours are as many different ones as draws would have, and a tenth of all begins with a 0. */
static void
they_look_drawn(void **state)
{
    (void)state;
    enum { DRAWS = 10000 };
    bool *seen = calloc(NONCE_COUNT, sizeof *seen);
    unsigned steps = 0, low = 0;

    assert_non_null(seen);
    for (uint64_t i = 0; i < DRAWS; i++) {
        uint64_t step = (NONCE_COUNT + nonce(i + 1) - nonce(i)) % NONCE_COUNT;

        steps += !seen[step];
        seen[step] = true;
        low += nonce(i) < NONCE_COUNT / 10;
    }
    free(seen);
    assert_in_range(steps, DRAWS - DRAWS / 50, DRAWS);
    assert_in_range(low, DRAWS / 10 - DRAWS / 50, DRAWS / 10 + DRAWS / 50);
}

static void
keys_differ(void **state)
{
    (void)state;
    unsigned same = 0;

    for (uint64_t i = 0; i < 1000; i++) {
        same += nonce(i) == nonce(NONCE_COUNT + i);
    }
    assert_in_range(same, 0, 5);
    (void)nonce(UINT64_MAX);
    assert_int_equal(nonce(7), nonce(7));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(none_comes_twice),
        cmocka_unit_test(they_look_drawn),
        cmocka_unit_test(keys_differ),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Turns: in the order of waiting, each once, and who leaves is not missed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ingress/turns.h"

static void
turns_come_in_order(void **state)
{
    struct turns turns = {0};
    struct turn waiting[3] = {0};

    (void)state;
    assert_null(turns_take(&turns));
    for (size_t i = 0; i < 3; i++) {
        turns_wait(&turns, &waiting[i]);
        turns_wait(&turns, &waiting[i]);
        turns_wait(&turns, &waiting[0]);
    }
    assert_ptr_equal(turns_take(&turns), &waiting[0]);
    turns_wait(&turns, &waiting[0]);
    assert_ptr_equal(turns_take(&turns), &waiting[1]);
    assert_ptr_equal(turns_take(&turns), &waiting[2]);
    assert_ptr_equal(turns_take(&turns), &waiting[0]);
    assert_null(turns_take(&turns));
}

static void
who_leaves_has_no_turn(void **state)
{
    (void)state;
    for (size_t leaving = 0; leaving < 3; leaving++) {
        struct turns turns = {0};
        struct turn waiting[3] = {0};

        turns_leave(&turns, &waiting[leaving]);
        for (size_t i = 0; i < 3; i++) {
            turns_wait(&turns, &waiting[i]);
        }
        turns_leave(&turns, &waiting[leaving]);
        turns_leave(&turns, &waiting[leaving]);
        for (size_t i = 0; i < 3; i++) {
            if (i != leaving) {
                assert_ptr_equal(turns_take(&turns), &waiting[i]);
            }
        }
        assert_null(turns_take(&turns));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(turns_come_in_order),
        cmocka_unit_test(who_leaves_has_no_turn),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

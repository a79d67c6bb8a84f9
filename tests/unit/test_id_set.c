/* The set of ids, against a plain table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "spool/id_set.h"

#define IDS   2000
#define STEPS 200000

static void
test_it_holds_what_was_added_and_not_removed(void **state)
{
    static bool there[IDS + 1];
    struct id_set set = {0};
    size_t count = 0;

    (void)state;
    srandom(7);
    for (int step = 0; step < STEPS; step++) {
        int64_t id = 1 + random() % IDS;

        if (random() % 2 == 0) {
            assert_true(id_set_reserve(&set, 1));
            id_set_add(&set, id);
            count += !there[id];
            there[id] = true;
        } else {
            id_set_remove(&set, id);
            count -= there[id];
            there[id] = false;
        }
        assert_int_equal(set.count, count);
    }
    for (int64_t id = 1; id <= IDS; id++) {
        assert_int_equal(id_set_has(&set, id), there[id]);
    }
    id_set_free(&set);
    assert_false(id_set_has(&set, 1));
}

static void
test_too_many_are_refused(void **state)
{
    struct id_set set = {0};

    (void)state;
    assert_false(id_set_reserve(&set, SIZE_MAX));
    id_set_remove(&set, 1);
    assert_int_equal(set.count, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_holds_what_was_added_and_not_removed),
        cmocka_unit_test(test_too_many_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Deadlines: order, expiry, and the janitor that looks after them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <event2/event.h>

#include "base/clock.h"
#include "ingress/deadline.h"
#include "ingress/janitor.h"

static struct deadline deadlines[4];
static unsigned due[4];
static unsigned calls;

static void
on_due(struct deadline *deadline)
{
    assert_null(deadline->list);
    due[deadline - deadlines] = ++calls;
}

static int
clear(void **state)
{
    (void)state;
    memset(deadlines, 0, sizeof deadlines);
    memset(due, 0, sizeof due);
    calls = 0;
    return 0;
}

static void
they_expire_in_order_and_not_before(void **state)
{
    struct deadline_list list;

    (void)state;
    deadline_list_init(&list, 100, on_due);
    deadline_set(&list, &deadlines[0], 1);
    deadline_set(&list, &deadlines[1], 2);
    deadline_set(&list, &deadlines[2], 3);
    deadline_list_expire(&list, 100);
    assert_int_equal(calls, 0);
    deadline_list_expire(&list, 102);
    assert_int_equal(calls, 2);
    assert_int_equal(due[0], 1);
    assert_int_equal(due[1], 2);
    deadline_list_expire(&list, 1000);
    assert_int_equal(due[2], 3);
    assert_null(list.first);
    assert_null(list.last);
}

static void
clearing_any_of_them_keeps_the_others(void **state)
{
    (void)state;
    for (size_t gone = 0; gone < 3; gone++) {
        struct deadline_list list;

        clear(NULL);
        deadline_list_init(&list, 100, on_due);
        for (size_t i = 0; i < 3; i++) {
            deadline_set(&list, &deadlines[i], (int64_t)i);
        }
        deadline_clear(&deadlines[gone]);
        deadline_clear(&deadlines[gone]);
        deadline_list_expire(&list, 1000);
        assert_int_equal(calls, 2);
        assert_int_equal(due[gone], 0);
    }
}

static void
setting_again_replaces(void **state)
{
    struct deadline_list slow;
    struct deadline_list fast;

    (void)state;
    deadline_list_init(&slow, 100, on_due);
    deadline_list_init(&fast, 10, on_due);
    deadline_set(&slow, &deadlines[0], 0);
    deadline_set(&slow, &deadlines[0], 50);
    deadline_list_expire(&slow, 149);
    assert_int_equal(calls, 0);
    deadline_set(&fast, &deadlines[0], 50);
    assert_null(slow.first);
    deadline_list_expire(&slow, 1000);
    assert_int_equal(calls, 0);
    deadline_list_expire(&fast, 60);
    assert_int_equal(calls, 1);
}

static struct deadline_list again;

static void
set_again(struct deadline *deadline)
{
    calls++;
    deadline_set(&again, deadline, 100);
    deadline_clear(&deadlines[1]);
}

static void
a_handler_may_set_and_clear(void **state)
{
    (void)state;
    deadline_list_init(&again, 100, set_again);
    deadline_set(&again, &deadlines[0], 0);
    deadline_set(&again, &deadlines[1], 0);
    deadline_list_expire(&again, 100);
    assert_int_equal(calls, 1);
    assert_int_equal(deadlines[0].at_ns, 200);
    deadline_clear(&deadlines[0]);
}

static void
the_janitor_serves_what_waits_and_then_rests(void **state)
{
    const struct clock *clock = clock_system();
    struct event_base *base = event_base_new();
    struct janitor *janitor = janitor_new(base, clock);
    struct deadline_list late;
    struct deadline_list early;
    int64_t began_ns = clock_monotonic_ns(clock);

    (void)state;
    deadline_list_init(&late, 100000000, on_due);
    deadline_list_init(&early, 200000000, on_due);
    janitor_watch(janitor, &late, 0);
    janitor_watch(janitor, &early, 150000000);
    deadline_set(&late, &deadlines[0], began_ns);
    deadline_set(&early, &deadlines[1], began_ns);
    /* The loop ends when no timer is left: the janitor does not tick for nothing. */
    assert_int_equal(event_base_dispatch(base), 1);
    assert_int_equal(calls, 2);
    assert_int_equal(due[1], 1);
    assert_int_equal(due[0], 2);
    assert_true(clock_monotonic_ns(clock) - began_ns >= 100000000);
    deadline_set(&late, &deadlines[2], clock_monotonic_ns(clock));
    assert_int_equal(event_base_dispatch(base), 1);
    assert_int_equal(calls, 3);
    janitor_free(janitor);
    janitor_free(NULL);
    event_base_free(base);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(they_expire_in_order_and_not_before, clear),
        cmocka_unit_test_setup(clearing_any_of_them_keeps_the_others, clear),
        cmocka_unit_test_setup(setting_again_replaces, clear),
        cmocka_unit_test_setup(a_handler_may_set_and_clear, clear),
        cmocka_unit_test_setup(the_janitor_serves_what_waits_and_then_rests, clear),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

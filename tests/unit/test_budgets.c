/* Budgets: a list of deadlines for each duration, which come and go with the sources that have it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <event2/event.h>

#include "ingress/budgets.h"
#include "ingress/janitor.h"

#define MS ((int64_t)1000000)

static struct deadline *due[8];
static size_t due_count;

static void
on_due(struct deadline *deadline)
{
    due[due_count++] = deadline;
}

struct bench {
    struct event_base *base;
    struct janitor *janitor;
    struct budgets *budgets;
};

static int
setup(void **state)
{
    static struct bench bench;

    bench.base = event_base_new();
    bench.janitor = janitor_new(bench.base, clock_system());
    bench.budgets = budgets_new(bench.janitor, on_due);
    due_count = 0;
    *state = &bench;
    return bench.budgets == NULL;
}

static int
teardown(void **state)
{
    struct bench *bench = *state;

    budgets_free(bench->budgets);
    janitor_free(bench->janitor);
    event_base_free(bench->base);
    return 0;
}

static void
each_has_its_own_time(void **state)
{
    const struct bench *bench = *state;
    struct deadline deadlines[4] = {{0}};
    static const unsigned durations_ms[] = {1000, 500, 2000, 500};

    for (size_t i = 0; i < 4; i++) {
        budgets_begin(bench->budgets, durations_ms[i], &deadlines[i], 7 * MS);
        assert_int_equal(deadlines[i].at_ns, (7 + durations_ms[i]) * MS);
    }
    assert_ptr_equal(deadlines[1].list, deadlines[3].list);
    assert_ptr_not_equal(deadlines[0].list, deadlines[2].list);
    for (size_t i = 0; i < 4; i++) {
        deadline_clear(&deadlines[i]);
    }
}

static void
all_can_be_due_at_once(void **state)
{
    const struct bench *bench = *state;
    struct deadline deadlines[3] = {{0}};

    budgets_begin(bench->budgets, 60000, &deadlines[0], 0);
    budgets_begin(bench->budgets, 500, &deadlines[1], 0);
    budgets_begin(bench->budgets, 500, &deadlines[2], 0);
    budgets_expire(bench->budgets);
    assert_int_equal(due_count, 3);
    assert_ptr_equal(due[0], &deadlines[1]);
    assert_ptr_equal(due[1], &deadlines[2]);
    assert_ptr_equal(due[2], &deadlines[0]);
    assert_null(deadlines[0].list);
}

/* A reload may take the last source of a duration away while its tickets wait. */
static void
durations_that_somebody_waits_for_are_kept(void **state)
{
    const struct bench *bench = *state;
    struct deadline waiting = {0};
    struct deadline gone = {0};

    budgets_begin(bench->budgets, 700, &waiting, 0);
    for (unsigned i = 1; i <= 1000; i++) {
        budgets_begin(bench->budgets, 1000 + i, &gone, 0);
        deadline_clear(&gone);
        budgets_prune(bench->budgets);
    }
    assert_non_null(waiting.list);
    assert_int_equal(waiting.at_ns, 700 * MS);
    budgets_begin(bench->budgets, 1000, &gone, 0); /* one that was pruned is made again */
    assert_int_equal(gone.at_ns, 1000 * MS);
    budgets_expire(bench->budgets);
    assert_int_equal(due_count, 2);
    budgets_prune(bench->budgets);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_has_its_own_time, setup, teardown),
        cmocka_unit_test_setup_teardown(all_can_be_due_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(durations_that_somebody_waits_for_are_kept, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

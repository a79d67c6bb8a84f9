/* The breaker: what opens it, what does not, and what closes it, by a clock that the test sets. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/log.h"
#include "spool/breaker.h"
#include "spool/gate.h"

#define MS_NS   1000000LL
#define THREADS 4
#define ROUNDS  5000

struct bench {
    struct fixed_clock clock;
    struct metrics *metrics;
    struct gate *gate;
    struct breaker *breaker;
};

static int
setup(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);

    fixed_clock_init(&bench->clock, 1700000000000 * MS_NS);
    bench->clock.monotonic_ns = 5000 * MS_NS;
    bench->metrics = metrics_new();
    bench->gate = gate_new();
    bench->breaker = breaker_new(bench->gate, bench->metrics, &bench->clock.clock);
    *state = bench;
    return bench->breaker == NULL;
}

static int
teardown(void **state)
{
    struct bench *bench = *state;

    breaker_free(bench->breaker);
    breaker_free(NULL);
    gate_free(bench->gate);
    metrics_free(bench->metrics);
    free(bench);
    return 0;
}

static void
pass(struct bench *bench, int64_t ms)
{
    bench->clock.monotonic_ns += ms * MS_NS;
}

static uint64_t
openings(struct bench *bench, const char *labels)
{
    return metric_read(metrics_counter(bench->metrics, "trunkline_breaker_openings_total", "", labels));
}

/* State, gate and metric say the same. */
static void
assert_state(struct bench *bench, enum breaker_state expected)
{
    bool open = expected != BREAKER_CLOSED;

    assert_int_equal(breaker_state(bench->breaker), expected);
    assert_int_equal(gate_diverts(bench->gate, NULL, 0), open);
    assert_int_equal(metric_read(metrics_gauge(bench->metrics, "trunkline_breaker_open", "", "")), open);
}

static void
open_it(struct bench *bench)
{
    breaker_overdue(bench->breaker, bench->clock.monotonic_ns - 1000 * MS_NS);
    assert_state(bench, BREAKER_OPEN);
}

static void
test_an_overdue_report_opens_it_when_nothing_was_acknowledged_since(void **state)
{
    struct bench *bench = *state;
    int64_t published_ns = bench->clock.monotonic_ns;

    assert_state(bench, BREAKER_CLOSED);
    pass(bench, 1);
    breaker_acknowledged(bench->breaker, bench->clock.monotonic_ns);
    pass(bench, 1500);
    breaker_overdue(bench->breaker, published_ns); /* one partition, it seems */
    assert_state(bench, BREAKER_CLOSED);
    breaker_overdue(bench->breaker, published_ns + 2 * MS_NS);
    assert_state(bench, BREAKER_OPEN);
    breaker_overdue(bench->breaker, published_ns + 3 * MS_NS); /* the others follow: it is the same outage */
    assert_int_equal(openings(bench, "reason=\"overdue\""), 1);
    assert_int_equal(openings(bench, "reason=\"unreachable\""), 0);
}

static void
test_opens_before_anything_was_ever_acknowledged(void **state)
{
    open_it(*state);
}

static void
test_no_broker_twice_in_a_row_opens_it(void **state)
{
    struct bench *bench = *state;

    breaker_reachable(bench->breaker, false);
    pass(bench, 99);
    breaker_reachable(bench->breaker, false); /* another worker, the same moment */
    assert_state(bench, BREAKER_CLOSED);
    breaker_reachable(bench->breaker, true);
    pass(bench, 500);
    breaker_reachable(bench->breaker, false); /* the first again */
    assert_state(bench, BREAKER_CLOSED);
    pass(bench, 100);
    breaker_reachable(bench->breaker, false);
    assert_state(bench, BREAKER_OPEN);
    breaker_reachable(bench->breaker, true); /* connected is not acknowledged */
    assert_state(bench, BREAKER_OPEN);
    assert_int_equal(openings(bench, "reason=\"unreachable\""), 1);
}

/* One producer has lost its connection, others have theirs. */
static void
test_no_broker_does_not_open_it_while_records_are_acknowledged(void **state)
{
    struct bench *bench = *state;

    breaker_reachable(bench->breaker, false);
    pass(bench, 100);
    breaker_acknowledged(bench->breaker, bench->clock.monotonic_ns - 99 * MS_NS);
    breaker_reachable(bench->breaker, false);
    assert_state(bench, BREAKER_CLOSED);
    pass(bench, 1);
    breaker_reachable(bench->breaker, false);
    assert_state(bench, BREAKER_OPEN);
}

static void
test_a_quick_probe_closes_it(void **state)
{
    struct bench *bench = *state;

    open_it(bench);
    breaker_probe_sent(bench->breaker);
    assert_state(bench, BREAKER_PROBING);
    breaker_overdue(bench->breaker, bench->clock.monotonic_ns); /* it is open as it is */
    assert_state(bench, BREAKER_PROBING);
    pass(bench, 10);
    breaker_probe_ended(bench->breaker, true, 10 * MS_NS);
    assert_state(bench, BREAKER_CLOSED);
    /* Late timers of what was published before, and an acknowledgement since. */
    breaker_overdue(bench->breaker, bench->clock.monotonic_ns - MS_NS);
    assert_state(bench, BREAKER_CLOSED);
    pass(bench, 1000);
    open_it(bench);
    assert_int_equal(openings(bench, "reason=\"overdue\""), 2);
}

static void
test_a_slow_or_failed_probe_does_not(void **state)
{
    struct bench *bench = *state;

    open_it(bench);
    breaker_probe_sent(bench->breaker);
    breaker_probe_ended(bench->breaker, true, BREAKER_PATIENCE_MS * MS_NS + 1);
    assert_state(bench, BREAKER_OPEN);
    breaker_probe_sent(bench->breaker);
    breaker_probe_ended(bench->breaker, false, MS_NS);
    assert_state(bench, BREAKER_OPEN);
    breaker_probe_sent(bench->breaker);
    breaker_probe_ended(bench->breaker, true, BREAKER_PATIENCE_MS * MS_NS);
    assert_state(bench, BREAKER_CLOSED);
}

static void
test_probes_while_closed_change_nothing(void **state)
{
    struct bench *bench = *state;

    breaker_probe_sent(bench->breaker);
    assert_state(bench, BREAKER_CLOSED);
    breaker_probe_ended(bench->breaker, false, MS_NS);
    assert_state(bench, BREAKER_CLOSED);
    breaker_nothing_to_probe(bench->breaker);
    assert_state(bench, BREAKER_CLOSED);
}

static void
test_one_of_several_probes_is_enough(void **state)
{
    struct bench *bench = *state;

    open_it(bench);
    breaker_probe_sent(bench->breaker);
    breaker_probe_sent(bench->breaker);
    breaker_probe_ended(bench->breaker, false, MS_NS);
    assert_state(bench, BREAKER_OPEN);
    breaker_probe_ended(bench->breaker, true, MS_NS);
    assert_state(bench, BREAKER_CLOSED);
}

static void
test_with_nothing_to_probe_a_pause_with_brokers_closes_it(void **state)
{
    struct bench *bench = *state;

    open_it(bench);
    breaker_reachable(bench->breaker, true);
    pass(bench, BREAKER_PAUSE_MS - 1);
    breaker_nothing_to_probe(bench->breaker);
    assert_state(bench, BREAKER_OPEN);
    breaker_probe_sent(bench->breaker);
    breaker_probe_ended(bench->breaker, false, MS_NS); /* the pause begins anew */
    pass(bench, BREAKER_PAUSE_MS - 1);
    breaker_nothing_to_probe(bench->breaker);
    assert_state(bench, BREAKER_OPEN);
    breaker_reachable(bench->breaker, false);
    pass(bench, 1);
    breaker_nothing_to_probe(bench->breaker);
    assert_state(bench, BREAKER_OPEN);
    breaker_reachable(bench->breaker, true);
    breaker_nothing_to_probe(bench->breaker);
    assert_state(bench, BREAKER_CLOSED);
}

static void
test_open_from_the_start_until_brokers_are_connected(void **state)
{
    struct bench *bench = *state;

    breaker_start_open(bench->breaker);
    assert_state(bench, BREAKER_OPEN);
    assert_int_equal(openings(bench, "reason=\"start\""), 1);
    pass(bench, 10LL * BREAKER_PAUSE_MS);
    breaker_nothing_to_probe(bench->breaker); /* nobody has told of a broker yet */
    assert_state(bench, BREAKER_OPEN);
    breaker_reachable(bench->breaker, true);
    breaker_nothing_to_probe(bench->breaker);
    assert_state(bench, BREAKER_CLOSED);
}

/* --- threads --- */

static void *
worry(void *argument)
{
    struct bench *bench = argument;

    for (unsigned i = 0; i < ROUNDS; i++) {
        breaker_acknowledged(bench->breaker, bench->clock.monotonic_ns);
        breaker_reachable(bench->breaker, i % 2 == 0);
        breaker_overdue(bench->breaker, bench->clock.monotonic_ns + i % 2);
        breaker_probe_sent(bench->breaker);
        breaker_probe_ended(bench->breaker, i % 3 == 0, MS_NS);
    }
    return NULL;
}

static void
test_threads_leave_gate_and_state_in_step(void **state)
{
    struct bench *bench = *state;
    pthread_t threads[THREADS];

    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, worry, bench), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_state(bench, breaker_state(bench->breaker));
    assert_true(openings(bench, "reason=\"overdue\"") > 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define BREAKER_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        BREAKER_TEST(test_an_overdue_report_opens_it_when_nothing_was_acknowledged_since),
        BREAKER_TEST(test_opens_before_anything_was_ever_acknowledged),
        BREAKER_TEST(test_no_broker_twice_in_a_row_opens_it),
        BREAKER_TEST(test_no_broker_does_not_open_it_while_records_are_acknowledged),
        BREAKER_TEST(test_a_quick_probe_closes_it),
        BREAKER_TEST(test_a_slow_or_failed_probe_does_not),
        BREAKER_TEST(test_probes_while_closed_change_nothing),
        BREAKER_TEST(test_one_of_several_probes_is_enough),
        BREAKER_TEST(test_with_nothing_to_probe_a_pause_with_brokers_closes_it),
        BREAKER_TEST(test_open_from_the_start_until_brokers_are_connected),
        BREAKER_TEST(test_threads_leave_gate_and_state_in_step),
    };

    log_setup(LOG_FORMAT_TEXT, LOG_LEVEL_ERROR, clock_system());
    return cmocka_run_group_tests(tests, NULL, NULL);
}

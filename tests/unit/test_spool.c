/* The spool as a whole: a real store, a mock cluster that comes and goes. */
#include "spool_fixture.h"

#include "bus/partition.h"
#include "spool/files.h"

#define DIVERTS(fixture, n) gate_diverts(spool_gate((fixture)->spool), &loads[n].record, 1)

/* Within a key the numbers ascend. */
static void
assert_order(unsigned keys)
{
    int last[64];

    assert_true(keys <= 64);
    memset(last, -1, sizeof(last));
    for (size_t i = 0; i < arrivals.count; i++) {
        unsigned key = (unsigned)strtoul(arrivals.keys[i] + 4, NULL, 10);

        assert_true((int)arrivals.numbers[i] > last[key]);
        last[key] = (int)arrivals.numbers[i];
    }
}

static void
test_what_is_put_is_on_disk_and_then_on_kafka(void **state)
{
    struct fixture *fixture = *state;

    fixture_start(fixture, "one");
    fixture_fill(fixture, 0, 300, 7);
    RUN_UNTIL(fixture->bus, spool_state(fixture->spool).records == 0);
    fixture_read(fixture, 300);
    assert_order(7);
    assert_int_equal(gate_held(spool_gate(fixture->spool)), 0);
    assert_false(DIVERTS(fixture, 0));
    assert_int_equal(spool_state(fixture->spool).bytes, 0);
    assert_int_equal(fixture_stop(fixture, 5), 0);
}

static void
test_while_the_breaker_is_open_it_waits_and_keys_are_held(void **state)
{
    struct fixture *fixture = *state;
    struct spool_state spool;

    rd_kafka_mock_broker_set_down(fixture->bus->cluster, 1);
    fixture_start(fixture, "one");
    breaker_start_open(spool_breaker(fixture->spool));
    fixture_fill(fixture, 0, 100, 10);
    spool = spool_state(fixture->spool);
    assert_int_equal(spool.records, 100);
    assert_true(spool.bytes > 100);
    assert_true(spool.able);
    assert_true(DIVERTS(fixture, 3));
    rd_kafka_mock_broker_set_up(fixture->bus->cluster, 1);
    RUN_UNTIL(fixture->bus, spool_state(fixture->spool).records == 0);
    assert_int_equal(breaker_state(spool_breaker(fixture->spool)), BREAKER_CLOSED);
    assert_false(DIVERTS(fixture, 3));
    fixture_read(fixture, 100);
    assert_order(10);
}

static void
test_it_ends_with_what_is_left_and_begins_with_it(void **state)
{
    struct fixture *fixture = *state;

    rd_kafka_mock_broker_set_down(fixture->bus->cluster, 1);
    fixture_start(fixture, "one");
    breaker_start_open(spool_breaker(fixture->spool));
    fixture_fill(fixture, 0, 50, 5);
    assert_int_equal(fixture_stop(fixture, 1), 50);

    fixture_start(fixture, "one");
    breaker_start_open(spool_breaker(fixture->spool));
    assert_int_equal(spool_state(fixture->spool).records, 50);
    assert_true(DIVERTS(fixture, 4));
    fixture_fill(fixture, 50, 50, 5);
    rd_kafka_mock_broker_set_up(fixture->bus->cluster, 1);
    RUN_UNTIL(fixture->bus, spool_state(fixture->spool).records == 0);
    fixture_read(fixture, 100);
    assert_order(5);
    assert_int_equal(fixture_stop(fixture, 5), 0);
}

static void
test_what_librdkafka_refuses_is_no_sign_of_kafka(void **state)
{
    static const char huge[2 << 20];
    struct fixture *fixture = *state;
    struct load *load = fixture_load(fixture, 0, 1);

    rd_kafka_mock_broker_set_down(fixture->bus->cluster, 1);
    fixture_start(fixture, "one");
    breaker_start_open(spool_breaker(fixture->spool));
    load->record.value = slice_make(huge, sizeof(huge));
    spool_put(fixture->port, &load->job);
    RUN_UNTIL(fixture->bus, spool_state(fixture->spool).set_aside == 1);
    assert_int_not_equal(breaker_state(spool_breaker(fixture->spool)), BREAKER_CLOSED);
    assert_int_equal(fixture_stop(fixture, 0), 0);
}

/* Not by time, which never fails here, but as when a permission is missing for a while. */
static void
test_what_failed_goes_again_in_order(void **state)
{
    struct fixture *fixture = *state;

    rd_kafka_mock_push_request_errors(fixture->bus->cluster, PRODUCE_API_KEY, 2,
                                      RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
                                      RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    fixture_start(fixture, "one");
    fixture_fill(fixture, 0, 200, 5);
    RUN_UNTIL(fixture->bus, spool_state(fixture->spool).records == 0);
    assert_true(bus_counter(fixture->bus, "trunkline_spool_failed_deliveries_total", "") >= 2);
    fixture_read(fixture, 200);
    assert_order(5);
}

static void
test_a_stop_drains_while_kafka_is_there(void **state)
{
    struct fixture *fixture = *state;

    fixture->settings.drain_records_per_second = 1; /* not in a stop */
    fixture_start(fixture, "one");
    fixture_fill(fixture, 0, 500, 5);
    assert_int_equal(fixture_stop(fixture, 10), 0);
    fixture_read(fixture, 500);
}

static void
test_what_is_in_flight_waits_to_be_settled(void **state)
{
    struct fixture *fixture = *state;
    struct load *acknowledged;
    struct load *failed;

    fixture_start(fixture, "one");
    acknowledged = fixture_put(fixture, 0, 2, true);
    failed = fixture_put(fixture, 1, 2, true);
    RUN_UNTIL(fixture->bus, fixture->done == 2);
    fixture_fill(fixture, 2, 1, 2); /* behind the first, with its key */
    RUN_UNTIL(fixture->bus, bus_gauge(fixture->bus, "trunkline_spool_records", "") == 3);
    acknowledged->record.delivery = DELIVERY_ACKNOWLEDGED;
    failed->record.delivery = DELIVERY_FAILED;
    spool_settle(fixture->port, &acknowledged->job);
    RUN_UNTIL(fixture->bus, fixture->settled == 1);
    assert_true(DIVERTS(fixture, 1)); /* still there, whatever else was done meanwhile */
    spool_settle(fixture->port, &failed->job);
    RUN_UNTIL(fixture->bus, spool_state(fixture->spool).records == 0);
    fixture_read(fixture, 2);
    assert_int_equal(arrivals.numbers[0] + arrivals.numbers[1], 3); /* the second and the third */
}

static void
test_a_full_spool_refuses_and_recovers(void **state)
{
    struct fixture *fixture = *state;
    unsigned put = 0;
    unsigned taken = 0;

    fixture->settings.max_bytes = 10000;
    fixture->settings.source_share_percent = 45;
    rd_kafka_mock_broker_set_down(fixture->bus->cluster, 1);
    fixture_start(fixture, "one");
    breaker_start_open(spool_breaker(fixture->spool));
    while (put == 0 || loads[put - 1].job.fate == SPOOL_DURABLE) {
        (void)fixture_put(fixture, put, 1, false);
        put++;
        RUN_UNTIL(fixture->bus, fixture->done == put);
    }
    taken = put - 1;
    assert_int_equal(loads[taken].job.fate, SPOOL_FULL);
    assert_in_range(spool_state(fixture->spool).bytes, 4000, 4500); /* its share */
    assert_int_equal(spool_state(fixture->spool).records, taken);
    assert_int_equal(gate_held(spool_gate(fixture->spool)), taken);
    /* Another source has a share of its own; as its vendor never repeats, the reserve on top. */
    assert_true(spool_state(fixture->spool).able);
    while (loads[put - 1].job.fate == SPOOL_DURABLE || put == taken + 1) {
        struct load *load = fixture_load(fixture, put, 1);

        load->job.vendor_repeats = false;
        load->job.source = slice_from("jiuyun");
        spool_put(fixture->port, &load->job);
        put++;
        RUN_UNTIL(fixture->bus, fixture->done == put);
    }
    assert_in_range(spool_state(fixture->spool).bytes, 9000, 10000);
    assert_false(spool_state(fixture->spool).able);
    assert_string_not_equal(spool_state(fixture->spool).reason.text, "");
    rd_kafka_mock_broker_set_up(fixture->bus->cluster, 1);
    RUN_UNTIL(fixture->bus, spool_state(fixture->spool).records == 0);
    assert_true(spool_state(fixture->spool).able);
}

static void
test_a_sibling_that_has_ended_is_adopted(void **state)
{
    struct fixture *fixture = *state;
    struct spool_file *files;
    struct error error;
    char path[PATH_MAX];
    size_t count;

    rd_kafka_mock_broker_set_down(fixture->bus->cluster, 1);
    fixture_start(fixture, "gone");
    breaker_start_open(spool_breaker(fixture->spool));
    fixture_fill(fixture, 0, 40, 4);
    assert_int_equal(fixture_stop(fixture, 0), 40);

    fixture_start(fixture, "heir");
    assert_int_equal(spool_state(fixture->spool).records, 40);
    snprintf(path, sizeof(path), "%s/gone", fixture->data_dir);
    assert_true(spool_files_list(path, &files, &count, &error));
    assert_int_equal(count, 0);
    free(files);
    rd_kafka_mock_broker_set_up(fixture->bus->cluster, 1);
    RUN_UNTIL(fixture->bus, spool_state(fixture->spool).records == 0);
    fixture_read(fixture, 40);
    assert_order(4);
}

static void
test_a_record_that_kafka_refuses_is_set_aside(void **state)
{
    static const char large[5000];
    struct fixture *fixture = *state;

    bus_set(fixture->bus, "message.max.bytes", "1000");
    fixture_start(fixture, "one");
    fixture_load(fixture, 0, 1)->record.value = slice_make(large, sizeof(large));
    spool_put(fixture->port, &loads[0].job);
    RUN_UNTIL(fixture->bus, fixture->done == 1);
    fixture_fill(fixture, 1, 1, 1); /* behind it, with its key */
    RUN_UNTIL(fixture->bus, spool_state(fixture->spool).records == 0);
    assert_int_equal(spool_state(fixture->spool).set_aside, 1);
    assert_int_equal(gate_held(spool_gate(fixture->spool)), 0);
    assert_int_equal(fixture_stop(fixture, 5), 0);
    fixture_start(fixture, "one");
    assert_int_equal(spool_state(fixture->spool).set_aside, 1);
    assert_int_equal(spool_state(fixture->spool).records, 0);
}

static void
test_a_partition_without_a_leader_does_not_hold_up_the_others(void **state)
{
    struct fixture *fixture = *state;

    rd_kafka_mock_topic_create(fixture->bus->cluster, "wide", 4, 1);
    rd_kafka_mock_partition_set_leader(fixture->bus->cluster, "wide", 2, -1);
    fixture_start(fixture, "one");
    for (unsigned i = 0; i < 2000; i++) {
        fixture_load(fixture, i, 40)->record.topic = slice_from("wide");
        spool_put(fixture->port, &loads[i].job);
    }
    /* The others' records go; those of the one are a part of all, and stay. */
    RUN_UNTIL(fixture->bus, fixture->done == 2000);
    RUN_UNTIL(fixture->bus, bus_counter(fixture->bus, "trunkline_spool_drained_records_total", "") > 800 &&
                                spool_state(fixture->spool).records ==
                                    2000 - bus_counter(fixture->bus, "trunkline_spool_drained_records_total", ""));
    rd_kafka_mock_partition_set_leader(fixture->bus->cluster, "wide", 2, 1);
    RUN_UNTIL(fixture->bus, spool_state(fixture->spool).records == 0);
}

static void
test_the_rate_is_bounded(void **state)
{
    struct fixture *fixture = *state;
    int64_t began_ns = clock_monotonic_ns(clock_system());

    fixture->settings.drain_records_per_second = 200;
    fixture_start(fixture, "one");
    fixture_fill(fixture, 0, 300, 7);
    RUN_UNTIL(fixture->bus, spool_state(fixture->spool).records == 0);
    assert_true(clock_monotonic_ns(clock_system()) - began_ns >= SECOND_NS); /* 300 less what goes at once */
    fixture_read(fixture, 300);
    assert_order(7);
}

/* Loads with a key of that partition of the topic "wide", which has two. */
static void
put_wide(struct fixture *fixture, unsigned number, int32_t partition)
{
    unsigned keys = 1;

    fixture_load(fixture, number, 1);
    while (partition_of(loads[number].record.key, 2) != partition) {
        snprintf(loads[number].key, sizeof(loads[number].key), "key %u", keys++);
        loads[number].record.key = slice_from(loads[number].key);
    }
    loads[number].record.topic = slice_from("wide");
    spool_put(fixture->port, &loads[number].job);
}

/* The broker has too few replicas for the first record of a partition, and would take those behind it, as it does not
 * know this producer there. */
static void
test_nothing_overtakes_what_is_turned_away_at_first(void **state)
{
    enum { COUNT = 20 };
    struct fixture *fixture = *state;
    int64_t began_ns;

    rd_kafka_mock_topic_create(fixture->bus->cluster, "wide", 2, 1);
    fixture_start(fixture, "one");
    put_wide(fixture, 0, 1);
    RUN_UNTIL(fixture->bus, fixture->done == 1 && spool_state(fixture->spool).records == 0);
    began_ns = clock_monotonic_ns(clock_system());
    RUN_UNTIL(fixture->bus, clock_monotonic_ns(clock_system()) > began_ns + SECOND_NS); /* it tells the partitions */
    rd_kafka_mock_broker_set_rtt(fixture->bus->cluster, 1, 200);
    rd_kafka_mock_push_request_errors(fixture->bus->cluster, PRODUCE_API_KEY, 1, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS);
    for (unsigned i = 1; i <= COUNT; i++) {
        int64_t put_ns = clock_monotonic_ns(clock_system());

        put_wide(fixture, i, 0);
        RUN_UNTIL(fixture->bus,
                  clock_monotonic_ns(clock_system()) > put_ns + SECOND_NS / 20); /* a request of its own */
    }
    RUN_UNTIL(fixture->bus, fixture->done == 1 + COUNT && spool_state(fixture->spool).records == 0);
    rd_kafka_mock_broker_set_rtt(fixture->bus->cluster, 1, 0);
    assert_int_equal(bus_counter(fixture->bus, "trunkline_spool_failed_deliveries_total", ""), 0);
    assert_int_equal(bus_counter(fixture->bus, "trunkline_kafka_errors_total", "error=\"_INCONSISTENT\""), 0);
}

int
main(void)
{
#define SPOOL_TEST(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        SPOOL_TEST(test_what_is_put_is_on_disk_and_then_on_kafka),
        SPOOL_TEST(test_while_the_breaker_is_open_it_waits_and_keys_are_held),
        SPOOL_TEST(test_it_ends_with_what_is_left_and_begins_with_it),
        SPOOL_TEST(test_what_librdkafka_refuses_is_no_sign_of_kafka),
        SPOOL_TEST(test_what_failed_goes_again_in_order),
        SPOOL_TEST(test_a_stop_drains_while_kafka_is_there),
        SPOOL_TEST(test_what_is_in_flight_waits_to_be_settled),
        SPOOL_TEST(test_a_full_spool_refuses_and_recovers),
        SPOOL_TEST(test_a_sibling_that_has_ended_is_adopted),
        SPOOL_TEST(test_a_record_that_kafka_refuses_is_set_aside),
        SPOOL_TEST(test_a_partition_without_a_leader_does_not_hold_up_the_others),
        SPOOL_TEST(test_the_rate_is_bounded),
        SPOOL_TEST(test_nothing_overtakes_what_is_turned_away_at_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

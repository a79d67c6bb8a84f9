/* The producer against a mock cluster that is told to fail. */
#include "bus.h"

#include "base/log.h"
#include "bus/broker_statistics.h"

#define MANY 200

static struct parcel many[MANY];

static void
test_reports_on_the_loop_and_only_there(void **state)
{
    struct bus *bus = *state;
    struct producer *producer = bus_producer(bus);
    unsigned order = 0;

    for (unsigned i = 0; i < MANY; i++) {
        parcel_init(&many[i], i, &order);
        producer_publish(producer, &many[i].set);
        assert_int_equal(many[i].done, 0);
    }
    assert_int_equal(producer_state(producer).pending_records, MANY);
    assert_int_not_equal(producer_state(producer).oldest_pending_ns, 0);
    RUN_UNTIL(bus, order == MANY);
    for (unsigned i = 0; i < MANY; i++) {
        assert_int_equal(many[i].done, 1);
        assert_int_equal(many[i].place, i);
        assert_int_equal(many[i].set.delivery, DELIVERY_ACKNOWLEDGED);
    }
    assert_int_equal(producer_state(producer).pending_records, 0);
    assert_int_equal(producer_state(producer).oldest_pending_ns, 0);
    assert_int_equal(bus_counter(bus, "trunkline_records_total", "topic=\"" TOPIC "\",result=\"acknowledged\""), MANY);
    assert_int_equal(bus_gauge(bus, "trunkline_kafka_queue_messages", "producer=\"worker-0\""), 0);
    assert_int_equal(bus_gauge(bus, "trunkline_kafka_queue_bytes", "producer=\"worker-0\""), 0);
    producer_free(producer, 1000);
}

static void
test_a_set_is_done_with_its_last_record(void **state)
{
    struct bus *bus = *state;
    struct producer *producer = bus_producer(bus);
    struct parcel parcel;
    unsigned order = 0;

    parcel_init(&parcel, 0, &order);
    parcel.records[1] = parcel.records[0];
    parcel.records[1].topic = slice_from("another");
    parcel.set.count = 2;
    rd_kafka_mock_topic_create(bus->cluster, "another", 3, 1);
    producer_publish(producer, &parcel.set);
    RUN_UNTIL(bus, parcel.done > 0);
    assert_int_equal(parcel.done, 1);
    assert_int_equal(parcel.records[0].delivery, DELIVERY_ACKNOWLEDGED);
    assert_int_equal(parcel.records[1].delivery, DELIVERY_ACKNOWLEDGED);
    producer_free(producer, 1000);
}

/* One bad record makes the set's verdict; the good one is delivered all the same. */
static void
test_what_is_too_large_is_refused_later(void **state)
{
    struct bus *bus = *state;
    struct producer *producer;
    struct parcel parcel;
    unsigned order = 0;
    char *large = calloc(1, 5000);

    bus_set(bus, "message.max.bytes", "4000");
    producer = bus_producer(bus);
    parcel_init(&parcel, 0, &order);
    parcel.records[1] = parcel.records[0];
    parcel.records[1].value = slice_make(large, 5000);
    parcel.set.count = 2;
    producer_publish(producer, &parcel.set);
    assert_int_equal(parcel.done, 0);
    RUN_UNTIL(bus, parcel.done > 0);
    assert_int_equal(parcel.set.delivery, DELIVERY_REFUSED);
    assert_int_equal(parcel.records[0].delivery, DELIVERY_ACKNOWLEDGED);
    assert_int_equal(parcel.records[1].delivery, DELIVERY_REFUSED);
    assert_false(slice_empty(parcel.set.reason));
    assert_int_equal(bus_counter(bus, "trunkline_records_total", "topic=\"" TOPIC "\",result=\"refused\""), 1);
    producer_free(producer, 1000);
    free(large);
}

static void
test_a_full_queue_fails_later(void **state)
{
    struct bus *bus = *state;
    struct producer *producer;
    struct parcel parcels[3];
    unsigned order = 0;

    bus_set(bus, "queue.buffering.max.messages", "2");
    producer = bus_producer(bus);
    for (unsigned i = 0; i < 3; i++) {
        parcel_init(&parcels[i], i, &order);
        producer_publish(producer, &parcels[i].set);
        assert_int_equal(parcels[i].done, 0);
    }
    RUN_UNTIL(bus, order == 3);
    assert_int_equal(parcels[0].set.delivery, DELIVERY_ACKNOWLEDGED);
    assert_int_equal(parcels[1].set.delivery, DELIVERY_ACKNOWLEDGED);
    assert_int_equal(parcels[2].set.delivery, DELIVERY_FAILED);
    assert_int_equal(parcels[2].done, 1);
    producer_free(producer, 1000);
}

/* What becomes of a record whose first request the broker answers so; a second one gets through. */
static enum delivery
delivery_after(struct bus *bus, struct producer *producer, rd_kafka_resp_err_t answer)
{
    struct parcel parcel;
    unsigned order = 0;

    rd_kafka_mock_push_request_errors(bus->cluster, PRODUCE_API_KEY, 1, answer);
    parcel_init(&parcel, 0, &order);
    producer_publish(producer, &parcel.set);
    RUN_UNTIL(bus, parcel.done > 0);
    return parcel.set.delivery;
}

static void
test_passing_errors_are_tried_again(void **state)
{
    static const rd_kafka_resp_err_t passing[] = {
        RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND,
        RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, RD_KAFKA_RESP_ERR__TRANSPORT};
    struct bus *bus = *state;
    struct producer *producer = bus_producer(bus);

    for (size_t i = 0; i < sizeof passing / sizeof *passing; i++) {
        assert_int_equal(delivery_after(bus, producer, passing[i]), DELIVERY_ACKNOWLEDGED);
    }
    producer_free(producer, 1000);
}

static void
test_what_is_wrong_with_the_record_is_refused_and_the_rest_fails(void **state)
{
    struct bus *bus = *state;
    struct producer *producer = bus_producer(bus);

    assert_int_equal(delivery_after(bus, producer, RD_KAFKA_RESP_ERR_INVALID_RECORD), DELIVERY_REFUSED);
    assert_int_equal(delivery_after(bus, producer, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE), DELIVERY_REFUSED);
    assert_int_equal(delivery_after(bus, producer, RD_KAFKA_RESP_ERR_POLICY_VIOLATION), DELIVERY_REFUSED);
    assert_int_equal(delivery_after(bus, producer, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED), DELIVERY_FAILED);
    /* librdkafka looks at the topic again before it believes that the fault has been put right. */
    RUN_UNTIL(bus, delivery_after(bus, producer, RD_KAFKA_RESP_ERR_NO_ERROR) == DELIVERY_ACKNOWLEDGED);
    producer_free(producer, 1000);
}

/* The death comes while some records are acknowledged, some on their way and some not sent. */
static void
test_a_dead_producer_is_replaced_and_loses_nothing(void **state)
{
    struct bus *bus = *state;
    struct producer *producer = bus_producer(bus);
    unsigned order = 0;

    rd_kafka_mock_broker_set_rtt(bus->cluster, 1, 50);
    for (unsigned i = 0; i < MANY; i++) {
        parcel_init(&many[i], i, &order);
    }
    for (unsigned i = 0; i < 50; i++) {
        producer_publish(producer, &many[i].set);
    }
    RUN_UNTIL(bus, order >= 1);
    for (unsigned i = 50; i < 150; i++) {
        producer_publish(producer, &many[i].set);
    }
    producer_break(producer);
    for (unsigned i = 150; i < MANY; i++) {
        producer_publish(producer, &many[i].set);
    }
    RUN_UNTIL(bus, order == MANY);
    for (unsigned i = 0; i < MANY; i++) {
        assert_int_equal(many[i].done, 1);
        assert_int_equal(many[i].place, i);
        assert_int_equal(many[i].set.delivery, DELIVERY_ACKNOWLEDGED);
    }
    assert_int_equal(bus_counter(bus, "trunkline_kafka_producers_replaced_total", "producer=\"worker-0\""), 1);
    producer_free(producer, 1000);
}

static void
test_dies_again_and_while_idle(void **state)
{
    struct bus *bus = *state;
    struct producer *producer = bus_producer(bus);
    struct parcel parcel;

    for (unsigned round = 1; round <= 2; round++) {
        unsigned order = 0;

        producer_break(producer);
        RUN_UNTIL(bus, bus_counter(bus, "trunkline_kafka_producers_replaced_total", "producer=\"worker-0\"") == round);
        parcel_init(&parcel, round, &order);
        producer_publish(producer, &parcel.set);
        RUN_UNTIL(bus, parcel.done > 0);
        assert_int_equal(parcel.set.delivery, DELIVERY_ACKNOWLEDGED);
    }
    producer_free(producer, 1000);
}

static void
test_an_end_while_dead_reports_everything(void **state)
{
    struct bus *bus = *state;
    struct producer *producer = bus_producer(bus);
    unsigned order = 0;

    for (unsigned i = 0; i < 10; i++) {
        parcel_init(&many[i], i, &order);
        producer_publish(producer, &many[i].set);
    }
    producer_break(producer);
    for (unsigned i = 10; i < 20; i++) {
        parcel_init(&many[i], i, &order);
        producer_publish(producer, &many[i].set);
    }
    producer_free(producer, 1000);
    assert_int_equal(order, 20);
    assert_int_equal(many[19].set.delivery, DELIVERY_FAILED);
}

static void
test_an_outage_fails_in_time_and_passes(void **state)
{
    struct bus *bus = *state;
    struct producer *producer;
    struct parcel lost, found;
    unsigned order = 0;
    int64_t began_ns;

    bus_set(bus, "message.timeout.ms", "1500");
    producer = bus_producer(bus);
    assert_int_equal(delivery_after(bus, producer, RD_KAFKA_RESP_ERR_NO_ERROR), DELIVERY_ACKNOWLEDGED);
    RUN_UNTIL(bus, producer_state(producer).reachable);

    rd_kafka_mock_broker_set_down(bus->cluster, 1);
    parcel_init(&lost, 0, &order);
    began_ns = clock_monotonic_ns(clock_system());
    producer_publish(producer, &lost.set);
    RUN_UNTIL(bus, lost.done > 0);
    assert_int_equal(lost.set.delivery, DELIVERY_FAILED);
    assert_true(clock_monotonic_ns(clock_system()) - began_ns < 5 * SECOND_NS);
    RUN_UNTIL(bus, !producer_state(producer).reachable);

    rd_kafka_mock_broker_set_up(bus->cluster, 1);
    RUN_UNTIL(bus, producer_state(producer).reachable);
    parcel_init(&found, 1, &order);
    producer_publish(producer, &found.set);
    RUN_UNTIL(bus, found.done > 0);
    assert_int_equal(found.set.delivery, DELIVERY_ACKNOWLEDGED);
    producer_free(producer, 1000);
}

static void
test_the_end_waits_for_reports_and_no_longer(void **state)
{
    struct bus *bus = *state;
    struct producer *producer = bus_producer(bus);
    struct parcel parcel;
    unsigned order = 0;
    int64_t began_ns;

    parcel_init(&parcel, 0, &order);
    producer_publish(producer, &parcel.set);
    producer_free(producer, 5000);
    assert_int_equal(parcel.done, 1);
    assert_int_equal(parcel.set.delivery, DELIVERY_ACKNOWLEDGED);

    producer = bus_producer(bus);
    rd_kafka_mock_broker_set_down(bus->cluster, 1);
    parcel_init(&parcel, 1, &order);
    producer_publish(producer, &parcel.set);
    began_ns = clock_monotonic_ns(clock_system());
    producer_free(producer, 300);
    assert_int_equal(parcel.done, 1);
    assert_int_equal(parcel.set.delivery, DELIVERY_FAILED);
    assert_true(clock_monotonic_ns(clock_system()) - began_ns < 4 * SECOND_NS);
}

static void
test_warms_up_or_says_why_not(void **state)
{
    struct bus *bus = *state;
    struct slice topic = SLICE(TOPIC);
    struct producer *producer = bus_producer(bus);
    struct error error;

    assert_false(producer_state(producer).reachable);
    assert_true(producer_warm_up(producer, &topic, 1, 10000, &error));
    assert_true(producer_state(producer).reachable);
    producer_free(producer, 0);

    bus->properties[0].value = "127.0.0.1:1";
    producer = bus_producer(bus);
    assert_false(producer_warm_up(producer, &topic, 1, 500, &error));
    assert_non_null(strstr(error.text, "cannot reach Kafka at 127.0.0.1:1 within 0.5 s"));
    assert_false(producer_state(producer).reachable);
    producer_free(producer, 0);
}

static void
note_topic(void *argument, struct slice topic, int32_t partitions)
{
    int32_t *noted = argument;

    assert_true(slice_is(topic, "a"));
    *noted += partitions;
}

static void
test_reads_the_statistics(void **state)
{
    static const char *const unknown[] = {"{\"brokers\":[]}", "{}", "[]", "no JSON", ""};
    struct broker_statistics statistics;
    int32_t partitions = 0;

    (void)state;
    assert_true(broker_statistics_read(slice_from("{\"brokers\":{\"a:1/1\":{\"nodeid\":1,\"state\":\"UP\"},"
                                                  "\"b:1/2\":{\"state\":\"DOWN\"},\"c\":{\"state\":\"UP\"}},"
                                                  "\"topics\":{\"a\":{\"partitions\":{\"0\":{},\"1\":{},\"-1\":{}}},"
                                                  "\"new\":{\"partitions\":{\"-1\":{}}},\"b\":{\"partitions\":1}},"
                                                  "\"eos\":{\"idemp_state\":\"Assigned\"}}"),
                                       &statistics, note_topic, &partitions));
    assert_int_equal(partitions, 2);
    assert_int_equal(statistics.brokers_up, 2);
    assert_true(statistics.has_producer_id);
    assert_true(broker_statistics_read(slice_from("{\"brokers\":{},\"eos\":{\"idemp_state\":\"RequestPID\"}}"),
                                       &statistics, NULL, NULL));
    assert_int_equal(statistics.brokers_up, 0);
    assert_false(statistics.has_producer_id);
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        assert_false(broker_statistics_read(slice_from(unknown[i]), &statistics, NULL, NULL));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define BUS_TEST(name) cmocka_unit_test_setup_teardown(name, bus_setup, bus_teardown)
        BUS_TEST(test_reports_on_the_loop_and_only_there),
        BUS_TEST(test_a_set_is_done_with_its_last_record),
        BUS_TEST(test_what_is_too_large_is_refused_later),
        BUS_TEST(test_a_full_queue_fails_later),
        BUS_TEST(test_passing_errors_are_tried_again),
        BUS_TEST(test_what_is_wrong_with_the_record_is_refused_and_the_rest_fails),
        BUS_TEST(test_a_dead_producer_is_replaced_and_loses_nothing),
        BUS_TEST(test_dies_again_and_while_idle),
        BUS_TEST(test_an_end_while_dead_reports_everything),
        BUS_TEST(test_an_outage_fails_in_time_and_passes),
        BUS_TEST(test_the_end_waits_for_reports_and_no_longer),
        BUS_TEST(test_warms_up_or_says_why_not),
        cmocka_unit_test(test_reads_the_statistics),
    };

    log_setup(LOG_FORMAT_TEXT, LOG_LEVEL_ERROR, clock_system());
    return cmocka_run_group_tests(tests, NULL, NULL);
}

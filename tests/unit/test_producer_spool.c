/* What the spool wants of a producer: one that never gives up, what has not been sent taken back, partitions told, and
 * when Kafka last acknowledged. */
#include "bus.h"

#include "base/log.h"
#include "bus/partition.h"
#include "bus/range_reader.h"

#define LOT     60
#define WIDE    "wide"
#define WIDTH   7
#define ASK_MS  10000
#define SLOW_MS 2000

static struct parcel parcels[3 * LOT];

static void
publish(struct producer *producer, unsigned first, unsigned count, unsigned *order)
{
    for (unsigned i = first; i < first + count; i++) {
        parcel_init(&parcels[i], i, order);
        producer_publish(producer, &parcels[i].set);
    }
}

static unsigned
count_of(unsigned first, unsigned count, enum delivery delivery)
{
    unsigned found = 0;

    for (unsigned i = first; i < first + count; i++) {
        assert_in_range(parcels[i].done, 0, 1);
        found += parcels[i].done == 1 && parcels[i].set.delivery == delivery;
    }
    return found;
}

/* What the topic holds. */
struct content {
    char values[3 * LOT][32];
    int32_t partitions[3 * LOT];
    unsigned count;
    bool ended;
};

static void
on_record(const struct consumed *record, void *argument)
{
    struct content *content = argument;

    assert_true(content->count < 3 * LOT);
    content->partitions[content->count] = record->partition;
    snprintf(content->values[content->count++], sizeof content->values[0], "%.*s", SLICE_ARGS(record->value));
}

static void
on_end(void *argument)
{
    ((struct content *)argument)->ended = true;
}

static void
read_topic(struct bus *bus, const char *name, struct content *content)
{
    const struct time_range all = {.to_ms = INT64_MAX};
    struct slice topic = slice_from(name);
    struct error error = {""};
    struct range_reader *reader;

    memset(content, 0, sizeof *content);
    reader = range_reader_new(&bus->settings, bus->base, &topic, 1, &all, ASK_MS, on_record, on_end, content, &error);
    assert_string_equal(error.text, "");
    RUN_UNTIL(bus, content->ended);
    range_reader_free(reader);
}

static void
test_patient_it_outlasts_what_another_gives_up(void **state)
{
    struct bus *bus = *state;
    struct error error = {""};
    struct producer *patient, *other;
    struct parcel kept, lost;
    unsigned order = 0;

    bus_set(bus, "message.timeout.ms", "1000");
    bus_set(bus, "delivery.timeout.ms", "1000");
    bus_set(bus, "reconnect.backoff.max.ms", "100");
    patient = producer_new_patient(&bus->settings, "spool", bus->base, bus->metrics, clock_system(), &error);
    assert_string_equal(error.text, "");
    other = bus_producer(bus);
    rd_kafka_mock_broker_set_down(bus->cluster, 1);
    parcel_init(&kept, 0, &order);
    parcel_init(&lost, 1, &order);
    producer_publish(patient, &kept.set);
    producer_publish(other, &lost.set);
    RUN_UNTIL(bus, lost.done > 0); /* which was published after it */
    assert_int_equal(lost.set.delivery, DELIVERY_FAILED);
    assert_int_equal(kept.done, 0);
    producer_free(other, 0);
    assert_int_equal(producer_state(patient).pending_records, 1);
    assert_int_equal(producer_state(patient).last_acknowledged_ns, 0);
    rd_kafka_mock_broker_set_up(bus->cluster, 1);
    RUN_UNTIL(bus, kept.done > 0);
    assert_int_equal(kept.set.delivery, DELIVERY_ACKNOWLEDGED);
    assert_int_equal(bus_gauge(bus, "trunkline_kafka_queue_messages", "producer=\"spool\""), 0);
    producer_free(patient, 1000);
}

static void
test_tells_the_partition_that_a_record_goes_to(void **state)
{
    struct bus *bus = *state;
    struct slice wide = SLICE(WIDE);
    struct producer *producer = bus_producer(bus);
    struct content content;
    int32_t expected[LOT];
    char keys[LOT][16];
    unsigned order = 0;

    rd_kafka_mock_topic_create(bus->cluster, WIDE, WIDTH, 1);
    assert_int_equal(producer_partition(producer, wide, slice_from("key")), -1); /* not known yet */
    RUN_UNTIL(bus, producer_partition(producer, wide, slice_from("key")) >= 0);
    assert_int_equal(producer_partition(producer, wide, slice_from("")), -1);
    for (unsigned i = 0; i < LOT; i++) {
        snprintf(keys[i], sizeof keys[i], "key %u", i);
        expected[i] = producer_partition(producer, wide, slice_from(keys[i]));
        assert_int_equal(expected[i], partition_of(slice_from(keys[i]), WIDTH));
        parcel_init(&parcels[i], i, &order);
        parcels[i].records[0].topic = wide;
        parcels[i].records[0].key = slice_from(keys[i]);
        producer_publish(producer, &parcels[i].set);
    }
    RUN_UNTIL(bus, order == LOT);
    read_topic(bus, WIDE, &content);
    assert_int_equal(content.count, LOT);
    for (unsigned i = 0; i < LOT; i++) {
        unsigned number = (unsigned)strtoul(content.values[i] + strlen("value "), NULL, 10);

        assert_int_equal(content.partitions[i], expected[number]);
    }
    producer_free(producer, 1000);
}

static void
test_no_partition_is_told_without_kafka(void **state)
{
    struct bus *bus = *state;
    struct slice topic = SLICE(TOPIC);
    struct producer *producer;
    int64_t began_ns;

    rd_kafka_mock_broker_set_down(bus->cluster, 1);
    producer = bus_producer(bus);
    began_ns = clock_monotonic_ns(clock_system());
    RUN_UNTIL(bus, clock_monotonic_ns(clock_system()) > began_ns + SECOND_NS); /* two statistics */
    assert_int_equal(producer_partition(producer, topic, slice_from("key")), -1);
    rd_kafka_mock_broker_set_up(bus->cluster, 1);
    RUN_UNTIL(bus, producer_partition(producer, topic, slice_from("key")) == 0);
    producer_break(producer); /* its successor learns anew */
    RUN_UNTIL(bus, bus_counter(bus, "trunkline_kafka_producers_replaced_total", "producer=\"worker-0\"") == 1);
    RUN_UNTIL(bus, producer_partition(producer, topic, slice_from("key")) == 0);
    producer_free(producer, 0);
}

/* A request is out and slow, the second lot waits behind it, the third comes after the purge. How much of the first lot
 * the request carries is chance. */
static void
test_gives_up_what_has_not_been_sent_and_nothing_else(void **state)
{
    struct bus *bus = *state;
    struct content content;
    struct producer *producer;
    unsigned order = 0, place = 0;

    bus_set(bus, "max.in.flight", "1");
    producer = bus_producer(bus);
    publish(producer, 0, 1, &order); /* connections and metadata */
    RUN_UNTIL(bus, order == 1);
    rd_kafka_mock_broker_set_rtt(bus->cluster, 1, SLOW_MS);
    publish(producer, 1, LOT - 1, &order);
    RUN_UNTIL(bus, clock_monotonic_ns(clock_system()) > parcels[1].set.published_ns + SECOND_NS / 10);
    publish(producer, LOT, LOT, &order);
    producer_purge_queued(producer);
    rd_kafka_mock_broker_set_rtt(bus->cluster, 1, 0);
    RUN_UNTIL(bus, count_of(LOT, LOT, DELIVERY_FAILED) == LOT); /* long before any time-out */
    publish(producer, 2 * LOT, LOT, &order);
    RUN_UNTIL(bus, order == 3 * LOT);
    assert_in_range(count_of(1, LOT - 1, DELIVERY_ACKNOWLEDGED), 1, LOT - 1);
    assert_int_equal(count_of(2 * LOT, LOT, DELIVERY_ACKNOWLEDGED), LOT);
    read_topic(bus, TOPIC, &content);
    for (unsigned i = 0; i < 3 * LOT; i++) {
        if (parcels[i].set.delivery == DELIVERY_ACKNOWLEDGED) {
            assert_string_equal(content.values[place++], parcels[i].value);
        }
    }
    assert_int_equal(content.count, place);
    producer_free(producer, 1000);
}

static void
test_gives_up_at_once_while_kafka_is_away(void **state)
{
    struct bus *bus = *state;
    struct producer *producer;
    unsigned order = 0;

    bus_set(bus, "reconnect.backoff.max.ms", "100");
    producer = bus_producer(bus);
    publish(producer, 0, 1, &order);
    RUN_UNTIL(bus, order == 1);
    rd_kafka_mock_broker_set_down(bus->cluster, 1);
    RUN_UNTIL(bus, !producer_state(producer).reachable);
    publish(producer, 1, LOT, &order);
    assert_int_equal(order, 1);
    producer_purge_queued(producer);
    assert_int_equal(order, 1); /* from the loop, only */
    RUN_UNTIL(bus, order == 1 + LOT);
    assert_int_equal(count_of(1, LOT, DELIVERY_FAILED), LOT);
    producer_purge_queued(producer); /* nothing is there */
    rd_kafka_mock_broker_set_up(bus->cluster, 1);
    publish(producer, 1 + LOT, LOT, &order);
    RUN_UNTIL(bus, order == 1 + 2 * LOT);
    assert_int_equal(count_of(1 + LOT, LOT, DELIVERY_ACKNOWLEDGED), LOT);
    producer_free(producer, 1000);
}

static void
test_tells_when_kafka_last_acknowledged(void **state)
{
    struct bus *bus = *state;
    struct producer *producer = bus_producer(bus);
    unsigned order = 0;
    int64_t first_ns;

    publish(producer, 0, 10, &order);
    assert_int_equal(producer_state(producer).last_acknowledged_ns, 0);
    RUN_UNTIL(bus, order == 10);
    first_ns = producer_state(producer).last_acknowledged_ns;
    assert_true(first_ns > parcels[0].set.published_ns);
    assert_true(first_ns <= clock_monotonic_ns(clock_system()));
    rd_kafka_mock_push_request_errors(bus->cluster, PRODUCE_API_KEY, 1, RD_KAFKA_RESP_ERR_INVALID_RECORD);
    publish(producer, 10, 1, &order);
    RUN_UNTIL(bus, order == 11);
    assert_int_equal(parcels[10].set.delivery, DELIVERY_REFUSED);
    assert_int_equal(producer_state(producer).last_acknowledged_ns, first_ns);
    publish(producer, 11, 1, &order);
    RUN_UNTIL(bus, order == 12);
    assert_true(producer_state(producer).last_acknowledged_ns > parcels[11].set.published_ns);
    producer_free(producer, 1000);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define BUS_TEST(name) cmocka_unit_test_setup_teardown(name, bus_setup, bus_teardown)
        BUS_TEST(test_patient_it_outlasts_what_another_gives_up),
        BUS_TEST(test_tells_the_partition_that_a_record_goes_to),
        BUS_TEST(test_no_partition_is_told_without_kafka),
        BUS_TEST(test_gives_up_what_has_not_been_sent_and_nothing_else),
        BUS_TEST(test_gives_up_at_once_while_kafka_is_away),
        BUS_TEST(test_tells_when_kafka_last_acknowledged),
    };

    log_setup(LOG_FORMAT_TEXT, LOG_LEVEL_ERROR, clock_system());
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The consumer, the embedded broker and topic administration without admin calls, together. */
#include "bus.h"

#include "base/log.h"
#include "bus/consumer.h"
#include "bus/embedded_broker.h"
#include "bus/topic_admin.h"

#define RECORDS 100

struct reader {
    unsigned count;
    unsigned with_headers;
    char first[32], last[32];
    int32_t partition;
    int64_t last_offset;
    struct consumer *consumer; /* that it may seek with */
    unsigned ends;
    unsigned count_at_end; /* count when on_end was called last */
    bool pause;            /* with the next record */
};

static void
on_record(const struct consumed *record, void *argument)
{
    struct reader *reader = argument;
    char *text = reader->count == 0 ? reader->first : reader->last;

    snprintf(text, sizeof reader->last, "%.*s", SLICE_ARGS(record->value));
    assert_true(slice_is(record->topic, TOPIC));
    assert_true(slice_is(record->key, "key"));
    assert_true(record->timestamp_ms > 1600000000000);
    reader->with_headers += record->header_count == 2 && slice_is(record->headers[0].name, "content-type") &&
                            slice_is(record->headers[0].value, "text/plain") &&
                            slice_is(record->headers[1].name, "empty") && slice_empty(record->headers[1].value);
    reader->partition = record->partition;
    reader->last_offset = record->offset;
    reader->count++;
}

/* Publishes records first to last, one by one, and waits for each. */
static void
publish_one_by_one(struct bus *bus, unsigned first, unsigned last)
{
    struct producer *producer = bus_producer(bus);
    struct parcel parcel;
    unsigned order = 0;

    for (unsigned i = first; i <= last; i++) {
        parcel_init(&parcel, i, &order);
        producer_publish(producer, &parcel.set);
        RUN_UNTIL(bus, parcel.done > 0);
        assert_int_equal(parcel.set.delivery, DELIVERY_ACKNOWLEDGED);
    }
    producer_free(producer, 1000);
}

static struct consumer *
start(struct bus *bus, enum consumer_start from, struct reader *reader)
{
    struct slice topic = SLICE(TOPIC);
    struct error error = {""};
    struct consumer *consumer = consumer_new(&bus->settings, bus->base, &topic, 1, from, on_record, reader, &error);

    assert_string_equal(error.text, "");
    assert_non_null(consumer);
    return consumer;
}

static void
test_reads_from_the_beginning_or_the_end(void **state)
{
    struct bus *bus = *state;
    struct reader all = {0}, later = {0};
    struct consumer *from_beginning, *from_end;

    publish_one_by_one(bus, 1, 3);
    from_beginning = start(bus, CONSUMER_FROM_BEGINNING, &all);
    from_end = start(bus, CONSUMER_FROM_END, &later);
    publish_one_by_one(bus, 4, 5);
    RUN_UNTIL(bus, all.count == 5 && later.count == 2);
    assert_string_equal(all.first, "value 1");
    assert_string_equal(all.last, "value 5");
    assert_int_equal(all.with_headers, 5);
    assert_int_equal(all.last_offset, 4);
    assert_string_equal(later.first, "value 4");
    consumer_free(from_beginning);
    consumer_free(from_end);
}

static void
seek_back_once(const struct consumed *record, void *argument)
{
    struct reader *reader = argument;
    struct error error = {""};

    on_record(record, reader);
    if (record->offset == 4 && reader->count == 3) {
        assert_true(consumer_seek(reader->consumer, 1, &error));
    }
}

static void
test_reads_one_partition_from_an_offset_and_seeks(void **state)
{
    struct bus *bus = *state;
    struct slice topic = SLICE(TOPIC);
    struct reader reader = {0}, behind = {0};
    struct error error = {""};
    struct consumer *consumer;

    publish_one_by_one(bus, 0, 4);
    reader.consumer = consumer_new_at(&bus->settings, bus->base, topic, 0, 2, seek_back_once, &reader, &error);
    assert_non_null(reader.consumer);
    RUN_UNTIL(bus, reader.count == 7); /* 2, 3, 4, then 1, 2, 3, 4 */
    assert_string_equal(reader.first, "value 2");
    assert_string_equal(reader.last, "value 4");
    assert_false(consumer_seek(reader.consumer, -1, &error));
    assert_string_equal(error.text, "-1 is no offset to read from");
    consumer_free(reader.consumer);

    consumer = consumer_new_at(&bus->settings, bus->base, topic, 0, 1000, on_record, &behind, &error);
    RUN_UNTIL(bus, behind.count == 5); /* behind the end: from the beginning */
    assert_string_equal(behind.first, "value 0");
    consumer_free(consumer);
}

static void
on_end(void *argument)
{
    struct reader *reader = argument;

    reader->ends++;
    reader->count_at_end = reader->count;
}

static void
pause_once(const struct consumed *record, void *argument)
{
    struct reader *reader = argument;

    on_record(record, reader);
    if (reader->pause) {
        reader->pause = false;
        consumer_pause(reader->consumer, true);
    }
}

static struct consumer *
start_at(struct bus *bus, int64_t offset, struct reader *reader)
{
    struct slice topic = SLICE(TOPIC);
    struct error error = {""};

    reader->consumer = consumer_new_at(&bus->settings, bus->base, topic, 0, offset, pause_once, reader, &error);
    assert_string_equal(error.text, "");
    assert_non_null(reader->consumer);
    consumer_on_end(reader->consumer, on_end);
    return reader->consumer;
}

static void
test_tells_when_it_has_read_all_there_is(void **state)
{
    struct bus *bus = *state;
    struct reader reader = {0};
    struct error error = {""};
    struct consumer *consumer = start_at(bus, 0, &reader);

    RUN_UNTIL(bus, reader.ends == 1); /* of nothing */
    publish_one_by_one(bus, 0, 2);
    RUN_UNTIL(bus, reader.count == 3 && reader.ends > 1 && reader.count_at_end == 3);
    assert_string_equal(reader.last, "value 2");
    for (unsigned round = 0; round < 3; round++) { /* to the very end, again and again */
        reader.ends = 0;
        assert_true(consumer_seek(consumer, 3, &error));
        RUN_UNTIL(bus, reader.ends > 0);
        assert_int_equal(reader.count, 3);
    }
    reader.ends = reader.count = reader.count_at_end = 0;
    assert_true(consumer_seek(consumer, 1, &error));
    RUN_UNTIL(bus, reader.ends > 0);
    assert_int_equal(reader.count_at_end, 2); /* no end from before the seek */
    consumer_free(consumer);
}

/* Faster than librdkafka can follow, and before it knows the topic. */
static void
test_seeks_in_a_row_end_at_the_last(void **state)
{
    struct bus *bus = *state;
    struct error error = {""};

    publish_one_by_one(bus, 0, 5);
    for (unsigned round = 0; round < 50; round++) {
        struct reader reader = {0};
        struct consumer *consumer = start_at(bus, 0, &reader);

        if (round % 2 == 0) {
            RUN_UNTIL(bus, reader.count > round % 5);
        }
        for (unsigned i = 0; i <= round; i++) {
            assert_true(consumer_seek(consumer, i % 5, &error));
        }
        assert_true(consumer_seek(consumer, 4, &error));
        reader.count = reader.ends = 0;
        RUN_UNTIL(bus, reader.ends > 0);
        assert_int_equal(reader.count_at_end, 2);
        assert_string_equal(reader.first, "value 4");
        assert_string_equal(reader.last, "value 5");
        consumer_free(consumer);
    }
}

static void
test_paused_it_gives_nothing_and_goes_on_where_it_was(void **state)
{
    struct bus *bus = *state;
    struct reader reader = {.pause = true}, other = {0};
    struct consumer *consumer;

    publish_one_by_one(bus, 0, 4);
    consumer = start_at(bus, 0, &reader);
    RUN_UNTIL(bus, reader.count == 1); /* and there it pauses */
    publish_one_by_one(bus, 5, 6);
    start_at(bus, 0, &other);
    RUN_UNTIL(bus, other.ends > 0 && other.count == 7); /* the loop has served, long enough */
    assert_int_equal(reader.count, 1);
    assert_int_equal(reader.ends, 0);
    reader.pause = true;
    consumer_pause(consumer, false);
    RUN_UNTIL(bus, reader.count == 2);
    assert_string_equal(reader.last, "value 1");
    consumer_pause(consumer, false); /* all that was left in the queue comes, though nothing new rings */
    RUN_UNTIL(bus, reader.count == 7 && reader.ends > 0);
    assert_string_equal(reader.last, "value 6");
    assert_int_equal(reader.last_offset, 6);
    consumer_free(consumer);
    consumer_free(other.consumer);
}

static void
test_a_topic_that_is_missing_is_an_error(void **state)
{
    struct bus *bus = *state;
    struct slice topic = SLICE("missing");
    struct error error = {""};

    rd_kafka_mock_topic_set_error(bus->cluster, "missing", RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    assert_null(consumer_new(&bus->settings, bus->base, &topic, 1, CONSUMER_FROM_END, on_record, NULL, &error));
    assert_non_null(strstr(error.text, "topic missing: Broker: Topic authorization failed"));
}

/* With Nagle's algorithm on either side each of these takes 40 ms or more. */
static void
test_the_embedded_broker_does_not_stall(void **state)
{
    struct bus *bus = *state;
    struct error error = {""};
    struct embedded_broker *broker = embedded_broker_new(&error);
    struct reader reader = {0};
    struct consumer *consumer;
    int64_t began_ns;

    assert_non_null(broker);
    bus->properties[0].value = embedded_broker_address(broker);
    assert_true(embedded_broker_add_topic(broker, TOPIC, 12, &error));
    assert_false(embedded_broker_add_topic(broker, TOPIC, 12, &error));
    assert_non_null(strstr(error.text, "did not make topic " TOPIC));
    consumer = start(bus, CONSUMER_FROM_BEGINNING, &reader);
    publish_one_by_one(bus, 0, 0); /* connections and metadata */
    began_ns = clock_monotonic_ns(clock_system());
    publish_one_by_one(bus, 1, RECORDS);
    assert_true(clock_monotonic_ns(clock_system()) - began_ns < RECORDS * SECOND_NS / 40);
    RUN_UNTIL(bus, reader.count == RECORDS + 1);
    assert_int_equal(reader.partition, 1); /* as Java's murmur2 has "key" of 12 */
    consumer_free(consumer);
    embedded_broker_free(broker);
}

static void
test_topics_without_admin_calls(void **state)
{
    static const struct topic_spec specs[] = {
        {.name = TOPIC, .partitions = 1, .replication = -1, .cleanup_policy = "delete"},
        {.name = "made.by.asking", .partitions = 4, .replication = 1, .max_message_bytes = 600000},
        {.name = "others", .partitions = 12, .replication = -1},
    };
    struct bus *bus = *state;
    struct topic_report reports[3];
    struct error error = {""};
    struct topic_admin *admin = topic_admin_new(&bus->settings, &error);

    assert_non_null(admin);
    assert_true(topic_admin_check(admin, specs, 3, 5000, reports, &error));
    assert_int_equal(reports[0].verdict, TOPIC_UNKNOWN);
    assert_int_equal(reports[1].verdict, TOPIC_MISSING);
    assert_int_equal(reports[2].verdict, TOPIC_MISSING);
    assert_non_null(strstr(reports[1].detail, "trunkline topics create"));
    topic_admin_create(admin, specs, 3, 10000, &error);
    assert_string_equal(error.text, "");
    assert_true(topic_admin_check(admin, specs, 3, 5000, reports, &error));
    assert_int_equal(reports[1].verdict, TOPIC_UNKNOWN);
    assert_int_equal(reports[1].partitions, 4);
    assert_int_equal(reports[2].verdict, TOPIC_DIFFERENT);
    assert_non_null(strstr(reports[2].detail, "has 4 partitions, the configuration says 12"));
    topic_admin_free(admin);

    bus->properties[0].value = "127.0.0.1:1";
    admin = topic_admin_new(&bus->settings, &error);
    assert_false(topic_admin_create(admin, specs, 3, 1000, &error));
    assert_non_null(strstr(error.text, "cannot reach Kafka at 127.0.0.1:1 within 1 s; check kafka.bootstrap.servers"));
    assert_false(topic_admin_check(admin, specs, 3, 1000, reports, &error));
    topic_admin_free(admin);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define BUS_TEST(name) cmocka_unit_test_setup_teardown(name, bus_setup, bus_teardown)
        BUS_TEST(test_reads_from_the_beginning_or_the_end),
        BUS_TEST(test_reads_one_partition_from_an_offset_and_seeks),
        BUS_TEST(test_a_topic_that_is_missing_is_an_error),
        BUS_TEST(test_the_embedded_broker_does_not_stall),
        BUS_TEST(test_topics_without_admin_calls),
        BUS_TEST(test_tells_when_it_has_read_all_there_is),
        BUS_TEST(test_seeks_in_a_row_end_at_the_last),
        BUS_TEST(test_paused_it_gives_nothing_and_goes_on_where_it_was),
    };

    log_setup(LOG_FORMAT_TEXT, LOG_LEVEL_ERROR, clock_system());
    return cmocka_run_group_tests(tests, NULL, NULL);
}

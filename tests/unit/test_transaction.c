/* The transactional producer on a mock cluster: what it makes of Kafka's answers. What a transaction means (visible
 * together, fenced by the next owner) the mock does not model: tests/integration/test_ports.py has that. */
#include "bus.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/log.h"
#include "bus/transaction.h"

#define INIT_PRODUCER_ID_API_KEY   22
#define ADD_PARTITIONS_API_KEY     24
#define END_TRANSACTION_API_KEY    26
#define INIT_MS                    10000
#define GIVE_UP_AFTER_MICROSECONDS 300000
#define HASTY_ROUNDS               100

static const struct slice topic = SLICE(TOPIC);
static const struct transaction_offset offset = {.topic = SLICE("commands"), .partition = 0, .next = 7};

static struct transaction_producer *
new_producer(struct bus *bus)
{
    struct error error = {""};
    struct transaction_producer *producer = transaction_producer_new(&bus->settings, "egress-0", &error);

    assert_string_equal(error.text, "");
    assert_non_null(producer);
    return producer;
}

static struct transaction_producer *
ready_producer(struct bus *bus)
{
    struct transaction_producer *producer = new_producer(bus);
    struct error error = {""};

    assert_true(transaction_producer_init(producer, &topic, 1, INIT_MS, &error));
    return producer;
}

static struct transaction_record
record_of(const char *value)
{
    static const struct record_header header = {SLICE("content-type"), SLICE("text/plain")};

    return (struct transaction_record){
        .topic = topic, .key = SLICE("key"), .value = slice_from(value), .headers = &header, .header_count = 1};
}

/* A batch of one record and one offset. */
static enum transaction_outcome
commit(struct transaction_producer *producer, struct transaction_record *record, struct error *error)
{
    const struct transaction_batch batch = {
        .records = record, .record_count = 1, .offsets = &offset, .offset_count = 1, .group = "egress"};

    error->text[0] = '\0';
    return transaction_producer_commit(producer, &batch, error);
}

static void
test_commits(void **state)
{
    struct bus *bus = *state;
    struct transaction_producer *producer = ready_producer(bus);
    struct transaction_record records[] = {record_of("one"), record_of("")};
    struct transaction_batch batch = {
        .records = records, .record_count = 2, .offsets = &offset, .offset_count = 1, .group = "egress"};
    struct error error = {""};

    records[1].partition = TRANSACTION_BY_KEY;
    for (int64_t round = 0; round < 2; round++) {
        assert_int_equal(transaction_producer_commit(producer, &batch, &error), TRANSACTION_COMMITTED);
        for (int64_t i = 0; i < 2; i++) {
            assert_int_equal(records[i].delivery, DELIVERY_ACKNOWLEDGED);
            assert_int_equal(records[i].offset, 2 * round + i);
        }
    }
    batch.record_count = batch.offset_count = 0;
    assert_int_equal(transaction_producer_commit(producer, &batch, &error), TRANSACTION_COMMITTED);
    transaction_producer_free(producer);
}

static void
test_what_can_never_be_committed_is_refused(void **state)
{
    static char large[1100000];
    struct bus *bus = *state;
    struct transaction_producer *producer = ready_producer(bus);
    struct transaction_record record = record_of("small");
    struct transaction_offset none = {.topic = SLICE("commands"), .partition = 3, .next = -1};
    struct transaction_batch batch = {.offsets = &none, .offset_count = 1, .group = "egress"};
    struct error error;

    record.value = slice_make(large, sizeof large);
    assert_int_equal(commit(producer, &record, &error), TRANSACTION_REFUSED);
    assert_int_equal(record.delivery, DELIVERY_REFUSED);
    assert_non_null(strstr(error.text, "a record for topic " TOPIC ": Broker: Message size too large"));
    assert_int_equal(transaction_producer_commit(producer, &batch, &error), TRANSACTION_REFUSED);
    assert_string_equal(error.text, "-1 is no offset to commit for topic commands, partition 3");
    record = record_of("small");
    assert_int_equal(commit(producer, &record, &error), TRANSACTION_COMMITTED);
    transaction_producer_free(producer);
}

static void
test_an_abortable_error_aborts_and_the_batch_goes_again(void **state)
{
    struct bus *bus = *state;
    struct transaction_producer *producer = ready_producer(bus);
    struct transaction_record record = record_of("one");
    struct error error;

    rd_kafka_mock_push_request_errors(bus->cluster, ADD_PARTITIONS_API_KEY, 1,
                                      RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    assert_int_equal(commit(producer, &record, &error), TRANSACTION_ABORTED);
    assert_string_not_equal(error.text, "");
    assert_int_not_equal(record.delivery, DELIVERY_ACKNOWLEDGED);
    assert_int_equal(commit(producer, &record, &error), TRANSACTION_COMMITTED);
    assert_int_equal(record.offset, 0);
    transaction_producer_free(producer);
}

static void
test_a_commit_that_times_out_is_asked_for_again(void **state)
{
    struct bus *bus = *state;
    struct transaction_producer *producer = ready_producer(bus);
    struct transaction_record record = record_of("one");
    int64_t began_ns = clock_monotonic_ns(clock_system());
    struct error error;

    rd_kafka_mock_broker_push_request_error_rtts(bus->cluster, 1, END_TRANSACTION_API_KEY, 1,
                                                 RD_KAFKA_RESP_ERR_NO_ERROR, 2300);
    assert_int_equal(commit(producer, &record, &error), TRANSACTION_COMMITTED);
    assert_true(clock_monotonic_ns(clock_system()) - began_ns > 2 * SECOND_NS);
    transaction_producer_free(producer);
}

static void
test_a_commit_that_kafka_never_ends_is_given_up(void **state)
{
    struct bus *bus = *state;
    struct transaction_producer *producer = ready_producer(bus);
    struct transaction_record record = record_of("one");
    struct error error;

    rd_kafka_mock_broker_push_request_error_rtts(bus->cluster, 1, END_TRANSACTION_API_KEY, 1,
                                                 RD_KAFKA_RESP_ERR_NO_ERROR, 60000);
    transaction_producer_end_within(producer, 1000);
    assert_int_equal(commit(producer, &record, &error), TRANSACTION_GIVEN_UP);
    assert_non_null(strstr(error.text, "Kafka has not ended a transaction within 1 s: "));
    assert_int_equal(commit(producer, &record, &error), TRANSACTION_GIVEN_UP);
    transaction_producer_free(producer);
    producer = ready_producer(bus); /* the next one is not held up by it */
    assert_int_equal(commit(producer, &record, &error), TRANSACTION_COMMITTED);
    transaction_producer_free(producer);
}

static void
test_fenced_at_the_commit_it_is_dead(void **state)
{
    struct bus *bus = *state;
    struct transaction_producer *producer = ready_producer(bus);
    struct transaction_record record = record_of("one");
    struct error error;

    rd_kafka_mock_push_request_errors(bus->cluster, END_TRANSACTION_API_KEY, 1, RD_KAFKA_RESP_ERR_PRODUCER_FENCED);
    assert_int_equal(commit(producer, &record, &error), TRANSACTION_FENCED);
    assert_int_equal(commit(producer, &record, &error), TRANSACTION_FENCED);
    assert_string_equal(error.text, "this transactional producer is dead (FENCED)");
    assert_false(transaction_producer_init(producer, &topic, 1, INIT_MS, &error));
    transaction_producer_free(producer);
}

static void
test_init_fails_with_the_reason(void **state)
{
    struct bus *bus = *state;
    struct transaction_producer *producer = new_producer(bus);
    struct transaction_record record = record_of("one");
    struct error error;

    rd_kafka_mock_push_request_errors(bus->cluster, INIT_PRODUCER_ID_API_KEY, 1,
                                      RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
    assert_false(transaction_producer_init(producer, &topic, 1, INIT_MS, &error));
    assert_non_null(strstr(error.text, "Transactional Id authorization failed"));
    assert_int_equal(commit(producer, &record, &error), TRANSACTION_FATAL);
    transaction_producer_free(producer);

    bus->properties[0].value = "127.0.0.1:1";
    producer = new_producer(bus);
    assert_false(transaction_producer_init(producer, &topic, 1, 500, &error));
    assert_non_null(strstr(error.text, "cannot reach Kafka at 127.0.0.1:1 within 0.5 s"));
    transaction_producer_free(producer);
}

static void
test_an_init_that_times_out_is_called_again(void **state)
{
    struct bus *bus = *state;
    struct transaction_producer *producer = new_producer(bus);
    struct transaction_record record = record_of("one");
    struct error error;

    rd_kafka_mock_broker_push_request_error_rtts(bus->cluster, 1, INIT_PRODUCER_ID_API_KEY, 1,
                                                 RD_KAFKA_RESP_ERR_NO_ERROR, 2300);
    assert_false(transaction_producer_init(producer, &topic, 1, 300, &error));
    assert_true(transaction_producer_init(producer, &topic, 1, INIT_MS, &error));
    assert_int_equal(commit(producer, &record, &error), TRANSACTION_COMMITTED);
    transaction_producer_free(producer);
}

/* A takeover that fails behind its init begins anew with it. */
static void
test_an_init_that_succeeded_may_be_called_again(void **state)
{
    struct bus *bus = *state;
    struct transaction_producer *producer = ready_producer(bus);
    struct transaction_record record = record_of("one");
    struct error error = {""};

    assert_true(transaction_producer_init(producer, &topic, 1, INIT_MS, &error));
    assert_int_equal(commit(producer, &record, &error), TRANSACTION_COMMITTED);
    assert_true(transaction_producer_init(producer, &topic, 1, INIT_MS, &error));
    assert_int_equal(commit(producer, &record, &error), TRANSACTION_COMMITTED);
    transaction_producer_free(producer);
}

/* The embedded broker knows no times: whatever is asked for, nothing is left out. */
static void
test_the_offset_of_a_time_on_the_embedded_broker(void **state)
{
    struct bus *bus = *state;
    struct transaction_producer *producer = ready_producer(bus);
    struct transaction_record record = record_of("one");
    int64_t at = -1;
    int32_t partitions = 0;
    struct error error;

    assert_int_equal(commit(producer, &record, &error), TRANSACTION_COMMITTED);
    assert_true(transaction_producer_offset_at(producer, topic, 0, INT64_C(4000000000000), INIT_MS, &at, &error));
    assert_int_equal(at, 0);
    assert_true(transaction_producer_partitions(producer, topic, INIT_MS, &partitions, &error));
    assert_int_equal(partitions, 1);
    assert_false(transaction_producer_offset_at(producer, topic, 7, 0, 300, &at, &error));
    assert_non_null(strstr(error.text, "does not tell the offsets of topic " TOPIC ", partition 7: "));
    rd_kafka_mock_broker_set_down(bus->cluster, 1);
    assert_false(transaction_producer_offset_at(producer, topic, 0, 0, 300, &at, &error));
    assert_non_null(strstr(error.text, "does not tell the offsets of topic " TOPIC ", partition 0: "));
    transaction_producer_give_up(producer);
    assert_false(transaction_producer_offset_at(producer, topic, 0, 0, INIT_MS, &at, &error));
    assert_non_null(strstr(error.text, "partition 0: given up"));
    transaction_producer_free(producer);
}

static void *
give_up(void *producer)
{
    usleep(GIVE_UP_AFTER_MICROSECONDS);
    transaction_producer_give_up(producer);
    return NULL;
}

/* Tells when it is about to commit. */
struct hasty {
    struct transaction_producer *producer;
    atomic_bool begun;
    enum transaction_outcome outcome;
};

static void *
commit_hastily(void *argument)
{
    struct hasty *hasty = argument;
    struct transaction_record record = record_of("value");
    const struct transaction_batch batch = {.records = &record, .record_count = 1};
    struct error error;

    atomic_store(&hasty->begun, true);
    hasty->outcome = transaction_producer_commit(hasty->producer, &batch, &error);
    return NULL;
}

/* librdkafka 2.0.2 aborts the process when it is destroyed while it tells Kafka of a transaction's first partition,
 * a millisecond after the first record. Whether giving up comes in time for that is chance, so there are many rounds.
 */
static void
test_freed_in_a_transaction_that_has_just_begun(void **state)
{
    struct bus *bus = *state;
    unsigned given_up = 0;

    for (unsigned round = 0; round < HASTY_ROUNDS; round++) {
        struct hasty hasty = {.producer = ready_producer(bus)};
        pthread_t thread;

        assert_int_equal(pthread_create(&thread, NULL, commit_hastily, &hasty), 0);
        while (!atomic_load(&hasty.begun)) {
        }
        for (volatile unsigned i = 0; i < 10000; i++) { /* some microseconds: it has asked whether it is given up */
        }
        transaction_producer_give_up(hasty.producer);
        pthread_join(thread, NULL);
        usleep(round % 10 * 100);
        given_up += hasty.outcome == TRANSACTION_GIVEN_UP;
        assert_true(hasty.outcome == TRANSACTION_GIVEN_UP || hasty.outcome == TRANSACTION_COMMITTED);
        transaction_producer_free(hasty.producer);
    }
    if (getenv("VERBOSE") != NULL) {
        print_message("%u of %d were given up\n", given_up, HASTY_ROUNDS);
    }
}

static void
test_a_commit_without_kafka_can_be_given_up(void **state)
{
    struct bus *bus = *state;
    struct transaction_producer *producer = ready_producer(bus);
    struct transaction_record record = record_of("one");
    struct transaction_batch batch = {.records = &record, .record_count = 1};
    int64_t began_ns = clock_monotonic_ns(clock_system());
    struct error error;
    pthread_t thread;

    rd_kafka_mock_broker_set_down(bus->cluster, 1);
    assert_int_equal(pthread_create(&thread, NULL, give_up, producer), 0);
    assert_int_equal(transaction_producer_commit(producer, &batch, &error), TRANSACTION_GIVEN_UP);
    assert_true(clock_monotonic_ns(clock_system()) - began_ns < LIMIT_SECONDS * SECOND_NS);
    assert_string_equal(error.text, "given up before Kafka had answered");
    pthread_join(thread, NULL);
    assert_int_equal(commit(producer, &record, &error), TRANSACTION_GIVEN_UP);
    transaction_producer_free(producer);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define BUS_TEST(name) cmocka_unit_test_setup_teardown(name, bus_setup, bus_teardown)
        BUS_TEST(test_commits),
        BUS_TEST(test_what_can_never_be_committed_is_refused),
        BUS_TEST(test_an_abortable_error_aborts_and_the_batch_goes_again),
        BUS_TEST(test_a_commit_that_times_out_is_asked_for_again),
        BUS_TEST(test_a_commit_that_kafka_never_ends_is_given_up),
        BUS_TEST(test_fenced_at_the_commit_it_is_dead),
        BUS_TEST(test_init_fails_with_the_reason),
        BUS_TEST(test_an_init_that_times_out_is_called_again),
        BUS_TEST(test_an_init_that_succeeded_may_be_called_again),
        BUS_TEST(test_the_offset_of_a_time_on_the_embedded_broker),
        BUS_TEST(test_freed_in_a_transaction_that_has_just_begun),
        BUS_TEST(test_a_commit_without_kafka_can_be_given_up),
    };

    log_setup(LOG_FORMAT_TEXT, getenv("VERBOSE") ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR, clock_system());
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* A delivery report that proves nothing is none: told apart from one that does, and in the case that makes it matter.
 */
#include "base/log.h"
#include "bus.h"
#include "bus/receipt.h"

#define SLOW_MS 300

static const char topics[2]; /* only their addresses count */

static rd_kafka_resp_err_t
judge(struct receipt *receipt, int topic, int32_t partition, int64_t offset, rd_kafka_resp_err_t error)
{
    const rd_kafka_message_t message = {
        .rkt = (rd_kafka_topic_t *)&topics[topic], .partition = partition, .offset = offset, .err = error};

    return receipt_error(receipt, &message);
}

static void
test_a_place_in_the_log_is_what_proves_it(void **state)
{
    static const struct {
        int topic;
        int32_t partition;
        int64_t offset;
        rd_kafka_resp_err_t error, expected;
    } reports[] = {
        {0, 0, 0, RD_KAFKA_RESP_ERR_NO_ERROR, RD_KAFKA_RESP_ERR_NO_ERROR},
        {0, 0, 1, RD_KAFKA_RESP_ERR_NO_ERROR, RD_KAFKA_RESP_ERR_NO_ERROR},
        {0, 0, -1001, RD_KAFKA_RESP_ERR_NO_ERROR, RD_KAFKA_RESP_ERR__INCONSISTENT},
        {0, 0, -1001, RD_KAFKA_RESP_ERR_NO_ERROR, RD_KAFKA_RESP_ERR__INCONSISTENT},
        {0, 0, 2, RD_KAFKA_RESP_ERR_NO_ERROR, RD_KAFKA_RESP_ERR_NO_ERROR},
        /* a batch without a place, counted on */
        {0, 0, -1, RD_KAFKA_RESP_ERR_NO_ERROR, RD_KAFKA_RESP_ERR__INCONSISTENT},
        {0, 0, 0, RD_KAFKA_RESP_ERR_NO_ERROR, RD_KAFKA_RESP_ERR__INCONSISTENT},
        {0, 0, 1, RD_KAFKA_RESP_ERR_NO_ERROR, RD_KAFKA_RESP_ERR__INCONSISTENT},
        {0, 0, 3, RD_KAFKA_RESP_ERR_NO_ERROR, RD_KAFKA_RESP_ERR_NO_ERROR},
        /* the next one's partition or topic is another */
        {0, 0, -1, RD_KAFKA_RESP_ERR_NO_ERROR, RD_KAFKA_RESP_ERR__INCONSISTENT},
        {0, 1, 0, RD_KAFKA_RESP_ERR_NO_ERROR, RD_KAFKA_RESP_ERR_NO_ERROR},
        {0, 1, -1, RD_KAFKA_RESP_ERR_NO_ERROR, RD_KAFKA_RESP_ERR__INCONSISTENT},
        {1, 1, 0, RD_KAFKA_RESP_ERR_NO_ERROR, RD_KAFKA_RESP_ERR_NO_ERROR},
        /* errors stay what they are */
        {1, 1, -1001, RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, RD_KAFKA_RESP_ERR__MSG_TIMED_OUT},
        {1, 1, -1, RD_KAFKA_RESP_ERR_NO_ERROR, RD_KAFKA_RESP_ERR__INCONSISTENT},
        {1, 1, 0, RD_KAFKA_RESP_ERR_INVALID_RECORD, RD_KAFKA_RESP_ERR_INVALID_RECORD},
        {1, 1, 1, RD_KAFKA_RESP_ERR_NO_ERROR, RD_KAFKA_RESP_ERR_NO_ERROR},
    };
    struct receipt receipt = {0};

    (void)state;
    for (size_t i = 0; i < sizeof reports / sizeof *reports; i++) {
        assert_int_equal(judge(&receipt, reports[i].topic, reports[i].partition, reports[i].offset, reports[i].error),
                         reports[i].expected);
    }
}

/* Two batches are under way. The broker has too few replicas for the first, and then takes the second, as it does not
 * know this producer in the partition. librdkafka reports both as delivered. */
static void
test_what_was_overtaken_is_not_acknowledged(void **state)
{
    struct bus *bus = *state;
    struct producer *producer = bus_producer(bus);
    struct slice topic = slice_from(TOPIC);
    struct error error = {""};
    struct parcel first, second;
    unsigned order = 0;

    assert_true(producer_warm_up(producer, &topic, 1, LIMIT_SECONDS * 1000, &error));
    rd_kafka_mock_broker_set_rtt(bus->cluster, 1, SLOW_MS);
    rd_kafka_mock_push_request_errors(bus->cluster, PRODUCE_API_KEY, 1, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS);
    parcel_init(&first, 1, &order);
    parcel_init(&second, 2, &order);
    producer_publish(producer, &first.set);
    RUN_UNTIL(bus, clock_monotonic_ns(clock_system()) > first.set.published_ns + SECOND_NS / 10);
    producer_publish(producer, &second.set);
    RUN_UNTIL(bus, order == 2);
    assert_int_equal(second.set.delivery, DELIVERY_ACKNOWLEDGED);
    assert_int_equal(first.set.delivery, DELIVERY_FAILED);
    assert_int_equal(bus_counter(bus, "trunkline_kafka_errors_total", "error=\"_INCONSISTENT\""), 1);
    producer_free(producer, 1000);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_place_in_the_log_is_what_proves_it),
        cmocka_unit_test_setup_teardown(test_what_was_overtaken_is_not_acknowledged, bus_setup, bus_teardown),
    };

    log_setup(LOG_FORMAT_TEXT, LOG_LEVEL_ERROR, clock_system());
    return cmocka_run_group_tests(tests, NULL, NULL);
}

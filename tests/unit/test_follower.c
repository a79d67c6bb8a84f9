/* The follower on a mock cluster, which knows no times: records' own decide. With a real Kafka, which does:
 * tests/integration/test_tap_verb.py. */
#include "bus.h"

#include "base/log.h"
#include "bus/follower.h"

#define FETCH_API_KEY 1
#define NO_LEADER     (-1)
#define MANY          3000
#define PARTITIONS    3
#define ASK_MS        10000
#define WAIT_MS       50

static const struct slice both[] = {SLICE(TOPIC), SLICE("other")};

/* What a follower has told so far. */
struct told {
    bool begins_anywhere;     /* a partition's first record may have any offset */
    unsigned count;           /* records */
    int64_t next[PARTITIONS]; /* of the other topic: the offset of the record to come */
    int64_t earliest_ms;      /* of all records' times */
    int64_t latest_ms;        /* the same */
    unsigned notices;         /* times that it had something to say */
    char text[4096];          /* all of it, a line each */
    bool ended;
};

static int
setup(void **state)
{
    bus_setup(state);
    rd_kafka_mock_topic_create(((struct bus *)*state)->cluster, "other", PARTITIONS, 1);
    return 0;
}

static struct follower *
start(struct bus *bus, const struct slice *topics, size_t count, int64_t from_ms)
{
    struct error error = {""};
    struct follower *follower = follower_new(&bus->settings, topics, count, from_ms, ASK_MS, &error);

    if (follower == NULL) {
        fail_msg("%s", error.text);
    }
    return follower;
}

static void
stop_at(struct follower *follower, int64_t time_ms)
{
    struct error error = {""};

    if (!follower_stop_at(follower, time_ms, ASK_MS, &error)) {
        fail_msg("%s", error.text);
    }
}

/* As if there were none of that name; the mock makes the topics that it is asked for. */
static void
set_missing(struct bus *bus, const char *topic, bool missing)
{
    rd_kafka_mock_topic_set_error(bus->cluster, topic,
                                  missing ? RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART : RD_KAFKA_RESP_ERR_NO_ERROR);
}

/* Each partition's records come in the order of their offsets, each once. */
static void
take(struct told *told, const struct consumed *record)
{
    assert_int_equal(record->header_count, 2);
    assert_true(slice_is(record->headers[0].name, "content-type"));
    assert_true(record->key.length > 4 && memcmp(record->key.data, "key ", 4) == 0);
    if (slice_is(record->topic, "other")) {
        assert_in_range(record->partition, 0, PARTITIONS - 1);
        if (!told->begins_anywhere || told->next[record->partition] > 0) {
            assert_int_equal(record->offset, told->next[record->partition]);
        }
        told->next[record->partition] = record->offset + 1;
    }
    told->earliest_ms =
        told->count == 0 || record->timestamp_ms < told->earliest_ms ? record->timestamp_ms : told->earliest_ms;
    told->latest_ms = record->timestamp_ms > told->latest_ms ? record->timestamp_ms : told->latest_ms;
    told->count++;
}

static void
step(struct follower *follower, struct told *told)
{
    struct consumed record;
    struct error notice = {""};
    size_t length = strlen(told->text);

    switch (follower_next(follower, WAIT_MS, &record, &notice)) {
    case FOLLOWER_RECORD:
        assert_false(told->ended);
        take(told, &record);
        break;
    case FOLLOWER_NOTICE:
        assert_true(notice.text[0] != '\0');
        snprintf(told->text + length, sizeof told->text - length, "%s\n", notice.text);
        told->notices++;
        break;
    case FOLLOWER_QUIET:
        break;
    case FOLLOWER_END:
        told->ended = true;
        break;
    }
}

/* Asks for more until the condition holds; fails the test when that takes too long. */
#define FOLLOW_UNTIL(follower, told, condition)                                                                        \
    do {                                                                                                               \
        int64_t follow_until_ns = clock_monotonic_ns(clock_system()) + LIMIT_SECONDS * SECOND_NS;                      \
        while (!(condition)) {                                                                                         \
            if (clock_monotonic_ns(clock_system()) >= follow_until_ns) {                                               \
                fail_msg("never: %s; %u records, and it said:\n%s", #condition, (told)->count, (told)->text);          \
            }                                                                                                          \
            step(follower, told);                                                                                      \
        }                                                                                                              \
    } while (0)

static void
assert_told(const struct told *told, unsigned notices, const char *text)
{
    if (told->notices != notices || strstr(told->text, text) == NULL) {
        fail_msg("\"%s\" is missing in, or there are not %u lines of:\n%s", text, notices, told->text);
    }
}

static unsigned
others(const struct told *told)
{
    return (unsigned)(told->next[0] + told->next[1] + told->next[2]);
}

static void
test_reads_all_from_the_beginning_and_goes_on(void **state)
{
    struct bus *bus = *state;
    struct follower *follower;
    struct told told = {0};

    bus_publish(bus, TOPIC, 5);
    bus_publish(bus, "other", MANY);
    follower = start(bus, both, 2, 0);
    FOLLOW_UNTIL(follower, &told, told.count == MANY + 5);
    bus_publish(bus, "other", 20);
    FOLLOW_UNTIL(follower, &told, told.count == MANY + 25);
    assert_int_equal(others(&told), MANY + 20);
    assert_told(&told, 0, "");
    assert_false(told.ended);
    follower_free(follower);
    follower_free(NULL);
}

static void
test_begins_where_the_topics_end_now(void **state)
{
    struct bus *bus = *state;
    struct follower *follower;
    struct told told = {0};

    bus_publish(bus, TOPIC, 10);
    follower = start(bus, both, 1, FOLLOWER_FROM_NOW);
    bus_publish(bus, TOPIC, 7);
    FOLLOW_UNTIL(follower, &told, told.count == 7);
    stop_at(follower, INT64_MAX);
    FOLLOW_UNTIL(follower, &told, told.ended);
    assert_int_equal(told.count, 7); /* none of the ten came behind them either */
    follower_free(follower);
}

/* A moment that lies behind what was published before, and before what is published after. */
static int64_t
moment(struct bus *bus)
{
    int64_t between_ms = clock_wall_ms(clock_system()) + 1;

    RUN_UNTIL(bus, clock_wall_ms(clock_system()) > between_ms);
    return between_ms;
}

static void
test_times_bound_it(void **state)
{
    struct bus *bus = *state;
    struct follower *follower;
    struct told told = {.begins_anywhere = true};
    int64_t from_ms, to_ms;

    bus_publish(bus, "other", 10);
    from_ms = moment(bus);
    bus_publish(bus, "other", 7);
    to_ms = moment(bus);
    bus_publish(bus, "other", 5);

    follower = start(bus, &both[1], 1, from_ms);
    stop_at(follower, to_ms);
    FOLLOW_UNTIL(follower, &told, told.ended);
    assert_int_equal(told.count, 7);
    assert_true(told.earliest_ms >= from_ms && told.latest_ms < to_ms);
    follower_free(follower);
}

/* One topic is read to its stop, and more comes there, while much of the other is left: little is fetched ahead. */
static void
test_stops_where_the_topics_end_at_that_moment(void **state)
{
    struct bus *bus = *state;
    struct follower *follower;
    struct told told = {0};

    bus_set(bus, "queued.min.messages", "1");
    bus_set(bus, "fetch.wait.max.ms", "10");
    bus_publish(bus, TOPIC, 3);
    bus_publish(bus, "other", 100);
    bus_publish(bus, "other", 100);
    follower = start(bus, both, 2, 0);
    FOLLOW_UNTIL(follower, &told, told.count - others(&told) == 3);
    stop_at(follower, INT64_MAX);
    bus_publish(bus, TOPIC, 20); /* not of this range any more */
    bus_publish(bus, "other", 20);
    FOLLOW_UNTIL(follower, &told, told.ended);
    assert_int_equal(told.count, 203);
    assert_int_equal(others(&told), 200);
    for (unsigned turn = 0; turn < 3; turn++) {
        told.ended = false;
        step(follower, &told);
        assert_true(told.ended);
    }
    follower_free(follower);
}

static void
test_nothing_to_read_ends_at_once(void **state)
{
    struct bus *bus = *state;
    struct follower *follower = start(bus, both, 2, FOLLOWER_FROM_NOW);
    struct told told = {0};

    stop_at(follower, INT64_MAX);
    step(follower, &told);
    assert_true(told.ended);
    assert_int_equal(told.count, 0);
    follower_free(follower);
}

static void
test_a_topic_whose_reading_fails_is_told_once_and_read_on(void **state)
{
    struct bus *bus = *state;
    struct follower *follower;
    struct told told = {0};

    bus_set(bus, "fetch.wait.max.ms", "10");
    bus_set(bus, "fetch.error.backoff.ms", "10");
    follower = start(bus, &both[1], 1, 0);
    rd_kafka_mock_push_request_errors(bus->cluster, FETCH_API_KEY, 3, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
                                      RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
                                      RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    FOLLOW_UNTIL(follower, &told, told.notices > 0);
    bus_publish(bus, "other", 100);
    FOLLOW_UNTIL(follower, &told, told.count == 100);
    assert_told(&told, 1, "topic other, partition "); /* all of them failed */
    assert_non_null(strstr(told.text, "uthorization"));
    follower_free(follower);
}

static void
test_a_partition_without_a_leader_is_told_and_the_others_are_read(void **state)
{
    struct bus *bus = *state;
    struct follower *follower;
    struct told told = {0};

    bus_publish(bus, TOPIC, 10);
    follower = start(bus, both, 2, 0);
    rd_kafka_mock_partition_set_leader(bus->cluster, "other", 1, NO_LEADER);
    FOLLOW_UNTIL(follower, &told, told.notices > 0 && told.count == 10);
    assert_told(&told, 1, "topic other, partition 1 has no leader");
    rd_kafka_mock_partition_set_leader(bus->cluster, "other", 1, 1);
    bus_publish(bus, "other", 100);
    FOLLOW_UNTIL(follower, &told, told.count == 110);
    assert_true(told.next[1] > 0);
    assert_int_equal(told.notices, 1);
    follower_free(follower);
}

static void
test_a_topic_that_comes_later_is_read_from_its_beginning(void **state)
{
    static const struct slice topics[] = {SLICE(TOPIC), SLICE("later")};
    struct bus *bus = *state;
    struct follower *follower;
    struct told told = {0};

    set_missing(bus, "later", true);
    follower = start(bus, topics, 2, FOLLOWER_FROM_NOW);
    FOLLOW_UNTIL(follower, &told, told.notices > 0);
    assert_told(&told, 1, "topic later does not exist");
    set_missing(bus, "later", false);
    bus_publish(bus, "later", 30);
    FOLLOW_UNTIL(follower, &told, told.count == 30);
    assert_told(&told, 2, "topic later is there now");
    follower_free(follower);
}

static void
test_an_outage_and_its_end_are_told(void **state)
{
    struct bus *bus = *state;
    struct follower *follower = start(bus, both, 2, 0);
    struct told told = {0};

    bus_publish(bus, TOPIC, 3);
    FOLLOW_UNTIL(follower, &told, told.count == 3);
    rd_kafka_mock_broker_set_down(bus->cluster, 1);
    FOLLOW_UNTIL(follower, &told, told.notices > 0);
    assert_told(&told, 1, "does not answer; waiting for it");
    rd_kafka_mock_broker_set_up(bus->cluster, 1);
    FOLLOW_UNTIL(follower, &told, told.notices > 1);
    assert_told(&told, 2, "Kafka answers again");
    bus_publish(bus, TOPIC, 4);
    FOLLOW_UNTIL(follower, &told, told.count == 7);
    assert_int_equal(told.notices, 2);
    follower_free(follower);
}

static void
test_says_why_not(void **state)
{
    static const struct slice missing[] = {SLICE("nowhere")};
    struct bus *bus = *state;
    struct error error = {""};

    set_missing(bus, "nowhere", true);
    assert_null(follower_new(&bus->settings, missing, 1, 0, ASK_MS, &error));
    assert_non_null(strstr(error.text, "topic nowhere does not exist"));
    bus->properties[0].value = "127.0.0.1:1";
    assert_null(follower_new(&bus->settings, both, 1, 0, 300, &error));
    assert_non_null(strstr(error.text, "cannot reach Kafka at 127.0.0.1:1 within 0.3 s"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define FOLLOWER_TEST(name) cmocka_unit_test_setup_teardown(name, setup, bus_teardown)
        FOLLOWER_TEST(test_reads_all_from_the_beginning_and_goes_on),
        FOLLOWER_TEST(test_begins_where_the_topics_end_now),
        FOLLOWER_TEST(test_times_bound_it),
        FOLLOWER_TEST(test_stops_where_the_topics_end_at_that_moment),
        FOLLOWER_TEST(test_nothing_to_read_ends_at_once),
        FOLLOWER_TEST(test_a_topic_whose_reading_fails_is_told_once_and_read_on),
        FOLLOWER_TEST(test_a_partition_without_a_leader_is_told_and_the_others_are_read),
        FOLLOWER_TEST(test_a_topic_that_comes_later_is_read_from_its_beginning),
        FOLLOWER_TEST(test_an_outage_and_its_end_are_told),
        FOLLOWER_TEST(test_says_why_not),
    };

    log_setup(LOG_FORMAT_TEXT, LOG_LEVEL_ERROR, clock_system());
    return cmocka_run_group_tests(tests, NULL, NULL);
}

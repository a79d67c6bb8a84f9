/* The range reader on a mock cluster, which knows no times: records' own decide. */
#include "bus.h"

#include "base/log.h"
#include "bus/range_reader.h"

#define MANY       3000
#define PARTITIONS 3
#define ASK_MS     10000

static const struct slice both[] = {SLICE(TOPIC), SLICE("other")};

struct found {
    struct range_reader *reader;
    unsigned count, others;
    unsigned ended;
    unsigned count_at_end;
    int64_t latest_ms;
    int64_t next[PARTITIONS];
};

static int
setup(void **state)
{
    bus_setup(state);
    rd_kafka_mock_topic_create(((struct bus *)*state)->cluster, "other", PARTITIONS, 1);
    return 0;
}

static void
on_record(const struct consumed *record, void *argument)
{
    struct found *found = argument;

    assert_int_equal(record->header_count, 2);
    assert_true(slice_is(record->headers[0].name, "content-type"));
    if (slice_is(record->topic, "other")) {
        assert_true(record->offset >= found->next[record->partition]);
        found->next[record->partition] = record->offset + 1;
        found->others++;
    }
    found->latest_ms = record->timestamp_ms;
    found->count++;
}

static void
on_end(void *argument)
{
    struct found *found = argument;

    found->ended++;
    found->count_at_end = found->count;
}

static struct range_reader *
start(struct bus *bus, const struct time_range *range, struct found *found)
{
    struct error error = {""};

    *found = (struct found){0};
    found->reader =
        range_reader_new(&bus->settings, bus->base, both, 2, range, ASK_MS, on_record, on_end, found, &error);
    assert_string_equal(error.text, "");
    assert_non_null(found->reader);
    assert_int_equal(found->ended, 0);
    return found->reader;
}

static const struct time_range all = {.from_ms = 0, .to_ms = INT64_MAX};

static void
test_nothing_ends_at_once(void **state)
{
    struct bus *bus = *state;
    struct found found;
    struct range_reader *reader = start(bus, &all, &found);

    RUN_UNTIL(bus, found.ended > 0);
    assert_int_equal(found.count, 0);
    assert_int_equal(range_reader_progress(reader).all, 0);
    range_reader_free(reader);
    range_reader_free(NULL);
}

static void
test_reads_all_partitions_to_their_end_once(void **state)
{
    struct bus *bus = *state;
    struct found found, later;
    struct range_reader *reader;

    bus_publish(bus, TOPIC, 5);
    bus_publish(bus, "other", MANY);
    reader = start(bus, &all, &found);
    bus_publish(bus, "other", MANY); /* not of this range any more */
    RUN_UNTIL(bus, found.ended > 0);
    assert_int_equal(found.count, MANY + 5);
    assert_int_equal(found.others, MANY);
    for (unsigned i = 0; i < PARTITIONS; i++) {
        assert_in_range(found.next[i], 1, MANY - 2);
    }
    assert_int_equal(range_reader_progress(reader).read, MANY + 5);
    assert_int_equal(range_reader_progress(reader).all, MANY + 5);

    range_reader_free(start(bus, &all, &later)); /* in the middle of it */
    bus_publish(bus, TOPIC, 1);
    assert_int_equal(found.ended, 1);
    assert_int_equal(found.count, MANY + 5);
    range_reader_free(reader);
}

/* One at a time, so that a pause holds wherever it is asked for. */
static void
on_record_pause(const struct consumed *record, void *argument)
{
    struct found *found = argument;

    on_record(record, argument);
    range_reader_pause(found->reader, true);
}

static void
test_nothing_comes_while_paused(void **state)
{
    struct bus *bus = *state;
    struct found found = {0};
    struct error error = {""};

    bus_publish(bus, "other", 20);
    found.reader =
        range_reader_new(&bus->settings, bus->base, both, 2, &all, ASK_MS, on_record_pause, on_end, &found, &error);
    assert_non_null(found.reader);
    for (unsigned i = 1; i <= 20; i++) {
        RUN_UNTIL(bus, found.count == i);
        for (unsigned turn = 0; turn < 5; turn++) {
            event_base_loop(bus->base, EVLOOP_NONBLOCK);
        }
        assert_int_equal(found.count, i);
        assert_int_equal(found.ended, 0);
        range_reader_pause(found.reader, false);
    }
    RUN_UNTIL(bus, found.ended == 1);
    assert_int_equal(found.count, 20);
    range_reader_free(found.reader);
}

static void
assert_no_place(struct bus *bus, int32_t partition, int64_t offset, const char *why)
{
    struct found found = {0};
    struct error error = {""};

    assert_null(range_reader_new_at(&bus->settings, bus->base, both[1], partition, offset, ASK_MS, on_record, on_end,
                                    &found, &error));
    assert_non_null(strstr(error.text, why));
}

static void
test_reads_the_record_of_one_place(void **state)
{
    struct bus *bus = *state;
    struct found found = {0};
    struct error error = {""};

    bus_publish(bus, "other", 100);
    found.reader =
        range_reader_new_at(&bus->settings, bus->base, both[1], 1, 2, ASK_MS, on_record, on_end, &found, &error);
    assert_string_equal(error.text, "");
    RUN_UNTIL(bus, found.ended == 1);
    assert_int_equal(found.others, 1);
    assert_int_equal(found.next[1], 3);
    range_reader_free(found.reader);
    assert_no_place(bus, PARTITIONS, 0, "has no partition 3: they are numbered from 0 to 2");
    assert_no_place(bus, -1, 0, "has no partition -1");
    assert_no_place(bus, 0, 100000, "and not 100000");
}

static void
test_follows_after_the_end(void **state)
{
    const struct time_range range = {.from_ms = 0, .to_ms = INT64_MAX, .follow = true};
    struct bus *bus = *state;
    struct found found;
    struct range_reader *reader;

    bus_publish(bus, "other", 100);
    reader = start(bus, &range, &found);
    RUN_UNTIL(bus, found.ended > 0);
    assert_int_equal(found.count_at_end, 100);
    bus_publish(bus, TOPIC, 20);
    bus_publish(bus, "other", 20);
    RUN_UNTIL(bus, found.count == 140);
    assert_int_equal(found.ended, 1);
    assert_int_equal(range_reader_progress(reader).read, 100);
    range_reader_free(reader);
}

static void
test_times_bound_it(void **state)
{
    struct bus *bus = *state;
    struct time_range range = all;
    struct found found;
    int64_t between_ms;

    bus_publish(bus, "other", 10);
    between_ms = clock_wall_ms(clock_system()) + 1;
    RUN_UNTIL(bus, clock_wall_ms(clock_system()) > between_ms);
    bus_publish(bus, "other", 7);

    range.to_ms = between_ms;
    start(bus, &range, &found);
    RUN_UNTIL(bus, found.ended > 0);
    assert_int_equal(found.count, 10);
    assert_true(found.latest_ms < between_ms);
    range_reader_free(found.reader);

    range = (struct time_range){.from_ms = between_ms, .to_ms = INT64_MAX};
    start(bus, &range, &found);
    RUN_UNTIL(bus, found.ended > 0);
    assert_int_equal(found.count, 7);
    range_reader_free(found.reader);
}

static void
test_says_why_not(void **state)
{
    struct bus *bus = *state;
    struct error error = {""};

    bus->properties[0].value = "127.0.0.1:1";
    assert_null(range_reader_new(&bus->settings, bus->base, both, 1, &all, 300, on_record, on_end, NULL, &error));
    assert_non_null(strstr(error.text, "cannot reach Kafka at 127.0.0.1:1 within 0.3 s"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define RANGE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, bus_teardown)
        RANGE_TEST(test_nothing_ends_at_once),
        RANGE_TEST(test_reads_all_partitions_to_their_end_once),
        RANGE_TEST(test_follows_after_the_end),
        RANGE_TEST(test_times_bound_it),
        RANGE_TEST(test_nothing_comes_while_paused),
        RANGE_TEST(test_reads_the_record_of_one_place),
        RANGE_TEST(test_says_why_not),
    };

    log_setup(LOG_FORMAT_TEXT, LOG_LEVEL_ERROR, clock_system());
    return cmocka_run_group_tests(tests, NULL, NULL);
}

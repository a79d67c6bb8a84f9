/* The record reader and its cache on a mock cluster. What transactions leave in a partition, the mock does not model:
 * tests/integration/test_ports.py has that. */
#include "bus.h"

#include "base/log.h"
#include "egress/record_cache.h"
#include "egress/record_reader.h"

#define RECORDS    1500
#define KEPT_BYTES ((size_t)64 << 10)
#define MOST       600

static const struct slice topic = SLICE(TOPIC);

/* What one fetch gave. */
struct answer {
    struct seen *seen;
    int64_t offset;
    unsigned count; /* how often it was called back: once */
    bool found;
    unsigned order; /* among all answers */
};

struct seen {
    struct bus *bus;
    struct record_reader *reader;
    struct answer answers[MOST];
    unsigned asked, answered;
    int64_t then; /* to be fetched from within the next answer; -1: none */
    bool free_then;
};

/* Publishes values "value <first>" to "value <last>" together. */
static void
publish(struct bus *bus, unsigned first, unsigned last)
{
    struct producer *producer = bus_producer(bus);
    struct parcel *parcels = calloc(RECORDS, sizeof *parcels);
    unsigned order = 0;

    assert_true(last - first < RECORDS);
    for (unsigned i = first; i <= last; i++) {
        parcel_init(&parcels[i - first], i, &order);
        producer_publish(producer, &parcels[i - first].set);
    }
    RUN_UNTIL(bus, order == last - first + 1);
    for (unsigned i = first; i <= last; i++) {
        assert_int_equal(parcels[i - first].set.delivery, DELIVERY_ACKNOWLEDGED);
    }
    producer_free(producer, 1000);
    free(parcels);
}

static void fetch(struct seen *seen, int64_t offset);

static void
on_record(void *argument, int64_t offset, const struct consumed *record)
{
    struct answer *answer = argument;
    struct seen *seen = answer->seen;
    char value[32];

    assert_int_equal(offset, answer->offset);
    answer->count++;
    answer->order = seen->answered++;
    answer->found = record != NULL;
    if (record != NULL) {
        snprintf(value, sizeof value, "value %lld", (long long)offset);
        assert_int_equal(record->offset, offset);
        assert_int_equal(record->partition, 0);
        assert_true(slice_is(record->topic, TOPIC));
        assert_true(slice_is(record->key, "key"));
        assert_true(slice_is(record->value, value));
        assert_true(record->timestamp_ms > 1600000000000);
        assert_int_equal(record->header_count, 2);
        assert_true(slice_is(record->headers[0].name, "content-type"));
        assert_string_equal(record->headers[1].name.data, "empty");
    }
    if (seen->then >= 0) {
        int64_t then = seen->then;

        seen->then = -1;
        fetch(seen, then);
    }
    if (seen->free_then) {
        record_reader_free(seen->reader);
    }
}

static void
fetch(struct seen *seen, int64_t offset)
{
    struct answer *answer = &seen->answers[seen->asked++];
    unsigned answered = seen->answered;

    assert_true(seen->asked <= MOST);
    *answer = (struct answer){.seen = seen, .offset = offset};
    assert_true(record_reader_fetch(seen->reader, offset, on_record, answer));
    assert_int_equal(seen->answered, answered); /* later, never from within */
}

static struct seen *
start(struct bus *bus, size_t kept_bytes)
{
    struct seen *seen = calloc(1, sizeof *seen);

    assert_non_null(seen);
    seen->bus = bus;
    seen->then = -1;
    seen->reader = record_reader_new(&bus->settings, bus->base, topic, 0, kept_bytes);
    assert_non_null(seen->reader);
    return seen;
}

/* Waits for all answers; each came once. */
static void
finish(struct seen *seen)
{
    RUN_UNTIL(seen->bus, seen->answered == seen->asked);
    event_base_loop(seen->bus->base, EVLOOP_NONBLOCK);
    for (unsigned i = 0; i < seen->asked; i++) {
        assert_int_equal(seen->answers[i].count, 1);
    }
    assert_int_equal(record_reader_fetching(seen->reader), 0);
}

static void
end(struct seen *seen)
{
    record_reader_free(seen->reader);
    free(seen);
}

static void
test_reads_what_is_asked_for_in_any_order(void **state)
{
    struct bus *bus = *state;
    struct seen *seen = start(bus, KEPT_BYTES);
    uint64_t random = 88172645463325252U;

    publish(bus, 0, RECORDS - 1);
    assert_null(record_reader_kept(seen->reader, 1400));
    fetch(seen, 1400); /* far, near, back, twice the same */
    fetch(seen, 3);
    fetch(seen, 1400);
    fetch(seen, 5);
    fetch(seen, 900);
    assert_int_equal(record_reader_fetching(seen->reader), 5);
    finish(seen);
    assert_non_null(record_reader_kept(seen->reader, 1400));
    assert_null(record_reader_kept(seen->reader, 1399)); /* only what was wanted */
    fetch(seen, 6);                                      /* behind what was read last, and before it */
    finish(seen);
    fetch(seen, 7); /* read on */
    finish(seen);
    for (unsigned i = 0; i < 400; i++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        fetch(seen, (int64_t)(random % RECORDS));
        if (i % 16 == 0) {
            event_base_loop(bus->base, EVLOOP_NONBLOCK);
        }
    }
    finish(seen);
    for (unsigned i = 0; i < seen->asked; i++) {
        assert_true(seen->answers[i].found);
    }
    end(seen);
}

static void
test_one_sweep_serves_those_nearby_in_their_order(void **state)
{
    struct bus *bus = *state;
    struct seen *seen = start(bus, 0); /* keeps nothing: each is read */

    publish(bus, 0, 99);
    fetch(seen, 10); /* goes at once; the others join or wait */
    fetch(seen, 90);
    fetch(seen, 50);
    fetch(seen, 5);
    finish(seen);
    assert_int_equal(seen->answers[0].order, 0);
    assert_int_equal(seen->answers[2].order, 1);
    assert_int_equal(seen->answers[1].order, 2);
    assert_int_equal(seen->answers[3].order, 3); /* the next sweep's */
    assert_null(record_reader_kept(seen->reader, 10));
    end(seen);
}

static void
test_what_is_kept_is_not_read_again(void **state)
{
    static const struct record_header headers[] = {{SLICE("content-type"), SLICE("text/plain")},
                                                   {SLICE("empty"), {NULL, 0}}};
    struct bus *bus = *state;
    struct seen *seen = start(bus, KEPT_BYTES);
    struct consumed record = {.topic = topic,
                              .offset = 7,
                              .timestamp_ms = 1700000000000,
                              .key = SLICE("key"),
                              .value = SLICE("value 7"),
                              .headers = headers,
                              .header_count = 2};

    bus->properties[0].value = "127.0.0.1:1"; /* nobody there */
    record_reader_keep(seen->reader, &record);
    assert_true(slice_is(record_reader_kept(seen->reader, 7)->value, "value 7"));
    seen->then = 7;
    fetch(seen, 7);
    fetch(seen, 7);
    fetch(seen, -1); /* is no offset */
    finish(seen);
    assert_int_equal(seen->asked, 4);
    assert_false(seen->answers[2].found);
    assert_true(seen->answers[0].found && seen->answers[1].found && seen->answers[3].found);
    record_reader_drop(seen->reader, 7);
    record_reader_drop(seen->reader, 8);
    assert_null(record_reader_kept(seen->reader, 7));
    end(seen);
}

static void
test_what_is_pushed_out_before_the_answer_is_read(void **state)
{
    struct bus *bus = *state;
    struct seen *seen = start(bus, KEPT_BYTES);

    publish(bus, 0, 9);
    fetch(seen, 4);
    finish(seen);
    assert_non_null(record_reader_kept(seen->reader, 4));
    fetch(seen, 4);
    record_reader_drop(seen->reader, 4);
    finish(seen);
    assert_true(seen->answers[1].found);
    end(seen);
}

static void
test_answers_may_ask_and_may_end_it(void **state)
{
    struct bus *bus = *state;
    struct seen *seen = start(bus, 0);

    publish(bus, 0, 99);
    seen->then = 20;
    fetch(seen, 20);
    finish(seen);
    seen->then = 3;
    fetch(seen, 21);
    finish(seen);
    assert_int_equal(seen->asked, 4);
    fetch(seen, 30);
    fetch(seen, 31);
    fetch(seen, 1);
    seen->free_then = true;
    RUN_UNTIL(bus, seen->answered == 5);
    seen->reader = NULL;
    publish(bus, 100, 100); /* the loop goes on for a while */
    assert_int_equal(seen->answered, 5);
    end(seen);

    seen = start(bus, KEPT_BYTES); /* the same where nothing had to be read */
    fetch(seen, 5);
    finish(seen);
    fetch(seen, 5);
    fetch(seen, 5);
    seen->free_then = true;
    RUN_UNTIL(bus, seen->answered == 2);
    free(seen);
}

static void
test_freed_it_never_calls_back(void **state)
{
    struct bus *bus = *state;
    struct seen *seen = start(bus, KEPT_BYTES);

    publish(bus, 0, 9);
    fetch(seen, 4);
    fetch(seen, 1);
    record_reader_free(seen->reader);
    record_reader_free(NULL);
    publish(bus, 10, 10);
    assert_int_equal(seen->answered, 0);
    free(seen);
}

static void
test_it_rests_and_begins_anew(void **state)
{
    struct bus *bus = *state;
    struct seen *seen = start(bus, 0);

    publish(bus, 0, 9);
    assert_true(record_reader_rest(seen->reader));
    for (int64_t round = 0; round < 3; round++) {
        fetch(seen, 4 + round);
        assert_false(record_reader_rest(seen->reader));
        finish(seen);
        assert_true(record_reader_rest(seen->reader));
    }
    end(seen);
}

static void
test_what_is_not_there_yet_is_waited_for(void **state)
{
    struct bus *bus = *state;
    struct seen *seen = start(bus, KEPT_BYTES);

    publish(bus, 0, 4);
    fetch(seen, 4);
    finish(seen);
    publish(bus, 5, 5); /* the reader may hold the news of an end before it */
    fetch(seen, 5);
    finish(seen);
    fetch(seen, 7); /* waits at the end */
    fetch(seen, 3); /* for the next sweep */
    fetch(seen, 6);
    publish(bus, 6, 7);
    finish(seen);
    for (unsigned i = 0; i < seen->asked; i++) {
        assert_true(seen->answers[i].found);
    }
    assert_int_equal(seen->answers[3].order, 4);
    end(seen);
}

static void
test_what_is_gone_is_told(void **state)
{
    struct bus *bus = *state;
    struct seen *seen = start(bus, KEPT_BYTES);

    publish(bus, 0, 4);
    fetch(seen, 1000); /* behind the end: that of another topic of the name */
    finish(seen);
    assert_false(seen->answers[0].found);
    fetch(seen, 4);
    fetch(seen, 5); /* at the end: may come yet, for some time */
    finish(seen);
    assert_true(seen->answers[1].found);
    assert_false(seen->answers[2].found);
    fetch(seen, 2);
    finish(seen);
    assert_true(seen->answers[3].found);
    end(seen);
}

/* The mock drops what is older than its latest 5 MiB. */
static void
test_what_was_deleted_is_told(void **state)
{
    static char large[600000];
    struct bus *bus = *state;
    struct producer *producer = bus_producer(bus);
    struct seen *seen = start(bus, KEPT_BYTES);
    struct parcel parcel;
    unsigned order = 0;

    memset(large, 'x', sizeof large);
    for (unsigned i = 0; i < 12; i++) {
        parcel_init(&parcel, i, &order);
        if (i < 11) {
            parcel.records[0].value = slice_make(large, sizeof large);
        }
        producer_publish(producer, &parcel.set);
        RUN_UNTIL(bus, parcel.done > 0);
        assert_int_equal(parcel.set.delivery, DELIVERY_ACKNOWLEDGED);
    }
    producer_free(producer, 1000);
    fetch(seen, 0);
    fetch(seen, 1);
    fetch(seen, 11);
    finish(seen);
    assert_false(seen->answers[0].found);
    assert_false(seen->answers[1].found);
    assert_true(seen->answers[2].found);
    end(seen);
}

static void
test_without_kafka_it_waits(void **state)
{
    struct bus *bus = *state;
    struct seen *seen = start(bus, KEPT_BYTES);

    publish(bus, 0, 4);
    rd_kafka_mock_broker_set_down(bus->cluster, 1);
    fetch(seen, 2);
    for (unsigned i = 0; i < 20; i++) {
        event_base_loopexit(bus->base, &(struct timeval){.tv_usec = 20000});
        event_base_dispatch(bus->base);
    }
    assert_int_equal(seen->answered, 0);
    rd_kafka_mock_broker_set_up(bus->cluster, 1);
    finish(seen);
    assert_true(seen->answers[0].found);
    end(seen);
}

static struct consumed
sized(int64_t offset, const char *text, size_t length)
{
    return (struct consumed){.topic = topic, .partition = 3, .offset = offset, .value = slice_make(text, length)};
}

static void
test_the_cache_keeps_what_was_asked_for_last(void **state)
{
    static char text[10000];
    struct record_cache *cache = record_cache_new(topic, 10 * 1000 + 2000);
    struct consumed record;

    (void)state;
    for (int64_t offset = 0; offset < 9; offset++) {
        text[0] = (char)offset;
        record = sized(offset, text, 1000);
        record_cache_keep(cache, &record);
    }
    assert_true(record_cache_bytes(cache) > 9000 && record_cache_bytes(cache) < 12000);
    assert_non_null(record_cache_find(cache, 0)); /* now 1 is the one to go first */
    record = sized(100, text, 4000);
    record_cache_keep(cache, &record);
    assert_true(record_cache_bytes(cache) <= 12000);
    assert_non_null(record_cache_find(cache, 0));
    assert_null(record_cache_find(cache, 1));
    assert_non_null(record_cache_find(cache, 8));
    assert_non_null(record_cache_find(cache, 100));
    record = sized(8, "new", 3); /* takes the place of the one before */
    record_cache_keep(cache, &record);
    assert_true(slice_is(record_cache_find(cache, 8)->value, "new"));
    assert_null(record_cache_find(cache, 8)->key.data);
    record_cache_keep(cache, record_cache_find(cache, 8)); /* itself */
    assert_true(slice_is(record_cache_find(cache, 8)->value, "new"));
    record = sized(0, text, sizeof text); /* pushes all others out but the latest */
    record_cache_keep(cache, &record);
    assert_non_null(record_cache_find(cache, 0));
    assert_non_null(record_cache_find(cache, 8));
    assert_null(record_cache_find(cache, 100));
    record = sized(1, text, sizeof text); /* too large with a header: and 0 stays */
    record.headers = &(struct record_header){SLICE("name"), slice_make(text, 5000)};
    record.header_count = 1;
    record_cache_keep(cache, &record);
    assert_null(record_cache_find(cache, 1));
    assert_non_null(record_cache_find(cache, 0));
    record_cache_drop(cache, 0);
    record_cache_drop(cache, 8);
    assert_int_equal(record_cache_bytes(cache), 0);
    record_cache_free(cache);
}

static void
test_the_cache_grows(void **state)
{
    struct record_cache *cache = record_cache_new(topic, (size_t)1 << 20);
    char text[16];

    (void)state;
    for (int64_t offset = 0; offset < 2000; offset++) {
        struct consumed record = sized(offset * 64, text, (size_t)snprintf(text, sizeof text, "%d", (int)offset));

        record_cache_keep(cache, &record);
    }
    for (int64_t offset = 0; offset < 2000; offset++) {
        snprintf(text, sizeof text, "%d", (int)offset);
        assert_true(slice_is(record_cache_find(cache, offset * 64)->value, text));
        assert_null(record_cache_find(cache, offset * 64 + 1));
    }
    record_cache_free(cache);
    record_cache_free(NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define BUS_TEST(name) cmocka_unit_test_setup_teardown(name, bus_setup, bus_teardown)
        BUS_TEST(test_reads_what_is_asked_for_in_any_order),
        BUS_TEST(test_one_sweep_serves_those_nearby_in_their_order),
        BUS_TEST(test_what_is_kept_is_not_read_again),
        BUS_TEST(test_what_is_pushed_out_before_the_answer_is_read),
        BUS_TEST(test_answers_may_ask_and_may_end_it),
        BUS_TEST(test_freed_it_never_calls_back),
        BUS_TEST(test_it_rests_and_begins_anew),
        BUS_TEST(test_what_is_not_there_yet_is_waited_for),
        BUS_TEST(test_what_is_gone_is_told),
        BUS_TEST(test_what_was_deleted_is_told),
        BUS_TEST(test_without_kafka_it_waits),
        cmocka_unit_test(test_the_cache_keeps_what_was_asked_for_last),
        cmocka_unit_test(test_the_cache_grows),
    };

    log_setup(LOG_FORMAT_TEXT, getenv("VERBOSE") ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR, clock_system());
    return cmocka_run_group_tests(tests, NULL, NULL);
}

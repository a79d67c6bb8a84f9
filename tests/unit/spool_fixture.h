/* What the tests of the spool share: a spool in a directory of its own beside a mock cluster, and jobs for it. */
#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include "base/instance.h"
#include "base/log.h"
#include "bus.h"
#include "bus/consumer.h"
#include "remove_tree.h"
#include "spool/spool.h"

#define JOBS_MAX 4000

struct fixture {
    struct bus *bus;
    char data_dir[64];
    struct instance *instance;
    struct spool_settings settings;
    struct spool *spool;
    struct spool_port *port;
    size_t done, settled; /* jobs that have come back */
};

/* A job of one record, and what became of it. */
struct load {
    struct spool_job job;
    struct record record;
    struct record *records[1];
    struct fixture *fixture;
    char key[32], value[32];
    bool done, settled;
};

static struct load loads[JOBS_MAX];

static inline void
load_done(struct spool_job *job)
{
    struct load *load = job->owner;

    assert_false(load->done);
    load->done = true;
    load->fixture->done++;
}

static inline void
load_settled(struct spool_job *job)
{
    struct load *load = job->owner;

    assert_false(load->settled);
    load->settled = true;
    load->fixture->settled++;
}

/* false: the spool did not start, and the error says why. */
static inline bool
fixture_try(struct fixture *fixture, const char *name, struct error *error)
{
    struct spool_options options = {
        .settings = &fixture->settings,
        .kafka = &fixture->bus->settings,
        .data_dir = fixture->data_dir,
        .metrics = fixture->bus->metrics,
        .clock = clock_system(),
    };

    if (fixture->instance == NULL) {
        fixture->instance = instance_open(fixture->data_dir, name, error);
        assert_non_null(fixture->instance);
    }
    options.instance = fixture->instance;
    fixture->spool = spool_start(&options, error);
    return fixture->spool != NULL;
}

static inline void
fixture_start(struct fixture *fixture, const char *name)
{
    struct error error = {""};

    if (!fixture_try(fixture, name, &error)) {
        fail_msg("%s", error.text);
    }
    fixture->port = spool_port_new(fixture->spool, fixture->bus->base);
    assert_non_null(fixture->port);
}

/* Returns how many records stay on disk. */
static inline uint64_t
fixture_stop(struct fixture *fixture, unsigned seconds)
{
    uint64_t left;

    assert_int_equal(spool_port_pending(fixture->port), 0);
    spool_port_free(fixture->port);
    left = spool_stop(fixture->spool, seconds);
    instance_close(fixture->instance);
    fixture->instance = NULL;
    fixture->port = NULL;
    fixture->spool = NULL;
    return left;
}

static inline int
fixture_setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    void *bus;

    assert_non_null(fixture);
    log_setup(LOG_FORMAT_TEXT, LOG_LEVEL_ERROR, clock_system());
    bus_setup(&bus);
    fixture->bus = bus;
    snprintf(fixture->data_dir, sizeof(fixture->data_dir), "/tmp/trunkline-spool-XXXXXX");
    assert_non_null(mkdtemp(fixture->data_dir));
    fixture->settings = (struct spool_settings){1 << 24, 50, 1000000};
    *state = fixture;
    return 0;
}

static inline int
fixture_teardown(void **state)
{
    struct fixture *fixture = *state;
    void *bus = fixture->bus;

    if (fixture->spool != NULL) {
        (void)fixture_stop(fixture, 0);
    }
    remove_tree(fixture->data_dir);
    bus_teardown(&bus);
    free(fixture);
    return 0;
}

/* Load number n, not yet put: its key is one of `keys`. */
static inline struct load *
fixture_load(struct fixture *fixture, unsigned number, unsigned keys)
{
    static const struct record_header headers[] = {{SLICE("content-type"), SLICE("text/plain")},
                                                   {SLICE("empty"), {NULL, 0}}};
    struct load *load = &loads[number];

    assert_true(number < JOBS_MAX);
    *load = (struct load){.fixture = fixture};
    snprintf(load->key, sizeof(load->key), "key %u", number % keys);
    snprintf(load->value, sizeof(load->value), "%u", number);
    load->record = (struct record){
        .topic = SLICE(TOPIC),
        .key = slice_from(load->key),
        .value = slice_from(load->value),
        .headers = headers,
        .header_count = 2,
    };
    load->records[0] = &load->record;
    load->job = (struct spool_job){
        .records = load->records,
        .count = 1,
        .source = SLICE("yeta"),
        .vendor_repeats = true,
        .on_done = load_done,
        .on_settled = load_settled,
        .owner = load,
    };
    return load;
}

/* The same, and put. */
static inline struct load *
fixture_put(struct fixture *fixture, unsigned number, unsigned keys, bool in_flight)
{
    struct load *load = fixture_load(fixture, number, keys);

    load->job.in_flight = in_flight;
    spool_put(fixture->port, &load->job);
    return load;
}

/* Puts so many, and waits until all of them are on disk. */
static inline void
fixture_fill(struct fixture *fixture, unsigned from, unsigned count, unsigned keys)
{
    size_t wanted = fixture->done + count;

    for (unsigned i = 0; i < count; i++) {
        (void)fixture_put(fixture, from + i, keys, false);
    }
    RUN_UNTIL(fixture->bus, fixture->done == wanted);
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(loads[from + i].job.fate, SPOOL_DURABLE);
    }
}

/* The numbers that Kafka has, in the order of each partition. */
struct arrivals {
    size_t count;
    unsigned numbers[2 * JOBS_MAX];
    char keys[2 * JOBS_MAX][32];
};

static struct arrivals arrivals;

static inline void
on_arrival(const struct consumed *record, void *argument)
{
    (void)argument;
    assert_true(arrivals.count < 2 * JOBS_MAX);
    snprintf(arrivals.keys[arrivals.count], sizeof(arrivals.keys[0]), "%.*s", SLICE_ARGS(record->key));
    arrivals.numbers[arrivals.count++] = (unsigned)strtoul(record->value.data, NULL, 10);
    assert_int_equal(record->header_count, 2);
    assert_true(slice_is(record->headers[0].name, "content-type"));
    assert_true(slice_is(record->headers[0].value, "text/plain"));
}

/* Reads the topic until so many have come; that is all there is. */
static inline void
fixture_read(struct fixture *fixture, size_t count)
{
    static const struct slice topic = SLICE(TOPIC);
    struct error error = {""};
    struct consumer *consumer;

    arrivals.count = 0;
    consumer = consumer_new(&fixture->bus->settings, fixture->bus->base, &topic, 1, CONSUMER_FROM_BEGINNING, on_arrival,
                            NULL, &error);
    assert_string_equal(error.text, "");
    RUN_UNTIL(fixture->bus, arrivals.count >= count);
    consumer_free(consumer);
    assert_int_equal(arrivals.count, count);
}

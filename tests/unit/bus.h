/* What the tests of the bus share: a mock cluster to inject faults into, and records to publish. */
#pragma once

#include <event2/event.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "bus/producer.h"

#define TOPIC           "events"
#define PRODUCE_API_KEY 0
#define LIMIT_SECONDS   15
#define MOST_PROPERTIES 8
#define SECOND_NS       1000000000LL

/* A cluster of one broker, and a loop. */
struct bus {
    rd_kafka_t *host;
    rd_kafka_mock_cluster_t *cluster;
    struct event_base *base;
    struct metrics *metrics;
    struct kafka_property properties[MOST_PROPERTIES];
    struct kafka_settings settings;
};

static inline int
bus_setup(void **state)
{
    struct bus *bus = calloc(1, sizeof *bus);
    rd_kafka_conf_t *conf = rd_kafka_conf_new();

    assert_non_null(bus);
    rd_kafka_conf_set(conf, "log_level", "2", NULL, 0);
    bus->host = rd_kafka_new(RD_KAFKA_PRODUCER, conf, NULL, 0);
    bus->cluster = rd_kafka_mock_cluster_new(bus->host, 1);
    rd_kafka_mock_topic_create(bus->cluster, TOPIC, 1, 1);
    bus->base = event_base_new();
    bus->metrics = metrics_new();
    bus->properties[0] = (struct kafka_property){"bootstrap.servers", rd_kafka_mock_cluster_bootstraps(bus->cluster)};
    bus->settings = (struct kafka_settings){.properties = bus->properties, .count = 1, .embedded = true};
    *state = bus;
    return 0;
}

static inline int
bus_teardown(void **state)
{
    struct bus *bus = *state;

    event_base_free(bus->base);
    metrics_free(bus->metrics);
    rd_kafka_mock_cluster_destroy(bus->cluster);
    rd_kafka_destroy(bus->host);
    free(bus);
    return 0;
}

static inline void
bus_set(struct bus *bus, const char *name, const char *value)
{
    assert_true(bus->settings.count < MOST_PROPERTIES);
    bus->properties[bus->settings.count++] = (struct kafka_property){name, value};
}

static inline struct producer *
bus_producer(struct bus *bus)
{
    struct error error = {""};
    struct producer *producer =
        producer_new(&bus->settings, "worker-0", bus->base, bus->metrics, clock_system(), &error);

    assert_string_equal(error.text, "");
    assert_non_null(producer);
    return producer;
}

/* Runs the loop until the condition holds; fails the test when that takes too long. */
#define RUN_UNTIL(bus, condition)                                                                                      \
    do {                                                                                                               \
        int64_t run_until_ns = clock_monotonic_ns(clock_system()) + LIMIT_SECONDS * SECOND_NS;                         \
        while (!(condition)) {                                                                                         \
            assert_true(clock_monotonic_ns(clock_system()) < run_until_ns);                                            \
            event_base_loopexit((bus)->base, &(struct timeval){.tv_usec = 10000});                                     \
            event_base_loop((bus)->base, EVLOOP_ONCE);                                                                 \
        }                                                                                                              \
    } while (0)

/* A record set of one or two records, and what became of it. */
struct parcel {
    struct recordset set;
    struct record records[2];
    char value[32];
    unsigned done; /* how often on_done was called */
    unsigned *order;
    unsigned place; /* among all that are done */
};

static inline void
parcel_done(struct recordset *set)
{
    struct parcel *parcel = set->owner;

    parcel->done++;
    parcel->place = (*parcel->order)++;
}

static inline void
parcel_init(struct parcel *parcel, unsigned number, unsigned *order)
{
    static const struct record_header headers[] = {{SLICE("content-type"), SLICE("text/plain")},
                                                   {SLICE("empty"), {NULL, 0}}};

    *parcel = (struct parcel){.order = order};
    snprintf(parcel->value, sizeof parcel->value, "value %u", number);
    parcel->records[0] = (struct record){.topic = SLICE(TOPIC),
                                         .key = SLICE("key"),
                                         .value = slice_from(parcel->value),
                                         .headers = headers,
                                         .header_count = 2};
    parcel->set = (struct recordset){.records = parcel->records, .count = 1, .on_done = parcel_done, .owner = parcel};
}

/* Puts so many records with keys of their own on the topic, and waits until they are there. */
static inline void
bus_publish(struct bus *bus, const char *topic, unsigned count)
{
    struct keyed_parcel {
        struct parcel parcel;
        char key[16];
    } *parcels = calloc(count, sizeof *parcels);
    struct producer *producer = bus_producer(bus);
    unsigned order = 0;

    assert_non_null(parcels);
    for (unsigned i = 0; i < count; i++) {
        struct record *record = &parcels[i].parcel.records[0];

        parcel_init(&parcels[i].parcel, i, &order);
        snprintf(parcels[i].key, sizeof parcels[i].key, "key %u", i);
        record->topic = slice_from(topic);
        record->key = slice_from(parcels[i].key);
        producer_publish(producer, &parcels[i].parcel.set);
    }
    RUN_UNTIL(bus, order == count);
    producer_free(producer, 1000);
    free(parcels);
}

static inline uint64_t
bus_gauge(struct bus *bus, const char *name, const char *labels)
{
    return metric_read(metrics_gauge(bus->metrics, name, "", labels));
}

static inline uint64_t
bus_counter(struct bus *bus, const char *name, const char *labels)
{
    return metric_read(metrics_counter(bus->metrics, name, "", labels));
}

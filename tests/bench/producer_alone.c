/* The producer by itself, for `make bench`: ready records of 800 bytes published, acks=all, as many in flight as the
 * gateway has connections, of as many calls as its load. Prints records a second, CPU microseconds a record. */
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bus/producer.h"

#define VALUE_BYTES 800
#define CALLS       512
#define KEY_BYTES   16
#define WARM_UP_MS  10000

struct run {
    struct event_base *base;
    struct producer *producer;
    char keys[CALLS][KEY_BYTES];
    unsigned next_call;
    size_t done, failed;
    int64_t end_ns;
};

/* One place in flight. */
struct place {
    struct run *run;
    struct record record;
    struct recordset set;
};

static void
fail(const char *what)
{
    fprintf(stderr, "producer_alone: %s\n", what);
    exit(1);
}

static void
publish(struct place *place)
{
    static const struct record_header header = {SLICE("content-type"), SLICE("application/cloudevents+json")};
    static char value[VALUE_BYTES];
    static const char *topic;
    struct run *run = place->run;

    if (topic == NULL) {
        topic = getenv("TOPIC");
        memset(value, 'v', sizeof value);
    }
    place->record = (struct record){
        .topic = slice_from(topic),
        .key = slice_from(run->keys[run->next_call++ % CALLS]),
        .value = {value, sizeof value},
        .headers = &header,
        .header_count = 1,
    };
    producer_publish(run->producer, &place->set);
}

static void
on_done(struct recordset *set)
{
    struct place *place = set->owner;
    struct run *run = place->run;

    run->done++;
    run->failed += set->delivery != DELIVERY_ACKNOWLEDGED;
    if (clock_monotonic_ns(clock_system()) < run->end_ns) {
        publish(place);
    } else {
        event_base_loopbreak(run->base);
    }
}

static struct event_base *
base_new(void)
{
    struct event_config *config = event_config_new();
    struct event_base *base = NULL;

    if (config != NULL && event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK) == 0) {
        base = event_base_new_with_config(config);
    }
    event_config_free(config);
    return base;
}

static void
measure(struct run *run, size_t in_flight, double seconds)
{
    struct place *places = calloc(in_flight, sizeof *places);
    int64_t began_ns = clock_monotonic_ns(clock_system());
    clock_t cpu = clock();

    if (places == NULL) {
        fail("out of memory");
    }
    run->end_ns = began_ns + (int64_t)(seconds * 1e9);
    for (size_t i = 0; i < in_flight; i++) {
        places[i].run = run;
        places[i].set = (struct recordset){
            .records = &places[i].record, .count = 1, .pending = 1, .on_done = on_done, .owner = &places[i]};
        publish(&places[i]);
    }
    if (event_base_loop(run->base, 0) < 0 || run->failed > 0 || run->done == 0) {
        fail("not every record was acknowledged");
    }
    double took = (double)(clock_monotonic_ns(clock_system()) - began_ns) / 1e9;
    double used = (double)(clock() - cpu) / CLOCKS_PER_SEC;
    printf("%.1f %.2f\n", (double)run->done / took, used * 1e6 / (double)run->done);
    producer_free(run->producer, WARM_UP_MS);
    free(places);
}

int
main(int argc, char **argv)
{
    static struct run run;
    struct metrics *metrics = metrics_new();
    struct error error = {""};

    if (argc != 4 || getenv("TOPIC") == NULL) {
        fail("use: TOPIC=NAME producer_alone BROKERS IN_FLIGHT SECONDS");
    }
    const struct kafka_property brokers = {"bootstrap.servers", argv[1]};
    const struct kafka_settings settings = {.properties = &brokers, .count = 1};
    const struct slice topic = slice_from(getenv("TOPIC"));
    for (unsigned i = 0; i < CALLS; i++) {
        snprintf(run.keys[i], sizeof run.keys[i], "%08x", i * 7919);
    }
    run.base = base_new();
    run.producer = run.base == NULL || metrics == NULL
                       ? NULL
                       : producer_new(&settings, "bench", run.base, metrics, clock_system(), &error);
    if (run.producer == NULL || !producer_warm_up(run.producer, &topic, 1, WARM_UP_MS, &error)) {
        fail(error.text);
    }
    measure(&run, strtoul(argv[2], NULL, 10), strtod(argv[3], NULL));
    event_base_free(run.base);
    metrics_free(metrics);
    return 0;
}

/* A dial's way to the commands topic. */
#include "verbs/dev_dial.h"

#include <stdlib.h>

#include "base/metrics.h"
#include "bus/producer.h"

#define KAFKA_MS        10000
#define PRODUCER_END_MS 1000

struct dev_dial {
    struct metrics *metrics;
    struct producer *producer;
    struct recordset set;
    struct record record;
    void (*on_failed)(void *argument, struct slice reason);
    void *argument;
};

static void
on_published(struct recordset *set)
{
    struct dev_dial *dial = set->owner;

    if (set->delivery != DELIVERY_ACKNOWLEDGED && dial->on_failed != NULL) {
        dial->on_failed(dial->argument, set->reason);
    }
}

static bool
producer_open(struct dev_dial *dial, const struct config *config, struct event_base *base, struct error *error)
{
    dial->metrics = metrics_new();
    if (dial->metrics == NULL) {
        return error_set(error, "out of memory");
    }
    dial->producer = producer_new(&config->kafka, "dial", base, dial->metrics, clock_system(), error);
    return dial->producer != NULL &&
           producer_warm_up(dial->producer, &config->topics[TOPIC_COMMANDS], 1, KAFKA_MS, error);
}

struct dev_dial *
dev_dial_submit(const struct config *config, struct event_base *base,
                void (*on_failed)(void *argument, struct slice reason), void *argument, struct error *error)
{
    static const struct record_header header = {SLICE("content-type"), SLICE("application/json")};
    struct dev_dial *dial = calloc(1, sizeof(*dial));

    if (dial == NULL) {
        (void)error_set(error, "out of memory");
        return NULL;
    }
    if (!producer_open(dial, config, base, error)) {
        dev_dial_free(dial);
        return NULL;
    }
    dial->on_failed = on_failed;
    dial->argument = argument;
    dial->record = (struct record){
        .topic = config->topics[TOPIC_COMMANDS],
        .key = SLICE(DEV_DIAL_ACCOUNT),
        .value = SLICE("{\"id\":\"" DEV_DIAL_ID
                       "\",\"type\":\"io.trunkline.command.call.dial.v1\",\"account\":\"" DEV_DIAL_ACCOUNT
                       "\",\"data\":" DEV_DIAL_DATA "}"),
        .headers = &header,
        .header_count = 1,
        .set = &dial->set,
    };
    dial->set = (struct recordset){.records = &dial->record, .count = 1, .on_done = on_published, .owner = dial};
    producer_publish(dial->producer, &dial->set);
    return dial;
}

void
dev_dial_free(struct dev_dial *dial)
{
    if (dial != NULL) {
        dial->on_failed = NULL; /* what has no report by now fails without a word */
        producer_free(dial->producer, PRODUCER_END_MS);
        metrics_free(dial->metrics);
        free(dial);
    }
}

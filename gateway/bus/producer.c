/* The plain producer: keeps what is on its way in order, and outlives the clients that a fatal error ends. */
#include "bus/producer.h"

#include <event2/event.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "bus/message.h"
#include "bus/partition.h"
#include "bus/producer_client.h"
#include "bus/record_list.h"

#define TICK_SECONDS    1
#define REPLACE_WAIT_NS 1000000000 /* between two replacements: a cause that stays must not become a busy loop */
#define PURGE_WAIT_MS   5000
#define SERVE_MS        50

enum producer_phase {
    PRODUCER_SENDING,
    PRODUCER_REPLACING, /* the client is dead: records wait until it has let go of those it had */
    PRODUCER_ENDING,    /* nothing new is taken */
};

struct producer {
    const struct kafka_settings *settings;
    char name[64];
    bool patient;
    struct event_base *base;
    const struct clock *clock;
    struct producer_metrics metrics;

    enum producer_phase phase;
    struct producer_client *client;
    struct record_list pending;  /* sent, or (while replacing) to be sent; in the order of publishing */
    struct record_list rejected; /* to be reported as failed or refused, from the loop */
    struct event *later;         /* reports what is rejected, replaces a dead client */
    struct event *tick;
    int64_t replaced_ns; /* monotonic, when the client was made; 0: the first */
    int brokers_up;
    int64_t acknowledged_ns; /* monotonic, the last time; 0: never */
    pthread_t retiring;      /* the thread that ends the client before this one */
    bool has_retiring;
};

/* The record is in no list any more. */
static void
finish(struct producer *producer, struct record *record, rd_kafka_resp_err_t error)
{
    enum delivery delivery = message_delivery(error);

    producer_metrics_finished(&producer->metrics, record, delivery);
    recordset_report(record, delivery, delivery == DELIVERY_ACKNOWLEDGED ? NULL : rd_kafka_err2str(error));
}

static void
reject(struct producer *producer, struct record *record, rd_kafka_resp_err_t error)
{
    record->port_error = error;
    record_list_append(&producer->rejected, record);
    event_active(producer->later, EV_TIMEOUT, 0);
}

static void
report_rejected(struct producer *producer)
{
    /* Only those that are there now: what a report leads to may be rejected too, and has its own turn. */
    struct record_list list = producer->rejected;
    struct record *record;

    producer->rejected = (struct record_list){0};
    while ((record = record_list_first(&list)) != NULL) {
        record_list_remove(&list, record);
        finish(producer, record, record->port_error);
    }
}

static void
on_acknowledged(void *argument)
{
    struct producer *producer = argument;

    producer->acknowledged_ns = clock_monotonic_ns(producer->clock);
}

static void
on_brokers(void *argument, int up)
{
    struct producer *producer = argument;

    producer->brokers_up = up;
    metric_set(producer->metrics.brokers_up, up);
}

static void
on_death(void *argument)
{
    struct producer *producer = argument;
    char cause[256];

    if (producer->phase != PRODUCER_SENDING) {
        return;
    }
    producer->phase = PRODUCER_REPLACING;
    log_error("producer_died", log_text("producer", producer->name),
              log_text("reason", producer_client_cause(producer->client, cause, sizeof cause)),
              log_integer("pending_records", (int64_t)producer->pending.count));
    /* It may still be writing a record to its socket: it must let go of all before any can be sent again. */
    producer_client_purge(producer->client);
    event_active(producer->later, EV_TIMEOUT, 0);
}

static void
on_report(void *argument, struct record *record, rd_kafka_resp_err_t error)
{
    struct producer *producer = argument;

    if (error != RD_KAFKA_RESP_ERR_NO_ERROR && producer->phase == PRODUCER_REPLACING) {
        event_active(producer->later, EV_TIMEOUT, 0); /* stays pending: the next client sends it */
        return;
    }
    record_list_remove(&producer->pending, record);
    finish(producer, record, error);
}

static bool
make_client(struct producer *producer, struct error *error)
{
    struct producer_client_owner owner = {on_report, on_death, on_acknowledged, on_brokers, producer};

    producer->client =
        producer_client_new(producer->settings, producer->patient, producer->base, &producer->metrics, &owner, error);
    producer->replaced_ns = clock_monotonic_ns(producer->clock);
    return producer->client != NULL;
}

static void
send_record(struct producer *producer, struct record *record)
{
    rd_kafka_resp_err_t error = producer_client_send(producer->client, record);

    if (error == RD_KAFKA_RESP_ERR__FATAL) {
        on_death(producer);
    } else if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        record_list_remove(&producer->pending, record);
        reject(producer, record, error);
    }
}

static void
send_pending(struct producer *producer)
{
    struct record *record = record_list_first(&producer->pending);

    while (record != NULL && producer->phase == PRODUCER_SENDING) {
        struct record *next = record->next;

        send_record(producer, record);
        record = next;
    }
}

static void
retire_client(struct producer *producer)
{
    if (producer->has_retiring) {
        pthread_join(producer->retiring, NULL); /* over long ago: clients live for a second at least */
    }
    producer->has_retiring = producer_client_retire(producer->client, &producer->retiring);
    producer->client = NULL;
}

/* Once the dead client has let go of everything, a new one takes over. */
static void
replace_client(struct producer *producer)
{
    struct record *record;
    struct error error;

    if (clock_monotonic_ns(producer->clock) - producer->replaced_ns < REPLACE_WAIT_NS) {
        return; /* the tick comes back here */
    }
    if (producer->client != NULL) {
        if (producer_client_outstanding(producer->client) > 0) {
            return;
        }
        retire_client(producer);
    }
    if (!make_client(producer, &error)) {
        log_error("producer_not_replaced", log_text("producer", producer->name), log_text("reason", error.text));
        while ((record = record_list_first(&producer->pending)) != NULL) {
            record_list_remove(&producer->pending, record);
            reject(producer, record, RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE);
        }
        return;
    }
    metric_add(producer->metrics.replaced, 1);
    log_warn("producer_replaced", log_text("producer", producer->name),
             log_integer("sent_again", (int64_t)producer->pending.count));
    producer->phase = PRODUCER_SENDING;
    send_pending(producer);
}

static void
on_later(evutil_socket_t fd, short what, void *argument)
{
    struct producer *producer = argument;

    (void)fd;
    (void)what;
    report_rejected(producer);
    if (producer->phase == PRODUCER_REPLACING) {
        replace_client(producer);
    }
}

static struct producer *
make_producer(const struct kafka_settings *settings, const char *name, bool patient, struct event_base *base,
              struct metrics *metrics, const struct clock *clock, struct error *error)
{
    struct producer *producer = calloc(1, sizeof *producer);

    if (producer == NULL) {
        error_set(error, "out of memory");
        return NULL;
    }
    producer->settings = settings;
    producer->patient = patient;
    producer->base = base;
    producer->clock = clock;
    snprintf(producer->name, sizeof producer->name, "%s", name);
    producer_metrics_init(&producer->metrics, metrics, producer->name);
    producer->later = event_new(base, -1, 0, on_later, producer);
    producer->tick = event_new(base, -1, EV_PERSIST, on_later, producer);
    if (producer->later == NULL || producer->tick == NULL ||
        event_add(producer->tick, &(struct timeval){.tv_sec = TICK_SECONDS}) != 0) {
        error_set(error, "out of memory");
        goto failed;
    }
    if (!make_client(producer, error)) {
        goto failed;
    }
    return producer;

failed:
    producer_free(producer, 0);
    return NULL;
}

struct producer *
producer_new(const struct kafka_settings *settings, const char *name, struct event_base *base, struct metrics *metrics,
             const struct clock *clock, struct error *error)
{
    return make_producer(settings, name, false, base, metrics, clock, error);
}

struct producer *
producer_new_patient(const struct kafka_settings *settings, const char *name, struct event_base *base,
                     struct metrics *metrics, const struct clock *clock, struct error *error)
{
    return make_producer(settings, name, true, base, metrics, clock, error);
}

bool
producer_warm_up(struct producer *producer, const struct slice *topics, size_t count, int timeout_ms,
                 struct error *error)
{
    return producer_client_warm_up(producer->client, topics, count, timeout_ms, error);
}

void
producer_publish(struct producer *producer, struct recordset *set)
{
    set->pending = set->count;
    set->delivery = DELIVERY_PENDING;
    set->published_ns = clock_monotonic_ns(producer->clock);
    for (size_t i = 0; i < set->count; i++) {
        struct record *record = &set->records[i];

        record->set = set;
        record->delivery = DELIVERY_PENDING;
        producer_metrics_published(&producer->metrics, record);
        if (producer->phase == PRODUCER_ENDING) {
            reject(producer, record, RD_KAFKA_RESP_ERR__DESTROY);
            continue;
        }
        record_list_append(&producer->pending, record);
        if (producer->phase == PRODUCER_SENDING) {
            send_record(producer, record);
        }
    }
}

int32_t
producer_partition(struct producer *producer, struct slice topic, struct slice key)
{
    int32_t count;

    if (producer->client == NULL || slice_empty(key)) {
        return -1;
    }
    count = producer_client_partitions(producer->client, topic);
    return count == 0 ? -1 : partition_of(key, count);
}

void
producer_purge_queued(struct producer *producer)
{
    if (producer->phase == PRODUCER_SENDING) {
        producer_client_purge_queued(producer->client);
    }
}

struct producer_state
producer_state(const struct producer *producer)
{
    const struct record *oldest = record_list_first(&producer->pending);

    return (struct producer_state){
        .pending_records = producer->pending.count + producer->rejected.count,
        .reachable = producer->brokers_up > 0,
        .oldest_pending_ns = oldest == NULL ? 0 : oldest->set->published_ns,
        .last_acknowledged_ns = producer->acknowledged_ns,
    };
}

/* Serves the client until it has reported everything or the time is over. */
static void
drain(struct producer *producer, int timeout_ms)
{
    int64_t deadline_ns = clock_monotonic_ns(producer->clock) + timeout_ms * 1000000LL;

    report_rejected(producer);
    while (producer_client_outstanding(producer->client) > 0 && clock_monotonic_ns(producer->clock) < deadline_ns) {
        producer_client_serve(producer->client, SERVE_MS);
        report_rejected(producer);
    }
}

static void
end_client(struct producer *producer, int timeout_ms)
{
    if (producer->phase == PRODUCER_SENDING) {
        producer->phase = PRODUCER_ENDING;
        drain(producer, timeout_ms);
    }
    producer->phase = PRODUCER_ENDING;
    producer_client_purge(producer->client);
    drain(producer, PURGE_WAIT_MS);
    producer_client_free(producer->client);
    producer->client = NULL;
}

void
producer_free(struct producer *producer, int timeout_ms)
{
    struct record *record;

    if (producer == NULL) {
        return;
    }
    if (producer->client != NULL) {
        end_client(producer, timeout_ms);
    }
    producer->phase = PRODUCER_ENDING;
    while ((record = record_list_first(&producer->pending)) != NULL) {
        record_list_remove(&producer->pending, record);
        finish(producer, record, RD_KAFKA_RESP_ERR__DESTROY);
    }
    while (record_list_first(&producer->rejected) != NULL) {
        report_rejected(producer);
    }
    if (producer->has_retiring) {
        pthread_join(producer->retiring, NULL);
    }
    if (producer->later != NULL) {
        event_free(producer->later);
    }
    if (producer->tick != NULL) {
        event_free(producer->tick);
    }
    free(producer);
}

void
producer_break(struct producer *producer)
{
    producer_client_break(producer->client);
}

/* One librdkafka producer with its callbacks on an event loop. */
#include "bus/producer_client.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "bus/broker_statistics.h"
#include "bus/conf.h"
#include "bus/message.h"
#include "bus/metadata.h"
#include "bus/receipt.h"
#include "bus/wakeup.h"

#define SERVE_AT_ONCE 2000 /* callbacks, before the loop gets its turn */
#define SERVE_MS      50

/* Made at a topic's first record: a handle spares librdkafka a look-up each time. */
struct producer_topic {
    rd_kafka_topic_t *handle;
    int32_t partitions; /* 0: not known yet */
};

struct producer_client {
    const struct kafka_settings *settings;
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue;
    struct wakeup *wakeup;
    struct producer_metrics *metrics;
    struct producer_client_owner owner;
    size_t outstanding;
    struct receipt receipt;
    bool acknowledged;    /* something, since the client began to be served */
    bool has_producer_id; /* as far as the statistics have told */
    struct producer_topic *topics;
    size_t topic_count;
};

static const struct kafka_property defaults[] = {
    /* An answer waits for its report, so c connections make at most c / (linger + round trip) callbacks a second. 1 ms
     * leaves batches that fill themselves under load; 0 costs a fifth more CPU, 5 ms caps 64 connections at 10,000/s.
     */
    {"linger.ms", "1"},
    /* A broker judges a batch as a whole against the topic's max.message.bytes, and refuses all of it. Batches no
     * larger than the largest record that a topic must take anyway (2 x body limit + 64 KiB) are never refused for
     * their size. */
    {"batch.size", "65536"},
    /* As Java's clients. What is not acknowledged by then was answered 503 long before. */
    {"message.timeout.ms", "120000"},
    {NULL, NULL},
};

static const struct kafka_property ours[] = {
    {"enable.idempotence", "true"},    {"acks", "all"},       {"partitioner", "murmur2_random"},
    {"statistics.interval.ms", "500"}, {"log.queue", "true"}, {NULL, NULL},
};

static void
on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    static _Thread_local struct log_limit limit = LOG_LIMIT_DEFAULT;
    struct producer_client *client = opaque;
    rd_kafka_resp_err_t error = receipt_error(&client->receipt, message);

    (void)rk;
    client->outstanding--;
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
        if (!client->acknowledged) {
            client->acknowledged = true;
            client->owner.on_acknowledged(client->owner.owner);
        }
        metric_observe_ns(client->metrics->round_trip, rd_kafka_message_latency(message) * 1000);
    } else if (producer_client_dead(client)) {
        client->owner.on_death(client->owner.owner); /* before the report: it may come ahead of the error itself */
    } else if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        producer_metrics_error(client->metrics, error);
        log_warn_limited(&limit, "delivery_unproven", log_text("topic", rd_kafka_topic_name(message->rkt)),
                         log_integer("partition", message->partition));
    }
    client->owner.on_report(client->owner.owner, message->_private, error);
}

static void
on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
    static _Thread_local struct log_limit limit = LOG_LIMIT_DEFAULT;
    struct producer_client *client = opaque;
    rd_kafka_resp_err_t error = (rd_kafka_resp_err_t)code;

    (void)rk;
    producer_metrics_error(client->metrics, error);
    if (error == RD_KAFKA_RESP_ERR__FATAL) {
        client->owner.on_death(client->owner.owner);
        return;
    }
    log_warn_limited(&limit, "kafka_error", log_text("error", rd_kafka_err2name(error)), log_text("reason", reason));
    if (error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
        client->owner.on_brokers(client->owner.owner, 0);
    }
}

static void
on_topic(void *argument, struct slice name, int32_t partitions)
{
    struct producer_client *client = argument;

    for (size_t i = 0; i < client->topic_count; i++) {
        if (slice_is(name, rd_kafka_topic_name(client->topics[i].handle))) {
            client->topics[i].partitions = partitions;
        }
    }
}

static int
on_statistics(rd_kafka_t *rk, char *json, size_t length, void *opaque)
{
    struct producer_client *client = opaque;
    struct broker_statistics statistics;

    (void)rk;
    if (broker_statistics_read(slice_make(json, length), &statistics, on_topic, client)) {
        client->has_producer_id = statistics.has_producer_id;
        client->owner.on_brokers(client->owner.owner, statistics.brokers_up);
    }
    return 0; /* librdkafka frees the text */
}

/* Returns how many callbacks there were. */
static int
poll_once(struct producer_client *client, int timeout_ms)
{
    client->acknowledged = false;
    return rd_kafka_poll(client->rk, timeout_ms);
}

static bool
serve(void *argument)
{
    struct producer_client *client = argument;
    int served = 0;

    while (served < SERVE_AT_ONCE) {
        int count = poll_once(client, 0);

        if (count == 0) {
            return false;
        }
        served += count;
    }
    return true;
}

struct producer_client *
producer_client_new(const struct kafka_settings *settings, bool patient, struct event_base *base,
                    struct producer_metrics *metrics, const struct producer_client_owner *owner, struct error *error)
{
    struct producer_client *client = calloc(1, sizeof *client);
    rd_kafka_conf_t *conf;

    if (client == NULL) {
        error_set(error, "out of memory");
        return NULL;
    }
    client->settings = settings;
    client->metrics = metrics;
    client->owner = *owner;
    conf = conf_new(settings, defaults, ours, error);
    if (conf == NULL) {
        goto failed;
    }
    if (patient) {
        rd_kafka_conf_set(conf, "message.timeout.ms", "0", NULL, 0);
    }
    rd_kafka_conf_set_opaque(conf, client);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_stats_cb(conf, on_statistics);
    client->rk = conf_client(conf, RD_KAFKA_PRODUCER, error);
    if (client->rk == NULL) {
        goto failed;
    }
    rd_kafka_set_log_queue(client->rk, NULL);
    client->queue = rd_kafka_queue_get_main(client->rk);
    client->wakeup = wakeup_new(client->queue, base, serve, client, error);
    if (client->wakeup == NULL) {
        goto failed;
    }
    return client;

failed:
    producer_client_free(client);
    return NULL;
}

static void *
destroy(void *rk)
{
    rd_kafka_destroy(rk);
    return NULL;
}

/* Everything but the librdkafka instance, which is the caller's to destroy; NULL when there is none. */
static rd_kafka_t *
dismantle(struct producer_client *client)
{
    rd_kafka_t *rk = client->rk;

    wakeup_free(client->wakeup);
    for (size_t i = 0; i < client->topic_count; i++) {
        rd_kafka_topic_destroy(client->topics[i].handle);
    }
    free(client->topics);
    if (client->queue != NULL) {
        rd_kafka_queue_destroy(client->queue);
    }
    free(client);
    return rk;
}

void
producer_client_free(struct producer_client *client)
{
    rd_kafka_t *rk = client == NULL ? NULL : dismantle(client);

    if (rk != NULL) {
        rd_kafka_destroy(rk);
    }
}

bool
producer_client_retire(struct producer_client *client, pthread_t *thread)
{
    rd_kafka_t *rk = dismantle(client);

    if (pthread_create(thread, NULL, destroy, rk) == 0) {
        return true;
    }
    rd_kafka_destroy(rk);
    return false;
}

/* NULL when librdkafka does not take the name, or memory is out. */
static const struct producer_topic *
find_topic(struct producer_client *client, struct slice name)
{
    struct producer_topic *topics;
    rd_kafka_topic_t *handle;

    for (size_t i = 0; i < client->topic_count; i++) {
        if (slice_is(name, rd_kafka_topic_name(client->topics[i].handle))) {
            return &client->topics[i];
        }
    }
    topics = realloc(client->topics, (client->topic_count + 1) * sizeof *topics);
    if (topics == NULL) {
        return NULL;
    }
    client->topics = topics;
    handle = rd_kafka_topic_new(client->rk, name.data, NULL);
    if (handle == NULL) {
        return NULL;
    }
    topics[client->topic_count] = (struct producer_topic){.handle = handle};
    return &topics[client->topic_count++];
}

rd_kafka_resp_err_t
producer_client_send(struct producer_client *client, struct record *record)
{
    const struct producer_topic *topic = find_topic(client, record->topic);
    rd_kafka_headers_t *headers;
    rd_kafka_resp_err_t error;

    if (topic == NULL) {
        return RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
    }
    headers = message_headers(record->headers, record->header_count);
    /* No flag to copy: the value stays where it is until the report. An empty value is not a missing one. */
    error = rd_kafka_producev(
        client->rk, RD_KAFKA_V_RKT(topic->handle), RD_KAFKA_V_PARTITION(RD_KAFKA_PARTITION_UA), RD_KAFKA_V_MSGFLAGS(0),
        RD_KAFKA_V_VALUE((void *)(record->value.length == 0 ? "" : record->value.data), record->value.length),
        RD_KAFKA_V_KEY(record->key.length == 0 ? NULL : record->key.data, record->key.length),
        RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_OPAQUE(record), RD_KAFKA_V_END);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
        client->outstanding++;
    } else {
        rd_kafka_headers_destroy(headers);
    }
    return error;
}

size_t
producer_client_outstanding(const struct producer_client *client)
{
    return client->outstanding;
}

bool
producer_client_dead(const struct producer_client *client)
{
    return rd_kafka_fatal_error(client->rk, NULL, 0) != RD_KAFKA_RESP_ERR_NO_ERROR;
}

const char *
producer_client_cause(const struct producer_client *client, char *text, size_t size)
{
    text[0] = '\0';
    rd_kafka_fatal_error(client->rk, text, size);
    return text;
}

void
producer_client_purge(struct producer_client *client)
{
    rd_kafka_purge(client->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
}

void
producer_client_purge_queued(struct producer_client *client)
{
    rd_kafka_purge(client->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_NON_BLOCKING);
}

int32_t
producer_client_partitions(struct producer_client *client, struct slice topic)
{
    const struct producer_topic *found = find_topic(client, topic);

    return found == NULL ? 0 : found->partitions;
}

void
producer_client_serve(struct producer_client *client, int timeout_ms)
{
    (void)poll_once(client, timeout_ms);
}

bool
producer_client_warm_up(struct producer_client *client, const struct slice *topics, size_t count, int timeout_ms,
                        struct error *error)
{
    const struct clock *clock = clock_system();
    int64_t deadline_ns = clock_monotonic_ns(clock) + timeout_ms * 1000000LL;

    for (size_t i = 0; i < count; i++) {
        if (find_topic(client, topics[i]) == NULL) {
            return error_set(error, "\"%.*s\" is no name for a topic", SLICE_ARGS(topics[i]));
        }
    }
    if (!metadata_await(client->rk, conf_brokers(client->settings), topics, count, timeout_ms, NULL, error)) {
        return false;
    }
    /* A broker that has just started makes the first producers wait for their ids, half a second or more. */
    while (!client->has_producer_id) {
        if (clock_monotonic_ns(clock) > deadline_ns) {
            return error_set(error, "Kafka gives this producer no id; see that its brokers have started");
        }
        producer_client_serve(client, SERVE_MS);
    }
    return true;
}

void
producer_client_break(struct producer_client *client)
{
    rd_kafka_test_fatal_error(client->rk, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, "broken for a test");
}

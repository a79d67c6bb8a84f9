/* The manual consumer: all partitions of given topics, or one from an offset, on the loop, without a group. */
#include "bus/consumer.h"

#include <stdlib.h>

#include "base/log.h"
#include "bus/conf.h"
#include "bus/message.h"
#include "bus/metadata.h"
#include "bus/offsets.h"
#include "bus/wakeup.h"

#define SERVE_AT_ONCE 500 /* records, before the loop gets its turn */
#define START_MS      10000

struct consumer {
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue;
    struct wakeup *wakeup;
    void (*on_record)(const struct consumed *record, void *argument);
    void (*on_end)(void *argument); /* or NULL */
    void *argument;
    bool paused;
    int64_t end;                            /* of the last on_end */
    bool seek_due;                          /* to where place says; what comes before is not handed over */
    bool nudge;                             /* librdkafka may have stopped fetching: see revive */
    size_t burst, at_once;                  /* bytes handed over since the queue was empty; those that make it stop */
    rd_kafka_topic_partition_list_t *place; /* of consumer_new_at: the partition, and what to read next; else NULL */
    struct header_table headers;            /* of the record at hand */
};

static const struct kafka_property defaults[] = {
    {"allow.auto.create.topics", "false"},
    {NULL, NULL},
};

/* Of a consumer of one partition. */
static const struct kafka_property place_defaults[] = {
    {"allow.auto.create.topics", "false"},
    /* There may be many, one or two a partition, and each would hold 64 MiB. */
    {"queued.max.messages.kbytes", "1024"},
    {"fetch.message.max.bytes", "262144"}, /* the next ones are fetched while these are read */
    /* Where the offset is out of range. The other choice, the end, would leave out what was never read. */
    {"auto.offset.reset", "earliest"},
    {"enable.partition.eof", "true"}, /* for on_end; not the user's to set */
    {NULL, NULL},
};

static const struct kafka_property ours[] = {
    {"group.id", "trunkline"}, /* librdkafka wants one to assign by hand; no group is ever joined */
    {"enable.auto.commit", "false"}, {"enable.auto.offset.store", "false"}, {"log.queue", "true"}, {NULL, NULL},
};

static void
hand_over(struct consumer *consumer, const rd_kafka_message_t *message)
{
    struct consumed record;

    message_read(message, &consumer->headers, &record);
    if (consumer->place != NULL) {
        consumer->burst += message->len + message->key_len;
        consumer->place->elems[0].offset = message->offset + 1;
    }
    consumer->on_record(&record, consumer->argument);
}

/* Not assigned anew: librdkafka 2.0.2 aborts the process when that comes twice before it has stopped reading. What is
 * in the queue by now it drops itself. */
static bool
send_there(struct consumer *consumer, struct error *error)
{
    rd_kafka_topic_partition_t *place = &consumer->place->elems[0];
    rd_kafka_error_t *failure;
    bool sent;

    place->err = RD_KAFKA_RESP_ERR_NO_ERROR;
    failure = rd_kafka_seek_partitions(consumer->rk, consumer->place, 0);
    /* Before it has the topic's metadata librdkafka knows nothing of its own assignment. */
    consumer->seek_due = failure == NULL && place->err == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION;
    sent = failure == NULL;
    if (!sent) {
        error_set(error, "librdkafka does not read on from an offset: %s", rd_kafka_error_string(failure));
    }
    rd_kafka_error_destroy(failure);
    return sent;
}

/* The queue is empty. When it was full before, librdkafka 2.0.2 has stopped fetching and looks again only when its
 * thread wakes, up to a second later: a reader would get 1 MiB a second. A seek to where we are wakes it. */
static void
revive(struct consumer *consumer)
{
    if (consumer->place == NULL || (!consumer->nudge && consumer->burst < consumer->at_once)) {
        consumer->burst = 0;
        return;
    }
    send_there(consumer, NULL);
    consumer->burst = 0;
    /* What came in between is void now, but counts as long as it is in there. */
    consumer->nudge = rd_kafka_queue_length(consumer->queue) > 0;
}

static bool
serve(void *argument)
{
    static _Thread_local struct log_limit limit = LOG_LIMIT_DEFAULT;
    struct consumer *consumer = argument;

    for (int served = 0; served < SERVE_AT_ONCE; served++) {
        rd_kafka_message_t *message = consumer->paused ? NULL : rd_kafka_consumer_poll(consumer->rk, 0);

        if (message == NULL) {
            if (!consumer->paused) {
                revive(consumer);
            }
            return false;
        }
        if (consumer->seek_due) {
            send_there(consumer, NULL); /* from where it was before; the message is none that is wanted */
        } else if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            hand_over(consumer, message);
        } else if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
            if (consumer->on_end != NULL) {
                consumer->end = consumer->place->elems[0].offset = message->offset;
                consumer->on_end(consumer->argument);
            }
        } else {
            log_warn_limited(&limit, "kafka_read_error", log_text("error", rd_kafka_err2name(message->err)),
                             log_text("reason", rd_kafka_message_errstr(message)));
        }
        rd_kafka_message_destroy(message);
    }
    return true;
}

static bool
assign(struct consumer *consumer, const struct slice *topics, const int *partitions, size_t count,
       enum consumer_start start, struct error *error)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
    int64_t offset = start == CONSUMER_FROM_END ? RD_KAFKA_OFFSET_END : RD_KAFKA_OFFSET_BEGINNING;
    rd_kafka_resp_err_t failure;
    bool assigned = false;

    for (size_t i = 0; i < count; i++) {
        for (int partition = 0; partition < partitions[i]; partition++) {
            rd_kafka_topic_partition_list_add(list, topics[i].data, partition)->offset = offset;
        }
    }
    /* Reading from the end means from what is the end now, not from what it is when librdkafka comes to ask. */
    if (start == CONSUMER_FROM_BEGINNING || offsets_ask(consumer->rk, list, START_MS, error)) {
        failure = rd_kafka_assign(consumer->rk, list);
        assigned = failure == RD_KAFKA_RESP_ERR_NO_ERROR;
        if (!assigned) {
            error_set(error, "librdkafka does not assign the partitions: %s", rd_kafka_err2str(failure));
        }
    }
    rd_kafka_topic_partition_list_destroy(list);
    return assigned;
}

static bool
begin(struct consumer *consumer, const struct kafka_settings *settings, const struct slice *topics, size_t count,
      enum consumer_start start, struct error *error)
{
    int *partitions = calloc(count, sizeof *partitions);
    bool begun = false;

    if (partitions == NULL) {
        return error_set(error, "out of memory");
    }
    if (metadata_await(consumer->rk, conf_brokers(settings), topics, count, START_MS, partitions, error)) {
        begun = assign(consumer, topics, partitions, count, start, error);
    }
    free(partitions);
    return begun;
}

/* Everything but what it reads: that comes before listen_on. */
static struct consumer *
make(const struct kafka_settings *settings, const struct kafka_property *preset,
     void (*on_record)(const struct consumed *record, void *argument), void *argument, struct error *error)
{
    struct consumer *consumer = calloc(1, sizeof *consumer);
    rd_kafka_conf_t *conf;

    if (consumer == NULL) {
        error_set(error, "out of memory");
        return NULL;
    }
    consumer->on_record = on_record;
    consumer->argument = argument;
    conf = conf_new(settings, preset, ours, error);
    if (conf == NULL) {
        goto failed;
    }
    if (settings->embedded) {
        rd_kafka_conf_set(conf, "fetch.wait.max.ms", "10", NULL, 0);
    }
    consumer->rk = conf_client(conf, RD_KAFKA_CONSUMER, error);
    if (consumer->rk == NULL) {
        goto failed;
    }
    rd_kafka_set_log_queue(consumer->rk, NULL);
    rd_kafka_poll_set_consumer(consumer->rk);
    return consumer;

failed:
    consumer_free(consumer);
    return NULL;
}

static bool
listen_on(struct consumer *consumer, struct event_base *base, struct error *error)
{
    consumer->queue = rd_kafka_queue_get_consumer(consumer->rk);
    consumer->wakeup = wakeup_new(consumer->queue, base, serve, consumer, error);
    return consumer->wakeup != NULL;
}

struct consumer *
consumer_new(const struct kafka_settings *settings, struct event_base *base, const struct slice *topics, size_t count,
             enum consumer_start start, void (*on_record)(const struct consumed *record, void *argument),
             void *argument, struct error *error)
{
    struct consumer *consumer = make(settings, defaults, on_record, argument, error);

    if (consumer != NULL &&
        (!begin(consumer, settings, topics, count, start, error) || !listen_on(consumer, base, error))) {
        consumer_free(consumer);
        return NULL;
    }
    return consumer;
}

static bool
offset_valid(int64_t offset, struct error *error)
{
    return offset >= 0 || error_set(error, "%lld is no offset to read from", (long long)offset);
}

/* How many bytes in its queue make librdkafka stop fetching. */
static size_t
queue_limit(rd_kafka_t *rk)
{
    char text[32] = "";
    size_t size = sizeof text;

    if (rd_kafka_conf_get(rd_kafka_conf(rk), "queued.max.messages.kbytes", text, &size) != RD_KAFKA_CONF_OK) {
        return 0; /* it has this property; were it gone, to wake it too often is the safe side */
    }
    return (size_t)strtoul(text, NULL, 10) * 1024;
}

struct consumer *
consumer_new_at(const struct kafka_settings *settings, struct event_base *base, struct slice topic, int32_t partition,
                int64_t offset, void (*on_record)(const struct consumed *record, void *argument), void *argument,
                struct error *error)
{
    struct consumer *consumer =
        offset_valid(offset, error) ? make(settings, place_defaults, on_record, argument, error) : NULL;
    rd_kafka_resp_err_t failure;

    if (consumer == NULL) {
        return NULL;
    }
    consumer->place = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(consumer->place, topic.data, partition)->offset = offset;
    consumer->at_once = queue_limit(consumer->rk) / 2; /* librdkafka counts a little otherwise */
    failure = rd_kafka_assign(consumer->rk, consumer->place);
    if (failure != RD_KAFKA_RESP_ERR_NO_ERROR) {
        error_set(error, "librdkafka does not assign the partition: %s", rd_kafka_err2str(failure));
    }
    if (failure != RD_KAFKA_RESP_ERR_NO_ERROR || !listen_on(consumer, base, error)) {
        consumer_free(consumer);
        return NULL;
    }
    return consumer;
}

bool
consumer_seek(struct consumer *consumer, int64_t offset, struct error *error)
{
    if (!offset_valid(offset, error)) {
        return false;
    }
    consumer->place->elems[0].offset = offset;
    consumer->burst = 0;
    consumer->nudge = rd_kafka_queue_length(consumer->queue) > 0;
    if (consumer->nudge) {
        wakeup_ring(consumer->wakeup);
    }
    return send_there(consumer, error);
}

void
consumer_on_end(struct consumer *consumer, void (*on_end)(void *argument))
{
    consumer->on_end = on_end;
}

int64_t
consumer_end(const struct consumer *consumer)
{
    return consumer->end;
}

/* Nothing is taken out of the queue; librdkafka stops fetching when that holds queued.max.messages.kbytes. It leaves no
 * group for want of polls, as there is none. */
void
consumer_pause(struct consumer *consumer, bool paused)
{
    bool resumed = consumer->paused && !paused;

    consumer->paused = paused;
    if (resumed) {
        wakeup_ring(consumer->wakeup);
    }
}

void
consumer_free(struct consumer *consumer)
{
    if (consumer == NULL) {
        return;
    }
    wakeup_free(consumer->wakeup);
    if (consumer->queue != NULL) {
        rd_kafka_queue_destroy(consumer->queue);
    }
    if (consumer->rk != NULL) {
        rd_kafka_consumer_close(consumer->rk);
        rd_kafka_destroy(consumer->rk);
    }
    if (consumer->place != NULL) {
        rd_kafka_topic_partition_list_destroy(consumer->place);
    }
    header_table_free(&consumer->headers);
    free(consumer);
}

/* The range reader: a consumer without a group that knows of each partition where it begins and where it is done. */
#include "bus/range_reader.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "bus/conf.h"
#include "bus/message.h"
#include "bus/metadata.h"
#include "bus/offsets.h"
#include "bus/pulled.h"
#include "bus/wakeup.h"

#define SERVE_AT_ONCE 500 /* records, before the loop gets its turn */

/* Of one partition: offsets. */
struct span {
    int64_t first; /* to be read */
    int64_t next;  /* the one to come; never beyond end */
    int64_t end;   /* that of the range is outside */
};

struct range_reader {
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue;
    struct wakeup *wakeup;
    void (*on_record)(const struct consumed *record, void *argument);
    void (*on_end)(void *argument);
    void *argument;
    struct time_range range;
    bool by_record; /* the broker knows no times */
    bool paused;
    bool ended; /* on_end has been called */
    rd_kafka_topic_partition_list_t *partitions;
    struct span *spans; /* of the partitions, in their order */
    int left;           /* that are not read to their end */
    int latest;         /* whose record came last: most likely the next is its, too */
    struct header_table headers;
};

/* Nothing more is wanted of it. */
static void
stop_partition(struct range_reader *reader, int index)
{
    const rd_kafka_topic_partition_t *partition = &reader->partitions->elems[index];
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

    rd_kafka_topic_partition_list_add(list, partition->topic, partition->partition);
    if (rd_kafka_pause_partitions(reader->rk, list) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        log_debug("range_reader_not_paused", log_text("topic", partition->topic)); /* what comes is thrown away */
    }
    rd_kafka_topic_partition_list_destroy(list);
}

/* It is read up to this offset. */
static void
advance(struct range_reader *reader, int index, int64_t next)
{
    struct span *span = &reader->spans[index];

    if (span->next >= span->end || next <= span->next) {
        return;
    }
    span->next = next < span->end ? next : span->end;
    if (span->next == span->end) {
        reader->left--;
        if (!reader->range.follow) {
            stop_partition(reader, index);
        }
    }
}

static void
take_record(struct range_reader *reader, int index, const rd_kafka_message_t *message)
{
    struct consumed record;

    if (message->offset < reader->spans[index].end || reader->range.follow) {
        message_read(message, &reader->headers, &record);
        if (!reader->by_record ||
            (record.timestamp_ms >= reader->range.from_ms && record.timestamp_ms < reader->range.to_ms)) {
            reader->on_record(&record, reader->argument);
        }
    }
    advance(reader, index, message->offset + 1);
}

static void
take(struct range_reader *reader, const rd_kafka_message_t *message)
{
    static _Thread_local struct log_limit limit = LOG_LIMIT_DEFAULT;
    int index = message->rkt == NULL ? -1
                                     : pulled_index(reader->partitions, rd_kafka_topic_name(message->rkt),
                                                    message->partition, &reader->latest);

    if (index >= 0 && message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        take_record(reader, index, message);
    } else if (index >= 0 && message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        advance(reader, index, message->offset);
    } else {
        log_warn_limited(&limit, "kafka_read_error", log_text("error", rd_kafka_err2name(message->err)),
                         log_text("reason", rd_kafka_message_errstr(message)));
    }
}

static bool
serve(void *argument)
{
    struct range_reader *reader = argument;
    bool more = true;

    for (int served = 0; served < SERVE_AT_ONCE && more && !reader->paused; served++) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(reader->rk, 0);

        more = message != NULL;
        if (more) {
            take(reader, message);
            rd_kafka_message_destroy(message);
        }
    }
    if (reader->left == 0 && !reader->ended && !reader->paused) {
        reader->ended = true;
        reader->on_end(reader->argument);
    }
    return more && !reader->paused;
}

/* All partitions of the topics. */
static bool
list_partitions(struct range_reader *reader, const struct kafka_settings *settings, const struct slice *topics,
                size_t count, int timeout_ms, struct error *error)
{
    int *numbers = calloc(count, sizeof *numbers);
    bool known;

    if (numbers == NULL) {
        return error_set(error, "out of memory");
    }
    known = metadata_await(reader->rk, conf_brokers(settings), topics, count, timeout_ms, numbers, error);
    for (size_t i = 0; i < count && known; i++) {
        for (int partition = 0; partition < numbers[i]; partition++) {
            rd_kafka_topic_partition_list_add(reader->partitions, topics[i].data, partition);
        }
    }
    free(numbers);
    return known;
}

/* What Kafka answers to the same question for all partitions. */
static rd_kafka_topic_partition_list_t *
ask(struct range_reader *reader, int64_t what, int64_t deadline_ns, struct error *error)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_copy(reader->partitions);
    int64_t left_ms = (deadline_ns - clock_monotonic_ns(clock_system())) / 1000000;

    for (int i = 0; i < list->cnt; i++) {
        list->elems[i].offset = what;
    }
    if (!offsets_ask(reader->rk, list, left_ms > 1 ? (int)left_ms : 1, error)) {
        rd_kafka_topic_partition_list_destroy(list);
        return NULL;
    }
    return list;
}

static void
forget(rd_kafka_topic_partition_list_t *list)
{
    if (list != NULL) {
        rd_kafka_topic_partition_list_destroy(list);
    }
}

/* Where each partition begins and ends; the end first: what is appended between the questions stands behind it. */
static bool
find_spans(struct range_reader *reader, int64_t deadline_ns, struct error *error)
{
    bool from_beginning = reader->by_record || reader->range.from_ms <= 0;
    bool to_end = reader->by_record || reader->range.to_ms == INT64_MAX;
    rd_kafka_topic_partition_list_t *ends = ask(reader, RD_KAFKA_OFFSET_END, deadline_ns, error);
    rd_kafka_topic_partition_list_t *firsts = NULL, *stops = NULL;
    bool found = false;

    if (ends != NULL) {
        firsts = ask(reader, from_beginning ? RD_KAFKA_OFFSET_BEGINNING : reader->range.from_ms, deadline_ns, error);
    }
    if (firsts != NULL && !to_end) {
        stops = ask(reader, reader->range.to_ms < 0 ? 0 : reader->range.to_ms, deadline_ns, error);
    }
    found = firsts != NULL && (to_end || stops != NULL);
    for (int i = 0; i < reader->partitions->cnt && found; i++) {
        int64_t end = ends->elems[i].offset, first = firsts->elems[i].offset;
        int64_t stop = stops == NULL ? -1 : stops->elems[i].offset;

        end = stop >= 0 && stop < end ? stop : end;
        first = first >= 0 && first < end ? first : end;
        reader->spans[i] = (struct span){first, first, end};
        reader->left += first < end;
    }
    forget(ends);
    forget(firsts);
    forget(stops);
    return found;
}

static bool
assign(struct range_reader *reader, struct error *error)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(reader->partitions->cnt);
    rd_kafka_resp_err_t failure = RD_KAFKA_RESP_ERR_NO_ERROR;

    for (int i = 0; i < reader->partitions->cnt; i++) {
        const rd_kafka_topic_partition_t *partition = &reader->partitions->elems[i];

        if (reader->range.follow || reader->spans[i].first < reader->spans[i].end) {
            rd_kafka_topic_partition_list_add(list, partition->topic, partition->partition)->offset =
                reader->spans[i].first;
        }
    }
    if (list->cnt > 0) {
        failure = rd_kafka_assign(reader->rk, list);
    }
    rd_kafka_topic_partition_list_destroy(list);
    return failure == RD_KAFKA_RESP_ERR_NO_ERROR ||
           error_set(error, "librdkafka does not assign the partitions: %s", rd_kafka_err2str(failure));
}

static bool
open_client(struct range_reader *reader, const struct kafka_settings *settings, struct error *error)
{
    rd_kafka_conf_t *conf = conf_new(settings, pulled_defaults, pulled_ours, error);

    if (conf == NULL) {
        return false;
    }
    if (settings->embedded) {
        rd_kafka_conf_set(conf, "fetch.wait.max.ms", "10", NULL, 0);
    }
    reader->rk = conf_client(conf, RD_KAFKA_CONSUMER, error);
    if (reader->rk == NULL) {
        return false;
    }
    rd_kafka_set_log_queue(reader->rk, NULL);
    rd_kafka_poll_set_consumer(reader->rk);
    return true;
}

static bool
begin(struct range_reader *reader, const struct kafka_settings *settings, const struct slice *topics, size_t count,
      int timeout_ms, struct error *error)
{
    int64_t deadline_ns = clock_monotonic_ns(clock_system()) + timeout_ms * 1000000LL;

    reader->partitions = rd_kafka_topic_partition_list_new((int)count);
    if (!open_client(reader, settings, error) || !list_partitions(reader, settings, topics, count, timeout_ms, error)) {
        return false;
    }
    reader->spans = calloc((size_t)reader->partitions->cnt, sizeof *reader->spans);
    if (reader->spans == NULL) {
        return error_set(error, "out of memory");
    }
    return find_spans(reader, deadline_ns, error) && assign(reader, error);
}

/* Makes that place the only span, when the partition holds it. */
static bool
find_place(struct range_reader *reader, int64_t offset, int64_t deadline_ns, struct error *error)
{
    rd_kafka_topic_partition_list_t *ends = ask(reader, RD_KAFKA_OFFSET_END, deadline_ns, error);
    rd_kafka_topic_partition_list_t *firsts = NULL;
    bool found = false;

    if (ends != NULL) {
        firsts = ask(reader, RD_KAFKA_OFFSET_BEGINNING, deadline_ns, error);
    }
    if (firsts != NULL) {
        const rd_kafka_topic_partition_t *first = &firsts->elems[0], *end = &ends->elems[0];

        found = offset >= first->offset && offset < end->offset;
        if (first->offset == end->offset && !found) {
            error_set(error, "partition %d of topic %s holds nothing now", first->partition, first->topic);
        } else if (!found) {
            error_set(error, "partition %d of topic %s holds offsets %lld to %lld now, and not %lld", first->partition,
                      first->topic, (long long)first->offset, (long long)end->offset - 1, (long long)offset);
        }
    }
    forget(ends);
    forget(firsts);
    reader->spans[0] = (struct span){offset, offset, offset + 1};
    reader->left = 1;
    return found;
}

static bool
begin_at(struct range_reader *reader, const struct kafka_settings *settings, struct slice topic, int32_t partition,
         int64_t offset, int timeout_ms, struct error *error)
{
    int64_t deadline_ns = clock_monotonic_ns(clock_system()) + timeout_ms * 1000000LL;
    int number = 0;

    reader->partitions = rd_kafka_topic_partition_list_new(1);
    if (!open_client(reader, settings, error) ||
        !metadata_await(reader->rk, conf_brokers(settings), &topic, 1, timeout_ms, &number, error)) {
        return false;
    }
    if (partition < 0 || partition >= number) {
        return error_set(error, "topic %.*s has no partition %d: they are numbered from 0 to %d", SLICE_ARGS(topic),
                         partition, number - 1);
    }
    rd_kafka_topic_partition_list_add(reader->partitions, topic.data, partition);
    reader->spans = calloc(1, sizeof *reader->spans);
    if (reader->spans == NULL) {
        return error_set(error, "out of memory");
    }
    return find_place(reader, offset, deadline_ns, error) && assign(reader, error);
}

static struct range_reader *
make(const struct kafka_settings *settings, const struct time_range *range,
     void (*on_record)(const struct consumed *record, void *argument), void (*on_end)(void *argument), void *argument,
     struct error *error)
{
    struct range_reader *reader = calloc(1, sizeof *reader);

    if (reader == NULL) {
        error_set(error, "out of memory");
        return NULL;
    }
    reader->on_record = on_record;
    reader->on_end = on_end;
    reader->argument = argument;
    reader->range = *range;
    reader->by_record = settings->embedded;
    return reader;
}

static bool
listen_on(struct range_reader *reader, struct event_base *base, struct error *error)
{
    reader->queue = rd_kafka_queue_get_consumer(reader->rk);
    reader->wakeup = wakeup_new(reader->queue, base, serve, reader, error);
    return reader->wakeup != NULL;
}

struct range_reader *
range_reader_new(const struct kafka_settings *settings, struct event_base *base, const struct slice *topics,
                 size_t count, const struct time_range *range, int timeout_ms,
                 void (*on_record)(const struct consumed *record, void *argument), void (*on_end)(void *argument),
                 void *argument, struct error *error)
{
    struct range_reader *reader = make(settings, range, on_record, on_end, argument, error);

    if (reader != NULL &&
        (!begin(reader, settings, topics, count, timeout_ms, error) || !listen_on(reader, base, error))) {
        range_reader_free(reader);
        return NULL;
    }
    return reader;
}

struct range_reader *
range_reader_new_at(const struct kafka_settings *settings, struct event_base *base, struct slice topic,
                    int32_t partition, int64_t offset, int timeout_ms,
                    void (*on_record)(const struct consumed *record, void *argument), void (*on_end)(void *argument),
                    void *argument, struct error *error)
{
    static const struct time_range any = {.from_ms = 0, .to_ms = INT64_MAX};
    struct range_reader *reader = make(settings, &any, on_record, on_end, argument, error);

    if (reader != NULL &&
        (!begin_at(reader, settings, topic, partition, offset, timeout_ms, error) || !listen_on(reader, base, error))) {
        range_reader_free(reader);
        return NULL;
    }
    return reader;
}

void
range_reader_pause(struct range_reader *reader, bool paused)
{
    bool resumed = reader->paused && !paused;

    reader->paused = paused;
    if (resumed) {
        wakeup_ring(reader->wakeup);
    }
}

struct range_progress
range_reader_progress(const struct range_reader *reader)
{
    struct range_progress progress = {0, 0};

    for (int i = 0; i < reader->partitions->cnt; i++) {
        const struct span *span = &reader->spans[i];

        progress.read += (uint64_t)(span->next - span->first);
        progress.all += (uint64_t)(span->end - span->first);
    }
    return progress;
}

void
range_reader_free(struct range_reader *reader)
{
    if (reader == NULL) {
        return;
    }
    wakeup_free(reader->wakeup);
    if (reader->queue != NULL) {
        rd_kafka_queue_destroy(reader->queue);
    }
    if (reader->rk != NULL) {
        rd_kafka_consumer_close(reader->rk);
        rd_kafka_destroy(reader->rk);
    }
    forget(reader->partitions);
    free(reader->spans);
    header_table_free(&reader->headers);
    free(reader);
}

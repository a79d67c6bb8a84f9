/* The takeover of a partition: fence whoever had it, note that in the journal, learn from Kafka where things stand,
 * read the journal. */
#include <stdlib.h>

#include "base/log.h"
#include "base/random.h"
#include "egress/attempt.h"
#include "egress/timer.h"

#define ARENA_BYTES_MAX ((size_t)64 * 1024)
#define KAFKA_MS        20000
#define BACKOFF_LAST_MS 10000U
/* What is read of the journal beyond the de-duplication window: a command may have been read late. */
#define SLACK_MS   3600000LL
#define NO_TIME_MS (INT64_MAX / 2) /* when no record was appended */

struct takeover {
    struct lane *lane;
    struct event *next; /* the next try, or the end of the journal */
    unsigned failures;
    struct consumer *journal;
    bool read; /* all of the journal that there was */
    /* Written by the committer's thread while it works: */
    bool done, lost, partitions_differ;
    int32_t partitions, journal_partitions;
    int64_t epoch, appended_ms, journal_from, committed;
    int64_t end; /* of the commands; INT64_MAX: not known */
    struct error error;
    int64_t at_ns; /* boot time at which the takeover entry was certainly written */
};

/* --- on the committer's thread --- */

static bool
write_entry(struct takeover *takeover, struct transaction_producer *producer)
{
    struct lane *lane = takeover->lane;
    const struct config *config = lane->service->config;
    struct arena *arena = arena_new(NULL, ARENA_BYTES_MAX);
    struct record entry = {0};
    struct transaction_record record;
    struct transaction_batch batch = {.records = &record, .record_count = 1};
    enum transaction_outcome outcome = TRANSACTION_ABORTED;

    if (arena == NULL || !journal_write(&(struct journal_entry){.kind = JOURNAL_TAKEOVER,
                                                                .partitions = takeover->partitions,
                                                                .owner = slice_from(config->instance)},
                                        arena, &entry)) {
        arena_free(arena);
        return error_set(&takeover->error, "out of memory");
    }
    record = (struct transaction_record){
        .topic = config->topics[TOPIC_JOURNAL],
        .partition = lane->partition,
        .key = (struct slice)SLICE("takeover"),
        .value = entry.value,
        .headers = entry.headers,
        .header_count = entry.header_count,
    };
    outcome = transaction_producer_commit(producer, &batch, &takeover->error);
    takeover->lost = outcome != TRANSACTION_COMMITTED && outcome != TRANSACTION_ABORTED;
    takeover->epoch = record.offset;
    takeover->appended_ms = record.timestamp_ms;
    arena_free(arena);
    return outcome == TRANSACTION_COMMITTED;
}

static bool
count_partitions(struct takeover *takeover, struct transaction_producer *producer)
{
    const struct slice *topics = takeover->lane->service->config->topics;

    if (!transaction_producer_partitions(producer, topics[TOPIC_COMMANDS], KAFKA_MS, &takeover->partitions,
                                         &takeover->error) ||
        !transaction_producer_partitions(producer, topics[TOPIC_JOURNAL], KAFKA_MS, &takeover->journal_partitions,
                                         &takeover->error)) {
        return false;
    }
    takeover->partitions_differ = takeover->partitions != takeover->journal_partitions;
    return !takeover->partitions_differ ||
           error_set(&takeover->error,
                     "%.*s has %d partitions and %.*s %d: they must have the same number, and keep it",
                     SLICE_ARGS(topics[TOPIC_COMMANDS]), takeover->partitions, SLICE_ARGS(topics[TOPIC_JOURNAL]),
                     takeover->journal_partitions);
}

/* Where the journal is to be read from. A command that was finished behind one that is not yet is read again, however
 * long ago that was: then all of the journal is needed, which Kafka keeps for longer than commands. */
static bool
find_start(struct takeover *takeover, struct transaction_producer *producer)
{
    const struct lane *lane = takeover->lane;
    const struct config *config = lane->service->config;
    int64_t since_ms = takeover->appended_ms - config->egress.dedup_window_seconds * 1000LL - SLACK_MS;
    int64_t recent; /* the first command that is no older */

    if (!transaction_producer_offset_at(producer, config->topics[TOPIC_COMMANDS], lane->partition, since_ms, KAFKA_MS,
                                        &recent, &takeover->error)) {
        return false;
    }
    return transaction_producer_offset_at(producer, config->topics[TOPIC_JOURNAL], lane->partition,
                                          takeover->committed < recent ? 0 : since_ms, KAFKA_MS,
                                          &takeover->journal_from, &takeover->error);
}

/* Whoever goes on sending commands shall not keep us from beginning. */
static bool
find_end(struct takeover *takeover, struct transaction_producer *producer)
{
    const struct config *config = takeover->lane->service->config;

    takeover->end = INT64_MAX;
    return config->kafka.embedded || /* it would tell the beginning */
           transaction_producer_offset_at(producer, config->topics[TOPIC_COMMANDS], takeover->lane->partition,
                                          NO_TIME_MS, KAFKA_MS, &takeover->end, &takeover->error);
}

static void
work(void *argument, struct transaction_producer *producer)
{
    struct takeover *takeover = argument;
    struct lane *lane = takeover->lane;
    const struct config *config = lane->service->config;
    const struct slice topics[] = {config->topics[TOPIC_JOURNAL], config->topics[TOPIC_RESULTS],
                                   config->topics[TOPIC_COMMANDS], config->topics[TOPIC_DEADLETTER]};

    takeover->lost = takeover->partitions_differ = false;
    takeover->done =
        count_partitions(takeover, producer) &&
        transaction_producer_init(producer, topics, sizeof topics / sizeof *topics, KAFKA_MS, &takeover->error) &&
        write_entry(takeover, producer) &&
        group_consumer_committed(lane->service->group, lane->partition, KAFKA_MS, &takeover->committed,
                                 &takeover->error) &&
        find_start(takeover, producer) && find_end(takeover, producer);
}

/* --- on the loop --- */

static void on_worked(void *argument);

static void
try_it(struct takeover *takeover)
{
    committer_run(takeover->lane->committer, &(struct committer_job){work, on_worked, takeover});
}

static void
try_later(struct takeover *takeover)
{
    unsigned delay_ms = 500U << (takeover->failures < 5 ? takeover->failures : 5);

    delay_ms = delay_ms > BACKOFF_LAST_MS ? BACKOFF_LAST_MS : delay_ms;
    delay_ms = delay_ms / 2 + random_below(delay_ms);
    takeover->failures++;
    takeover->lane->reason = takeover->error;
    log_warn("takeover_repeated", log_integer("partition", takeover->lane->partition),
             log_text("reason", takeover->error.text));
    timer_after_ms(takeover->next, delay_ms);
}

static void
on_journal_record(const struct consumed *record, void *argument)
{
    struct takeover *takeover = argument;
    struct lane *lane = takeover->lane;

    if (takeover->read || lane->state != LANE_REBUILDING) {
        return;
    }
    rebuild_entry(lane, record->value, record->offset, record->timestamp_ms);
    if (record->offset >= takeover->epoch) {
        /* The consumer cannot be freed from here. */
        takeover->read = true;
        event_active(takeover->next, EV_TIMEOUT, 0);
    }
}

static void
read_journal(struct takeover *takeover)
{
    struct lane *lane = takeover->lane;
    const struct egress_service *service = lane->service;
    struct error error = {0};

    takeover->at_ns = service_now_ns(service);
    lane->partitions = takeover->partitions;
    lane->epoch = takeover->epoch;
    lane->state = LANE_REBUILDING;
    lane->caught_up_at = takeover->end;
    lane->rebuild = rebuild_new(takeover->committed, takeover->appended_ms);
    takeover->journal = consumer_new_at(&service->config->kafka, service->base, service->config->topics[TOPIC_JOURNAL],
                                        lane->partition, takeover->journal_from, on_journal_record, takeover, &error);
    if (lane->rebuild == NULL || takeover->journal == NULL) {
        lane_fail(lane, lane->rebuild == NULL ? "out of memory" : error.text);
    }
}

static void
on_worked(void *argument)
{
    struct takeover *takeover = argument;
    struct lane *lane = takeover->lane;

    if (!lane_alive(lane)) {
        return;
    }
    if (takeover->done) {
        read_journal(takeover);
    } else if (takeover->lost) {
        lane_fail(lane, takeover->error.text);
    } else if (takeover->partitions_differ) {
        lane_halt(lane, takeover->error.text);
    } else {
        try_later(takeover);
    }
}

static void
on_next(evutil_socket_t fd, short events, void *argument)
{
    struct takeover *takeover = argument;
    struct lane *lane = takeover->lane;

    (void)fd;
    (void)events;
    if (!lane_alive(lane)) {
        return;
    }
    if (!takeover->read) {
        try_it(takeover);
        return;
    }
    consumer_free(takeover->journal);
    takeover->journal = NULL;
    if (lane->state == LANE_REBUILDING) {
        rebuild_finish(lane, takeover->at_ns);
        lane_catch_up(lane, takeover->committed);
    }
}

struct takeover *
takeover_new(struct lane *lane)
{
    struct takeover *takeover = calloc(1, sizeof *takeover);

    if (takeover == NULL) {
        return NULL;
    }
    takeover->lane = lane;
    takeover->next = evtimer_new(lane->service->base, on_next, takeover);
    if (takeover->next == NULL) {
        free(takeover);
        return NULL;
    }
    return takeover;
}

void
takeover_start(struct takeover *takeover)
{
    try_it(takeover);
}

void
takeover_free(struct takeover *takeover)
{
    if (takeover == NULL) {
        return;
    }
    event_free(takeover->next);
    consumer_free(takeover->journal);
    free(takeover);
}

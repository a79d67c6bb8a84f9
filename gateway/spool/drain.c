/* Reads rows, tells partitions apart, publishes, and takes note of the reports. */
#include "spool/drain.h"

#include <event2/event.h>
#include <stdlib.h>

#include "base/log.h"
#include "spool/passage.h"

#define STREAM_RECORDS_MAX 1024 /* of one stream on their way */
#define STREAM_BYTES_MAX   ((size_t)1 << 20)
#define READ_AT_ONCE       512 /* rows, before the loop gets its turn */
#define TICK_BUSY_MS       10
#define TICK_IDLE_MS       100
#define SECOND_NS          INT64_C(1000000000)
#define STUCK_NS           SECOND_NS /* without a report: the other streams do not wait for this one */
#define BACK_OFF_FIRST_NS  SECOND_NS /* after a failure, for the stream; twice as long after the next */
#define BACK_OFF_MOST_NS   (16 * SECOND_NS)
#define BURST_NS           (SECOND_NS / 20) /* of the rate, that may go at once */
#define PROBE_NS           (2 * SECOND_NS)  /* without an answer: another partition is asked, too */
#define PROBES_MAX         16
#define REMOVALS_MAX       10000            /* that a failing disk does not take; they stand in memory */
#define KNOWN_NS           (60 * SECOND_NS) /* since an acknowledgement: Kafka still knows our producer there */
#define PARTITION_UNKNOWN  (-1)
#define PROGRESS_NS        (10 * SECOND_NS)

/* What goes to one partition. Records of a topic whose partitions are not known yet are a stream of their own. */
struct stream {
    struct stream *next;
    int32_t partition;
    int64_t blocked_at;  /* the first id that waits for room, a settlement or the back-off; 0: nothing waits */
    int64_t back_off_ns; /* monotonic, until when; 0: none. It ends when all that was on its way has ended, too: what is
                            behind a failed record must not overtake it */
    int64_t patience_ns; /* how long the last back-off was; 0: there was none since the last acknowledgement */
    int64_t moved_ns;    /* monotonic: the last report, or when the first of those on their way was sent */
    int64_t known_ns;    /* monotonic: the last acknowledgement; 0: none */
    size_t outstanding, outstanding_bytes;
    char topic[];
};

struct drain {
    struct drain_parts parts;
    struct producer *producer;
    struct event *tick;
    struct stream *streams;
    struct stream *last; /* found last: rows often go where the one before went */
    int64_t scanned;     /* rows up to here are taken, or wait in a blocked stream */
    bool more;           /* there may be rows behind it */
    size_t outstanding;
    bool hurry, ending, was_open;
    int64_t probed_ns;             /* monotonic: the last probe */
    int64_t allowance, allowed_ns; /* records that may go now, and since when they were counted */
    int64_t now_ns;                /* of the reading at hand */
    size_t read_count;             /* in the reading at hand */
    bool cut;                      /* the reading at hand ended before the last row */
    uint64_t drained, told;        /* records since the spool was empty; the same when progress was last told */
    int64_t told_ns;
    struct metric *drained_total, *refused_total, *failed_total;
};

static bool
start_tick(struct drain *drain, unsigned ms)
{
    const struct timeval wait = {.tv_sec = 0, .tv_usec = (suseconds_t)ms * 1000};

    return evtimer_add(drain->tick, &wait) == 0;
}

static struct stream *
stream_find(const struct drain *drain, struct slice topic, int32_t partition)
{
    struct stream *stream = drain->streams;

    while (stream != NULL && (stream->partition != partition || !slice_is(topic, stream->topic))) {
        stream = stream->next;
    }
    return stream;
}

/* Made at its first record; NULL when out of memory. */
static struct stream *
stream_of(struct drain *drain, const struct record *record)
{
    int32_t partition = producer_partition(drain->producer, record->topic, record->key);
    struct stream *stream = drain->last;

    if (stream != NULL && stream->partition == partition && slice_is(record->topic, stream->topic)) {
        return stream;
    }
    stream = stream_find(drain, record->topic, partition);
    if (stream == NULL) {
        stream = calloc(1, sizeof(*stream) + record->topic.length + 1);
        if (stream == NULL) {
            return NULL;
        }
        memcpy(stream->topic, record->topic.data, record->topic.length);
        stream->partition = partition;
        stream->next = drain->streams;
        drain->streams = stream;
    }
    drain->last = stream;
    return stream;
}

/* Its rows are looked at again. */
static void
unblock(struct drain *drain, struct stream *stream)
{
    if (stream->blocked_at != 0) {
        if (stream->blocked_at <= drain->scanned) {
            drain->scanned = stream->blocked_at - 1;
        }
        stream->blocked_at = 0;
        drain->more = true;
    }
}

/* --- reports --- */

static bool
has_room(const struct stream *stream, size_t divisor)
{
    return stream->outstanding < STREAM_RECORDS_MAX / divisor && stream->outstanding_bytes < STREAM_BYTES_MAX / divisor;
}

static void
passage_ended(struct drain *drain, struct passage *passage)
{
    struct stream *stream = passage->stream;

    drain->outstanding--;
    stream->outstanding--;
    stream->outstanding_bytes -= passage->removal.entry.bytes;
    stream->moved_ns = clock_monotonic_ns(drain->parts.clock);
    if (stream->back_off_ns == 0 && has_room(stream, 2)) {
        unblock(drain, stream);
    }
    event_active(drain->tick, EV_TIMEOUT, 0);
}

static void
note_failure(struct drain *drain, const struct passage *passage, const char *reason)
{
    static struct log_limit limit = LOG_LIMIT_DEFAULT;
    struct stream *stream = passage->stream;
    int64_t id = passage->removal.entry.id;

    metric_add(drain->failed_total, 1);
    if (!drain->ending) {
        log_warn_limited(&limit, "drain_failed", log_text("topic", stream->topic),
                         log_integer("partition", stream->partition), log_text("reason", reason));
    }
    id_set_remove(&drain->parts.stock->taken, id);
    if (stream->blocked_at == 0 || id < stream->blocked_at) {
        stream->blocked_at = id;
    }
    if (stream->back_off_ns == 0) {
        stream->patience_ns = stream->patience_ns == 0 ? BACK_OFF_FIRST_NS : stream->patience_ns * 2;
        stream->patience_ns = stream->patience_ns > BACK_OFF_MOST_NS ? BACK_OFF_MOST_NS : stream->patience_ns;
        stream->back_off_ns = clock_monotonic_ns(drain->parts.clock) + stream->patience_ns;
    }
    stream->known_ns = 0;
}

static void
retire(struct drain *drain, struct passage *passage, struct slice reason)
{
    passage->removal.set_aside = !slice_empty(reason);
    passage->removal.reason = reason;
    stock_retire(drain->parts.stock, &passage->removal); /* owns the passage from now on */
    drain->parts.on_retired(drain->parts.argument);
}

static void
on_published(struct recordset *set)
{
    struct passage *passage = set->owner;
    struct drain *drain = passage->drain;
    int64_t took_ns = clock_monotonic_ns(drain->parts.clock) - set->published_ns;

    if (breaker_state(drain->parts.breaker) != BREAKER_CLOSED) {
        /* A refusal may be librdkafka's own, and tell nothing of Kafka. */
        breaker_probe_ended(drain->parts.breaker, set->delivery == DELIVERY_ACKNOWLEDGED, took_ns);
    }
    if (set->delivery == DELIVERY_FAILED) {
        note_failure(drain, passage, set->reason.data);
        passage_ended(drain, passage);
        passage_free(&passage->removal);
        return;
    }
    passage_ended(drain, passage);
    if (set->delivery == DELIVERY_REFUSED) {
        log_error("spool_record_refused", log_slice("topic", passage->record.topic),
                  log_integer("id", passage->removal.entry.id), log_slice("reason", set->reason),
                  log_text("advice", "it is kept: `trunkline spool export --set-aside` prints it"));
        metric_add(drain->refused_total, 1);
        retire(drain, passage, set->reason);
        return;
    }
    drain->drained++;
    passage->stream->known_ns = clock_monotonic_ns(drain->parts.clock);
    passage->stream->patience_ns = 0;
    metric_add(drain->drained_total, 1);
    retire(drain, passage, (struct slice){0});
}

/* --- reading --- */

static bool
publish(struct drain *drain, struct stream *stream, const struct stored *stored)
{
    struct stock *stock = drain->parts.stock;
    struct share *share = stock_share(stock, stored->source);
    struct passage *passage = share == NULL || !id_set_reserve(&stock->taken, 1) ? NULL : passage_new(stored);

    if (passage == NULL) {
        return false;
    }
    passage->drain = drain;
    passage->stream = stream;
    passage->removal.entry.share = share;
    passage->set.on_done = on_published;
    id_set_add(&stock->taken, stored->id);
    if (stream->outstanding == 0) {
        stream->moved_ns = drain->now_ns;
    }
    stream->outstanding++;
    stream->outstanding_bytes += stored->bytes;
    drain->outstanding++;
    drain->allowance--;
    if (breaker_state(drain->parts.breaker) != BREAKER_CLOSED) {
        drain->probed_ns = drain->now_ns;
        breaker_probe_sent(drain->parts.breaker);
    }
    producer_publish(drain->producer, &passage->set);
    return true;
}

/* While the breaker is open, one record at a time is tried; one that gets no answer may lie on a partition without a
 * leader, so after a while another partition is asked, too. */
static bool
may_publish(const struct drain *drain)
{
    if (drain->parts.stock->removal_count >= REMOVALS_MAX) {
        return false;
    }
    if (breaker_state(drain->parts.breaker) == BREAKER_CLOSED) {
        return drain->allowance > 0 || drain->hurry;
    }
    return drain->outstanding == 0 || (drain->outstanding < PROBES_MAX && drain->now_ns - drain->probed_ns >= PROBE_NS);
}

/* The partitions of a topic have become known, and rows of it wait in the stream of unknown ones, or are on their way:
 * these come first. */
static bool
unknown_come_first(struct drain *drain, const struct stream *stream)
{
    struct stream *unknown;

    if (stream->partition == PARTITION_UNKNOWN) {
        return false;
    }
    unknown = stream_find(drain, slice_from(stream->topic), PARTITION_UNKNOWN);
    if (unknown == NULL ||
        (unknown->blocked_at == 0 && (unknown->outstanding == 0 || drain->now_ns - unknown->moved_ns >= STUCK_NS))) {
        return false;
    }
    if (unknown->back_off_ns == 0) {
        unblock(drain, unknown);
    }
    return true;
}

/* What becomes of a row that is not on its way. */
enum step {
    STEP_GO,
    STEP_BLOCK, /* its stream waits, the others go on */
    STEP_PAUSE, /* everything waits */
};

/* Where Kafka does not know our producer, it would take any batch as the first one, also the second after it has turned
 * the first away for a moment. So there one record goes ahead alone. */
static enum step
step_of(const struct drain *drain, const struct stream *stream, int64_t id)
{
    bool is_known = stream->known_ns != 0 && drain->now_ns - stream->known_ns < KNOWN_NS;

    if (stream->blocked_at != 0 || stream->back_off_ns != 0 || id_set_has(&drain->parts.stock->in_flight, id)) {
        return STEP_BLOCK;
    }
    if (stream->outstanding > 0 && (!is_known || breaker_state(drain->parts.breaker) != BREAKER_CLOSED)) {
        return STEP_BLOCK;
    }
    if (!has_room(stream, 1)) {
        return drain->now_ns - stream->moved_ns >= STUCK_NS ? STEP_BLOCK : STEP_PAUSE;
    }
    return STEP_GO;
}

static bool
look_at(void *argument, const struct stored *stored)
{
    struct drain *drain = argument;
    struct stream *stream = NULL;
    enum step step;

    drain->cut = true;
    if (drain->read_count++ >= READ_AT_ONCE || !may_publish(drain)) {
        return false;
    }
    if (slice_empty(stored->aside) && !id_set_has(&drain->parts.stock->taken, stored->id)) {
        stream = stream_of(drain, &stored->record);
        step = stream == NULL || unknown_come_first(drain, stream) ? STEP_PAUSE : step_of(drain, stream, stored->id);
        if (step == STEP_PAUSE || (step == STEP_GO && !publish(drain, stream, stored))) {
            return false;
        }
        if (step == STEP_BLOCK && stream->blocked_at == 0) {
            stream->blocked_at = stored->id;
        }
    }
    drain->scanned = stored->id;
    drain->cut = false;
    return true;
}

static void
read_rows(struct drain *drain)
{
    if (!drain->more || drain->ending || !may_publish(drain)) {
        return;
    }
    drain->read_count = 0;
    drain->cut = false;
    drain->more = !keeper_read(drain->parts.keeper, drain->scanned, look_at, drain) || drain->cut;
    if (drain->read_count > READ_AT_ONCE) {
        event_active(drain->tick, EV_TIMEOUT, 0);
    }
}

static void
end_back_offs(struct drain *drain)
{
    for (struct stream *stream = drain->streams; stream != NULL; stream = stream->next) {
        if (stream->back_off_ns != 0 && stream->back_off_ns <= drain->now_ns && stream->outstanding == 0) {
            stream->back_off_ns = 0;
            unblock(drain, stream);
        }
    }
}

/* So much time, so many records; never more than those of a moment at once. */
static void
count_allowance(struct drain *drain, int64_t now_ns)
{
    int64_t rate = drain->parts.stock->settings->drain_records_per_second;
    int64_t passed_ns = now_ns - drain->allowed_ns;
    int64_t most = rate * BURST_NS / SECOND_NS + 1;

    if (passed_ns > SECOND_NS) {
        passed_ns = SECOND_NS;
        drain->allowed_ns = now_ns - passed_ns;
    }
    drain->allowance += passed_ns * rate / SECOND_NS;
    drain->allowed_ns += passed_ns * rate / SECOND_NS * SECOND_NS / rate;
    drain->allowance = drain->allowance > most ? most : drain->allowance;
}

static void
tell_progress(struct drain *drain, int64_t now_ns)
{
    uint64_t left = atomic_load(&drain->parts.stock->records);

    if (drain->drained == drain->told || (left > 0 && now_ns - drain->told_ns < PROGRESS_NS)) {
        return;
    }
    log_info(left == 0 ? "spool_drained" : "spool_draining", log_integer("records", (int64_t)drain->drained),
             log_integer("left", (int64_t)left));
    drain->told_ns = now_ns;
    drain->told = drain->drained;
    if (left == 0) {
        drain->drained = drain->told = 0;
    }
}

/* What waited for the breaker goes on. */
static void
watch_breaker(struct drain *drain)
{
    bool is_open = breaker_state(drain->parts.breaker) != BREAKER_CLOSED;

    if (drain->was_open && !is_open) {
        drain_unblock(drain);
    }
    drain->was_open = is_open;
}

static void
on_tick(evutil_socket_t fd, short what, void *argument)
{
    struct drain *drain = argument;
    bool waiting = atomic_load(&drain->parts.stock->records) > 0;

    (void)fd;
    (void)what;
    drain->now_ns = clock_monotonic_ns(drain->parts.clock);
    watch_breaker(drain);
    end_back_offs(drain);
    count_allowance(drain, drain->now_ns);
    tell_progress(drain, drain->now_ns);
    read_rows(drain);
    /* What waits for a producer's report cannot be sent, but it will be, or that report tells as much as a probe: to
     * close meanwhile would let callbacks wait for a Kafka that is frozen, again and again. */
    if (!waiting && drain->outstanding == 0 && breaker_state(drain->parts.breaker) == BREAKER_OPEN) {
        breaker_nothing_to_probe(drain->parts.breaker);
    }
    if (!start_tick(drain, waiting ? TICK_BUSY_MS : TICK_IDLE_MS)) {
        log_error("drain_stopped", log_text("reason", "out of memory"));
    }
}

/* --- life --- */

struct drain *
drain_new(const struct drain_parts *parts, struct error *error)
{
    struct drain *drain = calloc(1, sizeof(*drain));

    if (drain == NULL) {
        error_set(error, "out of memory");
        return NULL;
    }
    drain->parts = *parts;
    drain->allowed_ns = clock_monotonic_ns(parts->clock);
    drain->drained_total = metrics_counter(parts->metrics, "trunkline_spool_drained_records_total",
                                           "Spooled records that Kafka has acknowledged.", "");
    drain->refused_total = metrics_counter(parts->metrics, "trunkline_spool_refused_records_total",
                                           "Spooled records that Kafka will never take; they are set aside.", "");
    drain->failed_total = metrics_counter(parts->metrics, "trunkline_spool_failed_deliveries_total",
                                          "Deliveries of spooled records that failed and are tried again.", "");
    drain->producer = producer_new_patient(parts->kafka, "spool", parts->base, parts->metrics, parts->clock, error);
    if (drain->producer == NULL) {
        drain_free(drain, 0);
        return NULL;
    }
    drain->tick = evtimer_new(parts->base, on_tick, drain);
    if (drain->tick == NULL || !start_tick(drain, TICK_IDLE_MS)) {
        error_set(error, "out of memory");
        drain_free(drain, 0);
        return NULL;
    }
    return drain;
}

void
drain_free(struct drain *drain, int timeout_ms)
{
    struct stream *next;

    if (drain == NULL) {
        return;
    }
    drain->ending = true;
    producer_free(drain->producer, timeout_ms);
    if (drain->tick != NULL) {
        event_free(drain->tick);
    }
    for (struct stream *stream = drain->streams; stream != NULL; stream = next) {
        next = stream->next;
        free(stream);
    }
    free(drain);
}

void
drain_more(struct drain *drain)
{
    drain->more = true;
    event_active(drain->tick, EV_TIMEOUT, 0);
}

void
drain_unblock(struct drain *drain)
{
    for (struct stream *stream = drain->streams; stream != NULL; stream = stream->next) {
        if (stream->back_off_ns == 0 && has_room(stream, 1)) {
            unblock(drain, stream);
        }
    }
    drain_more(drain);
}

void
drain_hurry(struct drain *drain)
{
    drain->hurry = true;
    drain_more(drain);
}

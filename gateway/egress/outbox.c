/* The outbox: batches of records, and the cycle of commits. */
#include "egress/outbox.h"

#include <stdlib.h>

#include "base/log.h"
#include "egress/attempt.h"
#include "egress/lane_state.h"
#include "egress/timer.h"

#define BATCH_BYTES_MAX     ((size_t)256 * 1024 * 1024) /* of the arena: never reached, as intake stops long before */
#define BATCH_RECORDS_CROWD 2000
#define BATCH_BYTES_CROWD   ((size_t)1024 * 1024) /* a lane holds several times as much, while one batch is on its way */
#define RETRY_FIRST_MS      100
#define RETRY_LAST_MS       3000
#define NS_PER_MS           1000000LL

/* Where a `done` stands in a batch. */
struct done_place {
    struct command_key key;
    size_t record;
};

struct batch {
    struct arena *arena;
    struct transaction_record *records;
    struct slice *fallbacks; /* beside records */
    size_t count, capacity;
    struct done_place *places;
    size_t place_count, place_capacity;
    struct attempt *intents, *concluded;
    size_t intent_count;
    int64_t accepted_through;
    struct transaction_offset offset;
    int64_t began_ns; /* boot time of the commit's start */
    /* Written by the committer's thread while it is busy: */
    const char *group;
    enum transaction_outcome outcome;
    struct error error;
};

struct outbox {
    struct lane *lane;
    struct batch *filling;    /* NULL: nothing to tell */
    struct batch *committing; /* NULL: none */
    struct event *flush;
    unsigned failures;      /* commits in a row that Kafka aborted */
    int64_t committed_next; /* the offset that was committed last; -1: none yet */
};

static void start(struct outbox *outbox);

static void
batch_free(struct batch *batch)
{
    if (batch == NULL) {
        return;
    }
    arena_free(batch->arena);
    free(batch->records);
    free(batch->fallbacks);
    free(batch->places);
    free(batch);
}

static void
on_flush(evutil_socket_t fd, short events, void *argument)
{
    (void)fd;
    (void)events;
    start(argument);
}

struct outbox *
outbox_new(struct lane *lane)
{
    struct outbox *outbox = calloc(1, sizeof *outbox);

    if (outbox == NULL) {
        return NULL;
    }
    outbox->lane = lane;
    outbox->committed_next = -1;
    outbox->flush = evtimer_new(lane->service->base, on_flush, outbox);
    if (outbox->flush == NULL) {
        free(outbox);
        return NULL;
    }
    return outbox;
}

void
outbox_free(struct outbox *outbox)
{
    if (outbox == NULL) {
        return;
    }
    event_free(outbox->flush);
    batch_free(outbox->filling);
    batch_free(outbox->committing);
    free(outbox);
}

/* The batch that fills; NULL, and the lane has failed, when memory is out. */
static struct batch *
filling(struct outbox *outbox)
{
    if (outbox->filling == NULL) {
        struct batch *batch = calloc(1, sizeof *batch);

        if (batch != NULL) {
            batch->arena = arena_new(outbox->lane->service->pool, BATCH_BYTES_MAX);
        }
        if (batch == NULL || batch->arena == NULL) {
            batch_free(batch);
            lane_fail(outbox->lane, "out of memory");
            return NULL;
        }
        batch->accepted_through = -1;
        outbox->filling = batch;
        /* At the end of this turn of the loop: what comes up in the meantime goes with it. */
        event_active(outbox->flush, EV_TIMEOUT, 0);
    }
    return outbox->filling;
}

static bool
make_room(struct batch *batch)
{
    size_t capacity = batch->capacity == 0 ? 32 : 2 * batch->capacity;
    struct transaction_record *records;
    struct slice *fallbacks;

    if (batch->count < batch->capacity) {
        return true;
    }
    records = realloc(batch->records, capacity * sizeof *records);
    if (records == NULL) {
        return false;
    }
    batch->records = records;
    fallbacks = realloc(batch->fallbacks, capacity * sizeof *fallbacks);
    if (fallbacks == NULL) {
        return false;
    }
    batch->fallbacks = fallbacks;
    batch->capacity = capacity;
    return true;
}

/* A copy that is never a NULL pointer: to Kafka that would be a tombstone. */
static struct slice
keep(struct arena *arena, struct slice bytes)
{
    return slice_empty(bytes) ? slice_from("") : arena_copy(arena, bytes);
}

/* Adds a record whose bytes live in the batch's arena already. */
static struct transaction_record *
add(struct outbox *outbox, struct batch *batch, enum topic_role topic, int32_t partition, const struct record *record)
{
    struct transaction_record *added;

    if (arena_failed(batch->arena) || !make_room(batch)) {
        lane_fail(outbox->lane, "out of memory");
        return NULL;
    }
    batch->fallbacks[batch->count] = (struct slice){0};
    added = &batch->records[batch->count++];
    *added = (struct transaction_record){
        .topic = outbox->lane->service->config->topics[topic],
        .partition = partition,
        .key = record->key,
        .value = record->value,
        .headers = record->headers,
        .header_count = record->header_count,
    };
    return added;
}

static bool
copy_record(struct arena *arena, const struct record *record, struct record *copy)
{
    struct record_header *headers = arena_zalloc(arena, record->header_count + 1, sizeof *headers);

    if (headers == NULL) {
        return false;
    }
    for (size_t i = 0; i < record->header_count; i++) {
        headers[i].name = arena_copy(arena, record->headers[i].name);
        headers[i].value = keep(arena, record->headers[i].value);
    }
    *copy = (struct record){.key = keep(arena, record->key), .value = keep(arena, record->value)};
    copy->headers = headers;
    copy->header_count = record->header_count;
    return !arena_failed(arena);
}

void
outbox_record(struct outbox *outbox, enum topic_role topic, int32_t partition, const struct record *record)
{
    struct batch *batch = filling(outbox);
    struct record copy = {0};

    if (batch == NULL) {
        return;
    }
    if (!copy_record(batch->arena, record, &copy)) {
        lane_fail(outbox->lane, "out of memory");
        return;
    }
    (void)add(outbox, batch, topic, partition, &copy);
}

void
outbox_journal(struct outbox *outbox, const struct journal_entry *entry)
{
    struct batch *batch = filling(outbox);
    struct record record = {0};

    if (batch == NULL) {
        return;
    }
    if (!journal_write(entry, batch->arena, &record)) {
        lane_fail(outbox->lane, "out of memory");
        return;
    }
    record.key = keep(batch->arena, record.key);
    (void)add(outbox, batch, TOPIC_JOURNAL, outbox->lane->partition, &record);
}

void
outbox_done(struct outbox *outbox, const struct journal_entry *entry, struct command_key key)
{
    struct batch *batch = filling(outbox);
    size_t before;

    if (batch == NULL) {
        return;
    }
    before = batch->count;
    outbox_journal(outbox, entry);
    if (batch->count == before) {
        return;
    }
    if (batch->place_count == batch->place_capacity) {
        size_t capacity = batch->place_capacity == 0 ? 32 : 2 * batch->place_capacity;
        struct done_place *places = realloc(batch->places, capacity * sizeof *places);

        if (places == NULL) {
            lane_fail(outbox->lane, "out of memory");
            return;
        }
        batch->places = places;
        batch->place_capacity = capacity;
    }
    batch->places[batch->place_count++] = (struct done_place){key, before};
}

void
outbox_result(struct outbox *outbox, const struct result *result)
{
    struct batch *batch = filling(outbox);
    struct record record = {0};
    struct record shorter = {0};
    struct result brief = *result;

    if (batch == NULL) {
        return;
    }
    brief.answer = (struct slice){0};
    brief.answer_omitted = result->answer.length;
    if (!result_write(result, batch->arena, &record) ||
        (!slice_empty(result->answer) && !result_write(&brief, batch->arena, &shorter))) {
        lane_fail(outbox->lane, "out of memory");
        return;
    }
    if (add(outbox, batch, TOPIC_RESULTS, TRANSACTION_BY_KEY, &record) != NULL) {
        batch->fallbacks[batch->count - 1] = shorter.value;
    }
}

void
outbox_accepted(struct outbox *outbox, int64_t offset)
{
    struct batch *batch = filling(outbox);

    if (batch != NULL) {
        batch->accepted_through = offset;
    }
}

void
outbox_intend(struct outbox *outbox, struct attempt *attempt)
{
    struct batch *batch = filling(outbox);
    struct attempt **last;

    if (batch == NULL) {
        attempt_free(attempt);
        return;
    }
    for (last = &batch->intents; *last != NULL; last = &(*last)->next) {
        /* the order of grants is the order on the wire */
    }
    attempt->next = NULL;
    *last = attempt;
    batch->intent_count++;
}

void
outbox_conclude(struct outbox *outbox, struct attempt *attempt)
{
    struct batch *batch = filling(outbox);

    if (batch == NULL) {
        attempt_free(attempt);
        return;
    }
    attempt->next = batch->concluded;
    batch->concluded = attempt;
}

struct arena *
outbox_arena(struct outbox *outbox)
{
    struct batch *batch = filling(outbox);

    return batch == NULL ? NULL : batch->arena;
}

bool
outbox_crowded(const struct outbox *outbox)
{
    return outbox->filling != NULL &&
           (outbox->filling->count >= BATCH_RECORDS_CROWD || arena_bytes(outbox->filling->arena) >= BATCH_BYTES_CROWD);
}

bool
outbox_idle(const struct outbox *outbox)
{
    return outbox->filling == NULL && outbox->committing == NULL;
}

size_t
outbox_intents(const struct outbox *outbox)
{
    return outbox->filling == NULL ? 0 : outbox->filling->intent_count;
}

/* --- the cycle --- */

/* On the committer's thread. */
static void
commit(void *argument, struct transaction_producer *producer)
{
    struct batch *batch = ((struct outbox *)argument)->committing;
    struct transaction_batch transaction = {
        .records = batch->records,
        .record_count = batch->count,
        .offsets = &batch->offset,
        .offset_count = batch->group == NULL ? 0 : 1,
        .group = batch->group,
    };

    batch->outcome = transaction_producer_commit(producer, &transaction, &batch->error);
}

static void
finish(struct outbox *outbox)
{
    struct lane *lane = outbox->lane;
    struct batch *batch = outbox->committing;
    struct attempt *intents = batch->intents;

    outbox->committing = NULL;
    outbox->failures = 0;
    count_commit(lane->service->tally, service_now_ns(lane->service) - batch->began_ns);
    if (batch->group != NULL) {
        outbox->committed_next = batch->offset.next;
    }
    for (size_t i = 0; i < batch->place_count; i++) {
        duplicates_locate(lane->duplicates, batch->places[i].key, batch->records[batch->places[i].record].offset);
    }
    while (batch->concluded != NULL) {
        struct attempt *attempt = batch->concluded;

        batch->concluded = attempt->next;
        attempt_free(attempt);
    }
    while (intents != NULL) {
        struct attempt *attempt = intents;

        intents = attempt->next;
        attempt->next = NULL;
        attempt_send(attempt, batch->began_ns);
    }
    batch->intents = NULL;
    batch_free(batch);
    start(outbox);
    if (lane_alive(lane)) {
        intake_deferred(lane);
        lane_proceed(lane);
    }
}

/* Kafka takes none of some records as they are: they go shorter, or not at all. But for the journal's, without which
 * nothing may be done: false, and the lane has failed. */
static bool
shorten(struct outbox *outbox, struct batch *batch)
{
    size_t kept = 0;

    for (size_t i = 0; i < batch->count; i++) {
        struct transaction_record *record = &batch->records[i];

        if (record->delivery == DELIVERY_REFUSED) {
            if (slice_equal(record->topic, outbox->lane->service->config->topics[TOPIC_JOURNAL])) {
                lane_fail(outbox->lane, "Kafka takes no entry of the journal of this size: raise the topic's "
                                        "max.message.bytes");
                return false;
            }
            count_happening(outbox->lane->service->tally, HAPPENED_RECORD_REFUSED);
            log_error("record_refused", log_slice("topic", record->topic), log_slice("key", record->key),
                      log_integer("bytes", (int64_t)record->value.length),
                      log_text("without_answer", slice_empty(batch->fallbacks[i]) ? "no" : "yes"));
            if (slice_empty(batch->fallbacks[i])) {
                record->value = (struct slice){0};
            } else {
                record->value = batch->fallbacks[i];
                batch->fallbacks[i] = (struct slice){0};
            }
        }
    }
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->records[i].value.data == NULL) {
            continue;
        }
        for (size_t j = 0; j < batch->place_count; j++) {
            if (batch->places[j].record == i) {
                batch->places[j].record = kept;
            }
        }
        batch->fallbacks[kept] = batch->fallbacks[i];
        batch->records[kept++] = batch->records[i];
    }
    batch->count = kept;
    return true;
}

static void
on_committed(void *argument)
{
    struct outbox *outbox = argument;
    struct batch *batch = outbox->committing;
    unsigned delay_ms;

    switch (batch->outcome) {
    case TRANSACTION_COMMITTED:
        finish(outbox);
        return;
    case TRANSACTION_REFUSED:
        if (!shorten(outbox, batch)) {
            return;
        }
        break;
    case TRANSACTION_ABORTED:
        break;
    case TRANSACTION_FENCED:
    case TRANSACTION_FATAL:
    case TRANSACTION_GIVEN_UP:
        lane_fail(outbox->lane, batch->error.text);
        return;
    }
    delay_ms = RETRY_FIRST_MS << (outbox->failures < 5 ? outbox->failures : 5);
    delay_ms = delay_ms > RETRY_LAST_MS ? RETRY_LAST_MS : delay_ms;
    outbox->failures++;
    log_warn("commit_repeated", log_integer("partition", outbox->lane->partition),
             log_text("outcome", transaction_outcome_name(batch->outcome)), log_text("reason", batch->error.text));
    timer_after_ms(outbox->flush, delay_ms);
}

static void
write_offset(struct outbox *outbox, struct batch *batch)
{
    struct lane *lane = outbox->lane;
    int64_t next = lane->progress == NULL ? -1 : progress_committable(lane->progress);

    if (next >= 0 && next != outbox->committed_next) {
        batch->offset =
            (struct transaction_offset){lane->service->config->topics[TOPIC_COMMANDS], lane->partition, next};
        batch->group = lane->service->config->egress.group;
    }
}

/* Begins the next commit, or the same one again, unless one is on its way. */
static void
start(struct outbox *outbox)
{
    struct lane *lane = outbox->lane;
    struct batch *batch = outbox->committing;

    if (!lane_alive(lane) || lane->committer == NULL || committer_busy(lane->committer)) {
        return;
    }
    if (batch == NULL) {
        batch = outbox->filling;
        if (batch == NULL || lane_take_census(lane)) {
            return;
        }
        if (batch->accepted_through >= 0) {
            outbox_journal(outbox,
                           &(struct journal_entry){.kind = JOURNAL_ACCEPTED, .offset = batch->accepted_through});
            if (!lane_alive(lane)) {
                return;
            }
        }
        write_offset(outbox, batch);
        outbox->filling = NULL;
        outbox->committing = batch;
    }
    /* The lease runs from before Kafka is asked: whoever reads the intent later reads an append that is younger. */
    batch->began_ns = service_now_ns(lane->service);
    committer_run(lane->committer, &(struct committer_job){commit, on_committed, outbox});
}

void
outbox_kick(struct outbox *outbox)
{
    start(outbox);
}

static void
abandon_batch(struct batch *batch)
{
    if (batch == NULL) {
        return;
    }
    while (batch->intents != NULL) {
        struct attempt *attempt = batch->intents;

        batch->intents = attempt->next;
        attempt_free(attempt);
    }
    while (batch->concluded != NULL) {
        struct attempt *attempt = batch->concluded;

        batch->concluded = attempt->next;
        attempt_publish_late(attempt);
        attempt_free(attempt);
    }
}

void
outbox_abandon(struct outbox *outbox)
{
    (void)evtimer_del(outbox->flush);
    abandon_batch(outbox->filling);
    abandon_batch(outbox->committing);
}

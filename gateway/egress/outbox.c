/* The outbox: what fills, what is on its way, and the cycle of commits. */
#include "egress/outbox.h"

#include <stdlib.h>

#include "base/log.h"
#include "egress/attempt.h"
#include "egress/batch.h"
#include "egress/lane_state.h"
#include "egress/timer.h"

#define RETRY_FIRST_MS 100
#define RETRY_LAST_MS  3000

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
        outbox->filling = batch_new(outbox->lane->service->pool);
        if (outbox->filling == NULL) {
            lane_fail(outbox->lane, "out of memory");
            return NULL;
        }
        /* At the end of this turn of the loop: what comes up in the meantime goes with it. Behind a batch that is on
         * its way, or waits to be tried again, it comes by itself. */
        if (outbox->committing == NULL) {
            event_active(outbox->flush, EV_TIMEOUT, 0);
        }
    }
    return outbox->filling;
}

static struct slice
topic_of(const struct outbox *outbox, enum topic_role role)
{
    return outbox->lane->service->config->topics[role];
}

void
outbox_record(struct outbox *outbox, enum topic_role topic, int32_t partition, const struct record *record)
{
    struct batch *batch = filling(outbox);

    if (batch != NULL && !batch_add_copy(batch, topic_of(outbox, topic), partition, record)) {
        lane_fail(outbox->lane, "out of memory");
    }
}

/* Whether the entry is in the batch. */
static bool
add_entry(struct outbox *outbox, struct batch *batch, const struct journal_entry *entry)
{
    struct record record = {0};

    if (!journal_write(entry, batch->arena, &record) ||
        !batch_add(batch, topic_of(outbox, TOPIC_JOURNAL), outbox->lane->partition, &record)) {
        lane_fail(outbox->lane, "out of memory");
        return false;
    }
    return true;
}

void
outbox_journal(struct outbox *outbox, const struct journal_entry *entry)
{
    struct batch *batch = filling(outbox);

    if (batch != NULL) {
        (void)add_entry(outbox, batch, entry);
    }
}

void
outbox_done(struct outbox *outbox, const struct journal_entry *entry, struct command_key key)
{
    struct batch *batch = filling(outbox);

    if (batch != NULL && add_entry(outbox, batch, entry) && !batch_place(batch, key)) {
        lane_fail(outbox->lane, "out of memory");
    }
}

struct slice
outbox_result(struct outbox *outbox, const struct result *result)
{
    struct batch *batch = filling(outbox);
    struct record record = {0};
    struct record shorter = {0};
    struct result brief = *result;

    if (batch == NULL) {
        return (struct slice){0};
    }
    brief.answer = (struct slice){0};
    brief.answer_omitted = result->answer.length;
    if (!result_write(result, batch->arena, &record) ||
        (!slice_empty(result->answer) && !result_write(&brief, batch->arena, &shorter)) ||
        !batch_add(batch, topic_of(outbox, TOPIC_RESULTS), TRANSACTION_BY_KEY, &record)) {
        lane_fail(outbox->lane, "out of memory");
        return (struct slice){0};
    }
    batch->fallbacks[batch->count - 1] = shorter.value;
    return slice_empty(shorter.value) ? record.value : shorter.value;
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

bool
outbox_crowded(const struct outbox *outbox)
{
    return outbox->filling != NULL && batch_crowded(outbox->filling);
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
    for (size_t i = 0; i < batch->count; i++) {
        const struct transaction_record *record = &batch->records[i];

        if (record->delivery != DELIVERY_REFUSED) {
            continue;
        }
        if (slice_equal(record->topic, topic_of(outbox, TOPIC_JOURNAL))) {
            lane_fail(outbox->lane, "Kafka takes no entry of the journal of this size: raise the topic's "
                                    "max.message.bytes");
            return false;
        }
        count_happening(outbox->lane->service->tally, HAPPENED_RECORD_REFUSED);
        log_error("record_refused", log_slice("topic", record->topic), log_slice("key", record->key),
                  log_integer("bytes", (int64_t)record->value.length),
                  log_text("without_answer", slice_empty(batch->fallbacks[i]) ? "no" : "yes"));
    }
    batch_shorten(batch);
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

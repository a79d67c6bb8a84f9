/* The transactional producer: one blocking call a transaction, on the caller's own thread. */
#include "bus/transaction.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "bus/conf.h"
#include "bus/message.h"
#include "bus/metadata.h"

#define STEP_MS    1000  /* of a wait, before we look whether it was given up */
#define OFFSETS_MS 5000  /* for the offsets; librdkafka repeats the request within */
#define QUERY_MS   5000  /* for one answer about offsets */
#define QUEUE_MS   10000 /* for room in librdkafka's queue */
#define SERVE_MS   10
#define LEAVE_MS   500   /* for the abort of a transaction that is left open */
#define END_MS     60000 /* for a commit or an abort: four times as long as Kafka lets a transaction live */

struct transaction_producer {
    const struct kafka_settings *settings;
    rd_kafka_t *rk;
    atomic_bool given_up;
    bool initialised;                         /* librdkafka takes a second init for a mistake */
    bool dead;                                /* fenced, fatal or given up: librdkafka may still hold a transaction */
    enum transaction_outcome death;           /* when dead */
    const struct transaction_batch *reported; /* whose delivery reports are noted; NULL outside a commit */
    bool refused;                             /* one of its records */
    bool open;                                /* a transaction was begun and, as far as we know, has not ended */
    int end_ms;                               /* for a commit or an abort */
};

static const struct kafka_property defaults[] = {
    /* Kafka is still busy with the end of the transaction before when the next begins; each time it says so costs this
     * wait. At librdkafka's 100 ms a transaction takes 100 ms, at 10 it takes 27. */
    {"retry.backoff.ms", "10"},
    /* A batch is refused as a whole; see producer_client.c. */
    {"batch.size", "65536"},
    /* When librdkafka misses that a group's coordinator is there again, sending offsets waits for the next change of a
     * connection, whatever time-out it was given: this brings one about. */
    {"connections.max.idle.ms", "60000"},
    {NULL, NULL},
};

static const struct kafka_property ours[] = {
    {"enable.idempotence", "true"},
    {"acks", "all"},
    {"partitioner", "murmur2_random"},
    {"transaction.timeout.ms", "15000"},
    {"message.timeout.ms", "15000"}, /* librdkafka wants no more than the transaction's */
    {"linger.ms", "1"},              /* the commit flushes anyway */
    {NULL, NULL},
};

/* On the committer's thread, within a call of ours. */
static void
on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    struct transaction_producer *producer = opaque;
    struct transaction_record *record = message->_private;

    (void)rk;
    if (producer->reported == NULL) {
        return; /* late, of a transaction that is over: the record may be gone */
    }
    record->delivery = message_delivery(message->err);
    producer->refused = producer->refused || record->delivery == DELIVERY_REFUSED;
    if (record->delivery == DELIVERY_ACKNOWLEDGED) {
        record->offset = message->offset;
        record->timestamp_ms = rd_kafka_message_timestamp(message, NULL);
    }
}

struct transaction_producer *
transaction_producer_new(const struct kafka_settings *settings, const char *transactional_id, struct error *error)
{
    struct transaction_producer *producer = calloc(1, sizeof *producer);
    char reason[256] = "";
    rd_kafka_conf_t *conf;

    if (producer == NULL) {
        error_set(error, "out of memory");
        return NULL;
    }
    producer->settings = settings;
    producer->end_ms = END_MS;
    atomic_init(&producer->given_up, false);
    conf = conf_new(settings, defaults, ours, error);
    if (conf == NULL) {
        goto failed;
    }
    if (rd_kafka_conf_set(conf, "transactional.id", transactional_id, reason, sizeof reason) != RD_KAFKA_CONF_OK) {
        error_set(error, "librdkafka does not take the transactional id \"%s\": %s", transactional_id, reason);
        rd_kafka_conf_destroy(conf);
        goto failed;
    }
    rd_kafka_conf_set_opaque(conf, producer);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    producer->rk = conf_client(conf, RD_KAFKA_PRODUCER, error);
    if (producer->rk == NULL) {
        goto failed;
    }
    return producer;

failed:
    transaction_producer_free(producer);
    return NULL;
}

/* librdkafka 2.0.2 (and 2.14) tells Kafka of a new partition in a transaction from its main thread, and counts the
 * request after it has handed it to the broker's thread. When that one is ending by then, it fails the request at once,
 * finds it not counted, and an assertion ends the process. So it must not be destroyed in the first milliseconds of a
 * transaction: an abort takes the main thread out of that, even when Kafka is not there to hear of it. A commit that
 * was under way cannot be aborted, but it has told of its partitions long ago, unless Kafka comes back this moment. */
static void
leave_transaction(struct transaction_producer *producer)
{
    if (producer->open) {
        rd_kafka_error_destroy(rd_kafka_abort_transaction(producer->rk, LEAVE_MS));
    }
}

void
transaction_producer_free(struct transaction_producer *producer)
{
    if (producer == NULL) {
        return;
    }
    if (producer->rk != NULL) {
        leave_transaction(producer);
        /* Else librdkafka would wait for what it has not sent. */
        rd_kafka_purge(producer->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        rd_kafka_destroy(producer->rk);
    }
    free(producer);
}

void
transaction_producer_end_within(struct transaction_producer *producer, int timeout_ms)
{
    producer->end_ms = timeout_ms;
}

void
transaction_producer_give_up(struct transaction_producer *producer)
{
    atomic_store(&producer->given_up, true);
}

/* The one place where a producer dies. */
static enum transaction_outcome
die(struct transaction_producer *producer, enum transaction_outcome death)
{
    producer->dead = true;
    producer->death = death;
    return death;
}

static enum transaction_outcome
die_of(struct transaction_producer *producer, const rd_kafka_error_t *failure)
{
    bool fenced = rd_kafka_error_code(failure) == RD_KAFKA_RESP_ERR__FENCED ||
                  rd_kafka_fatal_error(producer->rk, NULL, 0) == RD_KAFKA_RESP_ERR__FENCED;

    return die(producer, fenced ? TRANSACTION_FENCED : TRANSACTION_FATAL);
}

/* Calls init, commit or abort until it is done, fails for good (librdkafka's error, to be destroyed) or deadline_ns has
 * come. NULL and *done false: given up, or the deadline. A call that timed out takes up where it was. */
static rd_kafka_error_t *
insist(struct transaction_producer *producer, rd_kafka_error_t *(*call)(rd_kafka_t *rk, int timeout_ms),
       int64_t deadline_ns, bool *done, struct error *error)
{
    *done = false;
    while (!atomic_load(&producer->given_up)) {
        rd_kafka_error_t *failure = call(producer->rk, STEP_MS);

        if (failure == NULL) {
            *done = true;
            return NULL;
        }
        error_set(error, "%s", rd_kafka_error_string(failure));
        if (rd_kafka_error_is_fatal(failure) || rd_kafka_error_txn_requires_abort(failure) ||
            !rd_kafka_error_is_retriable(failure)) {
            return failure;
        }
        rd_kafka_error_destroy(failure);
        if (clock_monotonic_ns(clock_system()) >= deadline_ns) {
            return NULL;
        }
        rd_kafka_poll(producer->rk, SERVE_MS); /* what fails at once is not asked for a thousand times a second */
    }
    error_set(error, "given up before Kafka had answered");
    return NULL;
}

/* Ends the open transaction, either way. Kafka has decided on it long before we stop asking, so what keeps us waiting
 * then is a client that has lost its way: the next init of the transactional id, by a new one, finds out. */
static rd_kafka_error_t *
insist_on_end(struct transaction_producer *producer, rd_kafka_error_t *(*call)(rd_kafka_t *rk, int timeout_ms),
              bool *done, struct error *error)
{
    int64_t deadline_ns = clock_monotonic_ns(clock_system()) + producer->end_ms * 1000000LL;
    struct error last = {""};
    rd_kafka_error_t *failure = insist(producer, call, deadline_ns, done, &last);

    producer->open = producer->open && !*done;
    if (!*done && failure == NULL && !atomic_load(&producer->given_up)) {
        error_set(error, "Kafka has not ended a transaction within %d s: %s", producer->end_ms / 1000, last.text);
    } else if (!*done) {
        *error = last;
    }
    return failure;
}

bool
transaction_producer_init(struct transaction_producer *producer, const struct slice *topics, size_t count,
                          int timeout_ms, struct error *error)
{
    int64_t deadline_ns = clock_monotonic_ns(clock_system()) + timeout_ms * 1000000LL;
    rd_kafka_error_t *failure;
    bool done;

    if (producer->dead) {
        return error_set(error, "this transactional producer is dead");
    }
    /* First: once we have fenced the one before, nothing of ours should take long. */
    if (!metadata_await(producer->rk, conf_brokers(producer->settings), topics, count, timeout_ms, NULL, error)) {
        return false;
    }
    if (producer->initialised) {
        return true;
    }
    failure = insist(producer, rd_kafka_init_transactions, deadline_ns, &done, error);
    producer->initialised = done;
    if (failure != NULL) {
        if (rd_kafka_error_is_fatal(failure)) {
            die_of(producer, failure);
        }
        rd_kafka_error_destroy(failure);
    }
    return done;
}

/* Ends the open transaction without a trace, and says what that makes of the batch. failure is why, and is gone
 * afterwards; NULL: error has the reason already. */
static enum transaction_outcome
abandon(struct transaction_producer *producer, rd_kafka_error_t *failure, struct error *error)
{
    bool fatal = failure != NULL && rd_kafka_error_is_fatal(failure);
    enum transaction_outcome outcome;
    struct error trouble; /* of the abort; what the caller wants to know is why there was one */
    bool done;

    if (failure != NULL) {
        error_set(error, "%s", rd_kafka_error_string(failure));
    }
    if (fatal) {
        outcome = die_of(producer, failure);
        rd_kafka_error_destroy(failure);
        return outcome;
    }
    rd_kafka_error_destroy(failure);
    failure = insist_on_end(producer, rd_kafka_abort_transaction, &done, &trouble);
    if (done) {
        return producer->refused ? TRANSACTION_REFUSED : TRANSACTION_ABORTED;
    }
    error_set(error, "%s", trouble.text);
    if (failure == NULL) {
        return die(producer, TRANSACTION_GIVEN_UP);
    }
    outcome = die_of(producer, failure);
    rd_kafka_error_destroy(failure);
    return outcome;
}

static rd_kafka_resp_err_t
send_record(struct transaction_producer *producer, struct transaction_record *record)
{
    int64_t deadline_ns = clock_monotonic_ns(clock_system()) + QUEUE_MS * 1000000LL;
    rd_kafka_headers_t *headers = message_headers(record->headers, record->header_count);
    rd_kafka_resp_err_t error;

    for (;;) {
        /* An empty value is not a missing one. */
        error = rd_kafka_producev(
            producer->rk, RD_KAFKA_V_TOPIC(record->topic.data),
            RD_KAFKA_V_PARTITION(record->partition == TRANSACTION_BY_KEY ? RD_KAFKA_PARTITION_UA : record->partition),
            RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
            RD_KAFKA_V_VALUE((void *)(record->value.length == 0 ? "" : record->value.data), record->value.length),
            RD_KAFKA_V_KEY(record->key.length == 0 ? NULL : record->key.data, record->key.length),
            RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_OPAQUE(record), RD_KAFKA_V_END);
        if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL || atomic_load(&producer->given_up) ||
            clock_monotonic_ns(clock_system()) >= deadline_ns) {
            break;
        }
        rd_kafka_poll(producer->rk, SERVE_MS);
    }
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        rd_kafka_headers_destroy(headers);
    }
    return error;
}

static bool
send_records(struct transaction_producer *producer, const struct transaction_batch *batch, struct error *error)
{
    for (size_t i = 0; i < batch->record_count; i++) {
        struct transaction_record *record = &batch->records[i];
        rd_kafka_resp_err_t failure = send_record(producer, record);

        if (failure != RD_KAFKA_RESP_ERR_NO_ERROR) {
            record->delivery = message_delivery(failure);
            producer->refused = producer->refused || record->delivery == DELIVERY_REFUSED;
            return error_set(error, "a record for topic %.*s: %s", SLICE_ARGS(record->topic),
                             rd_kafka_err2str(failure));
        }
    }
    return true;
}

static rd_kafka_error_t *
send_offsets(struct transaction_producer *producer, const struct transaction_batch *batch)
{
    rd_kafka_consumer_group_metadata_t *member;
    rd_kafka_topic_partition_list_t *list;
    rd_kafka_error_t *failure;

    if (batch->offset_count == 0) {
        return NULL;
    }
    member = rd_kafka_consumer_group_metadata_new(batch->group);
    list = rd_kafka_topic_partition_list_new((int)batch->offset_count);
    for (size_t i = 0; i < batch->offset_count; i++) {
        const struct transaction_offset *offset = &batch->offsets[i];

        rd_kafka_topic_partition_list_add(list, offset->topic.data, offset->partition)->offset = offset->next;
    }
    failure = rd_kafka_send_offsets_to_transaction(producer->rk, list, member, OFFSETS_MS);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_consumer_group_metadata_destroy(member);
    return failure;
}

static enum transaction_outcome
run(struct transaction_producer *producer, const struct transaction_batch *batch, struct error *error)
{
    rd_kafka_error_t *failure = rd_kafka_begin_transaction(producer->rk);
    enum transaction_outcome outcome;
    bool done;

    if (failure != NULL) { /* without a transaction there is none to abort: it was never initialised, or is dead */
        error_set(error, "%s", rd_kafka_error_string(failure));
        outcome = die_of(producer, failure);
        rd_kafka_error_destroy(failure);
        return outcome;
    }
    producer->open = true;
    if (!send_records(producer, batch, error)) {
        return abandon(producer, NULL, error);
    }
    failure = send_offsets(producer, batch);
    if (failure != NULL) {
        return abandon(producer, failure, error);
    }
    failure = insist_on_end(producer, rd_kafka_commit_transaction, &done, error);
    if (done) {
        return TRANSACTION_COMMITTED;
    }
    if (failure == NULL) {
        return die(producer, TRANSACTION_GIVEN_UP);
    }
    if (rd_kafka_error_txn_requires_abort(failure)) {
        return abandon(producer, failure, error);
    }
    outcome = die_of(producer, failure);
    rd_kafka_error_destroy(failure);
    return outcome;
}

/* librdkafka leaves out offsets that are no place in a partition, without a word. */
static bool
offsets_valid(const struct transaction_batch *batch, struct error *error)
{
    for (size_t i = 0; i < batch->offset_count; i++) {
        const struct transaction_offset *offset = &batch->offsets[i];

        if (offset->next < 0) {
            return error_set(error, "%lld is no offset to commit for topic %.*s, partition %d", (long long)offset->next,
                             SLICE_ARGS(offset->topic), offset->partition);
        }
    }
    return true;
}

enum transaction_outcome
transaction_producer_commit(struct transaction_producer *producer, const struct transaction_batch *batch,
                            struct error *error)
{
    enum transaction_outcome outcome;

    if (!producer->dead && atomic_load(&producer->given_up)) {
        die(producer, TRANSACTION_GIVEN_UP);
    }
    if (producer->dead) {
        error_set(error, "this transactional producer is dead (%s)", transaction_outcome_name(producer->death));
        return producer->death;
    }
    if (!offsets_valid(batch, error)) {
        return TRANSACTION_REFUSED;
    }
    for (size_t i = 0; i < batch->record_count; i++) {
        batch->records[i].delivery = DELIVERY_PENDING;
    }
    if (batch->record_count + batch->offset_count == 0) {
        return TRANSACTION_COMMITTED;
    }
    producer->refused = false;
    producer->reported = batch;
    outcome = run(producer, batch, error);
    producer->reported = NULL;
    return outcome;
}

/* Asks for one offset of a partition: what is the time to look for, or RD_KAFKA_OFFSET_BEGINNING or _END. -1 is the
 * answer when no record is that young. Until deadline_ns comes it asks again, unless it was given up. */
static bool
ask_offset(struct transaction_producer *producer, struct slice topic, int32_t partition, int64_t what,
           int64_t deadline_ns, int64_t *offset, struct error *error)
{
    rd_kafka_resp_err_t failure = RD_KAFKA_RESP_ERR__TIMED_OUT;
    int64_t left_ms;

    while (!atomic_load(&producer->given_up) &&
           (left_ms = (deadline_ns - clock_monotonic_ns(clock_system())) / 1000000) > 0) {
        rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

        rd_kafka_topic_partition_list_add(list, topic.data, partition)->offset = what;
        failure = rd_kafka_offsets_for_times(producer->rk, list, left_ms < QUERY_MS ? (int)left_ms : QUERY_MS);
        if (failure == RD_KAFKA_RESP_ERR_NO_ERROR) {
            failure = list->elems[0].err;
        }
        *offset = list->elems[0].offset;
        rd_kafka_topic_partition_list_destroy(list);
        if (failure == RD_KAFKA_RESP_ERR_NO_ERROR) {
            return true;
        }
        rd_kafka_poll(producer->rk, SERVE_MS);
    }
    return error_set(error, "Kafka does not tell the offsets of topic %.*s, partition %d: %s", SLICE_ARGS(topic),
                     partition, atomic_load(&producer->given_up) ? "given up" : rd_kafka_err2str(failure));
}

bool
transaction_producer_offset_at(struct transaction_producer *producer, struct slice topic, int32_t partition,
                               int64_t unix_ms, int timeout_ms, int64_t *offset, struct error *error)
{
    int64_t deadline_ns = clock_monotonic_ns(clock_system()) + timeout_ms * 1000000LL;
    int64_t end = 0;
    int64_t found = 0;

    if (unix_ms < 0) {
        unix_ms = 0; /* what is negative is not a time to Kafka */
    }
    if (producer->settings->embedded) { /* it knows no times; reading too much is the safe side */
        return ask_offset(producer, topic, partition, RD_KAFKA_OFFSET_BEGINNING, deadline_ns, offset, error);
    }
    /* The end first: what is appended between the two questions stands behind it, or is found. */
    if (!ask_offset(producer, topic, partition, RD_KAFKA_OFFSET_END, deadline_ns, &end, error) ||
        !ask_offset(producer, topic, partition, unix_ms, deadline_ns, &found, error)) {
        return false;
    }
    *offset = found < 0 ? end : found;
    return true;
}

bool
transaction_producer_partitions(struct transaction_producer *producer, struct slice topic, int timeout_ms,
                                int32_t *count, struct error *error)
{
    int partitions = 0;

    if (!metadata_await(producer->rk, conf_brokers(producer->settings), &topic, 1, timeout_ms, &partitions, error)) {
        return false;
    }
    *count = partitions;
    return true;
}

const char *
transaction_outcome_name(enum transaction_outcome outcome)
{
    static const char *const names[] = {
        [TRANSACTION_COMMITTED] = "COMMITTED", [TRANSACTION_ABORTED] = "ABORTED", [TRANSACTION_REFUSED] = "REFUSED",
        [TRANSACTION_FENCED] = "FENCED",       [TRANSACTION_FATAL] = "FATAL",     [TRANSACTION_GIVEN_UP] = "GIVEN_UP",
    };

    return names[outcome];
}

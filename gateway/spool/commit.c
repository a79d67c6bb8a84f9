/* Jobs in, one transaction, jobs back. */
#include "spool/commit.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/random.h"

#define MILLISECOND_NS    INT64_C(1000000)
#define BACK_OFF_FIRST_MS 100
#define BACK_OFF_MOST_MS  5000

/* --- jobs --- */

static struct entry
entry_of(const struct spool_job *job, size_t index, struct share *share)
{
    const struct record *record = job->records[index];

    return (struct entry){
        .id = job->first_id + (int64_t)index,
        .key = gate_key(record->topic, record->key),
        .bytes = store_record_bytes(record, job->source),
        .share = share,
    };
}

static void
send_back(struct commit *commit, struct spool_job *job, enum spool_fate fate)
{
    if (fate != SPOOL_DURABLE) {
        for (size_t i = 0; i < job->count; i++) {
            gate_release(commit->stock->gate, gate_key(job->records[i]->topic, job->records[i]->key));
        }
        metric_add(fate == SPOOL_FULL ? commit->metrics.refused_full : commit->metrics.refused_failing, job->count);
    }
    job->fate = fate;
    spool_port_return(job);
}

static void
count_job(struct commit *commit, const struct spool_job *job)
{
    struct share *share = stock_share(commit->stock, job->source);

    for (size_t i = 0; i < job->count && share != NULL; i++) {
        const struct entry entry = entry_of(job, i, share);

        stock_add(commit->stock, &entry, false);
    }
}

/* Counts it as there already, so that what comes with it in the same transaction finds the room taken. */
static bool
admit(struct commit *commit, struct spool_job *job)
{
    struct stock *stock = commit->stock;
    struct share *share = stock_share(stock, job->source);
    uint64_t bytes = 0;

    for (size_t i = 0; i < job->count; i++) {
        bytes += store_record_bytes(job->records[i], job->source);
    }
    if (share == NULL || !stock_admits(stock, share, job->vendor_repeats, bytes) ||
        (job->in_flight && !id_set_reserve(&stock->in_flight, job->count))) {
        return false;
    }
    job->first_id = commit->next_id;
    commit->next_id += (int64_t)job->count;
    count_job(commit, job);
    for (size_t i = 0; i < job->count && job->in_flight; i++) {
        id_set_add(&stock->in_flight, job->first_id + (int64_t)i);
    }
    return true;
}

static void
fail(struct commit *commit, struct spool_job *job)
{
    struct share *share = stock_share(commit->stock, job->source);

    for (size_t i = 0; i < job->count; i++) {
        const struct entry entry = entry_of(job, i, share);

        stock_drop(commit->stock, &entry, false);
        id_set_remove(&commit->stock->in_flight, entry.id);
    }
    send_back(commit, job, SPOOL_FAILING);
}

static void
removal_free(struct removal *removal)
{
    free(removal);
}

/* Kafka has it after all. Out of memory: it is drained, as a recognisable duplicate. */
static void
retire(struct commit *commit, const struct entry *entry)
{
    struct removal *removal = calloc(1, sizeof(*removal));

    if (removal == NULL || !id_set_reserve(&commit->stock->taken, 1)) {
        free(removal);
        return;
    }
    removal->entry = *entry;
    removal->free = removal_free;
    id_set_add(&commit->stock->taken, entry->id);
    stock_retire(commit->stock, removal);
}

static void
settle(struct commit *commit, struct spool_job *job)
{
    struct share *share = stock_share(commit->stock, job->source);

    for (size_t i = 0; i < job->count; i++) {
        const struct entry entry = entry_of(job, i, share);

        id_set_remove(&commit->stock->in_flight, entry.id);
        if (job->records[i]->delivery == DELIVERY_ACKNOWLEDGED) {
            retire(commit, &entry);
        }
    }
    spool_port_return(job);
    if (commit->drain != NULL) {
        drain_unblock(commit->drain);
    }
}

/* --- the transaction --- */

static enum store_verdict
put_job(struct store *store, const struct spool_job *job, int64_t now_ms)
{
    enum store_verdict verdict = STORE_OK;

    for (size_t i = 0; i < job->count && verdict == STORE_OK; i++) {
        const struct record *record = job->records[i];
        const struct entry entry = entry_of(job, i, NULL);
        /* Member by member: a producer may be at work with the others. */
        const struct stored stored = {
            .id = entry.id,
            .spooled_ms = now_ms,
            .source = job->source,
            .key = entry.key,
            .bytes = entry.bytes,
            .record = {.topic = record->topic,
                       .key = record->key,
                       .value = record->value,
                       .headers = record->headers,
                       .header_count = record->header_count},
        };

        verdict = store_put(store, &stored);
    }
    return verdict;
}

static enum store_verdict
take_out(struct store *store, const struct stock *stock)
{
    enum store_verdict verdict = STORE_OK;

    for (const struct removal *removal = stock->removals; removal != NULL && verdict == STORE_OK;
         removal = removal->next) {
        verdict = removal->set_aside ? store_set_aside(store, removal->entry.id, removal->reason)
                                     : store_remove(store, removal->entry.id);
    }
    return verdict;
}

/* Writes a record and takes it out again: whether the disk takes anything. */
static enum store_verdict
touch(struct store *store, int64_t id)
{
    const struct record record = {.topic = SLICE("trunkline")};
    const struct stored stored = {.id = id, .source = SLICE("trunkline"), .record = record};
    enum store_verdict verdict = store_put(store, &stored);

    return verdict == STORE_OK ? store_remove(store, id) : verdict;
}

static enum store_verdict
write_all(struct commit *commit, struct store *store, bool touched)
{
    int64_t began_ns = clock_monotonic_ns(commit->clock);
    int64_t now_ms = clock_wall_ms(commit->clock);
    enum store_verdict verdict = store_begin(store);

    for (const struct spool_job *job = commit->puts.first; job != NULL && verdict == STORE_OK; job = job->next) {
        verdict = put_job(store, job, now_ms);
    }
    if (verdict == STORE_OK) {
        verdict = take_out(store, commit->stock);
    }
    if (verdict == STORE_OK && touched) {
        verdict = touch(store, commit->next_id);
    }
    if (verdict == STORE_OK) {
        verdict = store_commit(store);
    }
    if (verdict == STORE_OK) {
        metric_add(commit->metrics.commits, 1);
        metric_observe_ns(commit->metrics.seconds, clock_monotonic_ns(commit->clock) - began_ns);
    } else {
        store_take_back(store);
    }
    return verdict;
}

static void
set_reason(struct commit *commit, const struct error *reason)
{
    pthread_mutex_lock(&commit->lock);
    commit->reason = *reason;
    pthread_mutex_unlock(&commit->lock);
}

static void
note_failure(struct commit *commit, const struct error *reason)
{
    unsigned wait_ms;

    if (!commit->failing) {
        log_error("spool_failing", log_text("reason", reason->text),
                  log_text("advice", "callbacks that need the spool are answered 503 until the disk takes them again"));
        commit->back_off_ms = BACK_OFF_FIRST_MS;
    }
    commit->failing = true;
    metric_set(commit->metrics.able, 0);
    set_reason(commit, reason);
    wait_ms = commit->back_off_ms / 2 + random_below(commit->back_off_ms / 2 + 1);
    commit->retry_ns = clock_monotonic_ns(commit->clock) + (int64_t)wait_ms * MILLISECOND_NS;
    commit->back_off_ms = commit->back_off_ms * 2 > BACK_OFF_MOST_MS ? BACK_OFF_MOST_MS : commit->back_off_ms * 2;
}

static void
note_success(struct commit *commit)
{
    static const struct error none;

    if (commit->failing) {
        log_warn("spool_recovered", log_text("file", store_path(keeper_store(commit->keeper))));
        set_reason(commit, &none);
    }
    commit->failing = false;
    metric_set(commit->metrics.able, 1);
}

static bool
count_row(void *argument, const struct stored *stored)
{
    struct commit *commit = argument;
    const struct entry entry = {
        .id = stored->id,
        .key = stored->key,
        .bytes = stored->bytes,
        .share = stock_share(commit->stock, stored->source),
    };

    if (entry.share != NULL) {
        stock_add(commit->stock, &entry, !slice_empty(stored->aside));
    }
    return true;
}

/* Some records were lost with a damaged file. Which ones cannot be trusted: their keys stay held, and what has them
 * goes by the spool until the process ends. */
static void
count_again(struct commit *commit)
{
    stock_forget(commit->stock);
    (void)keeper_read(commit->keeper, 0, count_row, commit);
    for (const struct spool_job *job = commit->puts.first; job != NULL; job = job->next) {
        count_job(commit, job);
    }
}

/* A file that may be written; NULL: there is none now. */
static struct store *
writable_store(struct commit *commit, struct error *error)
{
    struct store *store = keeper_store(commit->keeper);
    bool damaged;

    if (store != NULL) {
        return store;
    }
    if (!keeper_mend(commit->keeper, &damaged, error)) {
        return NULL;
    }
    if (damaged) {
        count_again(commit);
    }
    if (commit->drain != NULL) {
        drain_unblock(commit->drain);
    }
    return keeper_store(commit->keeper);
}

/* Into the file that is written, or, when that one fails for good, into a new one. */
static bool
make_durable(struct commit *commit, bool touched)
{
    enum store_verdict verdict = STORE_BROKEN;
    struct error error = {0};

    for (int try = 0; try < 2 && verdict == STORE_BROKEN; try++) {
        struct store *store = writable_store(commit, &error);

        if (store == NULL) {
            break;
        }
        verdict = write_all(commit, store, touched);
        if (verdict == STORE_OK) {
            note_success(commit);
            return true;
        }
        error_set(&error, "%s: %s", store_path(store), store_reason(store));
        if (verdict == STORE_BROKEN) {
            keeper_broken(commit->keeper, store_reason(store));
        }
    }
    note_failure(commit, &error);
    return false;
}

static void
finish(struct commit *commit, bool durable)
{
    bool any = commit->puts.first != NULL;
    struct spool_job *job;

    if (durable) {
        stock_settle_removals(commit->stock);
    }
    while ((job = job_queue_take(&commit->puts)) != NULL) {
        if (durable) {
            metric_add(commit->metrics.records, job->count);
            send_back(commit, job, SPOOL_DURABLE);
        } else {
            fail(commit, job);
        }
    }
    if (durable && any && commit->drain != NULL) {
        drain_more(commit->drain);
    }
    if (durable && atomic_load(&commit->stock->records) == 0 && atomic_load(&commit->stock->set_aside) == 0) {
        keeper_renew(commit->keeper);
    }
}

void
commit_work(struct commit *commit)
{
    struct job_queue jobs = inbox_take(commit->inbox);
    struct spool_job *job;
    bool waits = commit->failing && clock_monotonic_ns(commit->clock) < commit->retry_ns;

    while ((job = job_queue_take(&jobs)) != NULL) {
        if (job->task == JOB_SETTLE) {
            settle(commit, job);
        } else if (waits) {
            send_back(commit, job, SPOOL_FAILING);
        } else if (admit(commit, job)) {
            job_queue_append(&commit->puts, job);
        } else {
            send_back(commit, job, SPOOL_FULL);
        }
    }
    if (!waits && (commit->puts.first != NULL || commit->stock->removals != NULL)) {
        finish(commit, make_durable(commit, false));
    }
}

void
commit_retry(struct commit *commit)
{
    bool damaged = keeper_store(commit->keeper) == NULL;

    if ((commit->failing && clock_monotonic_ns(commit->clock) >= commit->retry_ns) || (damaged && !commit->failing)) {
        finish(commit, make_durable(commit, true));
    }
}

void
commit_last(struct commit *commit)
{
    commit->drain = NULL;
    commit_work(commit);
}

/* --- life --- */

bool
commit_open(struct commit *commit, struct metrics *metrics, struct error *error)
{
    commit->metrics = (struct commit_metrics){
        .able = metrics_gauge(metrics, "trunkline_spool_able", "1 while the disk takes records.", ""),
        .commits = metrics_counter(metrics, "trunkline_spool_commits_total", "Transactions, each with one fsync.", ""),
        .records = metrics_counter(metrics, "trunkline_spool_records_total", "Records that were spooled.", ""),
        .refused_full = metrics_counter(metrics, "trunkline_spool_rejected_records_total",
                                        "Records that the spool did not take.", "reason=\"full\""),
        .refused_failing = metrics_counter(metrics, "trunkline_spool_rejected_records_total",
                                           "Records that the spool did not take.", "reason=\"failing\""),
        .seconds = metrics_histogram(metrics, "trunkline_spool_commit_seconds",
                                     "From a transaction's beginning to the return of its fsync.", ""),
    };
    metric_set(commit->metrics.able, 1);
    return pthread_mutex_init(&commit->lock, NULL) == 0 || error_set(error, "out of memory");
}

void
commit_close(struct commit *commit)
{
    pthread_mutex_destroy(&commit->lock);
}

bool
commit_failing(struct commit *commit, struct error *reason)
{
    pthread_mutex_lock(&commit->lock);
    *reason = commit->reason;
    pthread_mutex_unlock(&commit->lock);
    return reason->text[0] != '\0';
}

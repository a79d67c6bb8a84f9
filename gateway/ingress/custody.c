/* The states of a custody, between the producer's reports and the spool's. */
#include "ingress/custody.h"

#include <assert.h>

#include "bus/producer.h"
#include "ingress/generation.h"
#include "ingress/tally.h"
#include "ingress/ticket.h"
#include "ingress/worker.h"

#define BIT(state) (1U << (state))

/* --- states --- */

/* The one place that changes the state. */
static void
enter(struct custody *custody, enum custody_state state)
{
    static const unsigned next[] = {
        [CUSTODY_NEW] = BIT(CUSTODY_AWAITED) | BIT(CUSTODY_SPOOLING) | BIT(CUSTODY_OVER),
        [CUSTODY_AWAITED] =
            BIT(CUSTODY_NEW) | BIT(CUSTODY_SPOOLING) | BIT(CUSTODY_DOUBTFUL) | BIT(CUSTODY_LATE) | BIT(CUSTODY_OVER),
        [CUSTODY_SPOOLING] = BIT(CUSTODY_OVER),
        [CUSTODY_DOUBTFUL] = BIT(CUSTODY_REPORTED) | BIT(CUSTODY_COMMITTED) | BIT(CUSTODY_LATE),
        [CUSTODY_REPORTED] = BIT(CUSTODY_NEW) | BIT(CUSTODY_SETTLING) | BIT(CUSTODY_OVER),
        [CUSTODY_COMMITTED] = BIT(CUSTODY_SETTLING),
        [CUSTODY_LATE] = BIT(CUSTODY_NEW) | BIT(CUSTODY_OVER),
        [CUSTODY_SETTLING] = BIT(CUSTODY_OVER),
        [CUSTODY_OVER] = 0,
    };

    bool possible = (next[custody->state] & BIT(state)) != 0;

    assert(possible);
    (void)possible;
    custody->state = state;
}

static void
end(struct custody *custody)
{
    enter(custody, CUSTODY_OVER);
    custody->owner->on_over(custody);
}

/* --- answers --- */

static const struct service *
service_of(const struct custody *custody)
{
    return custody->ticket->generation->service;
}

static void
become_durable(struct custody *custody, enum durability durability)
{
    size_t spooled = durability == DURABILITY_SPOOL ? custody->job.count : 0;

    if (custody->durable) {
        return;
    }
    custody->durable = true;
    if (!custody->answered) {
        custody->answered = true;
        tally_left(service_of(custody), durability == DURABILITY_SPOOL ? FATE_SPOOLED : FATE_PUBLISHED, 1, 0);
        tally_left(service_of(custody), FATE_SPOOLED, 0, spooled);
        tally_left(service_of(custody), FATE_PUBLISHED, 0, custody->set.count - spooled);
    }
    custody->owner->on_durable(custody, durability);
}

static void
refuse(struct custody *custody, enum refusal refusal, const char *reason)
{
    if (custody->answered) {
        return;
    }
    custody->answered = true;
    custody->reason = reason;
    tally_left(service_of(custody), FATE_REFUSED, 1, custody->set.count);
    custody->owner->on_refused(custody, refusal);
}

static const char *
reason_of_kafka(const struct custody *custody)
{
    return slice_empty(custody->set.reason) ? "Kafka did not acknowledge in time" : custody->set.reason.data;
}

/* --- to the spool --- */

static void on_job_done(struct spool_job *job);
static void on_job_settled(struct spool_job *job);

/* Those that Kafka does not have, as far as is known. One that it has refused is among them: the drain learns the same
 * and sets it aside. */
static bool
fill_job(struct custody *custody)
{
    struct ticket *ticket = custody->ticket;
    size_t bytes = custody->set.count * sizeof(struct record *);
    struct record **records = arena_allow(ticket->arena, bytes) ? arena_alloc(ticket->arena, bytes) : NULL;
    size_t count = 0;

    if (records == NULL) {
        return false;
    }
    for (size_t i = 0; i < custody->set.count; i++) {
        if (custody->set.records[i].delivery != DELIVERY_ACKNOWLEDGED) {
            records[count++] = &custody->set.records[i];
        }
    }
    custody->job = (struct spool_job){
        .records = records,
        .count = count,
        .source = ticket->source->name,
        .vendor_repeats = ticket->source->adapter->retries,
        .on_done = on_job_done,
        .on_settled = on_job_settled,
        .owner = custody,
    };
    return true;
}

/* state: SPOOLING, or DOUBTFUL when the producer may still deliver them. false: there is no spool, or no memory. */
static bool
spool(struct custody *custody, enum custody_state state)
{
    struct worker *worker = custody->ticket->worker;

    if (worker->spool == NULL || !fill_job(custody)) {
        return false;
    }
    enter(custody, state);
    custody->job.in_flight = state == CUSTODY_DOUBTFUL;
    ticket_spool(custody->ticket);
    spool_put(worker->spool, &custody->job);
    return true;
}

static void
settle(struct custody *custody)
{
    enter(custody, CUSTODY_SETTLING);
    spool_settle(custody->ticket->worker->spool, &custody->job);
}

/* --- to Kafka --- */

static void on_reported(struct recordset *set);

static void
publish(struct custody *custody)
{
    enter(custody, CUSTODY_AWAITED);
    producer_publish(custody->ticket->worker->producer, &custody->set);
}

/* Whether they go to the spool without a try at Kafka. */
static bool
is_diverted(const struct custody *custody)
{
    const struct worker *worker = custody->ticket->worker;

    return worker->spool != NULL &&
           (worker->cut_off || gate_diverts(worker->gate, custody->set.records, custody->set.count));
}

static void
give(struct custody *custody, struct record *records, size_t count)
{
    custody->set = (struct recordset){
        .records = records,
        .count = count,
        .pending = count,
        .on_done = on_reported,
        .owner = custody,
    };
    for (size_t i = 0; i < count; i++) {
        records[i].set = &custody->set;
        records[i].delivery = DELIVERY_PENDING;
    }
    if (!is_diverted(custody)) {
        publish(custody);
    } else if (!spool(custody, CUSTODY_SPOOLING)) {
        refuse(custody, REFUSAL_BUSY, "no memory");
        end(custody);
    }
}

void
custody_begin(struct custody *custody, struct record *records, size_t count)
{
    tally_taken(service_of(custody), 1, count);
    give(custody, records, count);
}

/* --- in place of what Kafka refuses --- */

static size_t
count_delivery(const struct custody *custody, enum delivery delivery)
{
    size_t count = 0;

    for (size_t i = 0; i < custody->set.count; i++) {
        count += custody->set.records[i].delivery == delivery;
    }
    return count;
}

/* Appends those that have only failed: they have their own way still before them. */
static bool
add_failed(const struct custody *custody, struct record **records, size_t *count)
{
    struct arena *arena = custody->ticket->arena;
    size_t failed = count_delivery(custody, DELIVERY_FAILED);
    size_t bytes = (*count + failed) * sizeof(struct record);
    struct record *all;

    if (failed == 0) {
        return true;
    }
    all = arena_allow(arena, bytes) ? arena_alloc(arena, bytes) : NULL;
    if (all == NULL) {
        return false;
    }
    memcpy(all, *records, *count * sizeof(struct record));
    for (size_t i = 0; i < custody->set.count; i++) {
        if (custody->set.records[i].delivery == DELIVERY_FAILED) {
            all[(*count)++] = custody->set.records[i];
        }
    }
    *records = all;
    return true;
}

/* All records have been reported, and the spool has none. */
static bool
replace(struct custody *custody)
{
    struct record *records = NULL;
    size_t count = 0;
    size_t before = custody->set.count;
    size_t acknowledged = count_delivery(custody, DELIVERY_ACKNOWLEDGED);
    size_t refused = count_delivery(custody, DELIVERY_REFUSED);

    if (refused == 0 || !custody->owner->replace(custody, &records, &count) || !add_failed(custody, &records, &count)) {
        return false;
    }
    if (!custody->answered) {
        tally_left(service_of(custody), FATE_PUBLISHED, 0, acknowledged);
        tally_left(service_of(custody), FATE_REFUSED, 0, refused);
        tally_taken(service_of(custody), 0, count - (before - acknowledged - refused));
    }
    enter(custody, CUSTODY_NEW);
    give(custody, records, count);
    return true;
}

/* --- what the producer tells --- */

static void
await_over(struct custody *custody)
{
    if (custody->set.delivery == DELIVERY_ACKNOWLEDGED) {
        become_durable(custody, DURABILITY_KAFKA);
        end(custody);
    } else if (!replace(custody) && !spool(custody, CUSTODY_SPOOLING)) {
        refuse(custody, REFUSAL_UNAVAILABLE, reason_of_kafka(custody));
        end(custody);
    }
}

static void
on_reported(struct recordset *set)
{
    struct custody *custody = set->owner;

    switch (custody->state) {
    case CUSTODY_AWAITED:
        await_over(custody);
        break;
    case CUSTODY_DOUBTFUL:
        enter(custody, CUSTODY_REPORTED);
        if (set->delivery == DELIVERY_ACKNOWLEDGED) {
            become_durable(custody, DURABILITY_KAFKA);
            ticket_linger(custody->ticket);
        }
        break;
    case CUSTODY_COMMITTED:
        settle(custody);
        break;
    case CUSTODY_LATE:
        if (set->delivery == DELIVERY_ACKNOWLEDGED) {
            become_durable(custody, DURABILITY_KAFKA);
        }
        if (!replace(custody)) {
            end(custody);
        }
        break;
    default:
        assert(!"no report was due");
    }
}

/* --- what the spool tells --- */

static void
refuse_spooled(struct custody *custody)
{
    if (custody->job.fate == SPOOL_FULL) {
        refuse(custody, REFUSAL_BUSY, "the spool is full");
    } else {
        refuse(custody, REFUSAL_UNAVAILABLE, "the spool's disk fails");
    }
}

static void
on_committed(struct custody *custody)
{
    become_durable(custody, DURABILITY_SPOOL);
    if (custody->state == CUSTODY_SPOOLING) {
        end(custody);
        return;
    }
    ticket_linger(custody->ticket);
    if (custody->state == CUSTODY_REPORTED) {
        settle(custody);
    } else {
        enter(custody, CUSTODY_COMMITTED);
    }
}

static void
on_job_done(struct spool_job *job)
{
    struct custody *custody = job->owner;

    if (job->fate == SPOOL_DURABLE) {
        on_committed(custody);
        return;
    }
    refuse_spooled(custody);
    if (custody->state == CUSTODY_DOUBTFUL) {
        enter(custody, CUSTODY_LATE);
    } else if (custody->state != CUSTODY_REPORTED || !replace(custody)) {
        end(custody);
    }
}

static void
on_job_settled(struct spool_job *job)
{
    end(job->owner);
}

/* --- what the clock tells --- */

void
custody_overdue(struct custody *custody)
{
    switch (custody->state) {
    case CUSTODY_AWAITED:
        if (!spool(custody, CUSTODY_DOUBTFUL)) {
            enter(custody, CUSTODY_LATE);
            refuse(custody, REFUSAL_UNAVAILABLE, reason_of_kafka(custody));
        }
        break;
    case CUSTODY_SPOOLING:
    case CUSTODY_DOUBTFUL:
    case CUSTODY_REPORTED:
        refuse(custody, REFUSAL_UNAVAILABLE, "neither Kafka nor the spool's disk has taken it in time");
        break;
    default:
        break;
    }
}

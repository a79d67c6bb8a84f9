/* Conversion takes a ticket whose body is complete through translation into custody and back: the answer comes when the
 * records are durable, never before. */
#include "base/log.h"
#include "ingress/generation.h"
#include "ingress/repeat.h"
#include "ingress/tally.h"
#include "ingress/worker.h"

/* What waits in the ticket's arena until the records are durable. */
struct passage {
    struct ticket *ticket;
    struct incoming incoming;
    struct translation translation;
    struct repeat repeat;
};

static void
log_outcome(const struct passage *passage, const char *event)
{
    const struct ticket *ticket = passage->ticket;

    log_warn_limited(&ticket->worker->refusals, event, log_slice("source", ticket->source->name),
                     log_text("outcome", passage->translation.outcome), log_text("reason", passage->translation.reason),
                     log_slice("endpoint", ticket->endpoint), log_text("request_id", ticket->request_id));
}

static void
refuse(struct ticket *ticket, enum refusal refusal)
{
    ticket_refuse(ticket, refusal);
    ticket_free(ticket);
}

static struct answer
vendor_answer(const struct passage *passage)
{
    const struct incoming *incoming = &passage->incoming;
    struct callback callback = incoming_callback(incoming, passage->ticket->arena);

    callback.format = passage->translation.format;
    callback.message = passage->translation.message;
    return incoming->source->adapter->answer(&callback);
}

static void
answer_with(struct passage *passage, enum durability durability, struct answer answer)
{
    struct ticket *ticket = passage->ticket;

    ticket->outcome = passage->translation.outcome;
    ticket->durability = durability;
    ticket_accept(ticket, answer);
}

static void
accept(struct passage *passage, enum durability durability)
{
    answer_with(passage, durability, vendor_answer(passage));
}

/* --- what custody tells --- */

static void
count_durable(const struct passage *passage, enum durability durability)
{
    const struct ticket *ticket = passage->ticket;
    const struct translation *translation = &passage->translation;

    tally_durable(ticket->generation->service, ticket->source, translation);
    if (translation->outcome == outcome_dead_letter) {
        log_outcome(passage, "callback_dead_letter");
        return;
    }
    if (translation->outcome == outcome_unmapped) {
        log_outcome(passage, "callback_unmapped");
    }
    repeat_remember(&passage->repeat, ticket->worker->seen, ticket->source, durability);
}

static void
on_durable(struct custody *custody, enum durability durability)
{
    struct passage *passage = custody->owner_data;

    if (passage->translation.outcome != outcome_repeated) {
        count_durable(passage, durability);
    }
    accept(passage, durability);
}

static void
on_refused(struct custody *custody, enum refusal refusal)
{
    struct passage *passage = custody->owner_data;
    struct translation *translation = &passage->translation;
    const char *outcome = translation->outcome;
    const char *reason = translation->reason;

    translation->outcome = refusal_kind(refusal)->label;
    translation->reason = custody->reason;
    log_outcome(passage, "callback_not_durable");
    translation->outcome = outcome;
    translation->reason = reason;
    ticket_refuse(custody->ticket, refusal);
}

/* Kafka will never take these records: the callback is kept as a dead letter, also when its sender has been told to
 * come again, for not every vendor does. */
static bool
replace(struct custody *custody, struct record **records, size_t *count)
{
    struct passage *passage = custody->owner_data;
    struct translation *translation = &passage->translation;
    struct translation letter = *translation;

    if (translation->outcome == outcome_dead_letter) {
        return false;
    }
    translate_to_dead_letter(custody->ticket->generation->config, &passage->incoming, custody->ticket->arena,
                             "refused_by_kafka", custody->set.reason, &letter);
    if (letter.refusal != REFUSAL_NONE) {
        return false;
    }
    *translation = letter;
    *records = letter.records;
    *count = letter.count;
    return true;
}

static void
on_over(struct custody *custody)
{
    ticket_free(custody->ticket);
}

static const struct custody_owner custody_owner = {
    .on_durable = on_durable,
    .on_refused = on_refused,
    .replace = replace,
    .on_over = on_over,
};

/* --- the beginning --- */

static struct passage *
passage_new(struct ticket *ticket)
{
    struct passage *passage = arena_zalloc(ticket->arena, 1, sizeof(*passage));

    if (passage == NULL) {
        return NULL;
    }
    passage->ticket = ticket;
    passage->incoming = (struct incoming){
        .source = ticket->source,
        .method = ticket->head.method,
        .endpoint = ticket->endpoint,
        .query = ticket->head.query,
        .public_query = ticket->public_query,
        .fields = ticket->head.fields,
        .field_count = ticket->head.field_count,
        .body = ticket->body,
        .traceparent = head_field(&ticket->head, "traceparent"),
        .received = timestamp_from_unix_ms(clock_wall_ms(ticket->worker->clock), ticket->source->zone),
        .vouched = ticket->vouched,
    };
    return passage;
}

static void
keep(struct passage *passage, struct record *records, size_t count)
{
    struct ticket *ticket = passage->ticket;

    ticket->custody.ticket = ticket;
    ticket->custody.owner = &custody_owner;
    ticket->custody.owner_data = passage;
    custody_begin(&ticket->custody, records, count);
}

/* Its events are not published again; but the raw topic, of all that came, has it as often as it came. */
static void
deliver_repeat(struct passage *passage, enum durability durability)
{
    struct ticket *ticket = passage->ticket;
    struct translation *translation = &passage->translation;

    translation->outcome = outcome_repeated;
    if (ticket->generation->config->raw_enabled) {
        keep(passage, &translation->records[translation->count - 1], 1);
        return;
    }
    accept(passage, durability);
    ticket_free(ticket);
}

static void
deliver(struct passage *passage)
{
    struct ticket *ticket = passage->ticket;
    struct seen *seen = ticket->worker->seen;
    enum durability durability;

    if (passage->translation.outcome == outcome_handshake) {
        answer_with(passage, DURABILITY_NONE, passage->translation.answer);
        ticket_free(ticket);
        return;
    }
    if (ticket->source->dedup_window_seconds > 0) {
        repeat_name(&passage->repeat, seen, &passage->translation, ticket->arena);
        if (repeat_known(&passage->repeat, seen, ticket->source, &durability)) {
            deliver_repeat(passage, durability);
            return;
        }
    }
    keep(passage, passage->translation.records, passage->translation.count);
}

void
conversion_start(struct ticket *ticket)
{
    struct passage *passage = passage_new(ticket);
    struct translation *translation;

    if (passage == NULL) {
        refuse(ticket, REFUSAL_BUSY);
        return;
    }
    translation = &passage->translation;
    translate(ticket->generation->config, &passage->incoming, ticket->arena, translation);
    ticket->format = translation->format;
    ticket->envelope = translation->envelope;
    if (translation->refusal == REFUSAL_NONE) {
        deliver(passage);
        return;
    }
    log_outcome(passage, "callback_refused");
    refuse(ticket, translation->refusal);
}

void
conversion_overdue(struct ticket *ticket)
{
    custody_overdue(&ticket->custody);
}

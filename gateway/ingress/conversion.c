/* Conversion takes a ticket whose body is complete through translation to Kafka
 * and back: the answer follows the last delivery report, never the enqueueing.
 */
#include "base/log.h"
#include "ingress/generation.h"
#include "ingress/tally.h"
#include "ingress/worker.h"

/* What waits in the ticket's arena for the reports. */
struct passage {
    struct ticket *ticket;
    struct incoming incoming;
    struct translation translation;
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
    struct callback callback = {
        .endpoint = incoming->endpoint,
        .query = incoming->query,
        .body = incoming->body,
        .format = passage->translation.format,
        .account = incoming->source->account,
        .zone = incoming->source->zone,
        .settings = incoming->source->settings,
        .arena = passage->ticket->arena,
    };

    return incoming->source->adapter->answer(&callback);
}

static void
accept(struct passage *passage)
{
    struct ticket *ticket = passage->ticket;
    const struct translation *translation = &passage->translation;

    tally_published(ticket->generation->service, ticket->source, translation);
    if (translation->outcome == outcome_dead_letter) {
        log_outcome(passage, "callback_dead_letter");
    } else if (translation->outcome == outcome_unmapped) {
        log_outcome(passage, "callback_unmapped");
    }
    ticket_accept(ticket, vendor_answer(passage));
    ticket_free(ticket);
}

static void on_published(struct recordset *set);

static void
publish(struct passage *passage)
{
    struct ticket *ticket = passage->ticket;
    const struct translation *translation = &passage->translation;
    struct recordset *set = &ticket->records;

    *set = (struct recordset){
        .records = translation->records,
        .count = translation->count,
        .pending = translation->count,
        .on_done = on_published,
        .owner = passage,
    };
    for (size_t i = 0; i < set->count; i++) {
        set->records[i].set = set;
    }
    ticket->outcome = translation->outcome;
    producer_publish(ticket->worker->producer, set);
}

/* Kafka will never take these records: the callback is kept as a dead letter,
 * also when its sender has been told to come again, for not every vendor does.
 */
static void
set_aside(struct passage *passage)
{
    struct ticket *ticket = passage->ticket;

    translate_to_dead_letter(ticket->generation->config, &passage->incoming, ticket->arena, "refused_by_kafka",
                             ticket->records.reason, &passage->translation);
    if (passage->translation.refusal == REFUSAL_NONE) {
        publish(passage);
    } else {
        refuse(ticket, passage->translation.refusal);
    }
}

static void
on_published(struct recordset *set)
{
    struct passage *passage = set->owner;

    if (set->delivery == DELIVERY_ACKNOWLEDGED) {
        accept(passage);
    } else if (set->delivery == DELIVERY_REFUSED && passage->translation.outcome != outcome_dead_letter) {
        set_aside(passage);
    } else {
        passage->translation.outcome = refusal_kind(REFUSAL_UNAVAILABLE)->label;
        passage->translation.reason = set->reason.data;
        log_outcome(passage, "callback_not_published");
        refuse(passage->ticket, REFUSAL_UNAVAILABLE);
    }
}

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
        publish(passage);
        return;
    }
    log_outcome(passage, "callback_refused");
    refuse(ticket, translation->refusal);
}

void
conversion_overdue(struct ticket *ticket)
{
    log_warn_limited(&ticket->worker->refusals, "callback_overdue", log_slice("source", ticket->source->name),
                     log_text("outcome", refusal_kind(REFUSAL_UNAVAILABLE)->label),
                     log_integer("budget_ms", ticket->source->budget_ms), log_text("request_id", ticket->request_id));
    ticket_refuse(ticket, REFUSAL_UNAVAILABLE);
}

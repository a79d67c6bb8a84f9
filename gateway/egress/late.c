/* Late answers go out by the plain producer, each a record set of its own. */
#include "egress/late.h"

#include <stdlib.h>

#include "base/log.h"
#include "event/result.h"

#define ARENA_BYTES_MAX ((size_t)8 * 1024 * 1024)

struct late {
    struct recordset set;
    struct record record;
    struct arena *arena;
};

static void
on_done(struct recordset *set)
{
    struct late *late = set->owner;

    if (set->delivery != DELIVERY_ACKNOWLEDGED) {
        log_error("late_answer_lost", log_slice("command", late->record.key), log_slice("reason", set->reason));
    }
    arena_free(late->arena);
    free(late);
}

void
late_publish(const struct attempt *attempt, size_t index)
{
    const struct command *command = attempt->commands[index];
    const struct vendor_answer *answer = &attempt->answer;
    struct egress_service *service = attempt->service;
    struct late *late = calloc(1, sizeof *late);
    struct result result = {
        .status = RESULT_LATE_ANSWER,
        .command = command->id,
        .account = command->account,
        .command_name = command->name,
        .vendor = slice_from(attempt->account->adapter->name),
        .code = slice_from(call_codes[answer->code]),
        .vendor_code = answer->vendor_code,
        .vendor_message = answer->vendor_message,
        .attempts = attempt->tries,
        .dispatched_ms = attempt->dispatched_ms,
        .answered_ms = attempt->answered_ms,
        .item_id = answer->item_ids == NULL ? (struct slice){0} : answer->item_ids[index],
        .answer = answer->answer,
        .correlation_id = command->correlation_id,
        .traceparent = command->traceparent,
        .time_ms = service_now_ms(service),
    };

    count_happening(service->tally, HAPPENED_LATE_ANSWER);
    if (late != NULL) {
        late->arena = arena_new(NULL, ARENA_BYTES_MAX);
    }
    if (late == NULL || late->arena == NULL || !result_write(&result, late->arena, &late->record)) {
        log_error("late_answer_lost", log_slice("command", command->id), log_text("reason", "out of memory"));
        arena_free(late == NULL ? NULL : late->arena);
        free(late);
        return;
    }
    /* What the record points to in the attempt does not outlive it. */
    late->record.topic = service->config->topics[TOPIC_RESULTS];
    late->record.set = &late->set;
    late->set = (struct recordset){.records = &late->record, .count = 1, .on_done = on_done, .owner = late};
    count_result(service->tally, attempt->account->adapter, RESULT_LATE_ANSWER);
    producer_publish(service->producer, &late->set);
}

/* Settlement: what a command's producer is told, and that it is told its end exactly once. */
#include "egress/attempt.h"

#include <stdlib.h>

#include "base/digest.h"
#include "base/log.h"
#include "egress/errand.h"
#include "event/deadletter.h"

#define ARENA_BYTES_MAX ((size_t)4 * 1024 * 1024)

static struct slice
vendor_of(const struct account *account)
{
    return account == NULL ? (struct slice){0} : slice_from(account->adapter->name);
}

static struct result
result_of(struct lane *lane, const struct account *account, const struct command *command, enum result_status status)
{
    return (struct result){
        .status = status,
        .command = command->id,
        .account = command->account,
        .command_name = command->name,
        .vendor = vendor_of(account),
        .correlation_id = command->correlation_id,
        .traceparent = command->traceparent,
        .time_ms = service_now_ms(lane->service),
    };
}

/* Writes a final result with its `done`, and remembers it. */
static void
write_final(struct lane *lane, const struct account *account, const struct result *result,
            const struct command *command, int64_t offset, struct slice target)
{
    struct command_key key = command_key(command->account, command->id);
    struct journal_command journalled = {.id = command->id, .offset = offset};
    struct journal_entry entry = {
        .kind = JOURNAL_DONE,
        .account = command->account,
        .commands = &journalled,
        .command_count = 1,
        .status = slice_from(result_statuses[result->status]),
        .result = outbox_result(lane->outbox, result),
        .target = target,
    };

    memcpy(journalled.content_hash, command->content_hash, sizeof journalled.content_hash);
    outbox_done(lane->outbox, &entry, key);
    if (!duplicates_add(lane->duplicates, &(struct finished){.key = key,
                                                             .content = content_head(command->content_hash),
                                                             .journal_offset = -1,
                                                             .finished_ms = result->time_ms})) {
        lane_fail(lane, "out of memory");
    }
    progress_finish(lane->progress, offset);
    record_reader_drop(lane->bodies, offset);
    count_result(lane->service->tally, account == NULL ? NULL : account->adapter, result->status);
}

void
settle(struct lane *lane, entry_t number, const struct command *command, const struct settlement *settlement)
{
    struct entry entry = backlog_entry(lane->backlog, number);
    const struct account *account = entry.account == STRANGERS ? NULL : &lane->service->config->accounts[entry.account];
    struct result result = result_of(lane, account, command, settlement->status);

    result.code = slice_from(settlement->code);
    result.reason = settlement->reason;
    result.vendor_code = settlement->vendor_code;
    result.vendor_message = settlement->vendor_message;
    result.attempts = settlement->attempts;
    result.received_ms = settlement->received_ms == 0 ? entry.received_ms : settlement->received_ms;
    result.dispatched_ms = settlement->dispatched_ms;
    result.answered_ms = settlement->answered_ms;
    result.item_id = settlement->item_id;
    result.answer = settlement->answer;
    result.uncorrelated = settlement->uncorrelated;
    write_final(lane, account, &result, command, entry.offset, settlement->target);
    backlog_remove(lane->backlog, lane_queue(lane, entry.account), number);
    count_level(lane->service->tally, LEVEL_UNFINISHED, -1);
}

/* --- settled without its body at hand --- */

static void
run_settlement(struct errand *errand, const struct consumed *record)
{
    struct lane *lane = errand->lane;
    struct entry entry = backlog_entry(lane->backlog, errand->entry);
    struct arena *arena = arena_new(lane->service->pool, ARENA_BYTES_MAX);
    struct command command = {0};
    struct error error = {0};

    if (arena == NULL) {
        lane_fail(lane, "out of memory");
        return;
    }
    if (record != NULL &&
        command_parse(record->value, record->headers, record->header_count, arena, &command, &error) == COMMAND_VALID &&
        command_key_equal(command_key(command.account, command.id), entry.key)) {
        settle(lane, errand->entry, &command,
               &(struct settlement){.status = errand->status,
                                    .code = errand->code,
                                    .reason = slice_from(errand->reason),
                                    .attempts = entry.attempts,
                                    .received_ms = record->timestamp_ms});
    } else {
        settle_gone(lane, errand->entry);
    }
    arena_free(arena);
}

void
settle_gone(struct lane *lane, entry_t number)
{
    struct entry entry = backlog_entry(lane->backlog, number);

    count_happening(lane->service->tally, HAPPENED_BODY_GONE);
    log_error("command_gone", log_integer("partition", lane->partition), log_integer("offset", entry.offset),
              log_text("reason", "Kafka has deleted its record: nobody can be told its end"));
    progress_finish(lane->progress, entry.offset);
    backlog_remove(lane->backlog, lane_queue(lane, entry.account), number);
    count_level(lane->service->tally, LEVEL_UNFINISHED, -1);
}

void
settle_unread(struct lane *lane, entry_t number, enum result_status status, const char *code, const char *reason)
{
    struct errand errand = {
        .lane = lane,
        .run = run_settlement,
        .reader = lane->bodies,
        .read_offset = backlog_entry(lane->backlog, number).offset,
        .entry = number,
        .status = status,
        .code = code,
    };

    snprintf(errand.reason, sizeof errand.reason, "%s", reason);
    errand_start(&errand);
}

/* --- what never became an entry --- */

void
settle_refused(struct lane *lane, const struct consumed *record, const struct command *command, const char *code,
               struct slice reason)
{
    const struct account *account = config_account(lane->service->config, command->account);
    struct result result = result_of(lane, account, command, RESULT_FAILED);

    result.code = slice_from(code);
    result.reason = reason;
    result.received_ms = record->timestamp_ms;
    write_final(lane, account, &result, command, record->offset, (struct slice){0});
}

void
settle_conflict(struct lane *lane, const struct consumed *record, const struct command *command, struct slice reason)
{
    const struct account *account = config_account(lane->service->config, command->account);
    struct result result = result_of(lane, account, command, RESULT_FAILED);

    result.code = slice_from("id_conflict");
    result.reason = reason;
    result.received_ms = record->timestamp_ms;
    (void)outbox_result(lane->outbox, &result);
    count_result(lane->service->tally, account == NULL ? NULL : account->adapter, RESULT_FAILED);
}

void
settle_dead_letter(struct lane *lane, const struct consumed *record, struct slice account, const char *reason,
                   struct slice detail)
{
    struct arena *arena = arena_new(lane->service->pool, ARENA_BYTES_MAX);
    char hash[SHA256_HEX_BYTES];
    struct original original = {
        .endpoint = lane->service->config->topics[TOPIC_COMMANDS],
        .body = record->value,
        .headers = record->headers,
        .header_count = record->header_count,
    };
    struct envelope envelope = {
        .source = (struct slice)SLICE("commands"),
        .account = account,
        .received = {.unix_ms = service_now_ms(lane->service), .present = true, .millis = true}, /* UTC */
    };
    struct record letter = {0};

    if (arena == NULL || !digest_sha256_hex(record->value, hash)) {
        arena_free(arena);
        lane_fail(lane, "out of memory");
        return;
    }
    original.hash = slice_make(hash, 32);
    if (deadletter_write(&original, &envelope, slice_from(reason), detail, arena, &letter)) {
        outbox_record(lane->outbox, TOPIC_DEADLETTER, TRANSACTION_BY_KEY, &letter);
        count_happening(lane->service->tally, HAPPENED_DEAD_LETTER);
    } else {
        lane_fail(lane, "out of memory");
    }
    arena_free(arena);
}

/* --- steps --- */

/* When the command that is so many behind may be expected to go; 0: nobody can tell. */
static int64_t
expected_start_ms(const struct account_state *state, uint64_t ahead)
{
    const struct egress_service *service = state->lane->service;
    int64_t now_ns = service_now_ns(service);

    if (state->held) {
        return 0;
    }
    return service_now_ms(service) + (limiter_expected(state->limiter, now_ns, ahead) - now_ns) / 1000000;
}

void
settle_accepted(struct lane *lane, struct account_state *state, entry_t number, const struct command *command)
{
    struct entry entry = backlog_entry(lane->backlog, number);
    struct result result = result_of(lane, state->account, command, RESULT_ACCEPTED);

    result.queued = true;
    if (backlog_state(lane->backlog, number) == ENTRY_WAITING) {
        result.ahead = queue_length(&state->queue);
        result.expected_start_ms = entry.not_before_ms;
    } else {
        result.ahead = queue_ahead(lane->backlog, &state->queue, number);
        result.expected_start_ms = expected_start_ms(state, result.ahead);
    }
    result.received_ms = entry.received_ms;
    (void)outbox_result(lane->outbox, &result);
    count_result(lane->service->tally, state->account->adapter, RESULT_ACCEPTED);
}

void
settle_dispatched(struct lane *lane, struct attempt *attempt)
{
    for (size_t i = 0; i < attempt->count; i++) {
        struct entry entry = backlog_entry(lane->backlog, attempt->entries[i]);
        struct result result = result_of(lane, attempt->account, attempt->commands[i], RESULT_DISPATCHED);

        result.attempts = entry.attempts;
        result.received_ms = entry.received_ms;
        result.dispatched_ms = attempt->dispatched_ms;
        (void)outbox_result(lane->outbox, &result);
        count_result(lane->service->tally, attempt->account->adapter, RESULT_DISPATCHED);
    }
}

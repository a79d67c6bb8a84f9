/* Intake: a record of the commands topic becomes an entry of the backlog, or is settled at once. */
#include <stdlib.h>

#include "base/digest.h"
#include "base/log.h"
#include "bus/partition.h"
#include "egress/attempt.h"
#include "egress/errand.h"

#define ARENA_BYTES_MAX ((size_t)16 * 1024 * 1024)
#define STRANGERS_MAX   100000 /* commands that wait for their account to be configured */

void
intake_finish(struct lane *lane, int64_t offset)
{
    outbox_journal(lane->outbox, &(struct journal_entry){.kind = JOURNAL_REPEATED, .offset = offset});
    progress_finish(lane->progress, offset);
}

/* --- forwarding --- */

static bool
was_forwarded(const struct consumed *record)
{
    for (size_t i = 0; i < record->header_count; i++) {
        if (slice_is(record->headers[i].name, COMMAND_FORWARDED_HEADER)) {
            return true;
        }
    }
    return false;
}

/* To the partition that its account belongs to, by the number of partitions that the lanes go by. */
static void
forward(struct lane *lane, const struct consumed *record, const struct command *command, struct arena *arena)
{
    struct record_header *headers = arena_zalloc(arena, record->header_count + 1, sizeof *headers);
    struct record forwarded = {
        .key = command->account,
        .value = record->value,
        .headers = headers,
        .header_count = record->header_count + 1,
    };

    if (headers == NULL) {
        lane_fail(lane, "out of memory");
        return;
    }
    for (size_t i = 0; i < record->header_count; i++) {
        headers[i] = record->headers[i];
    }
    headers[record->header_count] = (struct record_header){SLICE(COMMAND_FORWARDED_HEADER), SLICE("1")};
    outbox_record(lane->outbox, TOPIC_COMMANDS, partition_of(command->account, lane->partitions), &forwarded);
    count_happening(lane->service->tally, HAPPENED_FORWARDED);
    intake_finish(lane, record->offset);
}

/* --- a new command --- */

/* What the vendor takes is known before any of its quota is spent. */
static bool
check(struct lane *lane, const struct account *account, const struct command *command, struct arena *arena,
      struct error *error)
{
    const struct operation *operation = operation_find(account->adapter, command->name);
    struct composition composition = {0};
    struct composition_input input = {
        .commands = &command,
        .count = 1,
        .settings = account->settings,
        .wall_ms = service_now_ms(lane->service),
        .arena = arena,
    };

    if (operation == NULL) {
        return error_set(error, "type: %.*s has no operation %.*s", (int)strlen(account->adapter->title),
                         account->adapter->title, SLICE_ARGS(command->name));
    }
    return operation->compose(operation, &input, &composition, error);
}

static struct entry
entry_of(struct lane *lane, const struct consumed *record, const struct command *command)
{
    const struct egress_settings *settings = &lane->service->config->egress;
    const struct account *account = config_account(lane->service->config, command->account);
    int64_t now_ms = service_now_ms(lane->service);
    struct entry entry = {
        .key = command_key(command->account, command->id),
        .content = content_head(command->content_hash),
        .offset = record->offset,
        /* A producer's clock may be ahead; it shall not keep a command alive for longer. */
        .received_ms = record->timestamp_ms > 0 && record->timestamp_ms < now_ms ? record->timestamp_ms : now_ms,
        .not_before_ms = command->not_before_ms > now_ms ? command->not_before_ms : 0,
        .account = account == NULL ? STRANGERS : (uint32_t)account->index,
        .priority = command->priority,
    };
    unsigned tries = rebuild_tries(lane->rebuild, entry.key);

    entry.attempts = (uint8_t)(tries > UINT8_MAX ? UINT8_MAX : tries);
    entry.deadline_ms = entry.received_ms + settings->max_age_seconds * 1000LL;
    if (command->expires_ms != 0 && command->expires_ms < entry.deadline_ms) {
        entry.deadline_ms = command->expires_ms;
    }
    return entry;
}

/* Held for a while: configurations are rolled out to one worker after the other. */
static void
queue_stranger(struct lane *lane, const struct consumed *record, const struct command *command)
{
    static _Thread_local struct log_limit limit = LOG_LIMIT_DEFAULT;
    struct entry entry = entry_of(lane, record, command);
    int64_t now_ms = service_now_ms(lane->service);

    if (lane->strangers.waiting >= STRANGERS_MAX) {
        settle_refused(lane, record, command, "unknown_account",
                       slice_from("no such account is configured; too many wait for theirs already"));
        return;
    }
    entry.not_before_ms = now_ms + lane->service->config->egress.unknown_account_seconds * 1000LL;
    if (backlog_add(lane->backlog, &lane->strangers, &entry, now_ms) == ENTRY_NONE) {
        lane_fail(lane, "out of memory");
        return;
    }
    count_level(lane->service->tally, LEVEL_UNFINISHED, 1);
    log_warn_limited(&limit, "account_unknown", log_slice("account", command->account),
                     log_slice("command", command->id));
    record_reader_keep(lane->bodies, record);
    lane_schedule(lane);
}

static void
queue_command(struct lane *lane, struct account_state *state, const struct consumed *record,
              const struct command *command)
{
    struct entry entry = entry_of(lane, record, command);
    entry_t number = backlog_add(lane->backlog, &state->queue, &entry, service_now_ms(lane->service));

    if (number == ENTRY_NONE) {
        lane_fail(lane, "out of memory");
        return;
    }
    count_level(lane->service->tally, LEVEL_UNFINISHED, 1);
    record_reader_keep(lane->bodies, record);
    if (record->offset > lane->accepted_through) {
        settle_accepted(lane, state, number, command);
        outbox_accepted(lane->outbox, record->offset);
        lane->accepted_through = record->offset;
    }
    lane_schedule(lane);
    account_dispatch(state);
}

/* One that must be settled at once has an entry for as long as that takes. */
static entry_t
taken_entry(struct lane *lane, const struct consumed *record, const struct command *command)
{
    struct entry entry = entry_of(lane, record, command);
    entry_t number = backlog_add_taken(lane->backlog, &entry);

    if (number == ENTRY_NONE) {
        lane_fail(lane, "out of memory");
    } else {
        count_level(lane->service->tally, LEVEL_UNFINISHED, 1);
    }
    return number;
}

static void
settle_now(struct lane *lane, const struct consumed *record, const struct command *command, enum result_status status,
           const char *reason)
{
    entry_t number = taken_entry(lane, record, command);

    if (number != ENTRY_NONE) {
        settle(lane, number, command, &(struct settlement){.status = status, .code = "", .reason = slice_from(reason)});
    }
}

/* What concerns a call that is going on has as much room again, and what an owner before us has accepted keeps its
 * place.
 */
static bool
has_room(const struct lane *lane, const struct account_state *state, const struct consumed *record,
         const struct command *command)
{
    uint64_t room = state->account->queue_max;

    if (command_default_priority(command->name) == PRIORITY_CONTROL) {
        room *= 2;
    }
    return queue_length(&state->queue) + (uint64_t)state->queue.waiting < room ||
           record->offset <= lane->accepted_through;
}

/* A command that is well formed, on its own partition, and new. */
static void
admit(struct lane *lane, const struct consumed *record, const struct command *command, struct arena *arena)
{
    const struct config *config = lane->service->config;
    const struct account *account = config_account(config, command->account);
    const struct finished *early;
    struct account_state *state;
    struct error error = {0};

    if (account == NULL) {
        queue_stranger(lane, record, command);
        return;
    }
    early =
        duplicates_find(lane->duplicates, command_key(command->account, command->id), service_now_ms(lane->service));
    if (early != NULL) {
        settle_now(lane, record, command, RESULT_CANCELLED, "cancelled before it came");
        return;
    }
    if (command->control != CONTROL_NONE) {
        entry_t number = taken_entry(lane, record, command);

        if (number != ENTRY_NONE) {
            control_run(lane, account, number, command);
        }
        return;
    }
    if (!check(lane, account, command, arena, &error)) {
        settle_dead_letter(lane, record, command->account, "invalid_command", slice_from(error.text));
        settle_refused(lane, record, command, call_codes[CALL_INVALID], slice_from(error.text));
        return;
    }
    if (entry_of(lane, record, command).deadline_ms <= service_now_ms(lane->service)) {
        settle_now(lane, record, command, RESULT_EXPIRED, "its time was over when it came");
        return;
    }
    state = lane_account(lane, account);
    if (state == NULL) {
        return;
    }
    if (!has_room(lane, state, record, command)) {
        settle_refused(lane, record, command, "queue_full",
                       arena_printf(arena, "the account has %u unfinished commands already", account->queue_max));
        return;
    }
    queue_command(lane, state, record, command);
}

/* --- again --- */

static void
queue_again(struct lane *lane, entry_t number, const struct consumed *record)
{
    struct entry old = backlog_entry(lane->backlog, number);
    struct arena *arena = arena_new(lane->service->pool, ARENA_BYTES_MAX);
    struct account_state *state = lane_account(lane, &lane->service->config->accounts[old.account]);
    struct command command = {0};
    struct error error = {0};
    struct entry entry;

    if (arena == NULL || state == NULL) {
        lane_fail(lane, "out of memory");
        arena_free(arena);
        return;
    }
    if (command_parse(record->value, record->headers, record->header_count, arena, &command, &error) != COMMAND_VALID ||
        !command_key_equal(command_key(command.account, command.id), old.key)) {
        settle_gone(lane, number); /* another record stands there now */
        arena_free(arena);
        return;
    }
    backlog_remove(lane->backlog, &state->queue, number);
    entry = entry_of(lane, record, &command);
    entry.attempts = old.attempts;
    if (backlog_add(lane->backlog, &state->queue, &entry, service_now_ms(lane->service)) == ENTRY_NONE) {
        lane_fail(lane, "out of memory");
    }
    arena_free(arena);
    lane_schedule(lane);
    account_dispatch(state);
}

static void
run_again(struct errand *errand, const struct consumed *record)
{
    if (record == NULL) {
        settle_gone(errand->lane, errand->entry);
    } else {
        queue_again(errand->lane, errand->entry, record);
    }
}

void
intake_again(struct lane *lane, entry_t entry)
{
    errand_start(&(struct errand){.lane = lane,
                                  .run = run_again,
                                  .reader = lane->bodies,
                                  .read_offset = backlog_entry(lane->backlog, entry).offset,
                                  .entry = entry});
}

/* What is no command: told to its producer, where there is an id to tell it by, and kept. */
static void
refuse(struct lane *lane, const struct consumed *record, struct command *command, const struct error *error)
{
    char hash[SHA256_HEX_BYTES];

    settle_dead_letter(lane, record, command->account, "invalid_command", slice_from(error->text));
    if (slice_empty(command->id) || slice_empty(command->account)) {
        log_warn("command_unreadable", log_integer("partition", record->partition),
                 log_integer("offset", record->offset), log_text("reason", error->text));
        intake_finish(lane, record->offset);
        return;
    }
    /* What could not be read has no content of its own: its bytes stand for it. */
    if (!digest_sha256_hex(record->value, hash)) {
        lane_fail(lane, "out of memory");
        return;
    }
    memcpy(command->content_hash, hash, sizeof command->content_hash);
    if (!intake_known(lane, record, command)) {
        settle_refused(lane, record, command, call_codes[CALL_INVALID], slice_from(error->text));
    }
}

static void
judge(struct lane *lane, const struct consumed *record, struct arena *arena)
{
    struct command command = {0};
    struct error error = {0};
    enum command_verdict verdict =
        command_parse(record->value, record->headers, record->header_count, arena, &command, &error);
    bool addressed = !slice_empty(command.account);

    if (verdict == COMMAND_NO_MEMORY) {
        (void)error_set(&error, "it is too complex: it takes more memory than a command may have");
        verdict = COMMAND_INVALID;
    }
    if (addressed && partition_of(command.account, lane->partitions) != lane->partition && !was_forwarded(record)) {
        forward(lane, record, &command, arena);
    } else if (verdict != COMMAND_VALID) {
        refuse(lane, record, &command, &error);
    } else if (addressed && partition_of(command.account, lane->partitions) != lane->partition) {
        (void)error_set(&error,
                        "it stands on partition %d, was forwarded already, and still is not where its account's "
                        "commands belong: has the number of partitions changed?",
                        lane->partition);
        refuse(lane, record, &command, &error);
    } else if (!intake_known(lane, record, &command)) {
        admit(lane, record, &command, arena);
    }
}

static void
take_in(struct lane *lane, const struct consumed *record)
{
    struct arena *arena;

    if (!progress_begin(lane->progress, record->offset)) {
        lane_fail(lane, "out of memory");
        return;
    }
    if (rebuild_finished(lane->rebuild, record->offset)) {
        progress_finish(lane->progress, record->offset);
        return;
    }
    arena = arena_new(lane->service->pool, ARENA_BYTES_MAX);
    if (arena == NULL) {
        lane_fail(lane, "out of memory");
        return;
    }
    judge(lane, record, arena);
    arena_free(arena);
}

void
intake_record(const struct consumed *record, void *argument)
{
    struct lane *lane = argument;

    if (!lane_alive(lane) || lane->state == LANE_HANDING_OVER || lane->state == LANE_HALTED) {
        return;
    }
    if (record->offset < lane->next_offset) {
        lane_halt(lane,
                  "the commands topic was made anew: its offsets begin again below those that are committed; stop "
                  "all workers and delete the group's offsets of it; ids keep what was done from being done again");
        return;
    }
    lane->next_offset = record->offset + 1;
    take_in(lane, record);
    if (lane_alive(lane) && lane_busy(lane)) {
        consumer_pause(lane->commands, true);
    }
    if (lane->next_offset >= lane->caught_up_at) {
        lane_caught_up(lane);
    }
}

/* Repeats: commands that come a second time, and get the result that the first one got. */
#include <stdlib.h>

#include "base/log.h"
#include "egress/attempt.h"
#include "egress/errand.h"

#define ARENA_BYTES_MAX ((size_t)16 * 1024 * 1024)

/* A duplicate whose first result is in a batch that is not committed: its place in the journal is not known yet. */
struct deferred {
    struct command_key key;
    int64_t offset;
    struct deferred *next;
};

static void
run_repeat(struct errand *errand, const struct consumed *record)
{
    struct lane *lane = errand->lane;
    struct arena *arena = arena_new(lane->service->pool, ARENA_BYTES_MAX);
    struct journal_entry entry = {0};
    struct result result = {0};
    struct error error = {0};

    if (arena == NULL) {
        lane_fail(lane, "out of memory");
        return;
    }
    if (record != NULL && journal_read(record->value, arena, &entry, &error) == JOURNAL_READ &&
        entry.kind == JOURNAL_DONE && result_read(entry.result, arena, &result)) {
        (void)outbox_result(lane->outbox, &result);
        count_happening(lane->service->tally, HAPPENED_REPEATED_RESULT);
    } else {
        log_error("earlier_result_gone", log_integer("partition", lane->partition),
                  log_integer("journal_offset", errand->read_offset), log_text("reason", error.text));
    }
    intake_finish(lane, errand->offset);
    arena_free(arena);
}

static void
repeat_result(struct lane *lane, int64_t journal_offset, int64_t offset)
{
    errand_start(&(struct errand){
        .lane = lane, .run = run_repeat, .reader = lane->results, .read_offset = journal_offset, .offset = offset});
}

static void
defer(struct lane *lane, struct command_key key, int64_t offset)
{
    struct deferred *deferred = calloc(1, sizeof *deferred);

    if (deferred == NULL) {
        lane_fail(lane, "out of memory");
        return;
    }
    *deferred = (struct deferred){key, offset, lane->deferred};
    lane->deferred = deferred;
}

void
intake_deferred(struct lane *lane)
{
    struct deferred *waiting = lane->deferred;

    lane->deferred = NULL;
    while (waiting != NULL) {
        struct deferred *deferred = waiting;
        const struct finished *finished =
            duplicates_find(lane->duplicates, deferred->key, service_now_ms(lane->service));

        waiting = deferred->next;
        if (finished == NULL) {
            intake_finish(lane, deferred->offset);
        } else if (finished->journal_offset < 0) {
            defer(lane, deferred->key, deferred->offset);
        } else {
            repeat_result(lane, finished->journal_offset, deferred->offset);
        }
        free(deferred);
    }
}

void
intake_free(struct lane *lane)
{
    while (lane->deferred != NULL) {
        struct deferred *deferred = lane->deferred;

        lane->deferred = deferred->next;
        free(deferred);
    }
}

static void
conflict(struct lane *lane, const struct consumed *record, const struct command *command)
{
    struct slice reason = (struct slice)SLICE("another command with this id and another content came before it");

    count_happening(lane->service->tally, HAPPENED_ID_CONFLICT);
    settle_conflict(lane, record, command, reason);
    intake_finish(lane, record->offset);
}

bool
intake_known(struct lane *lane, const struct consumed *record, const struct command *command)
{
    struct command_key key = command_key(command->account, command->id);
    entry_t unfinished = backlog_find(lane->backlog, key);
    const struct finished *finished;

    if (unfinished != ENTRY_NONE) {
        struct entry entry = backlog_entry(lane->backlog, unfinished);

        if (entry.offset == record->offset) {
            /* The rebuild knows it already: it was under way when the owner before died. */
        } else if (entry.content == content_head(command->content_hash)) {
            intake_finish(lane, record->offset); /* the one result to come is for both */
        } else {
            conflict(lane, record, command);
        }
        return true;
    }
    finished = duplicates_find(lane->duplicates, key, service_now_ms(lane->service));
    if (finished == NULL || finished->content == 0) {
        return false;
    }
    if (finished->content != content_head(command->content_hash)) {
        conflict(lane, record, command);
    } else if (finished->journal_offset < 0) {
        defer(lane, key, record->offset);
    } else {
        repeat_result(lane, finished->journal_offset, record->offset);
    }
    return true;
}

/* The rebuild of a lane out of its journal: what is open, what is finished, and what is left of it in the backlog. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/log.h"
#include "egress/attempt.h"

#define NOW_MS      1700000000000LL /* append time of our own takeover entry */
#define WINDOW_MS   86400000LL
#define ARENA_BYTES ((size_t)1024 * 1024)

/* As much of a lane as a rebuild needs. */
struct bench {
    struct config config;
    struct egress_service service;
    struct metrics *metrics;
    struct lane lane;
    int64_t next; /* offset of the journal */
};

static int
setup(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);

    assert_non_null(bench);
    bench->config.egress.lease_seconds = 5;
    bench->metrics = metrics_new();
    bench->service = (struct egress_service){.config = &bench->config, .clock = clock_system()};
    bench->service.tally = egress_tally_new(&bench->config, bench->metrics);
    bench->lane = (struct lane){.service = &bench->service, .partitions = 1, .accepted_through = -1};
    bench->lane.state = LANE_REBUILDING;
    bench->lane.backlog = backlog_new();
    bench->lane.duplicates = duplicates_new(WINDOW_MS);
    *state = bench;
    return 0;
}

static int
teardown(void **state)
{
    struct bench *bench = *state;

    lane_free_fates(&bench->lane);
    rebuild_free(bench->lane.rebuild);
    backlog_free(bench->lane.backlog);
    duplicates_free(bench->lane.duplicates);
    egress_tally_free(bench->service.tally);
    metrics_free(bench->metrics);
    free(bench);
    return 0;
}

static void
begin(struct bench *bench, int64_t committed)
{
    bench->lane.rebuild = rebuild_new(committed, NOW_MS);
    assert_non_null(bench->lane.rebuild);
}

static void
read_entry(struct bench *bench, const struct journal_entry *entry)
{
    struct arena *arena = arena_new(NULL, ARENA_BYTES);
    struct record record = {0};

    assert_non_null(arena);
    assert_true(journal_write(entry, arena, &record));
    rebuild_entry(&bench->lane, record.value, bench->next, NOW_MS - 1000 + bench->next);
    bench->next++;
    arena_free(arena);
}

/* An intent for the command of that id, whose record stands at that offset. */
static void
read_dispatched(struct bench *bench, int64_t epoch, uint64_t number, const char *id, int64_t offset)
{
    struct journal_command command = {.id = slice_from(id), .offset = offset, .content_hash = "content"};

    read_entry(bench, &(struct journal_entry){.kind = JOURNAL_DISPATCHED,
                                              .account = SLICE("seven"),
                                              .attempt = {epoch, number},
                                              .operation = SLICE("agent.busy"),
                                              .commands = &command,
                                              .command_count = 1,
                                              .tries = 1});
}

static void
read_done(struct bench *bench, const char *id, int64_t offset)
{
    struct journal_command command = {.id = slice_from(id), .offset = offset, .content_hash = "content"};

    read_entry(bench, &(struct journal_entry){.kind = JOURNAL_DONE,
                                              .account = SLICE("seven"),
                                              .commands = &command,
                                              .command_count = 1,
                                              .status = SLICE("succeeded"),
                                              .result = SLICE("{\"id\":\"x\"}")});
}

static entry_t
find(struct bench *bench, const char *id)
{
    return backlog_find(bench->lane.backlog, command_key((struct slice)SLICE("seven"), slice_from(id)));
}

static void
test_an_intent_without_an_end_leaves_its_command_open(void **state)
{
    struct bench *bench = *state;

    begin(bench, 10);
    read_dispatched(bench, 0, 1, "open", 10);
    read_dispatched(bench, 0, 2, "answered", 11);
    read_entry(bench, &(struct journal_entry){
                          .kind = JOURNAL_ANSWERED, .account = SLICE("seven"), .attempt = {0, 2}, .cool_ms = 60500});
    read_dispatched(bench, 0, 3, "finished", 12);
    read_done(bench, "finished", 12);
    read_dispatched(bench, 0, 4, "committed past", 9);
    rebuild_finish(&bench->lane, 0);

    assert_int_equal(bench->lane.state, LANE_REBUILDING); /* it did not fail */
    assert_int_equal(backlog_count(bench->lane.backlog), 1);
    assert_int_equal(backlog_state(bench->lane.backlog, find(bench, "open")), ENTRY_TAKEN);
    assert_int_equal(backlog_entry(bench->lane.backlog, find(bench, "open")).offset, 10);
    assert_int_equal(
        rebuild_tries(bench->lane.rebuild, command_key((struct slice)SLICE("seven"), (struct slice)SLICE("answered"))),
        1);
    assert_true(rebuild_finished(bench->lane.rebuild, 12));
    assert_false(rebuild_finished(bench->lane.rebuild, 10));
}

/* A command that is safe to repeat goes again after the first of them is gone, and the second may go as well. */
static void
test_two_owners_that_went_leave_one_open_fate(void **state)
{
    struct bench *bench = *state;

    begin(bench, 10);
    read_dispatched(bench, 0, 1, "twice", 10);
    read_entry(bench, &(struct journal_entry){.kind = JOURNAL_TAKEOVER, .partitions = 1, .owner = SLICE("next")});
    read_dispatched(bench, 1, 1, "twice", 10);
    rebuild_finish(&bench->lane, 0);

    assert_int_equal(backlog_count(bench->lane.backlog), 1);
    backlog_remove(bench->lane.backlog, &bench->lane.strangers, find(bench, "twice"));
    assert_int_equal(find(bench, "twice"), ENTRY_NONE);
}

/* Offsets say nothing where the group has none: the topic may have been made anew. Ids do. */
static void
test_without_a_committed_offset_ids_tell_what_is_finished(void **state)
{
    struct bench *bench = *state;
    struct command_key key = command_key((struct slice)SLICE("seven"), (struct slice)SLICE("finished"));

    begin(bench, -1);
    read_done(bench, "finished", 0);
    rebuild_finish(&bench->lane, 0);

    assert_false(rebuild_finished(bench->lane.rebuild, 0));
    assert_non_null(duplicates_find(bench->lane.duplicates, key, NOW_MS));
}

/* The worker that took a command back may have gone before it wrote that command's end. */
static void
test_what_was_cancelled_stays_cancelled(void **state)
{
    struct bench *bench = *state;
    struct journal_command cancel = {.id = SLICE("the cancel"), .offset = 11, .content_hash = "content"};
    struct command_key key = command_key((struct slice)SLICE("seven"), (struct slice)SLICE("the dial"));
    const struct finished *early;

    begin(bench, 10);
    read_entry(bench, &(struct journal_entry){.kind = JOURNAL_DONE,
                                              .account = SLICE("seven"),
                                              .commands = &cancel,
                                              .command_count = 1,
                                              .status = SLICE("succeeded"),
                                              .result = SLICE("{\"id\":\"x\"}"),
                                              .target = SLICE("the dial")});
    early = duplicates_find(bench->lane.duplicates, key, NOW_MS);
    assert_non_null(early);
    assert_int_equal(early->content, 0);
    read_done(bench, "the dial", 10);
    rebuild_finish(&bench->lane, 0);
    assert_int_not_equal(duplicates_find(bench->lane.duplicates, key, NOW_MS)->content, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_an_intent_without_an_end_leaves_its_command_open, setup, teardown),
        cmocka_unit_test_setup_teardown(test_two_owners_that_went_leave_one_open_fate, setup, teardown),
        cmocka_unit_test_setup_teardown(test_without_a_committed_offset_ids_tell_what_is_finished, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_was_cancelled_stays_cancelled, setup, teardown),
    };

    log_setup(LOG_FORMAT_TEXT, LOG_LEVEL_ERROR, clock_system());
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* A command out of a command line: durations, and options that go before a file's members. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "event/command.h"
#include "verbs/command_draft.h"

#define NOW_MS INT64_C(1772337600000) /* 2026-03-01T04:00:00Z */

static struct arena *arena;
static struct error error;
static char path[] = "/tmp/trunkline-draft-XXXXXX";

static int
open_arena(void **state)
{
    int file = mkstemp(path);

    (void)state;
    arena = arena_new(NULL, 1U << 20);
    return arena == NULL || file < 0 ? -1 : close(file);
}

static int
close_arena(void **state)
{
    (void)state;
    arena_free(arena);
    return unlink(path);
}

static void
write_file(const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static struct slice
drafted(const struct command_draft *draft)
{
    struct slice value = {0};

    if (!command_draft_write(draft, NOW_MS, arena, &value, &error)) {
        fail_msg("%s", error.text);
    }
    return value;
}

static void
assert_draft(const struct command_draft *draft, const char *text)
{
    struct slice value = drafted(draft);

    if (!slice_is(value, text)) {
        fail_msg("%.*s\nis not\n%s", SLICE_ARGS(value), text);
    }
}

static void
test_durations(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } good[] = {{"1s", 1000},    {"90s", 90000},   {"10m", 600000},
                {"2h", 7200000}, {"1d", 86400000}, {"366d", 31622400000}};
    static const char *const bad[] = {"",
                                      "s",
                                      "10",
                                      "0s",
                                      "-1s",
                                      "+1s",
                                      " 1s",
                                      "1 s",
                                      "1ms",
                                      "1.5h",
                                      "1w",
                                      "367d",
                                      "31622400001s",
                                      "18446744073709551617s",
                                      "9223372036854775807d"};
    int64_t ms;

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(command_duration_read(good[i].text, &ms));
        assert_int_equal(ms, good[i].ms);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (command_duration_read(bad[i], &ms)) {
            fail_msg("taken: %s", bad[i]);
        }
    }
}

static void
test_options_alone(void **state)
{
    (void)state;
    assert_draft(
        &(struct command_draft){.account = "north", .type = "call.dial", .id = "c\"1", .data = " {\"a\" : 1.50} "},
        "{\"id\":\"c\\\"1\",\"type\":\"io.trunkline.command.call.dial.v1\",\"account\":\"north\","
        "\"data\":{\"a\" : 1.50}}");
    assert_draft(&(struct command_draft){.account = "north",
                                         .type = "io.trunkline.command.call.dial.v1",
                                         .id = "c",
                                         .priority = "bulk",
                                         .expires_in_ms = 600000},
                 "{\"id\":\"c\",\"type\":\"io.trunkline.command.call.dial.v1\",\"account\":\"north\","
                 "\"priority\":\"bulk\",\"expirytime\":\"2026-03-01T04:10:00.000+00:00\"}");
    assert_draft(&(struct command_draft){.account = "north", .type = "command.cancel", .id = "c", .target = "a\\b"},
                 "{\"id\":\"c\",\"type\":\"io.trunkline.command.command.cancel.v1\",\"account\":\"north\","
                 "\"data\":{\"command\":\"a\\\\b\"}}");
}

static void
test_file_and_options(void **state)
{
    (void)state;
    write_file("{\"id\":\"f\",\"account\":\"south\",\"data\":{\"x\":[1]},\"type\":\"t\",\"own\":null}");
    assert_draft(&(struct command_draft){.file = path},
                 "{\"id\":\"f\",\"account\":\"south\",\"data\":{\"x\":[1]},\"type\":\"t\",\"own\":null}");
    assert_draft(&(struct command_draft){.file = path, .account = "north", .data = "{}"},
                 "{\"id\":\"f\",\"type\":\"t\",\"own\":null,\"account\":\"north\",\"data\":{}}");
}

static void
test_random_ids(void **state)
{
    struct command_draft draft = {.account = "north", .type = "account.hold"};
    struct command first, second;

    (void)state;
    assert_int_equal(command_parse(drafted(&draft), NULL, 0, arena, &first, &error), COMMAND_VALID);
    assert_int_equal(command_parse(drafted(&draft), NULL, 0, arena, &second, &error), COMMAND_VALID);
    assert_int_equal(first.id.length, 20);
    assert_false(slice_equal(first.id, second.id));
}

static void
test_refused(void **state)
{
    static const struct {
        struct command_draft draft;
        const char *why;
    } rows[] = {
        {{.file = "/nonexistent/command"}, "cannot open /nonexistent/command"},
        {{.account = "a", .data = "{"}, "--data is not JSON"},
        {{.account = "a", .data = "[]"}, "--data must be one JSON object"},
        {{.account = "a\xff"}, "account is not UTF-8"},
        {{.account = "a", .target = "\xff"}, "data is not UTF-8"},
    };
    struct slice value;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_false(command_draft_write(&rows[i].draft, NOW_MS, arena, &value, &error));
        assert_non_null(strstr(error.text, rows[i].why));
    }
    write_file("[1]");
    assert_false(command_draft_write(&(struct command_draft){.file = path}, NOW_MS, arena, &value, &error));
    assert_non_null(strstr(error.text, "must be one JSON object"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_durations),        cmocka_unit_test(test_options_alone),
        cmocka_unit_test(test_file_and_options), cmocka_unit_test(test_random_ids),
        cmocka_unit_test(test_refused),
    };

    return cmocka_run_group_tests(tests, open_arena, close_arena);
}

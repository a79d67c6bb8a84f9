/* The journal's entries: each kind as it is written and read again, and what is refused. */
#include <inttypes.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "egress/journal.h"

#define ARENA_BYTES ((size_t)1 << 20)
#define HASH                                                                                                           \
    {                                                                                                                  \
        0x00, 0x01, 0x10, 0xff, 0xab, 0xcd, 0xef, 7, 8, 9, 10, 11, 12, 13, 14, 0x0f                                    \
    }
#define HASH_TEXT "000110ffabcdef0708090a0b0c0d0e0f"

static const struct journal_command commands[] = {
    {.id = SLICE("c-1"), .offset = 17, .content_hash = HASH},
    {.id = SLICE("two \"2\"\n\xe7\x94\xb5"), .offset = INT64_MAX, .content_hash = {0}},
};

/* Every kind, with the bytes that others build on. */
static const struct {
    struct journal_entry entry;
    const char *text;
} kinds[] = {
    {{.kind = JOURNAL_TAKEOVER, .partitions = 12, .owner = SLICE("egress-1")},
     "{\"v\":1,\"kind\":\"takeover\",\"partitions\":12,\"owner\":\"egress-1\"}"},
    {{.kind = JOURNAL_DISPATCHED,
      .account = SLICE("7moor"),
      .attempt = {.epoch = 9, .number = 3},
      .operation = SLICE("call.dial"),
      .commands = commands,
      .command_count = 2,
      .tries = 2},
     "{\"v\":1,\"kind\":\"dispatched\",\"account\":\"7moor\",\"attempt\":\"9.3\",\"operation\":\"call.dial\","
     "\"commands\":[{\"id\":\"c-1\",\"offset\":17,\"content_hash\":\"" HASH_TEXT "\"},"
     "{\"id\":\"two \\\"2\\\"\\n\xe7\x94\xb5\",\"offset\":9223372036854775807,"
     "\"content_hash\":\"00000000000000000000000000000000\"}],\"tries\":2}"},
    {{.kind = JOURNAL_DISPATCHED,
      .account = SLICE("yeta"),
      .attempt = {.epoch = INT64_MAX, .number = UINT64_MAX},
      .commands = commands,
      .tries = UINT_MAX},
     "{\"v\":1,\"kind\":\"dispatched\",\"account\":\"yeta\",\"attempt\":\"9223372036854775807.18446744073709551615\","
     "\"commands\":[],\"tries\":4294967295}"},
    {{.kind = JOURNAL_RETURNED, .account = SLICE("7moor"), .attempt = {.epoch = 0, .number = 0}},
     "{\"v\":1,\"kind\":\"returned\",\"account\":\"7moor\",\"attempt\":\"0.0\"}"},
    {{.kind = JOURNAL_ANSWERED, .account = SLICE("7moor"), .attempt = {.epoch = 1, .number = 2}, .cool_ms = 60500},
     "{\"v\":1,\"kind\":\"answered\",\"account\":\"7moor\",\"attempt\":\"1.2\",\"cool_ms\":60500}"},
    {{.kind = JOURNAL_ANSWERED, .account = SLICE("7moor"), .attempt = {.epoch = 1, .number = 2}, .closed_ms = 60000},
     "{\"v\":1,\"kind\":\"answered\",\"account\":\"7moor\",\"attempt\":\"1.2\",\"cool_ms\":0,\"closed_ms\":60000}"},
    {{.kind = JOURNAL_DONE,
      .account = SLICE("7moor"),
      .commands = commands,
      .command_count = 1,
      .status = SLICE("succeeded"),
      .result = SLICE("{\"data\": {\"attempts\":1.50}}")},
     "{\"v\":1,\"kind\":\"done\",\"account\":\"7moor\",\"commands\":[{\"id\":\"c-1\",\"offset\":17,"
     "\"content_hash\":\"" HASH_TEXT "\"}],\"status\":\"succeeded\",\"result\":{\"data\": {\"attempts\":1.50}}}"},
    {{.kind = JOURNAL_DONE,
      .account = SLICE("7moor"),
      .commands = commands,
      .command_count = 1,
      .status = SLICE("cancelled"),
      .target = SLICE("c-0")},
     "{\"v\":1,\"kind\":\"done\",\"account\":\"7moor\",\"commands\":[{\"id\":\"c-1\",\"offset\":17,"
     "\"content_hash\":\"" HASH_TEXT "\"}],\"status\":\"cancelled\",\"target\":\"c-0\"}"},
    {{.kind = JOURNAL_REPEATED, .account = SLICE("7moor"), .offset = 5},
     "{\"v\":1,\"kind\":\"repeated\",\"account\":\"7moor\",\"offset\":5}"},
    {{.kind = JOURNAL_ACCEPTED, .offset = INT64_MAX}, "{\"v\":1,\"kind\":\"accepted\",\"offset\":9223372036854775807}"},
    {{.kind = JOURNAL_HOLD, .account = SLICE("a/b")}, "{\"v\":1,\"kind\":\"hold\",\"account\":\"a/b\"}"},
    {{.kind = JOURNAL_RESUME, .account = SLICE("a/b")}, "{\"v\":1,\"kind\":\"resume\",\"account\":\"a/b\"}"},
};

static void
assert_slice(struct slice got, struct slice wanted)
{
    assert_true(slice_equal(got, wanted));
}

static void
assert_same(const struct journal_entry *got, const struct journal_entry *wanted)
{
    assert_int_equal(got->kind, wanted->kind);
    assert_slice(got->account, wanted->account);
    assert_int_equal(got->attempt.epoch, wanted->attempt.epoch);
    assert_true(got->attempt.number == wanted->attempt.number);
    assert_slice(got->operation, wanted->operation);
    assert_int_equal(got->command_count, wanted->command_count);
    for (size_t i = 0; i < got->command_count; i++) {
        assert_slice(got->commands[i].id, wanted->commands[i].id);
        assert_int_equal(got->commands[i].offset, wanted->commands[i].offset);
        assert_memory_equal(got->commands[i].content_hash, wanted->commands[i].content_hash,
                            COMMAND_CONTENT_HASH_BYTES);
    }
    assert_int_equal(got->tries, wanted->tries);
    assert_int_equal(got->cool_ms, wanted->cool_ms);
    assert_int_equal(got->closed_ms, wanted->closed_ms);
    assert_slice(got->status, wanted->status);
    assert_slice(got->result, wanted->result);
    assert_slice(got->target, wanted->target);
    assert_int_equal(got->offset, wanted->offset);
    assert_int_equal(got->partitions, wanted->partitions);
    assert_slice(got->owner, wanted->owner);
}

static void
test_every_kind_is_written_and_read_again(void **state)
{
    bool seen[JOURNAL_KIND_COUNT] = {false};

    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct arena *arena = arena_new(NULL, ARENA_BYTES);
        struct record record = {.topic = SLICE("journal"), .header_count = 0};
        struct journal_entry entry;
        struct error error = {""};

        assert_true(journal_write(&kinds[i].entry, arena, &record));
        assert_slice(record.value, slice_from(kinds[i].text));
        assert_slice(record.key, kinds[i].entry.account);
        assert_true(slice_is(record.topic, "journal"));
        assert_int_equal(journal_read(record.value, arena, &entry, &error), JOURNAL_READ);
        assert_string_equal(error.text, "");
        assert_same(&entry, &kinds[i].entry);
        seen[entry.kind] = true;
        arena_free(arena);
    }
    for (int kind = 0; kind < JOURNAL_KIND_COUNT; kind++) {
        assert_true(seen[kind]);
    }
}

/* The verdict on a text, and that its reason has these words. */
static void
assert_verdict(const char *text, enum journal_verdict verdict, const char *words)
{
    struct arena *arena = arena_new(NULL, ARENA_BYTES);
    struct journal_entry entry;
    struct error error = {""};

    if (journal_read(slice_from(text), arena, &entry, &error) != verdict || strstr(error.text, words) == NULL) {
        fail_msg("%s gives \"%s\", not \"%s\"", text, error.text, words);
    }
    arena_free(arena);
}

static void
test_what_a_newer_program_wrote_is_told_from_rubbish(void **state)
{
    (void)state;
    assert_verdict("{\"v\":2,\"kind\":\"hold\",\"account\":\"a\"}", JOURNAL_NEWER,
                   "of version 2; this program reads 1");
    assert_verdict("{\"v\":9000000000}", JOURNAL_NEWER, "of version 9000000000");
    assert_verdict("{\"v\":1,\"kind\":\"moved\"}", JOURNAL_NEWER, "of the unknown kind \"moved\"");
    assert_verdict("{\"v\":1,\"kind\":\"hold\",\"account\":\"a\",\"by\":[{}],\"tries\":\"x\"}", JOURNAL_READ, "");
    assert_verdict("{\"v\":0,\"kind\":\"hold\",\"account\":\"a\"}", JOURNAL_UNREADABLE, "version 0");
    assert_verdict("{\"v\":-1,\"kind\":\"hold\"}", JOURNAL_UNREADABLE, "\"v\" is no whole number");
    assert_verdict("{\"v\":1.0,\"kind\":\"hold\"}", JOURNAL_UNREADABLE, "\"v\" is no whole number");
    assert_verdict("{\"v\":\"1\",\"kind\":\"hold\"}", JOURNAL_UNREADABLE, "\"v\" is no whole number");
    assert_verdict("{\"kind\":\"hold\"}", JOURNAL_UNREADABLE, "\"v\" is missing");
    assert_verdict("{\"v\":1}", JOURNAL_UNREADABLE, "\"kind\" is missing");
    assert_verdict("{\"v\":1,\"kind\":7}", JOURNAL_UNREADABLE, "\"kind\" is no string");
}

static void
test_what_is_no_entry_is_refused_with_the_reason(void **state)
{
    static const struct {
        const char *text, *words;
    } faults[] = {
        {"", ""},
        {"x", ""},
        {"[]", "\"v\" is missing"},
        {"{\"v\":1,\"v\":1}", ""},
        {"{\"v\":1,\"kind\":\"hold\"}", "\"account\" is missing"},
        {"{\"v\":1,\"kind\":\"hold\",\"account\":null}", "\"account\" is no string"},
        {"{\"v\":1,\"kind\":\"accepted\"}", "\"offset\" is missing"},
        {"{\"v\":1,\"kind\":\"accepted\",\"account\":1,\"offset\":1}", "\"account\" is no string"},
        {"{\"v\":1,\"kind\":\"accepted\",\"offset\":-1}", "\"offset\" is no whole number"},
        {"{\"v\":1,\"kind\":\"accepted\",\"offset\":1e3}", "\"offset\" is no whole number"},
        {"{\"v\":1,\"kind\":\"accepted\",\"offset\":9223372036854775808}", "\"offset\" is no whole number"},
        {"{\"v\":1,\"kind\":\"repeated\",\"offset\":99999999999999999999}", "\"offset\" is no whole number"},
        {"{\"v\":1,\"kind\":\"takeover\",\"partitions\":2147483648,\"owner\":\"\"}", "\"partitions\" is no whole"},
        {"{\"v\":1,\"kind\":\"takeover\",\"partitions\":1}", "\"owner\" is missing"},
        {"{\"v\":1,\"kind\":\"returned\",\"account\":\"a\"}", "\"attempt\" is missing"},
        {"{\"v\":1,\"kind\":\"returned\",\"account\":\"a\",\"attempt\":\"\"}", "\"attempt\" is not two numbers"},
        {"{\"v\":1,\"kind\":\"returned\",\"account\":\"a\",\"attempt\":\"1\"}", "\"attempt\" is not two numbers"},
        {"{\"v\":1,\"kind\":\"returned\",\"account\":\"a\",\"attempt\":\"1.\"}", "\"attempt\" is not two numbers"},
        {"{\"v\":1,\"kind\":\"returned\",\"account\":\"a\",\"attempt\":\".1\"}", "\"attempt\" is not two numbers"},
        {"{\"v\":1,\"kind\":\"returned\",\"account\":\"a\",\"attempt\":\"01.1\"}", "\"attempt\" is not two numbers"},
        {"{\"v\":1,\"kind\":\"returned\",\"account\":\"a\",\"attempt\":\"1.1.1\"}", "\"attempt\" is not two numbers"},
        {"{\"v\":1,\"kind\":\"returned\",\"account\":\"a\",\"attempt\":\"1.18446744073709551616\"}",
         "\"attempt\" is not"},
        {"{\"v\":1,\"kind\":\"returned\",\"account\":\"a\",\"attempt\":\"9223372036854775808.1\"}",
         "\"attempt\" is not"},
        {"{\"v\":1,\"kind\":\"answered\",\"account\":\"a\",\"attempt\":\"1.1\"}", "\"cool_ms\" is missing"},
        {"{\"v\":1,\"kind\":\"answered\",\"account\":\"a\",\"attempt\":\"1.1\",\"cool_ms\":1,\"closed_ms\":\"1\"}",
         "\"closed_ms\" is no whole number"},
        {"{\"v\":1,\"kind\":\"dispatched\",\"account\":\"a\",\"attempt\":\"1.1\"}", "\"commands\" is missing"},
        {"{\"v\":1,\"kind\":\"dispatched\",\"account\":\"a\",\"attempt\":\"1.1\",\"commands\":{}}", "is no array"},
        {"{\"v\":1,\"kind\":\"dispatched\",\"account\":\"a\",\"attempt\":\"1.1\",\"commands\":[1]}",
         "\"id\" is missing"},
        {"{\"v\":1,\"kind\":\"dispatched\",\"account\":\"a\",\"attempt\":\"1.1\",\"commands\":[]}",
         "\"tries\" is missing"},
        {"{\"v\":1,\"kind\":\"dispatched\",\"account\":\"a\",\"attempt\":\"1.1\",\"commands\":[],\"tries\":4294967296}",
         "\"tries\" is no whole number"},
        {"{\"v\":1,\"kind\":\"dispatched\",\"account\":\"a\",\"attempt\":\"1.1\",\"operation\":1}",
         "\"operation\" is no"},
        {"{\"v\":1,\"kind\":\"done\",\"account\":\"a\",\"commands\":[]}", "\"done\" with 0 commands"},
        {"{\"v\":1,\"kind\":\"done\",\"account\":\"a\",\"commands\":[{\"id\":\"c\",\"offset\":1}]}",
         "\"content_hash\" is missing"},
        {"{\"v\":1,\"kind\":\"done\",\"account\":\"a\",\"commands\":[{\"id\":\"c\",\"offset\":1,\"content_hash\":"
         "\"00\"}]}",
         "\"content_hash\" is not 32 lower-case hex digits"},
        {"{\"v\":1,\"kind\":\"done\",\"account\":\"a\",\"commands\":[{\"id\":\"c\",\"offset\":1,"
         "\"content_hash\":\"000110FFABCDEF0708090a0b0c0d0e0f\"}]}",
         "\"content_hash\" is not 32 lower-case hex digits"},
        {"{\"v\":1,\"kind\":\"done\",\"account\":\"a\",\"commands\":[{\"id\":\"c\",\"offset\":1,"
         "\"content_hash\":\"" HASH_TEXT "\"}]}",
         "\"status\" is missing"},
        {"{\"v\":1,\"kind\":\"done\",\"account\":\"a\",\"commands\":[{\"id\":\"c\",\"offset\":1,"
         "\"content_hash\":\"" HASH_TEXT "\"}],\"status\":\"failed\",\"result\":\"{}\"}",
         "\"result\" is no object"},
        {"{\"v\":1,\"kind\":\"done\",\"account\":\"a\",\"commands\":[{\"id\":\"c\",\"offset\":1,"
         "\"content_hash\":\"" HASH_TEXT "\"}],\"status\":\"failed\",\"target\":1}",
         "\"target\" is no string"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        assert_verdict(faults[i].text, JOURNAL_UNREADABLE, faults[i].words);
    }
}

/* An arena that is too small is an error, wherever it becomes full, and never half an entry. */
static void
test_a_full_arena_is_told(void **state)
{
    unsigned written = 0, read = 0;

    (void)state;
    for (size_t bytes = 0; bytes < 8192; bytes += 64) {
        struct arena *small = arena_new(NULL, bytes);
        struct record record = {0};
        struct journal_entry entry;
        struct error error;

        if (journal_write(&kinds[1].entry, small, &record)) {
            assert_slice(record.value, slice_from(kinds[1].text));
            written++;
        } else {
            assert_true(arena_failed(small));
        }
        arena_free(small);
        small = arena_new(NULL, bytes);
        if (journal_read(slice_from(kinds[1].text), small, &entry, &error) == JOURNAL_READ) {
            assert_same(&entry, &kinds[1].entry);
            read++;
        } else {
            assert_true(arena_failed(small));
        }
        arena_free(small);
    }
    assert_true(written > 0 && written < 128);
    assert_true(read > 0 && read < 128);
}

/* As many commands as a request can hold, each with the longest id. */
static void
test_large_entries(void **state)
{
    static char id[COMMAND_ID_BYTES_MAX];
    static struct journal_command many[1000];
    struct journal_entry entry = {
        .kind = JOURNAL_DISPATCHED, .account = SLICE("a"), .commands = many, .command_count = 1000, .tries = 1};
    struct arena *arena = arena_new(NULL, 64 * ARENA_BYTES);
    struct journal_entry again;
    struct record record;
    struct error error;

    (void)state;
    memset(id, '"', sizeof id);
    for (size_t i = 0; i < 1000; i++) {
        many[i] = (struct journal_command){.id = slice_make(id, sizeof id), .offset = (int64_t)i};
    }
    assert_true(journal_write(&entry, arena, &record));
    assert_int_equal(journal_read(record.value, arena, &again, &error), JOURNAL_READ);
    assert_same(&again, &entry);
    arena_free(arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind_is_written_and_read_again),
        cmocka_unit_test(test_what_a_newer_program_wrote_is_told_from_rubbish),
        cmocka_unit_test(test_what_is_no_entry_is_refused_with_the_reason),
        cmocka_unit_test(test_a_full_arena_is_told),
        cmocka_unit_test(test_large_entries),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The audit's ledger: its lines, and the fates of its ids. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "verbs/audit_ledger.h"

static bool
read_text(struct audit_ledger *ledger, const char *text, size_t length, struct error *error)
{
    FILE *stream = fmemopen((void *)(uintptr_t)text, length, "r");
    bool read;

    assert_non_null(stream);
    read = audit_ledger_read(ledger, stream, "ledger", error);
    (void)fclose(stream);
    return read;
}

static struct audit_ledger *
ledger_of(const char *text)
{
    struct audit_ledger *ledger = audit_ledger_new();
    struct error error = {""};

    assert_non_null(ledger);
    if (!read_text(ledger, text, strlen(text), &error)) {
        fail_msg("%s", error.text);
    }
    return ledger;
}

static void
see(struct audit_ledger *ledger, const char *source, const char *id, unsigned topic, uint32_t expected,
    uint64_t content)
{
    struct audit_sighting sighting = {slice_from(source), slice_from(id), topic, expected, content};

    audit_ledger_see(ledger, &sighting);
}

struct listed {
    char text[1024];
    size_t count;
};

static void
note(struct slice id, uint32_t absent, void *argument)
{
    struct listed *listed = argument;
    size_t length = strlen(listed->text);

    (void)snprintf(listed->text + length, sizeof listed->text - length, "%.*s:%x ", SLICE_ARGS(id), (unsigned)absent);
    listed->count++;
}

static void
assert_listed(const struct audit_ledger *ledger, enum audit_fate fate, uint64_t most, const char *expected)
{
    struct listed listed = {"", 0};

    audit_ledger_list(ledger, fate, most, note, &listed);
    assert_string_equal(listed.text, expected);
}

static void
every_fate(void **state)
{
    struct audit_ledger *ledger = ledger_of("a-1-call.ended\n"
                                            "a-2-call.ended\r\n"
                                            "\n"
                                            "a-3-call.ended\tignored\ta-9-call.ended\n"
                                            "a-1-call.ended\n"
                                            "a-4-call.recorded-full\n"
                                            "a-5-call.ended");
    struct audit_counts counts;

    (void)state;
    see(ledger, "a", "a-1-call.ended", 0, 1, 7);
    see(ledger, "a", "a-1-call.ended", 0, 1, 7); /* a repeat */
    see(ledger, "a", "a-2-call.ended", 0, 3, 8);
    see(ledger, "a", "a-2-call.ended", 1, 3, 8); /* on its other topic: no repeat */
    see(ledger, "a", "a-3-call.ended", 0, 5, 9); /* not on topic 2 */
    see(ledger, "a", "a-4-call.recorded-full", 31, UINT32_C(1) << 31, 1);
    see(ledger, "a", "a-4-call.recorded-full", 31, UINT32_C(1) << 31, 2);
    see(ledger, "a", "a-6-call.ended", 0, 1, 7);
    see(ledger, "a", "a-6-call.ended", 0, 1, 7);

    counts = audit_ledger_counts(ledger);
    assert_int_equal(counts.lines, 6);
    assert_int_equal(counts.ids, 5);
    assert_int_equal(counts.found, 4);
    assert_int_equal(counts.missing, 1);
    assert_int_equal(counts.incomplete, 1);
    assert_int_equal(counts.corrupted, 1);
    assert_int_equal(counts.duplicates, 2);
    assert_int_equal(counts.unknown, 2);
    assert_listed(ledger, AUDIT_MISSING, 10, "a-5-call.ended:0 ");
    assert_listed(ledger, AUDIT_INCOMPLETE, 10, "a-3-call.ended:4 ");
    assert_listed(ledger, AUDIT_CORRUPTED, 10, "a-4-call.recorded-full:0 ");
    assert_listed(ledger, AUDIT_MISSING, 0, "");
    audit_ledger_free(ledger);
}

/* Two sources may be told the same id; a line without a source is met by either. */
static void
sources_are_told_apart(void **state)
{
    struct audit_ledger *ledger = ledger_of("north\ta-1-call.ended\n"
                                            "/trunkline/south\ta-1-call.ended\tmore\n"
                                            "a-1-call.ended\n"
                                            "east\ta-1-call.ended\n");
    struct audit_counts counts;

    (void)state;
    see(ledger, "south", "a-1-call.ended", 0, 1, 1);
    counts = audit_ledger_counts(ledger);
    assert_int_equal(counts.ids, 4);
    assert_int_equal(counts.found, 2);
    assert_int_equal(counts.unknown, 0);
    see(ledger, "north", "a-1-call.ended", 0, 1, 1);
    assert_int_equal(audit_ledger_counts(ledger).found, 3);
    see(ledger, "west", "a-1-call.ended", 0, 1, 1);
    assert_int_equal(audit_ledger_counts(ledger).found, 3);
    audit_ledger_free(ledger);
}

static void
a_ledger_may_be_empty(void **state)
{
    struct audit_ledger *ledger = ledger_of("\n\r\n\n");

    (void)state;
    see(ledger, "a", "a-1-call.ended", 0, 1, 1);
    assert_int_equal(audit_ledger_counts(ledger).ids, 0);
    assert_int_equal(audit_ledger_counts(ledger).unknown, 1);
    audit_ledger_free(ledger);
}

static void
assert_refused(const char *text, size_t length, const char *why)
{
    struct audit_ledger *ledger = audit_ledger_new();
    struct error error = {""};

    assert_non_null(ledger);
    assert_false(read_text(ledger, text, length, &error));
    assert_non_null(strstr(error.text, why));
    audit_ledger_free(ledger);
}

static void
wrong_lines_are_told(void **state)
{
    char long_line[5000];

    (void)state;
    assert_refused("a-1-call.ended\nid\n", 18, "ledger, line 2: there is no event id");
    assert_refused("north\t\n", 7, "line 1: there is no event id");
    assert_refused("call.ended\n", 11, "there is no event id");
    assert_refused("a-\033[1m-call.ended\n", 18, "there is no event id");
    assert_refused("a-\xff-call.ended\n", 15, "there is no event id");
    assert_refused("a-\0-call.ended\n", 15, "there is no event id");
    memset(long_line, 'a', sizeof long_line);
    assert_refused(long_line, sizeof long_line, "line 1: it is longer than 4096 bytes");
}

/* A line of exactly the most bytes is one. */
static void
a_long_line(void **state)
{
    struct audit_ledger *ledger = audit_ledger_new();
    struct error error = {""};
    char line[4096];

    (void)state;
    memset(line, 'a', sizeof line);
    memcpy(line + sizeof line - 11, "-call.ended", 11);
    assert_true(read_text(ledger, line, sizeof line, &error));
    assert_int_equal(audit_ledger_counts(ledger).ids, 1);
    audit_ledger_free(ledger);
}

/* The index, the pages and the blocks grow. */
static void
many_ids(void **state)
{
    static const unsigned many = 200000;
    struct audit_ledger *ledger = audit_ledger_new();
    struct audit_counts counts;
    struct error error = {""};
    FILE *stream = tmpfile();
    char id[64];

    (void)state;
    assert_non_null(stream);
    for (unsigned i = 0; i < many; i++) {
        assert_true(fprintf(stream, "7moor-c0ffee00-%u-call.ended\n", i) > 0);
    }
    rewind(stream);
    assert_true(audit_ledger_read(ledger, stream, "ledger", &error));
    (void)fclose(stream);
    for (unsigned i = 0; i < many; i++) {
        (void)snprintf(id, sizeof id, "7moor-c0ffee00-%u-call.ended", i);
        if (i != 77777) {
            see(ledger, "7moor", id, 0, 1, i);
        }
    }
    counts = audit_ledger_counts(ledger);
    assert_int_equal(counts.ids, many);
    assert_int_equal(counts.missing, 1);
    assert_int_equal(counts.unknown + counts.duplicates + counts.corrupted, 0);
    assert_listed(ledger, AUDIT_MISSING, 5, "7moor-c0ffee00-77777-call.ended:0 ");
    audit_ledger_free(ledger);
}

/* Ids of a company's own types are known where the configuration has them, and no ids otherwise. */
static void
own_types(void **state)
{
    static const char *const names[] = {"com.acme.ticket.closed", "com.acme.other"};
    static const char text[] = "acme-t1-com.acme.ticket.closed\nhooks\tacme-t2-com.acme.ticket.closed-2\n";
    struct audit_ledger *ledger = audit_ledger_new();
    struct error error;

    (void)state;
    assert_non_null(ledger);
    assert_false(read_text(ledger, text, sizeof text - 1, &error));
    audit_ledger_own_types(ledger, names, 2);
    assert_true(read_text(ledger, text, sizeof text - 1, &error));
    see(ledger, "other", "acme-t1-com.acme.ticket.closed", 0, 1, 1);
    see(ledger, "other", "acme-t2-com.acme.ticket.closed-2", 0, 1, 1);
    assert_listed(ledger, AUDIT_MISSING, 5, "acme-t2-com.acme.ticket.closed-2:0 ");
    audit_ledger_free(ledger);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_fate),
        cmocka_unit_test(sources_are_told_apart),
        cmocka_unit_test(a_ledger_may_be_empty),
        cmocka_unit_test(wrong_lines_are_told),
        cmocka_unit_test(a_long_line),
        cmocka_unit_test(many_ids),
        cmocka_unit_test(own_types),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Dead letters and raw records: untouched bytes, and headers that tell the rest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "event/deadletter.h"

static const struct record_header fields[] = {
    {SLICE("content-type"), SLICE("application/json")},
    {SLICE("x-empty"), SLICE("")},
};

static struct original
original(struct slice body)
{
    return (struct original){
        .method = SLICE("POST"),
        .query = SLICE("a=1"),
        .hash = SLICE("0123456789abcdef0123456789abcdef"),
        .body = body,
        .headers = fields,
        .header_count = sizeof fields / sizeof fields[0],
    };
}

static struct envelope
envelope(void)
{
    return (struct envelope){
        .source = SLICE("north"),
        .adapter = SLICE("jiuyun"),
        .account = SLICE("acme"),
        .received = {.unix_ms = 1620455987123, .offset_minutes = 480, .present = true, .millis = true},
    };
}

static void
assert_headers(const struct record *record, const char *const (*expected)[2], size_t count)
{
    assert_int_equal(record->header_count, count);
    for (size_t i = 0; i < count; i++) {
        assert_true(slice_is(record->headers[i].name, expected[i][0]));
        assert_int_equal(record->headers[i].name.data[record->headers[i].name.length], '\0');
        assert_true(slice_is(record->headers[i].value, expected[i][1]));
    }
}

static void
a_dead_letter(void **state)
{
    static const char *const expected[][2] = {
        {"id", "0123456789abcdef0123456789abcdef"},
        {"reason", "not_json"},
        {"detail", "a comma too many"},
        {"source", "north"},
        {"vendor", "jiuyun"},
        {"account", "acme"},
        {"recordedtime", "2021-05-08T14:39:47.123+08:00"},
        {"method", "POST"},
        {"query", "a=1"},
        {"http.content-type", "application/json"},
        {"http.x-empty", ""},
    };
    struct slice body = SLICE("{\0\xff,}");
    struct original from = original(body);
    struct envelope shared = envelope();
    struct arena *arena = arena_new(NULL, 65536);
    struct record record = {0};

    (void)state;
    assert_true(
        deadletter_write(&from, &shared, slice_from("not_json"), slice_from("a comma too many"), arena, &record));
    assert_headers(&record, expected, sizeof expected / sizeof expected[0]);
    assert_true(slice_equal(record.key, from.hash));
    assert_ptr_equal(record.value.data, body.data);
    assert_int_equal(record.value.length, 5);
    arena_free(arena);
}

static void
a_raw_record(void **state)
{
    static const char *const expected[][2] = {
        {"id", "0123456789abcdef0123456789abcdef"},
        {"source", "north"},
        {"vendor", "jiuyun"},
        {"account", "acme"},
        {"recordedtime", "2021-05-08T14:39:47.123+08:00"},
        {"method", "POST"},
        {"endpoint", "receiveVoice"},
        {"query", "a=1"},
        {"http.content-type", "application/json"},
        {"http.x-empty", ""},
    };
    struct original from = original(slice_from("{}"));
    struct envelope shared = envelope();
    struct arena *arena = arena_new(NULL, 65536);
    struct record record = {0};

    (void)state;
    from.endpoint = slice_from("receiveVoice");
    assert_true(raw_record_write(&from, &shared, arena, &record));
    assert_headers(&record, expected, sizeof expected / sizeof expected[0]);
    assert_true(slice_is(record.value, "{}"));
    arena_free(arena);
}

/* librdkafka makes a tombstone of a NULL value. */
static void
an_empty_body_is_no_tombstone(void **state)
{
    struct original from = original((struct slice){0});
    struct envelope shared = envelope();
    struct arena *arena = arena_new(NULL, 65536);
    struct record record = {0};

    (void)state;
    assert_true(raw_record_write(&from, &shared, arena, &record));
    assert_non_null(record.value.data);
    assert_int_equal(record.value.length, 0);
    arena_free(arena);
}

static void
a_full_arena_is_told(void **state)
{
    struct original from = original(slice_from("{}"));
    struct envelope shared = envelope();
    struct arena *arena = arena_new(NULL, 65536);
    struct record record = {0};

    (void)state;
    while (!arena_failed(arena)) {
        (void)arena_alloc(arena, 64);
    }
    assert_false(raw_record_write(&from, &shared, arena, &record));
    arena_free(arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dead_letter),
        cmocka_unit_test(a_raw_record),
        cmocka_unit_test(an_empty_body_is_no_tombstone),
        cmocka_unit_test(a_full_arena_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

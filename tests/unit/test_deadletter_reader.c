/* Dead letters read back: what deadletter_write has written, and what somebody else might. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "event/deadletter.h"
#include "event/deadletter_reader.h"

static const struct record_header fields[] = {
    {SLICE("content-type"), SLICE("application/json")},
    {SLICE("x-twice"), SLICE("1")},
    {SLICE("x-twice"), SLICE("")},
};

static struct record
written(struct slice vendor, struct arena *arena)
{
    struct original original = {
        .method = SLICE("PUT"),
        .endpoint = SLICE("receiveVoice"),
        .query = SLICE("a=1"),
        .hash = SLICE("0123456789abcdef0123456789abcdef"),
        .body = {"{\0", 2},
        .headers = fields,
        .header_count = 3,
    };
    struct envelope envelope = {
        .source = SLICE("commands"),
        .adapter = vendor,
        .account = SLICE("acme"),
        .received = {.unix_ms = 1620455987123, .offset_minutes = 480, .present = true, .millis = true},
    };
    struct record record = {0};

    assert_true(deadletter_write(&original, &envelope, slice_from("not_json"), slice_from("a, b"), arena, &record));
    return record;
}

static void
what_was_written_is_read(void **state)
{
    struct arena *arena = arena_new(NULL, 65536);
    struct record record = written(slice_from("jiuyun"), arena);
    struct dead_letter letter = deadletter_read(record.value, record.headers, record.header_count);
    const struct record_header *found;
    size_t count;

    (void)state;
    assert_true(slice_is(letter.id, "0123456789abcdef0123456789abcdef"));
    assert_true(slice_is(letter.reason, "not_json") && slice_is(letter.detail, "a, b"));
    assert_true(slice_is(letter.source, "commands") && slice_is(letter.vendor, "jiuyun"));
    assert_true(slice_is(letter.account, "acme") && slice_is(letter.method, "PUT"));
    assert_true(slice_is(letter.endpoint, "receiveVoice") && slice_is(letter.query, "a=1"));
    assert_true(slice_equal(letter.body, slice_make("{\0", 2)));
    assert_int_equal(letter.received.unix_ms, 1620455987123);
    assert_int_equal(letter.received.offset_minutes, 480);
    assert_true(letter.received.present && letter.received.millis);
    assert_false(deadletter_is_command(&letter)); /* a callback to a source that is called so */

    assert_true(deadletter_fields(&letter, arena, &found, &count));
    assert_int_equal(count, 3);
    for (size_t i = 0; i < count; i++) {
        assert_true(slice_equal(found[i].name, fields[i].name) && slice_equal(found[i].value, fields[i].value));
        assert_int_equal(found[i].name.data[found[i].name.length], '\0');
    }
    arena_free(arena);
}

static void
a_command_has_no_vendor(void **state)
{
    struct arena *arena = arena_new(NULL, 65536);
    struct record record = written((struct slice){0}, arena);
    struct dead_letter letter = deadletter_read(record.value, record.headers, record.header_count);

    (void)state;
    assert_true(deadletter_is_command(&letter));
    arena_free(arena);
}

static void
a_strange_record_tells_nothing(void **state)
{
    static const struct record_header headers[] = {
        {SLICE("recordedtime"), SLICE("yesterday")},
        {SLICE("reason"), SLICE("first")},
        {SLICE("reason"), SLICE("second")},
        {SLICE("http."), SLICE("a field without a name")},
        {SLICE("httpx"), SLICE("none")},
    };
    struct arena *arena = arena_new(NULL, 65536);
    struct dead_letter letter = deadletter_read((struct slice){0}, headers, 5);
    const struct record_header *found;
    size_t count = 7;

    (void)state;
    assert_false(letter.received.present);
    assert_true(slice_is(letter.reason, "first") && slice_empty(letter.source) && slice_empty(letter.body));
    assert_false(deadletter_is_command(&letter));
    assert_true(deadletter_fields(&letter, arena, &found, &count));
    assert_int_equal(count, 0);
    letter = deadletter_read((struct slice){0}, NULL, 0);
    assert_true(deadletter_fields(&letter, arena, &found, &count));
    assert_int_equal(count, 0);
    arena_free(arena);
}

static void
a_full_arena_is_told(void **state)
{
    struct arena *arena = arena_new(NULL, 65536);
    struct record record = written(slice_from("jiuyun"), arena);
    struct dead_letter letter = deadletter_read(record.value, record.headers, record.header_count);
    const struct record_header *found;
    size_t count;

    (void)state;
    while (!arena_failed(arena)) {
        (void)arena_alloc(arena, 64);
    }
    assert_false(deadletter_fields(&letter, arena, &found, &count));
    arena_free(arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_read),
        cmocka_unit_test(a_command_has_no_vendor),
        cmocka_unit_test(a_strange_record_tells_nothing),
        cmocka_unit_test(a_full_arena_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

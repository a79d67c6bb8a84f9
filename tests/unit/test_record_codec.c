/* Records as bytes: what is written is read, the layout stays, and no bytes are read past their end. */
#include "unit/store_fixture.h"

#include "event/record_codec.h"

#define ARENA_BYTES ((size_t)4 << 20)

static struct record_header headers[] = {
    {SLICE("ce_id"), SLICE("7")},
    {SLICE("empty"), {NULL, 0}},
};
static const struct record example = {
    .topic = SLICE("calls"),
    .key = SLICE("k1"),
    .value = SLICE("{}"),
    .headers = headers,
    .header_count = 2,
};
static const char example_bytes[] = "\x01\x02\x00"
                                    "\x05\x00\x00\x00\x02\x00\x00\x00\x02\x00\x00\x00"
                                    "calls\0"
                                    "k1"
                                    "{}"
                                    "\x05\x00\x00\x00\x01\x00\x00\x00"
                                    "ce_id\0"
                                    "7"
                                    "\x05\x00\x00\x00\x00\x00\x00\x00"
                                    "empty\0";
#define EXAMPLE_LENGTH (sizeof example_bytes - 1)

/* In memory of exactly its length, so that a sanitizer sees what goes past it. */
static bool
decode_copy(const char *bytes, size_t length, struct record *record)
{
    struct arena *arena = arena_new(NULL, ARENA_BYTES);
    char *copy = malloc(length == 0 ? 1 : length);
    bool read;

    assert_non_null(copy);
    memcpy(copy, bytes, length);
    read = record_decode(slice_make(length == 0 ? NULL : copy, length), arena, record);
    arena_free(arena);
    free(copy);
    return read;
}

static void
assert_comes_back(const struct record *record)
{
    struct arena *arena = arena_new(NULL, ARENA_BYTES);
    size_t length = record_encoded_bytes(record);
    char *bytes = malloc(length);
    struct record again;

    assert_true(length > 0);
    assert_non_null(bytes);
    record_encode(record, bytes);
    assert_true(record_decode(slice_make(bytes, length), arena, &again));
    assert_true(fixture_same_record(record, &again));
    assert_int_equal(again.topic.data[again.topic.length], '\0');
    for (size_t i = 0; i < again.header_count; i++) {
        assert_int_equal(again.headers[i].name.data[again.headers[i].name.length], '\0');
    }
    assert_int_equal(again.delivery, DELIVERY_PENDING);
    assert_null(again.set);
    assert_null(again.next);
    free(bytes);
    arena_free(arena);
}

static void
the_layout_stays(void **state)
{
    (void)state;
    char bytes[EXAMPLE_LENGTH];

    assert_int_equal(record_encoded_bytes(&example), EXAMPLE_LENGTH);
    record_encode(&example, bytes);
    assert_memory_equal(bytes, example_bytes, EXAMPLE_LENGTH);
}

static void
what_is_written_is_read(void **state)
{
    (void)state;
    static struct fixture_record made;
    static const struct record empty = {.header_count = 0};
    struct record_header *many = calloc(UINT16_MAX, sizeof *many);
    struct record large = {.topic = SLICE("t"), .headers = many, .header_count = UINT16_MAX};

    assert_comes_back(&example);
    assert_comes_back(&empty);
    for (int64_t id = 1; id < 200; id++) {
        fixture_fill(&made, id);
        assert_comes_back(&made.stored.record);
    }
    assert_non_null(many);
    assert_comes_back(&large);
    free(many);
}

/* Nothing is read: only lengths count. */
static void
what_the_layout_cannot_tell(void **state)
{
    (void)state;
    static const size_t most = INT32_MAX;
    struct record_header header = {SLICE("h"), SLICE("v")};
    struct record record = example;

    record.value.length = most;
    assert_true(record_encoded_bytes(&record) > most);
    record.value.length = most + 1;
    assert_int_equal(record_encoded_bytes(&record), 0);
    record = example;
    record.key.length = most + 1;
    assert_int_equal(record_encoded_bytes(&record), 0);
    record = example;
    record.topic.length = SIZE_MAX;
    assert_int_equal(record_encoded_bytes(&record), 0);
    record = example;
    record.header_count = (size_t)UINT16_MAX + 1;
    assert_int_equal(record_encoded_bytes(&record), 0);
    record.headers = &header;
    record.header_count = 1;
    header.name.length = most + 1;
    assert_int_equal(record_encoded_bytes(&record), 0);
    header.name.length = 1;
    header.value.length = SIZE_MAX;
    assert_int_equal(record_encoded_bytes(&record), 0);
}

static void
what_is_no_record_is_refused(void **state)
{
    (void)state;
    char bytes[EXAMPLE_LENGTH + 1];
    struct record record;

    for (size_t length = 0; length < EXAMPLE_LENGTH; length++) {
        assert_false(decode_copy(example_bytes, length, &record));
    }
    assert_true(decode_copy(example_bytes, EXAMPLE_LENGTH, &record));
    memcpy(bytes, example_bytes, sizeof bytes);
    assert_false(decode_copy(bytes, sizeof bytes, &record)); /* one more */
    for (int version = 0; version < 256; version++) {
        bytes[0] = (char)version;
        assert_int_equal(decode_copy(bytes, EXAMPLE_LENGTH, &record), version == RECORD_CODEC_VERSION);
    }
    memcpy(bytes, example_bytes, sizeof bytes);
    for (size_t at = 1; at < 15; at++) { /* the number of headers, and the lengths */
        for (int value = 0; value < 256; value++) {
            bytes[at] = (char)value;
            assert_int_equal(decode_copy(bytes, EXAMPLE_LENGTH, &record), bytes[at] == example_bytes[at]);
        }
        bytes[at] = example_bytes[at];
    }
    bytes[20] = 'x'; /* behind the topic */
    assert_false(decode_copy(bytes, EXAMPLE_LENGTH, &record));
}

static void
an_arena_that_is_full(void **state)
{
    (void)state;
    struct arena *arena = arena_new(NULL, sizeof(struct record_header));
    struct record record;

    assert_false(record_decode(slice_make(example_bytes, EXAMPLE_LENGTH), arena, &record));
    arena_free(arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_layout_stays),
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(what_the_layout_cannot_tell),
        cmocka_unit_test(what_is_no_record_is_refused),
        cmocka_unit_test(an_arena_that_is_full),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

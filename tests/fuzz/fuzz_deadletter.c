/* Fuzzes the reader of dead letters: whatever a record says, what was read is written again, and read, as the same. An
 * input is a record, as record_text.h reads it. */
#include "event/deadletter.h"
#include "event/deadletter_reader.h"
#include "fuzz/fact.h"
#include "fuzz/record_text.h"

#define ARENA_BYTES ((size_t)16 << 20)

static struct record
write_again(const struct dead_letter *letter, const struct record_header *fields, size_t count, struct arena *arena)
{
    struct original original = {
        .method = letter->method,
        .endpoint = letter->endpoint,
        .query = letter->query,
        .hash = letter->id,
        .body = letter->body,
        .headers = fields,
        .header_count = count,
    };
    struct envelope envelope = {
        .source = letter->source,
        .adapter = letter->vendor,
        .account = letter->account,
        .received = letter->received,
    };
    struct record record = {0};

    require(deadletter_write(&original, &envelope, letter->reason, letter->detail, arena, &record));
    require(record.value.data != NULL);
    return record;
}

static void
check_same(const struct dead_letter *a, const struct dead_letter *b)
{
    require(slice_equal(a->id, b->id) && slice_equal(a->reason, b->reason) && slice_equal(a->detail, b->detail));
    require(slice_equal(a->source, b->source) && slice_equal(a->vendor, b->vendor));
    require(slice_equal(a->account, b->account) && slice_equal(a->method, b->method));
    require(slice_equal(a->endpoint, b->endpoint) && slice_equal(a->query, b->query));
    require(slice_equal(a->body, b->body) && deadletter_is_command(a) == deadletter_is_command(b));
    require(a->received.present == b->received.present && a->received.unix_ms == b->received.unix_ms);
}

static void
check_fields(const struct record_header *a, size_t a_count, const struct record_header *b, size_t b_count)
{
    require(a_count == b_count);
    for (size_t i = 0; i < a_count; i++) {
        require(slice_equal(a[i].name, b[i].name) && slice_equal(a[i].value, b[i].value));
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_make((const char *)data, size);
    struct record_header headers[RECORD_TEXT_HEADERS_MAX];
    size_t count = record_text_headers(&text, headers);
    struct dead_letter letter = deadletter_read(text, headers, count);
    struct arena *arena = arena_new(NULL, ARENA_BYTES);
    const struct record_header *fields, *fields_again;
    size_t field_count, fields_again_count;
    struct dead_letter again;
    struct record record;

    require(deadletter_fields(&letter, arena, &fields, &field_count) && field_count <= count);
    record = write_again(&letter, fields, field_count, arena);
    again = deadletter_read(record.value, record.headers, record.header_count);
    check_same(&letter, &again);
    require(deadletter_fields(&again, arena, &fields_again, &fields_again_count));
    check_fields(fields, field_count, fields_again, fields_again_count);
    arena_free(arena);
    return 0;
}

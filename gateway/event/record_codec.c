/* A record's layout as bytes: a head of fixed length, topic, key and value, then the headers one behind the other. */
#include "event/record_codec.h"

#include <stdint.h>

/* version, number of headers, lengths of topic, key and value */
#define HEAD_BYTES ((size_t)1 + 2 + 4 + 4 + 4)
/* lengths of name and value */
#define HEADER_HEAD_BYTES ((size_t)4 + 4)
#define PART_BYTES_MAX    ((size_t)INT32_MAX)
#define HEADERS_MAX       ((size_t)UINT16_MAX)

static char *
write_number(char *at, size_t number, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        *at++ = (char)(number >> (8 * i) & 0xff);
    }
    return at;
}

static char *
write_bytes(char *at, struct slice part)
{
    if (part.length > 0) {
        memcpy(at, part.data, part.length);
    }
    return at + part.length;
}

/* Followed by a NUL. */
static char *
write_name(char *at, struct slice name)
{
    at = write_bytes(at, name);
    *at = '\0';
    return at + 1;
}

size_t
record_encoded_bytes(const struct record *record)
{
    size_t bytes = HEAD_BYTES + record->topic.length + 1 + record->key.length + record->value.length;

    if (record->topic.length > PART_BYTES_MAX || record->key.length > PART_BYTES_MAX ||
        record->value.length > PART_BYTES_MAX || record->header_count > HEADERS_MAX) {
        return 0;
    }
    for (size_t i = 0; i < record->header_count; i++) {
        const struct record_header *header = &record->headers[i];

        if (header->name.length > PART_BYTES_MAX || header->value.length > PART_BYTES_MAX) {
            return 0;
        }
        bytes += HEADER_HEAD_BYTES + header->name.length + 1 + header->value.length;
    }
    return bytes;
}

void
record_encode(const struct record *record, char *bytes)
{
    char *at = write_number(bytes, RECORD_CODEC_VERSION, 1);

    at = write_number(at, record->header_count, 2);
    at = write_number(at, record->topic.length, 4);
    at = write_number(at, record->key.length, 4);
    at = write_number(at, record->value.length, 4);
    at = write_name(at, record->topic);
    at = write_bytes(at, record->key);
    at = write_bytes(at, record->value);
    for (size_t i = 0; i < record->header_count; i++) {
        at = write_number(at, record->headers[i].name.length, 4);
        at = write_number(at, record->headers[i].value.length, 4);
        at = write_name(at, record->headers[i].name);
        at = write_bytes(at, record->headers[i].value);
    }
}

/* What is left of the bytes; once they have not sufficed it is failed, and everything read is empty. */
struct reader {
    const char *at;
    size_t left;
    bool failed;
};

static struct slice
read_bytes(struct reader *reader, size_t length)
{
    struct slice part = {reader->at, length};

    if (reader->failed || length > reader->left) {
        reader->failed = true;
        return (struct slice){NULL, 0};
    }
    reader->at += length;
    reader->left -= length;
    return part;
}

static size_t
read_number(struct reader *reader, size_t bytes)
{
    struct slice part = read_bytes(reader, bytes);
    size_t number = 0;

    for (size_t i = 0; i < part.length; i++) {
        number |= (size_t)(unsigned char)part.data[i] << (8 * i);
    }
    return number;
}

static size_t
read_length(struct reader *reader)
{
    size_t length = read_number(reader, 4);

    reader->failed = reader->failed || length > PART_BYTES_MAX;
    return length;
}

static struct slice
read_name(struct reader *reader, size_t length)
{
    struct slice name = read_bytes(reader, length);
    struct slice end = read_bytes(reader, 1);

    reader->failed = reader->failed || end.data[0] != '\0';
    return name;
}

static bool
read_headers(struct reader *reader, size_t count, struct arena *arena, struct record *record)
{
    struct record_header *headers;

    /* None is shorter than this, so that a few bytes never ask for a large table. */
    if (reader->failed || count > reader->left / (HEADER_HEAD_BYTES + 1)) {
        return false;
    }
    if (count == 0) {
        return true;
    }
    headers = arena_alloc(arena, count * sizeof *headers);
    if (headers == NULL) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        size_t name_length = read_length(reader);
        size_t value_length = read_length(reader);

        headers[i].name = read_name(reader, name_length);
        headers[i].value = read_bytes(reader, value_length);
    }
    record->headers = headers;
    record->header_count = count;
    return !reader->failed;
}

bool
record_decode(struct slice bytes, struct arena *arena, struct record *record)
{
    struct reader reader = {bytes.data, bytes.length, false};
    size_t version = read_number(&reader, 1);
    size_t header_count = read_number(&reader, 2);
    size_t topic_length = read_length(&reader);
    size_t key_length = read_length(&reader);
    size_t value_length = read_length(&reader);

    *record = (struct record){.delivery = DELIVERY_PENDING};
    if (reader.failed || version != RECORD_CODEC_VERSION) {
        return false;
    }
    record->topic = read_name(&reader, topic_length);
    record->key = read_bytes(&reader, key_length);
    record->value = read_bytes(&reader, value_length);
    return read_headers(&reader, header_count, arena, record) && reader.left == 0;
}

/* A row of the store as bytes, over which its checksum goes. */
#include <stdlib.h>

#include "base/digest.h"
#include "spool/store_state.h"

/* id, time and key; lengths of source and reason */
#define HEAD_BYTES     ((size_t)3 * 8 + (size_t)2 * 4)
#define CHECKSUM_BYTES 8
#define ROW_BYTES      64 /* that a row takes beside body and source */

uint64_t
store_row_bytes(size_t body_bytes, struct slice source)
{
    return (uint64_t)body_bytes + source.length + ROW_BYTES;
}

static char *
write_number(char *at, uint64_t number, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        *at++ = (char)(number >> (8 * i) & 0xff);
    }
    return at;
}

static unsigned
hex_digit(char digit)
{
    return digit <= '9' ? (unsigned)(digit - '0') : (unsigned)(digit - 'a') + 10;
}

/* The first bytes of SHA-256. */
static bool
checksum_of(struct slice bytes, int64_t *checksum)
{
    char hex[SHA256_HEX_BYTES];
    uint64_t sum = 0;

    if (!digest_sha256_hex(bytes, hex)) {
        return false;
    }
    for (size_t i = 0; i < (size_t)2 * CHECKSUM_BYTES; i++) {
        sum = sum << 4 | hex_digit(hex[i]);
    }
    *checksum = (int64_t)sum;
    return true;
}

static size_t
bytes_before_body(const struct store_row *row)
{
    return HEAD_BYTES + row->source.length + row->aside.length;
}

bool
store_row_room(struct store *store, const struct store_row *row)
{
    size_t bytes = bytes_before_body(row) + row->body.length;

    if (bytes > store->scratch_bytes) {
        size_t rounded = (bytes | 0xfff) + 1;
        char *scratch = realloc(store->scratch, rounded);

        if (scratch == NULL) {
            return false;
        }
        store->scratch = scratch;
        store->scratch_bytes = rounded;
    }
    return true;
}

char *
store_row_body(const struct store *store, const struct store_row *row)
{
    return store->scratch + bytes_before_body(row);
}

static char *
write_bytes(char *at, struct slice part)
{
    if (part.length > 0) {
        memcpy(at, part.data, part.length);
    }
    return at + part.length;
}

bool
store_row_checksum(struct store *store, const struct store_row *row, int64_t *checksum)
{
    char *at = write_number(store->scratch, (uint64_t)row->id, 8);

    at = write_number(at, (uint64_t)row->spooled_ms, 8);
    at = write_number(at, (uint64_t)row->key, 8);
    at = write_number(at, row->source.length, 4);
    at = write_number(at, row->aside.length, 4);
    at = write_bytes(at, row->source);
    (void)write_bytes(at, row->aside);
    return checksum_of(slice_make(store->scratch, bytes_before_body(row) + row->body.length), checksum);
}

bool
store_mark_checksum(int64_t id, int64_t *checksum)
{
    char bytes[4 + 8] = {'m', 'a', 'r', 'k'};

    (void)write_number(bytes + 4, (uint64_t)id, 8);
    return checksum_of(slice_make(bytes, sizeof bytes), checksum);
}

static bool
kinds_fit(sqlite3_stmt *statement)
{
    static const int kinds[] = {SQLITE_INTEGER, SQLITE_INTEGER, SQLITE_TEXT,   SQLITE_INTEGER,
                                SQLITE_BLOB,    SQLITE_TEXT,    SQLITE_INTEGER};

    for (int column = 0; column < (int)(sizeof kinds / sizeof kinds[0]); column++) {
        if (sqlite3_column_type(statement, column) != kinds[column]) {
            return false;
        }
    }
    return true;
}

static struct slice
column_bytes(sqlite3_stmt *statement, int column)
{
    const char *bytes = sqlite3_column_blob(statement, column);

    return slice_make(bytes, bytes == NULL ? 0 : (size_t)sqlite3_column_bytes(statement, column));
}

bool
store_row_read(struct store *store, sqlite3_stmt *statement, struct store_row *row, bool *sound)
{
    int64_t checksum = 0;

    *sound = kinds_fit(statement);
    *row = (struct store_row){
        .id = sqlite3_column_int64(statement, 0),
        .spooled_ms = sqlite3_column_int64(statement, 1),
        .source = column_bytes(statement, 2),
        .key = sqlite3_column_int64(statement, 3),
        .body = column_bytes(statement, 4),
        .aside = column_bytes(statement, 5),
        .checksum = sqlite3_column_int64(statement, 6),
    };
    if (!*sound) {
        return true;
    }
    if (!store_row_room(store, row)) {
        store->code = SQLITE_NOMEM;
        return false;
    }
    (void)write_bytes(store_row_body(store, row), row->body);
    if (!store_row_checksum(store, row, &checksum)) {
        store->code = SQLITE_NOMEM; /* OpenSSL fails for nothing else */
        return false;
    }
    *sound = checksum == row->checksum;
    return true;
}

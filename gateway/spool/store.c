/* Writing: one transaction at a time, of records put, removed and set aside. */
#include "spool/store.h"

#include <sys/stat.h>

#include "event/record_codec.h"
#include "spool/store_state.h"

const char *
store_path(const struct store *store)
{
    return store->path;
}

const char *
store_reason(const struct store *store)
{
    return store->reason.text;
}

int64_t
store_last_id(struct store *store)
{
    return store->last_id;
}

uint64_t
store_record_bytes(const struct record *record, struct slice source)
{
    return store_row_bytes(record_encoded_bytes(record), source);
}

uint64_t
store_file_bytes(const struct store *store)
{
    struct stat status;

    return (stat(store->path, &status) == 0 ? (uint64_t)status.st_size : 0) + store_wal_bytes(store);
}

enum store_verdict
store_begin(struct store *store)
{
    if (store->broken) {
        return STORE_BROKEN;
    }
    store_take_back(store);
    if (store->crowded) {
        store->crowded = false;
        store_empty_wal(store);
        if (store->broken) {
            return STORE_BROKEN;
        }
    }
    if (!store_run(store, STATEMENT_BEGIN)) {
        return store_fail(store, "cannot begin to write");
    }
    store->open = true;
    store->grown = store->removed = store->raised = false;
    store->last_id_before = store->last_id;
    return STORE_OK;
}

void
store_take_back(struct store *store)
{
    /* SQLite has taken it back itself after some failures. */
    if (sqlite3_get_autocommit(store->database) == 0) {
        (void)sqlite3_exec(store->database, "ROLLBACK", NULL, NULL, NULL);
    }
    if (store->open) {
        store->open = false;
        store->last_id = store->last_id_before;
    }
}

static bool
bind_text(sqlite3_stmt *statement, int parameter, struct slice text)
{
    return sqlite3_bind_text64(statement, parameter, text.length == 0 ? "" : text.data, text.length, SQLITE_STATIC,
                               SQLITE_UTF8) == SQLITE_OK;
}

/* The row's bytes stay where they are until the statement has run. */
static bool
bind_row(sqlite3_stmt *statement, const struct store_row *row)
{
    return sqlite3_bind_int64(statement, 1, row->id) == SQLITE_OK &&
           sqlite3_bind_int64(statement, 2, row->spooled_ms) == SQLITE_OK && bind_text(statement, 3, row->source) &&
           sqlite3_bind_int64(statement, 4, row->key) == SQLITE_OK &&
           sqlite3_bind_blob64(statement, 5, row->body.data, row->body.length, SQLITE_STATIC) == SQLITE_OK &&
           bind_text(statement, 6, row->aside) && sqlite3_bind_int64(statement, 7, row->checksum) == SQLITE_OK;
}

enum store_verdict
store_put(struct store *store, const struct stored *stored)
{
    struct store_row row = {
        .id = stored->id,
        .spooled_ms = stored->spooled_ms,
        .key = (int64_t)stored->key,
        .source = stored->source,
        .aside = stored->aside,
        .body = {NULL, record_encoded_bytes(&stored->record)},
    };

    if (!store->open) {
        return store->verdict;
    }
    if (row.body.length == 0 || stored->damaged || row.id <= 0 || row.id > STORE_ID_MAX) {
        return store_fail_with(store, STORE_FULL, "cannot keep a record that is damaged, too large or has no id");
    }
    if (!store_row_room(store, &row)) {
        return store_fail_with(store, STORE_FULL, "out of memory");
    }
    row.body.data = store_row_body(store, &row);
    record_encode(&stored->record, store_row_body(store, &row));
    if (!store_row_checksum(store, &row, &row.checksum)) {
        return store_fail_with(store, STORE_FULL, "out of memory");
    }
    if (!bind_row(store->statements[STATEMENT_PUT], &row)) {
        store_note(store);
        return store_fail(store, "cannot write a record");
    }
    if (!store_run(store, STATEMENT_PUT)) {
        return store_fail(store, "cannot write a record");
    }
    store->last_id = row.id > store->last_id ? row.id : store->last_id;
    store->grown = true;
    return STORE_OK;
}

enum store_verdict
store_remove(struct store *store, int64_t id)
{
    if (!store->open) {
        return store->verdict;
    }
    (void)sqlite3_bind_int64(store->statements[STATEMENT_REMOVE], 1, id);
    if (!store_run(store, STATEMENT_REMOVE)) {
        return store_fail(store, "cannot remove a record");
    }
    store->removed = true;
    return STORE_OK;
}

enum store_verdict
store_raise_last_id(struct store *store, int64_t last_id)
{
    if (!store->open) {
        return store->verdict;
    }
    if (last_id > store->last_id && last_id <= STORE_ID_MAX) {
        store->last_id = last_id;
        store->raised = true;
    }
    return STORE_OK;
}

/* The checksum with the new reason. A row that is damaged stays one. */
static bool
read_for_set_aside(struct store *store, int64_t id, struct slice reason, bool *found, int64_t *checksum)
{
    sqlite3_stmt *statement = store->statements[STATEMENT_ROW];
    struct store_row row = {0};
    bool sound = false;
    bool done;
    int code;

    (void)sqlite3_bind_int64(statement, 1, id);
    code = store_step(statement);
    *found = code == SQLITE_ROW;
    done = code == SQLITE_ROW || code == SQLITE_DONE;
    if (!done) {
        store_note(store);
    }
    if (*found && (done = store_row_read(store, statement, &row, &sound))) {
        *checksum = row.checksum;
        row.aside = reason;
        if (sound && (done = store_row_room(store, &row))) {
            memcpy(store_row_body(store, &row), row.body.data, row.body.length);
            done = store_row_checksum(store, &row, checksum);
        }
        store->code = done ? store->code : SQLITE_NOMEM;
    }
    (void)sqlite3_reset(statement);
    return done;
}

enum store_verdict
store_set_aside(struct store *store, int64_t id, struct slice reason)
{
    sqlite3_stmt *statement = store->statements[STATEMENT_SET_ASIDE];
    int64_t checksum = 0;
    bool found = false;

    if (!store->open) {
        return store->verdict;
    }
    if (!read_for_set_aside(store, id, reason, &found, &checksum)) {
        return store_fail(store, "cannot read a record that is to be set aside");
    }
    if (!found) {
        return STORE_OK;
    }
    if (sqlite3_bind_int64(statement, 1, id) != SQLITE_OK || !bind_text(statement, 2, reason) ||
        sqlite3_bind_int64(statement, 3, checksum) != SQLITE_OK) {
        store_note(store);
        return store_fail(store, "cannot set a record aside");
    }
    return store_run(store, STATEMENT_SET_ASIDE) ? STORE_OK : store_fail(store, "cannot set a record aside");
}

/* So that an id is never given twice, the file tells the last one even when its record is not there any more. */
static bool
write_mark(struct store *store)
{
    sqlite3_stmt *statement = store->statements[STATEMENT_MARK];
    int64_t highest = 0;
    int64_t checksum = 0;
    bool found = false;

    if (store->last_id <= store->marked_id || (!store->removed && !store->raised)) {
        return true;
    }
    if (!store_number(store, store->statements[STATEMENT_LAST], &found, &highest)) {
        return false;
    }
    if (found && highest >= store->last_id) {
        return true;
    }
    if (!store_mark_checksum(store->last_id, &checksum)) {
        store->code = SQLITE_NOMEM;
        return false;
    }
    if (sqlite3_bind_int64(statement, 1, store->last_id) != SQLITE_OK ||
        sqlite3_bind_int64(statement, 2, checksum) != SQLITE_OK) {
        store_note(store);
        return false;
    }
    if (!store_run(store, STATEMENT_MARK)) {
        return false;
    }
    store->marked_id = store->last_id;
    return true;
}

enum store_verdict
store_commit(struct store *store)
{
    int64_t marked_before = store->marked_id;

    if (!store->open) {
        return store->verdict;
    }
    if (!write_mark(store) || (store->grown && !store_reserve(store)) || !store_run(store, STATEMENT_COMMIT)) {
        store->marked_id = marked_before;
        return store_fail(store, "cannot commit");
    }
    store->open = false;
    if (!store_in_place(store)) {
        return store_fail_with(store, STORE_BROKEN, "somebody has moved or removed the file");
    }
    store_checkpoint(store);
    return STORE_OK;
}

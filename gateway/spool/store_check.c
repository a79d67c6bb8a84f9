/* What a file must be to be taken for a store, and how opening one fails. */
#include "spool/store_opening.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

/* No id at or below the highest that was ever given is given again, though that one cannot be told for sure. */
#define ID_JUMP ((int64_t)1 << 32)

static enum store_fault
fault_of(const struct store *store)
{
    switch (store->code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return STORE_FAULT_DAMAGED;
    default:
        break;
    }
    switch (store->code) {
    case SQLITE_IOERR_READ:
    case SQLITE_IOERR_SHORT_READ:
    case SQLITE_IOERR_CORRUPTFS:
        return STORE_FAULT_DAMAGED;
    default:
        return store_no_room(store) ? STORE_FAULT_NO_ROOM : STORE_FAULT_OTHER;
    }
}

/* SQLite has failed. */
bool
opening_failed(struct opening *opening)
{
    char doing[PATH_MAX + 32];

    store_note(opening->store);
    opening->fault = fault_of(opening->store);
    (void)snprintf(doing, sizeof doing, "cannot open the spool file %s", opening->store->path);
    store_explain(opening->store, doing, opening->error);
    return false;
}

/* The system has failed. */
bool
opening_failed_with_errno(struct opening *opening)
{
    opening->fault = errno == ENOSPC || errno == EDQUOT ? STORE_FAULT_NO_ROOM : STORE_FAULT_OTHER;
    return error_set(opening->error, "cannot open the spool file %s: %s", opening->store->path, strerror(errno));
}

bool
opening_damaged(struct opening *opening, const char *how)
{
    opening->fault = STORE_FAULT_DAMAGED;
    return error_set(opening->error, "the spool file %s is damaged: %s", opening->store->path, how);
}

bool
opening_execute(struct opening *opening, const char *sql)
{
    errno = 0;
    return sqlite3_exec(opening->store->database, sql, NULL, NULL, NULL) == SQLITE_OK || opening_failed(opening);
}

/* Prepares, and runs a query that gives one whole number. */
bool
opening_ask(struct opening *opening, const char *sql, int64_t *number)
{
    sqlite3_stmt *statement = NULL;
    bool found = false;

    errno = 0;
    if (sqlite3_prepare_v2(opening->store->database, sql, -1, &statement, NULL) != SQLITE_OK) {
        return opening_failed(opening);
    }
    if (!store_number(opening->store, statement, &found, number)) {
        (void)opening_failed(opening);
        (void)sqlite3_finalize(statement);
        return false;
    }
    (void)sqlite3_finalize(statement);
    return true;
}

/* Whether a query gives exactly this text in its first row. */
bool
opening_tells(struct opening *opening, const char *sql, const char *expected, bool *same)
{
    sqlite3_stmt *statement = NULL;
    errno = 0;
    int code = sqlite3_prepare_v2(opening->store->database, sql, -1, &statement, NULL);

    *same = false;
    if (code == SQLITE_OK) {
        code = store_step(statement);
        if (code == SQLITE_ROW) {
            const unsigned char *text = sqlite3_column_text(statement, 0);

            *same = text != NULL && strcmp((const char *)text, expected) == 0;
        }
    }
    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        (void)opening_failed(opening);
        (void)sqlite3_finalize(statement);
        return false;
    }
    (void)sqlite3_finalize(statement);
    return true;
}

/* A process may have died while it made the file: then there is nothing in it yet. */
bool
opening_check_format(struct opening *opening, bool *unfinished)
{
    const char *path = opening->store->path;
    int64_t application_id = 0;
    int64_t version = 0;
    int64_t tables = 0;

    if (!opening_ask(opening, "PRAGMA application_id", &application_id) ||
        !opening_ask(opening, "PRAGMA user_version", &version) ||
        !opening_ask(opening, "SELECT count(*) FROM sqlite_schema", &tables)) {
        return false;
    }
    *unfinished = application_id == 0 && version == 0 && tables == 0;
    if (*unfinished) {
        return true;
    }
    if (application_id != STORE_APPLICATION_ID) {
        return opening_damaged(opening, "its header is not that of a spool of Trunkline");
    }
    if (version > STORE_VERSION) {
        opening->fault = STORE_FAULT_NEWER;
        return error_set(opening->error,
                         "the spool file %s has format %" PRId64 ", this program reads %d: run the one that wrote it, "
                         "or a newer one",
                         path, version, STORE_VERSION);
    }
    return version >= 1 || opening_damaged(opening, "its format version is none");
}

bool
opening_check_tables(struct opening *opening)
{
    bool same = false;

    if (!opening_tells(opening, "SELECT group_concat(sql,';')FROM(SELECT sql FROM sqlite_schema ORDER BY rowid)",
                       CREATE_RECORD ";" CREATE_MARK, &same)) {
        return false;
    }
    return same || opening_damaged(opening, "its tables are not those of a spool");
}

/* The mark, if it can be trusted. */
static bool
read_mark(struct store *store, int64_t *last_id)
{
    sqlite3_stmt *statement = NULL;
    int64_t checksum = 0;
    bool trusted = sqlite3_prepare_v2(store->database, "SELECT last_id,checksum FROM mark WHERE one=1", -1, &statement,
                                      NULL) == SQLITE_OK &&
                   store_step(statement) == SQLITE_ROW;

    if (trusted) {
        *last_id = sqlite3_column_int64(statement, 0);
        trusted = *last_id >= 0 && *last_id <= STORE_ID_MAX && store_mark_checksum(*last_id, &checksum) &&
                  checksum == sqlite3_column_int64(statement, 1);
    }
    (void)sqlite3_finalize(statement);
    return trusted;
}

/* The highest id that can be reached from the front, for a file that is damaged at its end. */
static int64_t
highest_from_front(struct store *store)
{
    sqlite3_stmt *statement = NULL;
    int64_t highest = 0;

    if (sqlite3_prepare_v2(store->database, "SELECT id FROM record ORDER BY id", -1, &statement, NULL) == SQLITE_OK) {
        while (store_step(statement) == SQLITE_ROW) {
            int64_t id = sqlite3_column_int64(statement, 0);

            highest = id > highest && id <= STORE_ID_MAX ? id : highest;
        }
    }
    (void)sqlite3_finalize(statement);
    return highest;
}

void
opening_find_last_id(struct store *store)
{
    int64_t highest = 0;
    int64_t mark = 0;
    bool found = false;
    bool sure = store_number(store, store->statements[STATEMENT_LAST], &found, &highest);

    if (!sure) {
        highest = highest_from_front(store);
    }
    sure = sure && !store->unsound;
    if (!read_mark(store, &mark)) {
        store->unsound = true;
        sure = false;
        mark = 0;
    }
    store->marked_id = mark;
    store->last_id = highest > mark ? highest : mark;
    if (!sure) {
        store->last_id = store->last_id < STORE_ID_MAX - ID_JUMP ? store->last_id + ID_JUMP : STORE_ID_MAX;
    }
}

/* A page whose own bookkeeping is damaged may hide records without any error when it is read. */
bool
opening_check_structure(struct opening *opening)
{
    sqlite3_stmt *statement = NULL;
    errno = 0;
    int code = sqlite3_prepare_v2(opening->store->database, "PRAGMA quick_check(1)", -1, &statement, NULL);

    if (code == SQLITE_OK) {
        code = store_step(statement);
        if (code == SQLITE_ROW) {
            const unsigned char *text = sqlite3_column_text(statement, 0);

            if (text == NULL || strcmp((const char *)text, "ok") != 0) {
                opening->store->unsound = true;
            }
        }
    }
    if ((code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_IOERR) {
        opening->store->unsound = true;
    } else if (code != SQLITE_ROW && code != SQLITE_DONE) {
        (void)opening_failed(opening);
        (void)sqlite3_finalize(statement);
        return false;
    }
    (void)sqlite3_finalize(statement);
    return true;
}

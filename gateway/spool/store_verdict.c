/* Which failures of SQLite pass and which make a file one that is never written again. */
#include <errno.h>
#include <string.h>

#include "spool/store_state.h"

static bool
no_room_error(int system_error)
{
    return system_error == ENOSPC || system_error == EDQUOT;
}

void
store_note(struct store *store)
{
    /* What SQLite keeps of the system's errors is not that of a commit, or of anything that failed in one. */
    int system_error = errno;

    store->code = sqlite3_extended_errcode(store->database);
    store->system_error = system_error != 0 ? system_error : sqlite3_system_errno(store->database);
}

/* A write that finds no room has changed nothing that counts. An fsync that finds none (the file system had put the
 * allocation off) has: what is on the disk then is unknown. */
bool
store_no_room(const struct store *store)
{
    return (store->code & 0xff) == SQLITE_FULL ||
           ((store->code == SQLITE_IOERR_WRITE || store->code == SQLITE_IOERR_SHMSIZE) &&
            no_room_error(store->system_error));
}

/* Whether the same may well succeed later, on the same file. */
static bool
passes(const struct store *store)
{
    switch (store->code & 0xff) {
    case SQLITE_NOMEM:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
    case SQLITE_TOOBIG:
        return true;
    default:
        return store_no_room(store) || store->code == SQLITE_IOERR_NOMEM ||
               (store->code == SQLITE_IOERR_SHMMAP && store->system_error == ENOMEM);
    }
}

void
store_explain(const struct store *store, const char *doing, struct error *error)
{
    int kind = store->code & 0xff;
    bool of_system = (kind == SQLITE_IOERR || kind == SQLITE_CANTOPEN) && store->system_error != 0;

    (void)error_set(error, "%s: %s%s%s (SQLite's result %d)", doing, of_system ? strerror(store->system_error) : "",
                    of_system ? ", " : "", sqlite3_errstr(store->code), store->code);
}

static enum store_verdict
give_verdict(struct store *store, enum store_verdict verdict)
{
    store->verdict = verdict;
    store->broken = store->broken || verdict == STORE_BROKEN;
    store_take_back(store);
    return verdict;
}

enum store_verdict
store_judge(struct store *store, const char *doing)
{
    store_explain(store, doing, &store->reason);
    return passes(store) ? STORE_FULL : STORE_BROKEN;
}

enum store_verdict
store_fail(struct store *store, const char *doing)
{
    store->crowded = store->crowded || store_no_room(store);
    return give_verdict(store, store_judge(store, doing));
}

enum store_verdict
store_fail_with(struct store *store, enum store_verdict verdict, const char *reason)
{
    (void)error_set(&store->reason, "%s", reason);
    return give_verdict(store, verdict);
}

int
store_step(sqlite3_stmt *statement)
{
    errno = 0;
    return sqlite3_step(statement);
}

bool
store_run(struct store *store, enum store_statement statement)
{
    int code = store_step(store->statements[statement]);
    bool done = code == SQLITE_DONE || code == SQLITE_ROW;

    if (!done) {
        store_note(store);
    }
    (void)sqlite3_reset(store->statements[statement]); /* tells the same failure again */
    return done;
}

bool
store_number(struct store *store, sqlite3_stmt *statement, bool *found, int64_t *number)
{
    int code = store_step(statement);
    bool done = code == SQLITE_DONE || code == SQLITE_ROW;

    *found = code == SQLITE_ROW && sqlite3_column_type(statement, 0) == SQLITE_INTEGER;
    *number = *found ? sqlite3_column_int64(statement, 0) : 0;
    if (!done) {
        store_note(store);
    }
    (void)sqlite3_reset(statement);
    return done;
}

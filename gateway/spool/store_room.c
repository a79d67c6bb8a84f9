/* Room on the disk that is kept in advance, so that on a full disk records can still be removed: a checkpoint finds the
 * database as long as it is to become, and then the WAL begins anew in the place that it has. */
#include "spool/store_state.h"

#define DATABASE_CHUNK_BYTES (1 << 20)
#define WAL_CHUNK_BYTES      (256 << 10)

void
store_use_chunks(struct store *store)
{
    int chunk = DATABASE_CHUNK_BYTES;

    (void)sqlite3_file_control(store->database, "main", SQLITE_FCNTL_CHUNK_SIZE, &chunk);
}

static bool
reserve_wal(struct store *store)
{
    sqlite3_file *wal = NULL;
    int chunk = WAL_CHUNK_BYTES;
    sqlite3_int64 bytes = WAL_CHUNK_BYTES;

    return sqlite3_file_control(store->database, "main", SQLITE_FCNTL_JOURNAL_POINTER, (void *)&wal) == SQLITE_OK &&
           wal != NULL && wal->pMethods != NULL &&
           wal->pMethods->xFileControl(wal, SQLITE_FCNTL_CHUNK_SIZE, &chunk) == SQLITE_OK &&
           wal->pMethods->xFileControl(wal, SQLITE_FCNTL_SIZE_HINT, &bytes) == SQLITE_OK;
}

static bool
reserve_database(struct store *store, int64_t pages)
{
    sqlite3_int64 bytes = pages * STORE_PAGE_BYTES;

    return sqlite3_file_control(store->database, "main", SQLITE_FCNTL_SIZE_HINT, &bytes) == SQLITE_OK;
}

bool
store_reserve(struct store *store)
{
    int64_t pages = 0;
    bool found = false;

    if (!store_number(store, store->statements[STATEMENT_PAGES], &found, &pages)) {
        return false;
    }
    if ((pages > store->reserved_pages && !reserve_database(store, pages)) ||
        (!store->wal_reserved && !reserve_wal(store))) {
        /* Whatever the reason: a file that cannot grow takes no more. Nothing of it was changed. */
        store->code = SQLITE_FULL;
        return false;
    }
    store->reserved_pages = pages > store->reserved_pages ? pages : store->reserved_pages;
    store->wal_reserved = true;
    return true;
}

/* Checkpoints: what was committed goes from the WAL into the database, with every error looked at; and where the two
 * files lie. */
#include <errno.h>
#include <sys/stat.h>

#include "spool/store_state.h"

#define WAL_KEPT_BYTES ((uint64_t)1 << 20) /* in a store that is empty */

static bool
identify(const char *path, struct store_identity *identity)
{
    struct stat status;

    if (stat(path, &status) != 0) {
        return false;
    }
    *identity = (struct store_identity){status.st_dev, status.st_ino};
    return true;
}

bool
store_remember_place(struct store *store)
{
    return identify(store->path, &store->identity) && identify(store->wal_path, &store->wal_identity);
}

static bool
same(const char *path, const struct store_identity *identity)
{
    struct store_identity found;

    return identify(path, &found) && found.device == identity->device && found.inode == identity->inode;
}

bool
store_in_place(const struct store *store)
{
    return same(store->path, &store->identity) && same(store->wal_path, &store->wal_identity);
}

uint64_t
store_wal_bytes(const struct store *store)
{
    struct stat status;

    return stat(store->wal_path, &status) == 0 ? (uint64_t)status.st_size : 0;
}

/* false: it was not made, which is fine when a reader was in its way or there is no room or memory for it now. */
static bool
run_checkpoint(struct store *store, int mode, bool *whole)
{
    int frames = 0;
    int done = 0;
    int code;

    /* Nobody waits for a reader here: there is a next time. */
    (void)sqlite3_busy_timeout(store->database, 0);
    errno = 0;
    code = sqlite3_wal_checkpoint_v2(store->database, NULL, mode, &frames, &done);
    (void)sqlite3_busy_timeout(store->database, STORE_BUSY_MS);
    *whole = code == SQLITE_OK && frames == done;
    if (code == SQLITE_OK || (code & 0xff) == SQLITE_BUSY || (code & 0xff) == SQLITE_LOCKED) {
        return code == SQLITE_OK;
    }
    store_note(store);
    (void)store_fail(store, "cannot write a checkpoint");
    return false;
}

/* Whether nothing is left in the store; when that cannot be told, something is. */
static bool
is_empty(struct store *store)
{
    int64_t last = 0;
    bool found = true;

    return store_number(store, store->statements[STATEMENT_LAST], &found, &last) && !found;
}

void
store_empty_wal(struct store *store)
{
    bool whole = false;

    (void)run_checkpoint(store, SQLITE_CHECKPOINT_PASSIVE, &whole);
}

void
store_checkpoint(struct store *store)
{
    bool whole = false;

    if (store->removed && store_wal_bytes(store) > WAL_KEPT_BYTES && is_empty(store)) {
        store->wal_reserved = false;
        (void)run_checkpoint(store, SQLITE_CHECKPOINT_TRUNCATE, &whole);
        store->checkpoint_frames = store->checkpoint_every;
        return;
    }
    if (store->wal_frames < store->checkpoint_frames) {
        return;
    }
    /* Once all of it is in the database, the next commit begins the WAL anew (and cuts it, if a reader has kept it from
     * that for long). */
    (void)run_checkpoint(store, SQLITE_CHECKPOINT_PASSIVE, &whole);
    store->checkpoint_frames = whole ? store->checkpoint_every : store->wal_frames + store->checkpoint_every / 4;
}

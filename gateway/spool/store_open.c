/* Opening a store: what SQLite is told, and how a new file is laid out. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spool/files.h"
#include "spool/store_opening.h"

#define ROW_ARENA_BYTES 4096
#define COLUMNS         "id,spooled_ms,source,key,body,aside,checksum"

static const char *const statements[STATEMENT_COUNT] = {
    [STATEMENT_BEGIN] = "BEGIN IMMEDIATE",
    [STATEMENT_COMMIT] = "COMMIT",
    [STATEMENT_PUT] = "INSERT INTO record(" COLUMNS ")VALUES(?1,?2,?3,?4,?5,?6,?7)ON CONFLICT(id)DO NOTHING",
    [STATEMENT_REMOVE] = "DELETE FROM record WHERE id=?1",
    [STATEMENT_SET_ASIDE] = "UPDATE record SET aside=?2,checksum=?3 WHERE id=?1",
    [STATEMENT_MARK] = "UPDATE mark SET last_id=?1,checksum=?2",
    [STATEMENT_LAST] = "SELECT id FROM record WHERE id<=4611686018427387904 ORDER BY id DESC LIMIT 1",
    [STATEMENT_READ] = "SELECT " COLUMNS " FROM record WHERE id>?1 ORDER BY id",
    [STATEMENT_PAGES] = "PRAGMA page_count",
    [STATEMENT_ROW] = "SELECT " COLUMNS " FROM record WHERE id=?1",
};

/* An empty file that SQLite then finds; made here so that nobody else ever may read it. */
static bool
make_file(struct opening *opening)
{
    const char *path = opening->store->path;
    int descriptor;

    if (access(path, F_OK) == 0) {
        return error_set(opening->error, "the spool file %s is there already", path);
    }
    if (!spool_file_remove_beside(path, opening->error)) {
        return false;
    }
    descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (descriptor < 0) {
        return opening_failed_with_errno(opening);
    }
    /* The umask may have taken even the owner's rights. */
    if (fchmod(descriptor, 0600) != 0) {
        (void)opening_failed_with_errno(opening);
        (void)close(descriptor);
        return false;
    }
    (void)close(descriptor);
    return true;
}

/* SQLite takes an empty database for a new one, and throws away its WAL. A database of ours that has a WAL was never
 * empty, so this one has been cut. */
static bool
check_length(struct opening *opening)
{
    struct stat status;

    if (stat(opening->store->path, &status) != 0) {
        return opening_failed_with_errno(opening);
    }
    if (!S_ISREG(status.st_mode)) {
        return error_set(opening->error, "the spool file %s is no regular file", opening->store->path);
    }
    return status.st_size > 0 || store_wal_bytes(opening->store) == 0 ||
           opening_damaged(opening, "it is empty, and its WAL is not");
}

static int
note_frames(void *argument, sqlite3 *database, const char *name, int frames)
{
    struct store *store = argument;

    (void)database;
    (void)name;
    store->wal_frames = frames;
    return SQLITE_OK;
}

/* What concerns this connection only and writes nothing. */
static bool
connect(struct opening *opening)
{
    static const struct {
        int option, on;
    } options[] = {
        {SQLITE_DBCONFIG_DEFENSIVE, 1},      {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0}, {SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1},
        {SQLITE_DBCONFIG_ENABLE_TRIGGER, 0}, {SQLITE_DBCONFIG_ENABLE_VIEW, 0},    {SQLITE_DBCONFIG_DQS_DML, 0},
        {SQLITE_DBCONFIG_DQS_DDL, 0},
    };
    struct store *store = opening->store;
    int flags = opening->mode == STORE_READ ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
    int code = sqlite3_open_v2(store->path, &store->database,
                               flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_PRIVATECACHE, NULL);

    if (store->database == NULL) {
        return error_set(opening->error, "out of memory");
    }
    if (code != SQLITE_OK) {
        return opening_failed(opening);
    }
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        if (sqlite3_db_config(store->database, options[i].option, options[i].on, NULL) != SQLITE_OK) {
            return opening_failed(opening);
        }
    }
    (void)sqlite3_busy_timeout(store->database, STORE_BUSY_MS);
    (void)sqlite3_wal_hook(store->database, note_frames, store); /* in place of SQLite's checkpoints */
    if (opening->mode != STORE_READ) {
        store_use_chunks(store);
    }
    return opening_execute(
        opening,
        "PRAGMA cell_size_check=ON;PRAGMA mmap_size=0;PRAGMA temp_store=MEMORY;"
        "PRAGMA cache_size=-8192;PRAGMA journal_size_limit=4222976;PRAGMA synchronous=FULL;PRAGMA secure_delete=FAST");
}

static bool
use_wal(struct opening *opening)
{
    bool same = false;

    if (!opening_tells(opening, "PRAGMA journal_mode=WAL", "wal", &same)) {
        return false;
    }
    return same || error_set(opening->error,
                             "the file system of the spool file %s has no shared memory for SQLite's WAL; set data_dir "
                             "to a local file system",
                             opening->store->path);
}

static bool
lay_out(struct opening *opening)
{
    int64_t checksum = 0;
    char sql[1024];

    if (!store_mark_checksum(0, &checksum)) {
        return error_set(opening->error, "out of memory");
    }
    (void)snprintf(sql, sizeof sql,
                   "BEGIN IMMEDIATE;PRAGMA application_id=%d;PRAGMA user_version=%d;" CREATE_RECORD ";" CREATE_MARK
                   ";INSERT INTO mark VALUES(1,0,%" PRId64 ");COMMIT",
                   STORE_APPLICATION_ID, STORE_VERSION, checksum);
    return opening_execute(opening, "PRAGMA page_size=4096;PRAGMA auto_vacuum=NONE") && use_wal(opening) &&
           opening_execute(opening, sql);
}

static bool
prepare(struct opening *opening)
{
    for (int i = 0; i < STATEMENT_COUNT; i++) {
        errno = 0;
        if (sqlite3_prepare_v3(opening->store->database, statements[i], -1, SQLITE_PREPARE_PERSISTENT,
                               &opening->store->statements[i], NULL) != SQLITE_OK) {
            return opening_failed(opening);
        }
    }
    return true;
}

static bool
open_file(struct opening *opening)
{
    struct store *store = opening->store;
    bool unfinished = false;

    if ((opening->mode == STORE_CREATE && !make_file(opening)) || !check_length(opening) ||
        (opening->mode == STORE_WRITE && !opening_check_wal(opening)) || !connect(opening) ||
        !opening_check_format(opening, &unfinished)) {
        return false;
    }
    if (unfinished && opening->mode == STORE_READ) {
        return error_set(opening->error, "the spool file %s is only being made: there is nothing in it yet",
                         store->path);
    }
    if (unfinished && store->unsound) {
        return opening_damaged(opening, "what it holds is in its WAL, behind a place that cannot be read");
    }
    if (unfinished && !lay_out(opening)) {
        return false;
    }
    if ((opening->mode != STORE_READ && !use_wal(opening)) || !opening_check_tables(opening) || !prepare(opening)) {
        return false;
    }
    if (opening->mode == STORE_READ) {
        opening_find_last_id(store);
        return true;
    }
    if (!unfinished && !opening_check_structure(opening)) {
        return false;
    }
    opening_find_last_id(store);
    /* SQLite ignores it when this fails. */
    return spool_file_sync_directory(store->path, opening->error) &&
           (store_remember_place(store) || opening_failed_with_errno(opening));
}

static struct store *
store_new(const char *path, struct error *error)
{
    struct store *store = calloc(1, sizeof *store);
    int length;

    if (store == NULL || (store->pool = arena_pool_new(ROW_ARENA_BYTES, 1)) == NULL) {
        (void)error_set(error, "out of memory");
        store_close(store);
        return NULL;
    }
    store->verdict = STORE_BROKEN;
    store->checkpoint_every = store->checkpoint_frames = STORE_CHECKPOINT_FRAMES;
    (void)error_set(&store->reason, "no transaction was begun");
    (void)snprintf(store->path, sizeof store->path, "%s", path);
    length = snprintf(store->wal_path, sizeof store->wal_path, "%s-wal", path);
    if (length < 0 || (size_t)length >= sizeof store->wal_path) {
        (void)error_set(error, "the name of the spool file %s is too long", path);
        store_close(store);
        return NULL;
    }
    return store;
}

struct store *
store_open(const char *path, enum store_mode mode, enum store_fault *fault, struct error *error)
{
    struct store *store = store_new(path, error);
    struct opening opening = {.store = store, .mode = mode, .fault = STORE_FAULT_OTHER, .error = error};
    bool was_there = mode == STORE_CREATE && access(path, F_OK) == 0;
    bool opened = store != NULL && open_file(&opening);

    if (fault != NULL) {
        *fault = opening.fault;
    }
    if (opened) {
        return store;
    }
    if (store != NULL) {
        store_close(store);
        if (mode == STORE_CREATE && !was_there) {
            (void)spool_file_remove(path, NULL); /* half of a new file is of no use */
        }
    }
    return NULL;
}

void
store_close(struct store *store)
{
    if (store == NULL) {
        return;
    }
    if (store->database != NULL) {
        store_take_back(store);
        for (int i = 0; i < STATEMENT_COUNT; i++) {
            (void)sqlite3_finalize(store->statements[i]);
        }
        (void)sqlite3_close(store->database);
    }
    arena_pool_free(store->pool);
    free(store->scratch);
    free(store);
}

/* What the files of the store share: its state, its statements, and how results of SQLite become verdicts. */
#pragma once

#include <limits.h>
#include <sqlite3.h>
#include <sys/types.h>

#include "base/arena.h"
#include "spool/store.h"

#define STORE_APPLICATION_ID    0x54726b6c /* "Trkl", in the file's header */
#define STORE_PAGE_BYTES        4096
#define STORE_CHECKPOINT_FRAMES 1024               /* in the WAL, of 4 KiB each */
#define STORE_ID_MAX            ((int64_t)1 << 62) /* no id of ours is above it: one that is, is damage */
#define STORE_BUSY_MS           2000               /* for another process that has just opened the file */

enum store_statement {
    STATEMENT_BEGIN,
    STATEMENT_COMMIT,
    STATEMENT_PUT,
    STATEMENT_REMOVE,
    STATEMENT_SET_ASIDE,
    STATEMENT_MARK,
    STATEMENT_LAST,  /* the highest id that is there */
    STATEMENT_READ,  /* of those above */
    STATEMENT_ROW,   /* with that id */
    STATEMENT_PAGES, /* that the database has, those of the open transaction included */
    STATEMENT_COUNT,
};

/* Tells a file from another one that has its name. */
struct store_identity {
    dev_t device;
    ino_t inode;
};

struct store {
    sqlite3 *database;
    sqlite3_stmt *statements[STATEMENT_COUNT];
    char path[PATH_MAX];
    char wal_path[PATH_MAX];
    struct store_identity identity, wal_identity;

    bool open;              /* a transaction is */
    bool grown;             /* by records, in it */
    bool removed;           /* something, in it */
    bool raised;            /* last_id, in it, without a record */
    int64_t last_id_before; /* it */
    int64_t last_id;        /* ever put */
    int64_t marked_id;      /* what the file tells of it beside its records */

    int wal_frames;         /* at the last commit */
    int checkpoint_every;   /* so many frames in the WAL */
    int checkpoint_frames;  /* that it has when the next checkpoint is due */
    int64_t reserved_pages; /* of the database */
    bool wal_reserved;
    bool crowded; /* a write has found no room */
    bool unsound; /* its structure has damage that reading may pass over without an error */
    bool broken;

    enum store_verdict verdict; /* the last that was not OK */
    int code, system_error;     /* SQLite's last failure */
    struct error reason;

    char *scratch; /* a row as bytes */
    size_t scratch_bytes;
    struct arena_pool *pool;
};

/* --- verdicts --- */

/* Keeps what SQLite's last call has failed with, before another one overwrites it. errno was 0 before that call. */
void store_note(struct store *store);
/* The failure that was noted becomes a verdict, never STORE_OK, with a reason that begins with what was being done. The
 * open transaction is taken back. */
enum store_verdict store_fail(struct store *store, const char *doing);
/* The same while nothing is written: the transaction and the file stay as they are. */
enum store_verdict store_judge(struct store *store, const char *doing);
/* The same as store_fail for a failure that is not SQLite's. */
enum store_verdict store_fail_with(struct store *store, enum store_verdict verdict, const char *reason);
/* The failure that was noted, for people. */
void store_explain(const struct store *store, const char *doing, struct error *error);
/* Whether the failure that was noted says that there is no room on the disk, found out by a write. */
bool store_no_room(const struct store *store);

/* One step of a statement, after which store_note can tell why it failed. */
int store_step(sqlite3_stmt *statement);
/* Runs a statement that gives no rows and resets it; false, with a note, when it fails. */
bool store_run(struct store *store, enum store_statement statement);
/* Runs one that gives one whole number or none; *found tells which. */
bool store_number(struct store *store, sqlite3_stmt *statement, bool *found, int64_t *number);

/* --- rows --- */

/* One row, as it is bound and read. */
struct store_row {
    int64_t id, spooled_ms, key, checksum;
    struct slice source, aside, body;
};

/* What a record counts for. */
uint64_t store_row_bytes(size_t body_bytes, struct slice source);
/* Makes room for a row of which the parts have these lengths; its body goes to store_row_body. false: out of memory. */
bool store_row_room(struct store *store, const struct store_row *row);
char *store_row_body(const struct store *store, const struct store_row *row);
/* The checksum of the row whose body stands in that place already: over all of it. false: OpenSSL failed. */
bool store_row_checksum(struct store *store, const struct store_row *row, int64_t *checksum);
/* The row that STATEMENT_READ or STATEMENT_ROW stands on. false, with a note: out of memory. Otherwise *sound tells
 * whether its columns are what they must be and its checksum fits. Its bytes are valid until the statement moves. */
bool store_row_read(struct store *store, sqlite3_stmt *statement, struct store_row *row, bool *sound);
/* The checksum of the mark that tells an id. */
bool store_mark_checksum(int64_t id, int64_t *checksum);

/* --- the file --- */

/* Lets the database grow by large pieces. */
void store_use_chunks(struct store *store);
/* Before a commit that lets the store grow: makes sure of room for what it needs later. false, with a note: there is
 * none. */
bool store_reserve(struct store *store);
/* Makes room in the WAL, if that can be: what fails shows at the next begin. */
void store_empty_wal(struct store *store);
/* After a commit: makes a checkpoint when it is time. What fails there shows at the next begin: the commit is good. */
void store_checkpoint(struct store *store);
/* Remembers database and WAL, by which store_in_place tells whether they still lie where they did. */
bool store_remember_place(struct store *store);
bool store_in_place(const struct store *store);
uint64_t store_wal_bytes(const struct store *store);

/* A store is one file of spooled records: an SQLite database in WAL mode. What a commit has returned OK for is on disk
 * (fsynced), whatever happens then. Each record has a checksum; the file has a format version. A store belongs to one
 * thread; `spool status` and `export` of other processes may read the same file at the same time.
 *
 * SQLite's own checkpoint hides its errors, so it is switched off, and store_commit makes checkpoints itself. When one
 * fails, the commit is good nevertheless (it is in the WAL, fsynced), and the next store_begin returns STORE_BROKEN.
 *
 * A process that has a store open must not open and close its files by other means: that would drop SQLite's locks. */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "event/recordset.h"

struct store;

#define STORE_VERSION 1

enum store_verdict {
    STORE_OK,
    STORE_FULL, /* there is no room on the disk or in memory, or somebody else has locked the file: nothing was changed,
                   and it can be tried again */
    STORE_BROKEN, /* a write or an fsync failed: this file must never be written again; what was committed before can be
                     read */
};

enum store_mode {
    STORE_READ,   /* for another process's: nothing is made, nothing is written */
    STORE_WRITE,  /* an existing one */
    STORE_CREATE, /* a new one; its directory is fsynced, too */
};

enum store_fault {
    STORE_FAULT_OTHER,
    STORE_FAULT_NEWER, /* written by a newer Trunkline: it is left alone */
    STORE_FAULT_NO_ROOM,
    STORE_FAULT_DAMAGED, /* SQLite cannot read it at all, or it is no store */
};

/* A record as it lies in the store. */
struct stored {
    int64_t id;         /* ascending in the order of arrival; never given twice in an instance */
    int64_t spooled_ms; /* wall time, Unix */
    struct slice source;
    uint64_t key;         /* gate_key of topic and key */
    uint64_t bytes;       /* what it counts for: store_record_bytes */
    struct slice aside;   /* why it is set aside (Kafka will never take it); empty: it waits to be drained */
    bool damaged;         /* its checksum does not fit: record is empty */
    struct record record; /* bytes are valid during the visit only */
};

/* NULL with error (and *fault, which may be NULL). */
struct store *store_open(const char *path, enum store_mode mode, enum store_fault *fault, struct error *error);
void store_close(struct store *store); /* what is not committed is taken back; NULL is fine */
const char *store_path(const struct store *store);
uint64_t store_file_bytes(const struct store *store); /* that the database and its WAL take on disk now */

/* What a record counts for: its bytes and some for the row. */
uint64_t store_record_bytes(const struct record *record, struct slice source);

/* Writing: begin, any number of puts, removals and settings aside, then commit. After a verdict that is not OK the
 * whole transaction is taken back (after STORE_BROKEN from store_commit it may be found on the disk all the same, by
 * who opens the file next). put does nothing for an id that is there already (a file may be read back twice). Removing
 * what is not there is fine. */
enum store_verdict store_begin(struct store *store) MUST_CHECK;
enum store_verdict store_put(struct store *store, const struct stored *stored) MUST_CHECK;
enum store_verdict store_remove(struct store *store, int64_t id) MUST_CHECK;
enum store_verdict store_set_aside(struct store *store, int64_t id, struct slice reason) MUST_CHECK;
/* From now on store_last_id is at least that, as if it had been put: for a new file that carries on after another. */
enum store_verdict store_raise_last_id(struct store *store, int64_t last_id) MUST_CHECK;
enum store_verdict store_commit(struct store *store) MUST_CHECK; /* fsynced when it is OK */
void store_take_back(struct store *store);                       /* the open transaction, if there is one */
const char *store_reason(const struct store *store);             /* of the last verdict that was not OK */

/* Visits records with ids above after, in their order, until visit returns false or there are no more. *last (may be
 * NULL) is the id of the last one visited. visit may not use the store. STORE_BROKEN: there are places in the file that
 * cannot be read, or where its structure is damaged so that some may be missing; what can be read before and behind
 * them was visited. STORE_FULL: out of memory; it can be tried again. */
enum store_verdict store_read(struct store *store, int64_t after,
                              bool (*visit)(void *argument, const struct stored *stored), void *argument,
                              int64_t *last) MUST_CHECK;
int64_t store_last_id(struct store *store); /* the highest id ever put into it, or more; 0: none */

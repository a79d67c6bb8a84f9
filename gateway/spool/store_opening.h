/* What the files that open a store share: the opening under way, how it fails, and SQL of a moment. */
#pragma once

#include "spool/store_state.h"

/* The tables, exactly as they stand in the file. */
#define CREATE_RECORD                                                                                                  \
    "CREATE TABLE record(id INTEGER PRIMARY KEY,spooled_ms INTEGER NOT NULL,source TEXT NOT NULL,"                     \
    "key INTEGER NOT NULL,body BLOB NOT NULL,aside TEXT NOT NULL,checksum INTEGER NOT NULL)STRICT"
#define CREATE_MARK                                                                                                    \
    "CREATE TABLE mark(one INTEGER PRIMARY KEY,last_id INTEGER NOT NULL,checksum INTEGER NOT NULL)STRICT"

struct opening {
    struct store *store;
    enum store_mode mode;
    enum store_fault fault;
    struct error *error;
};

/* All fill fault and error, and return false: SQLite has failed; the system has; the file is damaged. */
bool opening_failed(struct opening *opening);
bool opening_failed_with_errno(struct opening *opening);
bool opening_damaged(struct opening *opening, const char *how);

/* Both run a query and look at its first row; false when it fails. */
bool opening_ask(struct opening *opening, const char *sql, int64_t *number);
bool opening_tells(struct opening *opening, const char *sql, const char *expected, bool *same);
bool opening_execute(struct opening *opening, const char *sql);

/* Whether it is a store, of a version that this program knows. *unfinished: a process has died while it made the file,
 * and there is nothing in it yet. */
bool opening_check_format(struct opening *opening, bool *unfinished);
bool opening_check_tables(struct opening *opening);
/* Marks the store as unsound when its pages are. */
bool opening_check_structure(struct opening *opening);
/* The same when something was committed to the WAL that SQLite does not read, as a frame before it is damaged. Before
 * SQLite has the file open: closing it here would end SQLite's locks, too. */
bool opening_check_wal(struct opening *opening);
void opening_find_last_id(struct store *store);

/* Where spools lie: <data_dir>/<instance>/spool-<number>.db, the highest number the newest. A spool is one file but for
 * the moments after a failed write, when a newer one has been begun and the older is read back. */
#pragma once

#include <limits.h>
#include <stddef.h>

#include "base/error.h"

#define SPOOL_FILES_MAX 1024

struct spool_file {
    char path[PATH_MAX];
    unsigned number;
};

/* Those in an instance's directory, the oldest first; malloc'd. false with error when it cannot be read. */
bool spool_files_list(const char *directory, struct spool_file **files, size_t *count, struct error *error);
/* false: the name is too long. */
bool spool_file_name(const char *directory, unsigned number, struct spool_file *file);
/* Removes the database with all that SQLite keeps beside it, and fsyncs the directory. What is not there is fine. */
bool spool_file_remove(const char *path, struct error *error);
/* Only what lies beside a database that is not there (yet): it must not be taken for a new one's. */
bool spool_file_remove_beside(const char *path, struct error *error);
/* Out of the way, to be looked at by people: <path>.damaged (or .damaged.2 and so on when that is taken), with what
 * lies beside it. */
bool spool_file_set_aside(const char *path, struct error *error);
/* fsyncs the directory in which a file lies. */
bool spool_file_sync_directory(const char *path, struct error *error);

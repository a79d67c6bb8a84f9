/* Looks for orphaned spools and takes them over, file by file. */
#include "spool/siblings.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "spool/files.h"

/* One file on its way over. */
struct adoption {
    const struct siblings_taker *taker;
    enum store_verdict verdict;
    uint64_t bytes, records;
    bool damaged;
};

static bool
weigh(void *argument, const struct stored *stored)
{
    struct adoption *adoption = argument;

    adoption->bytes += stored->bytes;
    return true;
}

static bool
take(void *argument, const struct stored *stored)
{
    struct adoption *adoption = argument;

    if (stored->damaged) {
        adoption->damaged = true;
        return true;
    }
    adoption->verdict = adoption->taker->take(adoption->taker->argument, stored);
    adoption->records++;
    return adoption->verdict == STORE_OK;
}

/* false: there was no memory; what cannot be read for another reason is damage. */
static bool
read_all(struct store *store, bool (*visit)(void *argument, const struct stored *stored), struct adoption *adoption)
{
    enum store_verdict verdict = store_read(store, 0, visit, adoption, NULL);

    if (verdict == STORE_FULL) {
        log_warn("spool_not_adopted", log_text("file", store_path(store)), log_text("reason", store_reason(store)));
        return false;
    }
    adoption->damaged = adoption->damaged || verdict == STORE_BROKEN;
    return true;
}

static bool
adopt_records(struct store *store, struct adoption *adoption)
{
    const struct siblings_taker *taker = adoption->taker;

    if (!read_all(store, weigh, adoption)) {
        return false;
    }
    if (!taker->has_room(taker->argument, adoption->bytes)) {
        log_warn("spool_not_adopted", log_text("file", store_path(store)),
                 log_text("reason", "no room for its records"), log_integer("bytes", (int64_t)adoption->bytes));
        return false;
    }
    if (!read_all(store, take, adoption)) {
        adoption->verdict = STORE_FULL;
    }
    if (adoption->verdict == STORE_OK && adoption->records > 0) {
        adoption->verdict = taker->commit(taker->argument);
    }
    if (adoption->verdict != STORE_OK) {
        taker->take_back(taker->argument);
        return false;
    }
    return true;
}

/* Returns the number of records. */
static uint64_t
adopt_file(const char *path, const struct siblings_taker *taker)
{
    struct adoption adoption = {.taker = taker};
    enum store_fault fault = STORE_FAULT_OTHER;
    struct error error = {0};
    struct store *store = store_open(path, STORE_WRITE, &fault, &error);
    bool done;

    if (store == NULL) {
        log_warn("spool_not_adopted", log_text("file", path), log_text("reason", error.text));
        return 0;
    }
    done = adopt_records(store, &adoption);
    store_close(store);
    if (!done) {
        return 0;
    }
    if (adoption.damaged ? !spool_file_set_aside(path, &error) : !spool_file_remove(path, &error)) {
        log_error("spool_file_stays", log_text("file", path), log_text("reason", error.text));
    }
    log_warn("spool_adopted", log_text("file", path), log_integer("records", (int64_t)adoption.records));
    return adoption.records;
}

static bool
has_files(const char *directory)
{
    struct spool_file *files = NULL;
    struct error error;
    size_t count = 0;

    if (!spool_files_list(directory, &files, &count, &error)) {
        return false; /* no directory, or not ours to read */
    }
    free(files);
    return count > 0;
}

/* With its lock held, so that it does not start in the meantime. */
static uint64_t
adopt_instance(const char *data_dir, const char *name, const struct siblings_taker *taker)
{
    struct error error;
    struct instance *instance = instance_open(data_dir, name, &error);
    struct spool_file *files = NULL;
    uint64_t records = 0;
    size_t count = 0;

    if (instance == NULL) {
        return 0; /* it runs */
    }
    if (spool_files_list(instance_directory(instance), &files, &count, &error)) {
        for (size_t i = 0; i < count; i++) {
            records += adopt_file(files[i].path, taker);
        }
    }
    free(files);
    instance_close(instance);
    return records;
}

uint64_t
siblings_adopt(const char *data_dir, const struct instance *own, const struct siblings_taker *taker)
{
    DIR *directory = opendir(data_dir);
    struct dirent *entry;
    uint64_t records = 0;

    if (directory == NULL) {
        return 0;
    }
    while ((entry = readdir(directory)) != NULL) {
        char path[PATH_MAX];
        int length = snprintf(path, sizeof(path), "%s/%s", data_dir, entry->d_name);

        if (entry->d_name[0] != '.' && strcmp(entry->d_name, instance_name(own)) != 0 && length > 0 &&
            (size_t)length < sizeof(path) && has_files(path)) {
            records += adopt_instance(data_dir, entry->d_name, taker);
        }
    }
    closedir(directory);
    return records;
}

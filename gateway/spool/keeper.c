/* Which file is written, and how one takes the place of another. */
#include "spool/keeper.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "spool/files.h"

#define RENEW_BYTES  ((uint64_t)8 << 20) /* an empty file that is larger is replaced */
#define COPY_RECORDS 2000                /* of a file that is read back, in one commit */

struct keeper {
    char directory[PATH_MAX];
    struct store *store; /* the newest */
    unsigned number;     /* its */
    bool broken;         /* it may be written no more */
    bool damaged;        /* some of it cannot be read: it is kept for people to look at */
    int64_t last_id;
    struct metric *begun;
    struct metric *damaged_records;
};

static struct store *
begin_file(struct keeper *keeper, struct error *error)
{
    struct spool_file file;

    if (!spool_file_name(keeper->directory, keeper->number + 1, &file)) {
        error_set(error, "the name of %s is too long", keeper->directory);
        return NULL;
    }
    return store_open(file.path, STORE_CREATE, NULL, error);
}

static void
finish_file(const char *path, bool damaged)
{
    struct error error;
    bool done = damaged ? spool_file_set_aside(path, &error) : spool_file_remove(path, &error);

    if (damaged) {
        log_error("spool_file_set_aside", log_text("file", path),
                  log_text("advice", "what could be read of it is kept; look at the file, then remove it"));
    }
    if (!done) {
        log_error("spool_file_stays", log_text("file", path), log_text("reason", error.text));
    }
}

/* --- reading back --- */

struct copy {
    struct keeper *keeper;
    struct store *to;
    enum store_verdict verdict;
    size_t uncommitted, copied, damaged;
};

static bool
copy_record(void *argument, const struct stored *stored)
{
    struct copy *copy = argument;

    if (stored->damaged) {
        copy->damaged++;
        return true;
    }
    if (copy->uncommitted == 0) {
        copy->verdict = store_begin(copy->to);
    }
    if (copy->verdict == STORE_OK) {
        copy->verdict = store_put(copy->to, stored);
    }
    copy->copied++;
    copy->uncommitted++;
    if (copy->verdict == STORE_OK && copy->uncommitted == COPY_RECORDS) {
        copy->verdict = store_commit(copy->to);
        copy->uncommitted = 0;
    }
    return copy->verdict == STORE_OK;
}

/* Copies all that can be read. false: the new file did not take it, or there was no memory. */
static bool
read_back(struct keeper *keeper, struct store *from, struct store *to, bool *damaged, struct error *error)
{
    struct copy copy = {.keeper = keeper, .to = to};
    enum store_verdict verdict = store_read(from, 0, copy_record, &copy, NULL);

    if (verdict == STORE_FULL) {
        return error_set(error, "cannot read %s: %s", store_path(from), store_reason(from));
    }
    *damaged = verdict == STORE_BROKEN;
    if (copy.verdict == STORE_OK && copy.uncommitted == 0) {
        copy.verdict = store_begin(to);
    }
    if (copy.verdict == STORE_OK) {
        copy.verdict = store_raise_last_id(to, store_last_id(from)); /* no id is given twice */
    }
    if (copy.verdict == STORE_OK) {
        copy.verdict = store_commit(to);
    }
    if (copy.verdict != STORE_OK) {
        return error_set(error, "cannot write to %s: %s", store_path(to), store_reason(to));
    }
    *damaged = *damaged || copy.damaged > 0;
    metric_add(keeper->damaged_records, copy.damaged);
    if (copy.copied + copy.damaged > 0) {
        log_warn("spool_read_back", log_text("file", store_path(from)), log_integer("records", (int64_t)copy.copied),
                 log_integer("damaged", (int64_t)copy.damaged));
    }
    return true;
}

/* Begins a file and puts into it what the present one holds, if that can be read. NULL: the disk does not take it. */
static struct store *
begin_successor(struct keeper *keeper, bool *damaged, struct error *error)
{
    struct store *successor = begin_file(keeper, error);
    struct error ignored;
    char path[PATH_MAX];

    if (successor == NULL || read_back(keeper, keeper->store, successor, damaged, error)) {
        return successor;
    }
    snprintf(path, sizeof(path), "%s", store_path(successor));
    store_close(successor);
    if (!spool_file_remove(path, &ignored)) {
        keeper->number++; /* the next one gets a name of its own */
    }
    return NULL;
}

static void
succeed(struct keeper *keeper, struct store *successor, bool damaged)
{
    char path[PATH_MAX];

    snprintf(path, sizeof(path), "%s", store_path(keeper->store));
    store_close(keeper->store);
    finish_file(path, damaged);
    keeper->store = successor;
    keeper->number++;
}

bool
keeper_mend(struct keeper *keeper, bool *damaged, struct error *error)
{
    struct store *successor;

    *damaged = false;
    if (!keeper->broken && !keeper->damaged) {
        return true;
    }
    successor = begin_successor(keeper, damaged, error);
    if (successor == NULL) {
        return false;
    }
    *damaged = *damaged || keeper->damaged;
    succeed(keeper, successor, *damaged);
    keeper->broken = keeper->damaged = false;
    metric_add(keeper->begun, 1);
    log_warn("spool_file_begun", log_text("file", store_path(successor)));
    return true;
}

void
keeper_renew(struct keeper *keeper)
{
    struct store *successor = NULL;
    struct error error;
    bool damaged = false;

    if (keeper->broken || keeper->damaged || store_file_bytes(keeper->store) < RENEW_BYTES) {
        return;
    }
    successor = begin_successor(keeper, &damaged, &error);
    if (successor != NULL) {
        succeed(keeper, successor, damaged);
    }
}

/* --- opening --- */

struct first_look {
    void (*visit)(void *argument, const struct stored *stored);
    void *argument;
    size_t damaged;
};

static bool
look(void *argument, const struct stored *stored)
{
    struct first_look *first_look = argument;

    if (stored->damaged) {
        first_look->damaged++;
    } else {
        first_look->visit(first_look->argument, stored);
    }
    return true;
}

static bool
look_for_damage(void *argument, const struct stored *stored)
{
    bool *damaged = argument;

    *damaged = stored->damaged;
    return !*damaged;
}

/* A file of before, put into the one that is written now. */
static bool
take_in(struct keeper *keeper, const struct spool_file *file, struct error *error)
{
    enum store_fault fault;
    struct store *old = store_open(file->path, STORE_WRITE, &fault, error);
    bool damaged = false;
    bool done;

    if (old == NULL) {
        if (fault == STORE_FAULT_DAMAGED) {
            finish_file(file->path, true);
            return true;
        }
        return false;
    }
    done = read_back(keeper, old, keeper->store, &damaged, error);
    store_close(old);
    if (done) {
        finish_file(file->path, damaged);
    }
    return done;
}

static bool
open_newest(struct keeper *keeper, const struct spool_file *file, struct error *error)
{
    enum store_fault fault = STORE_FAULT_OTHER;
    enum store_verdict verdict;
    bool damaged = false;

    keeper->number = file->number;
    keeper->store = store_open(file->path, STORE_WRITE, &fault, error);
    if (keeper->store == NULL && fault == STORE_FAULT_DAMAGED) {
        finish_file(file->path, true);
        keeper->store = begin_file(keeper, error);
        keeper->number++;
    }
    if (keeper->store == NULL) {
        return false;
    }
    verdict = store_read(keeper->store, 0, look_for_damage, &damaged, NULL);
    if (verdict == STORE_FULL) {
        return error_set(error, "cannot read %s: %s", file->path, store_reason(keeper->store));
    }
    keeper->damaged = verdict == STORE_BROKEN || damaged;
    return keeper_mend(keeper, &damaged, error);
}

static bool
open_files(struct keeper *keeper, struct error *error)
{
    struct spool_file *files = NULL;
    size_t count = 0;
    bool done = spool_files_list(keeper->directory, &files, &count, error);

    if (done && count == 0) {
        keeper->store = begin_file(keeper, error);
        keeper->number = 1;
        done = keeper->store != NULL;
    } else if (done) {
        done = open_newest(keeper, &files[count - 1], error);
    }
    for (size_t i = 0; done && i + 1 < count; i++) {
        done = take_in(keeper, &files[i], error);
    }
    free(files);
    return done;
}

struct keeper *
keeper_open(const char *directory, struct metrics *metrics, void (*visit)(void *argument, const struct stored *stored),
            void *argument, struct error *error)
{
    struct keeper *keeper = calloc(1, sizeof(*keeper));
    struct first_look first_look = {.visit = visit, .argument = argument};

    if (keeper == NULL) {
        error_set(error, "out of memory");
        return NULL;
    }
    snprintf(keeper->directory, sizeof(keeper->directory), "%s", directory);
    keeper->begun =
        metrics_counter(metrics, "trunkline_spool_files_begun_total",
                        "Files that took the place of one whose write or fsync failed, or that was damaged.", "");
    keeper->damaged_records = metrics_counter(metrics, "trunkline_spool_damaged_records_total",
                                              "Spooled records whose bytes had changed on disk.", "");
    if (!open_files(keeper, error)) {
        keeper_close(keeper);
        return NULL;
    }
    if (store_read(keeper->store, 0, look, &first_look, NULL) != STORE_OK) {
        error_set(error, "cannot read %s: %s", store_path(keeper->store), store_reason(keeper->store));
        keeper_close(keeper);
        return NULL;
    }
    keeper->last_id = store_last_id(keeper->store);
    return keeper;
}

void
keeper_close(struct keeper *keeper)
{
    if (keeper != NULL) {
        store_close(keeper->store);
        free(keeper);
    }
}

struct store *
keeper_store(struct keeper *keeper)
{
    return keeper->broken || keeper->damaged ? NULL : keeper->store;
}

int64_t
keeper_last_id(const struct keeper *keeper)
{
    return keeper->last_id;
}

void
keeper_broken(struct keeper *keeper, const char *reason)
{
    if (!keeper->broken) {
        log_error("spool_file_broken", log_text("file", store_path(keeper->store)), log_text("reason", reason),
                  log_text("advice", "a new file is begun; look after the disk"));
    }
    keeper->broken = true;
}

/* What the reader of keeper_read wants, and whether something was in its way. */
struct reading {
    bool (*visit)(void *argument, const struct stored *stored);
    void *argument;
    bool damaged;
};

static bool
read_record(void *argument, const struct stored *stored)
{
    struct reading *reading = argument;

    if (stored->damaged) {
        reading->damaged = true;
        return false;
    }
    return reading->visit(reading->argument, stored);
}

bool
keeper_read(struct keeper *keeper, int64_t after, bool (*visit)(void *argument, const struct stored *stored),
            void *argument)
{
    struct reading reading = {.visit = visit, .argument = argument};
    enum store_verdict verdict = store_read(keeper->store, after, read_record, &reading, NULL);

    if ((verdict == STORE_BROKEN || reading.damaged) && !keeper->damaged) {
        log_error(
            "spool_file_damaged", log_text("file", store_path(keeper->store)),
            log_text("reason", verdict == STORE_BROKEN ? store_reason(keeper->store) : "a record's checksum is wrong"));
        keeper->damaged = true;
    }
    return verdict == STORE_OK && !reading.damaged;
}

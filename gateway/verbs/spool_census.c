/* Finds spools, and reads and counts what lies in them. */
#include "verbs/spool_census.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "spool/files.h"

#define INSTANCES_MAX 10000
#define ROWS_MAX      1000
#define AT_FIRST      16
#define DAMAGED_END   ".db.damaged"
#define OTHERS        "(others)"

/* --- instances --- */

static bool
path_join(char path[PATH_MAX], const char *data_dir, const char *name)
{
    int length = snprintf(path, PATH_MAX, "%s/%s", data_dir, name);

    return length > 0 && length < PATH_MAX;
}

/* The files that were set aside as they could not be read. */
static size_t
count_damaged_files(const char *directory)
{
    DIR *stream = opendir(directory);
    const struct dirent *entry;
    size_t count = 0;

    if (stream == NULL) {
        return 0;
    }
    while ((entry = readdir(stream)) != NULL) {
        const char *end = strstr(entry->d_name, DAMAGED_END);

        /* What SQLite keeps beside a database is not counted: "-wal" and the like. */
        if (strncmp(entry->d_name, "spool-", 6) == 0 && end != NULL && strchr(end, '-') == NULL) {
            count++;
        }
    }
    closedir(stream);
    return count;
}

static bool
has_spool(const char *data_dir, const char *name)
{
    char directory[PATH_MAX];
    struct spool_file *files = NULL;
    size_t count = 0;
    bool listed;

    if (name[0] == '.' || !path_join(directory, data_dir, name)) {
        return false;
    }
    listed = spool_files_list(directory, &files, &count, NULL);
    free(files);
    return listed && (count > 0 || count_damaged_files(directory) > 0);
}

static int
compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool
add_name(struct spool_instances *instances, size_t *capacity, const char *name, struct error *error)
{
    if (instances->count == *capacity) {
        size_t more = *capacity == 0 ? AT_FIRST : *capacity * 2;
        char **names = more > INSTANCES_MAX ? NULL : realloc(instances->names, more * sizeof(char *));

        if (names == NULL) {
            return error_set(error, "out of memory: there are more than %zu instances", *capacity);
        }
        instances->names = names;
        *capacity = more;
    }
    instances->names[instances->count] = strdup(name);
    if (instances->names[instances->count] == NULL) {
        return error_set(error, "out of memory");
    }
    instances->count++;
    return true;
}

bool
spool_instances_list(const char *data_dir, struct spool_instances *instances, struct error *error)
{
    DIR *stream = opendir(data_dir);
    const struct dirent *entry;
    size_t capacity = 0;
    bool good = true;

    *instances = (struct spool_instances){0};
    if (stream == NULL) {
        return error_set(error, "cannot read data_dir %s: %s", data_dir, strerror(errno));
    }
    while (good && (entry = readdir(stream)) != NULL) {
        good = !has_spool(data_dir, entry->d_name) || add_name(instances, &capacity, entry->d_name, error);
    }
    closedir(stream);
    if (instances->count > 1) {
        qsort(instances->names, instances->count, sizeof(char *), compare_names);
    }
    return good;
}

void
spool_instances_free(struct spool_instances *instances)
{
    for (size_t i = 0; i < instances->count; i++) {
        free(instances->names[i]);
    }
    free(instances->names);
    *instances = (struct spool_instances){0};
}

/* --- reading --- */

/* The ids that were visited: a file that is being read back into a newer one has some records in common with it. */
struct ids {
    int64_t *ids;
    size_t count, capacity;
    size_t sorted; /* those of the files before; each file's are ascending */
    bool kept;     /* there is more than one file */
};

struct reading {
    spool_visit *visit;
    void *argument;
    struct ids ids;
    bool ended, out_of_memory;
};

static int
compare_ids(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;

    return (left > right) - (left < right);
}

static bool
ids_has(const struct ids *ids, int64_t id)
{
    return ids->sorted > 0 && bsearch(&id, ids->ids, ids->sorted, sizeof(*ids->ids), compare_ids) != NULL;
}

static bool
ids_add(struct ids *ids, int64_t id)
{
    if (!ids->kept) {
        return true;
    }
    if (ids->count == ids->capacity) {
        size_t capacity = ids->capacity == 0 ? AT_FIRST : ids->capacity * 2;
        int64_t *grown = realloc(ids->ids, capacity * sizeof(*grown));

        if (grown == NULL) {
            return false;
        }
        ids->ids = grown;
        ids->capacity = capacity;
    }
    ids->ids[ids->count++] = id;
    return true;
}

static void
ids_end_file(struct ids *ids)
{
    if (ids->count > 1) {
        qsort(ids->ids, ids->count, sizeof(*ids->ids), compare_ids);
    }
    ids->sorted = ids->count;
}

static bool
on_stored(void *argument, const struct stored *stored)
{
    struct reading *reading = argument;

    if (ids_has(&reading->ids, stored->id)) {
        return true;
    }
    if (!ids_add(&reading->ids, stored->id)) {
        reading->out_of_memory = true;
        return false;
    }
    reading->ended = !reading->visit(reading->argument, stored);
    return !reading->ended;
}

/* A file may go while one looks: its process has drained it, or read it back into the next. */
static bool
read_file(const char *path, struct reading *reading, struct error *error)
{
    struct store *store = store_open(path, STORE_READ, NULL, error);
    bool good;

    if (store == NULL) {
        return access(path, F_OK) != 0 && errno == ENOENT;
    }
    good = store_read(store, 0, on_stored, reading, NULL) == STORE_OK ||
           error_set(error, "cannot read on in %s: %s", path, store_reason(store));
    if (reading->out_of_memory) {
        good = error_set(error, "out of memory");
    }
    store_close(store);
    ids_end_file(&reading->ids);
    return good;
}

bool
spool_files_visit(const char *data_dir, const char *instance, spool_visit *visit, void *argument, struct error *error)
{
    struct reading reading = {.visit = visit, .argument = argument};
    struct spool_file *files = NULL;
    char directory[PATH_MAX];
    size_t count = 0;
    bool good = true;

    if (!path_join(directory, data_dir, instance)) {
        return error_set(error, "the name of data_dir is too long");
    }
    if (!spool_files_list(directory, &files, &count, error)) {
        return false;
    }
    reading.ids.kept = count > 1;
    for (size_t i = 0; i < count && !reading.ended; i++) {
        struct error reason;

        if (!read_file(files[i].path, &reading, &reason)) {
            good = error_set(error, "%s", reason.text);
        }
    }
    free(reading.ids.ids);
    free(files);
    return good;
}

/* --- counting --- */

struct counting {
    struct spool_census *census;
    struct spool_row *last; /* records of a source and topic come in a row */
    bool out_of_memory;
};

/* malloc'd; NULL when out of memory. */
static char *
text_of(struct slice slice)
{
    return slice_empty(slice) ? strdup("") : strndup(slice.data, slice.length);
}

static struct spool_row *
add_row(struct spool_census *census, const struct stored *stored)
{
    bool others = census->row_count == ROWS_MAX - 1;
    struct spool_row *row;

    if (census->row_count == census->row_capacity) {
        size_t capacity = census->row_capacity == 0 ? AT_FIRST : census->row_capacity * 2;
        struct spool_row *rows = realloc(census->rows, capacity * sizeof(*rows));

        if (rows == NULL) {
            return NULL;
        }
        census->rows = rows;
        census->row_capacity = capacity;
    }
    row = &census->rows[census->row_count];
    *row = (struct spool_row){
        .source = others ? strdup(OTHERS) : text_of(stored->source),
        .topic = others ? strdup(OTHERS) : text_of(stored->record.topic),
    };
    if (row->source == NULL || row->topic == NULL) {
        free(row->source);
        free(row->topic);
        return NULL;
    }
    census->truncated = census->truncated || others;
    census->row_count++;
    return row;
}

static bool
row_is_for(const struct spool_row *row, const struct stored *stored)
{
    return slice_is(stored->source, row->source) && slice_is(stored->record.topic, row->topic);
}

static struct spool_row *
find_row(struct counting *counting, const struct stored *stored)
{
    struct spool_census *census = counting->census;

    if (counting->last != NULL && row_is_for(counting->last, stored)) {
        return counting->last;
    }
    for (size_t i = 0; i < census->row_count; i++) {
        if (row_is_for(&census->rows[i], stored)) {
            return &census->rows[i];
        }
    }
    return census->row_count == ROWS_MAX ? &census->rows[ROWS_MAX - 1] : add_row(census, stored);
}

static void
older(int64_t *oldest_ms, int64_t spooled_ms)
{
    if (*oldest_ms == 0 || spooled_ms < *oldest_ms) {
        *oldest_ms = spooled_ms;
    }
}

static bool
count_one(void *argument, const struct stored *stored)
{
    struct counting *counting = argument;
    struct spool_census *census = counting->census;

    if (stored->damaged) {
        census->damaged++;
        return true;
    }
    if (!slice_empty(stored->aside)) {
        census->set_aside++;
        return true;
    }
    counting->last = find_row(counting, stored);
    if (counting->last == NULL) {
        counting->out_of_memory = true;
        return false;
    }
    counting->last->records++;
    counting->last->bytes += stored->bytes;
    older(&counting->last->oldest_ms, stored->spooled_ms);
    census->records++;
    census->bytes += stored->bytes;
    older(&census->oldest_ms, stored->spooled_ms);
    return true;
}

bool
spool_census_take(const char *data_dir, const char *instance, struct spool_census *census, struct error *error)
{
    struct counting counting = {.census = census};
    struct spool_file *files = NULL;
    char directory[PATH_MAX];
    bool good;

    *census = (struct spool_census){0};
    good = spool_files_visit(data_dir, instance, count_one, &counting, error);
    if (counting.out_of_memory) {
        good = error_set(error, "out of memory");
    }
    if (path_join(directory, data_dir, instance) && spool_files_list(directory, &files, &census->files, NULL)) {
        census->damaged_files = count_damaged_files(directory);
    }
    free(files);
    return good;
}

void
spool_census_free(struct spool_census *census)
{
    for (size_t i = 0; i < census->row_count; i++) {
        free(census->rows[i].source);
        free(census->rows[i].topic);
    }
    free(census->rows);
    *census = (struct spool_census){0};
}

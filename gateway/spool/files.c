/* Finding, removing and setting aside the files of spools. A database has files of SQLite's beside it: `-wal` holds
 * what was committed last and belongs to the database as its own pages do; `-shm` can be made anew at any time. */
#include "spool/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME_BEGIN     "spool-"
#define NAME_END       ".db"
#define ASIDE_TRIES    1000U
#define ASIDE_END      ".damaged"
#define FILES_AT_FIRST 8

static const char *const kept_beside[] = {"-wal", "-journal"};
static const char *const all_beside[] = {"-wal", "-journal", "-shm"};
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* The number in a name as spool_file_name makes it; false for any other name. */
static bool
number_in(const char *name, unsigned *number)
{
    const size_t begin = sizeof NAME_BEGIN - 1;
    unsigned long found = 0;
    size_t digits;

    if (strncmp(name, NAME_BEGIN, begin) != 0) {
        return false;
    }
    name += begin;
    digits = strspn(name, "0123456789");
    if (digits == 0 || digits > 10 || (digits > 1 && name[0] == '0') || strcmp(name + digits, NAME_END) != 0) {
        return false;
    }
    for (size_t i = 0; i < digits; i++) {
        found = found * 10 + (unsigned long)(name[i] - '0');
    }
    *number = (unsigned)found;
    return found <= UINT_MAX;
}

bool
spool_file_name(const char *directory, unsigned number, struct spool_file *file)
{
    int length = snprintf(file->path, sizeof file->path, "%s/" NAME_BEGIN "%u" NAME_END, directory, number);

    file->number = number;
    /* What is put behind it must have room, too. */
    return length > 0 && (size_t)length + sizeof ASIDE_END "-journal" + 8 <= sizeof file->path;
}

static int
compare_numbers(const void *a, const void *b)
{
    const struct spool_file *left = a;
    const struct spool_file *right = b;

    return (left->number > right->number) - (left->number < right->number);
}

struct listing {
    struct spool_file *files;
    size_t count, capacity;
};

static bool
add_file(struct listing *listing, const char *directory, unsigned number, struct error *error)
{
    if (listing->count == SPOOL_FILES_MAX) {
        return error_set(error, "%s holds more than %d spool files; move those that are not needed elsewhere",
                         directory, SPOOL_FILES_MAX);
    }
    if (listing->count == listing->capacity) {
        size_t capacity = listing->capacity == 0 ? FILES_AT_FIRST : listing->capacity * 2;
        struct spool_file *files = realloc(listing->files, capacity * sizeof *files);

        if (files == NULL) {
            return error_set(error, "out of memory");
        }
        listing->files = files;
        listing->capacity = capacity;
    }
    if (!spool_file_name(directory, number, &listing->files[listing->count])) {
        return error_set(error, "the name of the directory %s is too long", directory);
    }
    listing->count++;
    return true;
}

static bool
read_directory(DIR *stream, const char *directory, struct listing *listing, struct error *error)
{
    for (;;) {
        const struct dirent *entry;
        unsigned number;

        errno = 0;
        entry = readdir(stream);
        if (entry == NULL) {
            return errno == 0 || error_set(error, "cannot read the directory %s: %s", directory, strerror(errno));
        }
        if (number_in(entry->d_name, &number) && !add_file(listing, directory, number, error)) {
            return false;
        }
    }
}

bool
spool_files_list(const char *directory, struct spool_file **files, size_t *count, struct error *error)
{
    struct listing listing = {NULL, 0, 0};
    DIR *stream = opendir(directory);
    bool done;

    *files = NULL;
    *count = 0;
    if (stream == NULL) {
        return error_set(error, "cannot read the directory %s: %s; let this user read it, or set data_dir to another",
                         directory, strerror(errno));
    }
    done = read_directory(stream, directory, &listing, error);
    (void)closedir(stream);
    if (!done) {
        free(listing.files);
        return false;
    }
    if (listing.count > 1) {
        qsort(listing.files, listing.count, sizeof *listing.files, compare_numbers);
    }
    *files = listing.files;
    *count = listing.count;
    return true;
}

bool
spool_file_sync_directory(const char *path, struct error *error)
{
    char directory[PATH_MAX];
    const char *slash = strrchr(path, '/');
    /* Of "/name" the slash itself is the directory. */
    size_t length = slash == NULL ? 0 : slash == path ? 1 : (size_t)(slash - path);
    int descriptor;
    bool done;

    if (length >= sizeof directory) {
        return error_set(error, "the name %s is too long", path);
    }
    memcpy(directory, length == 0 ? "." : path, length == 0 ? 1 : length);
    directory[length == 0 ? 1 : length] = '\0';
    descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    done = descriptor >= 0 && fsync(descriptor) == 0;
    if (!done) {
        (void)error_set(error, "cannot sync the directory %s: %s", directory, strerror(errno));
    }
    if (descriptor >= 0) {
        (void)close(descriptor);
    }
    return done;
}

static bool
beside(const char *path, const char *end, char name[PATH_MAX])
{
    int length = snprintf(name, PATH_MAX, "%s%s", path, end);

    return length > 0 && length < PATH_MAX;
}

static bool
remove_one(const char *path, struct error *error)
{
    return unlink(path) == 0 || errno == ENOENT || error_set(error, "cannot remove %s: %s", path, strerror(errno));
}

bool
spool_file_remove_beside(const char *path, struct error *error)
{
    char name[PATH_MAX];

    for (size_t i = 0; i < COUNT_OF(all_beside); i++) {
        if (!beside(path, all_beside[i], name)) {
            return error_set(error, "the name %s is too long", path);
        }
        if (!remove_one(name, error)) {
            return false;
        }
    }
    return true;
}

/* The database first, and its absence fsynced: without its WAL it could be read as something that it never was. */
bool
spool_file_remove(const char *path, struct error *error)
{
    return remove_one(path, error) && spool_file_sync_directory(path, error) && spool_file_remove_beside(path, error) &&
           spool_file_sync_directory(path, error);
}

/* A name that nothing has yet: those set aside before are kept. */
static bool
free_aside_name(const char *path, char aside[PATH_MAX], struct error *error)
{
    for (unsigned attempt = 1; attempt <= ASIDE_TRIES; attempt++) {
        int length = attempt == 1 ? snprintf(aside, PATH_MAX, "%s" ASIDE_END, path)
                                  : snprintf(aside, PATH_MAX, "%s" ASIDE_END ".%u", path, attempt);
        char wal[PATH_MAX];

        if (length < 0 || length >= PATH_MAX || !beside(aside, "-wal", wal)) {
            return error_set(error, "the name %s is too long", path);
        }
        if (access(aside, F_OK) != 0 && errno == ENOENT && access(wal, F_OK) != 0 && errno == ENOENT) {
            return true;
        }
    }
    return error_set(error, "there is no free name to set %s aside; move the files %s" ASIDE_END "* elsewhere", path,
                     path);
}

/* Gives what lies beside the database its new name, too, before the database itself is moved: whatever happens in
 * between, a database never stands without its WAL. A file system without links does it afterwards, by renaming. */
static bool
link_beside(const char *path, const char *aside, bool *linked, struct error *error)
{
    char from[PATH_MAX];
    char to[PATH_MAX];

    *linked = true;
    for (size_t i = 0; i < COUNT_OF(kept_beside); i++) {
        if (!beside(path, kept_beside[i], from) || !beside(aside, kept_beside[i], to)) {
            return error_set(error, "the name %s is too long", path);
        }
        if (link(from, to) != 0 && errno != ENOENT) {
            *linked = false;
        }
    }
    return true;
}

static bool
rename_beside(const char *path, const char *aside, struct error *error)
{
    char from[PATH_MAX];
    char to[PATH_MAX];

    for (size_t i = 0; i < COUNT_OF(kept_beside); i++) {
        if (!beside(path, kept_beside[i], from) || !beside(aside, kept_beside[i], to)) {
            return error_set(error, "the name %s is too long", path);
        }
        if (rename(from, to) != 0 && errno != ENOENT) {
            return error_set(error, "cannot rename %s: %s", from, strerror(errno));
        }
    }
    return true;
}

bool
spool_file_set_aside(const char *path, struct error *error)
{
    char aside[PATH_MAX];
    bool linked;

    if (!free_aside_name(path, aside, error) || !link_beside(path, aside, &linked, error) ||
        !spool_file_sync_directory(path, error)) {
        return false;
    }
    if (rename(path, aside) != 0) {
        return error_set(error, "cannot rename %s: %s", path, strerror(errno));
    }
    /* Renaming one of two names of one file does nothing, so that what was linked is removed. */
    return (linked || rename_beside(path, aside, error)) && spool_file_sync_directory(path, error) &&
           spool_file_remove_beside(path, error) && spool_file_sync_directory(path, error);
}

/* An instance's directory: made, locked, and marked with the process that has it. */
#include "base/instance.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_MAX_BYTES 80 /* a configured name, 64 at most, and what tells the parts on one machine apart */
#define LOCK_NAME      "lock"
#define LOCK_TRIES     10 /* on top: somebody may only be looking whether it is held */
#define LOCK_PAUSE_US  2000

struct instance {
    char name[NAME_MAX_BYTES + 1];
    char directory[PATH_MAX];
    int lock;
};

static bool
name_valid(const char *name)
{
    size_t length = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");

    return length > 0 && length <= NAME_MAX_BYTES && name[length] == '\0' && name[0] != '.' &&
           strstr(name, "..") == NULL;
}

/* A directory that the machine forgets when its power goes takes along whatever was written below it. */
static bool
sync_directory(const char *path, struct error *error)
{
    int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool synced = directory >= 0 && fsync(directory) == 0;

    if (!synced) {
        (void)error_set(error, "cannot sync the directory %s: %s; set data_dir to a directory that this user can write",
                        path, strerror(errno));
    }
    if (directory >= 0) {
        (void)close(directory);
    }
    return synced;
}

/* What it makes is synced into the directory that holds it. */
static bool
make_one(const char *path, struct error *error)
{
    char above[PATH_MAX + sizeof "/.."];

    if (mkdir(path, 0700) == 0) {
        (void)snprintf(above, sizeof above, "%s/..", path);
        return sync_directory(above, error);
    }
    return errno == EEXIST ||
           error_set(error, "cannot make the directory %s: %s; set data_dir to a directory that this user can write",
                     path, strerror(errno));
}

/* The directory and what is missing above it. */
static bool
make_all(char *path, struct error *error)
{
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        bool made = make_one(path, error);
        *slash = '/';
        if (!made) {
            return false;
        }
    }
    return make_one(path, error);
}

/* The number in the lock file, for the error's text only. */
static long
holder_of(int lock)
{
    char text[24] = "";

    return pread(lock, text, sizeof text - 1, 0) > 0 ? strtol(text, NULL, 10) : 0;
}

static bool
write_holder(int lock)
{
    char text[24];
    int length = snprintf(text, sizeof text, "%ld\n", (long)getpid());

    return ftruncate(lock, 0) == 0 && pwrite(lock, text, (size_t)length, 0) == (ssize_t)length;
}

/* The lock is the kernel's: it goes with the process, however that ends. */
static bool
take_lock(struct instance *instance, struct error *error)
{
    bool locked;

    int directory = open(instance->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (directory >= 0) {
        instance->lock = openat(directory, LOCK_NAME, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        int saved_errno = errno;
        (void)close(directory);
        errno = saved_errno;
    }
    if (instance->lock < 0) {
        return error_set(error, "cannot open the lock in %s: %s; set data_dir to a directory that this user can write",
                         instance->directory, strerror(errno));
    }
    locked = flock(instance->lock, LOCK_EX | LOCK_NB) == 0;
    for (int tries = 0; !locked && errno == EWOULDBLOCK && tries < LOCK_TRIES; tries++) {
        (void)usleep(LOCK_PAUSE_US);
        locked = flock(instance->lock, LOCK_EX | LOCK_NB) == 0;
    }
    if (!locked) {
        if (errno == EWOULDBLOCK) {
            return error_set(error,
                             "%s is in use by process %ld; stop that one, or give this one an instance name or a "
                             "data_dir of its own",
                             instance->directory, holder_of(instance->lock));
        }
        return error_set(error, "cannot lock %s: %s; set data_dir to a file system that has locks", instance->directory,
                         strerror(errno));
    }
    if (!write_holder(instance->lock)) {
        return error_set(error, "cannot write to %s: %s; make room there, or set data_dir to another directory",
                         instance->directory, strerror(errno));
    }
    return true;
}

struct instance *
instance_open(const char *data_dir, const char *name, struct error *error)
{
    if (!name_valid(name)) {
        (void)error_set(error,
                        "\"%.80s\" is no name for an instance; use letters, digits, '.', '_' and '-', a letter or "
                        "digit first, at most %d",
                        name, NAME_MAX_BYTES);
        return NULL;
    }
    struct instance *instance = calloc(1, sizeof *instance);
    if (instance == NULL) {
        (void)error_set(error, "out of memory");
        return NULL;
    }
    instance->lock = -1;
    (void)snprintf(instance->name, sizeof instance->name, "%s", name);
    int length = snprintf(instance->directory, sizeof instance->directory, "%s/%s", data_dir, name);
    if (data_dir[0] == '\0' || length < 0 || (size_t)length >= sizeof instance->directory) {
        (void)error_set(error, "data_dir is empty or too long; set it to a directory that this user can write");
        instance_close(instance);
        return NULL;
    }
    /* data_dir is synced in any case: whoever made the instance's may have been killed before it came to that. */
    if (!make_all(instance->directory, error) || !sync_directory(data_dir, error) || !take_lock(instance, error)) {
        instance_close(instance);
        return NULL;
    }
    return instance;
}

bool
instance_held(const char *data_dir, const char *name, long *holder)
{
    char path[PATH_MAX];
    int length = snprintf(path, sizeof path, "%s/%s/" LOCK_NAME, data_dir, name);
    int lock = length < 0 || (size_t)length >= sizeof path ? -1 : open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    bool held = lock >= 0 && flock(lock, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;

    *holder = held ? holder_of(lock) : 0;
    if (lock >= 0) {
        (void)close(lock);
    }
    return held;
}

/* The lock file stays: removing it would let two processes lock two files of one name. */
void
instance_close(struct instance *instance)
{
    if (instance == NULL) {
        return;
    }
    if (instance->lock >= 0) {
        (void)close(instance->lock);
    }
    free(instance);
}

const char *
instance_name(const struct instance *instance)
{
    return instance->name;
}

const char *
instance_directory(const struct instance *instance)
{
    return instance->directory;
}

/* A library for LD_PRELOAD that makes a disk fail, or hang, for one process: so tests can try what a gateway does whose
 * writes and fsyncs fail, without a disk that does.
 *
 * DISK_BELOW is the directory (a real path) whose files it is about, DISK_FAULT the file that says what happens to
 * them, read anew at each call. As long as it is not there, nothing does. Otherwise a line for each fault:
 *
 *     <call> <outcome> <count> [<ending of the path>]
 *
 * call is sync, write, truncate or open (for writing, or making); outcome EIO, ENOSPC or EROFS, or "hang": until the
 * file is gone or does not say so any more; count how many calls it is for, 0: all, counted anew when the file is
 * replaced. Each fault is told on stderr, in the form of the log. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#define CONTROL_BYTES 1024
#define FAULTS        8
#define HANG_LOOK_NS  2000000

struct fault {
    char call[16], outcome[16], ending[64];
    unsigned count;
};

/* Of the control file as it was last seen: which one it was, and how often each of its lines came true. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct stat seen;
static unsigned hits[FAULTS];

/* The line of the control file that is about this call and path: its number, or -1. */
static int
look_up(const char *call, const char *path, struct fault *fault, struct stat *control)
{
    const char *name = getenv("DISK_FAULT");
    char text[CONTROL_BYTES], *rest = NULL;
    int descriptor = name == NULL ? -1 : (int)syscall(SYS_openat, AT_FDCWD, name, O_RDONLY | O_CLOEXEC);
    ssize_t length = descriptor < 0 ? -1 : syscall(SYS_read, descriptor, text, sizeof text - 1);
    int number = 0;

    if (descriptor >= 0 && (fstat(descriptor, control) != 0 || close(descriptor) != 0)) {
        length = -1;
    }
    if (length <= 0) {
        return -1;
    }
    text[length] = '\0';
    for (char *line = strtok_r(text, "\n", &rest); line != NULL && number < FAULTS;
         line = strtok_r(NULL, "\n", &rest)) {
        char count[16];

        fault->ending[0] = '\0';
        if (sscanf(line, "%15s %15s %15s %63s", fault->call, fault->outcome, count, fault->ending) >= 3 &&
            strcmp(fault->call, call) == 0) {
            size_t path_length = strlen(path), ending_length = strlen(fault->ending);

            fault->count = (unsigned)strtoul(count, NULL, 10);
            if (path_length >= ending_length && strcmp(path + path_length - ending_length, fault->ending) == 0) {
                return number;
            }
        }
        number++;
    }
    return -1;
}

/* Whether this fault is still to happen; counts it. */
static int
comes_true(const struct fault *fault, int number, const struct stat *control)
{
    int is_due;

    (void)pthread_mutex_lock(&lock);
    if (seen.st_ino != control->st_ino || seen.st_mtim.tv_sec != control->st_mtim.tv_sec ||
        seen.st_mtim.tv_nsec != control->st_mtim.tv_nsec) {
        seen = *control;
        memset(hits, 0, sizeof hits);
    }
    is_due = fault->count == 0 || hits[number] < fault->count;
    hits[number]++;
    (void)pthread_mutex_unlock(&lock);
    return is_due;
}

static void
hang(const char *call, const char *path)
{
    const struct timespec pause = {.tv_nsec = HANG_LOOK_NS};
    struct fault fault;
    struct stat control;

    while (look_up(call, path, &fault, &control) >= 0 && strcmp(fault.outcome, "hang") == 0) {
        (void)syscall(SYS_nanosleep, &pause, NULL);
    }
}

/* 0, or the errno that the call is to fail with. */
static int
judge(const char *call, const char *path)
{
    const char *below = getenv("DISK_BELOW");
    size_t length = below == NULL ? 0 : strlen(below);
    struct fault fault;
    struct stat control;
    char told[PATH_MAX + 128];
    int number, bytes;

    if (length == 0 || strncmp(path, below, length) != 0) {
        return 0;
    }
    number = look_up(call, path, &fault, &control);
    if (number < 0 || !comes_true(&fault, number, &control)) {
        return 0;
    }
    bytes =
        snprintf(told, sizeof told,
                 "{\"level\":\"info\",\"event\":\"disk_fault\",\"call\":\"%s\",\"outcome\":\"%s\",\"file\":\"%s\"}\n",
                 call, fault.outcome, path + length);
    if (bytes > 0 && (size_t)bytes < sizeof told) {
        (void)syscall(SYS_write, STDERR_FILENO, told, (size_t)bytes);
    }
    if (strcmp(fault.outcome, "hang") == 0) {
        hang(call, path);
        return 0;
    }
    return strcmp(fault.outcome, "ENOSPC") == 0 ? ENOSPC : strcmp(fault.outcome, "EROFS") == 0 ? EROFS : EIO;
}

static int
judge_descriptor(const char *call, int descriptor)
{
    char link[64], path[PATH_MAX];
    ssize_t length;

    if (getenv("DISK_FAULT") == NULL || syscall(SYS_access, getenv("DISK_FAULT"), F_OK) != 0) {
        return 0;
    }
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    length = syscall(SYS_readlink, link, path, sizeof path - 1);
    if (length <= 0) {
        return 0;
    }
    path[length] = '\0';
    return judge(call, path);
}

/* For a call on a descriptor: fails as told, or goes through to the kernel. */
#define CALL(name, descriptor, ...)                                                                                    \
    do {                                                                                                               \
        int before = errno, told = judge_descriptor(name, descriptor);                                                 \
                                                                                                                       \
        errno = told == 0 ? before : told;                                                                             \
        return told == 0 ? syscall(__VA_ARGS__) : -1;                                                                  \
    } while (0)

/* Here parameters are named as everywhere in this house, not as in the system's headers. */
// NOLINTBEGIN(readability-inconsistent-declaration-parameter-name)

int
fsync(int descriptor)
{
    CALL("sync", descriptor, SYS_fsync, descriptor);
}

int
fdatasync(int descriptor)
{
    CALL("sync", descriptor, SYS_fdatasync, descriptor);
}

ssize_t
write(int descriptor, const void *bytes, size_t count)
{
    CALL("write", descriptor, SYS_write, descriptor, bytes, count);
}

ssize_t
pwrite(int descriptor, const void *bytes, size_t count, off_t offset)
{
    CALL("write", descriptor, SYS_pwrite64, descriptor, bytes, count, offset);
}

ssize_t
pwrite64(int descriptor, const void *bytes, size_t count, off64_t offset)
{
    CALL("write", descriptor, SYS_pwrite64, descriptor, bytes, count, offset);
}

int
ftruncate(int descriptor, off_t length)
{
    CALL("truncate", descriptor, SYS_ftruncate, descriptor, length);
}

int
ftruncate64(int descriptor, off64_t length)
{
    CALL("truncate", descriptor, SYS_ftruncate, descriptor, length);
}

static int
open_at(const char *path, int flags, va_list rest)
{
    int told = (flags & (O_CREAT | O_WRONLY | O_RDWR)) == 0 ? 0 : judge("open", path);
    mode_t mode = (flags & O_CREAT) != 0 ? va_arg(rest, mode_t) : 0;

    if (told != 0) {
        errno = told;
        return -1;
    }
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

int
open(const char *path, int flags, ...)
{
    va_list rest;
    int descriptor;

    va_start(rest, flags);
    descriptor = open_at(path, flags, rest);
    va_end(rest);
    return descriptor;
}

int
open64(const char *path, int flags, ...)
{
    va_list rest;
    int descriptor;

    va_start(rest, flags);
    descriptor = open_at(path, flags, rest);
    va_end(rest);
    return descriptor;
}

// NOLINTEND(readability-inconsistent-declaration-parameter-name)

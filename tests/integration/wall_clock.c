/* A library for LD_PRELOAD that sets a process's wall clock ahead by WALL_CLOCK_AHEAD seconds, so that tests can run
 * workers whose clocks differ; or by as many as the 8 bytes say (int64_t) that lie in the file WALL_CLOCK_FILE, which
 * may change at any time, so that clocks jump. Monotonic and boot time stay as they are. (libfaketime cannot do it: it
 * hangs with jemalloc, and knows nothing of the waits of C11 threads, which librdkafka uses.) */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

/* Here parameters are named as everywhere in this house, not as in the system's headers. */
// NOLINTBEGIN(readability-inconsistent-declaration-parameter-name)

/* Monotonic clocks are far below, wall clocks far above: so waits tell which of the two they mean. */
#define WALL_SECONDS_LEAST 1000000000

/* What waits until a time of the wall clock looks at it again that often: it may have jumped. */
#define LOOK_NS 20000000

static pthread_once_t once = PTHREAD_ONCE_INIT;
static const _Atomic int64_t *jumping; /* the file's, or NULL */

static void
map_file(void)
{
    const char *path = getenv("WALL_CLOCK_FILE");
    int descriptor = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    void *mapped = descriptor < 0 ? MAP_FAILED : mmap(NULL, sizeof *jumping, PROT_READ, MAP_SHARED, descriptor, 0);

    if (path != NULL && mapped == MAP_FAILED) {
        (void)dprintf(STDERR_FILENO, "wall_clock: cannot map %s\n", path);
        abort();
    }
    if (descriptor >= 0) {
        (void)close(descriptor);
    }
    jumping = mapped == MAP_FAILED ? NULL : mapped;
}

static time_t
ahead(void)
{
    const char *text = getenv("WALL_CLOCK_AHEAD");

    (void)pthread_once(&once, map_file);
    if (jumping != NULL) {
        return (time_t)atomic_load(jumping);
    }
    return text == NULL ? 0 : (time_t)strtol(text, NULL, 10);
}

int
clock_gettime(clockid_t clock, struct timespec *now)
{
    if (syscall(SYS_clock_gettime, clock, now) != 0) {
        return -1;
    }
    if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) {
        now->tv_sec += ahead();
    }
    return 0;
}

int
timespec_get(struct timespec *now, int base)
{
    return base == TIME_UTC && clock_gettime(CLOCK_REALTIME, now) == 0 ? base : 0;
}

int
gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    struct timespec precise;

    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &precise) != 0) {
        return -1;
    }
    *now = (struct timeval){.tv_sec = precise.tv_sec, .tv_usec = precise.tv_nsec / 1000};
    return 0;
}

time_t
time(time_t *now)
{
    struct timespec precise;
    time_t seconds = clock_gettime(CLOCK_REALTIME, &precise) == 0 ? precise.tv_sec : (time_t)-1;

    if (now != NULL) {
        *now = seconds;
    }
    return seconds;
}

/* Waits until then, or a moment if that is sooner: it ends as if woken, and whoever waits looks whether he was. So he
 * notices that the clock has jumped, as the kernel's own waits do. */
static int
wait_a_moment(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *until)
{
    struct timespec now, moment;
    int status;

    if (syscall(SYS_clock_gettime, CLOCK_REALTIME, &now) != 0) {
        return EINVAL;
    }
    moment = now;
    moment.tv_nsec += LOOK_NS;
    if (moment.tv_nsec >= 1000000000) {
        moment.tv_sec++;
        moment.tv_nsec -= 1000000000;
    }
    if (until->tv_sec < moment.tv_sec || (until->tv_sec == moment.tv_sec && until->tv_nsec <= moment.tv_nsec)) {
        return pthread_cond_clockwait(condition, mutex, CLOCK_REALTIME, until);
    }
    status = pthread_cond_clockwait(condition, mutex, CLOCK_REALTIME, &moment);
    return status == ETIMEDOUT ? 0 : status;
}

/* The kernel waits by the true clock. */
int
pthread_cond_timedwait(pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex,
                       const struct timespec *restrict until)
{
    struct timespec truly = *until;

    if (until->tv_sec < WALL_SECONDS_LEAST) {
        return pthread_cond_clockwait(condition, mutex, CLOCK_MONOTONIC, &truly);
    }
    truly.tv_sec -= ahead();
    if (jumping != NULL) {
        return wait_a_moment(condition, mutex, &truly);
    }
    return pthread_cond_clockwait(condition, mutex, CLOCK_REALTIME, &truly);
}

/* glibc's threads of C11 are its POSIX threads by other names. */
int
cnd_timedwait(cnd_t *restrict condition, mtx_t *restrict mutex, const struct timespec *restrict until)
{
    int status = pthread_cond_timedwait((pthread_cond_t *)condition, (pthread_mutex_t *)mutex, until);

    return status == 0 ? thrd_success : status == ETIMEDOUT ? thrd_timedout : thrd_error;
}

// NOLINTEND(readability-inconsistent-declaration-parameter-name)

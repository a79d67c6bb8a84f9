/* A library for LD_PRELOAD that sets a process's wall clock ahead by WALL_CLOCK_AHEAD seconds, so that tests can run
 * workers whose clocks differ. Monotonic and boot time stay as they are. (libfaketime cannot do it: it hangs with
 * jemalloc, and knows nothing of the waits of C11 threads, which librdkafka uses.) */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

/* Here parameters are named as everywhere in this house, not as in the system's headers. */
// NOLINTBEGIN(readability-inconsistent-declaration-parameter-name)

/* Monotonic clocks are far below, wall clocks far above: so waits tell which of the two they mean. */
#define WALL_SECONDS_LEAST 1000000000

static time_t
ahead(void)
{
    const char *text = getenv("WALL_CLOCK_AHEAD");

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

/* C11's thread functions on POSIX ones, for builds with the thread sanitizer only. It knows POSIX threads alone: in a
 * thread that librdkafka starts by thrd_create the first malloc would crash, and it would not see librdkafka's locks.
 * These stand before the C library's, whose types they share: mtx_t is a pthread_mutex_t in all but name, cnd_t and
 * thrd_t likewise. And one of GNU's that it does not know either. */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <threads.h>
#include <time.h>

_Static_assert(sizeof(mtx_t) == sizeof(pthread_mutex_t), "mtx_t holds a mutex");
_Static_assert(sizeof(cnd_t) == sizeof(pthread_cond_t), "cnd_t holds a condition");
_Static_assert(sizeof(thrd_t) == sizeof(pthread_t), "thrd_t is a thread");

const char *__tsan_default_suppressions(void);

/* librdkafka hands objects, and the locks in them, from thread to thread by atomics that the sanitizer does not see:
 * they look as if one thread made or freed them under the other's hands. What our own code does with them is looked at
 * all the same. */
const char *
__tsan_default_suppressions(void)
{
    return "called_from_lib:librdkafka.so.1\n"
           "race:^mtx_init$\n"
           "race:^mtx_destroy$\n";
}

struct start {
    thrd_start_t function;
    void *argument;
};

static int
result(int failure)
{
    switch (failure) {
    case 0:
        return thrd_success;
    case ETIMEDOUT:
        return thrd_timedout;
    case EBUSY:
        return thrd_busy;
    case ENOMEM:
        return thrd_nomem;
    default:
        return thrd_error;
    }
}

static void *
run(void *argument)
{
    struct start start = *(struct start *)argument;

    free(argument);
    return (void *)(intptr_t)start.function(start.argument);
}

int
thrd_create(thrd_t *thread, thrd_start_t function, void *argument)
{
    struct start *start = malloc(sizeof *start);
    int failure;

    if (start == NULL)
        return thrd_nomem;
    *start = (struct start){function, argument};
    failure = pthread_create(thread, NULL, run, start);
    if (failure != 0)
        free(start);
    return result(failure);
}

int
thrd_join(thrd_t thread, int *status)
{
    void *value = NULL;
    int failure = pthread_join(thread, &value);

    if (status != NULL)
        *status = (int)(intptr_t)value;
    return result(failure);
}

int
mtx_init(mtx_t *mutex, int kind)
{
    pthread_mutexattr_t attributes;
    int failure;

    pthread_mutexattr_init(&attributes);
    if ((kind & mtx_recursive) != 0)
        pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    failure = pthread_mutex_init((pthread_mutex_t *)mutex, &attributes);
    pthread_mutexattr_destroy(&attributes);
    return result(failure);
}

int
mtx_lock(mtx_t *mutex)
{
    return result(pthread_mutex_lock((pthread_mutex_t *)mutex));
}

int
mtx_unlock(mtx_t *mutex)
{
    return result(pthread_mutex_unlock((pthread_mutex_t *)mutex));
}

void
mtx_destroy(mtx_t *mutex)
{
    pthread_mutex_destroy((pthread_mutex_t *)mutex);
}

int
cnd_init(cnd_t *condition)
{
    return result(pthread_cond_init((pthread_cond_t *)condition, NULL));
}

int
cnd_signal(cnd_t *condition)
{
    return result(pthread_cond_signal((pthread_cond_t *)condition));
}

int
cnd_broadcast(cnd_t *condition)
{
    return result(pthread_cond_broadcast((pthread_cond_t *)condition));
}

int
cnd_wait(cnd_t *condition, mtx_t *mutex)
{
    return result(pthread_cond_wait((pthread_cond_t *)condition, (pthread_mutex_t *)mutex));
}

int
cnd_timedwait(cnd_t *restrict condition, mtx_t *restrict mutex, const struct timespec *restrict until)
{
    return result(pthread_cond_timedwait((pthread_cond_t *)condition, (pthread_mutex_t *)mutex, until));
}

void
cnd_destroy(cnd_t *condition)
{
    pthread_cond_destroy((pthread_cond_t *)condition);
}

/* A thread that is joined by it would count as running for ever. */
int
pthread_clockjoin_np(pthread_t thread, void **value, clockid_t clock, const struct timespec *until)
{
    struct timespec now;
    struct timespec real;

    clock_gettime(clock, &now);
    clock_gettime(CLOCK_REALTIME, &real);
    real.tv_sec += until->tv_sec - now.tv_sec;
    real.tv_nsec += until->tv_nsec - now.tv_nsec;
    if (real.tv_nsec < 0) {
        real.tv_nsec += 1000000000;
        real.tv_sec--;
    } else if (real.tv_nsec >= 1000000000) {
        real.tv_nsec -= 1000000000;
        real.tv_sec++;
    }
    return pthread_timedjoin_np(thread, value, &real);
}

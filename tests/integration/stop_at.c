/* A library for LD_PRELOAD that stops a process at an exact place, so that tests can look at, freeze or kill a worker
 * there, without any hook in the worker. The file that STOP_ARM names says where: "before_send 2" stops when the place
 * is come to for the second time. The file is gone when the process stands still. */
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* As the libraries declare them; their headers are not needed for passing pointers on. */
void *rd_kafka_begin_transaction(void *producer);
void *rd_kafka_commit_transaction(void *producer, int timeout_ms);
int curl_multi_add_handle(void *multi, void *easy);

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Whether the file names this place; counts it down, and takes the file away when it has come to its end. */
static int
armed_for(const char *place)
{
    const char *path = getenv("STOP_ARM");
    FILE *file = path == NULL ? NULL : fopen(path, "re");
    char named[64];
    unsigned count;
    int read = file == NULL ? 0 : fscanf(file, "%63s %u", named, &count);

    if (file != NULL) {
        (void)fclose(file);
    }
    if (read != 2 || strcmp(named, place) != 0) {
        return 0;
    }
    if (count <= 1) {
        return unlink(path) == 0;
    }
    file = fopen(path, "we");
    if (file != NULL) {
        (void)fprintf(file, "%s %u\n", named, count - 1);
        (void)fclose(file);
    }
    return 0;
}

static void
stop_at(const char *place)
{
    int stop;

    (void)pthread_mutex_lock(&lock);
    stop = armed_for(place);
    (void)pthread_mutex_unlock(&lock);
    if (stop) {
        (void)dprintf(STDERR_FILENO, "{\"level\":\"info\",\"event\":\"stopped_at\",\"place\":\"%s\"}\n", place);
        /* To this thread, so that not one instruction of it runs before it stands; the others stop with it. */
        (void)syscall(SYS_tgkill, getpid(), (pid_t)syscall(SYS_gettid), SIGSTOP);
    }
}

static void *
next(const char *name)
{
    void *function = dlsym(RTLD_NEXT, name);

    if (function == NULL) {
        (void)dprintf(STDERR_FILENO, "stop_at: there is no %s\n", name);
        abort();
    }
    return function;
}

void *
rd_kafka_begin_transaction(void *producer)
{
    void *(*real)(void *) = (void *(*)(void *))next("rd_kafka_begin_transaction");

    stop_at("before_transaction");
    return real(producer);
}

void *
rd_kafka_commit_transaction(void *producer, int timeout_ms)
{
    void *(*real)(void *, int) = (void *(*)(void *, int))next("rd_kafka_commit_transaction");
    void *error;

    stop_at("in_commit");
    error = real(producer, timeout_ms);
    if (error == NULL) {
        stop_at("after_commit");
    }
    return error;
}

int
curl_multi_add_handle(void *multi, void *easy)
{
    int (*real)(void *, void *) = (int (*)(void *, void *))next("curl_multi_add_handle");

    stop_at("before_send");
    return real(multi, easy);
}

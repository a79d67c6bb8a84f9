/* The thread that makes or checks the topics until they are there, and then looks whether they still are. */
#include "verbs/preparation.h"

#include <event2/event.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "verbs/topic_list.h"

#define TRY_TIMEOUT_MS    5000
#define SECOND_LOOK_MS    1000 /* at why a try to make the topics failed */
#define BACK_OFF_FIRST_MS 500
#define BACK_OFF_MOST_MS  10000
#define LOOK_AGAIN_MS     15000

struct preparation {
    const struct config *config;
    struct topic_admin *admin;
    struct preparation_callbacks callbacks;
    void *argument;
    bool told_tried; /* the loop's own */
    struct event *tried;
    int tried_fd;
    pthread_t thread;
    bool thread_started;
    bool prepared;            /* once; the thread's own */
    struct topic_list topics; /* the same */

    pthread_mutex_t lock; /* over what follows */
    pthread_cond_t wake;
    bool stopping;
    bool trying;
    struct topic_list coming; /* to take the place of the topics; specs NULL: none */
    enum preparation_state state;
    struct error reason; /* why it is not done */
};

static enum preparation_state
judge(const struct topic_spec *spec, const struct topic_report *report, struct error *error)
{
    if (report->verdict == TOPIC_MISSING) {
        error_set(error, "topic %s is missing: `trunkline topics create` makes it", spec->name);
        return PREPARATION_UNFIT;
    }
    if (report->too_small) {
        error_set(error, "topic %s cannot take our records: %s", spec->name, report->detail);
        return PREPARATION_UNFIT;
    }
    if (report->verdict == TOPIC_NO_LEADER) {
        error_set(error, "topic %s has no leader", spec->name);
        return PREPARATION_LEADERLESS;
    }
    return PREPARATION_DONE;
}

/* The worst that is to be seen; error tells of the first one of that kind. */
static enum preparation_state
judge_all(const struct topic_spec *specs, const struct topic_report *reports, size_t count, struct error *error)
{
    enum preparation_state worst = PREPARATION_DONE;

    for (size_t i = 0; i < count; i++) {
        struct error reason;
        enum preparation_state state = judge(&specs[i], &reports[i], &reason);

        if (state > worst) {
            worst = state;
            *error = reason;
        }
    }
    return worst;
}

static void
warn_of_differences(const struct topic_spec *specs, const struct topic_report *reports, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (reports[i].verdict == TOPIC_DIFFERENT) {
            log_warn("topic_differs", log_text("topic", specs[i].name), log_text("reason", reports[i].detail));
        }
    }
}

static enum preparation_state
look(const struct preparation *preparation, int timeout_ms, struct error *error)
{
    const struct topic_spec *specs = preparation->topics.specs;
    size_t count = preparation->topics.count;
    struct topic_report *reports = calloc(count, sizeof(*reports));
    enum preparation_state state = PREPARATION_AWAY;

    if (reports == NULL) {
        error_set(error, "out of memory");
        return state;
    }
    if (topic_admin_check(preparation->admin, specs, count, timeout_ms, reports, error)) {
        state = judge_all(specs, reports, count, error);
    }
    if (state == PREPARATION_DONE && !preparation->prepared) {
        warn_of_differences(specs, reports, count);
    }
    free(reports);
    return state;
}

/* A topic that is deleted while we run is not made again: whoever did it may be about to make it in another way. */
static enum preparation_state
prepare(const struct preparation *preparation, struct error *error)
{
    const struct topic_list *topics = &preparation->topics;
    enum preparation_state state;
    struct error seen = {0};

    if (!preparation->config->topics_create || preparation->prepared ||
        topic_admin_create(preparation->admin, topics->specs, topics->count, TRY_TIMEOUT_MS, error)) {
        return look(preparation, TRY_TIMEOUT_MS, error);
    }
    /* What was in the way is told by the try; how bad that is, by what is there. */
    state = look(preparation, SECOND_LOOK_MS, &seen);
    if (state == PREPARATION_LEADERLESS) {
        *error = seen;
    }
    return state;
}

/* Between half of it and all of it, so that gateways do not come back all at once. */
static unsigned
jittered(unsigned wait_ms)
{
    unsigned random = 0;

    if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random)) {
        return wait_ms;
    }
    return wait_ms / 2 + random % (wait_ms / 2);
}

/* Waits with the lock held. true: it shall stop. */
static bool
wait_or_stop(struct preparation *preparation, unsigned wait_ms)
{
    struct timespec until;

    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += wait_ms / 1000;
    until.tv_nsec += (long)(wait_ms % 1000) * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    while (!preparation->stopping && preparation->coming.specs == NULL &&
           pthread_cond_timedwait(&preparation->wake, &preparation->lock, &until) == 0) {
    }
    return preparation->stopping;
}

/* With the lock held. */
static void
take_coming(struct preparation *preparation)
{
    if (preparation->coming.specs != NULL) {
        free(preparation->topics.specs);
        preparation->topics = preparation->coming;
        preparation->coming = (struct topic_list){NULL, 0};
        preparation->prepared = false;
    }
}

static void *
preparation_run(void *argument)
{
    struct preparation *preparation = argument;
    unsigned wait_ms = BACK_OFF_FIRST_MS;
    bool over = false;

    while (!over) {
        struct error error = {0};
        enum preparation_state state = prepare(preparation, &error);
        bool done = state == PREPARATION_DONE;
        const uint64_t one = 1;

        pthread_mutex_lock(&preparation->lock);
        preparation->trying = false;
        preparation->state = state;
        preparation->reason = error;
        /* An eventfd takes it always; more than one write counts as one. */
        (void)!write(preparation->tried_fd, &one, sizeof(one));
        if (!done && !preparation->stopping) {
            log_warn("kafka_not_ready", log_text("reason", error.text));
        }
        preparation->prepared = preparation->prepared || done;
        over = wait_or_stop(preparation, jittered(done ? LOOK_AGAIN_MS : wait_ms));
        preparation->trying = !over;
        take_coming(preparation);
        pthread_mutex_unlock(&preparation->lock);
        wait_ms = done ? BACK_OFF_FIRST_MS : wait_ms * 2;
        wait_ms = wait_ms > BACK_OFF_MOST_MS ? BACK_OFF_MOST_MS : wait_ms;
    }
    return NULL;
}

static void
on_tried_event(evutil_socket_t fd, short what, void *argument)
{
    struct preparation *preparation = argument;

    struct error reason;
    uint64_t tries;
    bool done;

    (void)what;
    (void)!read(fd, &tries, sizeof(tries));
    done = preparation_state(preparation, &reason) == PREPARATION_DONE;
    if (done) {
        event_del(preparation->tried);
    }
    if (!preparation->told_tried) {
        preparation->told_tried = true;
        preparation->callbacks.on_tried(preparation->argument);
    }
    if (done) {
        preparation->callbacks.on_prepared(preparation->argument);
    }
}

static bool
locks_init(struct preparation *preparation)
{
    pthread_condattr_t attributes;

    if (pthread_condattr_init(&attributes) != 0) {
        return false;
    }
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&preparation->wake, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    return pthread_mutex_init(&preparation->lock, NULL) == 0;
}

struct preparation *
preparation_start(const struct config *config, struct event_base *base, const struct preparation_callbacks *callbacks,
                  void *argument, struct error *error)
{
    size_t count;
    const struct topic_spec *specs = config_topic_specs(config, &count);
    struct preparation *preparation = calloc(1, sizeof(*preparation));

    if (preparation == NULL || !locks_init(preparation)) {
        free(preparation);
        error_set(error, "out of memory");
        return NULL;
    }
    preparation->config = config;
    preparation->callbacks = *callbacks;
    preparation->argument = argument;
    preparation->trying = true; /* from the first */
    preparation->state = PREPARATION_AWAY;
    error_set(&preparation->reason, "Kafka has not told yet whether the topics are there");
    preparation->tried_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (specs == NULL || !topic_list_copy(&preparation->topics, specs, count)) {
        error_set(error, "out of memory");
        goto failed;
    }
    preparation->admin = topic_admin_new(&config->kafka, error);
    if (preparation->admin == NULL) {
        goto failed;
    }
    preparation->tried = event_new(base, preparation->tried_fd, EV_READ | EV_PERSIST, on_tried_event, preparation);
    if (preparation->tried_fd < 0 || preparation->tried == NULL || event_add(preparation->tried, NULL) != 0 ||
        pthread_create(&preparation->thread, NULL, preparation_run, preparation) != 0) {
        error_set(error, "cannot start a thread for the topics");
        goto failed;
    }
    preparation->thread_started = true;
    return preparation;

failed:
    preparation_free(preparation);
    return NULL;
}

enum preparation_state
preparation_state(struct preparation *preparation, struct error *reason)
{
    enum preparation_state state;

    pthread_mutex_lock(&preparation->lock);
    state = preparation->state;
    *reason = preparation->reason;
    pthread_mutex_unlock(&preparation->lock);
    return state;
}

bool
preparation_renew(struct preparation *preparation, const struct topic_spec *specs, size_t count)
{
    struct topic_list coming;

    if (!topic_list_copy(&coming, specs, count)) {
        return false;
    }
    pthread_mutex_lock(&preparation->lock);
    free(preparation->coming.specs);
    preparation->coming = coming;
    pthread_cond_signal(&preparation->wake);
    pthread_mutex_unlock(&preparation->lock);
    return true;
}

void
preparation_stop(struct preparation *preparation)
{
    if (preparation == NULL) {
        return;
    }
    pthread_mutex_lock(&preparation->lock);
    preparation->stopping = true;
    pthread_cond_signal(&preparation->wake);
    pthread_mutex_unlock(&preparation->lock);
}

bool
preparation_trying(struct preparation *preparation)
{
    bool trying = false;

    if (preparation != NULL) {
        pthread_mutex_lock(&preparation->lock);
        trying = preparation->trying;
        pthread_mutex_unlock(&preparation->lock);
    }
    return trying;
}

void
preparation_free(struct preparation *preparation)
{
    if (preparation == NULL) {
        return;
    }
    preparation_stop(preparation);
    if (preparation->thread_started) {
        pthread_join(preparation->thread, NULL);
    }
    if (preparation->tried != NULL) {
        event_free(preparation->tried);
    }
    if (preparation->tried_fd >= 0) {
        close(preparation->tried_fd);
    }
    topic_admin_free(preparation->admin);
    free(preparation->topics.specs);
    free(preparation->coming.specs);
    pthread_cond_destroy(&preparation->wake);
    pthread_mutex_destroy(&preparation->lock);
    free(preparation);
}

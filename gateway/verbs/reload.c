/* A reload's way from the signal to the workers, one at a time. */
#include "verbs/reload.h"

#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "ingress/ingress.h"
#include "verbs/announcement.h"
#include "verbs/preparation.h"

#define TOPICS_TIMEOUT_MS 3000
#define NAMES_BYTES       1024

enum reload_state {
    RELOAD_IDLE,
    RELOAD_LOADING, /* its thread reads the file */
    RELOAD_TAKING,  /* the workers take the new generation over */
};

/* In a configuration's arena. */
struct named_topics {
    const struct topic_spec *specs;
    size_t count;
};

struct reload {
    const struct config *config;
    struct ingress *ingress; /* NULL: not there yet, or ending */
    struct preparation *preparation;
    struct named_topics topics; /* of the configuration in force; in its arena */
    enum reload_state state;
    bool asked;
    struct event *loaded, *taken; /* on the two descriptors */
    int loaded_fd, taken_fd;
    struct metric *applied_total, *refused_total, *applied_at;
    struct config *coming; /* while the workers take it over; the ingress's own */

    /* The thread's while it runs. */
    pthread_t thread;
    struct config *fresh;
    struct config_faults faults;
    struct named_topics fresh_topics;
    struct error error;
};

/* --- on its thread --- */

static bool
topic_known(const struct named_topics *known, const char *name)
{
    for (size_t i = 0; i < known->count; i++) {
        if (strcmp(known->specs[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* Those of the fresh configuration that the one in force does not have; malloc'd. NULL: there are none, or, with error,
 * no memory. */
static struct topic_spec *
new_topics(const struct reload *reload, size_t *count, struct error *error)
{
    const struct named_topics *topics = &reload->fresh_topics;
    struct topic_spec *specs = calloc(topics->count + 1, sizeof *specs);

    *count = 0;
    if (specs == NULL) {
        error_set(error, "out of memory");
        return NULL;
    }
    for (size_t i = 0; i < topics->count; i++) {
        if (!topic_known(&reload->topics, topics->specs[i].name)) {
            specs[(*count)++] = topics->specs[i];
        }
    }
    if (*count == 0) {
        free(specs);
        return NULL;
    }
    return specs;
}

static bool
topic_fits(const struct topic_spec *spec, const struct topic_report *report, struct error *error)
{
    if (report->verdict == TOPIC_MISSING) {
        return error_set(error, "topic %s is missing: `trunkline topics create` makes it", spec->name);
    }
    return !report->too_small || error_set(error, "topic %s cannot take our records: %s", spec->name, report->detail);
}

/* false only when Kafka says that a topic is not fit. One that cannot be asked is no reason to keep an old secret in
 * force. */
static bool
look_at_topics(struct topic_admin *admin, const struct config *config, const struct topic_spec *specs, size_t count,
               struct error *error)
{
    struct topic_report *reports = calloc(count, sizeof *reports);
    struct error trouble = {0};
    bool fit = true;

    if (reports == NULL) {
        return error_set(error, "out of memory");
    }
    if ((config->topics_create && !topic_admin_create(admin, specs, count, TOPICS_TIMEOUT_MS, &trouble)) ||
        !topic_admin_check(admin, specs, count, TOPICS_TIMEOUT_MS, reports, &trouble)) {
        log_warn("topics_not_prepared", log_integer("topics", (int64_t)count), log_text("reason", trouble.text));
        free(reports);
        return true;
    }
    for (size_t i = 0; i < count && fit; i++) {
        fit = topic_fits(&specs[i], &reports[i], error);
    }
    free(reports);
    return fit;
}

static bool
prepare_topics(const struct reload *reload, struct error *error)
{
    size_t count;
    struct topic_spec *specs = new_topics(reload, &count, error);
    struct topic_admin *admin;
    bool prepared;

    if (specs == NULL) {
        return error->text[0] == '\0';
    }
    admin = topic_admin_new(&reload->fresh->kafka, error);
    prepared = admin != NULL && look_at_topics(admin, reload->fresh, specs, count, error);
    topic_admin_free(admin);
    free(specs);
    return prepared;
}

/* Leaves a fresh configuration, or the reason why there is none: faults, or error. */
static void *
reload_run(void *argument)
{
    struct reload *reload = argument;
    bool good;

    reload->error = (struct error){{0}};
    reload->fresh = config_reload(reload->config, CONFIG_SOURCES, &reload->faults);
    if (reload->fresh != NULL) {
        reload->fresh_topics.specs = config_topic_specs(reload->fresh, &reload->fresh_topics.count);
        good = reload->fresh->source_count > 0 ||
               error_set(&reload->error, "it has no source, so no callback could come in; to end the gateway, stop it");
        if (!good || !prepare_topics(reload, &reload->error)) {
            config_free(reload->fresh);
            reload->fresh = NULL;
        }
    }
    (void)eventfd_write(reload->loaded_fd, 1); /* the counter is never full: one reload at a time */
    return NULL;
}

/* --- on the loop --- */

static void
refuse(struct reload *reload)
{
    const struct config_faults *faults = &reload->faults;
    size_t kept = 0;

    while (kept < faults->count && kept < faults->capacity) {
        const struct config_fault *fault = &faults->faults[kept++];

        log_error("configuration_fault", log_text("file", fault->path), log_integer("line", fault->line),
                  log_slice("reason", fault->text));
    }
    log_error("reload_refused", log_text("file", reload->config->path), log_integer("faults", (int64_t)faults->count),
              log_text("reason", reload->error.text[0] != '\0' ? reload->error.text : "the file has faults"),
              log_text("advice", "the configuration before it stays in force"));
    metric_add(reload->refused_total, 1);
    reload->state = RELOAD_IDLE;
}

static void
warn_of_deferred(const struct config *config)
{
    char names[NAMES_BYTES] = "";
    size_t length = 0;

    for (size_t i = 0; i < config->deferred_count; i++) {
        const char *name = config->deferred[i];

        if (length + strlen(name) + 2 <= sizeof names) {
            length += (size_t)snprintf(names + length, sizeof names - length, "%s%s", length == 0 ? "" : " ", name);
        }
    }
    if (config->deferred_count > 0) {
        log_warn("reload_deferred", log_text("options", names),
                 log_text("reason", "a change of these takes effect at the next start"));
    }
}

static void begin(struct reload *reload);

static void
begin_next(struct reload *reload)
{
    if (reload->state == RELOAD_IDLE && reload->asked && reload->ingress != NULL) {
        reload->asked = false;
        begin(reload);
    }
}

static void
begin(struct reload *reload)
{
    sigset_t all;
    sigset_t before;
    int status;

    reload->state = RELOAD_LOADING;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    status = pthread_create(&reload->thread, NULL, reload_run, reload);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (status != 0) {
        error_set(&reload->error, "cannot start a thread: %s", strerror(status));
        refuse(reload);
    }
}

static bool
topics_differ(const struct named_topics *one, const struct named_topics *other)
{
    bool differ = one->count != other->count;

    for (size_t i = 0; i < one->count && !differ; i++) {
        differ = !topic_known(other, one->specs[i].name);
    }
    return differ;
}

/* From now on readiness depends on the topics of the fresh configuration. */
static void
look_after_topics(struct reload *reload)
{
    const struct named_topics *fresh = &reload->fresh_topics;

    if (!preparation_renew(reload->preparation, fresh->specs, fresh->count)) {
        log_warn("topics_not_watched", log_text("reason", "out of memory"));
    }
}

static void
hand_over(struct reload *reload)
{
    bool differ;

    if (reload->fresh == NULL) {
        refuse(reload);
        return;
    }
    reload->state = RELOAD_TAKING;
    reload->coming = reload->fresh;
    differ = topics_differ(&reload->fresh_topics, &reload->topics);
    /* With it the configuration before goes, and the names in it, as soon as the workers let go of them. */
    if (ingress_reload(reload->ingress, reload->fresh, reload->taken_fd, &reload->error)) {
        reload->topics = reload->fresh_topics;
        if (differ) {
            look_after_topics(reload);
        }
    } else {
        config_free(reload->fresh);
        refuse(reload);
    }
    reload->fresh = NULL;
}

static void
on_loaded(evutil_socket_t fd, short what, void *argument)
{
    struct reload *reload = argument;
    eventfd_t count;

    (void)what;
    if (eventfd_read(fd, &count) != 0 || reload->state != RELOAD_LOADING) {
        return;
    }
    pthread_join(reload->thread, NULL);
    if (reload->ingress == NULL) { /* too late */
        config_free(reload->fresh);
        reload->fresh = NULL;
        reload->state = RELOAD_IDLE;
    } else {
        hand_over(reload);
    }
    config_faults_free(&reload->faults);
    begin_next(reload);
}

static void
on_taken(evutil_socket_t fd, short what, void *argument)
{
    struct reload *reload = argument;
    eventfd_t count;

    (void)what;
    if (eventfd_read(fd, &count) != 0 || reload->state != RELOAD_TAKING) {
        return;
    }
    reload->state = RELOAD_IDLE;
    if (reload->ingress == NULL) { /* which may end at any moment, and take the configuration along */
        return;
    }
    metric_add(reload->applied_total, 1);
    metric_set(reload->applied_at, clock_wall_ms(clock_system()) / 1000);
    log_info("configuration_reloaded", log_text("file", reload->config->path),
             log_integer("sources", (int64_t)reload->coming->source_count));
    announce_warnings(reload->coming);
    warn_of_deferred(reload->coming);
    begin_next(reload);
}

static void
make_metrics(struct reload *reload, struct metrics *metrics)
{
    static const char name[] = "trunkline_config_reloads_total";
    static const char help[] = "Times that the configuration was read again while running, by what came of it.";

    reload->applied_total = metrics_counter(metrics, name, help, "outcome=\"applied\"");
    reload->refused_total = metrics_counter(metrics, name, help, "outcome=\"refused\"");
    reload->applied_at = metrics_gauge(metrics, "trunkline_config_applied_time_seconds",
                                       "Since when the configuration that is in force has been so, in Unix time.", "");
    metric_set(reload->applied_at, clock_wall_ms(clock_system()) / 1000);
}

struct reload *
reload_new(const struct config *config, struct event_base *base, struct metrics *metrics, struct error *error)
{
    struct reload *reload = calloc(1, sizeof *reload);

    if (reload == NULL) {
        error_set(error, "out of memory");
        return NULL;
    }
    reload->config = config;
    reload->topics.specs = config_topic_specs(config, &reload->topics.count);
    reload->loaded_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    reload->taken_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    reload->loaded = event_new(base, reload->loaded_fd, EV_READ | EV_PERSIST, on_loaded, reload);
    reload->taken = event_new(base, reload->taken_fd, EV_READ | EV_PERSIST, on_taken, reload);
    make_metrics(reload, metrics);
    if (reload->loaded_fd >= 0 && reload->taken_fd >= 0 && reload->loaded != NULL && reload->taken != NULL &&
        event_add(reload->loaded, NULL) == 0 && event_add(reload->taken, NULL) == 0) {
        return reload;
    }
    error_set(error, "out of memory or file descriptors");
    reload_free(reload);
    return NULL;
}

void
reload_serve(struct reload *reload, struct ingress *ingress, struct preparation *preparation)
{
    reload->ingress = ingress;
    reload->preparation = preparation;
    begin_next(reload);
}

void
reload_ask(struct reload *reload)
{
    if (reload == NULL) {
        return;
    }
    if (!reload->config->from_file) {
        log_warn("reload_not_supported", log_text("reason", "the configuration is built in: there is no file to read"));
        return;
    }
    reload->asked = true;
    begin_next(reload);
}

void
reload_stop(struct reload *reload)
{
    if (reload != NULL) {
        reload->ingress = NULL;
    }
}

bool
reload_loading(const struct reload *reload)
{
    return reload != NULL && reload->state == RELOAD_LOADING;
}

void
reload_free(struct reload *reload)
{
    if (reload == NULL) {
        return;
    }
    if (reload->state == RELOAD_LOADING) {
        pthread_join(reload->thread, NULL);
        config_free(reload->fresh);
        config_faults_free(&reload->faults);
    }
    if (reload->loaded != NULL) {
        event_free(reload->loaded);
    }
    if (reload->taken != NULL) {
        event_free(reload->taken);
    }
    if (reload->loaded_fd >= 0) {
        close(reload->loaded_fd);
    }
    if (reload->taken_fd >= 0) {
        close(reload->taken_fd);
    }
    free(reload);
}

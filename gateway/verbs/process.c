/* The parts of a gateway process and their order. */
#include "verbs/process.h"

#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/instance.h"
#include "base/log.h"
#include "console/management.h"
#include "ingress/ingress.h"
#include "verbs/preparation.h"
#include "verbs/verb.h"

#define URL_BYTES    128
#define NAMES_BYTES  1024
#define SIGNAL_COUNT 3
#define EXIT_HARD    130 /* ended at once, by a second signal */

enum stage {
    STAGE_PREPARING, /* the topics are looked at for the first time */
    STAGE_SERVING,   /* callbacks are accepted */
    STAGE_STOPPING,  /* what is owed is finished */
};

struct process {
    const struct config *config;
    struct instance *instance;
    struct metrics *metrics;
    struct event_base *base;
    struct management *management;
    struct preparation *preparation;
    struct ingress *ingress;
    struct event *signals[SIGNAL_COUNT];
    struct event *stopped; /* on stopped_fd: the ingress has ended */
    int stopped_fd;
    pthread_t stopper;
    enum stage stage;
    int status;
    char url[URL_BYTES], management_url[URL_BYTES];
    void (*on_started)(void *argument);
    void *argument;
};

static void
url_write(char url[URL_BYTES], struct slice address, unsigned port)
{
    bool bare_ipv6 = address.length > 0 && memchr(address.data, ':', address.length) != NULL && address.data[0] != '[';

    snprintf(url, URL_BYTES, bare_ipv6 ? "http://[%.*s]:%u" : "http://%.*s:%u", SLICE_ARGS(address), port);
}

static const char *
kafka_address(const struct kafka_settings *kafka)
{
    for (size_t i = 0; i < kafka->count; i++) {
        if (strcmp(kafka->properties[i].name, "bootstrap.servers") == 0) {
            return kafka->properties[i].value;
        }
    }
    return "";
}

static void
names_write(char names[NAMES_BYTES], const struct config *config)
{
    size_t length = 0;

    names[0] = '\0';
    for (size_t i = 0; i < config->source_count && length < NAMES_BYTES; i++) {
        length += (size_t)snprintf(names + length, NAMES_BYTES - length, "%s%.*s", length == 0 ? "" : " ",
                                   SLICE_ARGS(config->sources[i].name));
    }
}

static void
log_started(const struct process *process)
{
    const struct config *config = process->config;
    char names[NAMES_BYTES];

    names_write(names, config);
    log_info("gateway_started", log_text("url", process->url), log_text("management_url", process->management_url),
             log_text("kafka", kafka_address(&config->kafka)), log_text("sources", names),
             log_text("instance", config->instance), log_text("version", TRUNKLINE_VERSION));
    for (size_t i = 0; i < config->warning_count; i++) {
        log_warn("configuration_warning", log_integer("line", config->warnings[i].line),
                 log_slice("reason", config->warnings[i].text));
    }
}

/* --- readiness --- */

static void
on_readiness(void *argument, struct readiness *readiness)
{
    struct process *process = argument;
    struct error reason = {0};
    struct ingress_health health = {0};

    if (process->ingress != NULL && process->stage == STAGE_SERVING) {
        health = ingress_health(process->ingress);
    }
    readiness->ready = false;
    if (process->stage == STAGE_STOPPING) {
        error_set(&reason, "stopping");
    } else if (process->preparation == NULL || !preparation_done(process->preparation, &reason)) {
        ; /* the reason says it */
    } else if (!health.accepting) {
        error_set(&reason, "the workers are starting");
    } else if (!health.kafka_reachable) {
        error_set(&reason, "no broker of %s is connected", kafka_address(&process->config->kafka));
    } else {
        readiness->ready = true;
    }
    snprintf(readiness->reason, sizeof(readiness->reason), "%.*s", (int)sizeof(readiness->reason) - 1,
             readiness->ready ? "callbacks are accepted, topics are there, Kafka is connected" : reason.text);
}

/* --- the end --- */

/* On a thread of its own, so that the management port goes on answering. */
static void *
stopper_run(void *argument)
{
    struct process *process = argument;
    const uint64_t one = 1;
    unsigned unanswered = ingress_stop(process->ingress, process->config->shutdown_seconds);

    if (unanswered > 0) {
        log_warn("requests_unanswered", log_integer("requests", unanswered));
    }
    (void)!write(process->stopped_fd, &one, sizeof(one));
    return NULL;
}

static void
on_stopped(evutil_socket_t fd, short what, void *argument)
{
    struct process *process = argument;

    (void)fd;
    (void)what;
    pthread_join(process->stopper, NULL);
    process->ingress = NULL;
    event_base_loopbreak(process->base);
}

void
process_end(struct process *process, int status)
{
    if (process->stage == STAGE_STOPPING) {
        return;
    }
    process->stage = STAGE_STOPPING;
    process->status = status;
    preparation_stop(process->preparation);
    if (process->ingress == NULL) {
        event_base_loopbreak(process->base);
    } else if (pthread_create(&process->stopper, NULL, stopper_run, process) != 0) {
        _exit(EXIT_FAULT);
    }
}

static void
on_signal(evutil_socket_t number, short what, void *argument)
{
    struct process *process = argument;

    (void)what;
    if (number == SIGHUP) {
        log_warn("reload_not_supported", log_text("reason", "a changed configuration is read at the next start"));
        return;
    }
    if (process->stage == STAGE_STOPPING) {
        _exit(EXIT_HARD);
    }
    log_info("gateway_stopping", log_text("signal", number == SIGTERM ? "SIGTERM" : "SIGINT"));
    process_end(process, EXIT_OK);
}

/* --- the beginning --- */

/* After the first look at the topics: so the producers find their metadata, and a Kafka that is away delays the start
 * by one try, not for ever. */
static void
on_topics_tried(void *argument)
{
    struct process *process = argument;
    struct error error = {0};

    if (process->stage != STAGE_PREPARING) {
        return;
    }
    process->ingress = ingress_start(process->config, process->metrics, clock_system(), &error);
    if (process->ingress == NULL) {
        log_error("start_failed", log_text("reason", error.text));
        process_end(process, EXIT_FAULT);
        return;
    }
    process->stage = STAGE_SERVING;
    url_write(process->url, process->config->address, ingress_port(process->ingress));
    log_started(process);
    if (process->on_started != NULL) {
        process->on_started(process->argument);
    }
}

static void
raise_file_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) {
        return;
    }
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
        log_warn("file_limit", log_text("reason", "RLIMIT_NOFILE cannot be raised to its hard limit"));
    }
}

static const int signal_numbers[SIGNAL_COUNT] = {SIGTERM, SIGINT, SIGHUP};

static bool
signals_catch(struct process *process)
{
    (void)signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < SIGNAL_COUNT; i++) {
        process->signals[i] = evsignal_new(process->base, signal_numbers[i], on_signal, process);
        if (process->signals[i] == NULL || event_add(process->signals[i], NULL) != 0) {
            return false;
        }
    }
    return true;
}

static void
on_late_signal(int number)
{
    if (number != SIGHUP) {
        _exit(EXIT_HARD);
    }
}

/* The loop has ended: from now on a signal ends the process at once. As PID 1 it would be ignored by default. */
static void
signals_release(struct process *process)
{
    for (size_t i = 0; i < SIGNAL_COUNT; i++) {
        if (process->signals[i] == NULL) {
            continue;
        }
        event_free(process->signals[i]);
        process->signals[i] = NULL;
        (void)signal(signal_numbers[i], on_late_signal);
    }
}

static struct metrics *
metrics_begin(void)
{
    struct metrics *metrics = metrics_new();
    char labels[URL_BYTES];

    if (metrics == NULL) {
        return NULL;
    }
    metrics_labels(labels, sizeof(labels), (const char *const[]){"version", TRUNKLINE_VERSION, NULL});
    metric_set(metrics_gauge(metrics, "trunkline_build_info", "1; the version is the label.", labels), 1);
    metric_set(metrics_gauge(metrics, "process_start_time_seconds", "When the process started, in Unix time.", ""),
               clock_wall_ms(clock_system()) / 1000);
    return metrics;
}

static bool
process_open(struct process *process, struct error *error)
{
    const struct config *config = process->config;

    process->instance = instance_open(config->data_dir, config->instance, error);
    if (process->instance == NULL) {
        return false;
    }
    process->metrics = metrics_begin();
    process->base = event_base_new();
    process->stopped_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (process->metrics == NULL || process->base == NULL || process->stopped_fd < 0 || !signals_catch(process)) {
        return error_set(error, "out of memory or file descriptors");
    }
    process->stopped = event_new(process->base, process->stopped_fd, EV_READ, on_stopped, process);
    if (process->stopped == NULL || event_add(process->stopped, NULL) != 0) {
        return error_set(error, "out of memory");
    }
    process->management = management_new(process->base, config->management_address, config->management_port,
                                         process->metrics, on_readiness, process, error);
    if (process->management == NULL) {
        return false;
    }
    url_write(process->management_url, config->management_address, management_port(process->management));
    return true;
}

/* What libevent has to say goes the way of all lines. */
static void
on_libevent_message(int severity, const char *message)
{
    log_write(severity >= EVENT_LOG_WARN ? LOG_LEVEL_WARN : LOG_LEVEL_DEBUG, "libevent_message",
              (struct log_field[]){log_text("message", message), {0}});
}

struct process *
process_new(const struct config *config, struct error *error)
{
    struct process *process = calloc(1, sizeof(*process));

    if (process == NULL) {
        error_set(error, "out of memory");
        return NULL;
    }
    process->config = config;
    process->stopped_fd = -1;
    raise_file_limit();
    event_set_log_callback(on_libevent_message);
    if (process_open(process, error)) {
        return process;
    }
    process_free(process);
    return NULL;
}

int
process_run(struct process *process, void (*on_started)(void *argument), void *argument)
{
    struct error error = {0};

    process->on_started = on_started;
    process->argument = argument;
    process->preparation = preparation_start(process->config, process->base, on_topics_tried, process, &error);
    if (process->preparation == NULL) {
        log_error("start_failed", log_text("reason", error.text));
        return EXIT_FAULT;
    }
    event_base_dispatch(process->base);
    signals_release(process);
    log_info("gateway_stopped", log_integer("status", process->status));
    return process->status;
}

void
process_free(struct process *process)
{
    if (process == NULL) {
        return;
    }
    preparation_free(process->preparation);
    management_free(process->management);
    signals_release(process);
    if (process->stopped != NULL) {
        event_free(process->stopped);
    }
    if (process->stopped_fd >= 0) {
        close(process->stopped_fd);
    }
    if (process->base != NULL) {
        event_base_free(process->base);
    }
    metrics_free(process->metrics);
    instance_close(process->instance);
    free(process);
}

struct event_base *
process_base(const struct process *process)
{
    return process->base;
}

const char *
process_url(const struct process *process)
{
    return process->url;
}

const char *
process_management_url(const struct process *process)
{
    return process->management_url;
}

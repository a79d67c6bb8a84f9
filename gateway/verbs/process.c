/* The parts of a process and their order. */
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "egress/egress.h"
#include "ingress/ingress.h"
#include "spool/files.h"
#include "spool/spool.h"
#include "verbs/announcement.h"
#include "verbs/preparation.h"
#include "verbs/process_state.h"
#include "verbs/reload.h"
#include "verbs/signals.h"
#include "verbs/verb.h"

/* A Kafka that has just started takes its time for the first producer ids. With a spool nobody has to wait for it: what
 * comes before it is there goes to the spool. */
#define WARM_UP_MS        3000
#define SPOOL_WARM_UP_MS  1000
#define INSTANCE_TRIES    20 /* more, where another process has its directory */
#define INSTANCE_PAUSE_MS 100
#define PATIENCE_SECONDS  2 /* of a start with a spool, for the first look at the topics: making them takes a second */

static void
url_write(char url[URL_BYTES], const char *scheme, struct slice address, unsigned port)
{
    bool bare_ipv6 = address.length > 0 && memchr(address.data, ':', address.length) != NULL && address.data[0] != '[';

    snprintf(url, URL_BYTES, bare_ipv6 ? "%s://[%.*s]:%u" : "%s://%.*s:%u", scheme, SLICE_ARGS(address), port);
}

static void
announce_start(const struct process *process)
{
    const struct announcement announcement = {
        .config = process->config,
        .url = process->url,
        .management_url = process->management_url,
        .instance = process->instance_name,
    };

    if ((process->roles & PROCESS_INGRESS) != 0) {
        announce_ingress(&announcement);
    }
    if ((process->roles & PROCESS_EGRESS) != 0) {
        announce_egress(&announcement);
    }
    announce_warnings(process->config);
}

static void
on_signal(void *argument, int number)
{
    struct process *process = argument;

    if (number == SIGHUP && process->reload != NULL) {
        reload_ask(process->reload);
        return;
    }
    if (number == SIGHUP) {
        log_warn("reload_not_supported",
                 log_text("reason", "the accounts of commands are read at the start: restart the worker"));
        return;
    }
    if (process->stage == STAGE_STOPPING) {
        _exit(EXIT_HARD);
    }
    log_info((process->roles & PROCESS_INGRESS) != 0 ? "gateway_stopping" : "egress_stopping",
             log_text("signal", number == SIGTERM ? "SIGTERM" : "SIGINT"));
    process_end(process, EXIT_OK);
}

/* --- the beginning --- */

static void
start_failed(struct process *process, const struct error *error)
{
    log_error("start_failed", log_text("reason", error->text));
    process_end(process, EXIT_FAULT);
}

/* Whoever cannot reach Kafka need not find that out callback by callback. */
static void
start_without_kafka(const struct process *process, const char *reason)
{
    breaker_start_open(spool_breaker(process->spool));
    log_warn("kafka_not_ready", log_text("reason", reason), log_text("callbacks", "they go to the spool for now"));
}

static bool
ingress_begin(struct process *process, struct error *error)
{
    struct error reason = {0};
    bool away = preparation_state(process->preparation, &reason) == PREPARATION_AWAY;
    struct ingress_options options = {
        .config = process->config,
        .spool = process->spool,
        .metrics = process->metrics,
        .clock = clock_system(),
        .sockets = process->handover.sockets,
        .socket_count = process->handover.count,
        .warm_up_ms = WARM_UP_MS,
    };

    if (process_bears_outages(process)) {
        options.warm_up_ms = away ? 0 : SPOOL_WARM_UP_MS;
        if (away) {
            start_without_kafka(process, reason.text);
        }
    }
    process->ingress = ingress_start(&options, error);
    if (process->ingress == NULL) {
        return false;
    }
    if (process_bears_outages(process) && !away && !ingress_health(process->ingress).kafka_reachable) {
        start_without_kafka(process, "Kafka has told of the topics and is slow to take records");
    }
    url_write(process->url, process->config->tls.certificate_file == NULL ? "http" : "https", process->config->address,
              ingress_port(process->ingress));
    reload_serve(process->reload, process->ingress, process->preparation);
    return true;
}

static void
begin_serving(struct process *process)
{
    struct error error = {0};

    if (process->stage != STAGE_PREPARING) {
        return;
    }
    if ((process->roles & PROCESS_INGRESS) != 0 && !ingress_begin(process, &error)) {
        start_failed(process, &error);
        return;
    }
    process->stage = STAGE_SERVING;
    announce_start(process);
    if (process->on_started != NULL) {
        process->on_started(process->argument);
    }
}

/* After the first look at the topics: so the producers find their metadata, and without a spool a Kafka that is away
 * delays the start by one try, not for ever. */
static void
on_topics_tried(void *argument)
{
    begin_serving(argument);
}

/* With a spool callbacks need not wait for that look to end. */
static void
on_patience_over(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    begin_serving(argument);
}

/* Commands cannot be read, nor anything be written down, before the topics are there. */
static void
on_topics_there(void *argument)
{
    struct process *process = argument;
    struct error error = {0};

    if (process->stage != STAGE_SERVING || process->egress == NULL) {
        return;
    }
    process->egress_started = egress_start(process->egress, &error);
    if (!process->egress_started) {
        start_failed(process, &error);
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
loop_open(struct process *process, struct error *error)
{
    process->base = event_base_new();
    if (process->base == NULL) {
        return error_set(error, "out of memory or file descriptors");
    }
    process->signals = signals_new(process->base, on_signal, process);
    process->patience = evtimer_new(process->base, on_patience_over, process);
    if (process->signals == NULL || process->patience == NULL) {
        return error_set(error, "out of memory");
    }
    return ending_open(process, error);
}

static bool
has_spool_files(const struct process *process)
{
    struct spool_file *files = NULL;
    struct error error;
    size_t count = 0;
    bool listed = spool_files_list(instance_directory(process->instance), &files, &count, &error);

    free(files);
    return !listed || count > 0;
}

/* What a process with a spool has left is owed also by one that is to do without: it is sent, and nothing is added. */
static void
drain_alone(struct process *process)
{
    uint64_t records = spool_state(process->spool).records;

    if (records == 0) {
        (void)spool_stop(process->spool, 0);
        process->spool = NULL;
        return;
    }
    log_warn("spool_left", log_integer("records", (int64_t)records),
             log_text("reason", "spool.max_bytes is 0; what lies in the spool from before is sent, nothing is added"));
}

static bool
spool_open(struct process *process, struct error *error)
{
    const struct config *config = process->config;
    const struct spool_options options = {
        .settings = &config->spool,
        .kafka = &config->kafka,
        .data_dir = config->data_dir,
        .instance = process->instance,
        .metrics = process->metrics,
        .clock = clock_system(),
    };

    if ((process->roles & PROCESS_INGRESS) == 0 || (config->spool.max_bytes == 0 && !has_spool_files(process))) {
        return true;
    }
    process->spool = spool_start(&options, error);
    if (process->spool == NULL) {
        return false;
    }
    if (config->spool.max_bytes == 0) {
        drain_alone(process);
    }
    return true;
}

/* Workers share a machine, and its name: their ports tell them apart, unless somebody has given them names. */
static void
instance_name_write(struct process *process, bool egress_alone)
{
    const struct config *config = process->config;
    char port[sizeof("-4294967295")] = "";

    if (egress_alone && config->instance_by_host) {
        snprintf(port, sizeof(port), "-%u", config->egress_management_port);
    }
    snprintf(process->instance_name, sizeof(process->instance_name), "%s%s%s", config->instance,
             egress_alone ? "-egress" : "", port);
}

/* Another process may be taking over what an earlier one of this name has left, or may just be ending. */
static struct instance *
instance_await(const char *data_dir, const char *name, struct error *error)
{
    static const struct timespec pause = {.tv_nsec = INSTANCE_PAUSE_MS * 1000000L};
    struct instance *instance = instance_open(data_dir, name, error);
    long holder;

    for (int tries = 0; instance == NULL && tries < INSTANCE_TRIES && instance_held(data_dir, name, &holder); tries++) {
        (void)nanosleep(&pause, NULL);
        instance = instance_open(data_dir, name, error);
    }
    /* It may have become free between the try and the question. */
    return instance == NULL ? instance_open(data_dir, name, error) : instance;
}

static bool
process_open(struct process *process, struct error *error)
{
    const struct config *config = process->config;
    bool egress_alone = process->roles == PROCESS_EGRESS;
    unsigned port = egress_alone ? config->egress_management_port : config->management_port;

    if (!handover_take(&process->handover, error)) {
        return false;
    }
    if (egress_alone && process->handover.count > 0) {
        log_warn("sockets_unused", log_text("reason", "sockets were handed over, and this process takes no callbacks"));
    }
    instance_name_write(process, egress_alone);
    process->instance = instance_await(config->data_dir, process->instance_name, error);
    if (process->instance == NULL || !loop_open(process, error)) {
        return false;
    }
    if (egress_alone) {
        memory_give_back();
    }
    process->metrics = metrics_begin();
    if (process->metrics == NULL) {
        return error_set(error, "out of memory");
    }
    if (!spool_open(process, error)) {
        return false;
    }
    if ((process->roles & PROCESS_INGRESS) != 0) {
        process->reload = reload_new(config, process->base, process->metrics, error);
        if (process->reload == NULL) {
            return false;
        }
    }
    if ((process->roles & PROCESS_EGRESS) != 0) {
        process->egress = egress_new(config, process->base, clock_system(), process->metrics, error);
        if (process->egress == NULL) {
            return false;
        }
    }
    process->management = management_new(process->base, config->management_address, port, process->metrics,
                                         process_judge, process, error);
    if (process->management == NULL) {
        return false;
    }
    url_write(process->management_url, "http", config->management_address, management_port(process->management));
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
process_new(const struct config *config, unsigned roles, struct error *error)
{
    struct process *process = calloc(1, sizeof(*process));

    if (process == NULL) {
        error_set(error, "out of memory");
        return NULL;
    }
    process->config = config;
    process->roles = roles;
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
    static const struct preparation_callbacks callbacks = {on_topics_tried, on_topics_there};
    static const struct timeval patience = {.tv_sec = PATIENCE_SECONDS};
    struct error error = {0};

    process->on_started = on_started;
    process->argument = argument;
    process->preparation = preparation_start(process->config, process->base, &callbacks, process, &error);
    if (process->preparation != NULL && process_bears_outages(process) &&
        evtimer_add(process->patience, &patience) != 0) {
        error_set(&error, "out of memory");
        preparation_free(process->preparation);
        process->preparation = NULL;
    }
    if (process->preparation == NULL) {
        log_error("start_failed", log_text("reason", error.text));
        return EXIT_FAULT;
    }
    event_base_dispatch(process->base);
    signals_free(process->signals);
    process->signals = NULL;
    log_info((process->roles & PROCESS_INGRESS) != 0 ? "gateway_stopped" : "egress_stopped",
             log_integer("status", process->status));
    return process->status;
}

bool
process_lingers(const struct process *process)
{
    return preparation_trying(process->preparation) || reload_loading(process->reload);
}

void
process_free(struct process *process)
{
    if (process == NULL) {
        return;
    }
    reload_free(process->reload);
    preparation_free(process->preparation);
    egress_free(process->egress);
    management_free(process->management);
    if (process->spool != NULL) {
        (void)spool_stop(process->spool, 0); /* a start that failed; what lies there is told by the next one */
    }
    signals_free(process->signals);
    if (process->patience != NULL) {
        event_free(process->patience);
    }
    ending_close(process);
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

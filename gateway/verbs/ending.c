/* The orderly end of a process: what is owed is finished, part by part, each within its time. */
#include <event2/event.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/log.h"
#include "egress/egress.h"
#include "ingress/ingress.h"
#include "spool/spool.h"
#include "verbs/preparation.h"
#include "verbs/process_state.h"
#include "verbs/reload.h"
#include "verbs/verb.h"

#define EGRESS_GRACE 10 /* seconds to commit and to hand over, once the last call has ended */

/* A part has ended; with the last one the process does. */
static void
part_ended(struct process *process, enum process_role role)
{
    process->running &= ~(unsigned)role;
    if (process->running == 0) {
        event_base_loopbreak(process->base);
    }
}

/* What is left of the time to stop; the drain gets a second in any case. */
static unsigned
drain_seconds(const struct process *process, int64_t began_ns)
{
    int64_t passed = (clock_monotonic_ns(clock_system()) - began_ns) / 1000000000;
    int64_t left = process->config->shutdown_seconds - passed;

    if (!process->drains) {
        return 0;
    }
    return left < 1 ? 1 : (unsigned)left;
}

/* On a thread of its own, so that the management port goes on answering. The spool comes behind the ingress, whose last
 * callbacks it takes. */
static void *
stopper_run(void *argument)
{
    struct process *process = argument;
    const uint64_t one = 1;
    int64_t began_ns = clock_monotonic_ns(clock_system());
    unsigned unanswered = 0;

    if (process->ingress != NULL) {
        unanswered = ingress_stop(process->ingress, process->config->shutdown_seconds);
    }
    if (unanswered > 0) {
        log_warn("requests_unanswered", log_integer("requests", unanswered));
    }
    if (process->spool != NULL) {
        process->undrained = spool_stop(process->spool, drain_seconds(process, began_ns));
    }
    (void)!write(process->stopped_fd, &one, sizeof(one));
    return NULL;
}

/* Vendors were told that these events are safe: so they are as long as this directory is. */
static void
tell_undrained(struct process *process)
{
    log_error("events_undrained", log_integer("records", (int64_t)process->undrained),
              log_text("directory", instance_directory(process->instance)),
              log_text("advice", "they are not in Kafka yet: keep the directory; the next start with this data_dir "
                                 "sends them, and so does `trunkline spool drain`"));
    if (process->status == EXIT_OK) {
        process->status = EXIT_UNDRAINED;
    }
}

static void
on_stopped(evutil_socket_t fd, short what, void *argument)
{
    struct process *process = argument;

    (void)fd;
    (void)what;
    pthread_join(process->stopper, NULL);
    process->ingress = NULL;
    process->spool = NULL;
    if (process->undrained > 0) {
        tell_undrained(process);
    }
    part_ended(process, PROCESS_INGRESS);
}

static void
on_egress_stopped(void *argument)
{
    part_ended(argument, PROCESS_EGRESS);
}

/* What is not finished by now is left to the next owner of the commands, as after a crash. */
static void
on_deadline(evutil_socket_t fd, short what, void *argument)
{
    struct process *process = argument;

    (void)fd;
    (void)what;
    if ((process->running & PROCESS_EGRESS) != 0) {
        log_warn("egress_cut", log_text("reason", "it did not stop in order within its time"));
        process->status = EXIT_FAULT;
        part_ended(process, PROCESS_EGRESS);
    }
}

/* Any call may just have been granted, and takes as long as its account lets it. */
static unsigned
egress_stop_seconds(const struct config *config)
{
    unsigned longest_ms = 0;
    unsigned needed;

    for (size_t i = 0; i < config->account_count; i++) {
        longest_ms = config->accounts[i].timeout_ms > longest_ms ? config->accounts[i].timeout_ms : longest_ms;
    }
    needed = (longest_ms + 999) / 1000 + config->egress.lease_seconds + EGRESS_GRACE;
    return config->shutdown_seconds > needed ? config->shutdown_seconds : needed;
}

static void
egress_end(struct process *process)
{
    const struct timeval deadline = {.tv_sec = egress_stop_seconds(process->config)};

    if (evtimer_add(process->deadline, &deadline) != 0) {
        _exit(EXIT_FAULT);
    }
    egress_stop(process->egress, on_egress_stopped, process);
}

void
process_end(struct process *process, int status)
{
    if (process->stage == STAGE_STOPPING) {
        return;
    }
    process->stage = STAGE_STOPPING;
    process->status = status;
    if (process->ingress != NULL || process->spool != NULL) {
        process->running = PROCESS_INGRESS;
    }
    if (process->egress_started) {
        process->running |= PROCESS_EGRESS;
    }
    preparation_stop(process->preparation);
    reload_stop(process->reload);
    if (process->running == 0) {
        event_base_loopbreak(process->base);
        return;
    }
    process->drains = status == EXIT_OK;
    if ((process->running & PROCESS_INGRESS) != 0 &&
        pthread_create(&process->stopper, NULL, stopper_run, process) != 0) {
        _exit(EXIT_FAULT);
    }
    if (process->egress_started) {
        egress_end(process);
    }
}

bool
ending_open(struct process *process, struct error *error)
{
    process->stopped_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (process->stopped_fd < 0) {
        return error_set(error, "out of file descriptors");
    }
    process->deadline = evtimer_new(process->base, on_deadline, process);
    process->stopped = event_new(process->base, process->stopped_fd, EV_READ, on_stopped, process);
    if (process->deadline == NULL || process->stopped == NULL || event_add(process->stopped, NULL) != 0) {
        return error_set(error, "out of memory");
    }
    return true;
}

void
ending_close(struct process *process)
{
    if (process->deadline != NULL) {
        event_free(process->deadline);
    }
    if (process->stopped != NULL) {
        event_free(process->stopped);
    }
    if (process->stopped_fd >= 0) {
        close(process->stopped_fd);
    }
}

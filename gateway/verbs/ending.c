/* The orderly end of a process: what is owed is finished, part by part, each within its time. */
#include <event2/event.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/log.h"
#include "egress/egress.h"
#include "ingress/ingress.h"
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
    process->running =
        (process->ingress != NULL ? PROCESS_INGRESS : 0) | (process->egress_started ? PROCESS_EGRESS : 0);
    preparation_stop(process->preparation);
    reload_stop(process->reload);
    if (process->running == 0) {
        event_base_loopbreak(process->base);
        return;
    }
    if (process->ingress != NULL && pthread_create(&process->stopper, NULL, stopper_run, process) != 0) {
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

/* A gateway process: instance, management port, topics, ingress and signals, wired in this order and torn down in
 * reverse. `gateway` and `dev` are both one. */
#pragma once

#include "base/error.h"
#include "base/metrics.h"
#include "config/config.h"

struct event_base;
struct process;

/* Locks the instance and binds the management port. config outlives it. */
struct process *process_new(const struct config *config, struct error *error);
/* Runs until a signal, a fault at start, or process_end: then an orderly stop. on_started (NULL: none) is called on the
 * loop once callbacks are accepted. Returns the exit status; a second signal ends the process at once. */
int process_run(struct process *process, void (*on_started)(void *argument), void *argument);
/* From the loop: the orderly stop, and what process_run returns. */
void process_end(struct process *process, int status);
void process_free(struct process *process); /* NULL is fine */

struct event_base *process_base(const struct process *process);
/* "http://ADDRESS:PORT", ports as bound; the first one only once it is started. */
const char *process_url(const struct process *process);
const char *process_management_url(const struct process *process);

/* A process that stays: instance, signals, management port, topics, and ingress, egress or both, wired in this order
 * and torn down in reverse. `gateway`, `egress` and `dev` are all one. */
#pragma once

#include "base/error.h"
#include "base/metrics.h"
#include "config/config.h"

struct event_base;
struct process;

/* What it does. */
enum process_role {
    PROCESS_INGRESS = 1, /* takes callbacks */
    PROCESS_EGRESS = 2,  /* carries out commands */
};

/* Locks the instance and binds the management port: management.port, or, where it is egress alone,
 * management.egress_port. The instance of egress alone is called <instance>-egress, so that a gateway of the same
 * configuration can run beside it. roles is a sum of enum process_role. config outlives it. */
struct process *process_new(const struct config *config, unsigned roles, struct error *error);
/* Runs until a signal, a fault at start, or process_end: then an orderly stop. on_started (NULL: none) is called on the
 * loop once callbacks are accepted; commands are carried out from when the topics are there. Returns the exit status; a
 * second signal ends the process at once. */
int process_run(struct process *process, void (*on_started)(void *argument), void *argument);
/* From the loop: the orderly stop, and what process_run returns. */
void process_end(struct process *process, int status);
/* After process_run: whether process_free would wait for a question to Kafka whose answer nobody needs any more. All
 * that is owed has been finished: who has nothing to tidy up ends with _exit, and the next start need not wait. */
bool process_lingers(const struct process *process);
void process_free(struct process *process); /* NULL is fine */

struct event_base *process_base(const struct process *process);
/* "http://ADDRESS:PORT", ports as bound; the first one only once it is started. */
const char *process_url(const struct process *process);
const char *process_management_url(const struct process *process);

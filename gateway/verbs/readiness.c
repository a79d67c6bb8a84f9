/* Whether a process does its work at the moment, and why not. */
#include <stdio.h>

#include "egress/egress.h"
#include "ingress/ingress.h"
#include "verbs/announcement.h"
#include "verbs/preparation.h"
#include "verbs/process_state.h"

static bool
ingress_ready(const struct process *process, struct error *reason)
{
    struct ingress_health health = {0};

    if (process->ingress != NULL) {
        health = ingress_health(process->ingress);
    }
    if (!health.accepting) {
        return error_set(reason, "the workers are starting");
    }
    return health.kafka_reachable ||
           error_set(reason, "no broker of %s is connected", announced_brokers(process->config));
}

static bool
process_ready(struct process *process, struct error *reason)
{
    if (process->stage == STAGE_STOPPING) {
        return error_set(reason, "stopping");
    }
    if (process->preparation == NULL || !preparation_done(process->preparation, reason)) {
        return false; /* the reason says it */
    }
    if ((process->roles & PROCESS_INGRESS) != 0 && !ingress_ready(process, reason)) {
        return false;
    }
    if ((process->roles & PROCESS_EGRESS) != 0 && !process->egress_started) {
        return error_set(reason, "the worker is joining its group");
    }
    return (process->roles & PROCESS_EGRESS) == 0 || egress_ready(process->egress, reason);
}

void
process_judge(void *argument, struct readiness *readiness)
{
    static const char *const good[] = {
        [PROCESS_INGRESS] = "callbacks are accepted, topics are there, Kafka is connected",
        [PROCESS_EGRESS] = "commands are carried out, topics are there",
        [PROCESS_INGRESS | PROCESS_EGRESS] = "callbacks are accepted, commands are carried out, topics are there",
    };
    struct process *process = argument;
    struct error reason = {0};

    readiness->ready = process_ready(process, &reason);
    snprintf(readiness->reason, sizeof(readiness->reason), "%.*s", (int)sizeof(readiness->reason) - 1,
             readiness->ready ? good[process->roles] : reason.text);
}

/* Whether a process does its work at the moment, and why not. A spool in between makes that a question of its own. */
#include <stdio.h>

#include "bus/refusal.h"
#include "egress/egress.h"
#include "ingress/ingress.h"
#include "spool/spool.h"
#include "verbs/announcement.h"
#include "verbs/preparation.h"
#include "verbs/process_state.h"

/* What a process does that is ready, by its roles. */
static const char *const good[] = {
    [PROCESS_INGRESS] = "callbacks are accepted, topics are there, Kafka is connected",
    [PROCESS_EGRESS] = "commands are carried out, topics are there",
    [PROCESS_INGRESS | PROCESS_EGRESS] = "callbacks are accepted, commands are carried out, topics are there",
};

bool
process_bears_outages(const struct process *process)
{
    return process->spool != NULL && process->config->spool.max_bytes > 0;
}

static bool
no_broker(const struct process *process, struct error *reason)
{
    if (refusal_lately(reason)) {
        return false;
    }
    return error_set(reason, "no broker of %s is connected", announced_brokers(process->config));
}

static bool
callbacks_accepted(const struct process *process, struct ingress_health *health, struct error *reason)
{
    *health = (struct ingress_health){0};
    if (process->ingress != NULL) {
        *health = ingress_health(process->ingress);
    }
    return health->accepting || error_set(reason, "the workers are starting");
}

/* Whether events go to Kafka at the moment; reason says what is good, or why not. */
static bool
kafka_takes(const struct process *process, const struct ingress_health *health, enum preparation_state topics,
            struct error *reason)
{
    bool spool = process->spool != NULL;
    bool closed = spool && breaker_state(spool_breaker(process->spool)) == BREAKER_CLOSED;

    if (topics == PREPARATION_AWAY && closed && health->kafka_reachable) {
        /* It is back, and the topics will be looked at in a moment: what Kafka acknowledges tells more. */
        snprintf(reason->text, sizeof(reason->text), "callbacks are accepted, Kafka is connected again");
        return true;
    }
    if (topics != PREPARATION_DONE) {
        return false; /* reason says why already */
    }
    if (!health->kafka_reachable) {
        return no_broker(process, reason);
    }
    if (spool && !closed) {
        return error_set(reason, "Kafka does not acknowledge in time");
    }
    snprintf(reason->text, sizeof(reason->text), "%s", good[process->roles]);
    return true;
}

/* Ready with a spool: unless that could not bear an outage. */
static bool
spool_ready(const struct process *process, struct error *reason)
{
    struct spool_state spool = spool_state(process->spool);
    struct error kafka = *reason;

    if (!spool.able && process_bears_outages(process)) {
        return error_set(reason, "the spool takes nothing: %.400s", spool.reason.text);
    }
    if (spool.records > 0) {
        error_set(reason, "%.400s; %llu records wait in the spool", kafka.text, (unsigned long long)spool.records);
    }
    return true;
}

/* Ready is who can make an event durable. With a spool a Kafka that is away does not count against it, for that passes;
 * a topic that is missing does, for somebody has to make it; and so does a spool that would not bear the next outage.
 */
static bool
ingress_ready(const struct process *process, enum preparation_state topics, struct error *reason)
{
    struct ingress_health health;
    struct error why;

    if (!callbacks_accepted(process, &health, reason)) {
        return false;
    }
    if (!kafka_takes(process, &health, topics, reason)) {
        if (!process_bears_outages(process) || topics == PREPARATION_UNFIT) {
            return false;
        }
        why = *reason;
        error_set(reason, "callbacks are accepted, %s into the spool: %.300s",
                  topics == PREPARATION_LEADERLESS ? "some" : "all", why.text);
    }
    return process->spool == NULL || spool_ready(process, reason);
}

static bool
egress_judge(const struct process *process, enum preparation_state topics, struct error *reason)
{
    if (topics != PREPARATION_DONE) {
        return false; /* the reason says it */
    }
    if (!process->egress_started) {
        return error_set(reason, "the worker is joining its group");
    }
    return egress_ready(process->egress, reason);
}

/* reason also says what is good. */
static bool
process_ready(const struct process *process, struct error *reason)
{
    enum preparation_state topics = PREPARATION_AWAY;
    struct error egress_reason;

    if (process->stage == STAGE_STOPPING) {
        return error_set(reason, "stopping");
    }
    if (process->preparation == NULL) {
        return error_set(reason, "starting");
    }
    topics = preparation_state(process->preparation, reason);
    egress_reason = *reason;
    if ((process->roles & PROCESS_INGRESS) != 0 && !ingress_ready(process, topics, reason)) {
        return false;
    }
    if ((process->roles & PROCESS_EGRESS) != 0 && !egress_judge(process, topics, &egress_reason)) {
        *reason = egress_reason;
        return false;
    }
    if ((process->roles & PROCESS_INGRESS) == 0) {
        snprintf(reason->text, sizeof(reason->text), "%s", good[process->roles]);
    }
    return true;
}

void
process_judge(void *argument, struct readiness *readiness)
{
    struct error reason = {0};

    readiness->ready = process_ready(argument, &reason);
    snprintf(readiness->reason, sizeof(readiness->reason), "%.*s", (int)sizeof(readiness->reason) - 1, reason.text);
}

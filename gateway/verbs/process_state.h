/* What the files of a process share: the process itself, how it is judged ready (readiness.c) and how it ends
 * (ending.c). */
#pragma once

#include <pthread.h>

#include "base/instance.h"
#include "console/management.h"
#include "verbs/handover.h"
#include "verbs/process.h"

struct egress;
struct event;
struct ingress;
struct preparation;
struct reload;
struct signals;
struct spool;

#define URL_BYTES      128
#define INSTANCE_BYTES 256

enum stage {
    STAGE_PREPARING, /* the topics are looked at for the first time */
    STAGE_SERVING,   /* callbacks are accepted; commands, once the topics are there */
    STAGE_STOPPING,  /* what is owed is finished */
};

struct process {
    const struct config *config;
    unsigned roles;
    char instance_name[INSTANCE_BYTES];
    struct handover handover; /* sockets for callbacks, from whoever started it */
    struct instance *instance;
    struct metrics *metrics;
    struct event_base *base;
    struct management *management;
    struct preparation *preparation;
    struct event *patience; /* until which callbacks wait for the first look at the topics, where there is a spool */
    struct spool *spool;    /* NULL: there is none, or it has been stopped */
    struct ingress *ingress;
    struct reload *reload; /* NULL: it takes no callbacks */
    struct egress *egress;
    bool egress_started;
    unsigned running;       /* roles that have not ended since the stop began */
    struct event *deadline; /* until which egress may stop in order */
    struct signals *signals;
    struct event *stopped; /* on stopped_fd: ingress and spool have ended */
    int stopped_fd;
    pthread_t stopper;
    bool drains;        /* its end waits for the spool's drain */
    uint64_t undrained; /* records that its end left on disk */
    enum stage stage;
    int status;
    char url[URL_BYTES], management_url[URL_BYTES];
    void (*on_started)(void *argument);
    void *argument;
};

/* Whether callbacks find a spool while Kafka is away: one that is there only to be emptied does not count. */
bool process_bears_outages(const struct process *process);

/* Whether it does its work, and why not; argument is the process. What the management port asks. */
void process_judge(void *argument, struct readiness *readiness);

/* What process_end needs, made and freed with the process. */
bool ending_open(struct process *process, struct error *error);
void ending_close(struct process *process);

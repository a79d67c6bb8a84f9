/* A worker is a thread with its own loop, listener, engine and producer. Everything in it belongs to its thread, except
 * where a member says otherwise; workers share only generations and what was seen. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "bus/producer.h"
#include "config/config.h"
#include "ingress/answer.h"
#include "ingress/deadline.h"
#include "ingress/departure.h"

struct event;
struct breaker;
struct budgets;
struct event_base;
struct connection;
struct engine;
struct gate;
struct generation;
struct ingress_options;
struct janitor;
struct seen;
struct spool_port;

/* The kinds of waiting that a connection does, each with its own patience. */
enum patience {
    PATIENCE_FRESH,   /* accepted, nothing received yet */
    PATIENCE_IDLE,    /* between two requests */
    PATIENCE_REFUSED, /* the same, of those whose last one was refused */
    PATIENCE_HEAD,    /* from the head's first byte to its last */
    PATIENCE_BODY,    /* from the head's end to the body's */
    PATIENCE_WRITE,   /* for the client to read its answer */
    PATIENCE_PARTING, /* for a request that crosses our end */
    PATIENCE_LINGER,  /* for the client to close after our last answer */
    PATIENCE_COUNT,
};

struct worker {
    /* What admission and conversion use. A test may fill in these alone. */
    const struct config *config; /* that of the start: what no reload changes */
    const struct clock *clock;
    struct producer *producer;
    struct generation *generation; /* sources and what goes by them, for requests that begin now; shared */
    struct spool_port *spool;      /* NULL: there is none; then the next two are NULL, too */
    struct gate *gate;             /* the process's */
    struct breaker *breaker;       /* the same */
    struct seen *seen;             /* shared; asked for sources with a window alone */
    bool cut_off;                  /* from all brokers for a while, or for good: the spool is the only way */

    /* The rest is HTTP's. */
    unsigned number;
    struct event_base *base;
    struct engine *engine;
    struct arena_pool *arenas;
    struct date_cache date;

    struct janitor *janitor;
    struct deadline_list patience[PATIENCE_COUNT];
    struct budgets *budgets;        /* of tickets that wait for Kafka */
    struct budgets *spool_patience; /* of those that wait for the spool */
    uint64_t overdue;               /* tickets whose budget has run out, so far */
    bool gave_up;                   /* waiting for Kafka, until things change */
    bool was_cut_off;               /* from all brokers, at the last look */
    bool kafka_seen;                /* the producer has been connected once */
    int64_t acknowledged_ns;        /* monotonic: the latest positive report that the breaker was told of */

    struct connection *connections; /* all of them */
    size_t connection_count;
    bool crowded;                          /* connections are getting short: sources have shares of them */
    rlim_t own_descriptors;                /* that the process needs without clients */
    uint64_t connection_limit;             /* of the process: as configured, or as descriptors allow */
    size_t ticket_count;                   /* made and not freed */
    size_t owed;                           /* tickets that are published and not answered */
    size_t buffered_bytes, buffered_limit; /* an equal share of what the process may have */

    uint64_t id_prefix, id_counter; /* of request ids */
    struct log_limit refusals;      /* log lines that clients can trigger */

    pthread_t thread;
    struct event *wake;  /* on wake_fd: another thread asks the worker to stop, or brings a generation */
    struct event *pulse; /* looks after the producer's health and an orderly stop */
    int wake_fd;
    enum departure departure;
    int64_t departure_ns, stop_by_ns;  /* monotonic: since when it is that, and when it ends in any case */
    unsigned unanswered;               /* at the end; read after the thread has ended */
    bool abandoned;                    /* at the end: the spool has jobs that do not come back */
    struct generation *coming;         /* to be taken over once the producer knows its topics */
    int64_t coming_by_ns;              /* monotonic: or at that time */
    _Atomic(struct generation *) next; /* brought by another thread, not seen yet */
    atomic_bool stop_asked;            /* set by the thread that stops it */
    atomic_uint stop_seconds;          /* the same */
    atomic_bool running;               /* read by any thread */
    atomic_bool kafka_reachable;       /* read by any thread */
};

/* Binds its listener and makes its producer; starts no thread. *port: 0 takes any and is set to the one taken. The
 * generation's hold of that number is the worker's from now on. NULL with error. */
struct worker *worker_new(unsigned number, const struct ingress_options *options, struct generation *generation,
                          unsigned *port, struct error *error);
/* The thread's function; the argument is the worker. Runs until it is told to stop. */
void *worker_run(void *argument);
/* From any thread: finish what is owed within so many seconds, then end. */
void worker_stop(struct worker *worker, unsigned seconds);
/* From any thread, one at a time: requests that begin from now on belong to that generation; those under way keep
 * theirs. generation_taken tells when. */
void worker_renew(struct worker *worker, struct generation *generation);
void worker_free(struct worker *worker); /* after its thread has ended; NULL is fine */

/* A request id that no other request has: REQUEST_ID_BYTES characters and a NUL. */
void worker_request_id(struct worker *worker, char *text);

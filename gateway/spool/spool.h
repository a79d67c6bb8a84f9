/* The spool keeps records on disk while Kafka does not take them. One a process, on a thread of its own with a loop of
 * its own: it commits all that has come in meanwhile with one fsync, and drains itself to Kafka through a producer of
 * its own.
 *
 *   worker: spool_put(job) ──▶ queue ──▶ one transaction, one fsync ──▶ worker's loop: on_done
 *                                            │
 *                             drain: rows in order ──▶ producer ──▶ acknowledged ──▶ row removed, key released
 */
#pragma once

#include <stdatomic.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/instance.h"
#include "base/metrics.h"
#include "bus/kafka_settings.h"
#include "event/recordset.h"
#include "spool/breaker.h"
#include "spool/gate.h"
#include "spool/settings.h"

struct event_base;
struct spool;
struct spool_port;

struct spool_options {
    const struct spool_settings *settings;
    const struct kafka_settings *kafka;
    const char *data_dir;            /* where siblings are looked for */
    const struct instance *instance; /* locked; its files lie in its directory */
    struct metrics *metrics;
    const struct clock *clock;
};

/* Opens or makes the files in the instance's directory, reads back what a process before left there (their keys are
 * held in the gate before it returns), starts the thread, which begins to drain once the breaker lets it. options'
 * members outlive it. NULL with an error that says what to do: a directory that cannot be written, a file of a newer
 * version. */
struct spool *spool_start(const struct spool_options *options, struct error *error);
struct gate *spool_gate(struct spool *spool);
struct breaker *spool_breaker(struct spool *spool);

/* What became of a job. */
enum spool_fate {
    SPOOL_PENDING,
    SPOOL_DURABLE, /* on disk, fsynced */
    SPOOL_FULL,    /* no room in it, or in the share of the source */
    SPOOL_FAILING, /* the disk does not take it */
};

/* Records of one callback on their way into the spool. It lies in the caller's memory, as do the records and their
 * bytes, until its last call has come back. */
struct spool_job {
    /* The caller's. */
    struct record *const *records;
    size_t count;
    struct slice source;
    bool vendor_repeats;                    /* one that never does is served first when room runs short */
    bool in_flight;                         /* a producer may still deliver these: not drained before spool_settle */
    void (*on_done)(struct spool_job *job); /* on the port's loop; fate is set; never before spool_put has returned */
    void (*on_settled)(struct spool_job *job);
    void *owner;

    /* The spool's. */
    enum spool_fate fate;
    int64_t first_id; /* of count ids in a row */
    int task;
    struct spool_port *port;
    struct spool_job *next;
};

/* A worker's end of the spool: its jobs come back on that loop. Both from the loop's thread; nothing may be under way
 * when it is freed (spool_port_pending tells). NULL when out of memory or file descriptors. */
struct spool_port *spool_port_new(struct spool *spool, struct event_base *base);
void spool_port_free(struct spool_port *port); /* NULL is fine */
size_t spool_port_pending(const struct spool_port *port);

/* The job's keys are held from this call on; unless it ends as SPOOL_DURABLE they are released before on_done. */
void spool_put(struct spool_port *port, struct spool_job *job);
/* The producer has reported on every record of a job that was in_flight and has ended as SPOOL_DURABLE: those that are
 * DELIVERY_ACKNOWLEDGED are removed, the others may be drained. Then on_settled. */
void spool_settle(struct spool_port *port, struct spool_job *job);

/* From any thread. */
struct spool_state {
    uint64_t records, bytes; /* that wait, on their way in among them */
    size_t max_bytes;
    uint64_t set_aside;    /* records that Kafka refused for good; they are kept, and do not wait */
    int64_t oldest_age_ms; /* of the oldest record; 0: none */
    bool able;             /* it takes records: the disk works, and there is room besides the reserve */
    struct error reason;   /* why it is not able */
};
struct spool_state spool_state(struct spool *spool);

/* From now on drains at any rate that Kafka takes, and ends when it is empty, or after so many seconds; at once when
 * the breaker is open or opens. Returns how many records stay on disk. After all ports are freed. Frees it, unless its
 * disk hangs: then the thread is left alone, for the process to end. */
uint64_t spool_stop(struct spool *spool, unsigned seconds);

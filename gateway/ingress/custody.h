/* Custody of a callback's records begins when they are handed over, and lasts until Kafka has acknowledged them or the
 * spool has committed them: only then is the callback answered with a success. */
#pragma once

#include "event/recordset.h"
#include "ingress/answer.h"
#include "spool/spool.h"

struct ticket;

/*            Kafka's way             all acknowledged: durable
 *   begin ───────────────▶ AWAITED ────────────────────────────────────────────────────────────────┐
 *     │                     │   └─ some failed ──▶ SPOOLING ── committed: durable; else refused ───┤
 *     │ the spool's way     │ overdue                ▲                                             │
 *     └─────────────────────┼────────────────────────┘                                             │
 *                           ▼                                                                      │
 *                        DOUBTFUL ── all reported ──▶ REPORTED ── not committed: refused ──────────┤
 *                         │    │                         └─ committed: durable ──▶ SETTLING ───────┤
 *                         │    └─ committed: durable ──▶ COMMITTED ── all reported ──▶ SETTLING ───┤
 *                         └─ not committed: refused ──▶ LATE ── all reported ──────────────────────┴─▶ OVER
 *
 * Whatever is durable or refused first answers; REPORTED is durable at once when all were acknowledged after all. Where
 * Kafka has refused records for good, and the spool does not have them, others in their place begin anew (a dead
 * letter). */
enum custody_state {
    CUSTODY_NEW,
    CUSTODY_AWAITED,   /* Kafka's reports are waited for */
    CUSTODY_SPOOLING,  /* the commit is waited for; no producer has them */
    CUSTODY_DOUBTFUL,  /* overdue: both are waited for */
    CUSTODY_REPORTED,  /* the commit is waited for; the producer has reported meanwhile */
    CUSTODY_COMMITTED, /* in the spool; the producer may still deliver them */
    CUSTODY_LATE,      /* refused; the producer may still deliver them */
    CUSTODY_SETTLING,  /* the spool is learning which of them it need not drain */
    CUSTODY_OVER,      /* nobody refers to the records any more */
};

struct custody;

/* What the owner is told, on the worker's loop. */
struct custody_owner {
    /* Once at most; also after on_refused, when it turned out so too late. */
    void (*on_durable)(struct custody *custody, enum durability durability);
    /* Once at most, and never after on_durable. custody->reason says why. */
    void (*on_refused)(struct custody *custody, enum refusal refusal);
    /* Kafka will never take some of the records. true: *records are what to keep in their place, in the ticket's arena.
     */
    bool (*replace)(struct custody *custody, struct record **records, size_t *count);
    /* Once, the last call: the ticket can be freed. */
    void (*on_over)(struct custody *custody);
};

/* Part of a ticket, and zeroed with it. */
struct custody {
    struct ticket *ticket;
    const struct custody_owner *owner;
    void *owner_data;
    enum custody_state state;
    bool durable, answered;
    const char *reason; /* of a refusal: a static text */
    struct recordset set;
    struct spool_job job;
};

/* Takes the records into custody; what becomes of them is told later, never before it has returned, except that it is
 * refused at once when memory is out. custody has its first three members. */
void custody_begin(struct custody *custody, struct record *records, size_t count);
/* The patience has run out: that for Kafka, or that for the spool. */
void custody_overdue(struct custody *custody);

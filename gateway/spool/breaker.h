/* The breaker is the process's judgement of Kafka. Closed: callbacks wait for their delivery reports. Open: nobody
 * waits, everything goes to the spool, and the drain probes with its first record.
 *
 * It opens when a report is overdue and nothing at all was acknowledged since that record was published, or when no
 * broker is connected. (One partition without a leader is not enough: its records are spooled one by one, and the rest
 * goes on.) It closes when a probe was acknowledged within the patience of a source, or, with nothing to probe with,
 * when brokers are connected and a pause is over. Everything here is for any thread. */
#pragma once

#include <stdint.h>

#include "base/clock.h"
#include "base/metrics.h"

struct breaker;
struct gate;

enum breaker_state {
    BREAKER_CLOSED,
    BREAKER_OPEN,
    BREAKER_PROBING, /* open, and a probe is on its way */
};

#define BREAKER_PATIENCE_MS 500  /* a probe that takes longer tells that callbacks would not be answered in time */
#define BREAKER_PAUSE_MS    1000 /* with nothing to probe with */

/* gate is shut while it is open; both outlive it. Its state shows in metrics (trunkline_breaker_open,
 * trunkline_breaker_openings_total by reason) and each change in the log. NULL when out of memory. */
struct breaker *breaker_new(struct gate *gate, struct metrics *metrics, const struct clock *clock);
void breaker_free(struct breaker *breaker);

enum breaker_state breaker_state(const struct breaker *breaker);

/* A worker had a positive report at that time (monotonic). Costs an atomic store. */
void breaker_acknowledged(struct breaker *breaker, int64_t now_ns);
/* A record that was published then (monotonic) has had no report within its source's budget. */
void breaker_overdue(struct breaker *breaker, int64_t published_ns);
/* A producer looked: some broker is connected, or none. Opens it when none is for the second time in a row (told at
 * least 100 ms apart, by whoever), as a connection may just have been made anew; not while records are acknowledged. */
void breaker_reachable(struct breaker *breaker, bool reachable);
/* Kafka was not there when the process started: open from the first. */
void breaker_start_open(struct breaker *breaker);

/* The drain's, on its thread. A probe was sent; it was acknowledged, took_ns after it was sent, or failed. There may be
 * several on their way, to partitions of which one may be without a leader; any of them closes it. */
void breaker_probe_sent(struct breaker *breaker);
void breaker_probe_ended(struct breaker *breaker, bool acknowledged, int64_t took_ns);
/* There is nothing in the spool that could be a probe: closes it when brokers are connected and the pause is over. */
void breaker_nothing_to_probe(struct breaker *breaker);

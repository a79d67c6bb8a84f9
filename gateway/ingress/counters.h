/* What the ingress counts. Registered once at start, shared by the workers, added to without a look-up by name. */
#pragma once

#include "base/metrics.h"
#include "config/config.h"
#include "ingress/answer.h"

struct counters {
    struct metric *connections;
    struct metric *connections_total;
    struct metric *handshakes_failed;
    struct metric *evictions;
    size_t source_count;
    struct metric **callbacks;      /* a row of outcomes a source; the last row: no source known */
    struct metric **answer_seconds; /* a source each; the last: no source known */
    struct metric **buffered_bytes; /* a source each */
};

struct counters *counters_new(const struct config *config, struct metrics *metrics); /* NULL when out of memory */
void counters_free(struct counters *counters);                                       /* NULL is fine */

/* The gauge of the bytes that requests of that source have in memory. */
struct metric *counters_buffered(const struct counters *counters, const struct source *source);
/* One request was answered, took_ns after its head was complete. source may be NULL. */
void counters_refused(const struct counters *counters, const struct source *source, enum refusal refusal,
                      int64_t took_ns);
/* outcome: "accepted", "unmapped", "dead_letter" or "repeated"; NULL counts as accepted. */
void counters_accepted(const struct counters *counters, const struct source *source, const char *outcome,
                       int64_t took_ns);

/* The watch that a worker keeps over Kafka: it tells the process's breaker what its producer sees, and does what an
 * open breaker means: nobody waits for Kafka, everything goes to the spool. Without a spool it does nothing but look.
 */
#pragma once

#include <stdint.h>

struct worker;

void watch_pulse(struct worker *worker); /* several times a second */
/* A callback that was published then (monotonic) has had no report within its budget. When that opens the breaker, or
 * it is open, all others become overdue at once, before it returns. */
void watch_overdue(struct worker *worker, int64_t published_ns);

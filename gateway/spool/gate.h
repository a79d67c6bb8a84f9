/* The gate tells workers which way a callback's records go: to Kafka, or to the spool, because Kafka does not
 * acknowledge or because events of the same key wait there. While nothing of this is so, asking costs one atomic read.
 * Everything here is for any thread. */
#pragma once

#include <stdint.h>

#include "event/recordset.h"

struct gate;

struct gate *gate_new(void);       /* NULL when out of memory */
void gate_free(struct gate *gate); /* NULL is fine */

/* Tells keys apart: records of one topic and key have the same, others nearly always another. Stored with the records;
 * it must not change. */
uint64_t gate_key(struct slice topic, struct slice key);

/* While shut, everything goes to the spool. */
void gate_shut(struct gate *gate);
void gate_open(struct gate *gate);

/* One more record of that key is, or will be, in the spool: until gate_release, what has the same key goes behind it.
 */
void gate_hold(struct gate *gate, uint64_t key);
void gate_release(struct gate *gate, uint64_t key);
uint64_t gate_held(const struct gate *gate); /* records */

/* Whether these records go to the spool: the gate is shut, or one of their keys is held. What has no key has no order
 * to keep and waits for nobody. */
bool gate_diverts(const struct gate *gate, const struct record *records, size_t count);

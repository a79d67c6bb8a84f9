/* The tally counts what callbacks became: events by type, what could not be read, dead letters. Shared by the workers
 * as worker->service. */
#pragma once

#include "ingress/service.h"
#include "ingress/translation.h"

/* The callback's records are durable. */
void tally_durable(const struct service *service, const struct source *source, const struct translation *translation);

/* The self-audit: whatever was taken into custody leaves it in one of these ways, or is in flight. Callbacks and
 * records are counted apart. */
enum custody_fate {
    FATE_PUBLISHED, /* Kafka has acknowledged it */
    FATE_SPOOLED,   /* the spool has committed it */
    FATE_REFUSED,   /* it was answered 503; or Kafka refuses the record, which other records stand for from now on */
    FATE_COUNT,
};
void tally_taken(const struct service *service, size_t callbacks, size_t records);
void tally_left(const struct service *service, enum custody_fate fate, size_t callbacks, size_t records);

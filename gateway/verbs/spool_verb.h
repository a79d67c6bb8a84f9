/* What the actions of `trunkline spool` share. */
#pragma once

#include "config/config.h"
#include "verbs/spool_census.h"

struct spool_order {
    const struct config *config;
    const char *instance;      /* NULL: all of them */
    bool json;                 /* status */
    bool set_aside;            /* export: only those that Kafka refused for good */
    unsigned patience_seconds; /* drain: without progress */
};

/* Each returns the exit status, and has told on stderr, in one line, what went wrong. instances are those that the
 * order is for. */
int spool_status(const struct spool_order *order, const struct spool_instances *instances);
int spool_export(const struct spool_order *order, const struct spool_instances *instances);
int spool_drain(const struct spool_order *order, const struct spool_instances *instances);

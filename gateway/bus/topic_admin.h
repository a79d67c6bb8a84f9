/* Topics as Trunkline needs them: created with their own policies, listed, and checked against what we promise. */
#pragma once

#include <stdint.h>
#include <stdio.h>

#include "base/error.h"
#include "bus/kafka_settings.h"

struct topic_spec {
    const char *name;
    int partitions;
    const char *partitions_as;  /* made with as many as this topic has, where that one is there before; NULL: none */
    int replication;            /* -1: the broker's default */
    const char *cleanup_policy; /* "delete", "compact"; NULL: the broker's */
    int64_t retention_ms;       /* 0: the broker's, -1: for ever */
    const char *timestamp_type; /* "LogAppendTime", "CreateTime"; NULL: the broker's */
    int64_t max_message_bytes;  /* at least this much must fit; 0: not checked */
    int min_insync_replicas;    /* at least; 0: not checked */
};

struct topic_admin;

struct topic_admin *topic_admin_new(const struct kafka_settings *settings, struct error *error);
void topic_admin_free(struct topic_admin *admin);

/* Makes the topics that are missing and waits until each has a leader. A broker without admin calls (the embedded one)
 * makes them by metadata. Blocks up to timeout_ms. */
bool topic_admin_create(struct topic_admin *admin, const struct topic_spec *specs, size_t count, int timeout_ms,
                        struct error *error);

enum topic_verdict {
    TOPIC_GOOD,
    TOPIC_MISSING,
    TOPIC_NO_LEADER,
    TOPIC_DIFFERENT, /* detail says in what, and what to do */
    TOPIC_UNKNOWN,   /* the broker does not tell its settings */
};
struct topic_report {
    enum topic_verdict verdict;
    int partitions; /* as found */
    bool too_small; /* it would refuse our largest records, and with each whatever shares its batch */
    char detail[256];
};
/* Holds each topic against its spec. false only when Kafka does not answer. */
bool topic_admin_check(struct topic_admin *admin, const struct topic_spec *specs, size_t count, int timeout_ms,
                       struct topic_report *reports, struct error *error);

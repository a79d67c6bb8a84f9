/* The topics that a configuration needs, each with the policies that its readers rely on. */
#include <stdlib.h>

#include "adapters/mapping.h"
#include "config/sections.h"

#define MESSAGE_OVERHEAD_BYTES 65536 /* of an event, beside the body */
#define DAY_MS                 INT64_C(86400000)
#define SAFE_REPLICATION       3 /* from here on a broker may fail, so two copies are asked for before a record counts */

struct policy {
    const char *cleanup;
    int64_t retention_ms; /* 0: the broker's */
    const char *timestamps;
    enum topic_role partitions_as; /* a topic that has as many partitions; TOPIC_ROLE_COUNT: none */
};

#define ALONE TOPIC_ROLE_COUNT

/* Commands outlive the day in which they may still be carried out; the journal outlives them, and its times are the
 * broker's, for they are compared with each other. A partition of the one belongs to that of the other. */
static const struct policy policies[TOPIC_ROLE_COUNT] = {
    [TOPIC_CALL_EVENTS] = {"delete", 0, NULL, ALONE},
    [TOPIC_AGENT_EVENTS] = {"delete", 0, NULL, ALONE},
    [TOPIC_TASK_EVENTS] = {"delete", 0, NULL, ALONE},
    [TOPIC_UNMAPPED] = {"delete", 0, NULL, ALONE},
    [TOPIC_RAW] = {"delete", 0, NULL, ALONE},
    [TOPIC_DEADLETTER] = {"delete", 0, NULL, ALONE},
    [TOPIC_COMMANDS] = {"delete", 2 * DAY_MS, NULL, TOPIC_JOURNAL},
    [TOPIC_RESULTS] = {"delete", 0, NULL, ALONE},
    [TOPIC_JOURNAL] = {"delete", 3 * DAY_MS, "LogAppendTime", TOPIC_COMMANDS},
    [TOPIC_DIALOG_CONTEXT] = {"compact", 0, NULL, ALONE},
    [TOPIC_DIALOG_REQUESTS] = {"delete", 0, NULL, ALONE},
    [TOPIC_DIALOG_REPLIES] = {"delete", 0, NULL, ALONE},
};

int64_t
topic_retention_seconds(enum topic_role role)
{
    return policies[role].retention_ms / 1000;
}

int64_t
config_message_bytes(const struct config *config)
{
    return 2 * (int64_t)config->limits.body_bytes + MESSAGE_OVERHEAD_BYTES;
}

struct spec_list {
    struct topic_spec *specs;
    size_t count;
};

/* Adds a topic unless it is there. */
static void
add(const struct config *config, struct spec_list *list, struct slice name, const struct policy *policy)
{
    for (size_t i = 0; i < list->count; i++) {
        if (slice_is(name, list->specs[i].name)) {
            return;
        }
    }
    list->specs[list->count++] = (struct topic_spec){
        .name = name.data,
        .partitions = config->topics_partitions,
        .partitions_as = policy->partitions_as == ALONE ? NULL : config->topics[policy->partitions_as].data,
        .replication = config->topics_replication,
        .cleanup_policy = policy->cleanup,
        .retention_ms = policy->retention_ms,
        .timestamp_type = policy->timestamps,
        .max_message_bytes = config_message_bytes(config),
        .min_insync_replicas = config->topics_replication >= SAFE_REPLICATION ? 2 : 0,
    };
}

/* How many types of events a source may make, its own ones behind ours. */
static size_t
count_types(const struct source *source)
{
    return EVENT_TYPE_COUNT + (source->mapping == NULL ? 0 : source->mapping->custom_count);
}

/* Where those of the type at that place go. */
static const struct target_list *
targets_at(const struct source *source, size_t type)
{
    return type < EVENT_TYPE_COUNT ? &source->targets[type] : &source->custom_targets[type - EVENT_TYPE_COUNT];
}

static size_t
count_targets(const struct config *config)
{
    size_t count = 0;

    for (size_t i = 0; i < config->source_count; i++) {
        for (size_t type = 0; type < count_types(&config->sources[i]); type++) {
            count += targets_at(&config->sources[i], type)->count;
        }
    }
    return count;
}

const struct topic_spec *
config_topic_specs(const struct config *config, size_t *count)
{
    struct spec_list list = {NULL, 0};

    list.specs = arena_zalloc(config->arena, TOPIC_ROLE_COUNT + count_targets(config), sizeof *list.specs);
    *count = 0;
    if (list.specs == NULL) {
        return NULL;
    }
    for (int role = 0; role < TOPIC_ROLE_COUNT; role++) {
        if (role != TOPIC_RAW || config->raw_enabled) {
            add(config, &list, config->topics[role], &policies[role]);
        }
    }
    for (size_t i = 0; i < config->source_count; i++) {
        for (size_t type = 0; type < count_types(&config->sources[i]); type++) {
            const struct target_list *targets = targets_at(&config->sources[i], type);

            for (size_t j = 0; j < targets->count; j++) {
                add(config, &list, targets->topics[j], &policies[TOPIC_CALL_EVENTS]);
            }
        }
    }
    *count = list.count;
    return list.specs;
}

void
config_add_topic(struct slice *topics, size_t *count, struct slice topic)
{
    for (size_t i = 0; i < *count; i++) {
        if (slice_equal(topics[i], topic)) {
            return;
        }
    }
    topics[(*count)++] = topic;
}

struct slice *
config_event_topics(const struct config *config, size_t more, size_t *count)
{
    static const enum topic_role roles[] = {TOPIC_CALL_EVENTS, TOPIC_AGENT_EVENTS, TOPIC_TASK_EVENTS, TOPIC_UNMAPPED};
    size_t most = sizeof(roles) / sizeof(roles[0]) + more + count_targets(config);
    struct slice *topics;

    *count = 0;
    topics = calloc(most, sizeof(*topics));
    if (topics == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
        config_add_topic(topics, count, config->topics[roles[i]]);
    }
    for (size_t i = 0; i < config->source_count; i++) {
        for (size_t type = 0; type < count_types(&config->sources[i]); type++) {
            const struct target_list *targets = targets_at(&config->sources[i], type);

            for (size_t j = 0; j < targets->count; j++) {
                config_add_topic(topics, count, targets->topics[j]);
            }
        }
    }
    return topics;
}

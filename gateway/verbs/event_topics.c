/* The four topics of events, and those that routes name. */
#include "verbs/event_topics.h"

static void
add_topic(struct slice *topics, size_t *count, struct slice topic)
{
    for (size_t i = 0; i < *count; i++) {
        if (slice_equal(topics[i], topic)) {
            return;
        }
    }
    topics[(*count)++] = topic;
}

const struct slice *
event_topics(const struct config *config, size_t *count)
{
    static const enum topic_role roles[] = {TOPIC_CALL_EVENTS, TOPIC_AGENT_EVENTS, TOPIC_TASK_EVENTS, TOPIC_UNMAPPED};
    size_t most = sizeof roles / sizeof roles[0];
    struct slice *topics;

    for (size_t i = 0; i < config->source_count; i++) {
        for (int type = 0; type < EVENT_TYPE_COUNT; type++) {
            most += config->sources[i].targets[type].count;
        }
    }
    topics = arena_zalloc(config->arena, most, sizeof *topics);
    *count = 0;
    if (topics == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++) {
        add_topic(topics, count, config->topics[roles[i]]);
    }
    for (size_t i = 0; i < config->source_count; i++) {
        for (int type = 0; type < EVENT_TYPE_COUNT; type++) {
            const struct target_list *targets = &config->sources[i].targets[type];

            for (size_t j = 0; j < targets->count; j++) {
                add_topic(topics, count, targets->topics[j]);
            }
        }
    }
    return topics;
}

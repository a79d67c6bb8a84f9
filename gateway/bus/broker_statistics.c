/* Reads librdkafka's statistics: which brokers are connected, whether an idempotent producer can send yet, and how many
 * partitions topics have (for whoever may not wait), is told nowhere else. */
#include "bus/broker_statistics.h"

#include "base/json.h"

#define ARENA_LIMIT_BYTES (64U << 20)

/* Partition -1 is where librdkafka keeps what has no partition yet. */
static int32_t
count_partitions(const struct value *partitions)
{
    int32_t count = 0;

    if (partitions == NULL || partitions->kind != VALUE_OBJECT) {
        return 0;
    }
    for (const struct value *partition = partitions->first; partition != NULL; partition = partition->next) {
        count += !slice_is(partition->name, "-1");
    }
    return count;
}

static void
tell_topics(const struct value *topics, void (*on_topic)(void *argument, struct slice topic, int32_t partitions),
            void *argument)
{
    if (topics == NULL || topics->kind != VALUE_OBJECT || on_topic == NULL) {
        return;
    }
    for (const struct value *topic = topics->first; topic != NULL; topic = topic->next) {
        int32_t count = count_partitions(value_member(topic, "partitions"));

        if (count > 0) {
            on_topic(argument, topic->name, count);
        }
    }
}

bool
broker_statistics_read(struct slice json, struct broker_statistics *statistics,
                       void (*on_topic)(void *argument, struct slice topic, int32_t partitions), void *argument)
{
    /* A few hundred topics with their partitions are well within. */
    static const struct value_limits limits = {.depth = 16, .members = 1000000};
    struct arena *arena = arena_new(NULL, ARENA_LIMIT_BYTES);
    const struct value *all = arena == NULL ? NULL : json_parse(arena, json, limits, NULL);
    const struct value *brokers = value_member(all, "brokers");
    const struct value *producer_id = value_member(value_member(all, "eos"), "idemp_state");
    bool known = brokers != NULL && brokers->kind == VALUE_OBJECT;

    *statistics = (struct broker_statistics){0};
    if (known) {
        for (const struct value *broker = brokers->first; broker != NULL; broker = broker->next) {
            const struct value *state = value_member(broker, "state");

            statistics->brokers_up += state != NULL && slice_is(state->text, "UP");
        }
        statistics->has_producer_id = producer_id != NULL && slice_is(producer_id->text, "Assigned");
        tell_topics(value_member(all, "topics"), on_topic, argument);
    }
    arena_free(arena);
    return known;
}

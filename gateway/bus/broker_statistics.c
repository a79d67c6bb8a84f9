/* Reads librdkafka's statistics: which brokers are connected, and whether an idempotent
 * producer can send yet, is told nowhere else. */
#include "bus/broker_statistics.h"

#include "base/json.h"

#define ARENA_LIMIT_BYTES (64U << 20)

bool
broker_statistics_read(struct slice json, struct broker_statistics *statistics)
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
    }
    arena_free(arena);
    return known;
}

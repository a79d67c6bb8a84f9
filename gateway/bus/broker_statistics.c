/* Reads librdkafka's statistics: which brokers are connected is told nowhere else. */
#include "bus/broker_statistics.h"

#include "base/json.h"

#define ARENA_LIMIT_BYTES (64U << 20)

int
broker_statistics_up(struct slice json)
{
    /* A few hundred topics with their partitions are well within. */
    static const struct value_limits limits = {.depth = 16, .members = 1000000};
    struct arena *arena = arena_new(NULL, ARENA_LIMIT_BYTES);
    const struct value *statistics = arena == NULL ? NULL : json_parse(arena, json, limits, NULL);
    const struct value *brokers = statistics == NULL ? NULL : value_member(statistics, "brokers");
    int up = -1;

    if (brokers != NULL && brokers->kind == VALUE_OBJECT) {
        up = 0;
        for (const struct value *broker = brokers->first; broker != NULL; broker = broker->next) {
            const struct value *state = value_member(broker, "state");

            up += state != NULL && slice_is(state->text, "UP");
        }
    }
    arena_free(arena);
    return up;
}

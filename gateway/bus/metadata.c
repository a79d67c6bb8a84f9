/* Waits for topics to be there, each partition with a leader. */
#include "bus/metadata.h"

#include <poll.h>

#include "base/clock.h"
#include "bus/refusal.h"

#define PAUSE_MS 50

bool
metadata_unreachable(const char *brokers, int timeout_ms, struct error *error)
{
    if (refusal_lately(error)) {
        return false;
    }
    return error_set(error,
                     "cannot reach Kafka at %s within %g s; check kafka.bootstrap.servers, and kafka.security.protocol "
                     "if it wants TLS or SASL",
                     brokers, timeout_ms / 1000.0);
}

static enum metadata_found
judge_topic(const struct rd_kafka_metadata_topic *topic, struct error *error)
{
    if (topic->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
        error_set(error, "topic %s does not exist; `trunkline topics create` makes it", topic->topic);
        return METADATA_LATER;
    }
    if (topic->err != RD_KAFKA_RESP_ERR_NO_ERROR && topic->err != RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE) {
        error_set(error, "topic %s: %s", topic->topic, rd_kafka_err2str(topic->err));
        return METADATA_NEVER;
    }
    for (int i = 0; i < topic->partition_cnt; i++) {
        if (topic->partitions[i].leader < 0) {
            error_set(error, "topic %s, partition %d has no leader; see that its brokers are up", topic->topic,
                      topic->partitions[i].id);
            return METADATA_LATER;
        }
    }
    if (topic->partition_cnt == 0) {
        error_set(error, "topic %s has no partitions yet", topic->topic);
        return METADATA_LATER;
    }
    return METADATA_WHOLE;
}

enum metadata_found
metadata_look(rd_kafka_t *rk, const char *name, int timeout_ms, int *partitions, struct error *error)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, name, NULL);
    rd_kafka_resp_err_t failure;
    enum metadata_found found = METADATA_NEVER;

    if (topic == NULL) {
        error_set(error, "\"%s\" is no name for a topic", name);
        return METADATA_NEVER;
    }
    failure = rd_kafka_metadata(rk, 0, topic, &metadata, timeout_ms);
    rd_kafka_topic_destroy(topic);
    if (failure != RD_KAFKA_RESP_ERR_NO_ERROR) {
        (void)refusal_lately(error); /* else it stays what it was before */
        return METADATA_LATER;
    }
    refusal_over();
    if (metadata->topic_cnt == 1) {
        found = judge_topic(&metadata->topics[0], error);
        *partitions = metadata->topics[0].partition_cnt;
    }
    rd_kafka_metadata_destroy(metadata);
    return found;
}

bool
metadata_await(rd_kafka_t *rk, const char *brokers, const struct slice *topics, size_t count, int timeout_ms,
               int *partitions, struct error *error)
{
    const struct clock *clock = clock_system();
    int64_t deadline_ns = clock_monotonic_ns(clock) + timeout_ms * 1000000LL;
    struct error reason; /* what stands in the way for now */

    metadata_unreachable(brokers, timeout_ms, &reason);
    for (size_t i = 0; i < count; i++) {
        enum metadata_found found = METADATA_LATER;
        int number = 0;

        while (found == METADATA_LATER) {
            int left_ms = (int)((deadline_ns - clock_monotonic_ns(clock)) / 1000000);

            if (left_ms <= 0) {
                return error_set(error, "%s", reason.text);
            }
            found = metadata_look(rk, topics[i].data, left_ms, &number, &reason);
            if (found == METADATA_LATER) {
                poll(NULL, 0, PAUSE_MS);
            }
        }
        if (found == METADATA_NEVER) {
            return error_set(error, "%s", reason.text);
        }
        if (partitions != NULL) {
            partitions[i] = number;
        }
    }
    return true;
}

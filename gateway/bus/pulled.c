/* The properties of pulling readers, and whose record it is that came. */
#include "bus/pulled.h"

#include <stdbool.h>
#include <string.h>

const struct kafka_property pulled_defaults[] = {
    {"allow.auto.create.topics", "false"},
    /* A quarter of librdkafka's own: 80 MB less memory, and no slower by more than a tenth. */
    {"queued.max.messages.kbytes", "16384"},
    {NULL, NULL},
};

const struct kafka_property pulled_ours[] = {
    {"group.id", "trunkline"}, /* librdkafka wants one to assign by hand; no group is ever joined */
    {"enable.auto.commit", "false"},
    {"enable.auto.offset.store", "false"},
    {"log.queue", "true"},
    {"auto.offset.reset", "earliest"}, /* where Kafka has deleted the first ones, or a topic was made anew */
    {"enable.partition.eof", "true"},  /* the last offset before an end may be no record's */
    {NULL, NULL},
};

static bool
is_partition(const rd_kafka_topic_partition_t *element, const char *topic, int32_t partition)
{
    return element->partition == partition && strcmp(element->topic, topic) == 0;
}

int
pulled_index(const rd_kafka_topic_partition_list_t *list, const char *topic, int32_t partition, int *latest)
{
    if (*latest < list->cnt && is_partition(&list->elems[*latest], topic, partition)) {
        return *latest;
    }
    for (int i = 0; i < list->cnt; i++) {
        if (is_partition(&list->elems[i], topic, partition)) {
            return *latest = i;
        }
    }
    return -1;
}

/* The group consumer: librdkafka's rebalances as events of single partitions, on the loop. */
#include "bus/group_consumer.h"

#include <event2/event.h>
#include <stdlib.h>

#include "base/log.h"
#include "bus/conf.h"
#include "bus/wakeup.h"

#define SERVE_AT_ONCE 100
#define TICK_US       500000
/* For which a member may be left without a word before that means that nothing is its: librdkafka does not always tell.
 */
#define SILENCE_TICKS          20
#define ASSIGNOR_STATE_CHECKED 0x020300ff /* librdkafka's version */

/* What a partition is to us. */
enum hold {
    HOLD_NONE,
    HOLD_OWNED,
    HOLD_REVOKED, /* the owner was told and has not released it */
    HOLD_IDLE,    /* in our assignment, but nobody works on it: released, or the owner was never told of it */
};

struct group_consumer {
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue;
    struct wakeup *wakeup;
    struct event *tick;
    struct group_consumer_owner owner;
    char *topic;
    enum hold *holds; /* by partition */
    int32_t hold_count;
    size_t held;                               /* partitions that are not HOLD_NONE */
    size_t revoked;                            /* partitions that are HOLD_REVOKED */
    rd_kafka_topic_partition_list_t *revoking; /* what librdkafka waits for us to unassign; else NULL */
    bool met;                                  /* the group has ever told us anything */
    bool assigned;                             /* the group has said what is ours, if only that nothing is */
    unsigned silent_ticks;                     /* since it became a member, without a word; stays at SILENCE_TICKS */
    bool telling; /* the owner, of a list; what it releases meanwhile is looked at afterwards */
    bool leaving;
    bool left;    /* on_left was called */
    bool closing; /* no callbacks any more */
};

static const struct kafka_property defaults[] = {
    {"session.timeout.ms", "6000"},
    {"heartbeat.interval.ms", "1500"},
    {NULL, NULL},
};

static const struct kafka_property ours[] = {
    {"partition.assignment.strategy", "cooperative-sticky"},
    {"enable.auto.commit", "false"},
    {"enable.auto.offset.store", "false"},
    {"allow.auto.create.topics", "false"},
    /* It reads no records; but committed offsets are told whatever transactions are open: who asks has ended those of
     * the owner before, and of others' some never end (a broker that was killed may come again with such). */
    {"isolation.level", "read_uncommitted"},
    {"log.queue", "true"},
    {NULL, NULL},
};

static enum hold
hold_of(const struct group_consumer *consumer, int32_t partition)
{
    return partition >= 0 && partition < consumer->hold_count ? consumer->holds[partition] : HOLD_NONE;
}

/* The one place where a hold changes. False: no memory for a partition of this number. */
static bool
set_hold(struct group_consumer *consumer, int32_t partition, enum hold hold)
{
    enum hold before = hold_of(consumer, partition);

    if (partition >= consumer->hold_count) {
        enum hold *holds = realloc(consumer->holds, ((size_t)partition + 1) * sizeof *holds);

        if (holds == NULL) {
            return false;
        }
        for (int32_t i = consumer->hold_count; i <= partition; i++) {
            holds[i] = HOLD_NONE;
        }
        consumer->holds = holds;
        consumer->hold_count = partition + 1;
    }
    consumer->holds[partition] = hold;
    consumer->held = consumer->held + (hold != HOLD_NONE) - (before != HOLD_NONE);
    consumer->revoked = consumer->revoked + (hold == HOLD_REVOKED) - (before == HOLD_REVOKED);
    return true;
}

static void
note(struct group_consumer *consumer, const char *event, int32_t partition)
{
    log_info(event, log_text("topic", consumer->topic), log_integer("partition", partition));
}

static void
complain(const char *what, const char *reason)
{
    static _Thread_local struct log_limit limit = LOG_LIMIT_DEFAULT;

    log_warn_limited(&limit, "kafka_group_error", log_text("action", what), log_text("reason", reason));
}

/* Frees the failure. */
static void
look_at(rd_kafka_error_t *failure, const char *what)
{
    if (failure != NULL) {
        complain(what, rd_kafka_error_string(failure));
        rd_kafka_error_destroy(failure);
    }
}

static void
take(struct group_consumer *consumer, rd_kafka_topic_partition_list_t *list)
{
    for (int i = 0; i < list->cnt; i++) {
        list->elems[i].offset = RD_KAFKA_OFFSET_END; /* nobody reads here: no reason to look for the committed one */
    }
    consumer->met = true;
    consumer->assigned = true;
    look_at(rd_kafka_incremental_assign(consumer->rk, list), "assign");
    rd_kafka_pause_partitions(consumer->rk, list);
    for (int i = 0; i < list->cnt; i++) {
        int32_t partition = list->elems[i].partition;
        bool told = !consumer->leaving && !consumer->closing;

        if (!set_hold(consumer, partition, told ? HOLD_OWNED : HOLD_IDLE)) {
            complain("assign", "out of memory: nobody works on a partition until the next rebalance");
        } else if (told) {
            note(consumer, "partition_assigned", partition);
            consumer->owner.on_assigned(consumer->owner.owner, partition);
        }
    }
}

/* Gives the list back to the group, which then goes on with its rebalance. */
static void
give_back(struct group_consumer *consumer, const rd_kafka_topic_partition_list_t *list)
{
    rd_kafka_topic_partition_list_t *held = rd_kafka_topic_partition_list_new(list->cnt);

    for (int i = 0; i < list->cnt; i++) {
        if (hold_of(consumer, list->elems[i].partition) != HOLD_NONE) {
            rd_kafka_topic_partition_list_add(held, consumer->topic, list->elems[i].partition);
            set_hold(consumer, list->elems[i].partition, HOLD_NONE);
        }
    }
    look_at(rd_kafka_incremental_unassign(consumer->rk, held), "unassign");
    rd_kafka_topic_partition_list_destroy(held);
}

static void
end_revoking(struct group_consumer *consumer)
{
    rd_kafka_topic_partition_list_t *list = consumer->revoking;

    consumer->revoking = NULL;
    give_back(consumer, list);
    rd_kafka_topic_partition_list_destroy(list);
}

static void
go_on(struct group_consumer *consumer)
{
    if (consumer->revoking != NULL && consumer->revoked == 0 && !consumer->telling) {
        end_revoking(consumer);
    }
}

static void
revoke(struct group_consumer *consumer, const rd_kafka_topic_partition_list_t *list)
{
    consumer->revoking = rd_kafka_topic_partition_list_copy(list);
    consumer->telling = true;
    for (int i = 0; i < list->cnt && !consumer->closing; i++) {
        int32_t partition = list->elems[i].partition;

        if (hold_of(consumer, partition) == HOLD_OWNED) {
            set_hold(consumer, partition, HOLD_REVOKED);
            note(consumer, "partition_revoked", partition);
            consumer->owner.on_revoked(consumer->owner.owner, partition);
        }
    }
    consumer->telling = false;
    if (consumer->closing) {
        end_revoking(consumer);
    }
    go_on(consumer);
}

/* Once we are out of the group everything is lost, also what is just being handed over. */
static void
lose_everything(struct group_consumer *consumer)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(consumer->hold_count);

    consumer->assigned = false;
    consumer->telling = true;
    for (int32_t partition = 0; partition < consumer->hold_count; partition++) {
        enum hold hold = consumer->holds[partition];

        if (hold != HOLD_NONE) {
            rd_kafka_topic_partition_list_add(list, consumer->topic, partition);
        }
        if (hold == HOLD_OWNED || hold == HOLD_REVOKED) {
            set_hold(consumer, partition, HOLD_IDLE);
            log_warn("partition_lost", log_text("topic", consumer->topic), log_integer("partition", partition));
            if (!consumer->closing) {
                consumer->owner.on_lost(consumer->owner.owner, partition);
            }
        }
    }
    consumer->telling = false;
    if (consumer->revoking != NULL) {
        rd_kafka_topic_partition_list_destroy(consumer->revoking);
        consumer->revoking = NULL;
    }
    give_back(consumer, list);
    rd_kafka_topic_partition_list_destroy(list);
}

static void
on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t *list, void *opaque)
{
    struct group_consumer *consumer = opaque;

    if (what == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        take(consumer, list);
    } else if (what == RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS && !rd_kafka_assignment_lost(rk)) {
        revoke(consumer, list);
    } else {
        lose_everything(consumer);
    }
}

static bool
serve(void *argument)
{
    struct group_consumer *consumer = argument;

    for (int served = 0; served < SERVE_AT_ONCE; served++) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer->rk, 0);

        if (message == NULL) {
            return false;
        }
        /* A record that slipped in before the pause is for the manual consumer to read. */
        if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
            complain("poll", rd_kafka_message_errstr(message));
        }
        rd_kafka_message_destroy(message);
    }
    return true;
}

/* While librdkafka waits for a hand-over it does not tell that the partitions are lost meanwhile; but it forgets its
 * name in the group when Kafka says so. */
static bool
out_of_group(struct group_consumer *consumer)
{
    char *name = rd_kafka_memberid(consumer->rk);
    bool out = name == NULL || name[0] == '\0' || rd_kafka_assignment_lost(consumer->rk);

    rd_kafka_mem_free(consumer->rk, name);
    return out;
}

static bool
is_member(const struct group_consumer *consumer)
{
    char *member = rd_kafka_memberid(consumer->rk);
    bool known = member != NULL && *member != '\0';

    if (member != NULL) {
        rd_kafka_mem_free(consumer->rk, member);
    }
    return known;
}

static void
on_tick(evutil_socket_t fd, short what, void *argument)
{
    struct group_consumer *consumer = argument;

    (void)fd;
    (void)what;
    if (!consumer->assigned && consumer->silent_ticks < SILENCE_TICKS) {
        consumer->silent_ticks = is_member(consumer) ? consumer->silent_ticks + 1 : 0;
    }
    /* In a quiet group nothing wakes us, and a member that does not poll is put out of it. */
    serve(consumer);
    if (consumer->revoking != NULL && out_of_group(consumer)) {
        lose_everything(consumer);
    }
    if (consumer->leaving && !consumer->left && consumer->held == 0) {
        consumer->left = true;
        if (consumer->owner.on_left != NULL) {
            consumer->owner.on_left(consumer->owner.owner);
        }
    }
}

static bool
join(struct group_consumer *consumer, struct error *error)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_resp_err_t failure;

    rd_kafka_topic_partition_list_add(list, consumer->topic, RD_KAFKA_PARTITION_UA);
    failure = rd_kafka_subscribe(consumer->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (failure != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return error_set(error, "librdkafka does not subscribe to %s: %s", consumer->topic, rd_kafka_err2str(failure));
    }
    return true;
}

static bool
make_client(struct group_consumer *consumer, const struct kafka_settings *settings, const char *group,
            struct error *error)
{
    char reason[256] = "";
    rd_kafka_conf_t *conf = conf_new(settings, defaults, ours, error);

    if (conf == NULL) {
        return false;
    }
    if (rd_kafka_conf_set(conf, "group.id", group, reason, sizeof reason) != RD_KAFKA_CONF_OK) {
        rd_kafka_conf_destroy(conf);
        return error_set(error, "librdkafka does not take the group \"%s\": %s", group, reason);
    }
    rd_kafka_conf_set_opaque(conf, consumer);
    rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
    consumer->rk = conf_client(conf, RD_KAFKA_CONSUMER, error);
    if (consumer->rk == NULL) {
        return false;
    }
    rd_kafka_set_log_queue(consumer->rk, NULL);
    rd_kafka_poll_set_consumer(consumer->rk);
    return true;
}

struct group_consumer *
group_consumer_new(const struct kafka_settings *settings, const char *group, struct slice topic,
                   struct event_base *base, const struct group_consumer_owner *owner, struct error *error)
{
    struct group_consumer *consumer = calloc(1, sizeof *consumer);

    if (consumer == NULL) {
        error_set(error, "out of memory");
        return NULL;
    }
    consumer->owner = *owner;
    consumer->topic = strndup(topic.data, topic.length);
    consumer->tick = event_new(base, -1, EV_PERSIST, on_tick, consumer);
    if (consumer->topic == NULL || consumer->tick == NULL ||
        event_add(consumer->tick, &(struct timeval){.tv_usec = TICK_US}) != 0) {
        error_set(error, "out of memory");
        goto failed;
    }
    if (!make_client(consumer, settings, group, error) || !join(consumer, error)) {
        goto failed;
    }
    consumer->queue = rd_kafka_queue_get_consumer(consumer->rk);
    consumer->wakeup = wakeup_new(consumer->queue, base, serve, consumer, error);
    if (consumer->wakeup == NULL) {
        goto failed;
    }
    return consumer;

failed:
    group_consumer_free(consumer);
    return NULL;
}

bool
group_consumer_joined(const struct group_consumer *consumer)
{
    return (consumer->assigned || consumer->silent_ticks >= SILENCE_TICKS) && is_member(consumer);
}

void
group_consumer_release(struct group_consumer *consumer, int32_t partition)
{
    if (hold_of(consumer, partition) == HOLD_REVOKED) {
        set_hold(consumer, partition, HOLD_IDLE);
        note(consumer, "partition_released", partition);
        go_on(consumer);
    }
}

void
group_consumer_leave(struct group_consumer *consumer)
{
    if (!consumer->leaving) {
        consumer->leaving = true;
        rd_kafka_unsubscribe(consumer->rk);
    }
}

bool
group_consumer_committed(struct group_consumer *consumer, int32_t partition, int timeout_ms, int64_t *offset,
                         struct error *error)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_resp_err_t failure;

    rd_kafka_topic_partition_list_add(list, consumer->topic, partition);
    failure = rd_kafka_committed(consumer->rk, list, timeout_ms);
    if (failure == RD_KAFKA_RESP_ERR_NO_ERROR) {
        failure = list->elems[0].err;
    }
    *offset = list->elems[0].offset < 0 ? -1 : list->elems[0].offset;
    rd_kafka_topic_partition_list_destroy(list);
    if (failure != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return error_set(error, "Kafka does not tell the offset of %s, partition %d: %s", consumer->topic, partition,
                         rd_kafka_err2str(failure));
    }
    return true;
}

void
group_consumer_free(struct group_consumer *consumer)
{
    if (consumer == NULL) {
        return;
    }
    consumer->closing = true;
    wakeup_free(consumer->wakeup);
    if (consumer->queue != NULL) {
        rd_kafka_queue_destroy(consumer->queue);
    }
    if (consumer->tick != NULL) {
        event_free(consumer->tick);
    }
    if (consumer->rk != NULL) {
        if (consumer->revoking != NULL) {
            end_revoking(consumer); /* librdkafka would wait for it */
        }
        rd_kafka_consumer_close(consumer->rk); /* calls on_rebalance for what is left */
        /* librdkafka before 2.3.0 aborts when it frees a member that joined and never was told what is its: such a
         * one, closed, stays until the process ends. */
        if (consumer->met || rd_kafka_version() >= ASSIGNOR_STATE_CHECKED) {
            rd_kafka_destroy(consumer->rk);
        }
    }
    free(consumer->holds);
    free(consumer->topic);
    free(consumer);
}

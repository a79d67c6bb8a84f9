/* The follower: one consumer whose assignment grows as topics and partitions appear. */
#include "bus/follower.h"

#include <poll.h>
#include <stdlib.h>

#include "base/clock.h"
#include "bus/conf.h"
#include "bus/message.h"
#include "bus/metadata.h"
#include "bus/offsets.h"
#include "bus/pulled.h"

#define PAUSE_MS       50
#define LOOK_MS        1000 /* for the answer to what topics there are */
#define LOOK_EVERY_MS  5000
#define AGAIN_EVERY_MS 1000 /* while a topic is missing, or Kafka away */
#define NO_STOP        (-1)

struct followed_topic {
    const char *name;
    int partitions;             /* that are read; 0: it is not there */
    bool told;                  /* that it is not there, or not to be read */
    rd_kafka_resp_err_t failed; /* the last failure that was told */
};

struct follower {
    rd_kafka_t *rk;
    const char *brokers;
    struct followed_topic *topics;
    size_t topic_count;
    rd_kafka_topic_partition_list_t *places; /* what is read: each with the offset of the record to come */
    int64_t *stops;                          /* beside the places; NULL: it goes on and on */
    int left;                                /* places that have not come to their stops */
    int latest;                              /* whose record came last: most likely the next is its, too */
    bool away;                               /* Kafka does not answer */
    bool by_record;                          /* the broker knows no times: each record's own decides */
    int64_t from_ms, to_ms;                  /* then: what is wanted; the latter is outside */
    int64_t look_ns;                         /* when to look again what topics there are */
    size_t looked;                           /* topics of the look that goes on; topic_count: none does */
    rd_kafka_message_t *message;             /* the record at hand */
    struct header_table headers;
};

static int64_t
now_ns(void)
{
    return clock_monotonic_ns(clock_system());
}

/* --- what is read --- */

static struct followed_topic *
find_topic(struct follower *follower, const char *name)
{
    for (size_t i = 0; i < follower->topic_count; i++) {
        if (strcmp(follower->topics[i].name, name) == 0) {
            return &follower->topics[i];
        }
    }
    return NULL;
}

/* The places with what Kafka answers to the same question for each; NULL with error. */
static rd_kafka_topic_partition_list_t *
ask(struct follower *follower, const rd_kafka_topic_partition_list_t *places, int64_t what, int timeout_ms,
    struct error *error)
{
    rd_kafka_topic_partition_list_t *answers = rd_kafka_topic_partition_list_copy(places);

    for (int i = 0; i < answers->cnt; i++) {
        answers->elems[i].offset = what;
    }
    if (!offsets_ask(follower->rk, answers, timeout_ms, error)) {
        rd_kafka_topic_partition_list_destroy(answers);
        return NULL;
    }
    return answers;
}

/* For each of the places: the first record of the time or later, and its end as it is now where there is none. */
static bool
find_offsets(struct follower *follower, rd_kafka_topic_partition_list_t *places, int64_t time_ms, int timeout_ms,
             struct error *error)
{
    rd_kafka_topic_partition_list_t *ends = ask(follower, places, RD_KAFKA_OFFSET_END, timeout_ms, error);
    rd_kafka_topic_partition_list_t *firsts = NULL;

    if (ends != NULL && time_ms != FOLLOWER_FROM_NOW) {
        firsts = ask(follower, places, time_ms <= 0 ? RD_KAFKA_OFFSET_BEGINNING : time_ms, timeout_ms, error);
    }
    for (int i = 0; i < places->cnt && ends != NULL; i++) {
        int64_t first = firsts == NULL ? -1 : firsts->elems[i].offset;

        places->elems[i].offset = first >= 0 ? first : ends->elems[i].offset;
    }
    if (ends != NULL) {
        rd_kafka_topic_partition_list_destroy(ends);
    }
    if (firsts != NULL) {
        rd_kafka_topic_partition_list_destroy(firsts);
    }
    return ends != NULL && (firsts != NULL || time_ms == FOLLOWER_FROM_NOW);
}

/* Reads these, too. What has a stop is no longer asked for more. */
static bool
add_places(struct follower *follower, const rd_kafka_topic_partition_list_t *places, struct error *error)
{
    rd_kafka_error_t *failure = rd_kafka_incremental_assign(follower->rk, places);

    if (failure != NULL) {
        error_set(error, "librdkafka does not assign the partitions: %s", rd_kafka_error_string(failure));
        rd_kafka_error_destroy(failure);
        return false;
    }
    for (int i = 0; i < places->cnt; i++) {
        rd_kafka_topic_partition_list_add(follower->places, places->elems[i].topic, places->elems[i].partition)
            ->offset = places->elems[i].offset;
    }
    return true;
}

/* It is read up to this offset. */
static void
advance(struct follower *follower, int index, int64_t next)
{
    rd_kafka_topic_partition_t *place = &follower->places->elems[index];
    int64_t stop = follower->stops == NULL ? NO_STOP : follower->stops[index];

    follower->left -= stop != NO_STOP && place->offset < stop && next >= stop;
    place->offset = next;
}

/* --- what topics there are --- */

/* Partitions that are new: at the start they have a past, later they are read from their beginning. */
static bool
grow(struct follower *follower, struct followed_topic *topic, int partitions, struct error *notice)
{
    rd_kafka_topic_partition_list_t *places = rd_kafka_topic_partition_list_new(partitions);
    bool grown;

    for (int partition = topic->partitions; partition < partitions; partition++) {
        rd_kafka_topic_partition_list_add(places, topic->name, partition)->offset = 0;
    }
    grown = add_places(follower, places, notice);
    rd_kafka_topic_partition_list_destroy(places);
    if (grown && topic->partitions == 0) {
        error_set(notice, "topic %s is there now", topic->name);
    } else if (grown) {
        error_set(notice, "topic %s has %d partitions now", topic->name, partitions);
    }
    topic->partitions = partitions;
    return true;
}

/* Looks at one topic; whether there is something to tell. */
static bool
look_at(struct follower *follower, struct followed_topic *topic, struct error *notice)
{
    struct error reason = {""};
    int partitions = topic->partitions;
    enum metadata_found found = metadata_look(follower->rk, topic->name, LOOK_MS, &partitions, &reason);

    if (found == METADATA_LATER && reason.text[0] == '\0') {
        follower->looked = follower->topic_count; /* the others would not be told either */
        follower->look_ns = now_ns() + AGAIN_EVERY_MS * 1000000LL;
        if (!follower->away) {
            follower->away = true;
            error_set(notice, "Kafka at %s does not answer; waiting for it", follower->brokers);
            return true;
        }
        return false;
    }
    if (follower->away) {
        follower->away = false;
        error_set(notice, "Kafka answers again");
        follower->looked--; /* this topic is looked at again, for what there is to tell of itself */
        return true;
    }
    if (partitions > topic->partitions && follower->stops == NULL) {
        topic->told = false;
        return grow(follower, topic, partitions, notice);
    }
    if (found == METADATA_WHOLE) {
        topic->told = false;
        return false;
    }
    follower->look_ns = now_ns() + AGAIN_EVERY_MS * 1000000LL;
    if (topic->told) {
        return false;
    }
    topic->told = true;
    error_set(notice, "%s; waiting for it", reason.text);
    return true;
}

/* One topic at a time, so that each can tell something. */
static bool
look_around(struct follower *follower, struct error *notice)
{
    if (follower->looked == follower->topic_count && now_ns() >= follower->look_ns) {
        follower->looked = 0;
        follower->look_ns = now_ns() + LOOK_EVERY_MS * 1000000LL;
    }
    while (follower->looked < follower->topic_count) {
        if (look_at(follower, &follower->topics[follower->looked++], notice)) {
            return true;
        }
    }
    return false;
}

/* --- what comes --- */

static bool
take_failure(struct follower *follower, const rd_kafka_message_t *message, struct error *notice)
{
    struct followed_topic *topic =
        message->rkt == NULL ? NULL : find_topic(follower, rd_kafka_topic_name(message->rkt));

    if (message->err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
        follower->look_ns = 0; /* the look tells whether it stays so */
        return false;
    }
    if (message->err == RD_KAFKA_RESP_ERR__AUTHENTICATION) {
        error_set(notice, "Kafka refuses the credentials: %s", rd_kafka_message_errstr(message));
        return true;
    }
    /* A missing topic is told by the look, and connections that end are made again. */
    if (topic == NULL || message->err == topic->failed || message->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
        message->err == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC) {
        follower->look_ns = 0;
        return false;
    }
    topic->failed = message->err;
    error_set(notice, "topic %s, partition %d: %s", topic->name, message->partition, rd_kafka_message_errstr(message));
    return true;
}

/* Whether the message is a record that is wanted. */
static bool
take(struct follower *follower, struct consumed *record)
{
    const rd_kafka_message_t *message = follower->message;
    int index =
        pulled_index(follower->places, rd_kafka_topic_name(message->rkt), message->partition, &follower->latest);
    bool wanted;

    if (index < 0) {
        return false;
    }
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        advance(follower, index, message->offset);
        return false;
    }
    wanted = follower->stops == NULL || message->offset < follower->stops[index];
    if (wanted) {
        message_read(message, &follower->headers, record);
        wanted = !follower->by_record ||
                 (record->timestamp_ms >= follower->from_ms && record->timestamp_ms < follower->to_ms);
    }
    advance(follower, index, message->offset + 1);
    return wanted;
}

static bool
ended(const struct follower *follower)
{
    return follower->stops != NULL && follower->left == 0;
}

enum follower_news
follower_next(struct follower *follower, int timeout_ms, struct consumed *record, struct error *notice)
{
    if (follower->message != NULL) {
        rd_kafka_message_destroy(follower->message);
        follower->message = NULL;
    }
    if (ended(follower)) {
        return FOLLOWER_END;
    }
    if (look_around(follower, notice)) {
        return FOLLOWER_NOTICE;
    }
    follower->message = rd_kafka_consumer_poll(follower->rk, timeout_ms);
    if (follower->message == NULL) {
        return FOLLOWER_QUIET;
    }
    if (follower->message->err != RD_KAFKA_RESP_ERR_NO_ERROR &&
        follower->message->err != RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        return take_failure(follower, follower->message, notice) ? FOLLOWER_NOTICE : FOLLOWER_QUIET;
    }
    if (take(follower, record)) {
        return FOLLOWER_RECORD;
    }
    return ended(follower) ? FOLLOWER_END : FOLLOWER_QUIET;
}

bool
follower_stop_at(struct follower *follower, int64_t time_ms, int timeout_ms, struct error *error)
{
    rd_kafka_topic_partition_list_t *stops = rd_kafka_topic_partition_list_copy(follower->places);
    int64_t *offsets = calloc((size_t)stops->cnt + 1, sizeof *offsets);
    bool found;

    if (offsets == NULL) {
        rd_kafka_topic_partition_list_destroy(stops);
        return error_set(error, "out of memory");
    }
    follower->to_ms = time_ms;
    found = find_offsets(follower, stops, follower->by_record ? FOLLOWER_FROM_NOW : time_ms, timeout_ms, error);
    if (found) {
        follower->left = 0;
        for (int i = 0; i < stops->cnt; i++) {
            offsets[i] = stops->elems[i].offset;
            follower->left += follower->places->elems[i].offset < offsets[i];
        }
        free(follower->stops);
        follower->stops = offsets;
    } else {
        free(offsets);
    }
    rd_kafka_topic_partition_list_destroy(stops);
    return found;
}

/* --- beginning and end --- */

/* Looks at all of them until Kafka has told of each; those that are not there are told of later. */
static bool
find_topics(struct follower *follower, int64_t deadline_ns, rd_kafka_topic_partition_list_t *places,
            struct error *error)
{
    struct error reason = {""}; /* why the last one cannot be read */

    for (size_t i = 0; i < follower->topic_count; i++) {
        struct followed_topic *topic = &follower->topics[i];
        enum metadata_found found = METADATA_LATER;
        struct error why = {""};

        while (found == METADATA_LATER && why.text[0] == '\0') {
            int64_t left_ms = (deadline_ns - now_ns()) / 1000000;

            if (left_ms <= 0) {
                return false;
            }
            found = metadata_look(follower->rk, topic->name, left_ms < LOOK_MS ? (int)left_ms : LOOK_MS,
                                  &topic->partitions, &why);
            if (found == METADATA_LATER && why.text[0] == '\0') {
                poll(NULL, 0, PAUSE_MS);
            }
        }
        if (topic->partitions == 0) {
            reason = why;
        }
        for (int partition = 0; partition < topic->partitions; partition++) {
            rd_kafka_topic_partition_list_add(places, topic->name, partition);
        }
    }
    return places->cnt > 0 || error_set(error, "%s", reason.text);
}

/* The embedded broker, which answers a question for a time as if no record were that young. */
static bool
knows_no_times(const struct follower *follower)
{
    char *cluster = rd_kafka_clusterid(follower->rk, LOOK_MS);
    bool embedded = cluster != NULL && strncmp(cluster, "mockCluster", strlen("mockCluster")) == 0;

    if (cluster != NULL) {
        rd_kafka_mem_free(follower->rk, cluster);
    }
    return embedded;
}

static bool
begin(struct follower *follower, int64_t from_ms, int timeout_ms, struct error *error)
{
    int64_t deadline_ns = now_ns() + timeout_ms * 1000000LL;
    rd_kafka_topic_partition_list_t *places = rd_kafka_topic_partition_list_new(1);
    bool begun;

    (void)metadata_unreachable(follower->brokers, timeout_ms, error);
    begun = find_topics(follower, deadline_ns, places, error);
    if (begun && from_ms != FOLLOWER_FROM_NOW && knows_no_times(follower)) {
        follower->by_record = true;
        follower->from_ms = from_ms;
        from_ms = 0;
    }
    begun = begun && find_offsets(follower, places, from_ms, timeout_ms, error) && add_places(follower, places, error);
    rd_kafka_topic_partition_list_destroy(places);
    return begun;
}

static bool
open_client(struct follower *follower, const struct kafka_settings *settings, struct error *error)
{
    rd_kafka_conf_t *conf = conf_new(settings, pulled_defaults, pulled_ours, error);

    if (conf == NULL) {
        return false;
    }
    follower->rk = conf_client(conf, RD_KAFKA_CONSUMER, error);
    if (follower->rk == NULL) {
        return false;
    }
    rd_kafka_set_log_queue(follower->rk, NULL);
    rd_kafka_poll_set_consumer(follower->rk);
    follower->brokers = conf_brokers(settings);
    return true;
}

struct follower *
follower_new(const struct kafka_settings *settings, const struct slice *topics, size_t count, int64_t from_ms,
             int timeout_ms, struct error *error)
{
    struct follower *follower = calloc(1, sizeof *follower);

    if (follower == NULL) {
        error_set(error, "out of memory");
        return NULL;
    }
    follower->places = rd_kafka_topic_partition_list_new(1);
    follower->topics = calloc(count, sizeof *follower->topics);
    follower->topic_count = follower->looked = count;
    follower->to_ms = INT64_MAX;
    if (follower->topics == NULL) {
        error_set(error, "out of memory");
        follower_free(follower);
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        follower->topics[i].name = topics[i].data;
    }
    if (!open_client(follower, settings, error) || !begin(follower, from_ms, timeout_ms, error)) {
        follower_free(follower);
        return NULL;
    }
    return follower;
}

void
follower_free(struct follower *follower)
{
    if (follower == NULL) {
        return;
    }
    if (follower->message != NULL) {
        rd_kafka_message_destroy(follower->message);
    }
    if (follower->rk != NULL) {
        rd_kafka_consumer_close(follower->rk);
        rd_kafka_destroy(follower->rk);
    }
    rd_kafka_topic_partition_list_destroy(follower->places);
    header_table_free(&follower->headers);
    free(follower->topics);
    free(follower->stops);
    free(follower);
}

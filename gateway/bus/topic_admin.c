/* Makes topics and looks at them, by Kafka's admin calls where the broker has them, else by metadata. */
#include "bus/topic_admin.h"

#include <stdlib.h>

#include "base/clock.h"
#include "bus/conf.h"
#include "bus/metadata.h"
#include "bus/topic_settings.h"

#define ANSWER_GRACE_MS 1000 /* librdkafka answers by itself when a request has timed out */

struct topic_admin {
    const char *brokers; /* for messages */
    rd_kafka_t *rk;
};

static const struct kafka_property none[] = {{NULL, NULL}};

static int
left_ms(int64_t deadline_ns)
{
    int64_t left_ns = deadline_ns - clock_monotonic_ns(clock_system());

    return left_ns <= 0 ? 1 : (int)(left_ns / 1000000) + 1;
}

struct topic_admin *
topic_admin_new(const struct kafka_settings *settings, struct error *error)
{
    struct topic_admin *admin = calloc(1, sizeof *admin);
    rd_kafka_conf_t *conf;

    if (admin == NULL) {
        error_set(error, "out of memory");
        return NULL;
    }
    admin->brokers = conf_brokers(settings);
    conf = conf_new(settings, none, none, error);
    admin->rk = conf == NULL ? NULL : conf_client(conf, RD_KAFKA_PRODUCER, error);
    if (admin->rk == NULL) {
        free(admin);
        return NULL;
    }
    return admin;
}

void
topic_admin_free(struct topic_admin *admin)
{
    if (admin == NULL) {
        return;
    }
    rd_kafka_destroy(admin->rk);
    free(admin);
}

static const struct rd_kafka_metadata_topic *
find_topic(const struct rd_kafka_metadata *metadata, const char *name)
{
    for (int i = 0; i < metadata->topic_cnt; i++) {
        if (strcmp(metadata->topics[i].topic, name) == 0) {
            return &metadata->topics[i];
        }
    }
    return NULL;
}

/* Every topic that there is, which makes none. NULL with error when Kafka does not answer. */
static const struct rd_kafka_metadata *
list_topics(struct topic_admin *admin, int timeout_ms, struct error *error)
{
    const struct rd_kafka_metadata *metadata = NULL;

    if (rd_kafka_metadata(admin->rk, 1, NULL, &metadata, timeout_ms) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        metadata_unreachable(admin->brokers, timeout_ms, error);
        return NULL;
    }
    return metadata;
}

/* Whether there is a broker to send admin calls to. The embedded one has none; librdkafka would wait for it in vain. */
static bool
has_controller(struct topic_admin *admin, const struct rd_kafka_metadata *metadata)
{
    int32_t controller = rd_kafka_controllerid(admin->rk, 0); /* as the metadata told */

    for (int i = 0; i < metadata->broker_cnt; i++) {
        if (metadata->brokers[i].id == controller) {
            return true;
        }
    }
    return false;
}

static rd_kafka_AdminOptions_t *
admin_options(struct topic_admin *admin, rd_kafka_admin_op_t operation, int timeout_ms)
{
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(admin->rk, operation);

    /* Out of range it keeps its default; the wait for the answer has its own end. */
    rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, NULL, 0);
    if (operation == RD_KAFKA_ADMIN_OP_CREATETOPICS) {
        rd_kafka_AdminOptions_set_operation_timeout(options, timeout_ms, NULL, 0);
    }
    return options;
}

/* --- making --- */

/* Somebody else may have made the other one, with as many as they liked. */
static int
partitions_to_make(const struct rd_kafka_metadata *metadata, const struct topic_spec *spec)
{
    const struct rd_kafka_metadata_topic *other =
        spec->partitions_as == NULL ? NULL : find_topic(metadata, spec->partitions_as);

    return other != NULL && other->partition_cnt > 0 ? other->partition_cnt : spec->partitions;
}

static bool
add_missing(const struct rd_kafka_metadata *metadata, const struct topic_spec *specs, size_t count,
            rd_kafka_NewTopic_t **topics, size_t *missing, struct error *error)
{
    char reason[200] = "";

    *missing = 0;
    for (size_t i = 0; i < count; i++) {
        rd_kafka_NewTopic_t *topic;

        if (find_topic(metadata, specs[i].name) != NULL) {
            continue;
        }
        topic = rd_kafka_NewTopic_new(specs[i].name, partitions_to_make(metadata, &specs[i]), specs[i].replication,
                                      reason, sizeof reason);
        if (topic == NULL) {
            return error_set(error, "topic %s: %s", specs[i].name, reason);
        }
        topics[(*missing)++] = topic;
        if (!topic_settings_apply(topic, &specs[i], error)) {
            return false;
        }
    }
    return true;
}

static bool
judge_created(rd_kafka_event_t *event, struct error *error)
{
    const rd_kafka_topic_result_t **results;
    rd_kafka_resp_err_t failure = rd_kafka_event_error(event);
    size_t count;

    if (failure != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return error_set(error, "Kafka does not make topics: %s", rd_kafka_event_error_string(event));
    }
    results = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
    for (size_t i = 0; i < count; i++) {
        const char *reason = rd_kafka_topic_result_error_string(results[i]);

        failure = rd_kafka_topic_result_error(results[i]);
        if (failure != RD_KAFKA_RESP_ERR_NO_ERROR && failure != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) {
            return error_set(error, "Kafka does not make topic %s: %s", rd_kafka_topic_result_name(results[i]),
                             reason == NULL ? rd_kafka_err2str(failure) : reason);
        }
    }
    return true;
}

static bool
create_missing(struct topic_admin *admin, rd_kafka_NewTopic_t **topics, size_t count, int timeout_ms,
               struct error *error)
{
    rd_kafka_AdminOptions_t *options = admin_options(admin, RD_KAFKA_ADMIN_OP_CREATETOPICS, timeout_ms);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(admin->rk); /* its own: no late answer to an earlier call is in it */
    rd_kafka_event_t *event;
    bool created;

    rd_kafka_CreateTopics(admin->rk, topics, count, options, queue);
    rd_kafka_AdminOptions_destroy(options);
    event = rd_kafka_queue_poll(queue, timeout_ms + ANSWER_GRACE_MS);
    rd_kafka_queue_destroy(queue);
    if (event == NULL) {
        return metadata_unreachable(admin->brokers, timeout_ms, error);
    }
    created = judge_created(event, error);
    rd_kafka_event_destroy(event);
    return created;
}

static bool
await_all(struct topic_admin *admin, const struct topic_spec *specs, size_t count, int timeout_ms, struct error *error)
{
    struct slice *names = calloc(count, sizeof *names);
    bool whole;

    if (names == NULL) {
        return error_set(error, "out of memory");
    }
    for (size_t i = 0; i < count; i++) {
        names[i] = slice_from(specs[i].name);
    }
    whole = metadata_await(admin->rk, admin->brokers, names, count, timeout_ms, NULL, error);
    free(names);
    return whole;
}

bool
topic_admin_create(struct topic_admin *admin, const struct topic_spec *specs, size_t count, int timeout_ms,
                   struct error *error)
{
    int64_t deadline_ns = clock_monotonic_ns(clock_system()) + timeout_ms * 1000000LL;
    const struct rd_kafka_metadata *metadata = list_topics(admin, timeout_ms, error);
    rd_kafka_NewTopic_t **topics = calloc(count + 1, sizeof(rd_kafka_NewTopic_t *));
    size_t missing = 0;
    bool good = metadata != NULL;

    if (topics == NULL) {
        error_set(error, "out of memory");
        good = false;
    }
    if (good && has_controller(admin, metadata)) {
        good = add_missing(metadata, specs, count, topics, &missing, error) &&
               (missing == 0 || create_missing(admin, topics, missing, left_ms(deadline_ns), error));
        rd_kafka_NewTopic_destroy_array(topics, missing);
    }
    /* Without admin calls this alone makes them: the embedded broker makes what it is asked for. */
    good = good && await_all(admin, specs, count, left_ms(deadline_ns), error);
    free(topics);
    rd_kafka_metadata_destroy(metadata);
    return good;
}

/* --- checking --- */

/* What metadata tells: there, led, partitions and replicas. */
static void
check_shape(const struct rd_kafka_metadata_topic *topic, const struct topic_spec *spec, struct topic_report *report)
{
    *report = (struct topic_report){.verdict = TOPIC_UNKNOWN};
    if (topic == NULL) {
        report->verdict = TOPIC_MISSING;
        topic_detail(report->detail, sizeof report->detail,
                     "is not there (or this user may not see it): make it by `trunkline topics create`");
        return;
    }
    report->partitions = topic->partition_cnt;
    for (int i = 0; i < topic->partition_cnt; i++) {
        if (topic->partitions[i].leader < 0) {
            report->verdict = TOPIC_NO_LEADER;
            topic_detail(report->detail, sizeof report->detail,
                         "partition %d has no leader: see that its brokers are up", topic->partitions[i].id);
            return;
        }
    }
    if (topic->partition_cnt != spec->partitions) {
        topic_detail(report->detail, sizeof report->detail,
                     "has %d partitions, the configuration says %d: make them agree (added partitions move keys)",
                     topic->partition_cnt, spec->partitions);
    }
    if (spec->replication > 0 && topic->partition_cnt > 0 && topic->partitions[0].replica_cnt != spec->replication) {
        topic_detail(report->detail, sizeof report->detail, "has %d replicas, the configuration says %d",
                     topic->partitions[0].replica_cnt, spec->replication);
    }
}

static rd_kafka_event_t *
describe(struct topic_admin *admin, const struct topic_spec *specs, const struct topic_report *reports, size_t count,
         int timeout_ms)
{
    rd_kafka_ConfigResource_t **resources = calloc(count + 1, sizeof(rd_kafka_ConfigResource_t *));
    rd_kafka_AdminOptions_t *options = admin_options(admin, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, timeout_ms);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(admin->rk);
    rd_kafka_event_t *event = NULL;
    size_t asked = 0;

    for (size_t i = 0; resources != NULL && i < count; i++) {
        if (reports[i].verdict == TOPIC_UNKNOWN) {
            resources[asked++] = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, specs[i].name);
        }
    }
    if (asked > 0) {
        rd_kafka_DescribeConfigs(admin->rk, resources, asked, options, queue);
        event = rd_kafka_queue_poll(queue, timeout_ms + ANSWER_GRACE_MS);
        rd_kafka_ConfigResource_destroy_array(resources, asked);
    }
    free(resources);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_queue_destroy(queue);
    return event;
}

static void
compare_settings(const rd_kafka_ConfigResource_t *resource, const struct topic_spec *specs,
                 struct topic_report *reports, size_t count)
{
    size_t entry_count;
    const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(resource, &entry_count);

    for (size_t i = 0; i < count; i++) {
        struct topic_report *report = &reports[i];

        if (report->verdict == TOPIC_UNKNOWN && strcmp(specs[i].name, rd_kafka_ConfigResource_name(resource)) == 0) {
            topic_settings_compare(&specs[i], entries, entry_count, report);
            report->verdict = TOPIC_GOOD;
        }
    }
}

/* What the broker does not tell, for want of admin calls or of permission, stays unknown. */
static void
check_settings(struct topic_admin *admin, const struct topic_spec *specs, struct topic_report *reports, size_t count,
               int timeout_ms)
{
    rd_kafka_event_t *event = describe(admin, specs, reports, count, timeout_ms);
    const rd_kafka_ConfigResource_t **resources;
    size_t described = 0;

    if (event == NULL) {
        return;
    }
    if (rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        resources = rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event), &described);
        for (size_t i = 0; i < described; i++) {
            if (rd_kafka_ConfigResource_error(resources[i]) == RD_KAFKA_RESP_ERR_NO_ERROR) {
                compare_settings(resources[i], specs, reports, count);
            }
        }
    }
    rd_kafka_event_destroy(event);
}

bool
topic_admin_check(struct topic_admin *admin, const struct topic_spec *specs, size_t count, int timeout_ms,
                  struct topic_report *reports, struct error *error)
{
    int64_t deadline_ns = clock_monotonic_ns(clock_system()) + timeout_ms * 1000000LL;
    const struct rd_kafka_metadata *metadata = list_topics(admin, timeout_ms, error);
    bool controller;

    if (metadata == NULL) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        check_shape(find_topic(metadata, specs[i].name), &specs[i], &reports[i]);
    }
    controller = has_controller(admin, metadata);
    rd_kafka_metadata_destroy(metadata);
    if (controller) {
        check_settings(admin, specs, reports, count, left_ms(deadline_ns));
    }
    for (size_t i = 0; i < count; i++) {
        bool whole = reports[i].verdict == TOPIC_UNKNOWN || reports[i].verdict == TOPIC_GOOD;

        if (whole && reports[i].detail[0] != '\0') {
            reports[i].verdict = TOPIC_DIFFERENT;
        }
    }
    return true;
}

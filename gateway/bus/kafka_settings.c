/* Which of librdkafka's properties are the user's to set, and the making of clients from them. */
#include "bus/kafka_settings.h"

#include <stdlib.h>

#include "base/log.h"
#include "bus/conf.h"
#include "bus/refusal.h"

#define IN_FLIGHT_LIMIT 5 /* more, and an idempotent producer could not keep the order */

/* What promises of ours rest on, or what the code depends on. */
static const struct {
    const char *name;
    const char *reason;
} reserved[] = {
    {"acks", "always all: an answered callback is durable"},
    {"request.required.acks", "always all: an answered callback is durable"},
    {"enable.idempotence", "always true: it keeps the order of a call's events"},
    {"enable.gapless.guarantee", "a gap is reported to the vendor and needs no halt"},
    {"retries", "a record is tried again until message.timeout.ms"},
    {"message.send.max.retries", "a record is tried again until message.timeout.ms"},
    {"partitioner", "always murmur2_random, as Java's clients have it"},
    {"queuing.strategy", "always fifo: it keeps the order of a call's events"},
    {"queue.buffering.backpressure.threshold", "an idempotent producer needs 1"},
    {"transactional.id", "Trunkline names its transactions itself"},
    {"group.id", "Trunkline names its groups itself"},
    {"group.instance.id", "Trunkline names its groups itself"},
    {"enable.auto.commit", "Trunkline commits offsets itself"},
    {"auto.commit.enable", "Trunkline commits offsets itself"},
    {"enable.auto.offset.store", "Trunkline commits offsets itself"},
    {"auto.offset.reset", "Trunkline decides where reading begins"},
    {"enable.partition.eof", "Trunkline sets it as its readers need"},
    {"isolation.level", "always read_committed: what a transaction took back was never said"},
    {"statistics.interval.ms", "the metrics need its own"},
    {"log.queue", "Trunkline decides where librdkafka logs"},
    {"test.mock.num.brokers", "`trunkline dev` has an embedded broker"},
};

/* Of every client. */
static const struct kafka_property common_defaults[] = {
    {"client.id", "trunkline"},
    /* Else a small request waits for the acknowledgement of the one before it: 40 ms and more. */
    {"socket.nagle.disable", "true"},
    {"socket.keepalive.enable", "true"},
    /* Without a connection librdkafka sleeps for this long and looks at no deadline of a record meanwhile. */
    {"reconnect.backoff.max.ms", "1000"},
    {NULL, NULL},
};

/* A value that must not be repeated in a message. */
static bool
is_secret(const char *name)
{
    static const char *const marks[] = {"password", "secret", "pem", "sasl.oauthbearer.config", "token"};

    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        if (strstr(name, marks[i]) != NULL) {
            return true;
        }
    }
    return false;
}

static bool
set_property(rd_kafka_conf_t *conf, const char *name, const char *value, struct error *error)
{
    char reason[256] = "";
    rd_kafka_conf_res_t result = rd_kafka_conf_set(conf, name, value, reason, sizeof reason);

    if (result == RD_KAFKA_CONF_OK) {
        return true;
    }
    if (result == RD_KAFKA_CONF_UNKNOWN) {
        return error_set(error, "librdkafka has no property \"%s\"; its CONFIGURATION.md lists them", name);
    }
    if (is_secret(name)) {
        return error_set(error, "librdkafka does not take this value for \"%s\"", name);
    }
    reason[strcspn(reason, "\n")] = '\0';
    return error_set(error, "librdkafka does not take this value for \"%s\": %s", name, reason);
}

bool
kafka_property_check(const char *name, const char *value, struct error *error)
{
    rd_kafka_conf_t *scratch;
    bool taken;

    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++) {
        if (strcmp(name, reserved[i].name) == 0) {
            return error_set(error, "\"%s\" is not yours to set (%s); take it out", name, reserved[i].reason);
        }
    }
    if (strcmp(name, "max.in.flight") == 0 || strcmp(name, "max.in.flight.requests.per.connection") == 0) {
        if (strtol(value, NULL, 10) > IN_FLIGHT_LIMIT) {
            return error_set(error, "\"%s\" may be at most %d: an idempotent producer needs it", name, IN_FLIGHT_LIMIT);
        }
    }
    scratch = rd_kafka_conf_new();
    taken = set_property(scratch, name, value, error);
    rd_kafka_conf_destroy(scratch);
    return taken;
}

static bool
set_list(rd_kafka_conf_t *conf, const struct kafka_property *list, struct error *error)
{
    for (; list->name != NULL; list++) {
        if (!set_property(conf, list->name, list->value, error)) {
            return false;
        }
    }
    return true;
}

const char *
conf_brokers(const struct kafka_settings *settings)
{
    for (size_t i = settings->count; i > 0; i--) {
        const struct kafka_property *property = &settings->properties[i - 1];

        if (strcmp(property->name, "bootstrap.servers") == 0 || strcmp(property->name, "metadata.broker.list") == 0) {
            return property->value;
        }
    }
    return "";
}

rd_kafka_conf_t *
conf_new(const struct kafka_settings *settings, const struct kafka_property *defaults,
         const struct kafka_property *ours, struct error *error)
{
    rd_kafka_conf_t *conf;

    if (conf_brokers(settings)[0] == '\0') {
        error_set(error, "no broker is named; set kafka.bootstrap.servers to host:port of one or more");
        return NULL;
    }
    conf = rd_kafka_conf_new();
    if (!set_list(conf, common_defaults, error) || !set_list(conf, defaults, error)) {
        goto refused;
    }
    for (size_t i = 0; i < settings->count; i++) {
        if (!set_property(conf, settings->properties[i].name, settings->properties[i].value, error)) {
            goto refused;
        }
    }
    if (!set_list(conf, ours, error)) {
        goto refused;
    }
    rd_kafka_conf_set_log_cb(conf, conf_log);
    return conf;

refused:
    rd_kafka_conf_destroy(conf);
    return NULL;
}

rd_kafka_t *
conf_client(rd_kafka_conf_t *conf, rd_kafka_type_t type, struct error *error)
{
    char reason[256] = "";
    rd_kafka_t *rk = rd_kafka_new(type, conf, reason, sizeof reason);

    if (rk == NULL) {
        rd_kafka_conf_destroy(conf);
        error_set(error, "librdkafka does not take the settings under kafka: %s", reason);
    }
    return rk;
}

void
conf_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    static _Thread_local struct log_limit limit = LOG_LIMIT_DEFAULT;
    enum log_level ours = level <= 2 ? LOG_LEVEL_ERROR : level <= 4 ? LOG_LEVEL_WARN : LOG_LEVEL_DEBUG;

    /* `kafka:` is one list for all clients, and a producer ignores what is for consumers; the embedded broker is too
     * old to be told that it should not make topics. Neither is anybody's fault. */
    if (strcmp(facility, "CONFWARN") == 0 || strcmp(facility, "AUTOCREATE") == 0) {
        ours = LOG_LEVEL_DEBUG;
    }
    if (strcmp(facility, "FAIL") == 0) {
        refusal_note(text);
    }
    if (log_enabled(ours)) {
        log_write_limited(
            &limit, ours, "kafka_client",
            (struct log_field[]){
                log_text("client", rd_kafka_name(rk)), log_text("facility", facility), log_text("text", text), {0}});
    }
}

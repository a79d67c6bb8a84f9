/* What a topic is made with, and how the settings it has differ from what it should have. */
#include "bus/topic_settings.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

#define KAFKA_DEFAULT_MAX_MESSAGE_BYTES 1048588

static bool
set(rd_kafka_NewTopic_t *topic, const char *name, const char *value, struct error *error)
{
    rd_kafka_resp_err_t failure = rd_kafka_NewTopic_set_config(topic, name, value);

    if (failure != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return error_set(error, "%s=%s: %s", name, value, rd_kafka_err2str(failure));
    }
    return true;
}

static bool
set_number(rd_kafka_NewTopic_t *topic, const char *name, int64_t number, struct error *error)
{
    char text[24];

    snprintf(text, sizeof text, "%" PRId64, number);
    return set(topic, name, text, error);
}

bool
topic_settings_apply(rd_kafka_NewTopic_t *topic, const struct topic_spec *spec, struct error *error)
{
    /* Not less than Kafka's own default: producers batch by that. */
    int64_t message_bytes = spec->max_message_bytes > KAFKA_DEFAULT_MAX_MESSAGE_BYTES ? spec->max_message_bytes
                                                                                      : KAFKA_DEFAULT_MAX_MESSAGE_BYTES;

    return (spec->cleanup_policy == NULL || set(topic, "cleanup.policy", spec->cleanup_policy, error)) &&
           (spec->retention_ms == 0 || set_number(topic, "retention.ms", spec->retention_ms, error)) &&
           (spec->timestamp_type == NULL || set(topic, "message.timestamp.type", spec->timestamp_type, error)) &&
           (spec->max_message_bytes == 0 || set_number(topic, "max.message.bytes", message_bytes, error)) &&
           (spec->min_insync_replicas == 0 ||
            set_number(topic, "min.insync.replicas", spec->min_insync_replicas, error));
}

void
topic_detail(char *detail, size_t size, const char *format, ...)
{
    size_t used = strlen(detail);
    va_list arguments;

    if (used > 0 && used + 2 < size) {
        memcpy(detail + used, "; ", 3);
        used += 2;
    }
    va_start(arguments, format);
    vsnprintf(detail + used, size - used, format, arguments);
    va_end(arguments);
}

static void
compare_text(const char *name, const char *wanted, const char *found, char *detail, size_t size)
{
    if (wanted != NULL && strcmp(wanted, found) != 0) {
        topic_detail(detail, size, "%s is %s, should be %s: alter it", name, found, wanted);
    }
}

/* Whether it is at least what is wanted. */
static bool
compare_least(const char *name, int64_t wanted, const char *found, char *detail, size_t size)
{
    if (wanted == 0 || strtoll(found, NULL, 10) >= wanted) {
        return true;
    }
    topic_detail(detail, size, "%s is %s, needs %" PRId64 " or more: raise it", name, found, wanted);
    return false;
}

void
topic_settings_compare(const struct topic_spec *spec, const rd_kafka_ConfigEntry_t *const *entries, size_t count,
                       struct topic_report *report)
{
    char *detail = report->detail;
    const size_t size = sizeof(report->detail);

    for (size_t i = 0; i < count; i++) {
        const char *name = rd_kafka_ConfigEntry_name(entries[i]);
        const char *value = rd_kafka_ConfigEntry_value(entries[i]);

        if (value == NULL) {
            continue;
        }
        if (strcmp(name, "cleanup.policy") == 0) {
            compare_text(name, spec->cleanup_policy, value, detail, size);
        } else if (strcmp(name, "message.timestamp.type") == 0) {
            compare_text(name, spec->timestamp_type, value, detail, size);
        } else if (strcmp(name, "max.message.bytes") == 0) {
            report->too_small = !compare_least(name, spec->max_message_bytes, value, detail, size);
        } else if (strcmp(name, "min.insync.replicas") == 0) {
            (void)compare_least(name, spec->min_insync_replicas, value, detail, size);
        } else if (strcmp(name, "retention.ms") == 0 && spec->retention_ms != 0 &&
                   strtoll(value, NULL, 10) != spec->retention_ms) {
            topic_detail(detail, size, "retention.ms is %s, should be %" PRId64 ": alter it", value,
                         spec->retention_ms);
        }
    }
}

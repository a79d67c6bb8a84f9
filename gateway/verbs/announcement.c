/* The lines of the log with which a process begins. */
#include "verbs/announcement.h"

#include <stdio.h>

#include "base/log.h"
#include "verbs/spool_room.h"

#define NAMES_BYTES 1024

const char *
announced_brokers(const struct config *config)
{
    const struct kafka_settings *kafka = &config->kafka;

    for (size_t i = 0; i < kafka->count; i++) {
        if (strcmp(kafka->properties[i].name, "bootstrap.servers") == 0) {
            return kafka->properties[i].value;
        }
    }
    return "";
}

/* A list for one line of the log; what does not fit is left out, whole names at a time. */
static size_t
names_add(char names[NAMES_BYTES], size_t length, struct slice name)
{
    if (length + name.length + 2 > NAMES_BYTES) {
        return length;
    }
    return length +
           (size_t)snprintf(names + length, NAMES_BYTES - length, "%s%.*s", length == 0 ? "" : " ", SLICE_ARGS(name));
}

void
announce_ingress(const struct announcement *announcement)
{
    const struct config *config = announcement->config;
    char names[NAMES_BYTES] = "";
    struct error warning;
    size_t length = 0;

    for (size_t i = 0; i < config->source_count; i++) {
        length = names_add(names, length, config->sources[i].name);
    }
    log_info("gateway_started", log_text("url", announcement->url),
             log_text("management_url", announcement->management_url), log_text("kafka", announced_brokers(config)),
             log_text("sources", names), log_text("instance", announcement->instance),
             log_integer("spool_max_bytes", (int64_t)config->spool.max_bytes), log_text("version", TRUNKLINE_VERSION));
    if (spool_room_short(config, &warning)) {
        log_warn("spool_room_short", log_text("reason", warning.text));
    }
}

void
announce_egress(const struct announcement *announcement)
{
    const struct config *config = announcement->config;
    char names[NAMES_BYTES] = "";
    size_t length = 0;

    log_info("egress_started", log_text("management_url", announcement->management_url),
             log_text("kafka", announced_brokers(config)), log_text("group", config->egress.group),
             log_integer("accounts", (int64_t)config->account_count), log_text("instance", announcement->instance),
             log_text("version", TRUNKLINE_VERSION));
    for (size_t i = 0; i < config->accounts_left_out_count; i++) {
        length = names_add(names, length, config->accounts_left_out[i]);
    }
    if (config->accounts_left_out_count > 0) {
        log_warn("accounts_left_out", log_integer("count", (int64_t)config->accounts_left_out_count),
                 log_text("accounts", names), log_text("reason", "no credentials are configured for them"));
    }
}

void
announce_warnings(const struct config *config)
{
    for (size_t i = 0; i < config->warning_count; i++) {
        log_warn("configuration_warning", log_text("file", config->warnings[i].path),
                 log_integer("line", config->warnings[i].line), log_slice("reason", config->warnings[i].text));
    }
}

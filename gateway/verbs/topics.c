/* `trunkline topics`: what topics a configuration needs, whether Kafka has them so, and the making of those that are
 * missing. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "bus/topic_admin.h"
#include "verbs/options.h"
#include "verbs/verbs.h"

#define TIMEOUT_MS 10000

struct topics {
    const struct topic_spec *specs;
    size_t count;
    struct topic_admin *admin;
    struct topic_report *reports;
};

static int
name_width(const struct topics *topics)
{
    size_t width = strlen("TOPIC");

    for (size_t i = 0; i < topics->count; i++) {
        size_t length = strlen(topics->specs[i].name);

        width = length > width ? length : width;
    }
    return (int)width;
}

static const char *
number_or(char *text, size_t size, int64_t number, const char *otherwise)
{
    if (number <= 0) {
        return otherwise;
    }
    snprintf(text, size, "%" PRId64, number);
    return text;
}

/* What the configuration asks for; asks nobody. */
static int
list(const struct topics *topics)
{
    int width = name_width(topics);

    printf("%-*s  PARTITIONS  REPLICAS  CLEANUP  RETENTION_MS  TIMESTAMPS     MAX_MESSAGE_BYTES\n", width, "TOPIC");
    for (size_t i = 0; i < topics->count; i++) {
        const struct topic_spec *spec = &topics->specs[i];
        char replicas[24], retention[24], bytes[24];

        printf("%-*s  %10d  %8s  %-7s  %12s  %-13s  %17s\n", width, spec->name, spec->partitions,
               number_or(replicas, sizeof replicas, spec->replication, "-"),
               spec->cleanup_policy == NULL ? "-" : spec->cleanup_policy,
               number_or(retention, sizeof retention, spec->retention_ms, spec->retention_ms == -1 ? "for ever" : "-"),
               spec->timestamp_type == NULL ? "-" : spec->timestamp_type,
               number_or(bytes, sizeof bytes, spec->max_message_bytes, "-"));
    }
    return EXIT_OK;
}

static bool
look(struct topics *topics, struct error *error)
{
    return topic_admin_check(topics->admin, topics->specs, topics->count, TIMEOUT_MS, topics->reports, error);
}

/* Prints a line a topic; true when there is nothing to do. */
static bool
report(const struct topics *topics)
{
    static const char *const verdicts[] = {
        [TOPIC_GOOD] = "good",           [TOPIC_MISSING] = "missing", [TOPIC_NO_LEADER] = "no leader",
        [TOPIC_DIFFERENT] = "different", [TOPIC_UNKNOWN] = "there",
    };
    int width = name_width(topics);
    bool good = true;

    for (size_t i = 0; i < topics->count; i++) {
        const struct topic_report *one = &topics->reports[i];
        const char *detail = one->verdict == TOPIC_UNKNOWN ? "this broker does not tell its settings" : one->detail;

        printf("%-*s  %s", width, topics->specs[i].name, verdicts[one->verdict]);
        if (detail[0] != '\0') {
            printf(": %s", detail);
        }
        putchar('\n');
        good = good && (one->verdict == TOPIC_GOOD || one->verdict == TOPIC_UNKNOWN);
    }
    return good;
}

static int
check(struct topics *topics, struct error *error)
{
    if (!look(topics, error)) {
        return EXIT_FAULT;
    }
    if (!report(topics)) {
        error_set(error, "not every topic is as Trunkline needs it; the lines above say what to do");
        return EXIT_FAULT;
    }
    return EXIT_OK;
}

static int
create(struct topics *topics, struct error *error)
{
    size_t missing = 0;

    if (!look(topics, error)) {
        return EXIT_FAULT;
    }
    for (size_t i = 0; i < topics->count; i++) {
        if (topics->reports[i].verdict == TOPIC_MISSING) {
            missing++;
        }
    }
    if (!topic_admin_create(topics->admin, topics->specs, topics->count, TIMEOUT_MS, error)) {
        return EXIT_FAULT;
    }
    printf("%zu of %zu topics were missing and have been made\n", missing, topics->count);
    return check(topics, error);
}

static int
with_kafka(const struct config *config, const char *what, struct topics *topics)
{
    struct error error = {""};
    int status = EXIT_FAULT;

    topics->admin = topic_admin_new(&config->kafka, &error);
    topics->reports = calloc(topics->count, sizeof *topics->reports);
    if (topics->reports == NULL) {
        error_set(&error, "out of memory");
    } else if (topics->admin != NULL) {
        status = strcmp(what, "create") == 0 ? create(topics, &error) : check(topics, &error);
    }
    if (status != EXIT_OK) {
        fflush(stdout);
        fprintf(stderr, "trunkline topics: %s\n", error.text);
    }
    free(topics->reports);
    topic_admin_free(topics->admin);
    return status;
}

static const struct option table[] = {COMMON_OPTIONS};

static int
topics_run(int argc, char **argv)
{
    struct common_options common = {.log_format = LOG_FORMAT_TEXT, .log_level = LOG_LEVEL_ERROR};
    struct topics topics = {0};
    const char *what;
    struct config *config;
    int status;

    if (options_next(argc, argv, table, &common) != -1 || !options_operand(argc, argv, &what)) {
        return EXIT_USAGE;
    }
    if (what == NULL || (strcmp(what, "list") != 0 && strcmp(what, "create") != 0 && strcmp(what, "check") != 0)) {
        fprintf(stderr, "trunkline topics: say what to do: list, create or check\n");
        return EXIT_USAGE;
    }
    log_setup(common.log_format, common.log_level, clock_system());
    config = options_load(common.config == NULL ? DEFAULT_CONFIG : common.config, 0);
    if (config == NULL) {
        return EXIT_USAGE;
    }
    if ((config->parts_left_out & CONFIG_SOURCES) != 0) { /* routes have topics of their own */
        config_warnings_print(config, stderr);
    }
    topics.specs = config_topic_specs(config, &topics.count);
    status = strcmp(what, "list") == 0 ? list(&topics) : with_kafka(config, what, &topics);
    config_free(config);
    return status;
}

const struct verb verb_topics = {
    .name = "topics",
    .summary = "lists, creates and checks the Kafka topics that a configuration needs",
    .usage = "usage: trunkline topics list|create|check [OPTIONS]\n\n"
             "  list     prints what the configuration asks for; needs no Kafka\n"
             "  create   makes the topics that are missing, changes none that is there, then checks\n"
             "  check    holds each topic against what is asked for; exit status 1 when anything is to be "
             "done\n\n" COMMON_USAGE,
    .actions = (const struct verb_action[]){{"list", table}, {"create", table}, {"check", table}, {NULL, NULL}},
    .run = topics_run,
};

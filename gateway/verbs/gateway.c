/* `trunkline gateway`: the HTTP ingress, run from a configuration. */
#include <stdio.h>

#include "verbs/options.h"
#include "verbs/process.h"
#include "verbs/verbs.h"

static int
gateway_run(int argc, char **argv)
{
    static const struct option table[] = {COMMON_OPTIONS};
    struct common_options common = {.log_format = LOG_FORMAT_JSON, .log_level = LOG_LEVEL_INFO};
    struct error error = {0};
    const char *operand;
    struct config *config;
    struct process *process;
    int status = EXIT_FAULT;

    if (options_next(argc, argv, table, &common) != -1 || !options_operand(argc, argv, &operand)) {
        return EXIT_USAGE;
    }
    if (operand != NULL) {
        fprintf(stderr, "trunkline gateway: '%s' is too much: it takes options only\n", operand);
        return EXIT_USAGE;
    }
    log_setup(common.log_format, common.log_level, clock_system());
    config = options_load(common.config == NULL ? DEFAULT_CONFIG : common.config);
    if (config == NULL) {
        return EXIT_USAGE;
    }
    process = process_new(config, &error);
    if (process == NULL) {
        log_error("start_failed", log_text("reason", error.text));
    } else {
        status = process_run(process, NULL, NULL);
    }
    process_free(process);
    config_free(config);
    return status;
}

const struct verb verb_gateway = {
    .name = "gateway",
    .summary = "takes callbacks over HTTP and publishes their events to Kafka",
    .usage =
        "usage: trunkline gateway [OPTIONS]\n\n"
        "Takes the callbacks of the configured sources over HTTP, checks and converts them, publishes the events to\n"
        "Kafka and answers each vendor once Kafka has acknowledged. SIGTERM ends it in order, a second one at "
        "once.\n\n" COMMON_USAGE,
    .run = gateway_run,
};

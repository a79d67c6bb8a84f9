/* From a command line to a running process. */
#include "verbs/serve.h"

#include <stdio.h>
#include <unistd.h>

#include "verbs/options.h"
#include "verbs/process.h"
#include "verbs/verb.h"

/* A configuration may be for callbacks only, or for commands only. */
static bool
has_purpose(const struct config *config, unsigned roles, struct error *error)
{
    if ((roles & PROCESS_INGRESS) != 0 && config->source_count == 0) {
        return error_set(error, "%s has no source, so no callback could come in; write a list below sources",
                         config->path);
    }
    if ((roles & PROCESS_EGRESS) != 0 && config->account_count == 0 && config->accounts_left_out_count > 0) {
        return error_set(error,
                         "%s has no account with credentials, so no command could be carried out; set those of "
                         "account \"%.100s\", or of another",
                         config->path, config->accounts_left_out[0].data);
    }
    if ((roles & PROCESS_EGRESS) != 0 && config->account_count == 0) {
        return error_set(error, "%s has no account, so no command could be carried out; write a list below accounts",
                         config->path);
    }
    return true;
}

static unsigned
parts_of(unsigned roles)
{
    return ((roles & PROCESS_INGRESS) != 0 ? (unsigned)CONFIG_SOURCES : 0) |
           ((roles & PROCESS_EGRESS) != 0 ? (unsigned)CONFIG_ACCOUNTS : 0);
}

static int
run_process(const struct config *config, unsigned roles)
{
    struct error error = {0};
    struct process *process;
    int status = EXIT_FAULT;

    if (!has_purpose(config, roles, &error)) {
        log_error("start_failed", log_text("reason", error.text));
        return EXIT_USAGE;
    }
    process = process_new(config, roles, &error);
    if (process == NULL) {
        log_error("start_failed", log_text("reason", error.text));
    } else {
        status = process_run(process, NULL, NULL);
        if (process_lingers(process)) {
            _exit(status);
        }
    }
    process_free(process);
    return status;
}

const struct option serve_options[] = {COMMON_OPTIONS};

int
serve_run(int argc, char **argv, unsigned roles)
{
    struct common_options common = {.log_format = LOG_FORMAT_JSON, .log_level = LOG_LEVEL_INFO};
    const char *operand;
    struct config *config;
    int status;

    if (options_next(argc, argv, serve_options, &common) != -1 || !options_operand(argc, argv, &operand)) {
        return EXIT_USAGE;
    }
    if (operand != NULL) {
        fprintf(stderr, "trunkline %s: '%s' is too much: it takes options only\n", argv[0], operand);
        return EXIT_USAGE;
    }
    log_setup(common.log_format, common.log_level, clock_system());
    config = options_load(common.config == NULL ? DEFAULT_CONFIG : common.config, parts_of(roles));
    if (config == NULL) {
        return EXIT_USAGE;
    }
    status = run_process(config, roles);
    config_free(config);
    return status;
}

/* `trunkline check`: what is wrong with a configuration, how each source of a good one is protected, and within which
 * limits each account is used. */
#include <stdio.h>

#include "adapters/mapping.h"
#include "verbs/options.h"
#include "verbs/spool_room.h"
#include "verbs/verbs.h"

struct check_options {
    struct common_options common;
    bool reference; /* print that of all options instead */
};

static const struct option table[] = {
    {"options", no_argument, NULL, 'o'},
    COMMON_OPTIONS,
};

static bool
options_read(int argc, char **argv, struct check_options *options)
{
    const char *operand;
    int option;

    *options = (struct check_options){.common = {.config = DEFAULT_CONFIG}};
    while ((option = options_next(argc, argv, table, &options->common)) != -1) {
        if (option != 'o') {
            return false;
        }
        options->reference = true;
    }
    if (!options_operand(argc, argv, &operand)) {
        return false;
    }
    if (operand != NULL) {
        fprintf(stderr, "trunkline check: '%s' stands alone; name a configuration with --config\n", operand);
    }
    return operand == NULL;
}

static void
print_secrets(const struct source *source, FILE *stream)
{
    static const struct {
        enum secret_place place;
        const char *name;
    } places[] = {{SECRET_IN_PATH, "path"}, {SECRET_IN_QUERY, "query"}, {SECRET_IN_HEADER, "header"}};
    const char *joint = " in the ";

    fprintf(stream, "%zu secret%s", source->secret_count, source->secret_count == 1 ? "" : "s");
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        if ((source->secret_places & places[i].place) != 0) {
            fprintf(stream, "%s%s", joint, places[i].name);
            joint = " or ";
        }
    }
}

static void
print_certificate(const struct source *source, FILE *stream, const char *joint)
{
    fprintf(stream, "%sa client certificate", joint);
    for (size_t i = 0; i < source->certificate_name_count; i++) {
        fprintf(stream, "%s%.*s", i == 0 ? " of " : " or ", SLICE_ARGS(source->certificate_names[i]));
    }
}

/* "source yeta (yeta): 1 secret in the path; 2 networks" */
static void
print_source(const struct source *source, FILE *stream)
{
    const char *joint = "";

    fprintf(stream, "source %.*s (%s): ", SLICE_ARGS(source->name), source->adapter->name);
    if (source->signed_by_vendor) {
        fputs("the vendor's signature", stream);
        joint = "; ";
    }
    if (source->secret_count > 0) {
        fputs(joint, stream);
        print_secrets(source, stream);
        joint = "; ";
    }
    if (source->allow.count > 0) {
        fprintf(stream, "%s%zu network%s", joint, source->allow.count, source->allow.count == 1 ? "" : "s");
        joint = "; ";
    }
    if (source->client_certificate) {
        print_certificate(source, stream, joint);
        joint = "; ";
    }
    for (size_t i = 0; i < source->expectation_count; i++) {
        fprintf(stream, "%sexpects %.*s", joint, SLICE_ARGS(source->expectations[i].member));
        joint = "; ";
    }
    fputs(joint[0] == '\0' ? "OPEN: anybody may post to it\n" : "\n", stream);
}

/* "  com.acme.ticket.closed.v1 to acme.tickets": types that are not ours, and where they go. */
static void
print_own_types(const struct source *source, FILE *stream)
{
    for (size_t i = 0; source->mapping != NULL && i < source->mapping->custom_count; i++) {
        const struct target_list *targets = &source->custom_targets[i];

        fprintf(stream, "  %.*s", SLICE_ARGS(source->mapping->custom_types[i].names.type));
        for (size_t j = 0; j < targets->count; j++) {
            fprintf(stream, "%s%.*s", j == 0 ? " to " : ", ", SLICE_ARGS(targets->topics[j]));
        }
        fputc('\n', stream);
    }
}

/* "account 7moor (7moor): 20 requests in 60 s, 64 at a time" */
static void
print_account(const struct account *account, FILE *stream)
{
    const struct call_limits *limits = &account->limits;

    fprintf(stream, "account %.*s (%s): ", SLICE_ARGS(account->name), account->adapter->name);
    if (limits->requests == 0) {
        fputs("no limit", stream);
    } else {
        fprintf(stream, "%u requests in %u s", limits->requests, limits->window_seconds);
    }
    if (limits->concurrency > 0) {
        fprintf(stream, ", %u at a time", limits->concurrency);
    }
    if (account->hour_count > 0) {
        fputs(", calls at certain hours", stream);
    }
    fputc('\n', stream);
}

static void
print_accounts(const struct config *config, FILE *stream)
{
    for (size_t i = 0; i < config->account_count; i++) {
        print_account(&config->accounts[i], stream);
    }
    for (size_t i = 0; i < config->accounts_left_out_count; i++) {
        fprintf(stream, "account %.*s: left out, it has no credentials\n", SLICE_ARGS(config->accounts_left_out[i]));
    }
}

/* What is not wrong, but seldom meant. */
static void
print_warnings(const struct config *config, FILE *stream)
{
    struct error warning;
    bool short_of_room = config->source_count > 0 && spool_room_short(config, &warning);
    size_t count = config->warning_count + (short_of_room ? 1 : 0);

    if (count > 0) {
        fprintf(stream, "%zu to think over:\n", count);
    }
    config_warnings_print(config, stream);
    if (short_of_room) {
        fprintf(stream, "%s: %s\n", config->path, warning.text);
    }
}

static int
run(int argc, char **argv)
{
    struct check_options options;
    struct config *config;

    if (!options_read(argc, argv, &options)) {
        return EXIT_USAGE;
    }
    if (options.reference) {
        config_print_options(stdout);
        if (fflush(stdout) != 0 || ferror(stdout) != 0) {
            fprintf(stderr, "trunkline check: cannot write to standard output\n");
            return EXIT_FAULT;
        }
        return EXIT_OK;
    }
    config = options_load(options.common.config, CONFIG_WHOLE);
    if (config == NULL) {
        return EXIT_USAGE;
    }
    printf("%s: good\n", config->path);
    for (size_t i = 0; i < config->source_count; i++) {
        print_source(&config->sources[i], stdout);
        print_own_types(&config->sources[i], stdout);
    }
    print_accounts(config, stdout);
    print_warnings(config, stderr);
    config_free(config);
    return EXIT_OK;
}

const struct verb verb_check = {
    .name = "check",
    .summary = "validates a configuration",
    .usage =
        "usage: trunkline check [OPTIONS]\n\n"
        "Tells everything that is wrong with a configuration (status 2), or how each source is protected and within\n"
        "which limits each account is used (status 0). Nothing is connected to and nothing is changed.\n\n"
        "  --options             print what can be configured instead, with defaults and meanings\n" COMMON_USAGE,
    .options = table,
    .run = run,
};

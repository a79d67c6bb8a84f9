/* `trunkline deadletter`: what became no event, to be looked at, and to be tried again. */
#include <stdio.h>
#include <stdlib.h>

#include "verbs/deadletter_print.h"
#include "verbs/deadletter_replay.h"
#include "verbs/lookback.h"
#include "verbs/options.h"
#include "verbs/verbs.h"

#define PLACES_MAX 10000

enum action {
    ACTION_LIST,
    ACTION_SHOW,
    ACTION_REPLAY,
};

struct deadletter_options {
    struct common_options common;
    struct deadletter_selection selection;
    bool filtered; /* by time, source or reason */
    bool json, body, dry_run;
};

enum {
    OPTION_FROM = 'f',
    OPTION_TO = 't',
    OPTION_SOURCE = 's',
    OPTION_REASON = 'r',
    OPTION_JSON = 'j',
    OPTION_BODY = 'b',
    OPTION_DRY_RUN = 'D',
};

#define FILTERS                                                                                                        \
    {"from", required_argument, NULL, OPTION_FROM}, {"to", required_argument, NULL, OPTION_TO},                        \
        {"source", required_argument, NULL, OPTION_SOURCE},                                                            \
    {                                                                                                                  \
        "reason", required_argument, NULL, OPTION_REASON                                                               \
    }

static const struct option list_table[] = {FILTERS, {"json", no_argument, NULL, OPTION_JSON}, COMMON_OPTIONS};
static const struct option show_table[] = {
    {"json", no_argument, NULL, OPTION_JSON}, {"body", no_argument, NULL, OPTION_BODY}, COMMON_OPTIONS};
static const struct option replay_table[] = {FILTERS, {"dry-run", no_argument, NULL, OPTION_DRY_RUN}, COMMON_OPTIONS};

/* What the first operand asks for. */
static const struct sub_verb {
    const char *name;
    const char *title; /* as argv[0] of the rest, for messages */
    const struct option *table;
} sub_verbs[] = {
    [ACTION_LIST] = {"list", "deadletter list", list_table},
    [ACTION_SHOW] = {"show", "deadletter show", show_table},
    [ACTION_REPLAY] = {"replay", "deadletter replay", replay_table},
};

static bool
fault(const struct sub_verb *sub_verb, const char *text)
{
    fprintf(stderr, "trunkline %s: %s\n", sub_verb->title, text);
    return false;
}

static bool
take_option(const struct sub_verb *sub_verb, int option, struct deadletter_options *options)
{
    struct deadletter_selection *selection = &options->selection;

    options->filtered = options->filtered || option == OPTION_FROM || option == OPTION_TO || option == OPTION_SOURCE ||
                        option == OPTION_REASON;
    switch (option) {
    case OPTION_FROM:
        return lookback_time_option(sub_verb->title, "--from", optarg, &selection->from_ms);
    case OPTION_TO:
        return lookback_time_option(sub_verb->title, "--to", optarg, &selection->to_ms);
    case OPTION_SOURCE:
        selection->source = optarg;
        return true;
    case OPTION_REASON:
        selection->reason = optarg;
        return true;
    case OPTION_JSON:
        options->json = true;
        return true;
    case OPTION_BODY:
        options->body = true;
        return true;
    case OPTION_DRY_RUN:
        options->dry_run = true;
        return true;
    default:
        return false;
    }
}

/* The array is the caller's to free. */
static bool
take_places(const struct sub_verb *sub_verb, int count, char **texts, struct deadletter_place **places)
{
    *places = NULL;
    if (count == 0) {
        return true;
    }
    if (count > PLACES_MAX) {
        return fault(sub_verb, "too many places at once");
    }
    *places = calloc((size_t)count, sizeof **places);
    if (*places == NULL) {
        return fault(sub_verb, "out of memory");
    }
    for (int i = 0; i < count; i++) {
        if (!deadletter_place_read(texts[i], &(*places)[i])) {
            fprintf(stderr,
                    "trunkline %s: a place is PARTITION:OFFSET, as `trunkline deadletter list` prints it, not "
                    "'%s'\n",
                    sub_verb->title, texts[i]);
            free(*places);
            *places = NULL;
            return false;
        }
    }
    return true;
}

static bool
options_fit(enum action action, const struct deadletter_options *options)
{
    const struct sub_verb *sub_verb = &sub_verbs[action];
    bool places = options->selection.place_count > 0;

    if (action == ACTION_LIST && places) {
        return fault(sub_verb, "it takes no operand; `trunkline deadletter show` takes places");
    }
    if (action == ACTION_SHOW && !places) {
        return fault(sub_verb, "say which: PARTITION:OFFSET, as `trunkline deadletter list` prints it");
    }
    if (places && options->filtered) {
        return fault(sub_verb, "either places, or --from, --to, --source and --reason");
    }
    return true;
}

static bool
find_action(int argc, char **argv, enum action *action)
{
    for (int i = ACTION_LIST; argc > 1 && i <= ACTION_REPLAY; i++) {
        if (strcmp(argv[1], sub_verbs[i].name) == 0) {
            *action = (enum action)i;
            return true;
        }
    }
    fprintf(stderr, "trunkline deadletter: say what to do first: list, show or replay; `trunkline deadletter --help` "
                    "tells more\n");
    return false;
}

static bool
options_read(enum action action, int argc, char **argv, struct deadletter_options *options,
             struct deadletter_place **places)
{
    const struct sub_verb *sub_verb = &sub_verbs[action];
    static char title[32]; /* argv outlives this call */
    int option;

    *options = (struct deadletter_options){
        .common = {.log_format = LOG_FORMAT_TEXT, .log_level = LOG_LEVEL_ERROR},
        .selection = {.from_ms = INT64_MIN, .to_ms = INT64_MAX},
    };
    (void)snprintf(title, sizeof(title), "%s", sub_verb->title);
    argc--;
    argv++;
    argv[0] = title;
    while ((option = options_next(argc, argv, sub_verb->table, &options->common)) != -1) {
        if (!take_option(sub_verb, option, options)) {
            return false;
        }
    }
    if (!take_places(sub_verb, argc - optind, argv + optind, places)) {
        return false;
    }
    options->selection.places = *places;
    options->selection.place_count = (size_t)(argc - optind);
    return options_fit(action, options);
}

static int
act(enum action action, struct config *config, const struct deadletter_options *options)
{
    switch (action) {
    case ACTION_LIST:
        return deadletter_print(config, &options->selection, options->json ? DEADLETTER_LINE_JSON : DEADLETTER_LINE);
    case ACTION_SHOW:
        return deadletter_print(config, &options->selection,
                                options->body   ? DEADLETTER_BODY
                                : options->json ? DEADLETTER_WHOLE_JSON
                                                : DEADLETTER_WHOLE);
    case ACTION_REPLAY:
        return deadletter_replay(config, &options->selection, options->dry_run);
    }
    return EXIT_USAGE;
}

static int
deadletter_run(int argc, char **argv)
{
    struct deadletter_options options;
    struct deadletter_place *places = NULL;
    struct config *config = NULL;
    enum action action;
    int status = EXIT_USAGE;

    if (find_action(argc, argv, &action) && options_read(action, argc, argv, &options, &places)) {
        log_setup(options.common.log_format, options.common.log_level, clock_system());
        config = options_load(options.common.config == NULL ? DEFAULT_CONFIG : options.common.config,
                              action == ACTION_REPLAY ? CONFIG_SOURCES : 0);
    }
    if (config != NULL) {
        status = act(action, config, &options);
    }
    config_free(config);
    free(places);
    return status;
}

const struct verb verb_deadletter = {
    .name = "deadletter",
    .summary = "lists and shows callbacks and commands that became no event, and replays them",
    .usage =
        "usage: trunkline deadletter list [--json] [FILTERS] [OPTIONS]\n"
        "       trunkline deadletter show [--json|--body] [OPTIONS] PARTITION:OFFSET...\n"
        "       trunkline deadletter replay [--dry-run] [FILTERS] [OPTIONS]\n"
        "       trunkline deadletter replay [--dry-run] [OPTIONS] PARTITION:OFFSET...\n\n"
        "  list                  a line each: its place, when it was received, source, reason, id, bytes\n"
        "  show                  prints what came, untouched, with the phone numbers and names that are in it:\n"
        "                        headers and the body\n"
        "  replay                callbacks go again through the adapter of their source, with the time at which they\n"
        "                        were received, to the topics of the routes, all by this configuration. Events have\n"
        "                        the ids that they would have had; a second replay makes duplicates that can be told.\n"
        "                        What still becomes no event is told, and not kept once more; the raw topic gets\n"
        "                        nothing. Commands go back to the commands topic, only when named by --source\n"
        "                        commands or by place, for they call people; one whose failure the worker remembers\n"
        "                        (egress.dedup_window) gets that result again\n\n"
        "  --from TIME           received then or later. TIME is one such as 2026-11-21T10:00:00+08:00, or how long\n"
        "                        ago: 90s, 10m, 2h, 1d\n"
        "  --to TIME             received before\n"
        "  --source NAME         of that source; \"commands\" for commands\n"
        "  --reason REASON       not_json, not_xml, unknown_format, missing_key, too_complex, refused_by_kafka,\n"
        "                        invalid_command\n"
        "  --json                objects, one a line; bytes that are no text as <member>_base64\n"
        "  --body                the body's bytes alone, as `trunkline convert` takes them\n"
        "  --dry-run             prints the records that would be published, one a line, and publishes nothing\n"
        "  --config FILE         the configuration (default " DEFAULT_CONFIG ")\n"
        "  --log-format FORMAT   json or text\n"
        "  --log-level LEVEL     debug, info, warn or error (default)\n\n"
        "Exit status: 0 all of it was done, 1 some were not replayed (a line each tells why), or it did not work, 2 "
        "the\n"
        "command line or the configuration is wrong.\n",
    .actions =
        (const struct verb_action[]){
            {"list", list_table}, {"show", show_table}, {"replay", replay_table}, {NULL, NULL}},
    .run = deadletter_run,
};

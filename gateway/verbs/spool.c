/* `trunkline spool`: what lies in the spools below a data directory, printed, exported or sent to Kafka. */
#include <stdio.h>
#include <stdlib.h>

#include "verbs/options.h"
#include "verbs/spool_verb.h"
#include "verbs/verbs.h"

#define PATIENCE_DEFAULT_SECONDS 30

struct action {
    const char *name;
    int (*run)(const struct spool_order *order, const struct spool_instances *instances);
};

static const struct action actions[] = {
    {"status", spool_status},
    {"drain", spool_drain},
    {"export", spool_export},
};

static const struct action *
action_find(const char *name)
{
    for (size_t i = 0; name != NULL && i < sizeof(actions) / sizeof(actions[0]); i++) {
        if (strcmp(actions[i].name, name) == 0) {
            return &actions[i];
        }
    }
    fprintf(stderr, "trunkline spool: say what to do: status, drain or export\n");
    return NULL;
}

/* Options that another action has are refused: who asks for them means something. */
static bool
options_fit(const struct spool_order *order, const struct action *action, bool patience)
{
    const char *wrong = order->json && action->run != spool_status        ? "--json"
                        : order->set_aside && action->run != spool_export ? "--set-aside"
                        : patience && action->run != spool_drain          ? "--patience"
                                                                          : NULL;

    if (wrong != NULL) {
        fprintf(stderr, "trunkline spool: %s does not go with %s; `trunkline spool --help` tells the options\n", wrong,
                action->name);
    }
    return wrong == NULL;
}

#define INSTANCE                                                                                                       \
    {                                                                                                                  \
        "instance", required_argument, NULL, 'i'                                                                       \
    }
#define JSON                                                                                                           \
    {                                                                                                                  \
        "json", no_argument, NULL, 'j'                                                                                 \
    }
#define SET_ASIDE                                                                                                      \
    {                                                                                                                  \
        "set-aside", no_argument, NULL, 's'                                                                            \
    }
#define PATIENCE                                                                                                       \
    {                                                                                                                  \
        "patience", required_argument, NULL, 'p'                                                                       \
    }

/* All are read, as the action may stand behind them, and then those that do not go with it refused: see options_fit. */
static const struct option table[] = {INSTANCE, JSON, SET_ASIDE, PATIENCE, COMMON_OPTIONS};
static const struct option status_table[] = {INSTANCE, JSON, COMMON_OPTIONS};
static const struct option drain_table[] = {INSTANCE, PATIENCE, COMMON_OPTIONS};
static const struct option export_table[] = {INSTANCE, SET_ASIDE, COMMON_OPTIONS};

static bool
options_read(int argc, char **argv, struct common_options *common, struct spool_order *order,
             const struct action **action)
{
    bool patience = false;
    const char *operand;
    int option;

    while ((option = options_next(argc, argv, table, common)) != -1) {
        if (option == 'i') {
            order->instance = optarg;
        } else if (option == 'j') {
            order->json = true;
        } else if (option == 's') {
            order->set_aside = true;
        } else if (option == 'p') {
            patience = true;
            if (!options_number("spool", "--patience", optarg, 86400, &order->patience_seconds)) {
                return false;
            }
        } else {
            return false;
        }
    }
    if (!options_operand(argc, argv, &operand)) {
        return false;
    }
    *action = action_find(operand);
    return *action != NULL && options_fit(order, *action, patience);
}

/* Those that are asked for: a name that has no spool is a fault. */
static bool
instances_choose(const struct spool_order *order, struct spool_instances *instances, struct error *error)
{
    if (!spool_instances_list(order->config->data_dir, instances, error)) {
        return false;
    }
    if (order->instance == NULL) {
        return true;
    }
    for (size_t i = 0; i < instances->count; i++) {
        if (strcmp(instances->names[i], order->instance) == 0) {
            char *name = instances->names[i];

            instances->names[i] = instances->names[0];
            instances->names[0] = name;
            while (instances->count > 1) {
                free(instances->names[--instances->count]);
            }
            return true;
        }
    }
    return error_set(error, "there is no spool of an instance \"%.100s\" in %s; `trunkline spool status` lists them",
                     order->instance, order->config->data_dir);
}

static int
spool_run(int argc, char **argv)
{
    struct common_options common = {.log_format = LOG_FORMAT_TEXT, .log_level = LOG_LEVEL_ERROR};
    struct spool_order order = {.patience_seconds = PATIENCE_DEFAULT_SECONDS};
    struct spool_instances instances = {0};
    const struct action *action;
    struct error error = {0};
    struct config *config;
    int status = EXIT_FAULT;

    if (!options_read(argc, argv, &common, &order, &action)) {
        return EXIT_USAGE;
    }
    log_setup(common.log_format, common.log_level, clock_system());
    config = options_load(common.config == NULL ? DEFAULT_CONFIG : common.config, 0);
    if (config == NULL) {
        return EXIT_USAGE;
    }
    order.config = config;
    if (instances_choose(&order, &instances, &error)) {
        status = action->run(&order, &instances);
    } else {
        fprintf(stderr, "trunkline spool: %s\n", error.text);
    }
    spool_instances_free(&instances);
    config_free(config);
    return status;
}

const struct verb verb_spool = {
    .name = "spool",
    .summary = "what waits on disk for Kafka: its state, its drain, its export",
    .usage =
        "usage: trunkline spool status|drain|export [OPTIONS]\n\n"
        "  status   what lies in the spool of each instance below data_dir, by source and topic; works while its\n"
        "           gateway runs\n"
        "  drain    sends to Kafka what gateways left that do not run; exit status 3 when some of it stays. A gateway\n"
        "           that runs drains its own\n"
        "  export   prints the records as lines of JSON, as they would go to Kafka: with the telephone numbers and\n"
        "           whatever else vendors sent. Nothing is changed\n\n"
        "  --instance NAME       only that one\n"
        "  --json                status: one JSON object\n"
        "  --set-aside           export: only records that Kafka refused for good\n"
        "  --patience SECONDS    drain: gives up when nothing could be sent for so long (default 30)\n" COMMON_USAGE,
    .actions =
        (const struct verb_action[]){
            {"status", status_table}, {"drain", drain_table}, {"export", export_table}, {NULL, NULL}},
    .run = spool_run,
};

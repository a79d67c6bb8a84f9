/* `trunkline command`: submits a command, waits for its result, and tells how it went by the exit status. */
#include <stdio.h>

#include "verbs/command_draft.h"
#include "verbs/command_follow.h"
#include "verbs/command_trial.h"
#include "verbs/options.h"
#include "verbs/verbs.h"

#define ARENA_BYTES     ((size_t)128 * 1024 * 1024)
#define TIMEOUT_SECONDS 300
#define TIMEOUT_MAX     (30 * 24 * 3600)

struct command_options {
    struct common_options common;
    struct command_draft draft;
    unsigned timeout_seconds;
    bool no_wait, dry_run;
};

/* What the first operand asks for. */
struct sub_verb {
    const char *name;
    const char *title;  /* as argv[0] of the rest, for messages */
    const char *type;   /* of the command; NULL: the draft's */
    const char *needed; /* what the operand is, when it has to be there */
};
static const struct sub_verb sub_verbs[] = {
    {"submit", "command submit", NULL, NULL},
    {"cancel", "command cancel", "command.cancel", "the id of the command to be cancelled"},
    {"hold", "command hold", "account.hold", "the account"},
    {"resume", "command resume", "account.resume", "the account"},
};

enum {
    OPTION_ACCOUNT = 'a',
    OPTION_TYPE = 't',
    OPTION_DATA = 'd',
    OPTION_ID = 'i',
    OPTION_PRIORITY = 'p',
    OPTION_EXPIRES_IN = 'e',
    OPTION_TIMEOUT = 'T',
    OPTION_NO_WAIT = 'n',
    OPTION_DRY_RUN = 'D',
};

static const struct option submit_table[] = {
    {"account", required_argument, NULL, OPTION_ACCOUNT},   {"type", required_argument, NULL, OPTION_TYPE},
    {"data", required_argument, NULL, OPTION_DATA},         {"id", required_argument, NULL, OPTION_ID},
    {"priority", required_argument, NULL, OPTION_PRIORITY}, {"expires-in", required_argument, NULL, OPTION_EXPIRES_IN},
    {"timeout", required_argument, NULL, OPTION_TIMEOUT},   {"no-wait", no_argument, NULL, OPTION_NO_WAIT},
    {"dry-run", no_argument, NULL, OPTION_DRY_RUN},         COMMON_OPTIONS,
};
static const struct option cancel_table[] = {
    {"account", required_argument, NULL, OPTION_ACCOUNT},
    {"id", required_argument, NULL, OPTION_ID},
    {"timeout", required_argument, NULL, OPTION_TIMEOUT},
    {"no-wait", no_argument, NULL, OPTION_NO_WAIT},
    COMMON_OPTIONS,
};
static const struct option account_table[] = {
    {"id", required_argument, NULL, OPTION_ID},
    {"timeout", required_argument, NULL, OPTION_TIMEOUT},
    {"no-wait", no_argument, NULL, OPTION_NO_WAIT},
    COMMON_OPTIONS,
};

static const struct option *
table_of(const struct sub_verb *sub_verb)
{
    if (sub_verb->type == NULL) {
        return submit_table;
    }
    return strcmp(sub_verb->name, "cancel") == 0 ? cancel_table : account_table;
}

static int
fault(const char *text)
{
    fprintf(stderr, "trunkline command: %s\n", text);
    return EXIT_USAGE;
}

/* --- the command line --- */

static bool
take_option(const struct sub_verb *sub_verb, int option, struct command_options *options)
{
    switch (option) {
    case OPTION_ACCOUNT:
        options->draft.account = optarg;
        return true;
    case OPTION_TYPE:
        options->draft.type = optarg;
        return true;
    case OPTION_DATA:
        options->draft.data = optarg;
        return true;
    case OPTION_ID:
        options->draft.id = optarg;
        return true;
    case OPTION_PRIORITY:
        options->draft.priority = optarg;
        return true;
    case OPTION_EXPIRES_IN:
        if (!command_duration_read(optarg, &options->draft.expires_in_ms)) {
            fprintf(stderr, "trunkline %s: --expires-in takes a duration such as 90s, 10m, 2h or 1d, not '%s'\n",
                    sub_verb->title, optarg);
            return false;
        }
        return true;
    case OPTION_TIMEOUT:
        return options_number(sub_verb->title, "--timeout", optarg, TIMEOUT_MAX, &options->timeout_seconds);
    case OPTION_NO_WAIT:
        options->no_wait = true;
        return true;
    case OPTION_DRY_RUN:
        options->dry_run = true;
        return true;
    default:
        return false;
    }
}

static bool
take_operand(const struct sub_verb *sub_verb, const char *operand, struct command_options *options)
{
    if (sub_verb->type == NULL) {
        options->draft.file = operand;
        if (operand == NULL && (options->draft.account == NULL || options->draft.type == NULL)) {
            (void)fault("give a FILE (- is standard input), or --account and --type; "
                        "`trunkline command --help` tells more");
            return false;
        }
        return true;
    }
    if (operand == NULL) {
        fprintf(stderr, "trunkline %s: %s is missing\n", sub_verb->title, sub_verb->needed);
        return false;
    }
    options->draft.type = sub_verb->type;
    if (table_of(sub_verb) == account_table) {
        options->draft.account = operand;
        return true;
    }
    options->draft.target = operand;
    if (options->draft.account == NULL) {
        fprintf(stderr, "trunkline %s: --account is missing: commands are told apart within their account\n",
                sub_verb->title);
        return false;
    }
    return true;
}

static const struct sub_verb *
options_read(int argc, char **argv, struct command_options *options)
{
    const struct sub_verb *sub_verb = NULL;
    const char *operand;
    static char title[32]; /* argv outlives this call */
    int option;

    for (size_t i = 0; argc > 1 && i < sizeof(sub_verbs) / sizeof(sub_verbs[0]); i++) {
        sub_verb = strcmp(argv[1], sub_verbs[i].name) == 0 ? &sub_verbs[i] : sub_verb;
    }
    if (sub_verb == NULL) {
        (void)fault("say what to do first: submit, cancel, hold or resume; `trunkline command --help` tells more");
        return NULL;
    }
    *options = (struct command_options){
        .common = {.log_format = LOG_FORMAT_TEXT, .log_level = LOG_LEVEL_ERROR},
        .timeout_seconds = TIMEOUT_SECONDS,
    };
    (void)snprintf(title, sizeof(title), "%s", sub_verb->title);
    argc--;
    argv++;
    argv[0] = title;
    while ((option = options_next(argc, argv, table_of(sub_verb), &options->common)) != -1) {
        if (!take_option(sub_verb, option, options)) {
            return NULL;
        }
    }
    return options_operand(argc, argv, &operand) && take_operand(sub_verb, operand, options) ? sub_verb : NULL;
}

/* --- the command --- */

static int
submit(const struct config *config, const struct command_options *options, struct slice value,
       const struct command *command)
{
    struct submission submission = {
        .config = config,
        .id = command->id,
        .account = command->account,
        .value = value,
        .wait = !options->no_wait,
        .timeout_seconds = options->timeout_seconds,
    };

    return command_submit(&submission);
}

static int
try_and_submit(const struct config *config, const struct command_options *options, struct arena *arena)
{
    int64_t now_ms = clock_wall_ms(clock_system());
    struct error error = {""};
    struct command command;
    struct slice value;

    if (!command_draft_write(&options->draft, now_ms, arena, &value, &error)) {
        return fault(error.text);
    }
    switch (command_parse(value, NULL, 0, arena, &command, &error)) {
    case COMMAND_VALID:
        break;
    case COMMAND_INVALID:
        return fault(error.text);
    case COMMAND_NO_MEMORY:
        return fault("out of memory");
    }
    if (options->dry_run) {
        return command_trial_print(config, &command, now_ms, arena, stdout, &error) ? EXIT_OK : fault(error.text);
    }
    switch (command_trial(config, &command, now_ms, arena, &error)) {
    case TRIAL_GOOD:
        break;
    case TRIAL_BAD:
        return fault(error.text);
    case TRIAL_UNTRIED:
        fprintf(stderr, "%s: it is submitted untried\n", error.text);
        break;
    }
    return submit(config, options, value, &command);
}

static int
command_run(int argc, char **argv)
{
    struct command_options options;
    struct config *config;
    struct arena *arena;
    int status;

    if (options_read(argc, argv, &options) == NULL) {
        return EXIT_USAGE;
    }
    log_setup(options.common.log_format, options.common.log_level, clock_system());
    config = options_load(options.common.config == NULL ? DEFAULT_CONFIG : options.common.config, CONFIG_ACCOUNTS);
    if (config == NULL) {
        return EXIT_USAGE;
    }
    arena = arena_new(NULL, ARENA_BYTES);
    status = arena == NULL ? fault("out of memory") : try_and_submit(config, &options, arena);
    arena_free(arena);
    config_free(config);
    return status;
}

const struct verb verb_command = {
    .name = "command",
    .summary = "submits a command and waits for its result; cancels one; holds an account",
    .usage =
        "usage: trunkline command submit [OPTIONS] FILE|-\n"
        "       trunkline command submit [OPTIONS] --account ACCOUNT --type TYPE [--data JSON]\n"
        "       trunkline command cancel [OPTIONS] --account ACCOUNT ID\n"
        "       trunkline command hold|resume [OPTIONS] ACCOUNT\n\n"
        "Publishes a command to the commands topic and follows its results: each step is a line on stderr, the final\n"
        "result's data a line of JSON on stdout. What is wrong with a command is told before it is published.\n\n"
        "  submit                FILE (- is standard input) holds the command as a JSON object; options go before\n"
        "                        its members\n"
        "  cancel                cancels a command that waits; one that has not come yet is cancelled when it comes\n"
        "  hold, resume          nothing of the account is begun between the two: the emergency stop\n\n"
        "  --account ACCOUNT     one of the accounts that the worker has\n"
        "  --type TYPE           call.dial and so on, or the full type io.trunkline.command.call.dial.v1\n"
        "  --data JSON           the command's data, an object\n"
        "  --id ID               of the command (default: random). The same id is never carried out twice\n"
        "  --priority PRIORITY   control, interactive, bulk or idle (default: that of the type)\n"
        "  --expires-in TIME     90s, 10m, 2h, 1d: it is not begun later (default: as the worker is configured)\n"
        "  --dry-run             prints the request that the vendor would get, and publishes nothing\n"
        "  --no-wait             ends once Kafka has the command; its id is printed on stdout\n"
        "  --timeout SECONDS     how long to wait for the final result (default 300)\n"
        "  --config FILE         the configuration (default " DEFAULT_CONFIG ")\n"
        "  --log-format FORMAT   json or text\n"
        "  --log-level LEVEL     debug, info, warn or error (default)\n\n"
        "Exit status: 0 succeeded (or submitted, with --no-wait), 1 failed, or not submitted, 2 the command, the\n"
        "command line or the configuration is wrong and nothing was published, 3 expired or cancelled, 4 unknown: the\n"
        "vendor may have done it, or not, 5 no final result in time.\n",
    .actions = (const struct verb_action[]){{"submit", submit_table},
                                            {"cancel", cancel_table},
                                            {"hold", account_table},
                                            {"resume", account_table},
                                            {NULL, NULL}},
    .run = command_run,
};

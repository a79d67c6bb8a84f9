/* The options that verbs share, and how faults in a command line are told: one line, and what to do. */
#include "verbs/options.h"

#include <stdio.h>
#include <stdlib.h>

static bool
fault(const char *verb, const char *what, const char *name)
{
    fprintf(stderr, "trunkline %s: %s '%s'; `trunkline %s --help` tells the options\n", verb, what, name, verb);
    return false;
}

static bool
read_log_format(const char *text, struct common_options *common)
{
    bool json = strcmp(text, "json") == 0;

    common->log_format = json ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT;
    return json || strcmp(text, "text") == 0;
}

static bool
read_log_level(const char *text, struct common_options *common)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(text, names[i]) == 0) {
            common->log_level = (enum log_level)i;
            return true;
        }
    }
    return false;
}

int
options_next(int argc, char **argv, const struct option *table, struct common_options *common)
{
    int option;

    opterr = 0;
    while ((option = getopt_long(argc, argv, ":", table, NULL)) != -1) {
        if (option == ':') {
            fault(argv[0], "a value is missing behind", argv[optind - 1]);
            return '?';
        }
        if (option == '?') {
            fault(argv[0], "there is no option", argv[optind - 1]);
            return '?';
        }
        if (option == OPTION_CONFIG) {
            common->config = optarg;
        } else if (option == OPTION_LOG_FORMAT || option == OPTION_LOG_LEVEL) {
            bool known = option == OPTION_LOG_FORMAT ? read_log_format(optarg, common) : read_log_level(optarg, common);

            if (!known) {
                fault(argv[0], option == OPTION_LOG_FORMAT ? "no log format" : "no log level", optarg);
                return '?';
            }
        } else {
            return option;
        }
    }
    return -1;
}

bool
options_operand(int argc, char **argv, const char **operand)
{
    *operand = optind < argc ? argv[optind] : NULL;
    if (optind + 1 < argc) {
        return fault(argv[0], "there is one operand too many:", argv[optind + 1]);
    }
    return true;
}

bool
options_number(const char *verb, const char *option, const char *text, unsigned most, unsigned *number)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);

    if (*text < '0' || *text > '9' || *end != '\0' || value > most) {
        fprintf(stderr, "trunkline %s: %s takes a whole number from 0 to %u, not '%s'\n", verb, option, most, text);
        return false;
    }
    *number = (unsigned)value;
    return true;
}

struct config *
options_load(const char *path, unsigned parts)
{
    struct config_faults faults;
    struct config *config = config_load_parts(path, parts, &faults);

    if (config == NULL) {
        config_faults_print(&faults, stderr);
    }
    config_faults_free(&faults);
    return config;
}

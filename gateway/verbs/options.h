/* Options that the verbs share, on getopt_long. A verb's table of struct option ends with COMMON_OPTIONS, or
 * LOG_OPTIONS. */
#pragma once

#include <getopt.h>

#include "base/error.h"
#include "base/log.h"
#include "config/config.h"

#define DEFAULT_CONFIG "/etc/trunkline/trunkline.yaml"

struct common_options {
    const char *config; /* NULL: not given */
    enum log_format log_format;
    enum log_level log_level;
};

enum {
    OPTION_CONFIG = 0x1000,
    OPTION_LOG_FORMAT,
    OPTION_LOG_LEVEL,
};

/* Of a verb that reads no configuration. */
#define LOG_OPTIONS                                                                                                    \
    {"log-format", required_argument, NULL, OPTION_LOG_FORMAT},                                                        \
        {"log-level", required_argument, NULL, OPTION_LOG_LEVEL},                                                      \
    {                                                                                                                  \
        NULL, 0, NULL, 0                                                                                               \
    }

#define COMMON_OPTIONS {"config", required_argument, NULL, OPTION_CONFIG}, LOG_OPTIONS

#define COMMON_USAGE                                                                                                   \
    "  --config FILE         the configuration (default " DEFAULT_CONFIG ")\n"                                         \
    "  --log-format FORMAT   json or text\n"                                                                           \
    "  --log-level LEVEL     debug, info (default), warn or error\n"

/* Reads the next option like getopt_long; its value is in optarg. -1 at the end. Common options are taken into common
 * and not returned. '?' after a fault, which has been told on stderr in one line: end with EXIT_USAGE. */
int options_next(int argc, char **argv, const struct option *table, struct common_options *common);
/* The one operand that may follow the options; NULL when there is none. false, and told, when there are more. */
bool options_operand(int argc, char **argv, const char **operand) MUST_CHECK;
/* A whole number from 0 to most; false, and told, when text is none. */
bool options_number(const char *verb, const char *option, const char *text, unsigned most, unsigned *number) MUST_CHECK;

/* Loads a configuration for a verb that needs those parts (enum config_part), or tells all that is wrong with it on
 * stderr and returns NULL. */
struct config *options_load(const char *path, unsigned parts);

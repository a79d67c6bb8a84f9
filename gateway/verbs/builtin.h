/* The built-in configuration: of `dev`, and of `convert` and `send` where no file is named. All adapters as sources of
 * the same name, open, on 127.0.0.1. */
#pragma once

#include "base/error.h"
#include "config/config.h"

#define BUILTIN_PORT            8080
#define BUILTIN_MANAGEMENT_PORT 8081

struct builtin {
    const char *data_dir;
    const char *brokers;
    unsigned port, management_port;
};

/* For verbs that neither listen nor speak to Kafka. */
#define BUILTIN_OFFLINE ((struct builtin){"/tmp", "127.0.0.1:9092", BUILTIN_PORT, BUILTIN_MANAGEMENT_PORT})

struct config *builtin_config(const struct builtin *builtin, struct error *error);
/* The file's configuration, or, where path is NULL, the offline built-in one. NULL: told on stderr. */
struct config *builtin_or_load(const char *path);

/* The built-in configuration: of `dev`, and of `convert` and `send` where no file is named. All adapters as sources of
 * the same name, open, on 127.0.0.1; in `dev` also accounts of the simulated vendors. */
#pragma once

#include "base/error.h"
#include "config/config.h"

#define BUILTIN_PORT            8080
#define BUILTIN_MANAGEMENT_PORT 8081

struct builtin {
    const char *data_dir;
    const char *brokers;
    unsigned port, management_port;
    unsigned sevenmoor_port, yeta_port; /* of simulated vendors on 127.0.0.1; 0: there is no account */
};

/* For verbs that neither listen nor speak to Kafka. */
#define BUILTIN_OFFLINE ((struct builtin){"/tmp", "127.0.0.1:9092", BUILTIN_PORT, BUILTIN_MANAGEMENT_PORT, 0, 0})

/* Of the simulated vendors: not secret at all. */
#define BUILTIN_KEY    "simulated"
#define BUILTIN_SECRET "simulated-secret"

/* file: where its text is written as well, for other processes; NULL: nowhere. */
struct config *builtin_config(const struct builtin *builtin, const char *file, struct error *error);
/* The file's configuration, or, where path is NULL, the offline built-in one. NULL: told on stderr. */
struct config *builtin_or_load(const char *path);

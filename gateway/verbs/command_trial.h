/* Tries a command against the configuration before it is submitted, as far as that can be done without the vendor. */
#pragma once

#include <stdio.h>

#include "base/error.h"
#include "config/config.h"

enum trial_verdict {
    TRIAL_GOOD,
    TRIAL_BAD,     /* the worker would refuse it; error says why */
    TRIAL_UNTRIED, /* the account is not in this configuration; error says so. The worker's may have it */
};

/* command is one that command_parse found valid. What a control command asks is none of the vendor's business. */
enum trial_verdict command_trial(const struct config *config, const struct command *command, int64_t now_ms,
                                 struct arena *arena, struct error *error);

/* Prints the request that the vendor would get: method, path, names of the headers, body; never a secret. false with
 * error where command_trial is not good, or nothing is sent to a vendor. */
bool command_trial_print(const struct config *config, const struct command *command, int64_t now_ms,
                         struct arena *arena, FILE *stream, struct error *error) MUST_CHECK;

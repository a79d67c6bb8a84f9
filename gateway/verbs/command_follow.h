/* Submits a command, and follows its results to the end. */
#pragma once

#include "base/error.h"
#include "config/config.h"

/* Exit statuses of `trunkline command`, beside those of all verbs: EXIT_OK succeeded, EXIT_FAULT failed. */
enum {
    EXIT_NOT_BEGUN = 3, /* expired or cancelled */
    EXIT_UNKNOWN = 4,   /* the vendor may have done it, or not */
    EXIT_NO_RESULT = 5, /* none within the time-out, or it is not even known whether it was submitted */
};

struct submission {
    const struct config *config;
    struct slice id, account;
    struct slice value; /* of the record */
    bool wait;          /* for the final result; else only until Kafka has the command */
    unsigned timeout_seconds;
};

/* Blocks until it has ended. Each step is a line on stderr, the final result's data one of JSON on stdout. Returns the
 * exit status; faults are told. */
int command_submit(const struct submission *submission);

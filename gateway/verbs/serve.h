/* What `gateway` and `egress` have in common: a process that is run from a configuration file until a signal ends it.
 */
#pragma once

#include <getopt.h>

extern const struct option serve_options[];

/* The whole verb: reads the options, loads the configuration, runs a process with these roles (verbs/process.h), which
 * must have something to do there: sources, or accounts. argv[0] is the verb's name; returns the exit status. */
int serve_run(int argc, char **argv, unsigned roles);

/* All verbs, and the way from a command line to one of them. */
#pragma once

#include "verbs/verb.h"

extern const struct verb verb_gateway;
extern const struct verb verb_egress;
extern const struct verb verb_dev;
extern const struct verb verb_check;
extern const struct verb verb_convert;
extern const struct verb verb_send;
extern const struct verb verb_topics;
extern const struct verb verb_command;
extern const struct verb verb_spool;
extern const struct verb verb_deadletter;
extern const struct verb verb_tap;
extern const struct verb verb_audit;
extern const struct verb verb_simulate;
extern const struct verb verb_completion;
extern const struct verb verb_manual;

/* `trunkline VERB ...`, `trunkline --help`, `trunkline --version`; returns the exit status. */
int verbs_run(int argc, char **argv);

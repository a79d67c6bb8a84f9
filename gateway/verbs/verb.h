/* A verb is one sub-command of the binary: one const struct in one file; verbs.c lists them. */
#pragma once

#include <getopt.h>

/* One of the things that a verb can be asked to do by its first operand. */
struct verb_action {
    const char *name;
    const struct option *options; /* that it takes */
};

/* The usage text is read by people and by programs: the manual and the shells' completion are made of it. It has
 * paragraphs, and lines "  --option VALUE   what it does", two spaces before and at least two behind; further lines of
 * one are indented by more. Each option of the verb is in it. */
struct verb {
    const char *name;
    const char *summary;               /* one line for `trunkline --help` */
    const char *usage;                 /* what `trunkline NAME --help` prints */
    const struct option *options;      /* that it takes; NULL: each of its actions has its own */
    const struct verb_action *actions; /* ends with a NULL name; NULL: it has none */
    int (*run)(int argc, char **argv); /* argv[0] is the verb's name; returns the exit status */
};

extern const struct verb *const verbs[]; /* ends with NULL */

/* Exit statuses, the same for all verbs; what they mean for people stands in exit_statuses (verbs.c). */
enum {
    EXIT_OK = 0,
    EXIT_FAULT = 1,
    EXIT_USAGE = 2,
    EXIT_UNDRAINED = 3,
};

struct exit_status {
    int number;
    const char *meaning;
};
extern const struct exit_status exit_statuses[]; /* ends with a NULL meaning */

extern const char verbs_purpose[]; /* what Trunkline does, in a sentence */

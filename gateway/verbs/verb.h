/* A verb is one sub-command of the binary: one const struct in one file; verbs.c lists them. */
#pragma once

struct verb {
    const char *name;
    const char *summary;               /* one line for `trunkline --help` */
    const char *usage;                 /* what `trunkline NAME --help` prints */
    int (*run)(int argc, char **argv); /* argv[0] is the verb's name; returns the exit status */
};

extern const struct verb *const verbs[]; /* ends with NULL */

/* Exit statuses, the same for all verbs. */
enum {
    EXIT_OK = 0,
    EXIT_FAULT = 1,     /* it did not work; one clear line says why */
    EXIT_USAGE = 2,     /* the command line or the configuration is wrong */
    EXIT_UNDRAINED = 3, /* all in order, but events that vendors were told are safe wait in the spool, on this disk */
};

/* The list of verbs. --help and --version are answered here, for all of them. */
#include "verbs/verbs.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

const struct verb *const verbs[] = {
    &verb_gateway, &verb_egress, &verb_dev,        &verb_check, &verb_convert, &verb_send,     &verb_topics,
    &verb_command, &verb_spool,  &verb_deadletter, &verb_tap,   &verb_audit,   &verb_simulate, &verb_completion,
    &verb_manual,  NULL,
};

const struct exit_status exit_statuses[] = {
    {EXIT_OK, "It was done, or ended in order."},
    {EXIT_FAULT, "It did not work; one line on standard error says why."},
    {EXIT_USAGE, "The command line or the configuration is wrong; what is wrong is said, and nothing was begun."},
    {EXIT_UNDRAINED,
     "All in order, but events that vendors were told are safe wait in the spool, on this disk, for the "
     "next start."},
    {0, NULL},
};

const char verbs_purpose[] =
    "Trunkline takes the callbacks of call-centre vendors, publishes them to Kafka as canonical "
    "events, and\ncalls the vendors for the commands that it finds there.";

static void
print_help(FILE *stream)
{
    fprintf(stream, "%s\n\nusage: trunkline VERB [OPTIONS]\n\n", verbs_purpose);
    for (const struct verb *const *verb = verbs; *verb != NULL; verb++) {
        fprintf(stream, "  %-10s %s\n", (*verb)->name, (*verb)->summary);
    }
    fputs("\n`trunkline VERB --help` tells the options of a verb; `trunkline --version` prints the version.\n", stream);
}

static const struct verb *
verb_find(const char *name)
{
    for (const struct verb *const *verb = verbs; *verb != NULL; verb++) {
        if (strcmp((*verb)->name, name) == 0) {
            return *verb;
        }
    }
    return NULL;
}

/* Whether that option stands among the arguments, before any "--". */
static bool
asked_for(int argc, char **argv, const char *option)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], option) == 0) {
            return true;
        }
    }
    return false;
}

int
verbs_run(int argc, char **argv)
{
    const struct verb *verb = argc < 2 ? NULL : verb_find(argv[1]);

    if (argc < 2) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    if (asked_for(verb == NULL ? 2 : argc, argv, "--version")) {
        puts("trunkline " TRUNKLINE_VERSION);
        return EXIT_OK;
    }
    if (verb != NULL && asked_for(argc, argv, "--help")) {
        fputs(verb->usage, stdout);
        return EXIT_OK;
    }
    if (verb != NULL) {
        return verb->run(argc - 1, argv + 1);
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
        print_help(stdout);
        return EXIT_OK;
    }
    fprintf(stderr, "trunkline: there is no verb '%s'; `trunkline --help` lists them\n", argv[1]);
    return EXIT_USAGE;
}

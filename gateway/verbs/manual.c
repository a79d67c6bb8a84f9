/* `trunkline manual`: trunkline(1), out of what each verb tells of itself. */
#include <stdio.h>

#include "verbs/options.h"
#include "verbs/usage_text.h"
#include "verbs/verbs.h"

/* Of a text for troff: no character of it is a request or an escape. */
static void
put_text(struct slice text)
{
    for (size_t i = 0; i < text.length; i++) {
        switch (text.data[i]) {
        case '\\':
            fputs("\\e", stdout);
            break;
        case '-':
            fputs("\\-", stdout);
            break;
        case '`':
            fputs("\\(ga", stdout);
            break;
        case '\'':
            fputs("\\(aq", stdout);
            break;
        case '^':
            fputs("\\(ha", stdout);
            break;
        case '~':
            fputs("\\(ti", stdout);
            break;
        default:
            fputc(text.data[i], stdout);
            break;
        }
    }
}

/* Whether troff would take a line that begins so for a request. */
static bool
is_request(struct slice word)
{
    return word.data[0] == '.' || word.data[0] == '\'';
}

static void
put_words(struct slice text)
{
    struct slice word;
    size_t at = 0;
    const char *gap = "";

    while (usage_word(text, &at, &word)) {
        fputs(gap, stdout);
        fputs(is_request(word) ? "\\&" : "", stdout);
        put_text(word);
        /* A sentence's end is one for troff, too. */
        gap = word.data[word.length - 1] == '.' ? "\n" : " ";
    }
    fputc('\n', stdout);
}

static void
put_piece(const struct usage_piece *piece, bool after_synopsis)
{
    switch (piece->kind) {
    case USAGE_SYNOPSIS:
        fputs(after_synopsis ? ".br\n.B " : ".PP\n.B ", stdout);
        put_words(piece->text);
        break;
    case USAGE_PARAGRAPH:
        fputs(".PP\n", stdout);
        put_words(piece->text);
        break;
    case USAGE_ITEM:
        fputs(".TP\n.B ", stdout);
        put_words(piece->term);
        put_words(piece->text);
        break;
    }
}

static void
put_verb(const struct verb *verb)
{
    struct usage_piece piece;
    const char *at = verb->usage;
    bool synopsis = false;

    fputs(".SS trunkline ", stdout);
    put_words(slice_from(verb->name));
    put_words(slice_from(verb->summary));
    while (usage_next(&at, &piece)) {
        put_piece(&piece, synopsis);
        synopsis = piece.kind == USAGE_SYNOPSIS;
    }
}

static void
put_head(void)
{
    fputs(".\\\" Made by `trunkline manual`.\n"
          ".TH TRUNKLINE 1 \"\" \"Trunkline " TRUNKLINE_VERSION "\" \"User Commands\"\n"
          ".SH NAME\n"
          "trunkline \\- gateway between call\\-centre vendors and Kafka\n"
          ".SH SYNOPSIS\n"
          ".B trunkline\n.I VERB\n.RI [ OPTIONS ]\n.br\n"
          ".B trunkline\n.RI [ VERB ]\n.B \\-\\-help\n.br\n"
          ".B trunkline \\-\\-version\n"
          ".SH DESCRIPTION\n",
          stdout);
    put_words(slice_from(verbs_purpose));
    fputs(".SH VERBS\n", stdout);
}

static void
put_tail(void)
{
    fputs(".SH EXIT STATUS\n"
          "The same for all verbs, unless a verb says more of its own above.\n",
          stdout);
    for (const struct exit_status *status = exit_statuses; status->meaning != NULL; status++) {
        printf(".TP\n.B %d\n", status->number);
        put_words(slice_from(status->meaning));
    }
    fputs(".SH ENVIRONMENT\n"
          ".TP\n.B NO_COLOR\nIf it is set and not empty, nothing is printed in colour.\n"
          ".PP\nA configuration names further variables, as ${NAME} or ${NAME:\\-default}.\n"
          ".SH FILES\n"
          ".TP\n.I " DEFAULT_CONFIG "\n"
          "The configuration.\n.B trunkline check \\-\\-options\ntells all that can stand in it.\n",
          stdout);
}

static const struct option table[] = {{NULL, 0, NULL, 0}}; /* it takes none */

static int
manual_run(int argc, char **argv)
{
    struct common_options common = {.log_format = LOG_FORMAT_TEXT, .log_level = LOG_LEVEL_ERROR};
    const char *operand;

    if (options_next(argc, argv, table, &common) != -1 || !options_operand(argc, argv, &operand)) {
        return EXIT_USAGE;
    }
    if (operand != NULL) {
        fprintf(stderr, "trunkline manual: '%s' is too much: it takes nothing\n", operand);
        return EXIT_USAGE;
    }
    put_head();
    for (const struct verb *const *verb = verbs; *verb != NULL; verb++) {
        put_verb(*verb);
    }
    put_tail();
    if (fflush(stdout) != 0) {
        fprintf(stderr, "trunkline manual: cannot write to standard output\n");
        return EXIT_FAULT;
    }
    return EXIT_OK;
}

const struct verb verb_manual = {
    .name = "manual",
    .summary = "prints the manual page trunkline(1)",
    .usage = "usage: trunkline manual\n\n"
             "Prints this page for troff: `trunkline manual | man -l -` shows it.\n",
    .options = table,
    .run = manual_run,
};

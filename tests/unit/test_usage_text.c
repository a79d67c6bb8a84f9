/* Usage texts, option tables and what shells complete are one truth: for each verb they say the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "verbs/completion_words.h"
#include "verbs/usage_text.h"
#include "verbs/verbs.h"

/* --- pieces --- */

static void
check_piece(const char **at, enum usage_kind kind, const char *term, const char *text)
{
    struct usage_piece piece;

    assert_true(usage_next(at, &piece));
    assert_int_equal(piece.kind, kind);
    assert_true(slice_is(piece.term, term));
    assert_true(slice_is(piece.text, text));
}

static void
a_text_is_read_in_pieces(void **state)
{
    const char *at = "usage: trunkline x [OPTIONS]\n"
                     "       trunkline x y FILE|-\n\n"
                     "Does this\nand that.\n\n"
                     "  --one ONE   first,\n"
                     "              and more\n"
                     "  list     a thing\n\n"
                     "The end.\n";
    struct usage_piece piece;

    (void)state;
    check_piece(&at, USAGE_SYNOPSIS, "", "trunkline x [OPTIONS]");
    check_piece(&at, USAGE_SYNOPSIS, "", "trunkline x y FILE|-");
    check_piece(&at, USAGE_PARAGRAPH, "", "Does this\nand that.");
    check_piece(&at, USAGE_ITEM, "--one ONE", "first,\n              and more");
    check_piece(&at, USAGE_ITEM, "list", "a thing");
    check_piece(&at, USAGE_PARAGRAPH, "", "The end.");
    assert_false(usage_next(&at, &piece));
}

/* --- each verb --- */

static bool
has_option(const struct option *options, struct slice name, int has_arg)
{
    for (; options != NULL && options->name != NULL; options++) {
        if (slice_is(name, options->name)) {
            return options->has_arg == has_arg;
        }
    }
    return false;
}

/* Among the tables of a verb. */
static bool
takes_option(const struct verb *verb, struct slice name, int has_arg)
{
    bool takes = has_option(verb->options, name, has_arg);

    for (const struct verb_action *action = verb->actions; action != NULL && action->name != NULL; action++) {
        takes = takes || has_option(action->options, name, has_arg);
    }
    return takes;
}

/* "--source NAME" is an option with a value, "--json" one without. */
static void
check_item(const struct verb *verb, struct slice term)
{
    struct slice name, value;
    size_t at = 0;

    assert_true(usage_word(term, &at, &name));
    if (name.length < 3 || memcmp(name.data, "--", 2) != 0) {
        return;
    }
    name = slice_make(name.data + 2, name.length - 2);
    if (!takes_option(verb, name, usage_word(term, &at, &value) ? required_argument : no_argument)) {
        fail_msg("%s: its usage text has an option \"%.*s\", its tables have not", verb->name, SLICE_ARGS(term));
    }
}

static void
every_option_of_a_usage_text_is_in_a_table(void **state)
{
    (void)state;
    for (const struct verb *const *verb = verbs; *verb != NULL; verb++) {
        const char *at = (*verb)->usage;
        struct usage_piece piece;
        size_t synopses = 0;

        assert_true((*verb)->options == NULL || (*verb)->actions == NULL);
        while (usage_next(&at, &piece)) {
            synopses += piece.kind == USAGE_SYNOPSIS;
            if (piece.kind == USAGE_ITEM) {
                assert_false(slice_empty(piece.text));
                check_item(*verb, piece.term);
            }
        }
        assert_true(synopses > 0);
    }
}

static void
check_table(const struct verb *verb, const struct option *options)
{
    for (; options->name != NULL; options++) {
        struct usage_piece piece;
        bool refused = verb == &verb_dev && strcmp(options->name, "config") == 0; /* with a hint */

        if (usage_option(verb, options->name, &piece) == refused) {
            fail_msg("%s: --%s is taken, and its usage text has it not", verb->name, options->name);
        }
    }
}

static void
every_option_of_a_table_is_in_the_usage_text(void **state)
{
    (void)state;
    for (const struct verb *const *verb = verbs; *verb != NULL; verb++) {
        if ((*verb)->options != NULL) {
            check_table(*verb, (*verb)->options);
        }
        for (const struct verb_action *action = (*verb)->actions; action != NULL && action->name != NULL; action++) {
            check_table(*verb, action->options);
            assert_non_null(strstr((*verb)->usage, action->name));
        }
    }
}

/* --- completion --- */

/* What is offered, between line ends: "\nA\tx\nB\n". Freed by the caller. */
static char *
offered(int count, const char *const *words)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);

    assert_non_null(stream);
    fputc('\n', stream);
    completion_words_print(stream, count, (char *const *)words);
    assert_int_equal(fclose(stream), 0);
    return text;
}

static bool
offers(const char *text, const char *word)
{
    char line[128];

    (void)snprintf(line, sizeof(line), "\n%s\n", word);
    if (strstr(text, line) != NULL) {
        return true;
    }
    (void)snprintf(line, sizeof(line), "\n%s\t", word);
    return strstr(text, line) != NULL;
}

/* Exactly the table's options and --help. */
static void
check_offer(const struct verb *verb, const struct verb_action *action, const struct option *options)
{
    const char *words[] = {verb->name, action == NULL ? "--" : action->name, "--"};
    char *text = offered(action == NULL ? 2 : 3, words);
    size_t lines = 0, expected = 1;

    for (const char *at = text; *at != '\0'; at++) {
        lines += *at == '\n';
    }
    for (; options->name != NULL; options++) {
        char word[64];
        struct usage_piece piece;
        bool told = usage_option(verb, options->name, &piece);

        (void)snprintf(word, sizeof(word), "--%s", options->name);
        assert_int_equal(offers(text, word), told);
        expected += told;
    }
    assert_true(offers(text, "--help"));
    assert_int_equal(lines, expected + 1);
    free(text);
}

static void
each_verb_is_completed_as_its_tables_say(void **state)
{
    char *all = offered(1, (const char *const[]){""});

    (void)state;
    for (const struct verb *const *verb = verbs; *verb != NULL; verb++) {
        const char *words[] = {(*verb)->name, ""};
        char *text = offered(2, words);

        assert_true(offers(all, (*verb)->name));
        for (const struct verb_action *action = (*verb)->actions; action != NULL && action->name != NULL; action++) {
            assert_true(offers(text, action->name));
            check_offer(*verb, action, action->options);
        }
        if ((*verb)->options != NULL) {
            check_offer(*verb, NULL, (*verb)->options);
        }
        free(text);
    }
    free(all);
}

static void
check_words(const char *const *words, int count, const char *expected)
{
    char *text = offered(count, words);

    if (strcmp(text, expected) != 0) {
        fail_msg("after %s %s %s came: %s", words[0], count > 1 ? words[1] : "", count > 2 ? words[2] : "", text);
    }
    free(text);
}

#define CHECK_WORDS(expected, ...)                                                                                     \
    check_words((const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *),       \
                expected)

static void
values_are_offered_where_they_are_known(void **state)
{
    (void)state;
    CHECK_WORDS("\ngateway\ttakes callbacks over HTTP and publishes their events to Kafka\n", "gat");
    CHECK_WORDS("\n", "nothing", "");
    CHECK_WORDS("\n:files\n", "check", "--config", "");
    CHECK_WORDS("\n:files\n", "convert", "x");
    CHECK_WORDS("\n", "audit", "");
    CHECK_WORDS("\njson\n", "gateway", "--log-format", "j");
    CHECK_WORDS("\n--log-format=text\n", "gateway", "--log-format=t");
    CHECK_WORDS("\ntext\n", "gateway", "--log-format", "=", "t"); /* as bash parts it */
    CHECK_WORDS("\njson\ntext\n", "gateway", "--log-format", "=");
    CHECK_WORDS("\n", "gateway", "--nothing=");
    CHECK_WORDS("\n", "audit", "--limit", "");
    CHECK_WORDS("\ncall.dispositioned\n", "tap", "--type", "call.dis");
    CHECK_WORDS("\ncall.dial\n", "command", "submit", "--type", "call.di");
    CHECK_WORDS("\nyeta\tyeta\n", "send", "--source", "y");
    CHECK_WORDS("\n", "send", "--config", "/nothing/at/all", "--source", "y");
}

static void
options_with_known_values_are_options(void **state)
{
    (void)state;
    for (size_t i = 0; completion_value_option(i) != NULL; i++) {
        bool taken = false;

        for (const struct verb *const *verb = verbs; *verb != NULL; verb++) {
            taken = taken || takes_option(*verb, slice_from(completion_value_option(i)), required_argument);
        }
        assert_true(taken);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_is_read_in_pieces),
        cmocka_unit_test(every_option_of_a_usage_text_is_in_a_table),
        cmocka_unit_test(every_option_of_a_table_is_in_the_usage_text),
        cmocka_unit_test(each_verb_is_completed_as_its_tables_say),
        cmocka_unit_test(values_are_offered_where_they_are_known),
        cmocka_unit_test(options_with_known_values_are_options),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

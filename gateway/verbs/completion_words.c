/* Words that may stand next: out of the verbs' own tables, and of the configuration that the command line names. */
#include "verbs/completion_words.h"

#include <string.h>

#include "event/model.h"
#include "verbs/builtin.h"
#include "verbs/options.h"
#include "verbs/tap_sight.h"
#include "verbs/usage_text.h"
#include "verbs/verbs.h"

/* A command line so far. */
struct line {
    FILE *stream;
    int count;
    char *const *words;
    const struct verb *verb;
    const struct verb_action *action; /* NULL: none is named yet, or the verb has none */
    const char *current;              /* the word that is being written */
    const char *prefix;               /* that the candidates begin with beside: "--source=" */
    size_t prefix_length;
};

static void
offer(const struct line *line, struct slice word, struct slice meaning)
{
    struct slice part;
    size_t at = 0;

    /* Shells take a candidate by its line: nothing in it may end one, or part it from its meaning. */
    for (size_t i = 0; i < word.length; i++) {
        if ((unsigned char)word.data[i] <= ' ' || word.data[i] == 0x7f) {
            return;
        }
    }
    if (strncmp(line->current, word.data, strlen(line->current)) != 0 || word.length < strlen(line->current)) {
        return;
    }
    fprintf(line->stream, "%.*s%.*s", (int)line->prefix_length, line->prefix, SLICE_ARGS(word));
    for (const char *gap = "\t"; usage_word(meaning, &at, &part); gap = " ") {
        fprintf(line->stream, "%s%.*s", gap, SLICE_ARGS(part));
    }
    fputc('\n', line->stream);
}

static void
offer_text(const struct line *line, const char *word, const char *meaning)
{
    offer(line, slice_from(word), slice_from(meaning));
}

static void
offer_files(const struct line *line)
{
    fputs(COMPLETION_FILES "\n", line->stream);
}

/* --- names out of the configuration --- */

/* The value that an option has been given before the current word; NULL: none. */
static const char *
value_given(const struct line *line, const char *option)
{
    size_t length = strlen(option);

    for (int i = 1; i + 1 < line->count; i++) {
        const char *word = line->words[i];

        if (strncmp(word, "--", 2) != 0 || strncmp(word + 2, option, length) != 0) {
            continue;
        }
        if (word[2 + length] == '=') {
            return word + 2 + length + 1;
        }
        if (word[2 + length] == '\0' && i + 2 < line->count) {
            /* Some shells part "--config=x" into three words. */
            return strcmp(line->words[i + 1], "=") == 0 && i + 3 < line->count ? line->words[i + 2]
                                                                               : line->words[i + 1];
        }
    }
    return NULL;
}

/* The same that the verb would read; NULL: it cannot be read, which is not for now to tell. */
static struct config *
config_of(const struct line *line)
{
    const char *path = value_given(line, "config");
    struct config_faults faults;
    struct config *config;

    if (path == NULL && (line->verb == &verb_convert || line->verb == &verb_send)) {
        return builtin_config(&BUILTIN_OFFLINE, NULL, NULL);
    }
    config = config_load_parts(path == NULL ? DEFAULT_CONFIG : path, 0, &faults);
    config_faults_free(&faults);
    return config;
}

static void
offer_sources(const struct line *line, const struct config *config)
{
    for (size_t i = 0; i < config->source_count; i++) {
        offer(line, config->sources[i].name, slice_from(config->sources[i].adapter->name));
    }
}

static void
offer_accounts(const struct line *line, const struct config *config)
{
    for (size_t i = 0; i < config->account_count; i++) {
        offer(line, config->accounts[i].name, slice_from(config->accounts[i].adapter->name));
    }
}

static void
offer_topics(const struct line *line, const struct config *config)
{
    size_t count;
    const struct topic_spec *specs = config_topic_specs(config, &count);

    for (size_t i = 0; i < count; i++) {
        offer_text(line, specs[i].name, "");
    }
}

static void
offer_kinds(const struct line *line, const struct config *config)
{
    const char *name = value_given(line, "source");
    const struct source *source = name == NULL ? NULL : config_source(config, slice_from(name));

    for (const struct adapter_kind *kind = source == NULL ? NULL : source->adapter->kinds;
         kind != NULL && kind->name != NULL; kind++) {
        offer_text(line, kind->name, kind->endpoint);
    }
}

/* --- values of options --- */

static void
offer_event_types(const struct line *line)
{
    for (int type = EVENT_NONE + 1; type < EVENT_TYPE_COUNT; type++) {
        offer_text(line, event_type_name((enum event_type)type), "");
    }
}

/* What the vendors' APIs can do; a command that several of them know is offered once. */
static void
offer_command_types(const struct line *line)
{
    for (const struct adapter *const *adapter = adapters; *adapter != NULL; adapter++) {
        const struct operation *operations = (*adapter)->calls == NULL ? NULL : (*adapter)->calls->operations;

        for (; operations != NULL && operations->command != NULL; operations++) {
            bool known = false;

            for (const struct adapter *const *other = adapters; other != adapter && !known; other++) {
                known = operation_find(*other, slice_from(operations->command)) != NULL;
            }
            if (!known && operations->command[0] != '\0') {
                offer_text(line, operations->command, "");
            }
        }
    }
}

enum values {
    VALUES_WORDS,
    VALUES_FILES,
    VALUES_TYPES,
    VALUES_SOURCES,
    VALUES_ACCOUNTS,
    VALUES_TOPICS,
    VALUES_KINDS,
};

/* Options whose values are known, whatever the verb. */
static const struct {
    const char *option;
    enum values values;
    const char *words; /* of VALUES_WORDS */
} known[] = {
    {"config", VALUES_FILES, NULL},
    {"ledger", VALUES_FILES, NULL},
    {"ca-file", VALUES_FILES, NULL},
    {"certificate", VALUES_FILES, NULL},
    {"source", VALUES_SOURCES, NULL},
    {"account", VALUES_ACCOUNTS, NULL},
    {"topic", VALUES_TOPICS, NULL},
    {"kind", VALUES_KINDS, NULL},
    {"type", VALUES_TYPES, NULL},
    {"log-format", VALUES_WORDS, "json text"},
    {"log-level", VALUES_WORDS, "debug info warn error"},
    {"mode", VALUES_WORDS, "structured binary"},
    {"priority", VALUES_WORDS, "control interactive bulk idle"},
    {"reason", VALUES_WORDS,
     "not_json not_xml unknown_format missing_key too_complex refused_by_kafka invalid_command"},
};
#define KNOWN_COUNT (sizeof(known) / sizeof(known[0]))

const char *
completion_value_option(size_t index)
{
    return index < KNOWN_COUNT ? known[index].option : NULL;
}

static void
offer_words(const struct line *line, const char *words)
{
    struct slice word;
    size_t at = 0;

    while (usage_word(slice_from(words), &at, &word)) {
        offer(line, word, (struct slice){0});
    }
}

static void
offer_names(const struct line *line, enum values values)
{
    struct config *config = config_of(line);

    if (config == NULL) {
        return;
    }
    switch (values) {
    case VALUES_SOURCES:
        offer_sources(line, config);
        break;
    case VALUES_ACCOUNTS:
        offer_accounts(line, config);
        break;
    case VALUES_TOPICS:
        offer_topics(line, config);
        break;
    case VALUES_KINDS:
        offer_kinds(line, config);
        break;
    case VALUES_WORDS:
    case VALUES_FILES:
    case VALUES_TYPES:
        break;
    }
    config_free(config);
}

static void
offer_values(const struct line *line, const char *option)
{
    size_t i = 0;

    while (i < KNOWN_COUNT && strcmp(known[i].option, option) != 0) {
        i++;
    }
    if (i == KNOWN_COUNT) {
        return;
    }
    if (known[i].values == VALUES_WORDS) {
        offer_words(line, known[i].words);
    } else if (known[i].values == VALUES_FILES) {
        offer_files(line);
    } else if (known[i].values == VALUES_TYPES) {
        (line->verb == &verb_command ? offer_command_types : offer_event_types)(line);
    } else {
        offer_names(line, known[i].values);
    }
}

/* --- options and operands --- */

static const struct option *
find_option(const struct option *options, const char *name, size_t length)
{
    for (; options != NULL && options->name != NULL; options++) {
        if (strlen(options->name) == length && memcmp(options->name, name, length) == 0) {
            return options;
        }
    }
    return NULL;
}

/* That may stand where the line is now: the action's, the verb's, or, before an action is named, the first one's. */
static const struct option *
options_of(const struct line *line)
{
    if (line->action != NULL) {
        return line->action->options;
    }
    return line->verb->options;
}

static void
offer_options(const struct line *line)
{
    for (const struct option *option = options_of(line); option != NULL && option->name != NULL; option++) {
        struct usage_piece piece;

        /* One that is read only to be refused with a hint is not in the usage text. */
        if (usage_option(line->verb, option->name, &piece)) {
            char word[64];

            (void)snprintf(word, sizeof(word), "--%s", option->name);
            offer(line, slice_from(word), piece.text);
        }
    }
    offer_text(line, "--help", "tells what it does");
}

static bool
has(struct slice text, const char *word)
{
    return text.length > 0 && memmem(text.data, text.length, word, strlen(word)) != NULL;
}

/* Whether the verb's synopsis, for this action where there is one, ends with the name of a file. */
static bool
takes_file(const struct line *line)
{
    const char *at = line->verb->usage;
    struct usage_piece piece;

    while (usage_next(&at, &piece) && piece.kind == USAGE_SYNOPSIS) {
        struct slice word, last = {0};
        size_t bytes = 0;

        while (usage_word(piece.text, &bytes, &word)) {
            last = word;
        }
        if (has(last, "FILE") && (line->action == NULL || has(piece.text, line->action->name))) {
            return true;
        }
    }
    return false;
}

static void
offer_operands(const struct line *line)
{
    if (line->verb->actions != NULL && line->action == NULL) {
        for (const struct verb_action *action = line->verb->actions; action->name != NULL; action++) {
            offer_text(line, action->name, "");
        }
    } else if (line->verb == &verb_command && line->action != NULL &&
               (strcmp(line->action->name, "hold") == 0 || strcmp(line->action->name, "resume") == 0)) {
        offer_names(line, VALUES_ACCOUNTS);
    } else if (takes_file(line)) {
        offer_files(line);
    }
}

/* --- the line --- */

static void
find_action(struct line *line)
{
    for (const struct verb_action *action = line->verb->actions; action != NULL && action->name != NULL; action++) {
        for (int i = 1; i + 1 < line->count; i++) {
            line->action = strcmp(line->words[i], action->name) == 0 ? action : line->action;
        }
    }
}

/* The option whose value is being written; NULL: none is. What stands before the value is no part of it. */
static const struct option *
option_at_hand(struct line *line)
{
    const char *equals = strchr(line->current, '=');
    int before = line->count - 2;
    const char *word;

    if (strncmp(line->current, "--", 2) == 0 && equals != NULL) {
        line->prefix = line->current;
        line->prefix_length = (size_t)(equals + 1 - line->current);
        line->current = equals + 1;
        return find_option(options_of(line), line->prefix + 2, line->prefix_length - 3);
    }
    if (strcmp(line->current, "=") == 0) {
        line->current = "";
        word = line->words[before];
    } else {
        before -= before > 0 && strcmp(line->words[before], "=") == 0;
        word = line->words[before];
    }
    if (before < 1 || strncmp(word, "--", 2) != 0) {
        return NULL;
    }
    return find_option(options_of(line), word + 2, strlen(word + 2));
}

static void
offer_verbs(const struct line *line)
{
    for (const struct verb *const *verb = verbs; *verb != NULL; verb++) {
        offer_text(line, (*verb)->name, (*verb)->summary);
    }
    offer_text(line, "--help", "lists the verbs");
    offer_text(line, "--version", "prints the version");
}

void
completion_words_print(FILE *stream, int count, char *const *words)
{
    struct line line = {.stream = stream, .count = count, .words = words, .prefix = ""};
    const struct option *option;

    if (count < 1) {
        return;
    }
    line.current = words[count - 1];
    if (count == 1) {
        offer_verbs(&line);
        return;
    }
    for (const struct verb *const *verb = verbs; *verb != NULL; verb++) {
        line.verb = strcmp((*verb)->name, words[0]) == 0 ? *verb : line.verb;
    }
    if (line.verb == NULL) {
        return;
    }
    find_action(&line);
    option = option_at_hand(&line);
    if (option != NULL && option->has_arg == required_argument) {
        offer_values(&line, option->name);
    } else if (line.current[0] == '-') {
        offer_options(&line);
    } else if (line.prefix_length == 0) {
        offer_operands(&line);
    }
}

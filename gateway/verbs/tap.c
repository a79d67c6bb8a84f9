/* `trunkline tap`: shows what passes on the topics. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "bus/follower.h"
#include "verbs/lookback.h"
#include "verbs/options.h"
#include "verbs/outlet.h"
#include "verbs/tap_show.h"
#include "verbs/verbs.h"

#define ARENA_BYTES ((size_t)128 * 1024 * 1024) /* of one record */
#define CHUNK_BYTES ((size_t)128 * 1024)
#define TOPICS_MOST 64
#define START_MS    10000
#define STOP_MS     10000
#define POLL_MS     100 /* so late is a signal seen */

struct tap_options {
    struct common_options common;
    struct slice topics[TOPICS_MOST];
    size_t topic_count; /* 0: those of events */
    bool all;
    int64_t from_ms, until_ms; /* FOLLOWER_FROM_NOW, INT64_MAX: not given */
    unsigned count;            /* 0: no end */
    struct sight_filter filter;
    enum show_form form;
    bool show_numbers;
};

struct tap {
    const struct tap_options *options;
    const struct config *config;
    struct follower *follower;
    struct printer printer;
    struct arena_pool *pool;
    unsigned shown;
    bool stopping; /* the follower has been told of the end */
};

static volatile sig_atomic_t interrupted;

/* --- the command line --- */

enum {
    OPTION_TOPIC = 't',
    OPTION_ALL = 'a',
    OPTION_FROM = 'f',
    OPTION_UNTIL = 'u',
    OPTION_COUNT = 'n',
    OPTION_TYPE = 'T',
    OPTION_SOURCE = 's',
    OPTION_KEY = 'k',
    OPTION_ACCOUNT = 'A',
    OPTION_ID = 'i',
    OPTION_JSON = 'j',
    OPTION_DATA = 'd',
    OPTION_SHOW_NUMBERS = 'N',
};

static const struct option table[] = {
    {"topic", required_argument, NULL, OPTION_TOPIC},
    {"all", no_argument, NULL, OPTION_ALL},
    {"from", required_argument, NULL, OPTION_FROM},
    {"until", required_argument, NULL, OPTION_UNTIL},
    {"count", required_argument, NULL, OPTION_COUNT},
    {"type", required_argument, NULL, OPTION_TYPE},
    {"source", required_argument, NULL, OPTION_SOURCE},
    {"key", required_argument, NULL, OPTION_KEY},
    {"account", required_argument, NULL, OPTION_ACCOUNT},
    {"id", required_argument, NULL, OPTION_ID},
    {"json", no_argument, NULL, OPTION_JSON},
    {"data", no_argument, NULL, OPTION_DATA},
    {"show-numbers", no_argument, NULL, OPTION_SHOW_NUMBERS},
    COMMON_OPTIONS,
};

static int
fault(const char *text)
{
    fprintf(stderr, "trunkline tap: %s\n", text);
    return EXIT_FAULT;
}

/* Into a list of at most that many. */
static bool
take_one_more(const char *option, struct slice *list, size_t *count, size_t most)
{
    if (*count == most) {
        fprintf(stderr, "trunkline tap: %s can be given %zu times\n", option, most);
        return false;
    }
    list[(*count)++] = slice_from(optarg);
    return true;
}

static bool
take_form(struct tap_options *options, enum show_form form)
{
    if (options->form != SHOW_LINE && options->form != form) {
        fprintf(stderr, "trunkline tap: either --json or --data\n");
        return false;
    }
    options->form = form;
    return true;
}

static bool
take_filter(struct sight_filter *filter, int option)
{
    switch (option) {
    case OPTION_TYPE:
        return take_one_more("--type", filter->types, &filter->type_count,
                             sizeof(filter->types) / sizeof(filter->types[0]));
    case OPTION_SOURCE:
        filter->source = slice_from(optarg);
        return true;
    case OPTION_KEY:
        filter->key = slice_from(optarg);
        return true;
    case OPTION_ACCOUNT:
        filter->account = slice_from(optarg);
        return true;
    case OPTION_ID:
        filter->id = slice_from(optarg);
        return true;
    default:
        return false;
    }
}

static bool
take_option(int option, struct tap_options *options)
{
    switch (option) {
    case OPTION_TOPIC:
        return take_one_more("--topic", options->topics, &options->topic_count, TOPICS_MOST);
    case OPTION_ALL:
        options->all = true;
        return true;
    case OPTION_FROM:
        return lookback_time_option("tap", "--from", optarg, &options->from_ms);
    case OPTION_UNTIL:
        return lookback_time_option("tap", "--until", optarg, &options->until_ms);
    case OPTION_COUNT:
        return options_number("tap", "--count", optarg, 1000000000, &options->count);
    case OPTION_JSON:
        return take_form(options, SHOW_JSON);
    case OPTION_DATA:
        return take_form(options, SHOW_DATA);
    case OPTION_SHOW_NUMBERS:
        options->show_numbers = true;
        return true;
    default:
        return take_filter(&options->filter, option);
    }
}

static bool
options_read(int argc, char **argv, struct tap_options *options)
{
    const char *operand;
    int option;

    *options = (struct tap_options){
        .common = {.log_format = LOG_FORMAT_TEXT, .log_level = LOG_LEVEL_ERROR},
        .from_ms = FOLLOWER_FROM_NOW,
        .until_ms = INT64_MAX,
    };
    while ((option = options_next(argc, argv, table, &options->common)) != -1) {
        if (!take_option(option, options)) {
            return false;
        }
    }
    if (!options_operand(argc, argv, &operand)) {
        return false;
    }
    if (operand != NULL) {
        fprintf(stderr, "trunkline tap: '%s' stands alone; name a topic with --topic\n", operand);
        return false;
    }
    if (options->all && options->topic_count > 0) {
        fprintf(stderr, "trunkline tap: either --all or --topic\n");
        return false;
    }
    return true;
}

/* --- what passes --- */

static bool
is_original(const struct config *config, struct slice topic)
{
    return slice_equal(topic, config->topics[TOPIC_DEADLETTER]) || slice_equal(topic, config->topics[TOPIC_RAW]);
}

/* false: memory is out. */
static bool
show_record(struct tap *tap, const struct consumed *record)
{
    struct arena *arena = arena_new(tap->pool, ARENA_BYTES);
    struct sight sight;
    bool good = arena != NULL && sight_read(record, is_original(tap->config, record->topic), arena, &sight);

    if (good && sight_fits(&tap->options->filter, &sight)) {
        good = (tap->options->show_numbers || sight_mask(&sight, arena)) &&
               show(&tap->printer, &sight, tap->options->form, arena);
        tap->shown++;
    }
    arena_free(arena);
    return good;
}

static bool
is_over(struct tap *tap)
{
    return interrupted || ferror(tap->printer.stream) || (tap->options->count > 0 && tap->shown >= tap->options->count);
}

/* When the time of --until has come, the end of what there is by then is asked for. */
static bool
mind_the_end(struct tap *tap, struct error *error)
{
    if (tap->stopping || clock_wall_ms(clock_system()) < tap->options->until_ms) {
        return true;
    }
    tap->stopping = true;
    return follower_stop_at(tap->follower, tap->options->until_ms, STOP_MS, error);
}

/* Reads until it is over; what is printed leaves when nothing more waits to be read. */
static bool
follow(struct tap *tap, struct error *error)
{
    int patience_ms = 0;

    while (!is_over(tap)) {
        struct error notice = {""};
        struct consumed record;

        if (!mind_the_end(tap, error)) {
            return false;
        }
        switch (follower_next(tap->follower, patience_ms, &record, &notice)) {
        case FOLLOWER_RECORD:
            if (!show_record(tap, &record)) {
                return error_set(error, "out of memory");
            }
            patience_ms = 0;
            break;
        case FOLLOWER_NOTICE:
            (void)fflush(tap->printer.stream);
            fprintf(stderr, "trunkline tap: %s\n", notice.text);
            break;
        case FOLLOWER_QUIET:
            (void)fflush(tap->printer.stream);
            patience_ms = POLL_MS;
            break;
        case FOLLOWER_END:
            return true;
        }
    }
    return true;
}

static void
on_signal(int number)
{
    (void)number;
    interrupted = 1;
}

/* The first one ends it in order, a second one at once. */
static void
signals_catch(void)
{
    const struct sigaction end = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    const struct sigaction ignore = {.sa_handler = SIG_IGN};

    interrupted = 0;
    (void)sigaction(SIGINT, &end, NULL);
    (void)sigaction(SIGTERM, &end, NULL);
    (void)sigaction(SIGPIPE, &ignore, NULL);
}

/* Whoever reads it may have enough: `tap | head`. */
static int
finish(const struct tap *tap)
{
    bool written = !ferror(tap->printer.stream) && fflush(tap->printer.stream) == 0;

    return written || interrupted || outlet_failure() == EPIPE ? EXIT_OK : fault("cannot write to standard output");
}

static int
tap_topics(struct tap *tap, const struct slice *topics, size_t count)
{
    struct error error = {""};
    int status = EXIT_FAULT;

    signals_catch();
    tap->follower = follower_new(&tap->config->kafka, topics, count, tap->options->from_ms, START_MS, &error);
    if (tap->follower == NULL || !follow(tap, &error)) {
        (void)fflush(tap->printer.stream);
        status = interrupted ? EXIT_OK : fault(error.text);
    } else {
        status = finish(tap);
    }
    follower_free(tap->follower);
    return status;
}

/* --- which topics --- */

/* Those of events and, for --all, of what else a person may want to see. malloc'd; NULL when out of memory. */
static struct slice *
choose_topics(const struct config *config, const struct tap_options *options, size_t *count)
{
    static const enum topic_role more[] = {TOPIC_RESULTS, TOPIC_COMMANDS, TOPIC_DEADLETTER, TOPIC_RAW};
    struct slice *topics = config_event_topics(config, TOPICS_MOST, count);

    if (topics != NULL && options->topic_count > 0) {
        *count = 0;
        for (size_t i = 0; i < options->topic_count; i++) {
            config_add_topic(topics, count, options->topics[i]);
        }
    }
    for (size_t i = 0; topics != NULL && options->all && i < sizeof(more) / sizeof(more[0]); i++) {
        if (more[i] != TOPIC_RAW || config->raw_enabled) {
            config_add_topic(topics, count, config->topics[more[i]]);
        }
    }
    return topics;
}

static int
tap_run(int argc, char **argv)
{
    struct tap_options options;
    struct tap tap = {.options = &options, .pool = arena_pool_new(CHUNK_BYTES, 1)};
    struct config *config = NULL;
    struct slice *topics = NULL;
    size_t count = 0;
    int status = EXIT_USAGE;

    if (options_read(argc, argv, &options)) {
        log_setup(options.common.log_format, options.common.log_level, clock_system());
        config = options_load(options.common.config == NULL ? DEFAULT_CONFIG : options.common.config, 0);
    }
    if (config != NULL) {
        if ((config->parts_left_out & CONFIG_SOURCES) != 0) { /* routes have topics of their own */
            config_warnings_print(config, stderr);
        }
        tap.config = config;
        tap.printer = printer_for(stdout);
        tap.printer.stream = outlet_open(&interrupted);
        topics = choose_topics(config, &options, &count);
        status = topics == NULL || tap.pool == NULL || tap.printer.stream == NULL ? fault("out of memory")
                                                                                  : tap_topics(&tap, topics, count);
    }
    if (tap.printer.stream != NULL) {
        (void)fclose(tap.printer.stream); /* all of it has left, or cannot */
    }
    free(topics);
    config_free(config);
    arena_pool_free(tap.pool);
    return status;
}

const struct verb verb_tap = {
    .name = "tap",
    .summary = "shows what passes on the topics, readably",
    .usage =
        "usage: trunkline tap [OPTIONS]\n\n"
        "Follows the topics of events and prints a line for each record: time, type, source, key, and what happened\n"
        "in few words. It joins no consumer group and commits nothing, so it takes nothing away from anybody. Ctrl-C\n"
        "ends it.\n\n"
        "  --topic TOPIC         follows this topic instead; may come again\n"
        "  --all                 follows results, commands and dead letters, too, and the raw topic where it is on\n"
        "  --from TIME           shows what Kafka took from then on (default: from now on). TIME is one such as\n"
        "                        2026-11-21T10:00:00+08:00, or how long ago: 90s, 10m, 2h, 1d\n"
        "  --until TIME          ends with what Kafka took before then\n"
        "  --count N             ends when N records have been shown (0: no end, the default)\n"
        "  --type PATTERN        shows events of this type: call.ended, call.*, or the full type; may come again\n"
        "  --source PATTERN      shows what came from this source\n"
        "  --key PATTERN         shows records with this key: the call's id, and so on\n"
        "  --account PATTERN     shows what belongs to this account of the vendor\n"
        "  --id PATTERN          shows events with this id\n"
        "  --json                prints one JSON object a line: topic, partition, offset, timestamp, key and the\n"
        "                        event, a binary one in structured form; headers and value of what is no event\n"
        "  --data                prints the event's data below its line\n"
        "  --show-numbers        prints phone numbers whole\n"
        "  --config FILE         the configuration (default " DEFAULT_CONFIG ")\n"
        "  --log-format FORMAT   json or text\n"
        "  --log-level LEVEL     debug, info, warn or error (default)\n\n"
        "In a PATTERN * stands for any run of characters. It is compared with the record as it is, before numbers are\n"
        "masked.\n\n"
        "Without --show-numbers phone numbers keep their last four digits only, in every form of output and in keys,\n"
        "ids, URLs, headers and the vendor's own message. Taken for numbers are 7 and more digits in members whose\n"
        "names speak of numbers; 7 to 15 digits anywhere else, unless they look like a time, a date, a UUID or a\n"
        "hash; and, in ids, keys, times, sizes and URLs, what looks like a number of China, what begins with +, and\n"
        "each number that stands elsewhere in the record. Members named after a customer's name, identity card or\n"
        "address are masked whole. So an amount or an id may be masked, too; and not masked are numbers in words, in\n"
        "other digits than 0 to 9, in an encoding, or cut up by other signs than spaces, dashes, brackets and dots;\n"
        "shorter ones; and names, addresses and the like in free text, such as transcripts, and in callbacks as they\n"
        "came that are not JSON.\n\n"
        "Control characters are shown as ?, in JSON as escapes. Colours need a terminal, and no NO_COLOR in the\n"
        "environment.\n\n"
        "Exit status: 0 it was ended, or came to its end, 1 nothing can be read, 2 the command line or the\n"
        "configuration is wrong. While Kafka does not answer, it says so and waits; so it does for a topic that is\n"
        "missing, as long as there is another one.\n",
    .options = table,
    .run = tap_run,
};

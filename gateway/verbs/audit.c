/* `trunkline audit`: holds a client's ledger of accepted ids against the topics. */
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>

#include "adapters/mapping.h"
#include "base/digest.h"
#include "base/json.h"
#include "event/cloudevent_reader.h"
#include "verbs/audit_report.h"
#include "verbs/lookback.h"
#include "verbs/options.h"
#include "verbs/verbs.h"

#define ARENA_BYTES   ((size_t)64 * 1024 * 1024) /* of one event */
#define CHUNK_BYTES   ((size_t)64 * 1024)
#define LIST_MAX      AUDIT_IDS_MAX
#define LIST_USUAL    100
#define SOURCE_PREFIX "/trunkline/"
/* An event's tree is larger than that of the message in it, which has the usual limits. */
#define EVENT_LIMITS ((struct value_limits){.depth = 40, .members = 200000})

struct audit_options {
    struct common_options common;
    const char *ledger;
    struct time_range range;
    struct slice topics[AUDIT_TOPICS_MAX];
    size_t topic_count; /* 0: all topics of events */
    unsigned limit;
    bool json;
};

struct audit {
    const struct audit_options *options;
    const struct config *config;
    const struct slice *topics;
    struct slice *configured_topics; /* malloc'd, when no option names them */
    size_t topic_count;
    const char **own_types; /* malloc'd: names of the sources' own types of events */
    struct audit_ledger *ledger;
    struct arena_pool *pool;
    uint64_t records, unreadable;
    bool no_memory;
};

static int
fault(const char *text)
{
    fprintf(stderr, "trunkline audit: %s\n", text);
    return EXIT_FAULT;
}

/* --- the command line --- */

enum {
    OPTION_LEDGER = 'l',
    OPTION_FROM = 'f',
    OPTION_TO = 't',
    OPTION_TOPIC = 'T',
    OPTION_LIMIT = 'n',
    OPTION_JSON = 'j',
};

static bool
take_topic(struct audit_options *options, const char *name)
{
    for (size_t i = 0; i < options->topic_count; i++) {
        if (slice_is(options->topics[i], name)) {
            return true;
        }
    }
    if (options->topic_count == AUDIT_TOPICS_MAX) {
        fprintf(stderr, "trunkline audit: --topic can be given %d times\n", AUDIT_TOPICS_MAX);
        return false;
    }
    options->topics[options->topic_count++] = slice_from(name);
    return true;
}

static bool
take_option(int option, struct audit_options *options)
{
    switch (option) {
    case OPTION_LEDGER:
        options->ledger = optarg;
        return true;
    case OPTION_FROM:
        return lookback_time_option("audit", "--from", optarg, &options->range.from_ms);
    case OPTION_TO:
        return lookback_time_option("audit", "--to", optarg, &options->range.to_ms);
    case OPTION_TOPIC:
        return take_topic(options, optarg);
    case OPTION_LIMIT:
        return options_number("audit", "--limit", optarg, LIST_MAX, &options->limit);
    case OPTION_JSON:
        options->json = true;
        return true;
    default:
        return false;
    }
}

static const struct option table[] = {
    {"ledger", required_argument, NULL, OPTION_LEDGER},
    {"from", required_argument, NULL, OPTION_FROM},
    {"to", required_argument, NULL, OPTION_TO},
    {"topic", required_argument, NULL, OPTION_TOPIC},
    {"limit", required_argument, NULL, OPTION_LIMIT},
    {"json", no_argument, NULL, OPTION_JSON},
    COMMON_OPTIONS,
};

static bool
options_read(int argc, char **argv, struct audit_options *options)
{
    const char *operand;
    int option;

    *options = (struct audit_options){
        .common = {.log_format = LOG_FORMAT_TEXT, .log_level = LOG_LEVEL_ERROR},
        .range = {.from_ms = 0, .to_ms = INT64_MAX},
        .limit = LIST_USUAL,
    };
    while ((option = options_next(argc, argv, table, &options->common)) != -1) {
        if (!take_option(option, options)) {
            return false;
        }
    }
    if (!options_operand(argc, argv, &operand)) {
        return false;
    }
    if (options->ledger == NULL || operand != NULL) {
        fprintf(stderr, "trunkline audit: --ledger FILE is needed, and no operand (- is standard input)\n");
        return false;
    }
    return true;
}

/* --- what is found on the topics --- */

static bool
read_event(const struct consumed *record, struct arena *arena, struct incoming_event *event)
{
    struct slice id;

    *event = (struct incoming_event){
        .form = EVENT_FORM_BINARY,
        .headers = record->headers,
        .header_count = record->header_count,
    };
    if (cloudevent_attribute(event, "id", &id) == ATTRIBUTE_TEXT) {
        return true;
    }
    event->form = EVENT_FORM_STRUCTURED;
    event->object = json_parse(arena, record->value, EVENT_LIMITS, NULL);
    event->data = value_member(event->object, "data");
    return event->object != NULL && event->object->kind == VALUE_OBJECT;
}

/* The bytes of the event's data: what must not differ where an id comes twice. */
static bool
digest_data(const struct consumed *record, const struct incoming_event *event, uint64_t *digest)
{
    struct slice data = record->value;
    char hex[SHA256_HEX_BYTES];

    if (event->form == EVENT_FORM_STRUCTURED) {
        data = event->data == NULL ? (struct slice){0} : event->data->raw;
    }
    if (!digest_sha256_hex(data, hex)) {
        return false;
    }
    *digest = 0;
    for (size_t i = 0; i < 16; i++) {
        *digest = *digest << 4 | (uint64_t)(hex[i] <= '9' ? hex[i] - '0' : hex[i] - 'a' + 10);
    }
    return true;
}

static unsigned
topic_number(const struct audit *audit, struct slice topic)
{
    unsigned number = 0;

    while (number + 1 < audit->topic_count && !slice_equal(audit->topics[number], topic)) {
        number++;
    }
    return number;
}

/* Where the source sends events of the type of that name; NULL: it has no such type. */
static const struct target_list *
targets_of(const struct source *source, struct slice name)
{
    const struct mapping *mapping = source->mapping;

    for (int type = EVENT_NONE + 1; type < EVENT_TYPE_COUNT; type++) {
        if (slice_equal(event_names((enum event_type)type)->type, name)) {
            return &source->targets[type];
        }
    }
    for (size_t i = 0; mapping != NULL && i < mapping->custom_count; i++) {
        if (slice_equal(mapping->custom_types[i].names.type, name)) {
            return &source->custom_targets[mapping->custom_types[i].index];
        }
    }
    return NULL;
}

/* Those of the audited topics that the configuration sends such an event to. */
static uint32_t
expected_topics(const struct audit *audit, const struct audit_sighting *sighting, struct slice type_name)
{
    const struct source *source = config_source(audit->config, sighting->source);
    const struct target_list *targets = source == NULL ? NULL : targets_of(source, type_name);
    uint32_t expected = UINT32_C(1) << sighting->topic;

    for (size_t i = 0; targets != NULL && i < targets->count; i++) {
        unsigned topic = topic_number(audit, targets->topics[i]);

        if (slice_equal(audit->topics[topic], targets->topics[i])) {
            expected |= UINT32_C(1) << topic;
        }
    }
    return expected;
}

static bool
see(struct audit *audit, const struct consumed *record, struct arena *arena)
{
    static const struct slice prefix = SLICE(SOURCE_PREFIX);
    struct audit_sighting sighting = {.topic = topic_number(audit, record->topic)};
    struct incoming_event event;
    struct slice type;

    if (!read_event(record, arena, &event) || cloudevent_attribute(&event, "id", &sighting.id) != ATTRIBUTE_TEXT ||
        cloudevent_attribute(&event, "source", &sighting.source) != ATTRIBUTE_TEXT ||
        cloudevent_attribute(&event, "type", &type) != ATTRIBUTE_TEXT ||
        !digest_data(record, &event, &sighting.content)) {
        return false;
    }
    if (sighting.source.length > prefix.length && memcmp(sighting.source.data, prefix.data, prefix.length) == 0) {
        sighting.source = slice_make(sighting.source.data + prefix.length, sighting.source.length - prefix.length);
    }
    sighting.expected = expected_topics(audit, &sighting, type);
    audit_ledger_see(audit->ledger, &sighting);
    return true;
}

static void
on_record(const struct consumed *record, void *argument)
{
    struct audit *audit = argument;
    struct arena *arena = arena_new(audit->pool, ARENA_BYTES);

    audit->records++;
    if (arena == NULL) {
        audit->no_memory = true;
    } else if (!see(audit, record, arena)) {
        audit->unreadable++;
    }
    arena_free(arena);
}

/* --- its course --- */

static int
tell(const struct audit *audit)
{
    struct audit_counts counts = audit_ledger_counts(audit->ledger);
    struct audit_report report = {
        .ledger = audit->ledger,
        .topics = audit->topics,
        .topic_count = audit->topic_count,
        .records = audit->records,
        .unreadable = audit->unreadable,
        .limit = audit->options->limit,
    };

    if (audit->no_memory) {
        return fault("out of memory");
    }
    if (!audit->options->json) {
        audit_report_text(&report, &counts);
    } else if (!audit_report_json(&report, &counts)) {
        return fault("out of memory");
    }
    if (fflush(stdout) != 0) {
        return fault("cannot write to standard output");
    }
    return counts.missing + counts.incomplete + counts.corrupted == 0 ? EXIT_OK : EXIT_FAULT;
}

static size_t
own_type_count(const struct config *config)
{
    size_t count = 0;

    for (size_t i = 0; i < config->source_count; i++) {
        count += config->sources[i].mapping == NULL ? 0 : config->sources[i].mapping->custom_count;
    }
    return count;
}

/* Lets the ledger know ids of the sources' own types. */
static bool
name_own_types(struct audit *audit, struct error *error)
{
    size_t count = own_type_count(audit->config);
    size_t named = 0;

    audit->own_types = calloc(count + 1, sizeof *audit->own_types);
    if (audit->own_types == NULL) {
        return error_set(error, "out of memory");
    }
    for (size_t i = 0; i < audit->config->source_count; i++) {
        const struct mapping *mapping = audit->config->sources[i].mapping;

        for (size_t type = 0; mapping != NULL && type < mapping->custom_count; type++) {
            audit->own_types[named++] = mapping->custom_types[type].names.name;
        }
    }
    audit_ledger_own_types(audit->ledger, audit->own_types, named);
    return true;
}

static bool
ledger_load(struct audit *audit, struct error *error)
{
    const char *path = audit->options->ledger;
    bool standard_input = strcmp(path, "-") == 0;
    FILE *stream = standard_input ? stdin : fopen(path, "rbe");
    bool loaded;

    if (stream == NULL) {
        return error_set(error, "cannot open %s: %s", path, strerror(errno));
    }
    loaded = audit_ledger_read(audit->ledger, stream, standard_input ? "standard input" : path, error);
    if (!standard_input) {
        (void)fclose(stream);
    }
    return loaded;
}

static bool
choose_topics(struct audit *audit, struct error *error)
{
    audit->topics = audit->options->topics;
    audit->topic_count = audit->options->topic_count;
    if (audit->topic_count > 0) {
        return true;
    }
    audit->configured_topics = config_event_topics(audit->config, 0, &audit->topic_count);
    audit->topics = audit->configured_topics;
    if (audit->topics == NULL) {
        return error_set(error, "out of memory");
    }
    return audit->topic_count <= AUDIT_TOPICS_MAX ||
           error_set(error, "the configuration has events on %zu topics; choose up to %d of them with --topic",
                     audit->topic_count, AUDIT_TOPICS_MAX);
}

static bool
search(struct audit *audit, struct error *error)
{
    struct lookback lookback = {
        .kafka = &audit->config->kafka,
        .base = event_base_new(),
        .on_record = on_record,
        .argument = audit,
    };
    bool searched;

    if (lookback.base == NULL) {
        return error_set(error, "out of memory");
    }
    searched = lookback_range(&lookback, audit->topics, audit->topic_count, &audit->options->range, error);
    event_base_free(lookback.base);
    return searched;
}

static int
audit_with(const struct config *config, const struct audit_options *options)
{
    struct audit audit = {
        .options = options,
        .config = config,
        .ledger = audit_ledger_new(),
        .pool = arena_pool_new(CHUNK_BYTES, 1),
    };
    struct error error = {""};
    int status = EXIT_FAULT;

    if (audit.ledger == NULL || audit.pool == NULL) {
        status = fault("out of memory");
    } else if (!name_own_types(&audit, &error) || !ledger_load(&audit, &error)) {
        (void)fault(error.text);
        status = EXIT_USAGE;
    } else if (!choose_topics(&audit, &error) || !search(&audit, &error)) {
        status = fault(error.text);
    } else {
        status = tell(&audit);
    }
    free(audit.configured_topics);
    free(audit.own_types);
    audit_ledger_free(audit.ledger);
    arena_pool_free(audit.pool);
    return status;
}

static int
audit_run(int argc, char **argv)
{
    struct audit_options options;
    struct config *config;
    int status;

    if (!options_read(argc, argv, &options)) {
        return EXIT_USAGE;
    }
    log_setup(options.common.log_format, options.common.log_level, clock_system());
    config = options_load(options.common.config == NULL ? DEFAULT_CONFIG : options.common.config, CONFIG_SOURCES);
    if (config == NULL) {
        return EXIT_USAGE;
    }
    status = audit_with(config, &options);
    config_free(config);
    return status;
}

const struct verb verb_audit = {
    .name = "audit",
    .summary = "holds a client's ledger of accepted event ids against the topics",
    .usage =
        "usage: trunkline audit --ledger FILE|- [OPTIONS]\n\n"
        "Reads the topics of events and tells which ids of the ledger are on none of them, are not on all that the\n"
        "routes name, or came twice with data that differ. A ledger has an event id a line, as `trunkline convert`\n"
        "prints them, or SOURCE<TAB>ID; further columns are passed over.\n\n"
        "  --ledger FILE         the ledger; - is standard input\n"
        "  --from TIME           reads what Kafka took from then on (default: all that it still has)\n"
        "  --to TIME             and before then (default: to the end). TIME is one such as\n"
        "                        2026-11-21T10:00:00+08:00, or how long ago: 90s, 10m, 2h, 1d\n"
        "  --topic TOPIC         reads this topic; may come again (default: the configuration's topics of events)\n"
        "  --limit NUMBER        how many ids of each kind are printed (default 100)\n"
        "  --json                one object instead of lines\n" COMMON_USAGE "\n"
        "Leave room in the times: they are when Kafka took a record, which is later than the answer for what had to\n"
        "wait in a spool. What still lies in a spool is on no topic yet, and missing here: `trunkline spool status`\n"
        "tells of it. What Kafka has deleted by age is missing, too; routes that have changed since make events\n"
        "incomplete. The ledger is held in memory: some 100 MB for a million ids, of which it takes 10 million; what\n"
        "is being read takes 50 MB more.\n\n"
        "Exit status: 0 every id was found whole, 1 some are missing, incomplete or corrupted, or it could not be\n"
        "found out, 2 the command line, the configuration or the ledger is wrong.\n",
    .options = table,
    .run = audit_run,
};

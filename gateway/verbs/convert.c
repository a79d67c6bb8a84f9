/* `trunkline convert`: a payload in, its canonical events out; no network. */
#include <stdio.h>

#include "ingress/rehearsal.h"
#include "verbs/builtin.h"
#include "verbs/options.h"
#include "verbs/printer.h"
#include "verbs/sample.h"
#include "verbs/verbs.h"

#define ARENA_BYTES ((size_t)256 * 1024 * 1024)

struct convert_options {
    struct common_options common;
    struct request request;
    const char *source, *endpoint, *received, *mode, *file;
    bool records; /* also topic, key and headers */
    bool verify;
};

static int
usage_fault(const char *text)
{
    fprintf(stderr, "trunkline convert: %s; `trunkline convert --help` tells the options\n", text);
    return EXIT_USAGE;
}

static int
fault(const char *text)
{
    fprintf(stderr, "trunkline convert: %s\n", text);
    return EXIT_FAULT;
}

static const struct option table[] = {
    {"source", required_argument, NULL, 's'},
    {"endpoint", required_argument, NULL, 'e'},
    {"received", required_argument, NULL, 'r'},
    {"mode", required_argument, NULL, 'm'},
    {"records", no_argument, NULL, 'k'},
    {"verify", no_argument, NULL, 'v'},
    REQUEST_OPTIONS,
    COMMON_OPTIONS,
};

static bool
options_read(int argc, char **argv, struct convert_options *options)
{
    int option;

    *options = (struct convert_options){
        .common = {.log_format = LOG_FORMAT_TEXT, .log_level = LOG_LEVEL_WARN},
        .request = REQUEST_DEFAULT,
    };
    while ((option = options_next(argc, argv, table, &options->common)) != -1) {
        switch (option) {
        case 's':
            options->source = optarg;
            break;
        case 'e':
            options->endpoint = optarg;
            break;
        case 'r':
            options->received = optarg;
            break;
        case 'm':
            options->mode = optarg;
            break;
        case 'k':
            options->records = true;
            break;
        case 'v':
            options->verify = true;
            break;
        default:
            if (!request_take(&options->request, argv[0], option, optarg)) {
                return false;
            }
        }
    }
    return options_operand(argc, argv, &options->file);
}

/* A request that only checks the URL makes no event: what it is answered is shown. */
static int
print_handshake(const struct answer *answer, struct arena *arena)
{
    struct json_writer writer;

    json_writer_init(&writer, arena, answer->body.length + 128);
    json_open(&writer, '{');
    json_name(&writer, slice_from("handshake"));
    json_open(&writer, '{');
    json_name(&writer, slice_from("content_type"));
    json_string(&writer, answer->content_type);
    printer_json_bytes(&writer, "body", answer->body);
    json_close(&writer, '}');
    json_close(&writer, '}');
    printer_json_line(stdout, json_finish(&writer));
    return fflush(stdout) == 0 && !arena_failed(arena) ? EXIT_OK : fault("cannot write to standard output");
}

/* What is refused before anybody looks at what the body says. */
static int
refuse(enum refusal refusal)
{
    const struct refusal_kind *kind = refusal_kind(refusal);

    fprintf(stderr, "trunkline convert: %s: the gateway would answer %d %s\n", kind->label, kind->status, kind->title);
    return EXIT_FAULT;
}

static int
print_translation(const struct translation *translation, const struct convert_options *options, struct arena *arena)
{
    if (translation->refusal != REFUSAL_NONE || translation->outcome == outcome_dead_letter) {
        fprintf(stderr, "trunkline convert: %s: %s%s%.*s\n", translation->outcome, translation->reason,
                slice_empty(translation->detail) ? "" : ": ", SLICE_ARGS(translation->detail));
        return EXIT_FAULT;
    }
    if (translation->outcome == outcome_handshake) {
        return print_handshake(&translation->answer, arena);
    }
    for (size_t i = 0; i < translation->count; i++) {
        const struct record *record = &translation->records[i];
        bool another_topic = i > 0 && record->value.data == record[-1].value.data;

        if (options->records && !printer_record(stdout, record, arena)) {
            return fault("out of memory");
        }
        if (!options->records && !another_topic) {
            printer_json_line(stdout, record->value);
        }
    }
    return fflush(stdout) == 0 ? EXIT_OK : fault("cannot write to standard output");
}

static bool
received_read(const char *text, const struct source *source, struct timestamp *received)
{
    if (text != NULL) {
        return timestamp_read_rfc3339(slice_from(text), received);
    }
    *received = timestamp_from_unix_ms(clock_wall_ms(clock_system()), source->zone);
    return true;
}

/* In as much memory as the gateway has for it: what is too much there is too much here. */
static int
convert(const struct config *config, struct incoming *incoming, const struct convert_options *options,
        struct arena *arena)
{
    struct arena *own = arena_new(NULL, ticket_arena_bytes(&config->limits));
    struct translation translation;
    enum refusal refusal;
    int status;

    if (own == NULL) {
        return fault("out of memory");
    }
    refusal = rehearse(config, incoming, own);
    if (refusal == REFUSAL_NONE) {
        translate(config, incoming, own, &translation);
        status = print_translation(&translation, options, arena);
    } else {
        status = refuse(refusal);
    }
    arena_free(own);
    return status;
}

static int
convert_file(const struct config *config, const struct convert_options *options, struct arena *arena)
{
    const struct source *source = config_source(config, slice_from(options->source));
    struct error error = {0};
    struct incoming incoming = {
        .source = source,
        .method = options->request.method,
        .endpoint = slice_from(options->endpoint),
        .query = options->request.query,
        .fields = options->request.fields,
        .field_count = options->request.field_count,
        .vouched = true,
        .unchecked = !options->verify,
    };
    bool empty = options->file == NULL && !request_has_body(&options->request);

    if (source == NULL) {
        return fault("the configuration has no source of that name");
    }
    if (!received_read(options->received, source, &incoming.received)) {
        return usage_fault("--received takes a time like 2026-11-21T10:00:00+08:00");
    }
    if (!empty && !sample_read(options->file == NULL ? "-" : options->file, arena, &incoming.body, &error)) {
        return fault(error.text);
    }
    return convert(config, &incoming, options, arena);
}

static int
convert_run(int argc, char **argv)
{
    struct convert_options options;
    struct config *config;
    struct arena *arena;
    bool binary;
    int status;

    if (!options_read(argc, argv, &options)) {
        return EXIT_USAGE;
    }
    if (options.source == NULL) {
        return usage_fault("--source NAME is needed");
    }
    binary = options.mode != NULL && strcmp(options.mode, "binary") == 0;
    if (options.mode != NULL && !binary && strcmp(options.mode, "structured") != 0) {
        return usage_fault("--mode is structured or binary");
    }
    log_setup(options.common.log_format, options.common.log_level, clock_system());
    config = builtin_or_load(options.common.config);
    if (config == NULL) {
        return EXIT_USAGE;
    }
    config->raw_enabled = false;
    if (options.mode != NULL) {
        config->mode = binary ? CLOUDEVENT_BINARY : CLOUDEVENT_STRUCTURED;
    }
    options.records = options.records || config->mode == CLOUDEVENT_BINARY;
    arena = arena_new(NULL, ARENA_BYTES);
    status = arena == NULL ? fault("out of memory") : convert_file(config, &options, arena);
    arena_free(arena);
    config_free(config);
    return status;
}

const struct verb verb_convert = {
    .name = "convert",
    .summary = "turns a payload into its canonical events, without any network",
    .usage =
        "usage: trunkline convert --source NAME [OPTIONS] [FILE|-]\n\n"
        "Reads one callback's body from FILE (default, and -: standard input; with --method GET: none) and prints its\n"
        "events as JSON, one a line; of a request that only checks the URL, what it is answered. The exit status is "
        "1,\n"
        "with the reason, for what the gateway would refuse, or keep as a dead letter.\n\n"
        "  --source NAME         one of the configuration's sources\n"
        "  --endpoint ENDPOINT   the path's last part\n" REQUEST_USAGE
        "  --received TIME       when it came, in RFC 3339 (default: now)\n"
        "  --mode MODE           structured or binary (default: the configuration's)\n"
        "  --records             prints records: topic, key, headers and value; always so in binary mode\n"
        "  --verify              checks signature and expected members, as the gateway does\n"
        "  --config FILE         the configuration (default: that of `trunkline dev`)\n"
        "  --log-format FORMAT   json or text\n"
        "  --log-level LEVEL     debug, info, warn (default) or error\n",
    .options = table,
    .run = convert_run,
};

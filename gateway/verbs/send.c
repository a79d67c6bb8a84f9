/* `trunkline send`: signs a sample callback, or a file, and posts it to a gateway. */
#include <stdio.h>

#include "adapters/message.h"
#include "verbs/builtin.h"
#include "verbs/options.h"
#include "verbs/sample.h"
#include "verbs/verbs.h"

#define ARENA_BYTES ((size_t)64 * 1024 * 1024)

struct send_options {
    struct common_options common;
    struct request request;
    const char *source, *kind, *url, *endpoint, *signed_at, *file;
    const char *ca_file, *certificate_file, *key_file;
    bool list;
};

static int
fault(const char *text)
{
    fprintf(stderr, "trunkline send: %s\n", text);
    return EXIT_FAULT;
}

static bool
refuse(const char *text)
{
    (void)fault(text);
    return false;
}

static const struct option table[] = {
    {"source", required_argument, NULL, 's'},
    {"kind", required_argument, NULL, 'k'},
    {"url", required_argument, NULL, 'u'},
    {"endpoint", required_argument, NULL, 'e'},
    {"list", no_argument, NULL, 'l'},
    {"signed-at", required_argument, NULL, 'a'},
    {"ca-file", required_argument, NULL, 'A'},
    {"certificate", required_argument, NULL, 'C'},
    {"key", required_argument, NULL, 'K'},
    REQUEST_OPTIONS,
    COMMON_OPTIONS,
};

static bool
options_read(int argc, char **argv, struct send_options *options)
{
    int option;

    *options = (struct send_options){
        .common = {.log_format = LOG_FORMAT_TEXT, .log_level = LOG_LEVEL_WARN},
        .request = REQUEST_DEFAULT,
    };
    while ((option = options_next(argc, argv, table, &options->common)) != -1) {
        switch (option) {
        case 's':
            options->source = optarg;
            break;
        case 'k':
            options->kind = optarg;
            break;
        case 'u':
            options->url = optarg;
            break;
        case 'A':
            options->ca_file = optarg;
            break;
        case 'C':
            options->certificate_file = optarg;
            break;
        case 'K':
            options->key_file = optarg;
            break;
        case 'e':
            options->endpoint = optarg;
            break;
        case 'a':
            options->signed_at = optarg;
            break;
        case 'l':
            options->list = true;
            break;
        default:
            if (!request_take(&options->request, argv[0], option, optarg)) {
                return false;
            }
        }
    }
    if (options->source == NULL && !options->list) {
        fprintf(stderr, "trunkline send: --source NAME is needed; `trunkline send --list` shows what there is\n");
        return false;
    }
    return options_operand(argc, argv, &options->file);
}

static int
list_kinds(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->source_count; i++) {
        const struct source *source = &config->sources[i];

        if (name != NULL && !slice_is(source->name, name)) {
            continue;
        }
        if (source->adapter->kinds->name == NULL) {
            printf("%-16.*s has no samples: give send a FILE\n", SLICE_ARGS(source->name));
        }
        for (const struct adapter_kind *kind = source->adapter->kinds; kind->name != NULL; kind++) {
            printf("%-16.*s %-32s %s\n", SLICE_ARGS(source->name), kind->name, kind->endpoint);
        }
    }
    return EXIT_OK;
}

/* Where the configuration has the gateway listen, as seen from this machine. */
static const char *
default_url(const struct config *config, struct arena *arena)
{
    struct slice address = config->address;
    bool any = slice_empty(address) || slice_is(address, "0.0.0.0") || slice_is(address, "::");
    bool ipv6 = !any && memchr(address.data, ':', address.length) != NULL;

    if (any) {
        address = slice_from("127.0.0.1");
    }
    return arena_printf(arena, ipv6 ? "%s://[%.*s]:%u" : "%s://%.*s:%u",
                        config->tls.certificate_file == NULL ? "http" : "https", SLICE_ARGS(address), config->port)
        .data;
}

/* The sample of a kind, or what the file has; false, and told, when there is neither. */
static bool
sample_find(const struct source *source, const struct send_options *options, struct arena *arena, struct sample *sample)
{
    const struct adapter_kind *kind = sample_kind(source, options->kind);
    struct error error = {0};

    if (kind == NULL && options->kind != NULL) {
        return refuse("there is no such kind of callback; `--list` shows those there are");
    }
    if (kind == NULL && options->file == NULL && request_has_body(&options->request)) {
        return refuse("the source has no samples; give a FILE (- is standard input), or a --method without a body");
    }
    *sample = kind == NULL ? (struct sample){.source = source} : sample_of_kind(source, kind);
    sample->request = &options->request;
    if (!request_has_body(sample->request)) {
        sample->signed_sample.body = slice_from("");
    }
    if (options->file != NULL && !sample_read(options->file, arena, &sample->signed_sample.body, &error)) {
        return refuse(error.text);
    }
    if (kind == NULL) {
        sample->format = sample_format(sample->signed_sample.body);
    }
    if (options->endpoint != NULL) {
        sample->endpoint = slice_from(options->endpoint);
    }
    return true;
}

static bool
signed_at(const struct send_options *options, int64_t *at_ms)
{
    struct timestamp at;

    *at_ms = clock_wall_ms(clock_system());
    if (options->signed_at == NULL) {
        return true;
    }
    if (!timestamp_read_rfc3339(slice_from(options->signed_at), &at)) {
        return refuse("--signed-at takes a time like 2026-11-21T10:00:00+08:00");
    }
    *at_ms = at.unix_ms;
    return true;
}

static int
send_sample(const struct config *config, const struct send_options *options, struct arena *arena)
{
    const struct source *source = config_source(config, slice_from(options->source));
    const char *url = options->url != NULL ? options->url : default_url(config, arena);
    struct error error = {0};
    struct sample sample;
    struct reply reply;
    int64_t at_ms;

    if (source == NULL) {
        return fault("the configuration has no source of that name; `--list` shows those there are");
    }
    if (!sample_find(source, options, arena, &sample) || !signed_at(options, &at_ms)) {
        return EXIT_FAULT;
    }
    sample.ca_file = options->ca_file;
    sample.certificate_file = options->certificate_file;
    sample.key_file = options->key_file;
    if (url == NULL || !sample_sign(&sample, at_ms, arena)) {
        return fault("it cannot be signed: what is signed is not all there; see --header and --query");
    }
    if (!sample_post(&sample, url, arena, &reply, &error)) {
        return fault(error.text);
    }
    printf("%ld %.*s\n", reply.status, SLICE_ARGS(text_trimmed(slice_make(reply.body, reply.length))));
    return reply.status / 100 == 2 ? EXIT_OK : EXIT_FAULT;
}

static int
send_run(int argc, char **argv)
{
    struct send_options options;
    struct config *config;
    struct arena *arena;
    int status = EXIT_FAULT;

    if (!options_read(argc, argv, &options)) {
        return EXIT_USAGE;
    }
    log_setup(options.common.log_format, options.common.log_level, clock_system());
    config = builtin_or_load(options.common.config);
    if (config == NULL) {
        return EXIT_USAGE;
    }
    arena = arena_new(NULL, ARENA_BYTES);
    if (options.list) {
        status = list_kinds(config, options.source);
    } else if (arena != NULL) {
        status = send_sample(config, &options, arena);
    }
    arena_free(arena);
    config_free(config);
    return status;
}

const struct verb verb_send = {
    .name = "send",
    .summary = "signs a sample callback, or a file, and posts it to a gateway",
    .usage =
        "usage: trunkline send --source NAME [OPTIONS] [FILE|-]\n\n"
        "Posts one callback as the vendor would: FILE (- is standard input), or a sample of the vendor's own. Prints\n"
        "status and answer; the exit status is 0 for a 2xx.\n\n"
        "  --source NAME         one of the configuration's sources\n"
        "  --kind KIND           which sample (default: the source's first)\n"
        "  --endpoint ENDPOINT   the path's last part (default: that of the kind)\n" REQUEST_USAGE
        "  --signed-at TIME      when it was signed, in RFC 3339 (default: now)\n"
        "  --url URL             the gateway (default: where the configuration has it listen)\n"
        "  --ca-file FILE        who has signed an https gateway's certificate, PEM (default: whom the system trusts)\n"
        "  --certificate FILE    shown to the gateway, PEM\n"
        "  --key FILE            the certificate's key, PEM\n"
        "  --list                shows the kinds of samples, with their endpoints\n"
        "  --config FILE         the configuration (default: that of `trunkline dev`)\n"
        "  --log-format FORMAT   json or text\n"
        "  --log-level LEVEL     debug, info, warn (default) or error\n",
    .options = table,
    .run = send_run,
};

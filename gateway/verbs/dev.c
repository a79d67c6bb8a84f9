/* `trunkline dev`: a gateway and a worker on this machine for a first try, with an embedded broker, all four sources
 * and simulated vendors; one sample callback of each vendor is played through the real HTTP port, and one dial
 * submitted. */
#include <event2/event.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "bus/consumer.h"
#include "bus/embedded_broker.h"
#include "ingress/translation.h"
#include "verbs/builtin.h"
#include "verbs/dev_dial.h"
#include "verbs/dev_vendors.h"
#include "verbs/options.h"
#include "verbs/printer.h"
#include "verbs/process.h"
#include "verbs/sample.h"
#include "verbs/verbs.h"

#define ARENA_BYTES  ((size_t)16 * 1024 * 1024)
#define ONCE_SECONDS 30
#define EXPECTED_MAX 32

struct dev_options {
    struct common_options common;
    unsigned port, management_port;
    bool once;
};

/* An event that a sample must give. */
struct expected {
    struct slice id;
    struct slice source;
    bool seen;
};

struct dev {
    struct dev_options options;
    char data_dir[64];
    char config_file[96];
    struct embedded_broker *broker;
    struct config *config;
    struct dev_vendors *vendors;
    struct process *process;
    struct consumer *consumer;
    struct dev_dial *dial;
    struct event *patience; /* --once waits so long */
    struct printer printer;
    struct arena *arena; /* of the samples */
    struct expected expected[EXPECTED_MAX];
    size_t expected_count;
    unsigned dial_events; /* events of the call that was dialled */
};

static const enum topic_role shown[] = {TOPIC_CALL_EVENTS, TOPIC_AGENT_EVENTS, TOPIC_TASK_EVENTS,
                                        TOPIC_UNMAPPED,    TOPIC_DEADLETTER,   TOPIC_RESULTS};
#define SHOWN_COUNT (sizeof(shown) / sizeof(shown[0]))

static void
fail(struct dev *dev, const char *what, const char *why)
{
    fprintf(stderr, "trunkline dev: %s%s\n", what, why);
    if (dev->options.once) {
        process_end(dev->process, EXIT_FAULT);
    }
}

/* --- what passes --- */

static void
note_seen(struct dev *dev, struct slice id)
{
    bool all = dev->dial_events >= DEV_DIAL_EVENTS;

    for (size_t i = 0; i < dev->expected_count; i++) {
        dev->expected[i].seen = dev->expected[i].seen || slice_equal(dev->expected[i].id, id);
        all = all && dev->expected[i].seen;
    }
    if (all && dev->options.once) {
        process_end(dev->process, EXIT_OK);
    }
}

static void
print_dead_letter(const struct dev *dev, const struct consumed *record)
{
    fprintf(dev->printer.stream, "dead letter");
    for (size_t i = 0; i < record->header_count; i++) {
        if (slice_is(record->headers[i].name, "source") || slice_is(record->headers[i].name, "reason")) {
            fprintf(dev->printer.stream, "  %.*s=%.*s", SLICE_ARGS(record->headers[i].name),
                    SLICE_ARGS(record->headers[i].value));
        }
    }
    fprintf(dev->printer.stream, "  (%zu bytes)\n", record->value.length);
    (void)fflush(dev->printer.stream);
}

static struct slice
text_of(const struct value *event, const char *name)
{
    const struct value *member = value_member(event, name);

    return member == NULL ? (struct slice){NULL, 0} : member->text;
}

/* A dial that did not succeed will not do so later. */
static void
note_result(struct dev *dev, const struct value *event)
{
    static const char *const ends[] = {"failed", "expired", "cancelled", "unknown"};
    struct slice id = text_of(event, "id");

    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        char name[64];

        (void)snprintf(name, sizeof(name), DEV_DIAL_ACCOUNT "/" DEV_DIAL_ID "/%s", ends[i]);
        if (slice_is(id, name)) {
            fail(dev, "the dial did not succeed: ", ends[i]);
        }
    }
}

static void
note_event(struct dev *dev, struct slice topic, const struct value *event)
{
    if (slice_equal(topic, dev->config->topics[TOPIC_RESULTS])) {
        note_result(dev, event);
    } else if (slice_is(text_of(event, "correlationid"), DEV_DIAL_ID)) {
        dev->dial_events++;
    }
    note_seen(dev, text_of(event, "id"));
}

static void
on_record(const struct consumed *record, void *argument)
{
    struct dev *dev = argument;
    struct arena *arena;
    const struct value *event;

    if (slice_equal(record->topic, dev->config->topics[TOPIC_DEADLETTER])) {
        print_dead_letter(dev, record);
        return;
    }
    arena = arena_new(NULL, ARENA_BYTES);
    event = arena == NULL ? NULL : json_parse(arena, record->value, VALUE_LIMITS_DEFAULT, NULL);
    if (event != NULL) {
        printer_event(&dev->printer, record->topic, event, arena);
        note_event(dev, record->topic, event);
    }
    arena_free(arena);
}

static bool
consumer_open(struct dev *dev, struct error *error)
{
    struct slice topics[SHOWN_COUNT];

    for (size_t i = 0; i < SHOWN_COUNT; i++) {
        topics[i] = dev->config->topics[shown[i]];
    }
    dev->consumer = consumer_new(&dev->config->kafka, process_base(dev->process), topics, SHOWN_COUNT,
                                 CONSUMER_FROM_BEGINNING, on_record, dev, error);
    return dev->consumer != NULL;
}

/* --- samples --- */

/* The ids are a function of the message, so what must come is known before it is posted. */
static void
expect_events(struct dev *dev, const struct sample *sample)
{
    struct incoming incoming = {
        .source = sample->source,
        .endpoint = sample->endpoint,
        .body = sample->signed_sample.body,
        .fields = sample->signed_sample.fields,
        .field_count = sample->signed_sample.field_count,
        .received = timestamp_from_unix_ms(clock_wall_ms(clock_system()), sample->source->zone),
    };
    struct translation translation;

    translate(dev->config, &incoming, dev->arena, &translation);
    for (const struct canonical_event *event = translation.conversion.first; event != NULL; event = event->next) {
        if (dev->expected_count < EXPECTED_MAX) {
            dev->expected[dev->expected_count++] = (struct expected){
                .id = arena_copy(dev->arena, cloudevent_id(event, &translation.envelope, dev->arena)),
                .source = sample->source->name,
            };
        }
    }
}

static bool
play(struct dev *dev, const struct source *source)
{
    struct sample sample = sample_of_kind(source, sample_kind(source, NULL));
    struct error error = {0};
    struct reply reply;

    if (!sample_sign(&sample, clock_wall_ms(clock_system()), dev->arena)) {
        fail(dev, "a sample cannot be signed: ", source->name.data);
        return false;
    }
    expect_events(dev, &sample);
    if (!sample_post(&sample, process_url(dev->process), dev->arena, &reply, &error)) {
        fail(dev, "a sample was not answered: ", error.text);
        return false;
    }
    fprintf(dev->printer.stream, "sample of %.*s: %ld %.*s\n", SLICE_ARGS(source->name), reply.status,
            (int)reply.length, reply.body);
    if (reply.status == 200) {
        return true;
    }
    fail(dev, "a sample was refused: ", source->name.data);
    return false;
}

static void
on_dial_failed(void *argument, struct slice reason)
{
    char text[256];

    (void)snprintf(text, sizeof(text), "%.*s", SLICE_ARGS(reason));
    fail(argument, "the dial was not submitted: ", text);
}

/* The results are followed by id as the samples' events are. */
static bool
dial(struct dev *dev, struct error *error)
{
    if (dev->expected_count < EXPECTED_MAX) {
        dev->expected[dev->expected_count++] = (struct expected){
            .id = SLICE(DEV_DIAL_ACCOUNT "/" DEV_DIAL_ID "/succeeded"), .source = SLICE(DEV_DIAL_ACCOUNT)};
    }
    if (!dev_vendors_start(dev->vendors, process_base(dev->process), process_url(dev->process), error)) {
        return false;
    }
    dev->dial = dev_dial_submit(dev->config, process_base(dev->process), on_dial_failed, dev, error);
    return dev->dial != NULL;
}

static void
print_addresses(const struct dev *dev)
{
    const char *url = process_url(dev->process);
    const char *broker = embedded_broker_address(dev->broker);
    const char *events = dev->config->topics[TOPIC_CALL_EVENTS].data;

    fprintf(dev->printer.stream,
            "Trunkline %s\n\n"
            "  gateway     %s\n"
            "  management  %s\n"
            "  Kafka       %s (in this process, in memory)\n\n"
            "Post a callback, and read events:\n\n"
            "  curl -i %s/callbacks/yeta/receiveCallRecord -d "
            "'{\"call_uuid\":\"1234\",\"duration_call\":28,\"direction\":1}'\n"
            "  kcat -b %s -C -t %s\n\n"
            "Submit a command to the simulated 7moor (nobody is called):\n\n"
            "  trunkline command submit --config %s --account " DEV_DIAL_ACCOUNT " --type call.dial "
            "--data '" DEV_DIAL_DATA "'\n\n",
            TRUNKLINE_VERSION, url, process_management_url(dev->process), broker, url, broker, events,
            dev->config_file);
    (void)fflush(dev->printer.stream);
}

static void
on_patience_over(evutil_socket_t fd, short what, void *argument)
{
    struct dev *dev = argument;

    (void)fd;
    (void)what;
    for (size_t i = 0; i < dev->expected_count; i++) {
        if (!dev->expected[i].seen) {
            fail(dev, "this event has not come within 30 s: ", dev->expected[i].id.data);
            return;
        }
    }
    fail(dev, "the events of the dialled call have not all come within ", "30 s");
}

static void
on_started(void *argument)
{
    struct dev *dev = argument;
    const struct timeval patience = {.tv_sec = ONCE_SECONDS};
    struct error error = {0};

    print_addresses(dev);
    if (!consumer_open(dev, &error)) {
        fail(dev, "cannot read the topics: ", error.text);
        return;
    }
    for (size_t i = 0; i < dev->config->source_count; i++) {
        if (!play(dev, &dev->config->sources[i])) {
            return;
        }
    }
    if (!dial(dev, &error)) {
        fail(dev, "no dial: ", error.text);
        return;
    }
    dev->patience = evtimer_new(process_base(dev->process), on_patience_over, dev);
    if (dev->options.once && (dev->patience == NULL || evtimer_add(dev->patience, &patience) != 0)) {
        fail(dev, "out of memory", "");
    }
}

/* --- beginning and end --- */

static const struct option table[] = {
    {"port", required_argument, NULL, 'p'},
    {"management-port", required_argument, NULL, 'm'},
    {"once", no_argument, NULL, 'o'},
    COMMON_OPTIONS,
};

static bool
options_read(int argc, char **argv, struct dev_options *options)
{
    const char *operand;
    int option;

    *options = (struct dev_options){
        .common = {.log_format = LOG_FORMAT_TEXT, .log_level = LOG_LEVEL_INFO},
        .port = BUILTIN_PORT,
        .management_port = BUILTIN_MANAGEMENT_PORT,
    };
    while ((option = options_next(argc, argv, table, &options->common)) != -1) {
        unsigned *number = option == 'p' ? &options->port : &options->management_port;

        if (option == '?') {
            return false;
        }
        if (option == 'o') {
            options->once = true;
        } else if (!options_number("dev", option == 'p' ? "--port" : "--management-port", optarg, 65535, number)) {
            return false;
        }
    }
    if (options->common.config != NULL) {
        fprintf(stderr, "trunkline dev: its configuration is built in; `trunkline gateway --config FILE` takes one\n");
        return false;
    }
    if (!options_operand(argc, argv, &operand) || operand != NULL) {
        fprintf(stderr, "trunkline dev: it takes options only\n");
        return false;
    }
    return true;
}

/* With the partitions that the configuration says: a broker without admin calls would choose their number itself. */
static bool
make_topics(struct dev *dev, struct error *error)
{
    size_t count;
    const struct topic_spec *specs = config_topic_specs(dev->config, &count);

    for (size_t i = 0; i < count; i++) {
        if (!embedded_broker_add_topic(dev->broker, specs[i].name, specs[i].partitions, error)) {
            return false;
        }
    }
    return true;
}

static bool
dev_open(struct dev *dev, struct error *error)
{
    struct builtin builtin = {
        .data_dir = dev->data_dir,
        .port = dev->options.port,
        .management_port = dev->options.management_port,
    };

    snprintf(dev->data_dir, sizeof(dev->data_dir), "/tmp/trunkline-dev-XXXXXX");
    if (mkdtemp(dev->data_dir) == NULL) {
        dev->data_dir[0] = '\0';
        return error_set(error, "cannot make a directory under /tmp");
    }
    (void)snprintf(dev->config_file, sizeof(dev->config_file), "%s/trunkline.yaml", dev->data_dir);
    dev->arena = arena_new(NULL, ARENA_BYTES);
    dev->broker = embedded_broker_new(error);
    dev->vendors = dev_vendors_new(error);
    if (dev->arena == NULL || dev->broker == NULL || dev->vendors == NULL) {
        return false;
    }
    builtin.brokers = embedded_broker_address(dev->broker);
    builtin.sevenmoor_port = dev_vendors_sevenmoor_port(dev->vendors);
    builtin.yeta_port = dev_vendors_yeta_port(dev->vendors);
    dev->config = builtin_config(&builtin, dev->config_file, error);
    if (dev->config == NULL) {
        return false;
    }
    dev->config->kafka.embedded = true;
    if (!make_topics(dev, error)) {
        return false;
    }
    dev->process = process_new(dev->config, PROCESS_INGRESS | PROCESS_EGRESS, error);
    return dev->process != NULL;
}

static int
remove_entry(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status;
    (void)kind;
    (void)walk;
    (void)remove(path);
    return 0;
}

static void
dev_close(struct dev *dev)
{
    if (dev->patience != NULL) {
        event_free(dev->patience);
    }
    consumer_free(dev->consumer);
    dev_dial_free(dev->dial);
    dev_vendors_free(dev->vendors);
    process_free(dev->process);
    config_free(dev->config);
    embedded_broker_free(dev->broker);
    arena_free(dev->arena);
    if (dev->data_dir[0] != '\0') {
        (void)nftw(dev->data_dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    }
}

static int
dev_run(int argc, char **argv)
{
    struct dev dev = {.printer = printer_for(stdout)};
    struct error error = {0};
    int status = EXIT_FAULT;

    if (!options_read(argc, argv, &dev.options)) {
        return EXIT_USAGE;
    }
    log_setup(dev.options.common.log_format, dev.options.common.log_level, clock_system());
    if (dev_open(&dev, &error)) {
        status = process_run(dev.process, on_started, &dev);
    } else {
        fprintf(stderr, "trunkline dev: %s\n", error.text);
    }
    dev_close(&dev);
    return status;
}

const struct verb verb_dev = {
    .name = "dev",
    .summary = "a gateway and a worker on this machine for a first try, with an embedded broker",
    .usage = "usage: trunkline dev [OPTIONS]\n\n"
             "Starts a gateway on 127.0.0.1 with all four sources (open), a worker with simulated vendors, an embedded "
             "Kafka\n"
             "broker in memory and a temporary data directory, plays one sample callback of each vendor, submits one "
             "dial (nobody\n"
             "is called) and prints every event and result that passes.\n\n"
             "  --port N              of the callbacks (default 8080; 0: any)\n"
             "  --management-port N   of /livez, /readyz and /metrics (default 8081; 0: any)\n"
             "  --once                ends after the samples' and the dial's events, with status 0 when all have come\n"
             "  --log-format FORMAT   json or text (default)\n"
             "  --log-level LEVEL     debug, info (default), warn or error\n",
    .options = table,
    .run = dev_run,
};

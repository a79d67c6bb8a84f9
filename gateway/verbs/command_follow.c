/* One loop with a producer for the command and a reader of the results topic, which begins where that topic ended
 * before the command was published. */
#include "verbs/command_follow.h"

#include <event2/event.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/json.h"
#include "base/json_writer.h"
#include "base/metrics.h"
#include "bus/consumer.h"
#include "bus/producer.h"
#include "event/result.h"
#include "verbs/printer.h"
#include "verbs/verb.h"

#define ARENA_BYTES     ((size_t)64 * 1024 * 1024)
#define KAFKA_MS        10000
#define PRODUCER_END_MS 1000
/* Of the results topic: a reply at its largest, and its tree. */
#define RESULT_LIMITS ((struct value_limits){.depth = 40, .members = 60000})

struct follow {
    const struct submission *submission;
    struct event_base *base;
    struct metrics *metrics;
    struct producer *producer;
    struct consumer *consumer;
    struct recordset set;
    struct record record;
    struct event *patience, *tick;
    int64_t begun_ns;
    int64_t expected_start_ms;
    bool terminal; /* stderr is one */
    bool waiting_line;
    bool submitted; /* Kafka has it */
    int status;
};

/* --- what is told --- */

static void
clear_waiting_line(struct follow *follow)
{
    if (follow->waiting_line) {
        fputs("\r\033[K", stderr);
        follow->waiting_line = false;
    }
}

/* Seconds from now, at least 0. */
static long long
seconds_until(int64_t unix_ms)
{
    int64_t left = unix_ms - clock_wall_ms(clock_system());

    return left <= 0 ? 0 : (long long)((left + 999) / 1000);
}

static void
on_tick(evutil_socket_t fd, short what, void *argument)
{
    struct follow *follow = argument;
    int64_t waited = (clock_monotonic_ns(clock_system()) - follow->begun_ns) / 1000000000;

    (void)fd;
    (void)what;
    fprintf(stderr, "\r\033[Kwaiting for %lld s", (long long)waited);
    if (follow->expected_start_ms > 0) {
        fprintf(stderr, ", expected to start in %lld s", seconds_until(follow->expected_start_ms));
    }
    (void)fflush(stderr);
    follow->waiting_line = true;
}

/* As JSON writes it: the escapes keep control characters off the terminal. */
static void
tell_text(const char *before, struct slice text, struct arena *arena)
{
    struct json_writer writer;
    struct slice json;

    if (slice_empty(text)) {
        return;
    }
    json_writer_init(&writer, arena, text.length + 16);
    json_string(&writer, text);
    json = json_finish(&writer);
    fprintf(stderr, "%s%.*s", before, SLICE_ARGS(json));
}

/* "accepted: 3 ahead, expected to start in 9 s", "failed: refused: vendor code 6701 ..." */
static void
tell_step(struct follow *follow, const struct result *result, struct arena *arena)
{
    clear_waiting_line(follow);
    fputs(result_statuses[result->status], stderr);
    if (result->queued) {
        fprintf(stderr, ", %llu ahead", (unsigned long long)result->ahead);
    }
    if (result->expected_start_ms > 0) {
        fprintf(stderr, ", expected to start in %lld s", seconds_until(result->expected_start_ms));
    }
    tell_text(", code ", result->code, arena);
    tell_text(", vendor's code ", result->vendor_code, arena);
    tell_text(", vendor's message ", result->vendor_message, arena);
    tell_text(": ", result->reason, arena);
    fputc('\n', stderr);
}

/* --- what comes --- */

static void
end(struct follow *follow, int status)
{
    follow->status = status;
    (void)event_base_loopbreak(follow->base);
}

static int
status_of(enum result_status status)
{
    switch (status) {
    case RESULT_SUCCEEDED:
        return EXIT_OK;
    case RESULT_EXPIRED:
    case RESULT_CANCELLED:
        return EXIT_NOT_BEGUN;
    case RESULT_UNKNOWN:
        return EXIT_UNKNOWN;
    default:
        return EXIT_FAULT;
    }
}

static void
on_result(struct follow *follow, struct slice value, struct arena *arena)
{
    const struct value *event;
    struct result result;

    if (!result_read(value, arena, &result) || !slice_equal(result.command, follow->submission->id) ||
        !slice_equal(result.account, follow->submission->account)) {
        return;
    }
    tell_step(follow, &result, arena);
    follow->expected_start_ms = result.expected_start_ms;
    if (!result_final(result.status)) {
        return;
    }
    event = json_parse(arena, value, RESULT_LIMITS, NULL);
    if (event == NULL || value_member(event, "data") == NULL) {
        fprintf(stderr, "trunkline command: out of memory\n");
    } else {
        printer_json_line(stdout, value_member(event, "data")->raw);
    }
    end(follow, status_of(result.status));
}

static void
on_record(const struct consumed *record, void *argument)
{
    struct follow *follow = argument;
    struct slice account = follow->submission->account, id = follow->submission->id;
    struct arena *arena;

    /* Most records are others': their keys tell, "<account>/<id>". */
    if (record->key.length != account.length + 1 + id.length ||
        memcmp(record->key.data, account.data, account.length) != 0 || record->key.data[account.length] != '/' ||
        memcmp(record->key.data + account.length + 1, id.data, id.length) != 0) {
        return;
    }
    arena = arena_new(NULL, ARENA_BYTES);
    if (arena != NULL) {
        on_result(follow, record->value, arena);
    }
    arena_free(arena);
}

static void
on_published(struct recordset *set)
{
    struct follow *follow = set->owner;
    const struct submission *submission = follow->submission;

    follow->submitted = set->delivery == DELIVERY_ACKNOWLEDGED;
    clear_waiting_line(follow);
    if (follow->submitted) {
        fprintf(stderr, "submitted %.*s\n", SLICE_ARGS(submission->id));
        if (!submission->wait) {
            printf("%.*s\n", SLICE_ARGS(submission->id));
            end(follow, EXIT_OK);
        }
        return;
    }
    fprintf(stderr, "trunkline command: %s: %.*s%s%.*s%s\n",
            set->delivery == DELIVERY_REFUSED ? "Kafka refused the command" : "Kafka did not confirm the command",
            SLICE_ARGS(set->reason), set->delivery == DELIVERY_REFUSED ? "" : "; submit it again with the id ",
            SLICE_ARGS(set->delivery == DELIVERY_REFUSED ? (struct slice){0} : submission->id),
            set->delivery == DELIVERY_REFUSED ? "" : ": it is never carried out twice");
    end(follow, set->delivery == DELIVERY_REFUSED ? EXIT_FAULT : EXIT_NO_RESULT);
}

static void
on_patience_over(evutil_socket_t fd, short what, void *argument)
{
    struct follow *follow = argument;

    (void)fd;
    (void)what;
    clear_waiting_line(follow);
    if (follow->submitted) {
        fprintf(stderr,
                "trunkline command: no result of %.*s within %u s; the command goes on, unless it is cancelled: "
                "`trunkline command cancel`\n",
                SLICE_ARGS(follow->submission->id), follow->submission->timeout_seconds);
    } else {
        fprintf(stderr,
                "trunkline command: Kafka did not confirm the command within %u s; submit it again with the id %.*s: "
                "it is never carried out twice\n",
                follow->submission->timeout_seconds, SLICE_ARGS(follow->submission->id));
    }
    end(follow, EXIT_NO_RESULT);
}

/* --- beginning and end --- */

static bool
timers_start(struct follow *follow, struct error *error)
{
    const struct timeval patience = {.tv_sec = follow->submission->timeout_seconds};
    const struct timeval second = {.tv_sec = 1};

    follow->begun_ns = clock_monotonic_ns(clock_system());
    follow->patience = evtimer_new(follow->base, on_patience_over, follow);
    if (follow->patience == NULL || evtimer_add(follow->patience, &patience) != 0) {
        return error_set(error, "out of memory");
    }
    if (!follow->terminal) {
        return true;
    }
    follow->tick = event_new(follow->base, -1, EV_PERSIST, on_tick, follow);
    return (follow->tick != NULL && event_add(follow->tick, &second) == 0) || error_set(error, "out of memory");
}

static bool
follow_open(struct follow *follow, struct error *error)
{
    const struct config *config = follow->submission->config;

    follow->base = event_base_new();
    follow->metrics = metrics_new();
    if (follow->base == NULL || follow->metrics == NULL) {
        return error_set(error, "out of memory");
    }
    follow->producer = producer_new(&config->kafka, "command", follow->base, follow->metrics, clock_system(), error);
    if (follow->producer == NULL ||
        !producer_warm_up(follow->producer, &config->topics[TOPIC_COMMANDS], 1, KAFKA_MS, error)) {
        return false;
    }
    if (follow->submission->wait) {
        follow->consumer = consumer_new(&config->kafka, follow->base, &config->topics[TOPIC_RESULTS], 1,
                                        CONSUMER_FROM_END, on_record, follow, error);
        return follow->consumer != NULL;
    }
    return true;
}

static bool
follow_run(struct follow *follow, struct error *error)
{
    static const struct record_header header = {SLICE("content-type"), SLICE("application/json")};

    if (!timers_start(follow, error)) {
        return false;
    }
    follow->record = (struct record){
        .topic = follow->submission->config->topics[TOPIC_COMMANDS],
        .key = follow->submission->account,
        .value = follow->submission->value,
        .headers = &header,
        .header_count = 1,
        .set = &follow->set,
    };
    follow->set = (struct recordset){.records = &follow->record, .count = 1, .on_done = on_published, .owner = follow};
    producer_publish(follow->producer, &follow->set);
    return event_base_dispatch(follow->base) >= 0 || error_set(error, "the event loop failed");
}

static void
on_too_late(struct recordset *set)
{
    (void)set;
}

static void
follow_close(struct follow *follow)
{
    /* What has no report by now was told of when patience ended. */
    follow->set.on_done = on_too_late;
    producer_free(follow->producer, PRODUCER_END_MS);
    consumer_free(follow->consumer);
    if (follow->patience != NULL) {
        event_free(follow->patience);
    }
    if (follow->tick != NULL) {
        event_free(follow->tick);
    }
    if (follow->base != NULL) {
        event_base_free(follow->base);
    }
    metrics_free(follow->metrics);
}

int
command_submit(const struct submission *submission)
{
    struct follow follow = {.submission = submission, .status = EXIT_FAULT, .terminal = isatty(STDERR_FILENO) == 1};
    struct error error = {""};

    if (!follow_open(&follow, &error) || !follow_run(&follow, &error)) {
        clear_waiting_line(&follow);
        fprintf(stderr, "trunkline command: %s\n", error.text);
        follow.status = EXIT_FAULT;
    }
    follow_close(&follow);
    return follow.status;
}

/* A replay: each letter becomes a record set again, and is published while the next ones are read. */
#include "verbs/deadletter_replay.h"

#include <event2/event.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "bus/producer.h"
#include "event/command.h"
#include "ingress/translation.h"
#include "verbs/command_trial.h"
#include "verbs/lookback.h"
#include "verbs/printer.h"
#include "verbs/verb.h"

#define ARENA_BYTES     ((size_t)256 * 1024 * 1024) /* of one letter: more than a request may have */
#define BYTES_AT_ONCE   ((size_t)64 * 1024 * 1024)  /* of letters on their way: no more are read then */
#define KAFKA_MS        10000
#define PRODUCER_END_MS 10000
#define COMMANDS_SOURCE "commands"

struct replay {
    struct config *config;
    const struct deadletter_selection *selection;
    bool dry_run;
    struct event_base *base;
    struct metrics *metrics;
    struct producer *producer; /* NULL in a dry run */
    struct deadletter_search search;
    size_t on_their_way, bytes_on_their_way;
    uint64_t replayed, records;
    uint64_t unconvertible, unconfigured, unpublished; /* each has been told */
    uint64_t commands_left_out;
    bool no_memory;
};

/* One letter; in its own arena. */
struct revival {
    struct replay *replay;
    struct arena *arena;
    struct deadletter_place place;
    struct dead_letter letter; /* a copy */
    struct recordset set;
};

static void
tell(const struct revival *revival, const char *what, struct slice detail)
{
    fprintf(stderr, "trunkline deadletter: %d:%lld: %s%s", revival->place.partition, (long long)revival->place.offset,
            what, slice_empty(detail) ? "" : ": ");
    printer_text(stderr, detail);
    fputc('\n', stderr);
}

/* --- a letter of its own --- */

static struct slice
copied(struct arena *arena, struct slice slice)
{
    return slice_empty(slice) ? (struct slice){"", 0} : arena_copy(arena, slice);
}

/* The record's bytes are gone when the next one is read. */
static struct revival *
revival_new(struct replay *replay, const struct consumed *record)
{
    struct arena *arena = arena_new(NULL, ARENA_BYTES);
    struct revival *revival = arena == NULL ? NULL : arena_zalloc(arena, 1, sizeof *revival);
    struct record_header *headers =
        arena == NULL ? NULL : arena_zalloc(arena, record->header_count + 1, sizeof *headers);

    if (revival == NULL || headers == NULL) {
        arena_free(arena);
        return NULL;
    }
    for (size_t i = 0; i < record->header_count; i++) {
        headers[i].name = copied(arena, record->headers[i].name);
        headers[i].value = copied(arena, record->headers[i].value);
    }
    revival->replay = replay;
    revival->arena = arena;
    revival->place = (struct deadletter_place){record->partition, record->offset};
    revival->letter = deadletter_read(copied(arena, record->value), headers, record->header_count);
    if (!revival->letter.received.present) {
        revival->letter.received = (struct timestamp){.unix_ms = record->timestamp_ms, .present = true, .millis = true};
    }
    if (arena_failed(arena)) {
        arena_free(arena);
        return NULL;
    }
    return revival;
}

/* --- callbacks --- */

static struct slice
field_value(const struct record_header *fields, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (slice_is(fields[i].name, name)) {
            return fields[i].value;
        }
    }
    return (struct slice){0};
}

static const struct source *
find_source(struct revival *revival)
{
    const struct dead_letter *letter = &revival->letter;
    const struct source *source = config_source(revival->replay->config, letter->source);

    if (source == NULL) {
        tell(revival, "this source is not in the configuration", letter->source);
        revival->replay->unconfigured++;
    } else if (!slice_is(letter->vendor, source->adapter->name)) {
        tell(revival, "its source is another vendor's in this configuration, and it came from", letter->vendor);
        revival->replay->unconfigured++;
        source = NULL;
    }
    return source;
}

/* As the gateway would, had it come now; its sender was vouched for then. */
static bool
revive_callback(struct revival *revival)
{
    const struct dead_letter *letter = &revival->letter;
    struct incoming incoming = {
        .source = find_source(revival),
        .method = letter->method,
        .endpoint = letter->endpoint,
        .query = letter->query,
        .public_query = letter->query,
        .body = letter->body,
        .received = letter->received,
        .vouched = true,
        .unchecked = true,
    };
    struct translation translation;

    if (incoming.source == NULL) {
        return false;
    }
    if (!deadletter_fields(letter, revival->arena, &incoming.fields, &incoming.field_count)) {
        revival->replay->no_memory = true;
        return false;
    }
    incoming.traceparent = field_value(incoming.fields, incoming.field_count, "traceparent");
    translate(revival->replay->config, &incoming, revival->arena, &translation);
    if (translation.refusal != REFUSAL_NONE || translation.count == 0 || translation.outcome == outcome_dead_letter) {
        fprintf(stderr, "trunkline deadletter: %d:%lld: still no event: %s%s", revival->place.partition,
                (long long)revival->place.offset,
                translation.outcome == outcome_handshake ? outcome_handshake : translation.reason,
                slice_empty(translation.detail) ? "" : ": ");
        printer_text(stderr, translation.detail);
        fputc('\n', stderr);
        revival->replay->unconvertible++;
        return false;
    }
    revival->set.records = translation.records;
    revival->set.count = translation.count;
    return true;
}

/* --- commands --- */

/* The headers that its producer gave it. */
static bool
command_headers(struct revival *revival, struct record *record)
{
    const struct record_header *fields;
    struct record_header *headers;
    size_t count;

    if (!deadletter_fields(&revival->letter, revival->arena, &fields, &count)) {
        return false;
    }
    headers = arena_zalloc(revival->arena, count + 1, sizeof *headers);
    if (headers == NULL) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!slice_is(fields[i].name, COMMAND_FORWARDED_HEADER)) { /* a worker's: it goes to its own partition now */
            headers[record->header_count++] = fields[i];
        }
    }
    record->headers = headers;
    return true;
}

/* Whether a worker would take it now. It may have accounts that this configuration has not. */
static bool
command_good(const struct revival *revival, const struct record *record, struct command *command, struct error *error)
{
    const struct config *config = revival->replay->config;
    int64_t now_ms = clock_wall_ms(clock_system());

    switch (command_parse(record->value, record->headers, record->header_count, revival->arena, command, error)) {
    case COMMAND_VALID:
        return command_trial(config, command, now_ms, revival->arena, error) != TRIAL_BAD;
    case COMMAND_INVALID:
        return false;
    case COMMAND_NO_MEMORY:
        return error_set(error, "it takes too much memory");
    }
    return false;
}

static bool
revive_command(struct revival *revival)
{
    struct record *record = arena_zalloc(revival->arena, 1, sizeof *record);
    struct command command;
    struct error error = {""};

    if (record == NULL || !command_headers(revival, record)) {
        revival->replay->no_memory = true;
        return false;
    }
    record->topic = revival->replay->config->topics[TOPIC_COMMANDS];
    record->value = revival->letter.body;
    if (!command_good(revival, record, &command, &error)) {
        tell(revival, "still no command", slice_from(error.text));
        revival->replay->unconvertible++;
        return false;
    }
    record->key = command.account;
    revival->set.records = record;
    revival->set.count = 1;
    return true;
}

/* --- publishing --- */

static void
pause_when_full(struct replay *replay)
{
    if (replay->search.lookback != NULL) {
        lookback_pause(replay->search.lookback, replay->bytes_on_their_way >= BYTES_AT_ONCE);
    }
}

static void
on_published(struct recordset *set)
{
    struct revival *revival = set->owner;
    struct replay *replay = revival->replay;

    if (set->delivery == DELIVERY_ACKNOWLEDGED) {
        replay->replayed++;
        replay->records += set->count;
    } else {
        tell(revival, set->delivery == DELIVERY_REFUSED ? "Kafka refuses its records" : "Kafka did not confirm it",
             set->reason);
        replay->unpublished++;
    }
    replay->on_their_way--;
    replay->bytes_on_their_way -= arena_footprint(revival->arena);
    arena_free(revival->arena);
    pause_when_full(replay);
}

static void
publish(struct revival *revival)
{
    struct replay *replay = revival->replay;
    struct recordset *set = &revival->set;

    set->pending = set->count;
    set->on_done = on_published;
    set->owner = revival;
    for (size_t i = 0; i < set->count; i++) {
        set->records[i].set = set;
    }
    replay->on_their_way++;
    replay->bytes_on_their_way += arena_footprint(revival->arena);
    producer_publish(replay->producer, set);
    pause_when_full(replay);
}

static void
print(struct revival *revival)
{
    struct replay *replay = revival->replay;

    for (size_t i = 0; i < revival->set.count && !replay->no_memory; i++) {
        replay->no_memory = !printer_record(stdout, &revival->set.records[i], revival->arena);
    }
    replay->replayed++;
    replay->records += revival->set.count;
    arena_free(revival->arena);
}

/* Commands call people: they go again only when a person has said so. */
static bool
left_out(const struct replay *replay, const struct dead_letter *letter)
{
    return deadletter_is_command(letter) && replay->selection->place_count == 0 && replay->selection->source == NULL;
}

static void
on_letter(const struct consumed *record, const struct dead_letter *letter, void *argument)
{
    struct replay *replay = argument;
    struct revival *revival;

    if (left_out(replay, letter)) {
        replay->commands_left_out++;
        return;
    }
    revival = revival_new(replay, record);
    if (revival == NULL) {
        replay->no_memory = true;
    } else if (!(deadletter_is_command(letter) ? revive_command(revival) : revive_callback(revival))) {
        arena_free(revival->arena);
    } else if (replay->dry_run) {
        print(revival);
    } else {
        publish(revival);
    }
    if (replay->no_memory) {
        lookback_stop(replay->search.lookback);
    }
}

/* --- its course --- */

static bool
may_replay_commands(const struct deadletter_selection *selection)
{
    return selection->place_count > 0 || (selection->source != NULL && strcmp(selection->source, COMMANDS_SOURCE) == 0);
}

/* A topic that is missing is told before anything is published. */
static bool
open_producer(struct replay *replay, struct error *error)
{
    const struct config *config = replay->config;
    struct slice *topics;
    size_t count;
    bool ready;

    if (replay->dry_run) {
        return true;
    }
    topics = config_event_topics(config, 1, &count);
    replay->metrics = metrics_new();
    if (topics == NULL || replay->metrics == NULL) {
        free(topics);
        return error_set(error, "out of memory");
    }
    if (may_replay_commands(replay->selection)) {
        config_add_topic(topics, &count, config->topics[TOPIC_COMMANDS]);
    }
    replay->producer = producer_new(&config->kafka, "replay", replay->base, replay->metrics, clock_system(), error);
    ready = replay->producer != NULL && producer_warm_up(replay->producer, topics, count, KAFKA_MS, error);
    free(topics);
    return ready;
}

static int
sum_up(const struct replay *replay, bool complete)
{
    uint64_t failed = replay->unconvertible + replay->unconfigured + replay->unpublished;
    FILE *stream = replay->dry_run ? stderr : stdout;

    fprintf(stream,
            "dead letters: %" PRIu64 "; %s: %" PRIu64 " (records: %" PRIu64 "); still no event: %" PRIu64
            "; source not configured: %" PRIu64 "; not published: %" PRIu64 "\n",
            replay->search.found, replay->dry_run ? "would be replayed" : "replayed", replay->replayed, replay->records,
            replay->unconvertible, replay->unconfigured, replay->unpublished);
    if (replay->commands_left_out > 0) {
        fprintf(stream, "commands left out: %" PRIu64 "; --source " COMMANDS_SOURCE " replays them\n",
                replay->commands_left_out);
    }
    if (replay->no_memory) {
        fprintf(stderr, "trunkline deadletter: out of memory\n");
    }
    if (fflush(stdout) != 0) {
        fprintf(stderr, "trunkline deadletter: cannot write to standard output\n");
        return EXIT_FAULT;
    }
    return complete && failed == 0 && !replay->no_memory ? EXIT_OK : EXIT_FAULT;
}

/* Every set gets its report: Kafka's, or that it took too long. */
static bool
run(struct replay *replay)
{
    bool complete = deadletter_search_run(&replay->search);

    while (replay->on_their_way > 0 && event_base_loop(replay->base, EVLOOP_ONCE) >= 0) {
    }
    return complete;
}

int
deadletter_replay(struct config *config, const struct deadletter_selection *selection, bool dry_run)
{
    struct replay replay = {
        .config = config,
        .selection = selection,
        .dry_run = dry_run,
        .base = event_base_new(),
    };
    struct error error = {""};
    int status = EXIT_FAULT;

    config->raw_enabled = false; /* the raw topic has them */
    replay.search = (struct deadletter_search){
        .config = config,
        .selection = selection,
        .base = replay.base,
        .on_letter = on_letter,
        .argument = &replay,
    };
    if (replay.base == NULL) {
        (void)error_set(&error, "out of memory");
    }
    if (replay.base == NULL || !open_producer(&replay, &error)) {
        fprintf(stderr, "trunkline deadletter: %s\n", error.text);
    } else {
        status = sum_up(&replay, run(&replay));
    }
    producer_free(replay.producer, PRODUCER_END_MS);
    metrics_free(replay.metrics);
    if (replay.base != NULL) {
        event_base_free(replay.base);
    }
    return status;
}

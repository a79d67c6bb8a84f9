/* The record reader: sweeps over a partition from the lowest wanted offset to the highest, and rests in between.
 *
 * What is asked for while a sweep goes on joins it where the sweep still comes by, else it waits for the next one: so
 * nothing waits for more than the end of one sweep and the whole of another. */
#include "egress/record_reader.h"

#include <event2/event.h>
#include <stdlib.h>

#include "base/log.h"
#include "egress/record_cache.h"

#define NEAR         500 /* offsets that are read over rather than skipped by seeking */
#define TICK_SECONDS 5
#define REST_TICKS   12 /* without a fetch, before the consumer goes: it costs threads and memory */
#define DOUBT_TICKS  2  /* that a record may be missing at the end, as its commit may not have got there yet */

struct fetch {
    struct fetch *next;
    int64_t offset;
    unsigned ticks; /* that it has waited with the end of the partition in sight */
    void (*on_record)(void *argument, int64_t offset, const struct consumed *record);
    void *argument;
};

struct record_reader {
    struct kafka_settings settings; /* its array of properties is our own */
    struct event_base *base;
    char *topic; /* our own copy */
    int32_t partition;
    struct record_cache *cache;
    struct consumer *consumer; /* NULL: none is needed, or none could be made yet */
    int64_t position;          /* no record before it comes without a seek */
    struct fetch *sweep;       /* by offset, none before position */
    int64_t sweep_end;         /* what is asked for up to here still joins */
    struct fetch *waiting;     /* for the next sweep, by offset */
    struct fetch *kept;        /* those that need no reading, in the order of their coming */
    size_t fetching;           /* in all three lists */
    bool at_end;               /* the sweep has come to the end of the partition and waits there */
    bool astray;               /* the consumer could not be made, or not be sent where it should read */
    bool calling;              /* back: what is asked for meanwhile waits, and the reader cannot go now */
    bool freed;                /* meanwhile */
    unsigned idle_ticks;
    struct event *tick;  /* while there is a consumer, or ought to be */
    struct event *serve; /* for the kept ones, and for going after a callback */
};

/* Smaller than those of a consumer that reads everything: mostly one record is wanted out of many. */
static const struct kafka_property sparing[] = {
    {"fetch.message.max.bytes", "131072"},
    {"queued.max.messages.kbytes", "256"},
    {"fetch.wait.max.ms", "100"}, /* a seek has to wait for the request that is on its way */
};
#define SPARING (sizeof sparing / sizeof *sparing)

static void on_consumed(const struct consumed *record, void *argument);
static void on_end(void *argument);

/* Behind those that have the same offset. */
static void
insert(struct fetch **list, struct fetch *fetch)
{
    while (*list != NULL && (*list)->offset <= fetch->offset) {
        list = &(*list)->next;
    }
    fetch->next = *list;
    *list = fetch;
}

static struct fetch *
take_first(struct fetch **list)
{
    struct fetch *first = *list;

    *list = first->next;
    return first;
}

static void
settle(struct record_reader *reader, struct fetch *fetch, const struct consumed *record)
{
    struct fetch settled = *fetch;

    free(fetch);
    reader->fetching--;
    settled.on_record(settled.argument, settled.offset, record);
}

/* Sends the consumer to the sweep's first offset. */
static void
seek(struct record_reader *reader)
{
    static const struct timeval tick = {.tv_sec = TICK_SECONDS};
    struct slice topic = slice_from(reader->topic);
    int64_t offset = reader->sweep->offset;
    struct error error = {""};

    if (reader->consumer != NULL) {
        reader->astray = !consumer_seek(reader->consumer, offset, &error);
    } else {
        reader->consumer = consumer_new_at(&reader->settings, reader->base, topic, reader->partition, offset,
                                           on_consumed, reader, &error);
        reader->astray = reader->consumer == NULL;
        if (!reader->astray) {
            consumer_on_end(reader->consumer, on_end);
        }
    }
    if (reader->astray) {
        log_warn("record_reader_failed", log_text("topic", reader->topic), log_integer("partition", reader->partition),
                 log_text("reason", error.text));
    }
    reader->position = offset;
    if (!event_pending(reader->tick, EV_TIMEOUT, NULL)) {
        event_add(reader->tick, &tick);
    }
}

static void
begin_sweep(struct record_reader *reader)
{
    struct fetch *last = reader->waiting;

    while (last->next != NULL) {
        last = last->next;
    }
    reader->sweep = reader->waiting;
    reader->sweep_end = last->offset > INT64_MAX - NEAR ? INT64_MAX : last->offset + NEAR;
    reader->waiting = NULL;
    reader->at_end = false;
}

/* Decides what the consumer does next. */
static void
advance(struct record_reader *reader)
{
    if (reader->astray) {
        return; /* until the next tick */
    }
    if (reader->sweep == NULL && reader->waiting != NULL) {
        begin_sweep(reader);
    }
    if (reader->sweep != NULL) {
        reader->idle_ticks = 0;
        if (reader->consumer == NULL || reader->sweep->offset < reader->position ||
            reader->sweep->offset - reader->position > NEAR) {
            seek(reader);
        }
    }
    if (reader->consumer != NULL) {
        consumer_pause(reader->consumer, reader->sweep == NULL);
    }
}

/* Those that Kafka does not have: it has given or named what stands behind them. */
static void
settle_before(struct record_reader *reader, int64_t offset)
{
    while (reader->sweep != NULL && reader->sweep->offset < offset) {
        settle(reader, take_first(&reader->sweep), NULL);
    }
}

/* The partition ends before the place from which we read: the topic was made anew, or has lost its end. */
static void
settle_sweep(struct record_reader *reader)
{
    log_warn("records_lost", log_text("topic", reader->topic), log_integer("partition", reader->partition),
             log_integer("offset", reader->position));
    while (reader->sweep != NULL) {
        settle(reader, take_first(&reader->sweep), NULL);
    }
}

/* At the end of what began by setting calling, within a callback of the consumer's. */
static void
called(struct record_reader *reader)
{
    reader->calling = false;
    if (reader->freed) {
        consumer_pause(reader->consumer, true);
        event_active(reader->serve, EV_TIMEOUT, 0);
    } else {
        advance(reader);
    }
}

static void
on_consumed(const struct consumed *record, void *argument)
{
    struct record_reader *reader = argument;
    int64_t offset = record->offset;

    if (reader->astray) {
        return;
    }
    reader->calling = true;
    reader->at_end = false;
    if (offset < reader->position) {
        settle_sweep(reader);
    }
    reader->position = offset + 1;
    settle_before(reader, offset);
    if (reader->sweep != NULL && reader->sweep->offset == offset) {
        record_cache_keep(reader->cache, record);
    }
    while (reader->sweep != NULL && reader->sweep->offset == offset) {
        settle(reader, take_first(&reader->sweep), record);
    }
    called(reader);
}

static void
on_end(void *argument)
{
    struct record_reader *reader = argument;
    int64_t end = consumer_end(reader->consumer);

    if (reader->astray) {
        return;
    }
    reader->calling = true;
    if (end < reader->position) {
        settle_sweep(reader);
    }
    reader->position = end;
    settle_before(reader, end);
    /* The others may yet come: a commit is answered before its records can be read. */
    while (reader->sweep != NULL && reader->sweep->ticks >= DOUBT_TICKS) {
        settle(reader, take_first(&reader->sweep), NULL);
    }
    reader->at_end = reader->sweep != NULL;
    called(reader);
}

static void
on_tick(evutil_socket_t fd, short what, void *argument)
{
    struct record_reader *reader = argument;

    (void)fd;
    (void)what;
    if (reader->sweep == NULL && !reader->astray) {
        if (++reader->idle_ticks >= REST_TICKS) {
            record_reader_rest(reader);
        }
    } else if (reader->astray) {
        consumer_free(reader->consumer);
        reader->consumer = NULL;
        reader->astray = false;
        advance(reader);
    } else if (reader->at_end) {
        for (struct fetch *fetch = reader->sweep; fetch != NULL; fetch = fetch->next) {
            fetch->ticks++;
        }
        if (reader->sweep->ticks >= DOUBT_TICKS) {
            seek(reader); /* the end is told once only, unless one reads from there anew */
        }
    }
}

static void
free_list(struct fetch **list)
{
    while (*list != NULL) {
        free(take_first(list));
    }
}

static void
destroy(struct record_reader *reader)
{
    free_list(&reader->sweep);
    free_list(&reader->waiting);
    free_list(&reader->kept);
    consumer_free(reader->consumer);
    if (reader->tick != NULL) {
        event_free(reader->tick);
    }
    if (reader->serve != NULL) {
        event_free(reader->serve);
    }
    record_cache_free(reader->cache);
    free(reader->topic);
    free((void *)reader->settings.properties);
    free(reader);
}

/* Queues it for reading. */
static void
want(struct record_reader *reader, struct fetch *fetch)
{
    bool joins = reader->sweep != NULL && !reader->calling && fetch->offset >= reader->position &&
                 fetch->offset <= reader->sweep_end;

    insert(joins ? &reader->sweep : &reader->waiting, fetch);
}

static void
on_serve(evutil_socket_t fd, short what, void *argument)
{
    struct record_reader *reader = argument;
    size_t count = 0;

    (void)fd;
    (void)what;
    for (struct fetch *fetch = reader->kept; fetch != NULL; fetch = fetch->next) {
        count++;
    }
    reader->calling = true;
    for (; count > 0 && reader->kept != NULL; count--) { /* what they ask for now comes later */
        struct fetch *fetch = take_first(&reader->kept);
        const struct consumed *record = record_cache_find(reader->cache, fetch->offset);

        if (record != NULL || fetch->offset < 0) {
            settle(reader, fetch, record);
        } else { /* pushed out meanwhile */
            want(reader, fetch);
        }
    }
    reader->calling = false;
    if (reader->freed) {
        destroy(reader);
    } else {
        advance(reader);
    }
}

/* The settings with ours behind, which therefore hold. NULL when out of memory. */
static struct kafka_property *
sparing_properties(const struct kafka_settings *settings)
{
    struct kafka_property *properties = calloc(settings->count + SPARING, sizeof *properties);

    for (size_t i = 0; properties != NULL && i < settings->count + SPARING; i++) {
        properties[i] = i < settings->count ? settings->properties[i] : sparing[i - settings->count];
    }
    return properties;
}

struct record_reader *
record_reader_new(const struct kafka_settings *settings, struct event_base *base, struct slice topic, int32_t partition,
                  size_t kept_bytes)
{
    struct record_reader *reader = calloc(1, sizeof *reader);

    if (reader == NULL) {
        return NULL;
    }
    reader->settings = *settings;
    reader->settings.properties = sparing_properties(settings);
    reader->settings.count += SPARING;
    reader->base = base;
    reader->topic = strndup(topic.data, topic.length);
    reader->partition = partition;
    reader->tick = event_new(base, -1, EV_PERSIST, on_tick, reader);
    reader->serve = event_new(base, -1, 0, on_serve, reader);
    if (reader->topic != NULL) {
        reader->cache = record_cache_new(slice_from(reader->topic), kept_bytes);
    }
    if (reader->settings.properties == NULL || reader->tick == NULL || reader->serve == NULL || reader->cache == NULL) {
        destroy(reader);
        return NULL;
    }
    return reader;
}

void
record_reader_free(struct record_reader *reader)
{
    if (reader == NULL) {
        return;
    }
    if (!reader->calling) {
        destroy(reader);
        return;
    }
    free_list(&reader->sweep);
    free_list(&reader->waiting);
    free_list(&reader->kept);
    reader->freed = true;
}

void
record_reader_keep(struct record_reader *reader, const struct consumed *record)
{
    record_cache_keep(reader->cache, record);
}

void
record_reader_drop(struct record_reader *reader, int64_t offset)
{
    record_cache_drop(reader->cache, offset);
}

const struct consumed *
record_reader_kept(struct record_reader *reader, int64_t offset)
{
    return record_cache_find(reader->cache, offset);
}

bool
record_reader_fetch(struct record_reader *reader, int64_t offset,
                    void (*on_record)(void *argument, int64_t offset, const struct consumed *record), void *argument)
{
    struct fetch *fetch = malloc(sizeof *fetch);
    struct fetch **end = &reader->kept;

    if (fetch == NULL) {
        return false;
    }
    *fetch = (struct fetch){.offset = offset, .on_record = on_record, .argument = argument};
    reader->fetching++;
    if (offset < 0 || record_cache_find(reader->cache, offset) != NULL) {
        while (*end != NULL) {
            end = &(*end)->next;
        }
        *end = fetch;
        event_active(reader->serve, EV_TIMEOUT, 0);
        return true;
    }
    want(reader, fetch);
    if (!reader->calling) {
        advance(reader);
    }
    return true;
}

size_t
record_reader_fetching(const struct record_reader *reader)
{
    return reader->fetching;
}

bool
record_reader_rest(struct record_reader *reader)
{
    if (reader->calling || reader->sweep != NULL || reader->waiting != NULL) {
        return false;
    }
    event_del(reader->tick);
    consumer_free(reader->consumer);
    reader->consumer = NULL;
    reader->astray = false;
    reader->idle_ticks = 0;
    return true;
}

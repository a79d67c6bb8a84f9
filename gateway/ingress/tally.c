/* What admission and conversion keep beside the configuration: the metrics of what callbacks became. */
#include "ingress/tally.h"

#include <stdlib.h>

#include "adapters/mapping.h"

struct source_tally {
    struct metric *unreadable_members;
    struct metric *unknown_codes;
    struct metric **own_events; /* by custom_type->index */
};

/* Of callbacks, or of records. */
struct custody_tally {
    struct metric *accepted;
    struct metric *left[FATE_COUNT];
    struct metric *in_flight;
};

struct service {
    struct metrics *metrics;
    struct metric *events[EVENT_TYPE_COUNT];
    struct metric **own_events; /* those of all sources */
    struct custody_tally callbacks, records;
    struct source_tally sources[]; /* by source->index */
};

#define LABEL_BYTES 256

static struct metric *
source_counter(struct metrics *metrics, const struct source *source, const char *name, const char *help)
{
    char labels[LABEL_BYTES];

    metrics_labels(labels, sizeof(labels), (const char *const[]){"source", source->name.data, NULL});
    return metrics_counter(metrics, name, help, labels);
}

static struct metric *
event_counter(struct metrics *metrics, const char *type)
{
    char labels[LABEL_BYTES];

    metrics_labels(labels, sizeof(labels), (const char *const[]){"type", type, NULL});
    return metrics_counter(metrics, "trunkline_events_total",
                           "Events that are durable, in Kafka or in the spool, by type.", labels);
}

static struct custody_tally
custody_tally(struct metrics *metrics, const char *total, const char *total_help, const char *in_flight,
              const char *in_flight_help)
{
    static const char *const fates[] = {
        [FATE_PUBLISHED] = "fate=\"published\"",
        [FATE_SPOOLED] = "fate=\"spooled\"",
        [FATE_REFUSED] = "fate=\"refused\"",
    };
    struct custody_tally tally = {
        .accepted = metrics_counter(metrics, total, total_help, "fate=\"accepted\""),
        .in_flight = metrics_gauge(metrics, in_flight, in_flight_help, ""),
    };

    for (size_t fate = 0; fate < FATE_COUNT; fate++) {
        tally.left[fate] = metrics_counter(metrics, total, total_help, fates[fate]);
    }
    return tally;
}

static void
count_custody(struct service *service)
{
    service->callbacks = custody_tally(service->metrics, "trunkline_custody_callbacks_total",
                                       "Callbacks taken into custody (accepted), and what became of them: accepted = "
                                       "published + spooled + refused + those in flight.",
                                       "trunkline_custody_callbacks_in_flight", "Callbacks that wait to be durable.");
    service->records = custody_tally(
        service->metrics, "trunkline_custody_records_total",
        "Records of callbacks taken into custody (accepted), and what became of them: accepted = published "
        "+ spooled + refused + those in flight.",
        "trunkline_custody_records_in_flight", "Records whose callbacks wait to be durable.");
}

/* An open source is meant to be seen on every dashboard. */
static void
show_open(struct metrics *metrics, const struct source *source, bool open)
{
    char labels[LABEL_BYTES];

    metrics_labels(labels, sizeof(labels), (const char *const[]){"source", source->name.data, NULL});
    metric_set(
        metrics_gauge(metrics, "trunkline_source_open", "1 for a source where nothing checks who posts.", labels),
        open ? 1 : 0);
}

void
service_forget(struct metrics *metrics, const struct source *source)
{
    show_open(metrics, source, false);
}

static size_t
own_type_count(const struct source *source)
{
    return source->mapping == NULL ? 0 : source->mapping->custom_count;
}

/* A company's own types count by their names, as ours do: which there are, its configuration says. */
static bool
count_own_events(struct service *service, const struct config *config)
{
    size_t count = 0;

    for (size_t i = 0; i < config->source_count; i++) {
        count += own_type_count(&config->sources[i]);
    }
    service->own_events = calloc(count + 1, sizeof(struct metric *));
    if (service->own_events == NULL) {
        return false;
    }
    count = 0;
    for (size_t i = 0; i < config->source_count; i++) {
        const struct source *source = &config->sources[i];

        service->sources[source->index].own_events = service->own_events + count;
        for (size_t type = 0; type < own_type_count(source); type++) {
            service->own_events[count++] =
                event_counter(service->metrics, source->mapping->custom_types[type].names.name);
        }
    }
    return true;
}

static void
count_source(struct service *service, const struct source *source)
{
    struct source_tally *tally = &service->sources[source->index];

    tally->unreadable_members =
        source_counter(service->metrics, source, "trunkline_unreadable_members_total",
                       "Times and numbers in callbacks that could not be read and were left out.");
    tally->unknown_codes = source_counter(service->metrics, source, "trunkline_unknown_codes_total",
                                          "Outcome codes in callbacks that no table names.");
    show_open(service->metrics, source, source_is_open(source));
}

struct service *
service_new(const struct config *config, struct metrics *metrics, struct error *error)
{
    struct service *service = calloc(1, sizeof(*service) + config->source_count * sizeof(struct source_tally));

    if (service == NULL) {
        error_set(error, "out of memory");
        return NULL;
    }
    service->metrics = metrics;
    if (!count_own_events(service, config)) {
        error_set(error, "out of memory");
        service_free(service);
        return NULL;
    }
    count_custody(service);
    for (enum event_type type = EVENT_NONE + 1; type < EVENT_TYPE_COUNT; type++) {
        service->events[type] = event_counter(metrics, event_type_name(type));
    }
    for (size_t i = 0; i < config->source_count; i++) {
        count_source(service, &config->sources[i]);
    }
    return service;
}

void
service_free(struct service *service)
{
    if (service != NULL) {
        free(service->own_events);
    }
    free(service);
}

/* Registered when it happens: dead letters are rare, and their reasons are the adapters'. */
static void
count_dead_letter(const struct service *service, const struct source *source, const char *reason)
{
    char labels[LABEL_BYTES];

    metrics_labels(labels, sizeof(labels), (const char *const[]){"source", source->name.data, "reason", reason, NULL});
    metric_add(metrics_counter(service->metrics, "trunkline_dead_letters_total",
                               "Callbacks that became no event, by reason.", labels),
               1);
}

void
tally_durable(const struct service *service, const struct source *source, const struct translation *translation)
{
    const struct conversion *conversion = &translation->conversion;
    const struct source_tally *tally = &service->sources[source->index];

    if (translation->outcome == outcome_dead_letter) {
        count_dead_letter(service, source, translation->reason);
        return;
    }
    for (const struct canonical_event *event = conversion->first; event != NULL; event = event->next) {
        metric_add(event->type == EVENT_CUSTOM ? tally->own_events[event->custom->index] : service->events[event->type],
                   1);
    }
    if (conversion->unreadable > 0) {
        metric_add(tally->unreadable_members, conversion->unreadable);
    }
    if (conversion->unknown_codes > 0) {
        metric_add(tally->unknown_codes, conversion->unknown_codes);
    }
}

static void
take(const struct custody_tally *tally, size_t count)
{
    metric_add(tally->accepted, count);
    metric_move(tally->in_flight, (int64_t)count);
}

void
tally_taken(const struct service *service, size_t callbacks, size_t records)
{
    take(&service->callbacks, callbacks);
    take(&service->records, records);
}

static void
leave(const struct custody_tally *tally, enum custody_fate fate, size_t count)
{
    if (count == 0) {
        return;
    }
    metric_add(tally->left[fate], count);
    metric_move(tally->in_flight, -(int64_t)count);
}

void
tally_left(const struct service *service, enum custody_fate fate, size_t callbacks, size_t records)
{
    leave(&service->callbacks, fate, callbacks);
    leave(&service->records, fate, records);
}

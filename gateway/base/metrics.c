/* The registry of metrics: families of series, their cells, and the page that Prometheus reads. */
#include "base/metrics.h"

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/utf8.h"

#define CELLS        16 /* threads share a cell when there are more of them */
#define CACHE_LINE   64
#define NAME_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_:"

enum kind {
    COUNTER,
    GAUGE,
    HISTOGRAM,
};

static const struct {
    const char *printed;
    int64_t nanoseconds;
} bounds[] = {
    {"0.0005", 500000},  {"0.001", 1000000},  {"0.0025", 2500000}, {"0.005", 5000000},  {"0.01", 10000000},
    {"0.025", 25000000}, {"0.05", 50000000},  {"0.1", 100000000},  {"0.25", 250000000}, {"0.5", 500000000},
    {"1", 1000000000},   {"2.5", 2500000000}, {"5", 5000000000},   {"10", 10000000000},
};
#define BOUNDS (sizeof bounds / sizeof bounds[0])

/* What one thread adds to. A counter or gauge uses the first number alone; a histogram has one for each bucket (the
 * last: everything above the bounds) and the sum in nanoseconds. A cell fills whole cache lines, so that threads do not
 * slow each other. */
#define SUM_AT (BOUNDS + 1)
struct cell {
    _Alignas(CACHE_LINE) atomic_uint_fast64_t numbers[BOUNDS + 2];
};

struct metric {
    struct metric *next; /* of the family, ascending by labels */
    enum kind kind;
    char *labels;
    struct cell cells[CELLS];
};

struct family {
    struct family *next; /* ascending by name */
    char *name;
    char *help;
    enum kind kind;
    struct metric *series;
};

struct metrics {
    pthread_mutex_t lock; /* over the lists, not over the cells */
    struct family *families;
};

/* What callers get when memory is out. */
static struct metric unprinted;

static atomic_uint threads_seen;

static struct cell *
own_cell(struct metric *metric)
{
    static _Thread_local unsigned index; /* 0: not given yet */

    if (index == 0) {
        index = 1 + atomic_fetch_add_explicit(&threads_seen, 1, memory_order_relaxed) % CELLS;
    }
    return &metric->cells[index - 1];
}

struct metrics *
metrics_new(void)
{
    struct metrics *metrics = calloc(1, sizeof *metrics);

    if (metrics != NULL && pthread_mutex_init(&metrics->lock, NULL) != 0) {
        free(metrics);
        return NULL;
    }
    return metrics;
}

static void
series_free(struct metric *metric)
{
    if (metric == NULL) {
        return;
    }
    free(metric->labels);
    free(metric);
}

static void
family_free(struct family *family)
{
    if (family == NULL) {
        return;
    }
    for (struct metric *next; family->series != NULL; family->series = next) {
        next = family->series->next;
        series_free(family->series);
    }
    free(family->name);
    free(family->help);
    free(family);
}

void
metrics_free(struct metrics *metrics)
{
    if (metrics == NULL) {
        return;
    }
    for (struct family *next; metrics->families != NULL; metrics->families = next) {
        next = metrics->families->next;
        family_free(metrics->families);
    }
    (void)pthread_mutex_destroy(&metrics->lock);
    free(metrics);
}

static bool
name_valid(const char *name)
{
    size_t length = strspn(name, NAME_LETTERS "0123456789");

    return length > 0 && name[length] == '\0' && strchr(NAME_LETTERS, name[0]) != NULL;
}

static struct family *
family_new(const char *name, const char *help, enum kind kind)
{
    struct family *family = calloc(1, sizeof *family);

    if (family == NULL) {
        return NULL;
    }
    family->kind = kind;
    family->name = strdup(name);
    family->help = strdup(help);
    if (family->name == NULL || family->help == NULL) {
        family_free(family);
        return NULL;
    }
    return family;
}

static struct metric *
series_new(const char *labels, enum kind kind)
{
    struct metric *metric = aligned_alloc(CACHE_LINE, sizeof *metric);

    if (metric == NULL) {
        return NULL;
    }
    memset(metric, 0, sizeof *metric);
    metric->kind = kind;
    metric->labels = strdup(labels);
    if (metric->labels == NULL) {
        series_free(metric);
        return NULL;
    }
    return metric;
}

/* With the lock held. NULL when out of memory. */
static struct family *
find_or_add_family(struct metrics *metrics, const char *name, const char *help, enum kind kind)
{
    struct family **link = &metrics->families;

    while (*link != NULL && strcmp((*link)->name, name) < 0) {
        link = &(*link)->next;
    }
    if (*link != NULL && strcmp((*link)->name, name) == 0) {
        return *link;
    }
    struct family *family = family_new(name, help, kind);
    if (family != NULL) {
        family->next = *link;
        *link = family;
    }
    return family;
}

/* The same for a series of a family. */
static struct metric *
find_or_add_series(struct family *family, const char *labels)
{
    struct metric **link = &family->series;

    while (*link != NULL && strcmp((*link)->labels, labels) < 0) {
        link = &(*link)->next;
    }
    if (*link != NULL && strcmp((*link)->labels, labels) == 0) {
        return *link;
    }
    struct metric *metric = series_new(labels, family->kind);
    if (metric != NULL) {
        metric->next = *link;
        *link = metric;
    }
    return metric;
}

static struct metric *
find_or_add(struct metrics *metrics, const char *name, const char *help, const char *labels, enum kind kind)
{
    struct metric *metric = NULL;
    bool valid = name_valid(name);

    assert(valid);
    if (metrics == NULL || !valid) {
        return &unprinted;
    }
    (void)pthread_mutex_lock(&metrics->lock);
    struct family *family = find_or_add_family(metrics, name, help, kind);
    bool of_kind = family == NULL || family->kind == kind;
    if (family != NULL && of_kind) {
        metric = find_or_add_series(family, labels);
    }
    (void)pthread_mutex_unlock(&metrics->lock);
    assert(of_kind);
    return metric == NULL ? &unprinted : metric;
}

struct metric *
metrics_counter(struct metrics *metrics, const char *name, const char *help, const char *labels)
{
    return find_or_add(metrics, name, help, labels, COUNTER);
}

struct metric *
metrics_gauge(struct metrics *metrics, const char *name, const char *help, const char *labels)
{
    return find_or_add(metrics, name, help, labels, GAUGE);
}

struct metric *
metrics_histogram(struct metrics *metrics, const char *name, const char *help, const char *labels)
{
    return find_or_add(metrics, name, help, labels, HISTOGRAM);
}

/* How one character of a label's value is printed; what is not UTF-8 would make Prometheus refuse the whole page. */
static struct slice
label_character(struct slice rest, size_t *bytes)
{
    size_t length = utf8_character_bytes(rest);

    *bytes = length == 0 ? 1 : length;
    if (length == 0) {
        return slice_from("?");
    }
    switch (rest.data[0]) {
    case '\\':
        return slice_from("\\\\");
    case '"':
        return slice_from("\\\"");
    case '\n':
        return slice_from("\\n");
    default:
        return slice_make(rest.data, length);
    }
}

/* Appends a pair; the value is cut so that its quote and the terminator have room. false: nothing of it has. */
static bool
append_label(char *text, size_t size, size_t *used, const char *name, struct slice value)
{
    int head = snprintf(text + *used, size - *used, "%s%s=\"", *used == 0 ? "" : ",", name);
    size_t end = *used + (size_t)head;

    if (head < 0 || end + sizeof "\"" > size) {
        text[*used] = '\0';
        return false;
    }
    while (value.length > 0) {
        size_t bytes = 0;
        struct slice printed = label_character(value, &bytes);
        if (end + printed.length + sizeof "\"" > size) {
            break;
        }
        memcpy(text + end, printed.data, printed.length);
        end += printed.length;
        value = slice_make(value.data + bytes, value.length - bytes);
    }
    memcpy(text + end, "\"", sizeof "\"");
    *used = end + 1;
    return true;
}

void
metrics_labels(char *text, size_t size, const char *const *names_and_values)
{
    size_t used = 0;

    if (size == 0) {
        return;
    }
    text[0] = '\0';
    for (const char *const *pair = names_and_values; pair[0] != NULL; pair += 2) {
        if (!append_label(text, size, &used, pair[0], slice_from(pair[1]))) {
            return;
        }
    }
}

static void
add_to(atomic_uint_fast64_t *number, uint64_t amount)
{
    (void)atomic_fetch_add_explicit(number, amount, memory_order_relaxed);
}

void
metric_add(struct metric *metric, uint64_t amount)
{
    add_to(&own_cell(metric)->numbers[0], amount);
}

void
metric_observe_ns(struct metric *histogram, int64_t nanoseconds)
{
    struct cell *cell = own_cell(histogram);
    size_t bucket = 0;

    if (nanoseconds < 0) {
        nanoseconds = 0;
    }
    while (bucket < BOUNDS && nanoseconds > bounds[bucket].nanoseconds) {
        bucket++;
    }
    add_to(&cell->numbers[bucket], 1);
    add_to(&cell->numbers[SUM_AT], (uint64_t)nanoseconds);
}

/* The value goes into the first cell, so that a gauge that is only ever set is read whole. */
void
metric_set(struct metric *gauge, int64_t value)
{
    for (size_t i = 1; i < CELLS; i++) {
        atomic_store_explicit(&gauge->cells[i].numbers[0], 0, memory_order_relaxed);
    }
    atomic_store_explicit(&gauge->cells[0].numbers[0], (uint64_t)value, memory_order_relaxed);
}

void
metric_move(struct metric *gauge, int64_t by)
{
    add_to(&own_cell(gauge)->numbers[0], (uint64_t)by);
}

static uint64_t
sum_of(const struct metric *metric, size_t number)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < CELLS; i++) {
        sum += atomic_load_explicit(&metric->cells[i].numbers[number], memory_order_relaxed);
    }
    return sum;
}

uint64_t
metric_read(const struct metric *metric)
{
    size_t numbers = metric->kind == HISTOGRAM ? BOUNDS + 1 : 1;
    uint64_t sum = 0;

    for (size_t i = 0; i < numbers; i++) {
        sum += sum_of(metric, i);
    }
    return sum;
}

static void
print_histogram(FILE *page, const char *name, const struct metric *metric)
{
    const char *comma = metric->labels[0] == '\0' ? "" : ",";
    uint64_t count = 0;

    for (size_t i = 0; i <= BOUNDS; i++) {
        count += sum_of(metric, i);
        (void)fprintf(page, "%s_bucket{%s%sle=\"%s\"} %" PRIu64 "\n", name, metric->labels, comma,
                      i == BOUNDS ? "+Inf" : bounds[i].printed, count);
    }
    uint64_t sum = sum_of(metric, SUM_AT);
    const char *open = metric->labels[0] == '\0' ? "" : "{", *close = metric->labels[0] == '\0' ? "" : "}";
    (void)fprintf(page, "%s_sum%s%s%s %" PRIu64 ".%09" PRIu64 "\n", name, open, metric->labels, close, sum / 1000000000,
                  sum % 1000000000);
    (void)fprintf(page, "%s_count%s%s%s %" PRIu64 "\n", name, open, metric->labels, close, count);
}

static void
print_family(FILE *page, const struct family *family)
{
    static const char *const kinds[] = {"counter", "gauge", "histogram"};

    (void)fprintf(page, "# HELP %s %s\n# TYPE %s %s\n", family->name, family->help, family->name, kinds[family->kind]);
    for (const struct metric *metric = family->series; metric != NULL; metric = metric->next) {
        bool labelled = metric->labels[0] != '\0';
        uint64_t value = metric_read(metric);
        if (family->kind == HISTOGRAM) {
            print_histogram(page, family->name, metric);
            continue;
        }
        (void)fprintf(page, "%s%s%s%s ", family->name, labelled ? "{" : "", metric->labels, labelled ? "}" : "");
        if (family->kind == GAUGE) {
            (void)fprintf(page, "%" PRId64 "\n", (int64_t)value);
        } else {
            (void)fprintf(page, "%" PRIu64 "\n", value);
        }
    }
}

char *
metrics_print(struct metrics *metrics, size_t *length)
{
    char *text = NULL;
    FILE *page = open_memstream(&text, length);

    if (page == NULL) {
        return NULL;
    }
    (void)pthread_mutex_lock(&metrics->lock);
    for (const struct family *family = metrics->families; family != NULL; family = family->next) {
        print_family(page, family);
    }
    (void)pthread_mutex_unlock(&metrics->lock);
    bool failed = ferror(page) != 0;
    if (fclose(page) != 0 || failed) {
        free(text);
        return NULL;
    }
    return text;
}

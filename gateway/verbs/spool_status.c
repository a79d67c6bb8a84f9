/* `trunkline spool status`: what lies in the spools, as text or as JSON. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/instance.h"
#include "base/json_writer.h"
#include "verbs/spool_verb.h"
#include "verbs/verb.h"

#define ARENA_BYTES ((size_t)64 << 20)

/* One instance as it was found. */
struct finding {
    const char *name;
    bool held;
    long process; /* 0: not known */
    struct spool_census census;
    bool whole; /* all of it could be read */
    struct error reason;
};

static int64_t
age_seconds(int64_t oldest_ms)
{
    int64_t age = oldest_ms == 0 ? 0 : (clock_wall_ms(clock_system()) - oldest_ms) / 1000;

    return age < 0 ? 0 : age;
}

/* --- as text --- */

static void
print_held(const struct finding *finding)
{
    if (!finding->held) {
        printf("%s: no gateway runs\n", finding->name);
    } else if (finding->process == 0) {
        printf("%s: its gateway runs\n", finding->name);
    } else {
        printf("%s: its gateway runs, process %ld\n", finding->name, finding->process);
    }
}

static void
print_rows(const struct spool_census *census)
{
    int source_width = 0, topic_width = 0;

    for (size_t i = 0; i < census->row_count; i++) {
        int source = (int)strlen(census->rows[i].source);
        int topic = (int)strlen(census->rows[i].topic);

        source_width = source > source_width ? source : source_width;
        topic_width = topic > topic_width ? topic : topic_width;
    }
    for (size_t i = 0; i < census->row_count; i++) {
        const struct spool_row *row = &census->rows[i];

        printf("    %-*s  %-*s  %10" PRIu64 " records  %12" PRIu64 " bytes  oldest %" PRId64 " s\n", source_width,
               row->source, topic_width, row->topic, row->records, row->bytes, age_seconds(row->oldest_ms));
    }
}

static void
print_finding(const struct finding *finding, const char *data_dir)
{
    const struct spool_census *census = &finding->census;

    print_held(finding);
    printf("  %" PRIu64 " records wait for Kafka, %" PRIu64 " bytes in %zu file%s", census->records, census->bytes,
           census->files, census->files == 1 ? "" : "s");
    if (census->records > 0) {
        printf(", the oldest for %" PRId64 " s", age_seconds(census->oldest_ms));
    }
    putchar('\n');
    print_rows(census);
    if (census->set_aside > 0) {
        printf("  %" PRIu64 " records are set aside: Kafka refused them for good; `trunkline spool export --set-aside` "
               "prints them\n",
               census->set_aside);
    }
    if (census->damaged > 0) {
        printf("  %" PRIu64 " records are damaged: the disk changed them, and they cannot be sent\n", census->damaged);
    }
    if (census->damaged_files > 0) {
        printf("  %zu files could not be read and were set aside: %s/%s/*.damaged\n", census->damaged_files, data_dir,
               finding->name);
    }
}

/* --- as JSON --- */

static void
write_number(struct json_writer *writer, const char *name, uint64_t number)
{
    json_name(writer, slice_from(name));
    json_integer(writer, (int64_t)number);
}

static void
write_text(struct json_writer *writer, const char *name, const char *text)
{
    json_name(writer, slice_from(name));
    json_string(writer, slice_from(text));
}

static void
write_row(struct json_writer *writer, const struct spool_row *row)
{
    json_open(writer, '{');
    write_text(writer, "source", row->source);
    write_text(writer, "topic", row->topic);
    write_number(writer, "records", row->records);
    write_number(writer, "bytes", row->bytes);
    write_number(writer, "oldest_age_seconds", (uint64_t)age_seconds(row->oldest_ms));
    json_close(writer, '}');
}

static void
write_finding(struct json_writer *writer, const struct finding *finding)
{
    const struct spool_census *census = &finding->census;

    json_open(writer, '{');
    write_text(writer, "instance", finding->name);
    json_name(writer, slice_from("held"));
    json_boolean(writer, finding->held);
    if (finding->process != 0) {
        write_number(writer, "process", (uint64_t)finding->process);
    }
    write_number(writer, "files", census->files);
    write_number(writer, "records", census->records);
    write_number(writer, "bytes", census->bytes);
    write_number(writer, "oldest_age_seconds", (uint64_t)age_seconds(census->oldest_ms));
    write_number(writer, "set_aside", census->set_aside);
    write_number(writer, "damaged", census->damaged);
    write_number(writer, "damaged_files", census->damaged_files);
    json_name(writer, slice_from("waiting"));
    json_open(writer, '[');
    for (size_t i = 0; i < census->row_count; i++) {
        write_row(writer, &census->rows[i]);
    }
    json_close(writer, ']');
    if (!finding->whole) {
        write_text(writer, "unreadable", finding->reason.text);
    }
    json_close(writer, '}');
}

static bool
print_json(const struct finding *findings, size_t count, const char *data_dir)
{
    struct arena *arena = arena_new(NULL, ARENA_BYTES);
    struct json_writer writer;
    struct slice text = {0};

    if (arena != NULL) {
        json_writer_init(&writer, arena, 4096);
        json_open(&writer, '{');
        write_text(&writer, "data_dir", data_dir);
        json_name(&writer, slice_from("instances"));
        json_open(&writer, '[');
        for (size_t i = 0; i < count; i++) {
            write_finding(&writer, &findings[i]);
        }
        json_close(&writer, ']');
        json_close(&writer, '}');
        text = json_finish(&writer);
    }
    printf("%.*s%s", SLICE_ARGS(text), slice_empty(text) ? "" : "\n");
    arena_free(arena);
    return !slice_empty(text);
}

static void
take_findings(const struct spool_order *order, const struct spool_instances *instances, struct finding *findings)
{
    const char *data_dir = order->config->data_dir;

    for (size_t i = 0; i < instances->count; i++) {
        struct finding *finding = &findings[i];

        finding->name = instances->names[i];
        finding->held = instance_held(data_dir, finding->name, &finding->process);
        finding->whole = spool_census_take(data_dir, finding->name, &finding->census, &finding->reason);
    }
}

int
spool_status(const struct spool_order *order, const struct spool_instances *instances)
{
    struct finding *findings = calloc(instances->count + 1, sizeof(*findings));
    const char *data_dir = order->config->data_dir;
    int status = EXIT_OK;

    if (findings == NULL) {
        fprintf(stderr, "trunkline spool: out of memory\n");
        return EXIT_FAULT;
    }
    take_findings(order, instances, findings);
    if (order->json && !print_json(findings, instances->count, data_dir)) {
        fprintf(stderr, "trunkline spool: out of memory\n");
        status = EXIT_FAULT;
    }
    if (!order->json && instances->count == 0) {
        printf("there is no spool below %s\n", data_dir);
    }
    for (size_t i = 0; i < instances->count; i++) {
        if (!order->json) {
            print_finding(&findings[i], data_dir);
        }
        if (!findings[i].whole) {
            fflush(stdout);
            fprintf(stderr, "trunkline spool: %s\n", findings[i].reason.text);
            status = EXIT_FAULT;
        }
        spool_census_free(&findings[i].census);
    }
    free(findings);
    return status;
}

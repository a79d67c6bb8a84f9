/* An audit's findings as lines or as one JSON object. */
#include "verbs/audit_report.h"

#include <stdio.h>

#include "base/json_writer.h"

#define REPORT_BYTES     ((size_t)64 * 1024) /* of the usual object */
#define REPORT_BYTES_MAX ((size_t)4 << 30)   /* with the most ids */

static const char *const fates[] = {
    [AUDIT_MISSING] = "missing",
    [AUDIT_INCOMPLETE] = "incomplete",
    [AUDIT_CORRUPTED] = "corrupted",
};

struct telling {
    const struct audit_report *report;
    enum audit_fate fate;
    struct json_writer *writer; /* NULL: lines */
};

/* "missing<TAB>ID", or "incomplete<TAB>ID<TAB>topics that it is not on". */
static void
print_line(struct slice id, uint32_t absent, void *argument)
{
    const struct telling *telling = argument;
    const char *between = "\t";

    printf("%s\t%.*s", fates[telling->fate], SLICE_ARGS(id));
    for (size_t i = 0; i < telling->report->topic_count && telling->fate == AUDIT_INCOMPLETE; i++) {
        if ((absent >> i & 1) != 0) {
            printf("%s%.*s", between, SLICE_ARGS(telling->report->topics[i]));
            between = ",";
        }
    }
    putchar('\n');
}

static void
write_id(struct slice id, uint32_t absent, void *argument)
{
    const struct telling *telling = argument;

    (void)absent;
    json_string(telling->writer, id);
}

void
audit_report_text(const struct audit_report *report, const struct audit_counts *counts)
{
    for (int fate = AUDIT_MISSING; fate <= AUDIT_CORRUPTED; fate++) {
        struct telling telling = {report, (enum audit_fate)fate, NULL};

        audit_ledger_list(report->ledger, telling.fate, report->limit, print_line, &telling);
    }
    printf("ids: %llu (%llu lines); found: %llu; missing: %llu; incomplete: %llu; corrupted: %llu\n",
           (unsigned long long)counts->ids, (unsigned long long)counts->lines, (unsigned long long)counts->found,
           (unsigned long long)counts->missing, (unsigned long long)counts->incomplete,
           (unsigned long long)counts->corrupted);
    printf("records: %llu on %zu topics; duplicates: %llu; not in the ledger: %llu; unreadable: %llu\n",
           (unsigned long long)report->records, report->topic_count, (unsigned long long)counts->duplicates,
           (unsigned long long)counts->unknown, (unsigned long long)report->unreadable);
}

static void
write_number(struct json_writer *writer, const char *name, uint64_t number)
{
    json_name(writer, slice_from(name));
    json_integer(writer, (int64_t)number);
}

bool
audit_report_json(const struct audit_report *report, const struct audit_counts *counts)
{
    struct arena *arena = arena_new(NULL, REPORT_BYTES_MAX);
    struct json_writer writer;
    struct slice json = {0};

    if (arena == NULL) {
        return false;
    }
    json_writer_init(&writer, arena, REPORT_BYTES);
    json_open(&writer, '{');
    write_number(&writer, "lines", counts->lines);
    write_number(&writer, "ids", counts->ids);
    write_number(&writer, "found", counts->found);
    write_number(&writer, "missing", counts->missing);
    write_number(&writer, "incomplete", counts->incomplete);
    write_number(&writer, "corrupted", counts->corrupted);
    write_number(&writer, "records", report->records);
    write_number(&writer, "duplicates", counts->duplicates);
    write_number(&writer, "unknown", counts->unknown);
    write_number(&writer, "unreadable", report->unreadable);
    for (int fate = AUDIT_MISSING; fate <= AUDIT_CORRUPTED; fate++) {
        struct telling telling = {report, (enum audit_fate)fate, &writer};

        json_name(&writer, arena_printf(arena, "%s_ids", fates[fate]));
        json_open(&writer, '[');
        audit_ledger_list(report->ledger, telling.fate, report->limit, write_id, &telling);
        json_close(&writer, ']');
    }
    json_close(&writer, '}');
    json = json_finish(&writer);
    (void)fwrite(json.data, 1, json.length, stdout);
    putchar('\n');
    arena_free(arena);
    return !slice_empty(json);
}

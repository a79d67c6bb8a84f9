/* `trunkline spool export`: the records as lines of JSON. */
#include <errno.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/json_writer.h"
#include "verbs/printer.h"
#include "verbs/spool_verb.h"
#include "verbs/verb.h"

#define LINE_BYTES_MAX ((size_t)1 << 30)

struct export
{
    const struct spool_order *order;
    const char *instance;
    struct arena_pool *pool;
    uint64_t damaged;
    struct error error;
};

static void
write_record(struct json_writer *writer, const struct export *export, const struct stored *stored)
{
    int64_t age_ms = clock_wall_ms(clock_system()) - stored->spooled_ms;

    json_open(writer, '{');
    json_name(writer, slice_from("instance"));
    json_string(writer, slice_from(export->instance));
    json_name(writer, slice_from("id"));
    json_integer(writer, stored->id);
    json_name(writer, slice_from("age_seconds"));
    json_integer(writer, age_ms < 0 ? 0 : age_ms / 1000);
    printer_json_bytes(writer, "source", stored->source);
    if (!slice_empty(stored->aside)) {
        printer_json_bytes(writer, "set_aside", stored->aside);
    }
    printer_json_bytes(writer, "topic", stored->record.topic);
    if (!slice_empty(stored->record.key)) {
        printer_json_bytes(writer, "key", stored->record.key);
    }
    printer_json_headers(writer, stored->record.headers, stored->record.header_count);
    printer_json_bytes(writer, "value", stored->record.value);
    json_close(writer, '}');
}

static bool
print_record(void *argument, const struct stored *stored)
{
    struct export *export = argument;
    struct json_writer writer;
    struct arena *arena;
    struct slice line;
    bool printed;

    if (stored->damaged) {
        export->damaged++;
        return true;
    }
    if (export->order->set_aside && slice_empty(stored->aside)) {
        return true;
    }
    arena = arena_new(export->pool, LINE_BYTES_MAX);
    if (arena == NULL) {
        return error_set(&export->error, "out of memory");
    }
    json_writer_init(&writer, arena, stored->record.value.length + 1024);
    write_record(&writer, export, stored);
    line = json_finish(&writer);
    printed = !slice_empty(line) && fwrite(line.data, 1, line.length, stdout) == line.length && putchar('\n') != EOF;
    if (!printed) {
        error_set(&export->error, slice_empty(line) ? "out of memory" : "cannot write the lines: %s", strerror(errno));
    }
    arena_free(arena);
    return printed;
}

int
spool_export(const struct spool_order *order, const struct spool_instances *instances)
{
    struct export export = {.order = order, .pool = arena_pool_new(65536, 64)};
    bool good = export.pool != NULL || error_set(&export.error, "out of memory");

    for (size_t i = 0; i < instances->count && good; i++) {
        export.instance = instances->names[i];
        good = spool_files_visit(order->config->data_dir, export.instance, print_record, &export, &export.error) &&
               export.error.text[0] == '\0';
    }
    if (fflush(stdout) != 0 && good) {
        good = error_set(&export.error, "cannot write the lines: %s", strerror(errno));
    }
    if (good && export.damaged > 0) {
        good =
            error_set(&export.error, "%llu records are damaged and were left out", (unsigned long long)export.damaged);
    }
    if (!good) {
        fprintf(stderr, "trunkline spool: %s\n", export.error.text);
    }
    arena_pool_free(export.pool);
    return good ? EXIT_OK : EXIT_FAULT;
}

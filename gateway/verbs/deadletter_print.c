/* Prints each dead letter as it is read; keeps none. */
#include "verbs/deadletter_print.h"

#include <event2/event.h>
#include <stdio.h>
#include <unistd.h>

#include "base/json_writer.h"
#include "verbs/lookback.h"
#include "verbs/printer.h"
#include "verbs/verb.h"

#define ARENA_BYTES ((size_t)64 * 1024 * 1024)

struct printing {
    struct deadletter_search search;
    enum deadletter_form form;
    struct arena_pool *pool;
    bool terminal;
    bool failed;
};

static struct slice
time_text(const struct consumed *record, const struct dead_letter *letter, char text[TIMESTAMP_TEXT_BYTES])
{
    struct timestamp time = letter->received;

    if (!time.present) {
        time = (struct timestamp){.unix_ms = record->timestamp_ms, .present = true, .millis = true};
    }
    return slice_make(text, timestamp_format(time, text));
}

static void
print_column(struct slice text)
{
    fputs("  ", stdout);
    printer_text(stdout, slice_empty(text) ? (struct slice)SLICE("-") : text);
}

static void
print_line(const struct consumed *record, const struct dead_letter *letter)
{
    char time[TIMESTAMP_TEXT_BYTES];

    printf("%d:%lld", record->partition, (long long)record->offset);
    print_column(time_text(record, letter, time));
    print_column(letter->source);
    print_column(letter->reason);
    print_column(letter->id);
    printf("  %zu\n", letter->body.length);
}

static void
write_place(struct json_writer *writer, const struct consumed *record, const struct dead_letter *letter)
{
    char time[TIMESTAMP_TEXT_BYTES];

    json_name(writer, (struct slice)SLICE("partition"));
    json_integer(writer, record->partition);
    json_name(writer, (struct slice)SLICE("offset"));
    json_integer(writer, record->offset);
    json_name(writer, (struct slice)SLICE("time"));
    json_string(writer, time_text(record, letter, time));
}

static void
write_summary(struct json_writer *writer, const struct dead_letter *letter)
{
    printer_json_bytes(writer, "source", letter->source);
    printer_json_bytes(writer, "reason", letter->reason);
    printer_json_bytes(writer, "id", letter->id);
    json_name(writer, (struct slice)SLICE("bytes"));
    json_integer(writer, (int64_t)letter->body.length);
}

static bool
print_json(const struct printing *printing, const struct consumed *record, const struct dead_letter *letter)
{
    struct arena *arena = arena_new(printing->pool, ARENA_BYTES);
    struct json_writer writer;
    struct slice json;

    if (arena == NULL) {
        return false;
    }
    json_writer_init(&writer, arena, letter->body.length + 1024);
    json_open(&writer, '{');
    write_place(&writer, record, letter);
    if (printing->form == DEADLETTER_LINE_JSON) {
        write_summary(&writer, letter);
    } else {
        printer_json_headers(&writer, letter->headers, letter->header_count);
        printer_json_bytes(&writer, "body", letter->body);
    }
    json_close(&writer, '}');
    json = json_finish(&writer);
    printer_json_line(stdout, json);
    arena_free(arena);
    return !slice_empty(json);
}

/* A terminal gets nothing that it would obey; line ends stay. */
static void
print_body(const struct printing *printing, struct slice body)
{
    if (!printing->terminal) {
        (void)fwrite(body.data, 1, body.length, stdout);
        return;
    }
    while (body.length > 0) {
        const char *end = memchr(body.data, '\n', body.length);
        size_t length = end == NULL ? body.length : (size_t)(end - body.data);

        printer_text(stdout, slice_make(body.data, length));
        if (end != NULL) {
            fputc('\n', stdout);
            length++;
        }
        body = slice_make(body.data + length, body.length - length);
    }
}

static void
print_whole(const struct printing *printing, const struct consumed *record, const struct dead_letter *letter)
{
    if (printing->search.found > 1) {
        fputs("\n\n", stdout);
    }
    printf("%d:%lld\n", record->partition, (long long)record->offset);
    for (size_t i = 0; i < letter->header_count; i++) {
        printer_text(stdout, letter->headers[i].name);
        fputs(": ", stdout);
        printer_text(stdout, letter->headers[i].value);
        fputc('\n', stdout);
    }
    fputc('\n', stdout);
    print_body(printing, letter->body);
    fputc('\n', stdout);
}

static void
on_letter(const struct consumed *record, const struct dead_letter *letter, void *argument)
{
    struct printing *printing = argument;

    switch (printing->form) {
    case DEADLETTER_LINE:
        print_line(record, letter);
        break;
    case DEADLETTER_WHOLE:
        print_whole(printing, record, letter);
        break;
    case DEADLETTER_BODY:
        print_body(printing, letter->body);
        break;
    case DEADLETTER_LINE_JSON:
    case DEADLETTER_WHOLE_JSON:
        printing->failed = !print_json(printing, record, letter);
        break;
    }
    /* Whoever reads it may have enough: `list | head`. */
    if (printing->failed || ferror(stdout)) {
        lookback_stop(printing->search.lookback);
    }
}

int
deadletter_print(const struct config *config, const struct deadletter_selection *selection, enum deadletter_form form)
{
    struct printing printing = {
        .form = form,
        .pool = arena_pool_new((size_t)64 * 1024, 1),
        .terminal = isatty(STDOUT_FILENO) == 1,
    };
    int status = EXIT_FAULT;

    printing.search = (struct deadletter_search){
        .config = config,
        .selection = selection,
        .base = event_base_new(),
        .on_letter = on_letter,
        .argument = &printing,
    };
    if (printing.search.base != NULL && printing.pool != NULL) {
        status = deadletter_search_run(&printing.search) ? EXIT_OK : EXIT_FAULT;
    } else {
        printing.failed = true;
    }
    if (printing.failed) {
        fprintf(stderr, "trunkline deadletter: out of memory\n");
        status = EXIT_FAULT;
    } else if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "trunkline deadletter: cannot write to standard output\n");
        status = EXIT_FAULT;
    }
    if (printing.search.base != NULL) {
        event_base_free(printing.search.base);
    }
    arena_pool_free(printing.pool);
    return status;
}

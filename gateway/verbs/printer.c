/* Events on a terminal, or in a pipe. */
#include "verbs/printer.h"

#include <unistd.h>

#include "base/json_writer.h"

#define INDENT 2

#define COLOUR_HEADLINE "\033[1;32m"
#define COLOUR_NAME     "\033[36m"
#define COLOUR_FAINT    "\033[2m"
#define COLOUR_NONE     "\033[0m"

void
printer_json_line(FILE *stream, struct slice json)
{
    size_t start = 0;

    for (size_t i = 0; i < json.length; i++) {
        if (json.data[i] != '\n' && json.data[i] != '\r') {
            continue;
        }
        (void)fwrite(json.data + start, 1, i - start, stream);
        fputc(' ', stream);
        start = i + 1;
    }
    (void)fwrite(json.data + start, 1, json.length - start, stream);
    fputc('\n', stream);
}

struct printer
printer_for(FILE *stream)
{
    return (struct printer){stream, isatty(fileno(stream)) == 1};
}

static void
colour(const struct printer *printer, const char *sequence)
{
    if (printer->terminal) {
        fputs(sequence, printer->stream);
    }
}

/* A string as JSON writes it: the escapes keep control characters off the terminal. */
static void
print_string(const struct printer *printer, struct slice text, struct arena *arena)
{
    struct json_writer writer;
    struct slice json;

    json_writer_init(&writer, arena, text.length + 16);
    json_string(&writer, text);
    json = json_finish(&writer);
    fprintf(printer->stream, "%.*s", SLICE_ARGS(json));
}

static void
print_scalar(const struct printer *printer, const struct value *value, struct arena *arena)
{
    switch (value->kind) {
    case VALUE_NULL:
        fputs("null", printer->stream);
        break;
    case VALUE_BOOLEAN:
        fputs(value->boolean ? "true" : "false", printer->stream);
        break;
    case VALUE_NUMBER:
        fprintf(printer->stream, "%.*s", SLICE_ARGS(value->text));
        break;
    case VALUE_STRING:
        print_string(printer, value->text, arena);
        break;
    case VALUE_ARRAY:
    case VALUE_OBJECT:
        break;
    }
}

/* As deep as the parser lets a value be. */
static void
print_value(const struct printer *printer, const struct value *value, int indent, struct arena *arena)
{
    bool object = value->kind == VALUE_OBJECT;

    if (value->kind != VALUE_ARRAY && !object) {
        print_scalar(printer, value, arena);
        return;
    }
    if (value->first == NULL) {
        fputs(object ? "{}" : "[]", printer->stream);
        return;
    }
    fputs(object ? "{\n" : "[\n", printer->stream);
    for (const struct value *child = value->first; child != NULL; child = child->next) {
        fprintf(printer->stream, "%*s", indent + INDENT, "");
        if (object) {
            colour(printer, COLOUR_NAME);
            print_string(printer, child->name, arena);
            colour(printer, COLOUR_NONE);
            fputs(": ", printer->stream);
        }
        print_value(printer, child, indent + INDENT, arena);
        fputs(child->next == NULL ? "\n" : ",\n", printer->stream);
    }
    fprintf(printer->stream, "%*s%c", indent, "", object ? '}' : ']');
}

static struct slice
text_of(const struct value *event, const char *name)
{
    const struct value *member = value_member(event, name);

    return member == NULL ? (struct slice){0} : member->text;
}

void
printer_event(const struct printer *printer, struct slice topic, const struct value *event, struct arena *arena)
{
    struct slice subject = text_of(event, "subject");

    colour(printer, COLOUR_HEADLINE);
    fprintf(printer->stream, "%.*s", SLICE_ARGS(text_of(event, "type")));
    colour(printer, COLOUR_NONE);
    fprintf(printer->stream, "  %.*s  ", SLICE_ARGS(text_of(event, "source")));
    print_string(printer, subject, arena);
    fprintf(printer->stream, "  %.*s", SLICE_ARGS(text_of(event, "time")));
    colour(printer, COLOUR_FAINT);
    fprintf(printer->stream, "  -> %.*s\n", SLICE_ARGS(topic));
    colour(printer, COLOUR_NONE);
    if (printer->terminal) {
        print_value(printer, event, 0, arena);
        fputc('\n', printer->stream);
    } else {
        printer_json_line(printer->stream, event->raw);
    }
    (void)fflush(printer->stream);
}

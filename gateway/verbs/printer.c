/* Events on a terminal, or in a pipe. */
#include "verbs/printer.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/json_writer.h"
#include "base/utf8.h"

#define INDENT 2

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

/* What a terminal obeys: C0, DEL and C1, separators of lines, and what turns the direction of writing: U+200E, 200F,
 * 2028 to 202E, 2066 to 2069. character is valid UTF-8; 0: nothing of the kind. */
static unsigned
unsafe_code(struct slice character)
{
    unsigned char first = (unsigned char)character.data[0];
    unsigned code = first;

    if (character.length == 2) {
        code = (unsigned)(first & 0x1f) << 6 | ((unsigned char)character.data[1] & 0x3f);
        return code < 0xa0 ? code : 0;
    }
    if (character.length == 3) {
        code = (unsigned)(first & 0x0f) << 12 | (unsigned)((unsigned char)character.data[1] & 0x3f) << 6 |
               ((unsigned char)character.data[2] & 0x3f);
        return code == 0x200e || code == 0x200f || (code >= 0x2028 && code <= 0x202e) ||
                       (code >= 0x2066 && code <= 0x2069)
                   ? code
                   : 0;
    }
    return character.length == 1 && (first < 0x20 || first == 0x7f) ? code : 0;
}

static bool
is_control(struct slice character)
{
    return character.data[0] == '\0' || unsafe_code(character) != 0;
}

void
printer_text(FILE *stream, struct slice text)
{
    while (text.length > 0) {
        size_t bytes = utf8_character_bytes(text);
        size_t taken = bytes == 0 ? 1 : bytes;

        if (bytes == 0 || is_control(slice_make(text.data, bytes))) {
            fputc('?', stream);
        } else {
            (void)fwrite(text.data, 1, bytes, stream);
        }
        text = slice_make(text.data + taken, text.length - taken);
    }
}

void
printer_safe_json(FILE *stream, struct slice json)
{
    size_t plain = 0, bytes = 1;

    for (size_t at = 0; at < json.length; at += bytes) {
        unsigned char first = (unsigned char)json.data[at];
        unsigned code = 0;

        bytes = 1;
        if (first >= 0x20 && first < 0x7f) {
            continue;
        }
        bytes = utf8_character_bytes(slice_make(json.data + at, json.length - at));
        bytes = bytes == 0 ? 1 : bytes;
        code = unsafe_code(slice_make(json.data + at, bytes));
        if (code != 0) {
            (void)fwrite(json.data + plain, 1, at - plain, stream);
            plain = at + bytes;
            /* Below a space it stands between tokens: a line end of the vendor's. */
            fprintf(stream, code < 0x20 ? " " : "\\u%04x", code);
        }
    }
    (void)fwrite(json.data + plain, 1, json.length - plain, stream);
}

/* NUL is valid UTF-8, and a text in JSON; not every reader of ours takes it. */
static bool
is_text(struct slice bytes)
{
    return bytes.length == 0 || (utf8_valid(bytes) && memchr(bytes.data, '\0', bytes.length) == NULL);
}

/* In pieces of whole groups, which stand one behind the other without padding. */
static struct slice
base64_text(struct slice bytes, struct arena *arena)
{
    static const size_t piece_bytes = BASE64_INPUT_MAX / 3 * 3;
    char *text = arena_alloc(arena, BASE64_TEXT_BYTES(bytes.length) + 1);
    size_t length = 0;

    if (text == NULL) {
        return (struct slice){0};
    }
    for (size_t at = 0; at < bytes.length; at += piece_bytes) {
        size_t piece = bytes.length - at < piece_bytes ? bytes.length - at : piece_bytes;

        length += base64_encode((const unsigned char *)bytes.data + at, piece, text + length);
    }
    return slice_make(text, length);
}

void
printer_json_bytes(struct json_writer *writer, const char *name, struct slice bytes)
{
    if (is_text(bytes)) {
        json_name(writer, slice_from(name));
        json_string(writer, bytes);
    } else {
        json_name(writer, arena_printf(writer->arena, "%s_base64", name));
        json_string(writer, base64_text(bytes, writer->arena));
    }
}

void
printer_json_headers(struct json_writer *writer, const struct record_header *headers, size_t count)
{
    json_name(writer, slice_from("headers"));
    json_open(writer, '[');
    for (size_t i = 0; i < count; i++) {
        json_open(writer, '{');
        printer_json_bytes(writer, "name", headers[i].name);
        printer_json_bytes(writer, "value", headers[i].value);
        json_close(writer, '}');
    }
    json_close(writer, ']');
}

bool
printer_record(FILE *stream, const struct record *record, struct arena *arena)
{
    struct json_writer writer;
    struct slice json;

    json_writer_init(&writer, arena, record->value.length + 512);
    json_open(&writer, '{');
    json_name(&writer, (struct slice)SLICE("topic"));
    json_string(&writer, record->topic);
    json_name(&writer, (struct slice)SLICE("key"));
    json_string(&writer, record->key);
    json_name(&writer, (struct slice)SLICE("headers"));
    json_open(&writer, '{');
    for (size_t i = 0; i < record->header_count; i++) {
        struct slice name = record->headers[i].name;

        printer_json_bytes(&writer, utf8_valid(name) ? name.data : "?", record->headers[i].value);
    }
    json_close(&writer, '}');
    json_name(&writer, (struct slice)SLICE("value"));
    json_raw(&writer, record->value);
    json_close(&writer, '}');
    json = json_finish(&writer);
    printer_json_line(stream, json);
    return !slice_empty(json);
}

struct printer
printer_for(FILE *stream)
{
    const char *no_colour = getenv("NO_COLOR");
    bool terminal = isatty(fileno(stream)) == 1;

    return (struct printer){stream, terminal, terminal && (no_colour == NULL || no_colour[0] == '\0')};
}

void
printer_colour(const struct printer *printer, enum printer_colour colour)
{
    static const char *const sequences[] = {
        [PRINTER_PLAIN] = "\033[0m",
        [PRINTER_HEADLINE] = "\033[1;32m",
        [PRINTER_NAME] = "\033[36m",
        [PRINTER_FAINT] = "\033[2m",
    };

    if (printer->colour) {
        fputs(sequences[colour], printer->stream);
    }
}

/* A string as JSON writes it: the escapes keep control characters off the terminal. */
static void
print_string(const struct printer *printer, struct slice text, struct arena *arena)
{
    struct json_writer writer;

    json_writer_init(&writer, arena, text.length + 16);
    json_string(&writer, text);
    printer_safe_json(printer->stream, json_finish(&writer));
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
void
printer_value(const struct printer *printer, const struct value *value, int indent, struct arena *arena)
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
            printer_colour(printer, PRINTER_NAME);
            print_string(printer, child->name, arena);
            printer_colour(printer, PRINTER_PLAIN);
            fputs(": ", printer->stream);
        }
        printer_value(printer, child, indent + INDENT, arena);
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

    printer_colour(printer, PRINTER_HEADLINE);
    fprintf(printer->stream, "%.*s", SLICE_ARGS(text_of(event, "type")));
    printer_colour(printer, PRINTER_PLAIN);
    fprintf(printer->stream, "  %.*s  ", SLICE_ARGS(text_of(event, "source")));
    print_string(printer, subject, arena);
    fprintf(printer->stream, "  %.*s", SLICE_ARGS(text_of(event, "time")));
    printer_colour(printer, PRINTER_FAINT);
    fprintf(printer->stream, "  -> %.*s\n", SLICE_ARGS(topic));
    printer_colour(printer, PRINTER_PLAIN);
    if (printer->terminal) {
        printer_value(printer, event, 0, arena);
        fputc('\n', printer->stream);
    } else {
        printer_json_line(printer->stream, event->raw);
    }
    (void)fflush(printer->stream);
}

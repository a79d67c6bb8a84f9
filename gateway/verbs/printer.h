/* Prints records for people: one readable line, then the event as JSON. */
#pragma once

#include <stdio.h>

#include "base/arena.h"
#include "base/json_writer.h"
#include "base/slice.h"
#include "base/value.h"
#include "event/recordset.h"

struct printer {
    FILE *stream;
    bool terminal; /* JSON over several lines; else in one */
    bool colour;   /* a terminal, and the environment has no NO_COLOR */
};

/* JSON and a line's end. Vendors' own line ends between its tokens become spaces, so that it is one line. */
void printer_json_line(FILE *stream, struct slice json);

/* The text, with "?" in place of control characters, of those that turn the direction of writing or end a line, and of
 * bytes that are no UTF-8: nothing that a terminal obeys. */
void printer_text(FILE *stream, struct slice text);

/* The same JSON on one line, with \u escapes in place of such characters. It must be valid UTF-8. */
void printer_safe_json(FILE *stream, struct slice json);

/* A member of that name with the bytes as text, or, when they are no text for JSON, of the name <name>_base64. */
void printer_json_bytes(struct json_writer *writer, const char *name, struct slice bytes);
/* Member "headers", an array, as a name may come twice. */
void printer_json_headers(struct json_writer *writer, const struct record_header *headers, size_t count);

/* One line: {"topic", "key", "headers", "value"}. The value is JSON, and so it stays. false: the arena is full. */
bool printer_record(FILE *stream, const struct record *record, struct arena *arena) MUST_CHECK;

struct printer printer_for(FILE *stream);
/* In colour what is printed next, and back with PRINTER_PLAIN. */
enum printer_colour { PRINTER_PLAIN, PRINTER_HEADLINE, PRINTER_NAME, PRINTER_FAINT };
void printer_colour(const struct printer *printer, enum printer_colour colour);
/* JSON over several lines, the first where the stream stands, the others indented by so many spaces; no line end. */
void printer_value(const struct printer *printer, const struct value *value, int indent, struct arena *arena);
/* event: the parsed value of the record, in structured mode. Memory that is needed meanwhile comes from the arena. */
void printer_event(const struct printer *printer, struct slice topic, const struct value *event, struct arena *arena);

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
    bool terminal; /* colour, and JSON over several lines; else plain, and JSON in one */
};

/* JSON and a line's end. Vendors' own line ends between its tokens become spaces, so that it is one line. */
void printer_json_line(FILE *stream, struct slice json);

/* The text, with "?" in place of control characters and of bytes that are no UTF-8: nothing that a terminal obeys. */
void printer_text(FILE *stream, struct slice text);

/* A member of that name with the bytes as text, or, when they are no text for JSON, of the name <name>_base64. */
void printer_json_bytes(struct json_writer *writer, const char *name, struct slice bytes);
/* Member "headers", an array, as a name may come twice. */
void printer_json_headers(struct json_writer *writer, const struct record_header *headers, size_t count);

/* One line: {"topic", "key", "headers", "value"}. The value is JSON, and so it stays. false: the arena is full. */
bool printer_record(FILE *stream, const struct record *record, struct arena *arena) MUST_CHECK;

struct printer printer_for(FILE *stream);
/* event: the parsed value of the record, in structured mode. Memory that is needed meanwhile comes from the arena. */
void printer_event(const struct printer *printer, struct slice topic, const struct value *event, struct arena *arena);

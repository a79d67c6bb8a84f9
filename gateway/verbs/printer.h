/* Prints records for people: one readable line, then the event as JSON. */
#pragma once

#include <stdio.h>

#include "base/arena.h"
#include "base/slice.h"
#include "base/value.h"

struct printer {
    FILE *stream;
    bool terminal; /* colour, and JSON over several lines; else plain, and JSON in one */
};

/* JSON and a line's end. Vendors' own line ends between its tokens become spaces, so that it is one line. */
void printer_json_line(FILE *stream, struct slice json);

struct printer printer_for(FILE *stream);
/* event: the parsed value of the record, in structured mode. Memory that is needed meanwhile comes from the arena. */
void printer_event(const struct printer *printer, struct slice topic, const struct value *event, struct arena *arena);

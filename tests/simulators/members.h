/* Members of the JSON objects that simulators write, a line each. */
#pragma once

#include "base/json_writer.h"
#include "base/utf8.h"

/* What is not UTF-8 ends the text. */
static inline void
member_slice(struct json_writer *writer, const char *name, struct slice text)
{
    json_name(writer, slice_from(name));
    json_string(writer, slice_make(text.data, utf8_valid_prefix(text)));
}

static inline void
member_text(struct json_writer *writer, const char *name, const char *text)
{
    member_slice(writer, name, slice_from(text));
}

static inline void
member_integer(struct json_writer *writer, const char *name, int64_t number)
{
    json_name(writer, slice_from(name));
    json_integer(writer, number);
}

static inline void
member_boolean(struct json_writer *writer, const char *name, bool boolean)
{
    json_name(writer, slice_from(name));
    json_boolean(writer, boolean);
}

/* JSON as it stands. */
static inline void
member_raw(struct json_writer *writer, const char *name, struct slice json)
{
    json_name(writer, slice_from(name));
    json_raw(writer, json);
}

static inline void
member_open(struct json_writer *writer, const char *name, char bracket)
{
    json_name(writer, slice_from(name));
    json_open(writer, bracket);
}

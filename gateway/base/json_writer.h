/* Writes compact JSON into an arena: the record that goes to Kafka is built here once, and copied nowhere. */
#pragma once

#include "base/arena.h"
#include "base/value.h"

struct json_writer {
    struct arena *arena;
    char *data;
    size_t length;
    size_t capacity;
    bool failed;    /* the arena is full: everything after is ignored */
    bool separator; /* a comma is due before the next member or element */
};

/* expected_bytes is a guess at the whole size: a good one saves copying. */
void json_writer_init(struct json_writer *writer, struct arena *arena, size_t expected_bytes);

void json_open(struct json_writer *writer, char bracket);  /* '{' or '[' */
void json_close(struct json_writer *writer, char bracket); /* '}' or ']' */
void json_name(struct json_writer *writer, struct slice name);
void json_own_name(struct json_writer *writer, struct slice name); /* a name of ours, in which nothing is escaped */
void json_string(struct json_writer *writer, struct slice text);   /* valid UTF-8; escaped as needed */
void json_raw(struct json_writer *writer, struct slice json); /* JSON text as it is: numbers, whole vendor bodies */
void json_integer(struct json_writer *writer, int64_t number);
void json_boolean(struct json_writer *writer, bool boolean);
/* A whole tree; JSON containers as their raw bytes, XML ones rebuilt. */
void json_value(struct json_writer *writer, const struct value *value);

/* Where the text stands now, and back to there: for members that turn out to be empty. */
struct json_mark {
    size_t length;
    bool separator;
};
struct json_mark json_mark(const struct json_writer *writer);
void json_rewind(struct json_writer *writer, struct json_mark mark);

/* The finished text, in the arena; the empty slice when it failed. */
struct slice json_finish(struct json_writer *writer);

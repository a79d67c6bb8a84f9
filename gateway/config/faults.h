/* Noting what is wrong with a configuration, so that all of it is told in one go. */
#pragma once

#include "config/config.h"

#define FAULTS_ARENA_BYTES ((size_t)1024 * 1024) /* enough for FAULTS_MAX, each with a path */

/* A file beside the configuration itself. */
struct config_file {
    const char *path;
    unsigned order; /* from 1 on */
};

/* The texts will live in arena; path outlives the list. Never fails: without memory (arena may be NULL) faults are
 * counted all the same. */
void faults_init(struct config_faults *faults, const char *path, struct arena *arena);
/* The text says what is wrong; what to do. Control characters in it are replaced, so that it stays one line. Beyond
 * FAULTS_MAX faults are only counted. */
#define FAULTS_MAX 100
void fault_add(struct config_faults *faults, unsigned line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
size_t faults_kept(const struct config_faults *faults); /* those that have a text */
/* Turns the faults of other parts into warnings; which parts those were. Unless there were more than FAULTS_MAX: then
 * nobody knows what the others are, and all stay. */
unsigned faults_waive(struct config_faults *faults, unsigned parts, struct config_faults *warnings);
/* In the order of lines; those of one line stay in the order in which they were found. */
void faults_sort(struct config_faults *faults);

/* For "%.*s" of a text that is somebody else's: what fits in a line, cut between characters. */
#define QUOTE(text) SLICE_ARGS(fault_quote(text))
struct slice fault_quote(struct slice text);

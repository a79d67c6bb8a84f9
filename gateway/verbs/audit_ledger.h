/* A ledger holds the event ids that a client was told are accepted, and what a search through the topics has found of
 * them. */
#pragma once

#include <stdint.h>
#include <stdio.h>

#include "base/error.h"
#include "base/slice.h"

/* An id takes 40 bytes and its own length: a million ids of the usual 60 bytes some 100 MB. */
#define AUDIT_IDS_MAX    10000000
#define AUDIT_TOPICS_MAX 32

struct audit_ledger;

struct audit_ledger *audit_ledger_new(void);         /* NULL when out of memory */
void audit_ledger_free(struct audit_ledger *ledger); /* NULL is fine */

/* Names of a company's own types (struct event_names), whose ids are known beside those of ours; they outlive the
 * ledger. */
void audit_ledger_own_types(struct audit_ledger *ledger, const char *const *names, size_t count);

/* Takes one id a line: "ID", or "SOURCE<TAB>ID"; whatever stands in columns behind it is passed over, and so are empty
 * lines. The same id twice is one. name is for messages. false: error says which line is wrong, and how. */
bool audit_ledger_read(struct audit_ledger *ledger, FILE *stream, const char *name, struct error *error) MUST_CHECK;

/* An event as it was found. */
struct audit_sighting {
    struct slice source; /* the name, without "/trunkline/" */
    struct slice id;
    unsigned topic;    /* number of the topic that it stands on, below AUDIT_TOPICS_MAX */
    uint32_t expected; /* bits of the topics that it should stand on */
    uint64_t content;  /* digest of its data */
};
void audit_ledger_see(struct audit_ledger *ledger, const struct audit_sighting *sighting);

struct audit_counts {
    uint64_t lines;      /* that held an id */
    uint64_t ids;        /* without repeats: found + missing */
    uint64_t found;      /* on one topic at least */
    uint64_t missing;    /* on none */
    uint64_t incomplete; /* found, and not on every topic that it should stand on */
    uint64_t corrupted;  /* found more than once, with data that differ */
    uint64_t duplicates; /* sightings of an id where its topic had it already */
    uint64_t unknown;    /* sightings of ids that the ledger has not */
};
struct audit_counts audit_ledger_counts(const struct audit_ledger *ledger);

enum audit_fate {
    AUDIT_MISSING,
    AUDIT_INCOMPLETE,
    AUDIT_CORRUPTED,
};
/* Hands over the first ids of that fate, most at most, in the ledger's order. absent: bits of the topics that an
 * incomplete one is not on. */
void audit_ledger_list(const struct audit_ledger *ledger, enum audit_fate fate, uint64_t most,
                       void (*visit)(struct slice id, uint32_t absent, void *argument), void *argument);

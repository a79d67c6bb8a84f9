/* An option is a row of a table; the row parses, checks and documents it, and gives its default. */
#pragma once

#include "config/tree.h"

enum option_kind {
    OPTION_STRING,   /* const char * */
    OPTION_TEXT,     /* struct slice */
    OPTION_SWITCH,   /* bool */
    OPTION_INTEGER,  /* int */
    OPTION_COUNT,    /* unsigned */
    OPTION_SIZE,     /* size_t */
    OPTION_WORD,     /* one of words: an enum, by position */
    OPTION_WORDS,    /* some of words: unsigned, a bit each, by position */
    OPTION_TEXTS,    /* const struct slice *, and a size_t at count_offset */
    OPTION_SECRETS,  /* the same; the table takes <path>_file, too: files that each hold one */
    OPTION_NETWORKS, /* struct network_list */
    OPTION_ITEMS,    /* a list of mappings, each by the table items; read by code of its own */
    OPTION_MAPPING,  /* a mapping of free keys, whose values may be mappings by the table items; the same */
    OPTION_SECTION,  /* a mapping by the table items; the same */
};

/* Where one text is wanted a list is a fault; where a list is wanted one text is a list of it. Empty texts count as not
 * given, everywhere. */
struct config_option {
    const char *path; /* from the mapping that the table describes: "gateway.port"; NULL ends the table */
    enum option_kind kind;
    bool reloads;             /* of config_table: a change takes effect while the process runs */
    const char *fallback;     /* the default, as one would write it; NULL: none */
    int64_t low, high;        /* of numbers */
    const char *const *words; /* ends with NULL */
    size_t offset, count_offset;
    const struct config_option *items;
    const char *help;
};

/* What the readers of a configuration share. */
struct loader {
    struct config *config;
    struct arena *arena; /* the snapshot's */
    struct config_faults *faults;
    struct config_faults warnings;
    const char *where;           /* begins a fault's text: "" or "source \"yeta\": " */
    const struct source *source; /* whose mapping is being read; else NULL */
    struct named_zone *zones;    /* the snapshot's */
    size_t zone_room;
};

/* Sets every option of the table in target, first its default, then what the mapping says; tells keys that no row has.
 */
void options_read(struct loader *loader, const struct node *mapping, const struct config_option *table, void *target);
/* What stands at that path; NULL when nothing does. */
const struct node *option_node(const struct node *mapping, const char *path);
/* Its line, else the mapping's. */
unsigned option_line(const struct node *mapping, const char *path);

/* The texts of a list, or the one text, without the empty ones. What else stands there is told. */
struct texts {
    const struct slice *texts;
    size_t count;
};
struct texts option_texts(struct loader *loader, const struct node *node, const char *path);

/* The text at name, or the content of the file that <name>_file names; empty when neither is given. Both given, or a
 * file that cannot be read, is a fault. A secret is never told. */
struct slice option_secret(struct loader *loader, const struct node *mapping, const char *name);
/* The same for a list; <path>_file is then a list of files. */
struct texts option_secrets(struct loader *loader, const struct node *mapping, const char *path);

/* Tells the keys of mapping, and of the sections in it, that the table does not have. */
void option_names_check(struct loader *loader, const struct node *mapping, const struct config_option *table);

/* Tells that there is no such key in a section ("" for the file's top): with the nearest of those that there are, or
 * with all of them. */
void option_unknown(struct loader *loader, const struct node *node, struct slice section, const char *const *names,
                    size_t count);

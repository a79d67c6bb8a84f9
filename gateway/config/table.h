/* The tables of all options, and what their rows fill in. */
#pragma once

#include "config/option.h"

/* A source before it is whole. */
struct source_draft {
    struct source source;
    const struct node *node;
    const char *where; /* begins a fault's text */
    const char *adapter;
    const char *timezone;
    struct texts extra_topics;
};

/* Events of these types and sources go to these topics, too. */
struct route {
    const struct node *node;
    struct texts types, sources, topics;
};

/* An account before it is whole. */
struct account_draft {
    struct account account;
    const struct node *node;
    const struct config_file *file; /* NULL: the configuration itself */
    const char *where;              /* begins a fault's text */
    const char *adapter;
    const char *timezone;
    struct texts hours;
    unsigned connect_seconds, answer_seconds, timeout_seconds; /* 0: not given */
    bool left_out;                                             /* without credentials */
};

extern const struct config_option config_table[];  /* struct config */
extern const struct config_option route_table[];   /* struct route */
extern const struct config_option source_table[];  /* struct source_draft */
extern const struct config_option mapping_table[]; /* struct mapping_draft */
extern const struct config_option account_table[]; /* struct account_draft */
extern const struct config_option code_table[];    /* struct code_rule */

/* The topic option of each role: "topics.call_events". */
const char *topic_option(enum topic_role role);

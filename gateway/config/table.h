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

extern const struct config_option config_table[]; /* struct config */
extern const struct config_option route_table[];  /* struct route */
extern const struct config_option source_table[]; /* struct source_draft */

/* The topic option of each role: "topics.call_events". */
const char *topic_option(enum topic_role role);

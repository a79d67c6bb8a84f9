/* A YAML document as a small tree: scalars with their variables expanded, and the line of everything. */
#pragma once

#include "config/config.h"

enum node_kind {
    NODE_SCALAR,
    NODE_LIST,
    NODE_MAPPING,
};

struct node {
    enum node_kind kind;
    unsigned line;
    struct slice name;    /* of a mapping's member */
    struct slice text;    /* of a scalar, expanded, followed by a NUL; empty for null, too */
    struct slice written; /* the same as it stands in the file */
    struct node *first, *last, *next;
    size_t count; /* members or elements */
};

/* What goes beyond is a fault. */
#define TREE_DEPTH_MAX     12
#define TREE_CHILDREN_MAX  1000
#define TREE_LONG_LIST_MAX 50000 /* of the one list that may be longer */
#define TREE_NODES_MAX     1000000

/* What a document must be. */
struct tree_shape {
    const char *long_list; /* the member of the root that may hold up to TREE_LONG_LIST_MAX elements */
    bool list;             /* the root may be a list, then a long one */
};

/* Reads the one document. Duplicate keys, aliases, anchors and tags are faults, and so is a variable that cannot be
 * expanded; the tree goes on without them. NULL when it cannot go on (broken YAML, or too large a tree). */
struct node *tree_read(struct slice yaml, const struct tree_shape *shape, struct arena *arena,
                       struct config_faults *faults);

/* The member of that name; NULL when there is none, or node is no mapping or NULL. */
const struct node *tree_member(const struct node *node, struct slice name);
/* Whether something is configured: neither missing nor empty. */
bool tree_given(const struct node *node);

/* The tree that a JSON or XML body is read into: one shape for both, so that adapters read either in the same way. */
#pragma once

#include <stdint.h>

#include "base/slice.h"

enum value_kind {
    VALUE_NULL,
    VALUE_BOOLEAN,
    VALUE_NUMBER,
    VALUE_STRING,
    VALUE_ARRAY,
    VALUE_OBJECT,
};

/* Nodes and decoded texts live in the arena of the parse, undecoded ones point into the body. */
struct value {
    enum value_kind kind;
    bool boolean;
    uint32_t count;      /* members of an object, elements of an array */
    struct slice name;   /* of a member, decoded; empty in arrays and at the top */
    struct slice text;   /* a string decoded, a number digit for digit as written */
    struct slice raw;    /* JSON objects, arrays and numbers: the bytes as written; empty for XML and for strings */
    struct value *first; /* first member or element, in the order of the body */
    struct value *next;  /* next sibling */
};

/* How large a body's tree may be. What goes beyond is an error, never cut. */
struct value_limits {
    uint32_t depth;   /* nested objects and arrays */
    uint32_t members; /* values in all */
};

#define VALUE_LIMITS_DEFAULT ((struct value_limits){.depth = 32, .members = 50000})

/* The member of that name, or NULL: also when object is NULL or no object. Names are unique in a parsed object. */
const struct value *value_member_named(const struct value *object, struct slice name);

static inline const struct value *
value_member(const struct value *object, const char *name)
{
    return value_member_named(object, slice_from(name));
}

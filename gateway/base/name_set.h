/* Tells whether an object has a name already, without going quadratic on large ones. For json.c, xml.c and
 * form.c. */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/value.h"

/* The names of one object, cleared before the first. */
struct name_set {
    struct value **slots; /* NULL while the object is small */
    uint32_t capacity;    /* a power of two */
    uint64_t marks;       /* of the names while the object is small: mostly these tell that a name is new */
    struct value *known;  /* what the last NAME_KNOWN was about */
};

enum name_verdict {
    NAME_NEW,
    NAME_KNOWN,
    NAME_NO_MEMORY,
};

/* Looks member's name up among the members of object that stand before it, and notes it. */
enum name_verdict name_set_add(struct name_set *set, struct arena *arena, const struct value *object,
                               struct value *member) MUST_CHECK;

/* Looking things up in the tree that a body was read into. */
#include "base/value.h"

const struct value *
value_member_named(const struct value *object, struct slice name)
{
    if (object == NULL || object->kind != VALUE_OBJECT) {
        return NULL;
    }
    for (const struct value *member = object->first; member != NULL; member = member->next) {
        if (slice_equal(member->name, name)) {
            return member;
        }
    }
    return NULL;
}

/* Looking things up in the tree that a body was read into. */
#include "base/value.h"

const struct value *
value_member(const struct value *object, const char *name)
{
    size_t length = strlen(name);

    if (object == NULL || object->kind != VALUE_OBJECT) {
        return NULL;
    }
    for (const struct value *member = object->first; member != NULL; member = member->next) {
        if (member->name.length == length && memcmp(member->name.data, name, length) == 0) {
            return member;
        }
    }
    return NULL;
}

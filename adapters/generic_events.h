/* Events out of a callback by its mapping. */
#pragma once

#include "adapters/mapping.h"

/* An event, with what it points to: the offsets of generic_fields are those of its members. */
struct generic_event {
    struct canonical_event event;
    struct recording recording;
};

/* convert of the adapter `generic` (adapters/adapter.h). The reasons of dead letters, besides missing_key: `no_records`
 * where `records` names no array, `too_many_records`, and `too_complex` for messages in which too much is to be looked
 * for. */
bool generic_convert(const struct callback *callback, struct conversion *conversion);

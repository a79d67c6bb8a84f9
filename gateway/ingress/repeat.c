/* What a callback's events are remembered by, and whether all of them are. */
#include "ingress/repeat.h"

#include "event/cloudevent.h"

const char outcome_repeated[] = "repeated";

#define NAME_BYTES 2048 /* more than one takes, twice */

static int64_t
window_ms(const struct source *source)
{
    return (int64_t)source->dedup_window_seconds * 1000;
}

/* Source, type and id, of which none has a NUL: an id is unique in its source, and types of two versions may share it.
 */
static struct slice
name_of(const struct canonical_event *event, const struct envelope *envelope, struct arena *arena)
{
    const struct slice parts[] = {
        envelope->source,
        event_own_names(event)->type,
        cloudevent_id(event, envelope, arena),
    };
    size_t bytes = parts[0].length + parts[1].length + parts[2].length + 2;
    char *text = slice_empty(parts[2]) ? NULL : arena_alloc(arena, bytes);
    size_t length = 0;

    if (text == NULL) {
        return (struct slice){0};
    }
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (i > 0) {
            text[length++] = '\0';
        }
        memcpy(text + length, parts[i].data, parts[i].length);
        length += parts[i].length;
    }
    return slice_make(text, length);
}

static bool
name_all(struct repeat *repeat, const struct seen *seen, const struct translation *translation, struct arena *arena)
{
    size_t count = translation->conversion.count;

    if (!arena_allow(arena, count * (sizeof(struct seen_id) + NAME_BYTES))) {
        return false;
    }
    repeat->ids = arena_alloc(arena, count * sizeof(struct seen_id));
    if (repeat->ids == NULL) {
        return false;
    }
    for (const struct canonical_event *event = translation->conversion.first; event != NULL; event = event->next) {
        struct slice name = name_of(event, &translation->envelope, arena);

        if (slice_empty(name) || !seen_name(seen, name, &repeat->ids[repeat->count])) {
            return false;
        }
        repeat->count++;
    }
    return true;
}

void
repeat_name(struct repeat *repeat, const struct seen *seen, const struct translation *translation, struct arena *arena)
{
    *repeat = (struct repeat){0};
    if (translation->outcome != outcome_dead_letter && !name_all(repeat, seen, translation, arena)) {
        repeat->count = 0;
    }
}

bool
repeat_known(const struct repeat *repeat, struct seen *seen, const struct source *source, enum durability *durability)
{
    *durability = DURABILITY_KAFKA;
    for (size_t i = 0; i < repeat->count; i++) {
        enum durability found;

        if (!seen_find(seen, repeat->ids[i], window_ms(source), &found)) {
            return false;
        }
        if (found == DURABILITY_SPOOL) {
            *durability = found;
        }
    }
    return repeat->count > 0;
}

void
repeat_remember(const struct repeat *repeat, struct seen *seen, const struct source *source, enum durability durability)
{
    for (size_t i = 0; i < repeat->count; i++) {
        seen_add(seen, repeat->ids[i], durability, window_ms(source));
    }
}

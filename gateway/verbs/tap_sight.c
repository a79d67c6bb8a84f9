/* Reads records of any topic of ours for people, and takes the phone numbers out. */
#include "verbs/tap_sight.h"

#include "adapters/message.h"
#include "base/json.h"
#include "base/json_writer.h"
#include "base/pattern.h"
#include "verbs/numbers.h"

/* An event's tree is larger than that of the message in it, which has the usual limits. */
#define EVENT_LIMITS ((struct value_limits){.depth = 40, .members = 200000})

static struct slice
without(struct slice text, const char *prefix, const char *suffix)
{
    size_t head = strlen(prefix), tail = strlen(suffix);

    if (text.length <= head + tail || memcmp(text.data, prefix, head) != 0 ||
        memcmp(text.data + text.length - tail, suffix, tail) != 0) {
        return text;
    }
    return slice_make(text.data + head, text.length - head - tail);
}

struct slice
sight_short_type(struct slice type)
{
    return without(type, EVENT_PREFIX, EVENT_SUFFIX);
}

struct slice
sight_short_source(struct slice source)
{
    return without(source, EVENT_SOURCE, "");
}

/* --- reading --- */

/* One that cannot be read is told by what is left of it. */
static struct slice
attribute(const struct incoming_event *event, const char *name)
{
    struct slice text;

    return cloudevent_attribute(event, name, &text) == ATTRIBUTE_TEXT ? text : (struct slice){0};
}

static void
tell_event(struct sight *sight)
{
    const struct incoming_event *event = &sight->event;

    sight->time = attribute(event, "time");
    sight->type = attribute(event, "type");
    sight->source = attribute(event, "source");
    sight->id = attribute(event, "id");
    sight->account = attribute(event, "account");
}

static struct slice
header(const struct sight *sight, const char *name)
{
    for (size_t i = 0; i < sight->header_count; i++) {
        if (slice_is(sight->headers[i].name, name)) {
            return sight->headers[i].value;
        }
    }
    return (struct slice){0};
}

static void
tell_original(struct sight *sight)
{
    sight->letter = deadletter_read(sight->value, sight->headers, sight->header_count);
    sight->time = header(sight, "recordedtime");
    sight->source = sight->letter.source;
    sight->id = sight->letter.id;
    sight->account = sight->letter.account;
}

/* Whatever the sight is of, from its headers and its tree. */
static void
tell(struct sight *sight)
{
    struct slice id;

    if (sight->kind == SIGHT_ORIGINAL) {
        tell_original(sight);
        return;
    }
    sight->event = (struct incoming_event){
        .form = EVENT_FORM_BINARY, .headers = sight->headers, .header_count = sight->header_count, .data = sight->tree};
    if (cloudevent_attribute(&sight->event, "id", &id) != ATTRIBUTE_TEXT) {
        sight->event.form = EVENT_FORM_STRUCTURED;
        sight->event.object = sight->tree;
        sight->event.data = value_member(sight->tree, "data");
        sight->kind = sight->tree != NULL && sight->tree->kind == VALUE_OBJECT ? SIGHT_EVENT : SIGHT_OTHER;
    }
    if (sight->kind == SIGHT_EVENT) {
        tell_event(sight);
    }
}

bool
sight_read(const struct consumed *record, bool original, struct arena *arena, struct sight *sight)
{
    *sight = (struct sight){
        .kind = original ? SIGHT_ORIGINAL : SIGHT_EVENT,
        .topic = record->topic,
        .partition = record->partition,
        .offset = record->offset,
        .timestamp_ms = record->timestamp_ms,
        .key = record->key,
        .value = record->value,
        .bytes = record->value.length,
        .headers = arena_zalloc(arena, record->header_count + 1, sizeof *sight->headers),
        .header_count = record->header_count,
    };
    if (sight->headers == NULL) {
        return false;
    }
    for (size_t i = 0; i < record->header_count; i++) {
        sight->headers[i] = record->headers[i];
    }
    sight->tree = json_parse(arena, body_text(record->value), EVENT_LIMITS, NULL);
    tell(sight);
    return !arena_failed(arena);
}

/* --- masking --- */

/* JSON is written anew: in its bytes neither the names of members nor escapes would be seen. */
static void
mask_value(struct sight *sight, const struct numbers *numbers, struct arena *arena)
{
    struct json_writer writer;

    if (sight->tree == NULL) {
        sight->value = numbers_mask(numbers, (struct slice){0}, sight->value, arena);
        return;
    }
    json_writer_init(&writer, arena, sight->value.length + 64);
    json_value(&writer, sight->tree);
    sight->value = json_finish(&writer);
}

bool
sight_mask(struct sight *sight, struct arena *arena)
{
    static const struct slice key = SLICE("key");
    struct numbers *numbers = arena_zalloc(arena, 1, sizeof *numbers);

    if (numbers == NULL) {
        return false;
    }
    /* All are noted first: the key may hold a number that only the data tells to be one. */
    if (sight->tree != NULL) {
        numbers_note_tree(numbers, sight->tree);
    } else {
        numbers_note(numbers, (struct slice){0}, sight->value);
    }
    numbers_note(numbers, key, sight->key);
    for (size_t i = 0; i < sight->header_count; i++) {
        numbers_note(numbers, sight->headers[i].name, sight->headers[i].value);
    }
    sight->key = numbers_mask(numbers, key, sight->key, arena);
    for (size_t i = 0; i < sight->header_count; i++) {
        struct record_header *at = &sight->headers[i];

        at->value = numbers_mask(numbers, at->name, at->value, arena);
        at->name = numbers_mask(numbers, (struct slice){0}, at->name, arena);
    }
    if (sight->tree != NULL && !numbers_mask_tree(numbers, sight->tree, arena)) {
        return false;
    }
    if (sight->kind != SIGHT_EVENT) {
        mask_value(sight, numbers, arena);
    }
    tell(sight);
    return !arena_failed(arena);
}

/* --- choosing --- */

static bool
fits(struct slice pattern, struct slice text)
{
    return slice_empty(pattern) || pattern_matches(pattern, text);
}

bool
sight_fits(const struct sight_filter *filter, const struct sight *sight)
{
    bool type = filter->type_count == 0;

    for (size_t i = 0; i < filter->type_count && !type; i++) {
        type = pattern_matches(filter->types[i], sight->type) ||
               pattern_matches(filter->types[i], sight_short_type(sight->type));
    }
    return type && fits(filter->source, sight_short_source(sight->source)) && fits(filter->key, sight->key) &&
           fits(filter->account, sight->account) && fits(filter->id, sight->id);
}

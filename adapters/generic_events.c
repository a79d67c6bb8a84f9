/* Follows the rules of a mapping: which events a message gives, and what fills their members. */
#include "adapters/generic_events.h"

#include <stddef.h>

#include "adapters/fields.h"
#include "adapters/generic_reference.h"
#include "adapters/message.h"
#include "base/digest.h"
#include "base/json_writer.h"
#include "event/attribute.h"

#define SUFFIX_BYTES_MAX   64
#define SUFFIX_HASH_DIGITS 16
#define OWN_BYTES          512 /* usual ones of an own type's data */

/* What the steps share. */
struct work {
    const struct callback *callback;
    const struct mapping *mapping;
    struct conversion *conversion;
    struct scene scene;
    struct canonical_event *before; /* the last event of what went before this record; NULL: none */
    struct slice vendor;            /* the record's JSON, or the message's */
    struct slice suffix;            /* of an unmapped event: "-<n>" for the record n, counted from 1 */
    struct slice hash;              /* once it was needed */
};

/* --- values --- */

static bool
read_rfc3339(struct slice text, const struct zone *zone, struct timestamp *timestamp)
{
    (void)zone; /* there must be an offset: a time without one is more likely meant otherwise than local */
    return timestamp_read_iso8601(text, NULL, timestamp);
}

static struct timestamp
read_time(struct work *work, struct slice text, enum time_form form)
{
    static time_reader *const readers[] = {
        [TIME_SECONDS] = timestamp_read_decimal_seconds,
        [TIME_MILLISECONDS] = timestamp_read_millis,
        [TIME_RFC3339] = read_rfc3339,
        [TIME_LOCAL] = timestamp_read_iso8601,
        [TIME_COMPACT] = timestamp_read_compact,
    };

    return text_time(work->callback, work->conversion, text, readers[form]);
}

static enum tristate
read_switch(struct work *work, struct slice text)
{
    if (slice_is_nocase(text, "true") || slice_is(text, "1") || slice_is_nocase(text, "yes")) {
        return TRISTATE_TRUE;
    }
    if (slice_is_nocase(text, "false") || slice_is(text, "0") || slice_is_nocase(text, "no")) {
        return TRISTATE_FALSE;
    }
    work->conversion->unreadable++;
    return TRISTATE_ABSENT;
}

/* The word's place in the enumeration; 0 when it has none. */
static unsigned
read_word(struct work *work, struct slice text, const char *const *words)
{
    for (unsigned choice = 1; words[choice] != NULL; choice++) {
        if (slice_is(text, words[choice])) {
            return choice;
        }
    }
    work->conversion->unknown_codes++;
    return 0;
}

static struct slice
json_of(const struct work *work, const struct finding *finding)
{
    const struct value text = {.kind = VALUE_STRING, .text = finding->text};

    return field_json(finding->value == NULL ? &text : finding->value, work->callback->arena);
}

/* What the map makes of a text: another one, which is no member's any more. */
static struct finding
map_text(const struct field_rule *rule, struct finding finding)
{
    const struct map_row *other = NULL;

    for (size_t i = 0; i < rule->map_count; i++) {
        if (slice_equal(rule->map[i].from, finding.text)) {
            return (struct finding){!slice_empty(rule->map[i].to), rule->map[i].to, NULL};
        }
        other = slice_is(rule->map[i].from, "*") ? &rule->map[i] : other;
    }
    return other == NULL ? finding : (struct finding){!slice_empty(other->to), other->to, NULL};
}

/* What fills the field. Where only a text will do, an object or array is unreadable. */
static struct finding
find_field(struct work *work, const struct field_rule *rule)
{
    struct finding finding = template_find(&work->scene, &rule->value);

    if (finding.present && slice_empty(finding.text) && (rule->map_count > 0 || rule->form != FIELD_JSON)) {
        work->conversion->unreadable++;
        return (struct finding){0};
    }
    return finding.present && rule->map_count > 0 ? map_text(rule, finding) : finding;
}

/* --- our events --- */

static void
fill(struct work *work, struct generic_event *event, const struct field_rule *rule, const struct finding *finding)
{
    char *at = (char *)event + rule->row->offset;
    struct slice slice = {0};
    struct timestamp timestamp;
    unsigned choice;

    switch (rule->row->form) {
    case FIELD_TEXT:
        if (rule->row->words != NULL) {
            choice = read_word(work, finding->text, rule->row->words);
            memcpy(at, &choice, sizeof choice); /* every enumeration of the model has this size */
            return;
        }
        slice = finding->text;
        break;
    case FIELD_NUMBER:
        slice = text_number(work->conversion, finding->text);
        break;
    case FIELD_JSON:
        slice = json_of(work, finding);
        break;
    case FIELD_TIME:
        timestamp = read_time(work, finding->text, rule->time_form);
        memcpy(at, &timestamp, sizeof timestamp);
        return;
    case FIELD_SWITCH:
        choice = read_switch(work, finding->text);
        memcpy(at, &choice, sizeof choice);
        return;
    }
    memcpy(at, &slice, sizeof slice);
}

static void
fill_ours(struct work *work, struct generic_event *event, const struct event_rule *rule)
{
    _Static_assert(sizeof(enum outcome_status) == sizeof(unsigned) && sizeof(enum tristate) == sizeof(unsigned),
                   "enumerations are written as unsigned");
    for (size_t i = 0; i < rule->field_count; i++) {
        struct finding finding = find_field(work, &rule->fields[i]);

        if (finding.present) {
            fill(work, event, &rule->fields[i], &finding);
        }
    }
    if (slice_empty(event->recording.url)) {
        return;
    }
    if (url_is_absolute(event->recording.url)) {
        event->event.recordings = &event->recording;
        event->event.recording_count = 1;
    } else {
        work->conversion->unreadable++;
    }
}

/* --- own types --- */

/* The member of that name, made as an object when there is none; NULL when the arena is full. */
static struct value *
member(struct arena *arena, struct value *object, struct slice name)
{
    struct value **end = &object->first;

    while (*end != NULL && !slice_equal((*end)->name, name)) {
        end = &(*end)->next;
    }
    if (*end == NULL) {
        *end = arena_zalloc(arena, 1, sizeof **end);
        if (*end == NULL) {
            return NULL;
        }
        (*end)->kind = VALUE_OBJECT;
        (*end)->name = name;
    }
    return *end;
}

/* The node at the dotted target. The configuration sees to it that none is a part of another, and none is `vendor`. */
static struct value *
place(struct arena *arena, struct value *object, struct slice target)
{
    const char *dot;

    while (object != NULL && (dot = memchr(target.data, '.', target.length)) != NULL) {
        struct slice name = slice_make(target.data, (size_t)(dot - target.data));

        object = member(arena, object, name);
        target = slice_make(dot + 1, target.length - name.length - 1);
    }
    return object == NULL ? NULL : member(arena, object, target);
}

/* What a member of an own type becomes; false when it cannot be read. */
static bool
make_value(struct work *work, const struct field_rule *rule, const struct finding *finding, struct value *value)
{
    struct timestamp timestamp;
    char text[TIMESTAMP_TEXT_BYTES];
    enum tristate state;

    *value = (struct value){.kind = VALUE_STRING, .text = finding->text};
    switch (rule->form) {
    case FIELD_TEXT:
        return true;
    case FIELD_NUMBER:
        value->kind = VALUE_NUMBER;
        value->text = text_number(work->conversion, finding->text);
        return !slice_empty(value->text);
    case FIELD_TIME:
        timestamp = read_time(work, finding->text, rule->time_form);
        value->text = arena_copy(work->callback->arena, slice_make(text, timestamp_format(timestamp, text)));
        return timestamp.present;
    case FIELD_SWITCH:
        state = read_switch(work, finding->text);
        *value = (struct value){.kind = VALUE_BOOLEAN, .boolean = state == TRISTATE_TRUE};
        return state != TRISTATE_ABSENT;
    case FIELD_JSON:
        *value = finding->value == NULL ? *value : *finding->value;
        return true;
    }
    return false;
}

/* false when the arena is full. */
static bool
fill_own(struct work *work, struct generic_event *event, const struct event_rule *rule)
{
    struct arena *arena = work->callback->arena;
    struct value data = {.kind = VALUE_OBJECT};
    struct json_writer writer;

    for (size_t i = 0; i < rule->field_count; i++) {
        struct finding finding = find_field(work, &rule->fields[i]);
        struct value made;
        struct value *node;

        if (!finding.present || !make_value(work, &rule->fields[i], &finding, &made)) {
            continue;
        }
        node = place(arena, &data, rule->fields[i].target);
        if (node == NULL) {
            return false;
        }
        made.name = node->name;
        made.next = node->next;
        *node = made;
    }
    json_writer_init(&writer, arena, OWN_BYTES);
    json_value(&writer, &data);
    event->event.custom = rule->custom;
    event->event.custom_data = json_finish(&writer);
    return !arena_failed(arena);
}

/* --- events --- */

/* The end of the id, with the "-" that sets it off. It stands in an attribute: what may not, or is long, is a hash. */
static struct slice
find_suffix(struct work *work, const struct event_rule *rule)
{
    struct slice text = template_text(&work->scene, &rule->suffix);
    char hex[SHA256_HEX_BYTES];

    if (slice_empty(text)) {
        return text;
    }
    if (text.length > SUFFIX_BYTES_MAX || !attribute_allowed(text)) {
        if (!digest_sha256_hex(text, hex)) {
            arena_starve(work->callback->arena);
            return (struct slice){0};
        }
        text = slice_make(hex, SUFFIX_HASH_DIGITS);
    }
    return text.data[0] == '-' ? text : arena_printf(work->callback->arena, "-%.*s", SLICE_ARGS(text));
}

/* Whether this record has given an event of that id already. */
static bool
id_known(const struct work *work, const struct event_rule *rule, struct slice key, struct slice suffix)
{
    const struct canonical_event *event = work->before == NULL ? work->conversion->first : work->before->next;

    for (; event != NULL; event = event->next) {
        if (event->type == rule->type && event->custom == rule->custom && slice_equal(event->key, key) &&
            slice_equal(event->suffix, suffix)) {
            return true;
        }
    }
    return false;
}

static bool
add_event(struct work *work, const struct event_rule *rule)
{
    struct slice key = template_text(&work->scene, &rule->key);
    struct slice suffix = find_suffix(work, rule);
    struct slice subject = template_text(&work->scene, &rule->subject);
    struct slice time = template_text(&work->scene, &rule->time);
    struct generic_event *event;

    if (slice_empty(key)) {
        return conversion_fail(work->conversion, "missing_key", "nothing stands where the mapping has its key");
    }
    if (id_known(work, rule, key, suffix)) {
        return true;
    }
    event = arena_zalloc(work->callback->arena, 1, sizeof *event);
    if (event == NULL) {
        return false;
    }
    event->event.type = rule->type;
    event->event.key = key;
    event->event.suffix = suffix;
    event->event.subject = slice_empty(subject) ? key : subject;
    event->event.correlation_id = template_text(&work->scene, &rule->correlation);
    event->event.vendor = work->vendor;
    if (!slice_empty(time)) {
        event->event.time = read_time(work, time, rule->time_form);
    }
    conversion_append(work->conversion, &event->event);
    if (rule->type == EVENT_CUSTOM) {
        return fill_own(work, event, rule);
    }
    fill_ours(work, event, rule);
    return true;
}

/* A record that no rule is for. Its number is part of its id: all records of a callback have the same hash. */
static bool
add_unmapped(struct work *work)
{
    struct canonical_event *event = conversion_add(work->conversion, work->callback->arena);

    if (event == NULL) {
        return false;
    }
    if (slice_empty(work->hash)) {
        work->hash = callback_hash(work->callback);
    }
    event->type = EVENT_VENDOR_UNMAPPED;
    event->key = work->hash;
    event->suffix = work->suffix;
    event->subject = work->hash;
    event->vendor = work->vendor;
    return true;
}

static bool
convert_record(struct work *work)
{
    bool mapped = false;

    work->before = work->conversion->last;
    for (size_t i = 0; i < work->mapping->event_count && (!mapped || work->mapping->every); i++) {
        const struct event_rule *rule = &work->mapping->events[i];

        if (!conditions_hold(&work->scene, &rule->when)) {
            continue;
        }
        mapped = true;
        if (!add_event(work, rule)) {
            return false;
        }
    }
    return mapped || add_unmapped(work);
}

/* --- records --- */

/* A record as data.vendor has it: an object or array as it is, anything else in an array of its own. */
static struct slice
record_json(const struct work *work, const struct value *record)
{
    struct slice json = field_json(record, work->callback->arena);

    if (record->kind == VALUE_OBJECT || record->kind == VALUE_ARRAY) {
        return json;
    }
    return arena_printf(work->callback->arena, "[%.*s]", SLICE_ARGS(json));
}

/* What stands there, where it is an array. XML does not tell one element from an array of one. NULL: there is none. */
static const struct value *
find_records(struct work *work)
{
    const struct value *found = reference_find(&work->scene, &work->mapping->records).value;
    struct value *pair;

    if (found == NULL || found->kind == VALUE_ARRAY) {
        return found;
    }
    pair = work->callback->format == BODY_XML ? arena_zalloc(work->callback->arena, 2, sizeof *pair) : NULL;
    if (pair == NULL) {
        return NULL;
    }
    pair[1] = *found;
    pair[1].next = NULL;
    pair[0] = (struct value){.kind = VALUE_ARRAY, .count = 1, .first = &pair[1]};
    return pair;
}

static bool
convert_records(struct work *work)
{
    const struct value *list = find_records(work);
    unsigned number = 0;

    if (list == NULL || list->kind != VALUE_ARRAY) {
        return conversion_fail(work->conversion, "no_records", "the mapping's records are no array in this message");
    }
    if (list->count > MAPPING_RECORDS_MAX) {
        return conversion_fail(work->conversion, "too_many_records", "one callback may have 1000 records");
    }
    if (list->first == NULL) {
        work->vendor = vendor_json(work->callback);
        return add_unmapped(work);
    }
    for (const struct value *record = list->first; record != NULL; record = record->next) {
        work->scene.record = record;
        work->vendor = record_json(work, record);
        work->suffix = arena_printf(work->callback->arena, "-%u", ++number);
        if (!convert_record(work)) {
            return false;
        }
    }
    return true;
}

/* Whether the signature is over the body, which is empty, while the message is the query: whoever has seen nothing
 * signed could have any message taken. */
static bool
is_forgeable(const struct callback *callback)
{
    const struct text_template *text = &callback->mapping->signature.signed_text;
    bool body = false, query = false;

    for (size_t i = 0; i < text->count; i++) {
        enum reference_place place = text->parts[i].place;

        body = body || place == PLACE_BODY;
        query = query || place == PLACE_QUERY || place == PLACE_PARAMETER || place == PLACE_MEMBER ||
                place == PLACE_TOP_MEMBER;
    }
    return body && !query && callback->mapping->format == MAPPING_AUTO && slice_empty(body_text(callback->body));
}

bool
generic_convert(const struct callback *callback, struct conversion *conversion)
{
    struct work work = {
        .callback = callback,
        .mapping = callback->mapping,
        .conversion = conversion,
        .scene = scene_of(callback),
    };
    bool converted;

    if (work.mapping == NULL) {
        return conversion_unmapped(callback, conversion, (struct slice){0});
    }
    if (is_forgeable(callback)) {
        return conversion_fail(conversion, "unsigned_query", "the body is signed, but the message is in the query");
    }
    if (work.mapping->has_records) {
        converted = convert_records(&work);
    } else {
        work.vendor = vendor_json(callback);
        converted = convert_record(&work);
    }
    conversion->unreadable += work.scene.unreadable;
    if (scene_exhausted(&work.scene)) {
        return conversion_fail(conversion, "too_complex", "too many values are looked at to read it");
    }
    return converted;
}

/* Looks up what references name, and puts templates together. */
#include "adapters/generic_reference.h"

#include <stdlib.h>

#include "adapters/fields.h"
#include "adapters/message.h"
#include "base/form.h"
#include "base/json.h"
#include "base/json_writer.h"
#include "base/pattern.h"
#include "base/utf8.h"

#define INDEX_DIGITS_MAX 9
#define BYTES_A_VALUE    8 /* of a query that cost as much as a value that is looked at */

struct scene
scene_of(const struct callback *callback)
{
    return (struct scene){.callback = callback, .record = callback->message};
}

bool
scene_exhausted(const struct scene *scene)
{
    return scene->effort >= SCENE_EFFORT_MAX;
}

/* --- pointers --- */

/* An array index as RFC 6901 has it: digits without a leading zero. */
static bool
read_index(struct slice step, size_t *index)
{
    *index = 0;
    if (step.length == 0 || step.length > INDEX_DIGITS_MAX || (step.length > 1 && step.data[0] == '0')) {
        return false;
    }
    for (size_t i = 0; i < step.length; i++) {
        if (step.data[i] < '0' || step.data[i] > '9') {
            return false;
        }
        *index = *index * 10 + (size_t)(step.data[i] - '0');
    }
    return true;
}

static const struct value *
take_step(struct scene *scene, const struct value *value, struct slice step)
{
    bool object = value->kind == VALUE_OBJECT;
    const struct value *child = value->first;
    size_t index = 0;

    if (!object && (value->kind != VALUE_ARRAY || !read_index(step, &index))) {
        return NULL;
    }
    while (child != NULL && (object ? !slice_equal(child->name, step) : index > 0)) {
        if (scene_exhausted(scene)) {
            return NULL;
        }
        scene->effort++;
        index -= object ? 0 : 1;
        child = child->next;
    }
    return child;
}

static const struct value *
find_value(struct scene *scene, const struct reference *reference)
{
    const struct value *value = reference->place == PLACE_TOP_MEMBER ? scene->callback->message : scene->record;

    for (size_t i = 0; i < reference->step_count && value != NULL; i++) {
        value = take_step(scene, value, reference->steps[i]);
    }
    return value;
}

/* --- places --- */

static bool
is_member(const struct reference *reference)
{
    return reference->place == PLACE_MEMBER || reference->place == PLACE_TOP_MEMBER;
}

static struct slice
header(struct scene *scene, struct slice name)
{
    const struct callback *callback = scene->callback;

    scene->effort += callback->field_count;
    for (size_t i = 0; i < callback->field_count; i++) {
        if (slice_equal(callback->fields[i].name, name)) {
            return callback->fields[i].value;
        }
    }
    return (struct slice){0};
}

static struct slice
seconds_text(const struct callback *callback)
{
    return arena_printf(callback->arena, "%lld", (long long)(callback->received_ms / 1000));
}

/* The bytes at a place that is no member's. */
static struct slice
place_bytes(struct scene *scene, const struct reference *reference)
{
    const struct callback *callback = scene->callback;

    switch (reference->place) {
    case PLACE_MEMBER:
    case PLACE_TOP_MEMBER:
        break;
    case PLACE_HEADER:
        return header(scene, reference->name);
    case PLACE_PARAMETER:
        scene->effort += callback->query.length / BYTES_A_VALUE;
        return form_parameter(callback->arena, callback->query, reference->name);
    case PLACE_BODY:
        return callback->body;
    case PLACE_QUERY:
        return callback->query;
    case PLACE_METHOD:
        return callback->method;
    case PLACE_ENDPOINT:
        return callback->endpoint;
    case PLACE_RECEIVED:
        return seconds_text(callback);
    case PLACE_KEY:
        return scene->key;
    case PLACE_LITERAL:
        return reference->name;
    }
    return (struct slice){0};
}

static struct slice
scalar_text(const struct value *value)
{
    if (value->kind == VALUE_BOOLEAN) {
        return slice_from(value->boolean ? "true" : "false");
    }
    return value_text(value);
}

struct finding
reference_find(struct scene *scene, const struct reference *reference)
{
    struct finding finding = {0};

    if (is_member(reference)) {
        const struct value *value = find_value(scene, reference);

        if (!value_absent(value)) {
            finding = (struct finding){true, scalar_text(value), value};
        }
        return finding;
    }
    finding.text = place_bytes(scene, reference);
    finding.present =
        !slice_empty(finding.text) && (reference->place == PLACE_LITERAL || !slice_is(finding.text, "null"));
    if (finding.present &&
        (!utf8_valid(finding.text) || memchr(finding.text.data, '\0', finding.text.length) != NULL)) {
        scene->unreadable++;
        finding.present = false;
    }
    return finding.present ? finding : (struct finding){0};
}

struct slice
reference_bytes(struct scene *scene, const struct reference *reference)
{
    const struct value *value;

    if (!is_member(reference)) {
        return place_bytes(scene, reference);
    }
    value = find_value(scene, reference);
    if (value == NULL) {
        return (struct slice){0};
    }
    if (value->kind == VALUE_OBJECT || value->kind == VALUE_ARRAY) {
        return field_json(value, scene->callback->arena);
    }
    return value->kind == VALUE_BOOLEAN ? scalar_text(value) : value->text;
}

/* --- templates --- */

static bool
is_container(const struct finding *finding)
{
    return finding->value != NULL && (finding->value->kind == VALUE_OBJECT || finding->value->kind == VALUE_ARRAY);
}

/* Text that grows in the arena; what does not fit leaves the arena failed. */
struct growing {
    struct arena *arena;
    char *data;
    size_t length, capacity;
};

static void
append(struct growing *text, struct slice more)
{
    size_t needed = text->length + more.length;

    if (needed > text->capacity) {
        char *larger = arena_alloc(text->arena, 2 * needed);

        if (larger == NULL) {
            return;
        }
        if (text->length > 0) {
            memcpy(larger, text->data, text->length);
        }
        text->data = larger;
        text->capacity = 2 * needed;
    }
    if (more.length > 0) {
        memcpy(text->data + text->length, more.data, more.length);
        text->length = needed;
    }
}

struct finding
template_find(struct scene *scene, const struct text_template *template)
{
    struct growing text = {.arena = scene->callback->arena};

    if (template->count == 1) {
        return reference_find(scene, &template->parts[0]);
    }
    for (size_t i = 0; i < template->count; i++) {
        struct finding part = reference_find(scene, &template->parts[i]);

        if (!part.present || is_container(&part)) {
            scene->unreadable += part.present;
            return (struct finding){0};
        }
        append(&text, part.text);
    }
    return (struct finding){text.length > 0, slice_make(text.data, text.length), NULL};
}

struct slice
template_text(struct scene *scene, const struct text_template *template)
{
    struct finding finding = template_find(scene, template);

    if (finding.present && is_container(&finding)) {
        scene->unreadable++;
    }
    return finding.text;
}

/* --- what is answered --- */

static bool
ends_with(struct slice text, const char *end)
{
    size_t length = strlen(end);

    return text.length >= length && strncasecmp(text.data + text.length - length, end, length) == 0;
}

enum rendering
rendering_of(struct slice content_type)
{
    const char *parameters = content_type.length == 0 ? NULL : memchr(content_type.data, ';', content_type.length);
    struct slice type = content_type;

    if (parameters != NULL) {
        type.length = (size_t)(parameters - content_type.data);
    }
    while (type.length > 0 && type.data[type.length - 1] == ' ') {
        type.length--;
    }
    if (ends_with(type, "/json") || ends_with(type, "+json")) {
        return RENDERING_JSON;
    }
    return ends_with(type, "/xml") || ends_with(type, "+xml") || ends_with(type, "/html") ? RENDERING_XML
                                                                                          : RENDERING_PLAIN;
}

/* Where in JSON the end of a text is. */
struct json_place {
    bool quoted;  /* in a string */
    bool escaped; /* behind its backslash */
};

static void
json_pass(struct json_place *place, struct slice text)
{
    for (size_t i = 0; i < text.length; i++) {
        char byte = text.data[i];

        if (!place->escaped && byte == '"') {
            place->quoted = !place->quoted;
        }
        place->escaped = place->quoted && !place->escaped && byte == '\\';
    }
}

/* Within a string. */
static void
append_json(struct growing *text, struct slice more)
{
    struct json_writer writer;
    struct slice quoted;

    json_writer_init(&writer, text->arena, more.length + 2);
    json_string(&writer, more);
    quoted = json_finish(&writer);
    if (quoted.length > 2) {
        append(text, slice_make(quoted.data + 1, quoted.length - 2));
    }
}

/* Outside of one: a whole value, so that nothing that was sent changes what is around it. */
static void
append_json_value(struct growing *text, const struct reference *part, const struct finding *found)
{
    const struct value quoted = {.kind = VALUE_STRING, .text = found->text};

    if (!found->present) {
        append(text, slice_from("null"));
    } else if (part->place == PLACE_RECEIVED) {
        append(text, found->text);
    } else {
        append(text, field_json(found->value == NULL ? &quoted : found->value, text->arena));
    }
}

static const char *
xml_entity(char byte)
{
    switch (byte) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

static void
append_xml(struct growing *text, struct slice more)
{
    size_t plain = 0;

    for (size_t at = 0; at < more.length; at++) {
        const char *entity = xml_entity(more.data[at]);

        if (entity != NULL) {
            append(text, slice_make(more.data + plain, at - plain));
            append(text, slice_from(entity));
            plain = at + 1;
        }
    }
    if (plain < more.length) {
        append(text, slice_make(more.data + plain, more.length - plain));
    }
}

struct slice
template_render(struct scene *scene, const struct text_template *template, enum rendering rendering)
{
    struct growing text = {.arena = scene->callback->arena};
    struct json_place place = {0};

    for (size_t i = 0; i < template->count; i++) {
        const struct reference *part = &template->parts[i];
        struct finding found = reference_find(scene, part);

        if (part->place == PLACE_LITERAL) {
            append(&text, found.text);
            json_pass(&place, found.text);
        } else if (rendering == RENDERING_PLAIN) {
            append(&text, found.text);
        } else if (rendering == RENDERING_XML) {
            append_xml(&text, found.text);
        } else if (place.quoted) {
            append_json(&text, found.text);
        } else {
            append_json_value(&text, part, &found);
        }
    }
    return arena_failed(text.arena) ? (struct slice){0} : slice_make(text.data, text.length);
}

/* A value for each reference, no two alike, for they may be names of members; as an element, so that a lone text is
 * JSON, too. */
bool
template_is_json(const struct text_template *template, struct arena *arena)
{
    struct growing text = {.arena = arena};
    struct json_place place = {0};
    const struct value *array;

    append(&text, slice_from("["));
    for (size_t i = 0; i < template->count; i++) {
        const struct reference *part = &template->parts[i];

        if (part->place == PLACE_LITERAL) {
            append(&text, part->name);
            json_pass(&place, part->name);
        } else {
            append(&text, place.quoted ? arena_printf(arena, "x%zu", i) : slice_from("null"));
        }
    }
    append(&text, slice_from("]"));
    array = json_parse(arena, slice_make(text.data, text.length), VALUE_LIMITS_DEFAULT, NULL);
    return array != NULL && array->count == 1;
}

/* --- conditions --- */

static bool
value_matches(struct slice pattern, struct slice text)
{
    return slice_is(pattern, "*") || (text.length <= CONDITION_BYTES_MAX && pattern_matches(pattern, text));
}

static bool
condition_holds(struct scene *scene, const struct condition *condition)
{
    struct finding finding = reference_find(scene, &condition->at);
    bool matches = finding.present && condition->value_count == 0;

    for (size_t i = 0; i < condition->value_count && finding.present && !matches; i++) {
        matches = value_matches(condition->values[i], finding.text);
    }
    return matches;
}

bool
conditions_hold(struct scene *scene, const struct condition_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        if (!condition_holds(scene, &list->conditions[i])) {
            return false;
        }
    }
    return true;
}

/* Signs a sample as a vendor would: the time of signing and the signature go where the mapping says they stand. */
#include "adapters/generic.h"
#include "adapters/generic_signature.h"
#include "adapters/message.h"
#include "base/form.h"
#include "base/json_writer.h"

/* A sample on its way to being signed. */
struct draft {
    struct callback callback; /* as the receiver will see it */
    struct signed_sample *sample;
    struct value *message; /* the body's tree; NULL where no pointer is used */
};

static struct slice
joined(struct arena *arena, struct slice first, const char *between, struct slice second)
{
    return slice_empty(first) ? second
                              : arena_printf(arena, "%.*s%s%.*s", SLICE_ARGS(first), between, SLICE_ARGS(second));
}

static bool
is_unreserved(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') ||
           byte == '-' || byte == '.' || byte == '_' || byte == '~';
}

static struct slice
percent_encoded(struct arena *arena, struct slice text)
{
    static const char digits[] = "0123456789ABCDEF";
    char *encoded = arena_alloc(arena, 3 * text.length + 1);
    size_t length = 0;

    if (encoded == NULL) {
        return (struct slice){0};
    }
    for (size_t i = 0; i < text.length; i++) {
        unsigned char byte = (unsigned char)text.data[i];

        if (is_unreserved(text.data[i])) {
            encoded[length++] = text.data[i];
            continue;
        }
        encoded[length++] = '%';
        encoded[length++] = digits[byte >> 4];
        encoded[length++] = digits[byte & 15];
    }
    return slice_make(encoded, length);
}

static struct slice
parameter(struct arena *arena, struct slice name, struct slice text)
{
    struct slice encoded = percent_encoded(arena, name);
    struct slice value = percent_encoded(arena, text);

    return arena_printf(arena, "%.*s=%.*s", SLICE_ARGS(encoded), SLICE_ARGS(value));
}

/* --- places --- */

static bool
put_header(struct draft *draft, struct slice name, struct slice text)
{
    struct callback *callback = &draft->callback;
    struct signed_sample *sample = draft->sample;
    struct record_header *fields = arena_zalloc(callback->arena, callback->field_count + 1, sizeof *fields);

    if (fields == NULL || sample->field_count == SIGNED_FIELDS_MAX) {
        return false;
    }
    fields[0] = (struct record_header){arena_copy(callback->arena, name), arena_copy(callback->arena, text)};
    if (callback->field_count > 0) {
        memcpy(fields + 1, callback->fields, callback->field_count * sizeof *fields);
    }
    callback->fields = fields;
    callback->field_count++;
    sample->fields[sample->field_count++] = fields[0];
    return true;
}

/* In place of what the query has of that name: with both, neither would be there. */
static bool
put_parameter(struct draft *draft, struct slice name, struct slice text)
{
    struct arena *arena = draft->callback.arena;
    struct slice rest = form_without(arena, draft->callback.query, name);

    draft->callback.query = joined(arena, rest, "&", parameter(arena, name, text));
    draft->sample->query = draft->callback.query;
    return true;
}

/* The member that the step names, made as an object when there is none; NULL for what cannot be: a member of an array.
 */
static struct value *
descend(struct arena *arena, struct value *object, struct slice step)
{
    struct value **end = &object->first;

    if (object->kind != VALUE_OBJECT) {
        return NULL;
    }
    while (*end != NULL && !slice_equal((*end)->name, step)) {
        end = &(*end)->next;
    }
    if (*end == NULL) {
        *end = arena_zalloc(arena, 1, sizeof **end);
        if (*end == NULL) {
            return NULL;
        }
        (*end)->kind = VALUE_OBJECT;
        (*end)->name = step;
    }
    return *end;
}

static bool
put_json(struct draft *draft, const struct reference *reference, struct slice text)
{
    struct arena *arena = draft->callback.arena;
    struct value *value = draft->message;
    struct json_writer writer;

    for (size_t i = 0; i < reference->step_count && value != NULL; i++) {
        value->raw = (struct slice){0}; /* it is written anew */
        value = descend(arena, value, reference->steps[i]);
    }
    if (value == NULL || value == draft->message) {
        return false;
    }
    *value = (struct value){.kind = VALUE_STRING, .name = value->name, .text = text, .next = value->next};
    json_writer_init(&writer, arena, draft->callback.body.length + text.length);
    json_value(&writer, draft->message);
    draft->callback.body = json_finish(&writer);
    return !slice_empty(draft->callback.body);
}

/* Where the body is no JSON: a parameter, in place of what it has of that name. */
static bool
put_form(struct draft *draft, const struct reference *reference, struct slice text)
{
    struct arena *arena = draft->callback.arena;
    struct error error;

    if (reference->step_count != 1) {
        return false;
    }
    if (draft->callback.mapping->format == MAPPING_QUERY) {
        (void)put_parameter(draft, reference->steps[0], text);
    } else {
        struct slice rest = form_without(arena, body_text(draft->callback.body), reference->steps[0]);

        draft->callback.body = joined(arena, rest, "&", parameter(arena, reference->steps[0], text));
    }
    draft->message = generic_parse(&draft->callback, &draft->callback.format, &error);
    draft->callback.message = draft->message;
    return draft->message != NULL;
}

static bool
put(struct draft *draft, const struct reference *reference, struct slice text)
{
    switch (reference->place) {
    case PLACE_HEADER:
        return put_header(draft, reference->name, text);
    case PLACE_PARAMETER:
        return put_parameter(draft, reference->name, text);
    case PLACE_MEMBER:
    case PLACE_TOP_MEMBER:
        break;
    default:
        return false;
    }
    switch (draft->callback.format) {
    case BODY_JSON:
        return put_json(draft, reference, text);
    case BODY_FORM:
        return put_form(draft, reference, text);
    case BODY_XML:
        break;
    }
    return false;
}

/* --- */

static bool
sign(struct draft *draft)
{
    const struct signature_rule *rule = &draft->callback.mapping->signature;
    struct arena *arena = draft->callback.arena;
    struct scene scene;
    struct slice text;
    struct error error;

    if (signature_needs_message(rule)) {
        draft->message = generic_parse(&draft->callback, &draft->callback.format, &error);
        draft->callback.message = draft->message;
        if (draft->message == NULL) {
            return false;
        }
    }
    text = arena_printf(arena, "%lld", (long long)(draft->callback.received_ms / 1000));
    if (rule->timed && !put(draft, &rule->time, text)) {
        return false;
    }
    scene = scene_of(&draft->callback);
    text = signature_make(&scene, rule);
    return !slice_empty(text) && put(draft, &rule->at, text);
}

bool
generic_sign_sample(const struct callback *callback, struct signed_sample *sample)
{
    struct draft draft = {.callback = *callback, .sample = sample};

    sample->body = callback->body;
    if (callback->mapping == NULL || callback->mapping->signature.key_count == 0) {
        return true;
    }
    if (!sign(&draft) || arena_failed(callback->arena)) {
        return false;
    }
    sample->body = draft.callback.body;
    return true;
}

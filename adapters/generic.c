/* Whose callbacks are read by a mapping: what of the adapter's duties is not in a file of its own. */
#include "adapters/generic.h"

#include "adapters/generic_events.h"
#include "adapters/generic_signature.h"
#include "adapters/message.h"
#include "base/form.h"
#include "base/json.h"
#include "base/xml.h"

static const char *const endpoints[] = {NULL};
static const struct adapter_setting settings[] = {{0}};
static const struct adapter_kind kinds[] = {{0}};

static const struct mapping no_mapping; /* what a callback without one follows */

static const struct mapping *
mapping_of(const struct callback *callback)
{
    return callback->mapping == NULL ? &no_mapping : callback->mapping;
}

/* --- reading --- */

/* By the first byte; what begins neither as JSON nor as XML is a form, and without a body the query is. */
static enum mapping_format
tell_format(struct slice body)
{
    if (slice_empty(body)) {
        return MAPPING_QUERY;
    }
    if (body.data[0] == '<') {
        return MAPPING_XML;
    }
    return body.data[0] == '{' || body.data[0] == '[' ? MAPPING_JSON : MAPPING_FORM;
}

struct value *
generic_parse(const struct callback *callback, enum body_format *format, struct error *error)
{
    enum mapping_format form = mapping_of(callback)->format;
    struct slice body = body_text(callback->body);

    switch (form == MAPPING_AUTO ? tell_format(body) : form) {
    case MAPPING_AUTO:
    case MAPPING_JSON:
        break;
    case MAPPING_XML:
        *format = BODY_XML;
        return xml_parse_lists(callback->arena, body, VALUE_LIMITS_DEFAULT, error);
    case MAPPING_FORM:
        *format = BODY_FORM;
        return form_parse(callback->arena, body, VALUE_LIMITS_DEFAULT, error);
    case MAPPING_QUERY:
        *format = BODY_FORM;
        return form_parse(callback->arena, callback->query, VALUE_LIMITS_DEFAULT, error);
    }
    *format = BODY_JSON;
    return json_parse(callback->arena, body, VALUE_LIMITS_DEFAULT, error);
}

static const struct value *
parse(const struct callback *callback, enum body_format *format, struct error *error)
{
    return generic_parse(callback, format, error);
}

/* --- handshakes --- */

static const struct handshake_rule *
find_handshake(struct scene *scene)
{
    const struct mapping *mapping = mapping_of(scene->callback);

    for (size_t i = 0; i < mapping->handshake_count; i++) {
        if (conditions_hold(scene, &mapping->handshakes[i].when)) {
            return &mapping->handshakes[i];
        }
    }
    return NULL;
}

static struct answer
make_answer(struct scene *scene, const struct text_template *body, struct slice content_type)
{
    static const struct slice plain = SLICE("text/plain; charset=utf-8");
    struct slice type = slice_empty(content_type) ? plain : content_type;

    return (struct answer){type, template_render(scene, body, rendering_of(type))};
}

static bool
handshake(const struct callback *callback, struct answer *answer)
{
    struct scene scene = scene_of(callback);
    const struct handshake_rule *rule = find_handshake(&scene);

    if (rule == NULL) {
        return false;
    }
    *answer = make_answer(&scene, &rule->body, rule->content_type);
    return true;
}

/* --- signatures --- */

static bool
signed_with(const struct slice *given, const struct mapping *mapping)
{
    (void)given;
    return mapping != NULL && mapping->signature.digest != SIGNATURE_NONE && mapping->signature.key_count > 0;
}

static enum verdict
verify_raw(const struct callback *callback)
{
    const struct mapping *mapping = mapping_of(callback);
    struct scene scene = scene_of(callback);

    if (!signed_with(NULL, mapping) || signature_needs_message(&mapping->signature)) {
        return VERDICT_UNSIGNED;
    }
    /* A handshake may come unsigned; whether it is one, the parsed message tells. */
    if (mapping->handshake_count > 0 && !signature_given(&scene, &mapping->signature)) {
        return VERDICT_UNSIGNED;
    }
    return signature_valid(&scene, &mapping->signature) ? VERDICT_VALID : VERDICT_WRONG;
}

/* What bears no signature is wrong, unless it is a handshake: leaving the signature out is never a way in. */
static enum verdict
verify_parsed(const struct callback *callback)
{
    const struct mapping *mapping = mapping_of(callback);
    struct scene scene = scene_of(callback);

    if (!signed_with(NULL, mapping)) {
        return VERDICT_UNSIGNED;
    }
    if (!signature_given(&scene, &mapping->signature)) {
        return find_handshake(&scene) != NULL ? VERDICT_UNSIGNED : VERDICT_WRONG;
    }
    if (!signature_needs_message(&mapping->signature)) {
        return VERDICT_UNSIGNED; /* verify_raw has judged it */
    }
    return signature_valid(&scene, &mapping->signature) ? VERDICT_VALID : VERDICT_WRONG;
}

/* --- the answer --- */

static struct answer
answer(const struct callback *callback)
{
    static const struct answer usual = {SLICE("application/json"), SLICE("{\"code\":0}")};
    const struct answer_rule *rule = &mapping_of(callback)->answer;
    struct scene scene = scene_of(callback);

    return rule->body.count == 0 ? usual : make_answer(&scene, &rule->body, rule->content_type);
}

const struct adapter adapter_generic = {
    .name = "generic",
    .title = "any vendor, by a mapping",
    .endpoints = endpoints,
    .retries = true,
    .budget_ms = 2000,
    .settings = settings,
    .kinds = kinds,
    .parse = parse,
    .handshake = handshake,
    .verify_raw = verify_raw,
    .verify_parsed = verify_parsed,
    .signed_with = signed_with,
    .convert = generic_convert,
    .answer = answer,
    .sign_sample = generic_sign_sample,
    .mapped = true,
};

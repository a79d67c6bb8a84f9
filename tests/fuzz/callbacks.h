/* A callback as a fuzz input, and what must hold of it whatever it says: the
 * way of the gateway, from a request's head to the records. */
#pragma once

#include "adapters/generic_reference.h"
#include "base/json.h"
#include "event/cloudevent.h"
#include "fuzz/fact.h"
#include "ingress/guard.h"
#include "ingress/head.h"
#include "ingress/translation.h"

#define CALLBACK_ARENA_BYTES ((size_t)16 << 20)

/* The path's part behind /callbacks/<source>. */
static inline struct slice
callback_endpoint(struct slice path)
{
    size_t slashes = 0;

    for (size_t i = 0; i < path.length; i++) {
        slashes += path.data[i] == '/' ? 1 : 0;
        if (slashes == 3) {
            return slice_make(path.data + i + 1, path.length - i - 1);
        }
    }
    return (struct slice){0};
}

/* A whole request with its body behind the head; what is none is the body of a
 * POST. */
static inline struct incoming
callback_read(struct slice text, struct arena *arena)
{
    static const struct guard_limits limits = {.head_bytes = 16384, .header_count = 100};
    struct incoming incoming = {
        .method = SLICE("POST"),
        .body = text,
        .received = {.unix_ms = INT64_C(1704135845000), .offset_minutes = 480, .present = true},
        .vouched = true,
    };
    struct guard guard;
    struct head head;
    size_t consumed = 0;
    char *bytes;

    guard_init(&guard, &limits);
    if (text.length == 0 || guard_feed(&guard, text.data, text.length, &consumed) != GUARD_COMPLETE) {
        return incoming;
    }
    bytes = arena_alloc(arena, consumed);
    require(bytes != NULL);
    memcpy(bytes, text.data, consumed);
    require(head_read(&guard, bytes, consumed, arena, &head));
    incoming.method = head.method;
    incoming.endpoint = callback_endpoint(head.path);
    incoming.query = incoming.public_query = head.query;
    incoming.fields = head.fields;
    incoming.field_count = head.field_count;
    incoming.body = slice_make(text.data + consumed, text.length - consumed);
    return incoming;
}

static inline void
check_records(const struct config *config, const struct translation *translation, struct arena *arena)
{
    bool events = translation->outcome == outcome_accepted || translation->outcome == outcome_unmapped;

    require(translation->count > 0);
    for (size_t i = 0; i < translation->count; i++) {
        const struct record *record = &translation->records[i];
        struct value_limits limits = {.depth = VALUE_LIMITS_DEFAULT.depth + 8, .members = 1000000};
        struct error error;

        require(record->topic.length > 0 && record->topic.data[record->topic.length] == '\0');
        require(record->key.length > 0 && record->key.length <= 256 && record->value.data != NULL);
        if (events && !config->raw_enabled && config->mode == CLOUDEVENT_STRUCTURED) {
            require(json_parse(arena, record->value, limits, &error) != NULL || arena_failed(arena));
        }
    }
}

static inline void
check_same(const struct translation *a, const struct translation *b)
{
    const struct canonical_event *next = b->conversion.first;

    require(a->refusal == b->refusal && a->outcome == b->outcome && a->count == b->count);
    for (size_t i = 0; i < a->count; i++) {
        require(slice_equal(a->records[i].key, b->records[i].key));
        require(slice_equal(a->records[i].value, b->records[i].value));
    }
    for (const struct canonical_event *event = a->conversion.first; a->count > 0 && event != NULL;
         event = event->next, next = next->next) {
        require(next != NULL && event->type == next->type && slice_equal(event->key, next->key));
    }
}

/* What is answered as JSON is JSON, whatever was sent, where the configuration wrote it so; but names that are filled
 * in may come twice. */
static inline void
check_answer(const struct mapping *mapping, struct slice answer, struct arena *arena)
{
    static const struct value_limits limits = {.depth = 100, .members = 10000000};
    const struct text_template *body = mapping == NULL ? NULL : &mapping->answer.body;
    struct error error = {0};
    struct slice listed;

    if (body == NULL || body->count == 0 || rendering_of(mapping->answer.content_type) != RENDERING_JSON ||
        !template_is_json(body, arena)) {
        return;
    }
    listed = arena_printf(arena, "[%.*s]", SLICE_ARGS(answer));
    require(arena_failed(arena) || json_parse(arena, listed, limits, &error) != NULL || arena_failed(arena) ||
            strstr(error.text, "twice") != NULL);
}

/* Through one source, with the sender's signature looked at or not. */
static inline void
check_translation(const struct config *config, const struct source *source, struct incoming incoming, bool unchecked)
{
    struct arena *arena = arena_new(NULL, CALLBACK_ARENA_BYTES);
    struct arena *another = arena_new(NULL, CALLBACK_ARENA_BYTES);
    struct translation translation, again;

    require(arena != NULL && another != NULL);
    incoming.source = source;
    incoming.unchecked = unchecked;
    translate(config, &incoming, arena, &translation);
    translate(config, &incoming, another, &again);
    check_same(&translation, &again);
    if (translation.refusal != REFUSAL_NONE) {
        require(translation.reason != NULL && translation.count == 0);
    } else if (translation.outcome != outcome_handshake) {
        struct callback callback = incoming_callback(&incoming, arena);

        check_records(config, &translation, arena);
        callback.format = translation.format;
        callback.message = translation.message;
        check_answer(source->mapping, source->adapter->answer(&callback).body, arena);
    }
    arena_free(another);
    arena_free(arena);
}

static inline bool
has_field(const struct incoming *incoming, struct slice name)
{
    for (size_t i = 0; i < incoming->field_count; i++) {
        if (slice_equal(incoming->fields[i].name, name)) {
            return true;
        }
    }
    return false;
}

/* The callback as sign_sample has it signed: false where the callback has in
 * its head what would be added there. */
static inline bool
take_signed(const struct signed_sample *sample, struct incoming *incoming, struct arena *arena)
{
    struct record_header *fields =
        arena_zalloc(arena, incoming->field_count + sample->field_count + 1, sizeof(struct record_header));

    if (fields == NULL) {
        return false;
    }
    for (size_t i = 0; i < sample->field_count; i++) {
        if (has_field(incoming, sample->fields[i].name)) {
            return false;
        }
        fields[i] = sample->fields[i];
    }
    for (size_t i = 0; i < incoming->field_count; i++) {
        fields[sample->field_count + i] = incoming->fields[i];
    }
    incoming->fields = fields;
    incoming->field_count += sample->field_count;
    incoming->query = incoming->public_query = slice_empty(sample->query) ? incoming->query : sample->query;
    incoming->body = sample->body;
    return true;
}

/* What is signed as the vendor would sign it is taken for signed. */
static inline void
check_signing(const struct config *config, const struct source *source, struct incoming incoming)
{
    struct arena *arena = arena_new(NULL, CALLBACK_ARENA_BYTES);
    struct signed_sample sample = {.body = incoming.body};
    struct translation translation;
    struct callback callback;

    require(arena != NULL);
    incoming.source = source;
    incoming.vouched = false;
    callback = incoming_callback(&incoming, arena);
    if (source->mapping != NULL && source->signed_by_vendor && source->adapter->sign_sample(&callback, &sample) &&
        take_signed(&sample, &incoming, arena)) {
        translate(config, &incoming, arena, &translation);
        require(translation.refusal != REFUSAL_UNAUTHORIZED || source->expectation_count > 0 || arena_failed(arena));
    }
    arena_free(arena);
}

static inline void
check_callback(const struct config *config, struct slice text)
{
    struct arena *arena = arena_new(NULL, CALLBACK_ARENA_BYTES);
    struct incoming incoming;

    require(arena != NULL);
    incoming = callback_read(text, arena);
    for (size_t i = 0; i < config->source_count; i++) {
        check_translation(config, &config->sources[i], incoming, true);
        check_translation(config, &config->sources[i], incoming, false);
        check_signing(config, &config->sources[i], incoming);
    }
    arena_free(arena);
}

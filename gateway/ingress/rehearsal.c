/* Writes a head, and has it read by those who read the gateway's. */
#include "ingress/rehearsal.h"

#include "ingress/generation.h"
#include "ingress/head.h"
#include "ingress/service.h"

static bool
names_host(const struct incoming *incoming)
{
    for (size_t i = 0; i < incoming->field_count; i++) {
        if (slice_is_nocase(incoming->fields[i].name, "host")) {
            return true;
        }
    }
    return false;
}

/* A text that is only measured where bytes is NULL. */
struct text {
    char *bytes;
    size_t length;
};

static void
put(struct text *text, struct slice more)
{
    if (text->bytes != NULL && more.length > 0) {
        memcpy(text->bytes + text->length, more.data, more.length);
    }
    text->length += more.length;
}

static void
put_text(struct text *text, const char *more)
{
    put(text, slice_from(more));
}

/* The path, with the source's first secret where it stands there: without one, an endpoint would be taken for it. */
static void
put_path(struct text *text, const struct incoming *incoming)
{
    const struct source *source = incoming->source;

    put_text(text, "/callbacks/");
    put(text, source->name);
    if (source->secret_count > 0 && (source->secret_places & SECRET_IN_PATH) != 0) {
        put_text(text, "/");
        put(text, source->secrets[0]);
    }
    if (!slice_empty(incoming->endpoint)) {
        put_text(text, "/");
        put(text, incoming->endpoint);
    }
}

/* A host is added where none is told, behind all other fields: HTTP/1.1 asks for one. */
static void
put_head(struct text *text, const struct incoming *incoming)
{
    put(text, incoming->method);
    put_text(text, " ");
    put_path(text, incoming);
    put_text(text, slice_empty(incoming->query) ? "" : "?");
    put(text, incoming->query);
    put_text(text, " HTTP/1.1\r\n");
    for (size_t i = 0; i < incoming->field_count; i++) {
        put(text, incoming->fields[i].name);
        put_text(text, ": ");
        put(text, incoming->fields[i].value);
        put_text(text, "\r\n");
    }
    put_text(text, names_host(incoming) ? "\r\n" : "Host: localhost\r\n\r\n");
}

static enum refusal
read_head(const struct config *config, const struct incoming *incoming, struct arena *arena, struct head *head)
{
    const struct guard_limits limits = {config->limits.head_bytes, config->limits.header_count};
    struct text text = {NULL, 0};
    struct guard guard;
    size_t consumed = 0;

    put_head(&text, incoming);
    text = (struct text){arena_alloc(arena, text.length), 0};
    if (text.bytes == NULL) {
        return REFUSAL_FIELDS_TOO_LARGE; /* more than all that a request may take */
    }
    put_head(&text, incoming);
    guard_init(&guard, &limits);
    switch (guard_feed(&guard, text.bytes, text.length, &consumed)) {
    case GUARD_REFUSED:
        return guard.refusal;
    case GUARD_COMPLETE:
        break;
    case GUARD_MORE:
        return REFUSAL_BAD_REQUEST;
    }
    if (consumed != text.length) {
        return REFUSAL_BAD_REQUEST;
    }
    return head_read(&guard, text.bytes, consumed, arena, head) ? REFUSAL_NONE : REFUSAL_BUSY;
}

enum refusal
rehearse(const struct config *config, struct incoming *incoming, struct arena *arena)
{
    struct generation generation = {.config = config};
    struct ticket ticket = {.generation = &generation, .arena = arena};
    enum refusal refusal = read_head(config, incoming, arena, &ticket.head);

    if (refusal == REFUSAL_NONE) {
        refusal = admission_check_request(&ticket);
    }
    if (refusal == REFUSAL_NONE && incoming->body.length > config->limits.body_bytes) {
        refusal = REFUSAL_TOO_LARGE;
    }
    if (refusal != REFUSAL_NONE) {
        return refusal;
    }
    incoming->body = arena_copy(arena, incoming->body); /* it counts in what the request takes */
    incoming->method = ticket.head.method;
    incoming->endpoint = ticket.endpoint;
    incoming->query = ticket.head.query;
    incoming->public_query = ticket.public_query;
    incoming->traceparent = head_field(&ticket.head, "traceparent");
    incoming->field_count = ticket.head.field_count - (names_host(incoming) ? 0 : 1);
    incoming->fields = ticket.head.fields;
    return arena_failed(arena) ? REFUSAL_BUSY : REFUSAL_NONE;
}

/* Writes a head, and has it read by those who read the gateway's. */
#include "ingress/rehearsal.h"

#include "ingress/generation.h"
#include "ingress/head.h"
#include "ingress/service.h"

/* The path, with the source's first secret where it stands there: without one, an endpoint would be taken for it. */
static struct slice
path_make(const struct incoming *incoming, struct arena *arena)
{
    const struct source *source = incoming->source;
    bool secret = source->secret_count > 0 && (source->secret_places & SECRET_IN_PATH) != 0;
    struct slice path = arena_printf(arena, "/callbacks/%.*s", SLICE_ARGS(source->name));

    if (secret) {
        path = arena_printf(arena, "%.*s/%.*s", SLICE_ARGS(path), SLICE_ARGS(source->secrets[0]));
    }
    if (!slice_empty(incoming->endpoint)) {
        path = arena_printf(arena, "%.*s/%.*s", SLICE_ARGS(path), SLICE_ARGS(incoming->endpoint));
    }
    return path;
}

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

/* A host is added where none is told, behind all other fields: HTTP/1.1 asks for one. */
static struct slice
head_make(const struct incoming *incoming, struct arena *arena)
{
    struct slice path = path_make(incoming, arena);
    struct slice head =
        arena_printf(arena, "%.*s %.*s%s%.*s HTTP/1.1\r\n", SLICE_ARGS(incoming->method), SLICE_ARGS(path),
                     slice_empty(incoming->query) ? "" : "?", SLICE_ARGS(incoming->query));

    for (size_t i = 0; i < incoming->field_count; i++) {
        head = arena_printf(arena, "%.*s%.*s: %.*s\r\n", SLICE_ARGS(head), SLICE_ARGS(incoming->fields[i].name),
                            SLICE_ARGS(incoming->fields[i].value));
    }
    return arena_printf(arena, "%.*s%s\r\n", SLICE_ARGS(head), names_host(incoming) ? "" : "Host: localhost\r\n");
}

static enum refusal
read_head(const struct config *config, const struct incoming *incoming, struct arena *arena, struct head *head)
{
    const struct guard_limits limits = {config->limits.head_bytes, config->limits.header_count};
    struct slice text = head_make(incoming, arena);
    char *bytes = arena_alloc(arena, text.length + 1); /* which are changed by reading them */
    struct guard guard;
    size_t consumed = 0;

    if (bytes == NULL || slice_empty(text)) {
        return REFUSAL_BUSY;
    }
    memcpy(bytes, text.data, text.length);
    guard_init(&guard, &limits);
    switch (guard_feed(&guard, text.data, text.length, &consumed)) {
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
    return head_read(&guard, bytes, consumed, arena, head) ? REFUSAL_NONE : REFUSAL_BUSY;
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
    incoming->method = ticket.head.method;
    incoming->endpoint = ticket.endpoint;
    incoming->query = ticket.head.query;
    incoming->public_query = ticket.public_query;
    incoming->traceparent = head_field(&ticket.head, "traceparent");
    incoming->field_count = ticket.head.field_count - (names_host(incoming) ? 0 : 1);
    incoming->fields = ticket.head.fields;
    return REFUSAL_NONE;
}

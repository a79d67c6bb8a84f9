/* Mappings built by hand, for the tests of the adapter that follows them. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "adapters/generic.h"
#include "adapters/generic_events.h"
#include "adapters/mapping.h"
#include "base/json.h"
#include "event/event_data.h"

extern const struct adapter adapter_generic;

static struct arena *arena; /* of one test */
static struct zone *zone;

static int
open_test(void **state)
{
    struct error error;

    (void)state;
    arena = arena_new(NULL, (size_t)64 << 20);
    zone = zone_load("Asia/Shanghai", &error);
    return arena == NULL || zone == NULL;
}

static int
close_test(void **state)
{
    (void)state;
    arena_free(arena);
    zone_free(zone);
    return 0;
}

/* "/a/b", "^/a", "header.x", "query.x", "body" and so on as mapping.h has them; "'text" is a literal. Steps are taken
 * as they stand: "~" is not decoded. */
static inline struct reference
refer(const char *text)
{
    static const struct {
        const char *name;
        enum reference_place place;
    } words[] = {{"body", PLACE_BODY},         {"query", PLACE_QUERY},       {"method", PLACE_METHOD},
                 {"endpoint", PLACE_ENDPOINT}, {"received", PLACE_RECEIVED}, {"key", PLACE_KEY}};
    struct slice *steps = arena_zalloc(arena, strlen(text) + 1, sizeof *steps);
    struct reference reference = {.place = text[0] == '^' ? PLACE_TOP_MEMBER : PLACE_MEMBER, .steps = steps};

    if (text[0] == '\'') {
        return (struct reference){.place = PLACE_LITERAL, .name = slice_from(text + 1)};
    }
    if (strncmp(text, "header.", 7) == 0) {
        return (struct reference){.place = PLACE_HEADER, .name = slice_from(text + 7)};
    }
    if (strncmp(text, "query.", 6) == 0) {
        return (struct reference){.place = PLACE_PARAMETER, .name = slice_from(text + 6)};
    }
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(text, words[i].name) == 0) {
            return (struct reference){.place = words[i].place};
        }
    }
    text += text[0] == '^';
    while (*text == '/') {
        size_t length = strcspn(text + 1, "/");

        steps[reference.step_count++] = slice_make(text + 1, length);
        text += 1 + length;
    }
    return reference;
}

static inline struct text_template
template_of(const char *const *parts)
{
    struct reference *references = arena_zalloc(arena, 16, sizeof *references);
    size_t count = 0;

    for (; parts[count] != NULL; count++) {
        references[count] = refer(parts[count]);
    }
    return (struct text_template){references, count};
}
#define TEMPLATE(...) template_of((const char *const[]){__VA_ARGS__, NULL})

/* The condition that one of the values, up to a NULL, stands there. */
static inline struct condition_list
when_of(const char *at, const char *const *values)
{
    struct slice *list = arena_zalloc(arena, 8, sizeof *list);
    struct condition *condition = arena_zalloc(arena, 1, sizeof *condition);

    *condition = (struct condition){.at = refer(at), .values = list};
    for (; values[condition->value_count] != NULL; condition->value_count++) {
        list[condition->value_count] = slice_from(values[condition->value_count]);
    }
    return (struct condition_list){condition, 1};
}
#define WHEN(at, ...) when_of(at, (const char *const[]){__VA_ARGS__, NULL})

/* A callback in the arena, its body parsed by the mapping's format; message NULL when it cannot be. */
static inline struct callback
callback_of(const struct mapping *mapping, const char *body)
{
    struct error error;
    struct callback callback = {
        .method = SLICE("POST"),
        .endpoint = SLICE("hook"),
        .body = slice_from(body),
        .account = SLICE("account"),
        .zone = zone,
        .mapping = mapping,
        .received_ms = INT64_C(1700000000123),
        .arena = arena,
    };

    callback.message = adapter_generic.parse(&callback, &callback.format, &error);
    return callback;
}

static inline const char *
as_text(struct slice found)
{
    return arena_printf(arena, "%.*s", SLICE_ARGS(found)).data;
}
#define assert_slice(found, text) assert_string_equal(as_text(found), (text))

/* One request to a vendor at a time, for the tests of call sides: a command in, a request out; an answer in, what it
 * means out. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "adapters/operation.h"
#include "base/json.h"

struct calling {
    const struct adapter *adapter;
    struct arena *arena;
    struct slice settings[ADAPTER_SETTINGS_MAX];
    struct error error;
    struct composition composition;
    struct vendor_request request;
    struct vendor_answer answer;
};

/* The account's settings are their defaults; those without one are called "the-<name>". */
static inline void
calling_open(struct calling *calling, const struct adapter *adapter)
{
    const struct adapter_setting *rows = adapter->calls->account_settings;

    *calling = (struct calling){.adapter = adapter, .arena = arena_new(NULL, 16U << 20)};
    assert_non_null(calling->arena);
    for (size_t i = 0; rows[i].name != NULL; i++) {
        calling->settings[i] = rows[i].fallback != NULL ? slice_from(rows[i].fallback)
                                                        : arena_printf(calling->arena, "the-%s", rows[i].name);
    }
}

static inline void
calling_close(struct calling *calling)
{
    arena_free(calling->arena);
}

static inline const struct value *
calling_json(struct calling *calling, struct slice text)
{
    struct error error = {0};
    const struct value *value = json_parse(calling->arena, text, VALUE_LIMITS_DEFAULT, &error);

    if (value == NULL) {
        fail_msg("%s in %.*s", error.text, SLICE_ARGS(text));
    }
    return value;
}

/* data as JSON; NULL: the command has none. */
static inline bool
calling_compose(struct calling *calling, const char *name, const char *id, const char *data)
{
    const struct operation *operation = operation_find(calling->adapter, slice_from(name));
    struct command command = {
        .id = slice_from(id),
        .name = slice_from(name),
        .account = slice_from("acme"),
        .data = data == NULL ? NULL : calling_json(calling, arena_copy(calling->arena, slice_from(data))),
    };
    const struct command *commands[] = {&command};
    struct composition_input input = {
        .commands = commands,
        .count = 1,
        .settings = calling->settings,
        .arena = calling->arena,
    };

    assert_non_null(operation);
    calling->composition = (struct composition){0};
    calling->error = (struct error){0};
    return operation->compose(operation, &input, &calling->composition, &calling->error);
}

static inline void
assert_composed(struct calling *calling, const char *name, const char *data, const char *body)
{
    if (!calling_compose(calling, name, "c-1", data)) {
        fail_msg("%s", calling->error.text);
    }
    if (!slice_is(calling->composition.body, body)) {
        fail_msg("%.*s is not %s", SLICE_ARGS(calling->composition.body), body);
    }
}

static inline void
assert_refused(struct calling *calling, const char *name, const char *data, const char *text)
{
    assert_false(calling_compose(calling, name, "c-1", data));
    assert_string_equal(calling->error.text, text);
}

static inline const struct vendor_answer *
calling_interpret(struct calling *calling, const char *name, const struct http_answer *http,
                  const struct code_rule *overrides)
{
    struct interpretation interpretation = {
        .operation = operation_find(calling->adapter, slice_from(name)),
        .answer = http,
        .overrides = overrides,
        .command_count = 1,
        .arena = calling->arena,
    };

    assert_non_null(interpretation.operation);
    calling->answer = (struct vendor_answer){.item_ids = calling->settings, .wait_ms = -1}; /* to be overwritten */
    calling->adapter->calls->interpret(&interpretation, &calling->answer);
    return &calling->answer;
}

/* Whether two JSON values mean the same: objects whatever the order of their members, numbers as written. */
static inline bool
same_json(const struct value *a, const struct value *b)
{
    const struct value *other = b->first;

    if (a->kind != b->kind || a->boolean != b->boolean || a->count != b->count || !slice_equal(a->text, b->text)) {
        return false;
    }
    for (const struct value *child = a->first; child != NULL; child = child->next) {
        const struct value *twin = a->kind == VALUE_OBJECT ? value_member_named(b, child->name) : other;

        if (twin == NULL || !same_json(child, twin)) {
            return false;
        }
        other = other == NULL ? NULL : other->next;
    }
    return true;
}

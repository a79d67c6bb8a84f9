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
    int64_t wall_ms;
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

/* The one of that name; "" is the operation that fetches a token. */
static inline const struct operation *
calling_operation(const struct calling *calling, const char *name)
{
    const struct operation *operation =
        name[0] == '\0' ? calling->adapter->calls->token_operation : operation_find(calling->adapter, slice_from(name));

    assert_non_null(operation);
    return operation;
}

/* data as JSON; NULL: the command has none. */
static inline struct command
calling_command(struct calling *calling, const char *name, const char *id, const char *data)
{
    return (struct command){
        .id = slice_from(id),
        .name = slice_from(name),
        .account = slice_from("acme"),
        .data = data == NULL ? NULL : calling_json(calling, arena_copy(calling->arena, slice_from(data))),
    };
}

static inline bool
calling_compose_commands(struct calling *calling, const struct operation *operation,
                         const struct command *const *commands, size_t count)
{
    struct composition_input input = {
        .commands = commands,
        .count = count,
        .settings = calling->settings,
        .wall_ms = calling->wall_ms,
        .arena = calling->arena,
    };

    calling->composition = (struct composition){0};
    calling->error = (struct error){0};
    return operation->compose(operation, &input, &calling->composition, &calling->error);
}

static inline bool
calling_compose(struct calling *calling, const char *name, const char *id, const char *data)
{
    struct command command = calling_command(calling, name, id, data);
    const struct command *commands[] = {&command};

    return calling_compose_commands(calling, calling_operation(calling, name), commands, 1);
}

/* What has been composed, signed: request. */
static inline void
calling_sign(struct calling *calling, const char *token)
{
    struct signing signing = {
        .composition = &calling->composition,
        .settings = calling->settings,
        .token = slice_from(token),
        .wall_ms = calling->wall_ms,
        .arena = calling->arena,
    };

    assert_true(calling->adapter->calls->sign(&signing, &calling->request));
}

/* The empty slice when the request bears no such header. */
static inline struct slice
calling_header(const struct calling *calling, const char *name)
{
    for (size_t i = 0; i < calling->request.header_count; i++) {
        if (slice_is_nocase(calling->request.header_names[i], name)) {
            return calling->request.header_values[i];
        }
    }
    return (struct slice){0};
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

/* The answer to a request that carried count commands. */
static inline const struct vendor_answer *
calling_interpret_gathered(struct calling *calling, const char *name, size_t count, const struct http_answer *http,
                           const struct code_rule *overrides)
{
    struct interpretation interpretation = {
        .operation = calling_operation(calling, name),
        .answer = http,
        .overrides = overrides,
        .command_count = count,
        .arena = calling->arena,
    };

    calling->answer = (struct vendor_answer){.item_ids = calling->settings, .wait_ms = -1}; /* to be overwritten */
    calling->adapter->calls->interpret(&interpretation, &calling->answer);
    return &calling->answer;
}

static inline const struct vendor_answer *
calling_interpret(struct calling *calling, const char *name, const struct http_answer *http,
                  const struct code_rule *overrides)
{
    return calling_interpret_gathered(calling, name, 1, http, overrides);
}

static inline void
assert_meaning(const struct vendor_answer *answer, enum call_code code, enum call_acted acted, enum call_repeat repeat)
{
    assert_string_equal(call_codes[answer->code], call_codes[code]);
    assert_string_equal(call_acted_words[answer->acted], call_acted_words[acted]);
    assert_string_equal(call_repeat_words[answer->repeat], call_repeat_words[repeat]);
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

/* One conversion at a time, for the tests of adapters: a body in, the events and what was counted out. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "adapters/adapter.h"
#include "base/json.h"

struct bench {
    const struct adapter *adapter;
    struct zone *zone;
    struct arena *arena;
    struct slice settings[ADAPTER_SETTINGS_MAX];
    struct conversion conversion;
};

/* The adapter with its settings' defaults, in China's time zone. */
static inline void
bench_open(struct bench *bench, const struct adapter *adapter)
{
    struct error error;

    *bench = (struct bench){.adapter = adapter};
    bench->zone = zone_load("Asia/Shanghai", &error);
    assert_non_null(bench->zone);
    bench->arena = arena_new(NULL, 4U << 20);
    assert_non_null(bench->arena);
    for (size_t i = 0; adapter->settings[i].name != NULL; i++)
        bench->settings[i] = slice_from(adapter->settings[i].fallback);
}

static inline void
bench_close(struct bench *bench)
{
    arena_free(bench->arena);
    zone_free(bench->zone);
}

static inline bool
bench_convert(struct bench *bench, const char *endpoint, const char *body)
{
    struct error error = {0};
    struct callback callback = {
        .endpoint = slice_from(endpoint),
        .body = slice_from(body),
        .format = BODY_JSON,
        .account = slice_from("acme"),
        .zone = bench->zone,
        .settings = bench->settings,
        .arena = bench->arena,
    };

    callback.message = json_parse(bench->arena, callback.body, VALUE_LIMITS_DEFAULT, &error);
    assert_non_null(callback.message);
    bench->conversion = (struct conversion){0};
    return bench->adapter->convert(&callback, &bench->conversion);
}

/* The only event of a message that must convert. */
static inline const struct canonical_event *
bench_event(struct bench *bench, const char *endpoint, const char *body)
{
    assert_true(bench_convert(bench, endpoint, body));
    assert_int_equal(bench->conversion.count, 1);
    return bench->conversion.first;
}

/* The only event of the message that format makes. */
__attribute__((format(printf, 2, 3))) static inline const struct canonical_event *
bench_event_of(struct bench *bench, const char *format, ...)
{
    va_list arguments;
    char body[1024];

    va_start(arguments, format);
    assert_in_range(vsnprintf(body, sizeof(body), format, arguments), 1, sizeof(body) - 1);
    va_end(arguments);
    return bench_event(bench, "", arena_copy(bench->arena, slice_from(body)).data);
}

#define assert_slice(slice, text) assert_true(slice_is((slice), (text)))

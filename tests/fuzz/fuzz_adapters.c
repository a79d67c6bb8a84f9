/* Any body through every adapter that is coded: what it says must be well formed, whole, and the same when the body
 * comes again. Its corpus is the golden files. */
#include "adapters/adapter.h"
#include "base/json.h"
#include "base/xml.h"
#include "event/cloudevent.h"
#include "fuzz/fact.h"

#define ARENA_BYTES ((size_t)16 << 20)
#define EVENTS_MOST 16

static void
check_event(const struct canonical_event *event, const struct envelope *envelope, struct arena *arena)
{
    static const enum cloudevent_mode modes[] = {CLOUDEVENT_STRUCTURED, CLOUDEVENT_BINARY};

    require(event->type > EVENT_NONE && event->type < EVENT_TYPE_COUNT);
    require(!slice_empty(event->key) && !slice_empty(event->subject) && !slice_empty(event->vendor));
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        struct value_limits limits = {.depth = VALUE_LIMITS_DEFAULT.depth + 8, .members = 1000000};
        struct record record = {0};
        struct error error;

        if (!cloudevent_write(event, envelope, modes[i], arena, &record)) {
            require(arena_failed(arena));
            return;
        }
        require(json_parse(arena, record.value, limits, &error) != NULL || arena_failed(arena));
        require(record.key.length > 0 && record.key.length <= 256);
    }
}

static void
check_conversion(const struct adapter *adapter, const struct callback *callback)
{
    struct envelope envelope = {
        .source = SLICE("fuzz"),
        .adapter = slice_from(adapter->name),
        .account = SLICE("fuzz"),
        .received = {.unix_ms = 1, .present = true},
    };
    struct conversion first = {0}, again = {0};
    bool converted = adapter->convert(callback, &first);

    require(adapter->answer(callback).body.length > 0);
    if (adapter->verify_parsed != NULL) {
        (void)adapter->verify_parsed(callback);
    }
    require(adapter->convert(callback, &again) == converted || arena_failed(callback->arena));
    if (arena_failed(callback->arena)) {
        return;
    }
    require(converted ? first.count > 0 && first.count < EVENTS_MOST : first.reason != NULL && first.detail != NULL);
    require(first.count == again.count);
    for (const struct canonical_event *a = first.first, *b = again.first; converted && a != NULL;
         a = a->next, b = b->next) {
        check_event(a, &envelope, callback->arena);
        require(
            slice_equal(cloudevent_id(a, &envelope, callback->arena), cloudevent_id(b, &envelope, callback->arena)) ||
            arena_failed(callback->arena));
    }
}

static void
check_adapter(const struct adapter *adapter, struct slice body, const struct zone *zone, const char *endpoint)
{
    struct slice settings[ADAPTER_SETTINGS_MAX] = {0};
    struct callback callback = {
        .endpoint = slice_from(endpoint),
        .body = body,
        .account = SLICE("fuzz"),
        .zone = zone,
        .settings = settings,
        .arena = arena_new(NULL, ARENA_BYTES),
    };
    struct error error;

    require(callback.arena != NULL);
    for (size_t i = 0; adapter->settings[i].name != NULL; i++) {
        settings[i] = slice_from(adapter->settings[i].fallback);
    }
    callback.format = body.length > 0 && body.data[0] == '<' ? BODY_XML : BODY_JSON;
    callback.message = callback.format == BODY_XML ? xml_parse(callback.arena, body, VALUE_LIMITS_DEFAULT, NULL, &error)
                                                   : json_parse(callback.arena, body, VALUE_LIMITS_DEFAULT, &error);
    if (callback.message != NULL) {
        check_conversion(adapter, &callback);
    }
    arena_free(callback.arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct zone *zone;
    struct error error;

    if (zone == NULL) {
        zone = zone_load("Asia/Shanghai", &error);
        require(zone != NULL);
    }
    for (const struct adapter *const *adapter = adapters; *adapter != NULL; adapter++) {
        if ((*adapter)->mapped) {
            continue; /* what it does is in a mapping: fuzz_callback.c's, fuzz_mapping.c's */
        }
        check_adapter(*adapter, slice_make((const char *)data, size), zone, "");
        for (const char *const *endpoint = (*adapter)->endpoints; *endpoint != NULL; endpoint++) {
            check_adapter(*adapter, slice_make((const char *)data, size), zone, *endpoint);
        }
    }
    return 0;
}

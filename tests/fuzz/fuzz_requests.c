/* Any JSON as the data of a command of every operation of every adapter that has a call side: it is refused with a
 * sentence, or becomes a request that is whole: JSON in the body, nothing in path and headers that HTTP does not let
 * through. The first byte is how many commands go into a request where the operation gathers them; the rest is data. */
#include "adapters/operation.h"
#include "base/json.h"
#include "base/utf8.h"
#include "fuzz/fact.h"

#define ARENA_BYTES   ((size_t)16 << 20)
#define GATHERED_MOST 64

static void
require_printable(struct slice text, char least)
{
    for (size_t i = 0; i < text.length; i++) {
        require(text.data[i] >= least && text.data[i] <= '~');
    }
}

static void
check_request(const struct call_side *calls, const struct composition *composition, const struct slice *settings,
              struct arena *arena)
{
    struct vendor_request request = {0};
    struct signing signing = {
        .composition = composition,
        .settings = settings,
        .token = SLICE("token"),
        .wall_ms = INT64_C(1609226863021),
        .nonce = 25513,
        .arena = arena,
    };

    if (!calls->sign(&signing, &request)) {
        require(arena_failed(arena));
        return;
    }
    require(slice_is(request.method, composition->get ? "GET" : "POST"));
    require(request.path.length > 0 && request.path.data[0] == '/');
    require_printable(request.path, '!');
    require(request.header_count > 0 && request.header_count <= VENDOR_HEADERS_MAX);
    for (size_t i = 0; i < request.header_count; i++) {
        require_printable(request.header_names[i], '!');
        require_printable(request.header_values[i], ' ');
    }
}

static void
check_composition(const struct composition *composition, struct arena *arena)
{
    struct value_limits limits = {.depth = VALUE_LIMITS_DEFAULT.depth + 8, .members = 1000000};
    struct error error;

    if (composition->get) {
        require(slice_empty(composition->body));
        return;
    }
    require(json_parse(arena, composition->body, limits, &error) != NULL || arena_failed(arena));
}

static void
check_operation(const struct call_side *calls, const struct operation *operation, const struct value *data,
                size_t count, struct arena *arena)
{
    const struct command *commands[GATHERED_MOST];
    struct slice settings[ADAPTER_SETTINGS_MAX] = {0};
    struct command command = {.id = SLICE("c-1"), .name = slice_from(operation->command), .data = data};
    struct composition_input input = {.commands = commands, .settings = settings, .arena = arena};
    struct composition composition = {0};
    struct error error = {0};

    input.count = count % (operation->gather_max < GATHERED_MOST ? operation->gather_max : GATHERED_MOST) + 1;
    for (size_t i = 0; i < input.count; i++) {
        commands[i] = &command;
    }
    for (size_t i = 0; calls->account_settings[i].name != NULL; i++) {
        settings[i] = slice_from(calls->account_settings[i].fallback != NULL ? calls->account_settings[i].fallback
                                                                             : calls->account_settings[i].name);
    }
    if (input.count > 1 && !operation->gathers_with(&command, &command)) {
        input.count = 1;
    }
    if (!operation->compose(operation, &input, &composition, &error)) {
        require(error.text[0] != '\0' && utf8_valid(slice_from(error.text)));
        return;
    }
    check_composition(&composition, arena);
    check_request(calls, &composition, settings, arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(NULL, ARENA_BYTES);
    struct error error;
    const struct value *value;

    require(arena != NULL);
    value =
        size < 2 ? NULL : json_parse(arena, slice_make((const char *)data + 1, size - 1), VALUE_LIMITS_DEFAULT, &error);
    for (const struct adapter *const *adapter = adapters; value != NULL && *adapter != NULL; adapter++) {
        const struct call_side *calls = (*adapter)->calls;

        for (const struct operation *operation = calls == NULL ? NULL : calls->operations;
             operation != NULL && operation->command != NULL && value->kind == VALUE_OBJECT; operation++) {
            check_operation(calls, operation, value, data[0], arena);
        }
    }
    arena_free(arena);
    return 0;
}

/* Steering a simulator over HTTP. */
#include "simulators/control.h"

#include <stdlib.h>

#include "base/json.h"
#include "simulators/members.h"

#define ROOT "/simulator/"

struct control_call {
    struct controlled *controlled;
    const struct simulated_request *request;
    const struct value *body; /* NULL: none, or no JSON */
    struct json_writer *writer;
    struct error *error;
};

/* --- what it tells --- */

static bool
serve_calls(const struct control_call *call)
{
    struct slice since = request_parameter(call->request, "since");
    uint64_t number = 0;

    for (size_t i = 0; i < since.length && since.data[i] >= '0' && since.data[i] <= '9' && number < UINT32_MAX; i++) {
        number = number * 10 + (uint64_t)(since.data[i] - '0');
    }
    ledger_write(call->controlled->ledger, number, call->writer);
    return true;
}

static void
write_behaviours(const struct behaviours *behaviours, struct json_writer *writer)
{
    member_open(writer, "behaviours", '[');
    for (size_t i = 0; i < behaviours->count; i++) {
        const struct behaviour *behaviour = &behaviours->list[i];

        json_open(writer, '{');
        member_text(writer, "answer", answer_kinds[behaviour->answer]);
        member_text(writer, "path", behaviour->path);
        member_integer(writer, "next", behaviour->next);
        json_close(writer, '}');
    }
    json_close(writer, ']');
}

static bool
serve_state(const struct control_call *call)
{
    const struct controlled *controlled = call->controlled;
    const struct simulator_counts *counts = &controlled->counts;
    struct push_counts pushes = pushes_count(controlled->pushes);
    struct json_writer *writer = call->writer;

    member_integer(writer, "connected", (int64_t)counts->connected);
    member_integer(writer, "concurrent", (int64_t)counts->concurrent);
    member_integer(writer, "concurrent_max", (int64_t)counts->concurrent_max);
    member_integer(writer, "in_window_max", (int64_t)counts->in_window_max);
    member_integer(writer, "exceeded", (int64_t)counts->exceeded);
    member_integer(writer, "refused", (int64_t)counts->refused);
    member_integer(writer, "stragglers", (int64_t)counts->stragglers);
    member_integer(writer, "pushes_answered", (int64_t)pushes.answered);
    member_integer(writer, "pushes_given_up", (int64_t)pushes.given_up);
    member_integer(writer, "pushes_waiting", (int64_t)pushes.waiting);
    controlled->vendor->write_state(controlled->state, writer);
    write_behaviours(&controlled->behaviours, writer);
    return true;
}

/* --- what it is told --- */

static bool
serve_behaviour(const struct control_call *call)
{
    return call->body == NULL ? error_set(call->error, "the body is no JSON object or list")
                              : behaviours_add(&call->controlled->behaviours, call->body, call->error);
}

static bool
serve_reset(const struct control_call *call)
{
    struct controlled *controlled = call->controlled;
    size_t concurrent = controlled->counts.concurrent;
    size_t stragglers = controlled->counts.stragglers;

    controlled->behaviours.count = 0;
    ledger_clear(controlled->ledger);
    recent_free(&controlled->window);
    controlled->counts = (struct simulator_counts){.concurrent = concurrent, .stragglers = stragglers};
    return true;
}

static bool
serve_revoke(const struct control_call *call)
{
    if (call->controlled->vendor->revoke == NULL) {
        return error_set(call->error, "this vendor has no tokens");
    }
    call->controlled->vendor->revoke(call->controlled->state);
    return true;
}

static bool
set_number(const struct value *value, unsigned *number, struct error *error)
{
    if (value->kind != VALUE_NUMBER || value->text.length > 9 || *value->text.data == '-') {
        return error_set(error, "%.*s: a whole number", SLICE_ARGS(value->name));
    }
    *number = (unsigned)strtoul(value->text.data, NULL, 10);
    return true;
}

static bool
set_option(struct simulator_options *options, const struct value *value, struct error *error)
{
    if (slice_is(value->name, "limit")) {
        return set_number(value, &options->limit, error);
    }
    if (slice_is(value->name, "window_ms")) {
        return set_number(value, &options->window_ms, error);
    }
    if (slice_is(value->name, "token_seconds")) {
        return set_number(value, &options->token_seconds, error);
    }
    return error_set(error, "%.*s: no option that can be changed: limit, window_ms, token_seconds",
                     SLICE_ARGS(value->name));
}

static bool
serve_options(const struct control_call *call)
{
    struct simulator_options changed = *call->controlled->options;

    if (call->body == NULL) {
        return error_set(call->error, "the body is no JSON object");
    }
    for (const struct value *member = call->body->first; member != NULL; member = member->next) {
        if (!set_option(&changed, member, call->error)) {
            return false;
        }
    }
    *call->controlled->options = changed;
    return true;
}

/* --- the paths --- */

static const struct {
    const char *method, *path;
    bool (*serve)(const struct control_call *call);
} paths[] = {
    {"GET", ROOT "calls", serve_calls},    {"GET", ROOT "state", serve_state},
    {"POST", ROOT "reset", serve_reset},   {"POST", ROOT "behaviour", serve_behaviour},
    {"POST", ROOT "revoke", serve_revoke}, {"POST", ROOT "options", serve_options},
};

bool
control_owns(const struct simulated_request *request)
{
    return request->path.length >= strlen(ROOT) && memcmp(request->path.data, ROOT, strlen(ROOT)) == 0;
}

static bool
serve(const struct control_call *call)
{
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        if (slice_is(call->request->path, paths[i].path) && slice_is(call->request->method, paths[i].method)) {
            return paths[i].serve(call);
        }
    }
    return error_set(call->error, "no such path: GET calls or state, POST behaviour, options, reset or revoke");
}

void
control_serve(struct controlled *controlled, struct exchange *exchange)
{
    const struct simulated_request *request = exchange_request(exchange);
    struct arena *arena = exchange_arena(exchange);
    struct error error = {{0}};
    struct json_writer writer;
    const struct json_mark start = {0, false};
    struct control_call call = {
        .controlled = controlled,
        .request = request,
        .body = json_parse(arena, request->body, VALUE_LIMITS_DEFAULT, NULL),
        .writer = &writer,
        .error = &error,
    };
    struct http_reply reply = {.status = 200, .content_type = "application/json", .cut_at = SIZE_MAX};

    json_writer_init(&writer, arena, 4096);
    json_open(&writer, '{');
    if (!serve(&call)) {
        reply.status = 400;
        json_rewind(&writer, start);
        json_open(&writer, '{');
        member_text(&writer, "error", error.text);
    }
    json_close(&writer, '}');
    reply.body = json_finish(&writer);
    exchange_answer(exchange, &reply);
}

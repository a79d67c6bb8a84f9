/* A call's way through a simulator: behaviour, door, vendor, ledger, answer. */
#include "simulators/simulator.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "base/json.h"
#include "simulators/control.h"

#define URL_BYTES     40
#define DEEP_BRACKETS 100000
#define GARBAGE       "\x16\x03\x01\x02\x00\x01 this is no HTTP \xff\xfe\r\n\r\n"
#define PAGE          "<html><head><title>502 Bad Gateway</title></head><body><center>nginx</center></body></html>\r\n"
#define NS_PER_MS     1000000

/* A call under way: waiting for the door, or for its answer's time. */
struct visit {
    struct simulator *simulator;
    struct exchange *exchange;
    struct event *timer;
    struct behaviour behaviour; /* kind ANSWER_PROPER: none */
    bool behaved;
    bool straggles;          /* its client has given up */
    struct http_reply reply; /* once it has been at the door */
    LIST_ENTRY(visit) link;
};

struct simulator {
    struct event_base *base;
    const struct clock *clock;
    struct simulator_options options;
    char *key, *secret, *refused_numbers;
    struct chance chance;
    struct controlled controlled;
    struct server *server, *control;
    char url[URL_BYTES], control_url[URL_BYTES];
    LIST_HEAD(, visit) visits;
};

static void
visit_end(struct visit *visit)
{
    struct simulator_counts *counts = &visit->simulator->controlled.counts;

    if (visit->straggles) {
        counts->stragglers--;
    } else {
        counts->concurrent--;
    }
    LIST_REMOVE(visit, link);
    exchange_free(visit->exchange);
    if (visit->timer != NULL) {
        event_free(visit->timer);
    }
    free(visit);
}

/* --- the answer --- */

static struct slice
filled(struct arena *arena, size_t bytes, struct slice head, char fill, struct slice tail)
{
    size_t length = head.length + bytes + tail.length;
    char *text = arena_alloc(arena, length);

    if (text == NULL) {
        return (struct slice){"", 0};
    }
    memset(text, fill, length);
    memcpy(text, head.data, head.length);
    memcpy(text + length - tail.length, tail.data, tail.length);
    return slice_make(text, length);
}

static void
spoil_reply(struct visit *visit)
{
    const struct behaviour *behaviour = &visit->behaviour;
    struct arena *arena = exchange_arena(visit->exchange);
    struct http_reply *reply = &visit->reply;

    reply->retry_after_seconds = behaviour->retry_after_seconds;
    if (behaviour->status != 0) {
        reply->status = behaviour->status;
    }
    switch (behaviour->answer) {
    case ANSWER_HALF:
        reply->cut_at = reply->body.length / 2;
        break;
    case ANSWER_HTML:
        reply->content_type = "text/html";
        reply->body = (struct slice)SLICE(PAGE);
        break;
    case ANSWER_EMPTY:
        reply->body.length = 0;
        break;
    case ANSWER_HUGE:
        reply->body =
            filled(arena, behaviour->bytes, slice_from("{\"code\":\"200\",\"data\":\""), 'x', slice_from("\"}"));
        break;
    case ANSWER_DEEP:
        reply->body = filled(arena, DEEP_BRACKETS, slice_from("{\"code\":\"200\",\"data\":"), '[', slice_from(""));
        break;
    case ANSWER_PROPER:
    case ANSWER_CODE:
    case ANSWER_REFUSE:
    case ANSWER_CLOSE:
    case ANSWER_NEVER:
    case ANSWER_GARBAGE:
        break;
    }
}

static void
send_answer(struct visit *visit)
{
    switch (visit->straggles ? ANSWER_NEVER : visit->behaviour.answer) {
    case ANSWER_CLOSE:
        exchange_cut(visit->exchange);
        break;
    case ANSWER_GARBAGE:
        exchange_raw(visit->exchange, (struct slice)SLICE(GARBAGE));
        break;
    case ANSWER_NEVER:
        break;
    default:
        exchange_answer(visit->exchange, &visit->reply);
        break;
    }
    visit_end(visit);
}

/* --- the door --- */

/* How many calls, this one among them, came within the window; whether it is more than the vendor takes. Refused ones
 * count, as a careful vendor would have it. */
static size_t
count_in_window(struct simulator *simulator, int64_t now_ns, bool *exceeded)
{
    struct recent *window = &simulator->controlled.window;
    struct simulator_counts *counts = &simulator->controlled.counts;

    recent_forget(window, now_ns - (int64_t)simulator->options.window_ms * NS_PER_MS);
    if (!recent_add(window, now_ns, 0)) {
        fprintf(stderr, "simulator: out of memory: the window is not counted any more\n");
        abort();
    }
    *exceeded = simulator->options.limit > 0 && window->count > simulator->options.limit;
    counts->exceeded += *exceeded;
    counts->in_window_max = window->count > counts->in_window_max ? window->count : counts->in_window_max;
    return window->count;
}

static void
ask_vendor(struct visit *visit, bool exceeded, const struct vendor_call *call, struct vendor_reply *reply)
{
    struct controlled *controlled = &visit->simulator->controlled;
    const struct vendor *vendor = controlled->vendor;

    if (exceeded) {
        vendor->fail(controlled->state, call, vendor->window_code, reply);
    } else if (visit->behaved && visit->behaviour.answer == ANSWER_CODE) {
        if (visit->behaviour.act) {
            vendor->answer(controlled->state, call, reply);
        }
        bool acted = visit->behaviour.act && reply->acted;
        vendor->fail(controlled->state, call, visit->behaviour.code, reply);
        reply->acted = acted;
    } else if (!visit->behaved || visit->behaviour.act) {
        vendor->answer(controlled->state, call, reply);
    }
}

static void
write_down(struct visit *visit, const struct vendor_call *call, const struct vendor_reply *reply, size_t in_window,
           bool exceeded)
{
    struct simulator *simulator = visit->simulator;
    const struct seen_call seen = {
        .request = call->request,
        .door_monotonic_ns = call->monotonic_ns,
        .door_wall_ns = call->wall_ns,
        .status = visit->reply.status,
        .answer = reply->body,
        .code = reply->code,
        .acted = reply->acted,
        .exceeded = exceeded,
        .behaviour = !visit->behaved         ? ""
                     : visit->behaviour.late ? "late"
                                             : answer_kinds[visit->behaviour.answer],
        .concurrent = simulator->controlled.counts.concurrent,
        .in_window = in_window,
    };

    if (!ledger_add(simulator->controlled.ledger, &seen)) {
        fprintf(stderr, "simulator: a call cannot be written down: no memory, or the ledger's file is full\n");
        abort();
    }
}

static void
come_to_the_door(struct visit *visit)
{
    struct simulator *simulator = visit->simulator;
    const struct simulated_request *request = exchange_request(visit->exchange);
    struct arena *arena = exchange_arena(visit->exchange);
    const struct value *body = json_parse(arena, request->body, VALUE_LIMITS_DEFAULT, NULL);
    struct vendor_call call = {
        .request = request,
        .body = body == NULL || body->kind != VALUE_OBJECT ? NULL : body,
        .monotonic_ns = visit->straggles ? clock_monotonic_ns(simulator->clock) : request->monotonic_ns,
        .wall_ns = simulator->clock->wall(simulator->clock),
        .arena = arena,
    };
    struct vendor_reply reply = {{"", 0}, {"", 0}, false};
    bool exceeded;
    size_t in_window = count_in_window(simulator, call.monotonic_ns, &exceeded);

    ask_vendor(visit, exceeded, &call, &reply);
    visit->reply = (struct http_reply){
        .status = 200, .content_type = "application/json;charset=UTF-8", .body = reply.body, .cut_at = SIZE_MAX};
    if (visit->behaved && !exceeded) {
        spoil_reply(visit);
    }
    write_down(visit, &call, &reply, in_window, exceeded);
}

/* --- a call's beginning --- */

static void
on_time(evutil_socket_t fd, short what, void *argument)
{
    struct visit *visit = argument;

    (void)fd;
    (void)what;
    if (visit->straggles) {
        come_to_the_door(visit);
    }
    send_answer(visit);
}

static void
wait_ms(struct visit *visit, unsigned ms)
{
    const struct timeval pause = {.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};

    visit->timer = evtimer_new(visit->simulator->base, on_time, visit);
    if (visit->timer == NULL || evtimer_add(visit->timer, &pause) != 0) {
        fprintf(stderr, "simulator: out of memory: a call cannot wait\n");
        abort();
    }
}

static void
visit_begin(struct visit *visit)
{
    struct simulator *simulator = visit->simulator;
    const struct behaviour *behaviour = &visit->behaviour;
    struct simulator_counts *counts = &simulator->controlled.counts;
    unsigned delay_ms = chance_between(&simulator->chance, behaviour->delay_least_ms, behaviour->delay_most_ms);

    LIST_INSERT_HEAD(&simulator->visits, visit, link);
    if (behaviour->late) {
        visit->straggles = true;
        counts->stragglers++;
        if (behaviour->late_close) {
            exchange_cut(visit->exchange);
        }
        wait_ms(visit, chance_between(&simulator->chance, behaviour->late_least_ms, behaviour->late_most_ms));
        return;
    }
    counts->concurrent++;
    counts->concurrent_max = counts->concurrent > counts->concurrent_max ? counts->concurrent : counts->concurrent_max;
    come_to_the_door(visit);
    if (delay_ms > 0) {
        wait_ms(visit, delay_ms);
    } else {
        send_answer(visit);
    }
}

static void
on_request(void *argument, struct exchange *exchange)
{
    struct simulator *simulator = argument;
    const struct simulated_request *request = exchange_request(exchange);
    const struct behaviour *behaviour = NULL;
    struct visit *visit;

    if (control_owns(request)) {
        control_serve(&simulator->controlled, exchange);
        exchange_free(exchange);
        return;
    }
    behaviour =
        behaviours_for_call(&simulator->controlled.behaviours, &simulator->chance, request->path, request->body);
    visit = calloc(1, sizeof(*visit));
    if (visit == NULL || (behaviour != NULL && behaviour->answer == ANSWER_REFUSE)) {
        simulator->controlled.counts.refused++;
        exchange_cut(exchange);
        exchange_free(exchange);
        free(visit);
        return;
    }
    visit->simulator = simulator;
    visit->exchange = exchange;
    visit->behaved = behaviour != NULL;
    if (visit->behaved) {
        visit->behaviour = *behaviour;
    }
    visit_begin(visit);
}

static bool
on_accept(void *argument)
{
    struct simulator *simulator = argument;

    if (behaviours_refuse_connection(&simulator->controlled.behaviours, &simulator->chance)) {
        simulator->controlled.counts.refused++;
        return false;
    }
    simulator->controlled.counts.connected++;
    return true;
}

static bool
on_control_accept(void *argument)
{
    (void)argument;
    return true;
}

/* --- its life --- */

static bool
copy_options(struct simulator *simulator, const struct simulator_options *options)
{
    simulator->options = *options;
    simulator->key = strdup(options->key == NULL ? "" : options->key);
    simulator->secret = strdup(options->secret == NULL ? "" : options->secret);
    simulator->refused_numbers = strdup(options->refused_numbers == NULL ? "" : options->refused_numbers);
    simulator->options.key = simulator->key;
    simulator->options.secret = simulator->secret;
    simulator->options.refused_numbers = simulator->refused_numbers;
    return simulator->key != NULL && simulator->secret != NULL && simulator->refused_numbers != NULL;
}

static bool
open_parts(struct simulator *simulator, const struct simulator_options *options, struct error *error)
{
    struct controlled *controlled = &simulator->controlled;

    controlled->options = &simulator->options;
    if (options->push_url != NULL && options->push_url[0] != '\0') {
        controlled->pushes = pushes_new(simulator->base, options->push_url, options->push_step_ms, error);
        if (controlled->pushes == NULL) {
            return false;
        }
    }
    controlled->vendor = options->vendor == SIMULATED_YETA ? &vendor_yeta : &vendor_sevenmoor;
    controlled->state = controlled->vendor->open(&(struct vendor_context){
        .options = &simulator->options,
        .chance = &simulator->chance,
        .pushes = controlled->pushes,
        .clock = simulator->clock,
    });
    controlled->ledger = ledger_new(options->ledger);
    return (controlled->state != NULL && controlled->ledger != NULL) ||
           error_set(error, "out of memory for a simulator");
}

static struct server *
open_server(struct simulator *simulator, int socket, unsigned port, const struct server_callbacks *callbacks,
            struct error *error)
{
    if (socket <= 0) {
        socket = server_listen(port, error);
    }
    return socket < 0 ? NULL : server_new(simulator->base, simulator->clock, socket, callbacks, error);
}

static bool
open_servers(struct simulator *simulator, struct error *error)
{
    struct server_callbacks calls = {.on_accept = on_accept, .on_request = on_request, .argument = simulator};
    struct server_callbacks control = {.on_accept = on_control_accept, .on_request = on_request, .argument = simulator};
    const struct simulator_options *options = &simulator->options;

    simulator->server = open_server(simulator, options->socket, options->port, &calls, error);
    if (simulator->server == NULL) {
        return false;
    }
    simulator->control = open_server(simulator, 0, options->control_port, &control, error);
    if (simulator->control == NULL) {
        return false;
    }
    (void)snprintf(simulator->url, URL_BYTES, "http://127.0.0.1:%u", server_port(simulator->server));
    (void)snprintf(simulator->control_url, URL_BYTES, "http://127.0.0.1:%u", server_port(simulator->control));
    return true;
}

int
simulator_listen(unsigned *port, struct error *error)
{
    int socket = server_listen(0, error);

    *port = socket < 0 ? 0 : server_socket_port(socket);
    return socket;
}

struct simulator *
simulator_new(struct event_base *base, const struct clock *clock, const struct simulator_options *options,
              struct error *error)
{
    struct simulator *simulator = calloc(1, sizeof(*simulator));

    if (simulator == NULL || !copy_options(simulator, options)) {
        (void)error_set(error, "out of memory for a simulator");
        simulator_free(simulator);
        return NULL;
    }
    LIST_INIT(&simulator->visits);
    simulator->base = base;
    simulator->clock = clock;
    simulator->chance.state = options->seed;
    if (!open_parts(simulator, options, error) || !open_servers(simulator, error)) {
        simulator_free(simulator);
        return NULL;
    }
    return simulator;
}

void
simulator_free(struct simulator *simulator)
{
    struct visit *visit;
    struct visit *next;

    if (simulator == NULL) {
        return;
    }
    for (visit = LIST_FIRST(&simulator->visits); visit != NULL; visit = next) {
        next = LIST_NEXT(visit, link);
        visit_end(visit);
    }
    server_free(simulator->server);
    server_free(simulator->control);
    if (simulator->controlled.state != NULL) {
        simulator->controlled.vendor->close(simulator->controlled.state);
    }
    pushes_free(simulator->controlled.pushes);
    ledger_free(simulator->controlled.ledger);
    recent_free(&simulator->controlled.window);
    free(simulator->key);
    free(simulator->secret);
    free(simulator->refused_numbers);
    free(simulator);
}

const char *
simulator_url(const struct simulator *simulator)
{
    return simulator->url;
}

const char *
simulator_control_url(const struct simulator *simulator)
{
    return simulator->control_url;
}

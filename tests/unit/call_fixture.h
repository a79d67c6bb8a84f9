/* A caller on a loop of its own, and a resolver that knows the names that tests need. */
#pragma once

#include <dlfcn.h>
#include <event2/event.h>
#include <netdb.h>
#include <time.h>

#include "calls/call.h"
#include "unit/vendor_stand_in.h"

#define PATIENCE_SECONDS 60
#define WALL_NS          1795269600000000000LL /* Sat, 21 Nov 2026 14:00:00 GMT */

/* What has ended, and how the last one did. */
struct ended {
    unsigned count, answered;
    struct call_outcome outcome;
    char body[256]; /* the first of it, as a C string */
    char reason[512];
};

struct fixture {
    struct event_base *base;
    struct fixed_clock clock;
    struct caller *caller;
    struct ended ended;
    char directory[64];
};

/* --- the resolver: libcurl's threads call this one --- */

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool held, overslept;
    unsigned hanging;
} resolver = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static inline void
resolver_hang(void)
{
    struct timespec until;
    int code = 0;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_SECONDS / 2;
    pthread_mutex_lock(&resolver.lock);
    resolver.hanging++;
    pthread_cond_broadcast(&resolver.changed);
    while (resolver.held && code == 0) {
        code = pthread_cond_timedwait(&resolver.changed, &resolver.lock, &until);
    }
    resolver.overslept = resolver.overslept || resolver.held;
    resolver.hanging--;
    pthread_cond_broadcast(&resolver.changed);
    pthread_mutex_unlock(&resolver.lock);
}

/* "hangs.test" is not answered until released, other names under "test" do not exist; the rest is the system's. */
int
getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **found)
{
    static int (*system_getaddrinfo)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    size_t length = name == NULL ? 0 : strlen(name);

    if (length > 5 && strcmp(name + length - 5, ".test") == 0) {
        if (strcmp(name, "hangs.test") == 0) {
            resolver_hang();
        }
        return EAI_NONAME;
    }
    *(void **)&system_getaddrinfo = dlsym(RTLD_NEXT, "getaddrinfo");
    return system_getaddrinfo(name, service, hints, found);
}

static inline void
resolver_hold(void)
{
    pthread_mutex_lock(&resolver.lock);
    resolver.held = true;
    resolver.overslept = false;
    pthread_mutex_unlock(&resolver.lock);
}

static inline bool
resolver_release(void)
{
    bool fine;

    pthread_mutex_lock(&resolver.lock);
    fine = !resolver.overslept && resolver.hanging > 0;
    resolver.held = false;
    pthread_cond_broadcast(&resolver.changed);
    while (resolver.hanging > 0) {
        pthread_cond_wait(&resolver.changed, &resolver.lock);
    }
    pthread_mutex_unlock(&resolver.lock);
    return fine;
}

/* --- the fixture --- */

static inline void
fixture_open_caller(struct fixture *fixture, const char *ca_file)
{
    struct caller_options options = {.ca_file = ca_file};
    struct error error = {""};

    fixture->caller = caller_new(fixture->base, &fixture->clock.clock, &options, &error);
    if (fixture->caller == NULL) {
        fail_msg("%s", error.text);
    }
}

static inline void
fixture_close_caller(struct fixture *fixture)
{
    caller_free(fixture->caller);
    fixture->caller = NULL;
}

static inline void
fixture_close(struct fixture *fixture)
{
    fixture_close_caller(fixture);
    event_base_free(fixture->base);
    fixture->base = NULL;
}

static int
fixture_setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);

    if (fixture == NULL) {
        return -1;
    }
    strcpy(fixture->directory, "/tmp/test_call.XXXXXX");
    if (mkdtemp(fixture->directory) == NULL) {
        return -1;
    }
    fixed_clock_init(&fixture->clock, WALL_NS);
    fixture->clock.monotonic_ns = 5000000000;
    fixture->clock.boottime_ns = 7000000000;
    fixture->base = event_base_new();
    *state = fixture;
    fixture_open_caller(fixture, NULL);
    return 0;
}

static int
fixture_teardown(void **state)
{
    struct fixture *fixture = *state;

    fixture_close(fixture);
    (void)rmdir(fixture->directory);
    free(fixture);
    return 0;
}

/* --- calls --- */

static void
on_end(void *argument, const struct call_outcome *outcome)
{
    struct ended *ended = &((struct fixture *)argument)->ended;

    ended->count++;
    ended->answered += outcome->end == CALL_ANSWERED;
    ended->outcome = *outcome;
    (void)snprintf(ended->body, sizeof ended->body, "%.*s", SLICE_ARGS(outcome->body));
    (void)snprintf(ended->reason, sizeof ended->reason, "%s", outcome->reason);
}

/* Patient time-outs: a test that wants one of them to end a call sets it. */
static inline struct call_request
request_of(const char *url)
{
    return (struct call_request){
        .method = SLICE("POST"),
        .url = slice_from(url),
        .body = SLICE("{\"callee\":\"13800138000\"}"),
        .timeouts = {PATIENCE_SECONDS * 1000, PATIENCE_SECONDS * 1000, PATIENCE_SECONDS * 1000},
        .answer_bytes_max = 100000,
    };
}

/* The URL's text is good until the next one. */
static inline struct call_request
request_to(const struct vendor *vendor, const char *path)
{
    static char urls[4][256];
    static unsigned next;
    char *url = urls[next++ % 4];

    (void)snprintf(url, sizeof urls[0], "%s://127.0.0.1:%u%s", vendor->tls == NULL ? "http" : "https", vendor->port,
                   path);
    return request_of(url);
}

static inline struct call *
start(struct fixture *fixture, const struct call_request *request)
{
    struct error error = {""};
    struct call *call = call_start(fixture->caller, request, on_end, fixture, &error);

    if (call == NULL) {
        fail_msg("%s", error.text);
    }
    return call;
}

static inline void
run_once(struct fixture *fixture)
{
    static const struct timeval tick = {.tv_usec = 5000};

    assert_int_equal(event_base_loopexit(fixture->base, &tick), 0);
    assert_true(event_base_loop(fixture->base, EVLOOP_ONCE) >= 0);
}

/* Whether the deadline is behind us; begins one when it is 0. */
static inline bool
out_of_patience(time_t *deadline)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    if (*deadline == 0) {
        *deadline = now.tv_sec + 2 * PATIENCE_SECONDS;
    }
    return now.tv_sec > *deadline;
}

static inline void
run_until(struct fixture *fixture, unsigned ended)
{
    time_t deadline = 0;

    while (fixture->ended.count < ended) {
        run_once(fixture);
        if (out_of_patience(&deadline)) {
            fail_msg("%u of %u calls have ended", fixture->ended.count, ended);
        }
    }
    assert_int_equal(fixture->ended.count, ended);
}

static inline void
run_until_requests(struct fixture *fixture, struct vendor *vendor, unsigned requests)
{
    time_t deadline = 0;

    while (atomic_load(&vendor->requests) < requests) {
        run_once(fixture);
        if (out_of_patience(&deadline)) {
            fail_msg("%u of %u requests have come", vendor->requests, requests);
        }
    }
}

static inline void
resolver_wait_for_hangs(struct fixture *fixture, unsigned count)
{
    unsigned hanging = 0;
    time_t deadline = 0;

    while (hanging < count) {
        run_once(fixture);
        pthread_mutex_lock(&resolver.lock);
        hanging = resolver.hanging;
        pthread_mutex_unlock(&resolver.lock);
        if (out_of_patience(&deadline)) {
            fail_msg("%u of %u names are being looked up", hanging, count);
        }
    }
}

static inline void
call_once(struct fixture *fixture, const struct call_request *request)
{
    fixture->ended = (struct ended){0};
    (void)start(fixture, request);
    run_until(fixture, 1);
    assert_int_equal(caller_count(fixture->caller), 0);
}

/* --- servers --- */

#define OK_HEAD   "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
#define OK_ANSWER OK_HEAD "Content-Length: 7\r\n\r\n{\"a\":1}"

/* Answers, once, with what it was given, and waits for the client to close. */
static inline void
serve_text(struct visit *visit)
{
    if (visit_read_request(visit) && visit_text(visit, visit->vendor->argument)) {
        visit_wait(visit);
    }
}

/* The same, and closes. */
static inline void
serve_text_and_close(struct visit *visit)
{
    if (visit_read_request(visit)) {
        (void)visit_text(visit, visit->vendor->argument);
    }
}

static inline void
serve_request_only(struct visit *visit)
{
    if (visit_read_request(visit)) {
        visit_wait(visit);
    }
}

/* --- what is expected --- */

static inline void
assert_ended(const struct fixture *fixture, enum call_end end, bool timed_out, const char *reason)
{
    const struct ended *ended = &fixture->ended;

    if (ended->count != 1 || ended->outcome.end != end || ended->outcome.timed_out != timed_out ||
        strstr(ended->reason, reason) == NULL) {
        fail_msg("%u ended: %s%s, \"%s\"", ended->count, call_ends[ended->outcome.end],
                 ended->outcome.timed_out ? ", timed out" : "", ended->reason);
    }
}

static inline void
assert_answered(const struct fixture *fixture, unsigned status, const char *body)
{
    assert_ended(fixture, CALL_ANSWERED, false, "");
    assert_int_equal(fixture->ended.outcome.status, status);
    assert_string_equal(fixture->ended.body, body);
    assert_string_equal(fixture->ended.reason, "");
    assert_int_equal(fixture->ended.outcome.sent_ns, fixture->clock.monotonic_ns);
    assert_int_equal(fixture->ended.outcome.ended_ns, fixture->clock.monotonic_ns);
}

static inline void
assert_bytes_equal(struct slice given, struct slice expected)
{
    if (!slice_equal(given, expected)) {
        fail_msg("%zu bytes: %.*s\ninstead of %zu: %.*s", given.length, SLICE_ARGS(given), expected.length,
                 SLICE_ARGS(expected));
    }
}

/* Pushes on libevent's HTTP client; a few stories are told at once, the others wait. */
#include "simulators/pushes.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>

#define TOLD_MAX        32
#define STORIES_MAX     50000
#define RETRY_SECONDS   1
#define TIMEOUT_SECONDS 10
#define PATH_BYTES      1024

struct push {
    const char *endpoint;
    char *body;
    size_t length;
};

struct story {
    struct pushes *pushes;
    struct push list[PUSHES_OF_STORY_MAX];
    size_t count, next;
    unsigned tries; /* of the next one */
    bool broken;    /* for want of memory */
    struct evhttp_connection *connection;
    struct event *timer;
    TAILQ_ENTRY(story) link;
};

struct pushes {
    struct event_base *base;
    struct evhttp_uri *url;
    unsigned step_ms;
    size_t told_count;
    struct push_counts counts;
    TAILQ_HEAD(, story) told, waiting;
};

static void
story_free(struct story *story)
{
    if (story->connection != NULL) {
        evhttp_connection_free(story->connection);
    }
    if (story->timer != NULL) {
        event_free(story->timer);
    }
    for (size_t i = 0; i < story->count; i++) {
        free(story->list[i].body);
    }
    free(story);
}

static void begin_waiting(struct pushes *pushes);

static void
story_end(struct story *story)
{
    struct pushes *pushes = story->pushes;

    pushes->counts.given_up += story->count - story->next;
    TAILQ_REMOVE(&pushes->told, story, link);
    pushes->told_count--;
    pushes->counts.waiting--;
    story_free(story);
    begin_waiting(pushes);
}

/* The next one, or the same once more, after a while; the end comes from here as well, because a connection must not be
 * freed from its own callback. */
static void
wait_for(const struct story *story, unsigned ms)
{
    const struct timeval pause = {.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};

    (void)event_add(story->timer, &pause);
}

static void
on_answer(struct evhttp_request *request, void *argument)
{
    struct story *story = argument;
    int status = request == NULL ? 0 : evhttp_request_get_response_code(request);

    if (status / 100 == 2) {
        story->pushes->counts.answered++;
        story->next++;
        story->tries = 0;
        wait_for(story, story->next < story->count ? story->pushes->step_ms : 0);
    } else {
        wait_for(story, ++story->tries < PUSH_TRIES ? RETRY_SECONDS * 1000 : 0);
    }
}

static bool
post(struct story *story)
{
    const struct push *push = &story->list[story->next];
    const char *base_path = evhttp_uri_get_path(story->pushes->url);
    struct evhttp_request *request = evhttp_request_new(on_answer, story);
    struct evkeyvalq *headers = request == NULL ? NULL : evhttp_request_get_output_headers(request);
    char path[PATH_BYTES];
    char host[256];
    int length = snprintf(path, sizeof(path), "%s%s", base_path == NULL ? "" : base_path, push->endpoint);

    (void)snprintf(host, sizeof(host), "%s:%d", evhttp_uri_get_host(story->pushes->url),
                   evhttp_uri_get_port(story->pushes->url));
    if (request == NULL) {
        return false;
    }
    if (length < 0 || (size_t)length >= sizeof(path) || evhttp_add_header(headers, "Host", host) != 0 ||
        evhttp_add_header(headers, "Content-Type", "application/json;charset=UTF-8") != 0 ||
        evbuffer_add(evhttp_request_get_output_buffer(request), push->body, push->length) != 0) {
        evhttp_request_free(request);
        return false;
    }
    return evhttp_make_request(story->connection, request, EVHTTP_REQ_POST, length == 0 ? "/" : path) == 0;
}

static void
on_step(evutil_socket_t fd, short what, void *argument)
{
    struct story *story = argument;

    (void)fd;
    (void)what;
    if (story->broken || story->next == story->count || story->tries == PUSH_TRIES || !post(story)) {
        story_end(story);
    }
}

static void
begin(struct story *story)
{
    struct pushes *pushes = story->pushes;

    story->connection = evhttp_connection_base_new(pushes->base, NULL, evhttp_uri_get_host(pushes->url),
                                                   (unsigned short)evhttp_uri_get_port(pushes->url));
    story->broken = story->broken || story->connection == NULL;
    if (story->connection != NULL) {
        evhttp_connection_set_timeout(story->connection, TIMEOUT_SECONDS);
    }
    TAILQ_INSERT_TAIL(&pushes->told, story, link);
    pushes->told_count++;
    wait_for(story, pushes->step_ms);
}

static void
begin_waiting(struct pushes *pushes)
{
    struct story *story = TAILQ_FIRST(&pushes->waiting);

    if (story != NULL && pushes->told_count < TOLD_MAX) {
        TAILQ_REMOVE(&pushes->waiting, story, link);
        begin(story);
    }
}

struct story *
story_new(struct pushes *pushes)
{
    struct story *story = pushes == NULL || pushes->counts.waiting == STORIES_MAX ? NULL : calloc(1, sizeof(*story));

    if (story != NULL) {
        story->pushes = pushes;
        story->timer = evtimer_new(pushes->base, on_step, story);
    }
    if (story != NULL && story->timer == NULL) {
        free(story);
        story = NULL;
    }
    if (story == NULL && pushes != NULL) {
        pushes->counts.given_up++;
    }
    return story;
}

void
story_add(struct story *story, const char *endpoint, struct slice body)
{
    char *copy = story == NULL || story->count == PUSHES_OF_STORY_MAX ? NULL : malloc(body.length + 1);

    if (copy != NULL) {
        memcpy(copy, body.data, body.length);
        story->list[story->count++] = (struct push){endpoint, copy, body.length};
    } else if (story != NULL) {
        story->broken = true;
    }
}

void
story_tell(struct story *story)
{
    struct pushes *pushes = story == NULL ? NULL : story->pushes;

    if (pushes != NULL) {
        pushes->counts.waiting++;
        TAILQ_INSERT_TAIL(&pushes->waiting, story, link);
        begin_waiting(pushes);
    }
}

struct push_counts
pushes_count(const struct pushes *pushes)
{
    return pushes == NULL ? (struct push_counts){0} : pushes->counts;
}

struct pushes *
pushes_new(struct event_base *base, const char *url, unsigned step_ms, struct error *error)
{
    struct pushes *pushes = calloc(1, sizeof(*pushes));

    if (pushes == NULL) {
        (void)error_set(error, "out of memory for a simulator's pushes");
        return NULL;
    }
    TAILQ_INIT(&pushes->told);
    TAILQ_INIT(&pushes->waiting);
    pushes->base = base;
    pushes->step_ms = step_ms;
    pushes->url = evhttp_uri_parse(url);
    if (pushes->url == NULL || evhttp_uri_get_host(pushes->url) == NULL || evhttp_uri_get_port(pushes->url) <= 0 ||
        evhttp_uri_get_scheme(pushes->url) == NULL || strcmp(evhttp_uri_get_scheme(pushes->url), "http") != 0) {
        (void)error_set(error, "the URL for pushes is not of the form http://HOST:PORT/PATH");
        pushes_free(pushes);
        return NULL;
    }
    return pushes;
}

void
pushes_free(struct pushes *pushes)
{
    struct story *story;

    if (pushes == NULL) {
        return;
    }
    while ((story = TAILQ_FIRST(&pushes->told)) != NULL) {
        TAILQ_REMOVE(&pushes->told, story, link);
        story_free(story);
    }
    while ((story = TAILQ_FIRST(&pushes->waiting)) != NULL) {
        TAILQ_REMOVE(&pushes->waiting, story, link);
        story_free(story);
    }
    if (pushes->url != NULL) {
        evhttp_uri_free(pushes->url);
    }
    free(pushes);
}

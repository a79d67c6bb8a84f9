/* Runs libcurl's transfers on the caller's loop: its sockets and its timer become events. */
#include <event2/event.h>
#include <stdlib.h>
#include <unistd.h>

#include "calls/call_state.h"

#define LIBCURL_OLDEST 0x075700U /* 7.87: CURLOPT_QUICK_EXIT */

/* --- calls that have ended --- */

void
caller_progressed(struct caller *caller, CURLMcode code)
{
    if (code != CURLM_OK) {
        caller->failure = code;
    }
    event_active(caller->reaping, EV_TIMEOUT, 0);
}

/* Ends one call, and comes again for the next: what on_end does then, were it to free the caller, meets nothing that is
 * still at work. */
static void
on_reaping(evutil_socket_t fd, short what, void *argument)
{
    struct caller *caller = argument;
    struct call *call = NULL;
    CURLMsg *message;
    CURLcode result = CURLE_FAILED_INIT;
    int left;

    (void)fd;
    (void)what;
    if (caller->failure != CURLM_OK) {
        call = caller->calls;
        if (call == NULL) {
            caller->failure = CURLM_OK; /* without any call libcurl begins anew */
            return;
        }
        call->own_reason = curl_multi_strerror(caller->failure);
    } else {
        message = curl_multi_info_read(caller->multi, &left);
        if (message == NULL || message->msg != CURLMSG_DONE) {
            return;
        }
        result = message->data.result;
        if (curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&call) != CURLE_OK || call == NULL) {
            return;
        }
    }
    event_active(caller->reaping, EV_TIMEOUT, 0);
    call_finish(call, result);
}

/* --- libcurl on the loop --- */

static void
on_socket(evutil_socket_t fd, short what, void *argument)
{
    struct caller *caller = argument;
    int events = ((what & EV_READ) != 0 ? CURL_CSELECT_IN : 0) | ((what & EV_WRITE) != 0 ? CURL_CSELECT_OUT : 0);
    int running;

    caller_progressed(caller, curl_multi_socket_action(caller->multi, fd, events, &running));
}

static void
on_timer(evutil_socket_t fd, short what, void *argument)
{
    struct caller *caller = argument;
    int running;

    (void)fd;
    (void)what;
    caller_progressed(caller, curl_multi_socket_action(caller->multi, CURL_SOCKET_TIMEOUT, 0, &running));
}

static int
on_timer_change(CURLM *multi, long timeout_ms, void *argument)
{
    struct caller *caller = argument;
    struct timeval timeout = {.tv_sec = timeout_ms / 1000, .tv_usec = (timeout_ms % 1000) * 1000};

    (void)multi;
    return timeout_ms < 0 ? event_del(caller->timer) : event_add(caller->timer, &timeout);
}

/* event: that of this socket; NULL: it is new. */
static int
on_socket_change(CURL *easy, curl_socket_t fd, int what, void *argument, void *event_of_socket)
{
    struct caller *caller = argument;
    struct event *event = event_of_socket;
    short events =
        (short)(EV_PERSIST | ((what & CURL_POLL_IN) != 0 ? EV_READ : 0) | ((what & CURL_POLL_OUT) != 0 ? EV_WRITE : 0));

    (void)easy;
    if (event != NULL) {
        event_free(event);
        event = NULL;
    }
    if (what != CURL_POLL_REMOVE) {
        event = event_new(caller->base, fd, events, on_socket, caller);
        if (event != NULL && event_add(event, NULL) != 0) {
            event_free(event);
            event = NULL;
        }
    }
    (void)curl_multi_assign(caller->multi, fd, event);
    return what != CURL_POLL_REMOVE && event == NULL ? -1 : 0;
}

/* --- a caller's life --- */

static bool
libcurl_check(struct error *error)
{
    const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);

    if (info->version_num < LIBCURL_OLDEST || (info->features & CURL_VERSION_SSL) == 0 ||
        (info->features & CURL_VERSION_ASYNCHDNS) == 0) {
        return error_set(error,
                         "libcurl %s cannot be used: it must be 7.87 or newer, with TLS and a resolver that does not "
                         "block; install the one that the distribution has for OpenSSL",
                         info->version);
    }
    return true;
}

static bool
trust_check(const char *ca_file, struct error *error)
{
    if (ca_file != NULL && access(ca_file, R_OK) != 0) {
        return error_set(error, "the certificates in %s cannot be read: name a PEM file that this user may read",
                         ca_file);
    }
    return true;
}

static bool
multi_open(struct caller *caller)
{
    caller->multi = curl_multi_init();
    return caller->multi != NULL &&
           curl_multi_setopt(caller->multi, CURLMOPT_SOCKETFUNCTION, on_socket_change) == CURLM_OK &&
           curl_multi_setopt(caller->multi, CURLMOPT_SOCKETDATA, caller) == CURLM_OK &&
           curl_multi_setopt(caller->multi, CURLMOPT_TIMERFUNCTION, on_timer_change) == CURLM_OK &&
           curl_multi_setopt(caller->multi, CURLMOPT_TIMERDATA, caller) == CURLM_OK &&
           curl_multi_setopt(caller->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING) == CURLM_OK;
}

struct caller *
caller_new(struct event_base *base, const struct clock *clock, const struct caller_options *options,
           struct error *error)
{
    struct caller *caller;

    if (!libcurl_check(error) || !trust_check(options->ca_file, error)) {
        return NULL;
    }
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        error_set(error, "libcurl does not start");
        return NULL;
    }
    caller = calloc(1, sizeof *caller);
    if (caller == NULL) {
        curl_global_cleanup();
        error_set(error, "out of memory");
        return NULL;
    }
    caller->base = base;
    caller->clock = clock;
    caller->ca_file = options->ca_file == NULL ? NULL : strdup(options->ca_file);
    caller->timer = evtimer_new(base, on_timer, caller);
    caller->reaping = evtimer_new(base, on_reaping, caller);
    if ((options->ca_file != NULL && caller->ca_file == NULL) || caller->timer == NULL || caller->reaping == NULL ||
        !multi_open(caller)) {
        error_set(error, "out of memory");
        caller_free(caller);
        return NULL;
    }
    return caller;
}

void
caller_free(struct caller *caller)
{
    if (caller == NULL) {
        return;
    }
    while (caller->calls != NULL) {
        call_discard(caller->calls);
    }
    (void)curl_multi_cleanup(caller->multi); /* NULL is only refused */
    if (caller->timer != NULL) {
        event_free(caller->timer);
    }
    if (caller->reaping != NULL) {
        event_free(caller->reaping);
    }
    free(caller->ca_file);
    free(caller);
    curl_global_cleanup();
}

size_t
caller_count(const struct caller *caller)
{
    return caller->count;
}

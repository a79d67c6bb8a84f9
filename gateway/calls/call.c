/* A call's life: started, sent once, ended; and where it ended, which is where it can be known whether the vendor has
 * seen it. */
#include "calls/call.h"

#include <event2/event.h>
#include <stdlib.h>

#include "calls/call_log.h"
#include "calls/call_options.h"
#include "calls/call_state.h"

const char *const call_ends[] = {"not_sent", "lease_over", "unanswered", "broken", "answered"};

/* --- its end --- */

/* What libcurl says when bytes came that are no answer of HTTP. */
static bool
is_nonsense(CURLcode result)
{
    return result == CURLE_UNSUPPORTED_PROTOCOL || result == CURLE_WEIRD_SERVER_REPLY ||
           result == CURLE_FILESIZE_EXCEEDED || result == CURLE_BAD_CONTENT_ENCODING;
}

/* As soon as the request could be sent it counts as sent, also if the connection took not a byte of it. As soon as the
 * answer has a status line the vendor has answered: what is missing then is only the answer. */
static enum call_end
where_ended(const struct call *call, CURLcode result)
{
    if (call->sent_ns == 0) {
        return call->lease_over ? CALL_LEASE_OVER : CALL_NOT_SENT;
    }
    if (result == CURLE_OK && call->answer.head_whole) {
        return CALL_ANSWERED;
    }
    return call->answer.begun || call->answer.fault[0] != '\0' || is_nonsense(result) ? CALL_BROKEN : CALL_UNANSWERED;
}

static const char *
why_ended(const struct call *call, CURLcode result)
{
    if (call->answer.fault[0] != '\0') {
        return call->answer.fault;
    }
    if (call->own_reason != NULL) {
        return call->own_reason;
    }
    if (result == CURLE_OK) {
        return "the connection ended within the answer's head"; /* libcurl takes that for an answer */
    }
    if (result == CURLE_OUT_OF_MEMORY && call->sent_ns != 0) {
        return "out of memory, or a line of the answer's head is longer than 100 KiB";
    }
    return call->libcurls_reason[0] != '\0' ? call->libcurls_reason : curl_easy_strerror(result);
}

/* What only a call that goes on has. */
static void
release(struct call *call)
{
    curl_easy_cleanup(call->easy); /* NULL is fine, here and below */
    call->easy = NULL;
    curl_slist_free_all(call->headers);
    call->headers = NULL;
    if (call->answer_timer != NULL) {
        event_free(call->answer_timer);
        call->answer_timer = NULL;
    }
}

static void
detach(struct call *call)
{
    struct caller *caller = call->caller;

    *(call->previous == NULL ? &caller->calls : &call->previous->next) = call->next;
    if (call->next != NULL) {
        call->next->previous = call->previous;
    }
    caller->count--;
    (void)curl_multi_remove_handle(caller->multi, call->easy);
    release(call);
}

static void
call_free(struct call *call)
{
    release(call);
    call_answer_free(&call->answer);
    free(call->url);
    free(call->body);
    free(call);
}

void
call_discard(struct call *call)
{
    detach(call);
    call_free(call);
}

void
call_cancel(struct call *call)
{
    call_discard(call);
}

void
call_finish(struct call *call, CURLcode result)
{
    struct call_outcome outcome = {
        .end = where_ended(call, result),
        .timed_out = result == CURLE_OPERATION_TIMEDOUT,
        .reason = "",
        .sent_ns = call->sent_ns,
        .ended_ns = clock_monotonic_ns(call->caller->clock),
    };

    if (outcome.end == CALL_ANSWERED) {
        outcome.status = call->answer.status;
        outcome.body = slice_make(call->answer.body, call->answer.body_length);
        outcome.retry_after_ms = call->answer.retry_after_ms;
    } else {
        outcome.reason = why_ended(call, result);
    }
    detach(call);
    call_log_answer(slice_from(call->url), &outcome);
    call->on_end(call->argument, &outcome);
    call_free(call);
}

/* --- what libcurl reports; an answer other than 0 or all bytes ends the call --- */

/* libcurl is connected, and would send the request now. */
int
call_on_ready(void *argument, __attribute__((unused)) char *remote_address, __attribute__((unused)) char *local_address,
              int remote_port, int local_port)
{
    struct call *call = argument;
    const struct clock *clock = call->caller->clock;

    (void)remote_port;
    (void)local_port;
    if (call->sent_ns != 0) {
        call->own_reason = "it was sent, and libcurl was about to send it again";
        return CURL_PREREQFUNC_ABORT;
    }
    if (call->lease_ns != 0 && clock_boottime_ns(clock) > call->lease_ns) {
        call->own_reason = "its lease had run out before it could be sent";
        call->lease_over = true;
        return CURL_PREREQFUNC_ABORT;
    }
    call->sent_ns = clock_monotonic_ns(clock);
    return CURL_PREREQFUNC_OK;
}

/* Called after each step: the request has been written when all of its body has, which its head precedes. */
int
call_on_progress(void *argument, curl_off_t download_total, curl_off_t downloaded, curl_off_t upload_total,
                 curl_off_t uploaded)
{
    struct call *call = argument;
    struct timeval timeout = {.tv_sec = call->answer_ms / 1000, .tv_usec = (call->answer_ms % 1000) * 1000L};

    (void)download_total;
    (void)downloaded;
    (void)upload_total;
    if (call->sent_ns == 0 || call->waiting || call->answer.begun || uploaded < (curl_off_t)call->body_length) {
        return 0;
    }
    call->waiting = true;
    if (event_add(call->answer_timer, &timeout) != 0) {
        call->own_reason = "out of memory";
        return 1;
    }
    return 0;
}

static void
on_answer_overdue(evutil_socket_t fd, short what, void *argument)
{
    struct call *call = argument;

    (void)fd;
    (void)what;
    call->own_reason = "it was sent, and no answer began in time";
    call_finish(call, CURLE_OPERATION_TIMEDOUT);
}

size_t
call_on_header(char *line, size_t size, size_t length, void *argument)
{
    struct call *call = argument;

    (void)size; /* always 1 */
    if (!call_answer_line(&call->answer, slice_make(line, length), clock_wall_ms(call->caller->clock))) {
        return 0;
    }
    if (call->answer.begun) {
        (void)event_del(call->answer_timer);
    }
    return length;
}

size_t
call_on_body(char *bytes, size_t size, size_t length, void *argument)
{
    struct call *call = argument;

    (void)size; /* always 1 */
    return call_answer_bytes(&call->answer, slice_make(bytes, length)) ? length : CURL_WRITEFUNC_ERROR;
}

/* --- its beginning --- */

static bool
copy_request(struct call *call, const struct call_request *request)
{
    call->url = strndup(request->url.data, request->url.length);
    call->body_length = request->body.length;
    call->body = malloc(request->body.length + 1); /* one more: no request for nothing */
    call->answer_timer = evtimer_new(call->caller->base, on_answer_overdue, call);
    if (call->url == NULL || call->body == NULL || call->answer_timer == NULL) {
        return false;
    }
    if (request->body.length > 0) {
        memcpy(call->body, request->body.data, request->body.length);
    }
    call->answer_ms = request->timeouts.answer_ms;
    call->lease_ns = request->lease_ns;
    call_answer_init(&call->answer, request->answer_bytes_max);
    return true;
}

static void
attach(struct call *call)
{
    struct caller *caller = call->caller;

    call->next = caller->calls;
    if (call->next != NULL) {
        call->next->previous = call;
    }
    caller->calls = call;
    caller->count++;
}

struct call *
call_start(struct caller *caller, const struct call_request *request,
           void (*on_end)(void *argument, const struct call_outcome *outcome), void *argument, struct error *error)
{
    struct call *call;
    CURLMcode code;

    if (!call_request_check(request, error)) {
        return NULL;
    }
    call = calloc(1, sizeof *call);
    if (call == NULL) {
        error_set(error, "out of memory");
        return NULL;
    }
    call->caller = caller;
    call->on_end = on_end;
    call->argument = argument;
    if (!copy_request(call, request)) {
        error_set(error, "out of memory");
        call_free(call);
        return NULL;
    }
    if (!call_options_set(call, request, error)) {
        call_free(call);
        return NULL;
    }
    code = curl_multi_add_handle(caller->multi, call->easy);
    if (code != CURLM_OK) {
        error_set(error, "libcurl does not take the call: %s", curl_multi_strerror(code));
        call_free(call);
        return NULL;
    }
    attach(call);
    call_log_request(request);
    return call;
}

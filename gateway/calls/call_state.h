/* What a caller and its calls are made of. For the files of this room alone. */
#pragma once

#include <curl/curl.h>

#include "calls/call.h"
#include "calls/call_answer.h"

struct event;

struct caller {
    CURLM *multi;
    struct event_base *base;
    const struct clock *clock;
    char *ca_file;         /* NULL: the system's */
    struct event *timer;   /* when libcurl wants to be called next */
    struct event *reaping; /* made active when calls have ended: each run ends one of them */
    struct call *calls;    /* those going on, the newest first */
    size_t count;
    CURLMcode failure; /* libcurl can go on with none of the calls; CURLM_OK: it can */
};

struct call {
    struct caller *caller;
    struct call *next, *previous;
    CURL *easy;
    struct curl_slist *headers;
    char *url;
    char *body; /* of the request */
    size_t body_length;
    void (*on_end)(void *argument, const struct call_outcome *outcome);
    void *argument;
    struct event *answer_timer; /* runs from the request's last byte on */
    unsigned answer_ms;
    bool waiting; /* the request is sent whole; answer_timer has been started */
    bool lease_over;
    int64_t lease_ns;
    int64_t sent_ns; /* monotonic; 0: not a byte of the request has left */
    struct call_answer answer;
    const char *own_reason; /* why we ended it; NULL: we did not */
    char libcurls_reason[CURL_ERROR_SIZE];
};

/* Something that libcurl was told to do may have ended calls: they are ended from the loop, one after another. */
void caller_progressed(struct caller *caller, CURLMcode code);

/* Ends the call, as far as libcurl goes: on_end is called, and the call is gone. */
void call_finish(struct call *call, CURLcode result);
/* Without on_end. */
void call_discard(struct call *call);
/* libcurl's callbacks; argument is the call. */
int call_on_ready(void *argument, char *remote_address, char *local_address, int remote_port, int local_port);
int call_on_progress(void *argument, curl_off_t download_total, curl_off_t downloaded, curl_off_t upload_total,
                     curl_off_t uploaded);
size_t call_on_header(char *line, size_t size, size_t length, void *argument);
size_t call_on_body(char *bytes, size_t size, size_t length, void *argument);

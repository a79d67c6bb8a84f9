/* Checks what is to be sent, and makes a handle of libcurl's that sends that, once, and nothing else. */
#include "calls/call_options.h"

#include <limits.h>
#include <stdlib.h>

#define URL_BYTES_MAX          8192U
#define HEADER_COUNT_MAX       64U
#define HEADER_NAME_BYTES_MAX  128U
#define HEADER_VALUE_BYTES_MAX 8192U
#define BODY_BYTES_MAX         ((size_t)64 * 1024 * 1024)
#define CA_CACHE_SECONDS       600L

/* --- what can be sent --- */

static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE", NULL};

/* These decide how the message is framed, which is libcurl's to say, or ask for what we do not read. */
static const char *const reserved_headers[] = {
    "Host", "Content-Length", "Transfer-Encoding", "Connection", "Expect", "Upgrade", "TE", "Accept-Encoding", NULL};

static bool
is_among(struct slice text, const char *const *words)
{
    while (*words != NULL && !slice_is_nocase(text, *words)) {
        words++;
    }
    return *words != NULL;
}

static bool
is_token(struct slice text)
{
    for (size_t i = 0; i < text.length; i++) {
        char character = text.data[i];

        if (!((character >= '0' && character <= '9') || (character >= 'a' && character <= 'z') ||
              (character >= 'A' && character <= 'Z') ||
              (character != '\0' && strchr("!#$%&'*+-.^_`|~", character) != NULL))) {
            return false;
        }
    }
    return text.length > 0;
}

static bool
is_field_value(struct slice text)
{
    for (size_t i = 0; i < text.length; i++) {
        unsigned char byte = (unsigned char)text.data[i];

        if ((byte < 0x20 && byte != '\t') || byte == 0x7f) {
            return false;
        }
    }
    return true;
}

static bool
header_check(const struct call_header *header, struct error *error)
{
    if (!is_token(header->name) || header->name.length > HEADER_NAME_BYTES_MAX) {
        return error_set(error, "a header's name is no HTTP token of at most %u bytes", HEADER_NAME_BYTES_MAX);
    }
    if (is_among(header->name, reserved_headers)) {
        return error_set(error, "the header %.*s is not the caller's to give", SLICE_ARGS(header->name));
    }
    if (!is_field_value(header->value) || header->value.length > HEADER_VALUE_BYTES_MAX) {
        return error_set(error, "the header %.*s has a control character in its value, or more than %u bytes",
                         SLICE_ARGS(header->name), HEADER_VALUE_BYTES_MAX);
    }
    return true;
}

/* libcurl would take "http:/x/y" for the host x, drop a fragment, and make an Authorization out of a user name, without
 * a word. */
static CURLUcode
url_parse(CURLU *url, const char *text)
{
    char *part = NULL;
    CURLUcode code;
    size_t scheme = strncasecmp(text, "http://", 7) == 0 ? 7 : strncasecmp(text, "https://", 8) == 0 ? 8 : 0;

    if (scheme == 0) {
        return CURLUE_UNSUPPORTED_SCHEME;
    }
    if (text[scheme] == '/') {
        return CURLUE_NO_HOST;
    }
    code = curl_url_set(url, CURLUPART_URL, text, CURLU_DISALLOW_USER | CURLU_PATH_AS_IS);
    if (code == CURLUE_OK && curl_url_get(url, CURLUPART_FRAGMENT, &part, 0) != CURLUE_NO_FRAGMENT) {
        code = CURLUE_BAD_FRAGMENT;
    }
    curl_free(part);
    return code;
}

static bool
url_check(struct slice url, struct error *error)
{
    char *text;
    CURLU *parsed;
    CURLUcode code = CURLUE_OUT_OF_MEMORY;

    if (slice_empty(url) || url.length > URL_BYTES_MAX) {
        return error_set(error, "the URL is empty, or longer than %u bytes", URL_BYTES_MAX);
    }
    for (size_t i = 0; i < url.length; i++) {
        if (url.data[i] <= 0x20 || url.data[i] >= 0x7f) {
            return error_set(error, "the URL has a character at byte %zu that must be percent-encoded", i);
        }
    }
    text = strndup(url.data, url.length);
    parsed = curl_url();
    if (text != NULL && parsed != NULL) {
        code = url_parse(parsed, text);
    }
    curl_url_cleanup(parsed);
    free(text);
    return code == CURLUE_OK ||
           error_set(error, "the URL is not http or https with a host: %s", curl_url_strerror(code));
}

bool
call_request_check(const struct call_request *request, struct error *error)
{
    const struct call_timeouts *timeouts = &request->timeouts;

    if (!is_among(request->method, methods)) {
        return error_set(error, "the method is none of GET, POST, PUT, PATCH, DELETE");
    }
    if (slice_is_nocase(request->method, "GET") && !slice_empty(request->body)) {
        return error_set(error, "a GET has no body");
    }
    if (request->body.length > BODY_BYTES_MAX) {
        return error_set(error, "the body is longer than %zu bytes", BODY_BYTES_MAX);
    }
    if (timeouts->resolve_connect_ms == 0 || timeouts->answer_ms == 0 || timeouts->total_ms == 0 ||
        timeouts->resolve_connect_ms > INT_MAX || timeouts->answer_ms > INT_MAX || timeouts->total_ms > INT_MAX) {
        return error_set(error, "the time-outs are not each from 1 to %d ms", INT_MAX);
    }
    if (request->header_count > HEADER_COUNT_MAX) {
        return error_set(error, "there are more than %u headers", HEADER_COUNT_MAX);
    }
    for (size_t i = 0; i < request->header_count; i++) {
        if (!header_check(&request->headers[i], error)) {
            return false;
        }
    }
    return url_check(request->url, error);
}

/* --- what libcurl is told --- */

static bool
append(struct curl_slist **list, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*list, line);

    if (longer == NULL) {
        return false;
    }
    *list = longer;
    return true;
}

/* libcurl leaves out a header without a value unless it ends with a semicolon. */
static bool
append_header(struct curl_slist **list, const struct call_header *header)
{
    size_t blank = 0;
    char *line;
    int length;
    bool appended;

    while (blank < header->value.length && (header->value.data[blank] == ' ' || header->value.data[blank] == '\t')) {
        blank++;
    }
    length = blank == header->value.length
                 ? asprintf(&line, "%.*s;", SLICE_ARGS(header->name))
                 : asprintf(&line, "%.*s: %.*s", SLICE_ARGS(header->name), SLICE_ARGS(header->value));
    if (length < 0) {
        return false;
    }
    appended = append(list, line);
    free(line);
    return appended;
}

static bool
has_header(const struct call_request *request, const char *name)
{
    for (size_t i = 0; i < request->header_count; i++) {
        if (slice_is_nocase(request->headers[i].name, name)) {
            return true;
        }
    }
    return false;
}

/* A name without a value takes out what libcurl would add of its own. */
static bool
make_headers(struct call *call, const struct call_request *request)
{
    bool ok = append(&call->headers, "Expect:");

    ok = ok && (has_header(request, "Accept") || append(&call->headers, "Accept:"));
    ok = ok && (has_header(request, "Content-Type") || append(&call->headers, "Content-Type:"));
    for (size_t i = 0; i < request->header_count && ok; i++) {
        ok = append_header(&call->headers, &request->headers[i]);
    }
    return ok;
}

#define SET(option, value) (ok = ok && curl_easy_setopt(easy, (option), (value)) == CURLE_OK)

static bool
set_message(CURL *easy, struct call *call, struct slice method)
{
    bool ok = true;

    SET(CURLOPT_URL, call->url);
    SET(CURLOPT_PATH_AS_IS, 1L);
    SET(CURLOPT_HTTPHEADER, call->headers);
    SET(CURLOPT_USERAGENT, "trunkline/" TRUNKLINE_VERSION);
    if (slice_is_nocase(method, "GET")) {
        SET(CURLOPT_HTTPGET, 1L);
        return ok;
    }
    SET(CURLOPT_POST, 1L);
    SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body_length);
    SET(CURLOPT_POSTFIELDS, call->body);
    for (size_t i = 0; methods[i] != NULL; i++) {
        if (slice_is_nocase(method, methods[i])) {
            SET(CURLOPT_CUSTOMREQUEST, methods[i]);
        }
    }
    return ok;
}

/* One request on a connection of its own. On a kept one libcurl would send it again, by itself, when that connection
 * ended before an answer. */
static bool
set_conduct(CURL *easy)
{
    bool ok = true;

    SET(CURLOPT_FRESH_CONNECT, 1L);
    SET(CURLOPT_FORBID_REUSE, 1L);
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_HTTP09_ALLOWED, 0L);
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_PROXY, ""); /* also none from the environment */
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_NOSIGNAL, 1L);
    /* A call that ends while its name is being looked up leaves that thread to itself: libcurl would stop the whole
     * loop until the name server has answered. */
    SET(CURLOPT_QUICK_EXIT, 1L);
    return ok;
}

/* Certificates are read from one file and no directory: only then libcurl keeps them for the next call, and reading the
 * system's takes longer than all the rest of a call. */
static bool
set_trust(CURL *easy, const char *ca_file)
{
    bool ok = true;

    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_CAPATH, NULL);
    SET(CURLOPT_CA_CACHE_TIMEOUT, CA_CACHE_SECONDS);
    if (ca_file != NULL) {
        SET(CURLOPT_CAINFO, ca_file);
    }
    return ok;
}

static bool
set_bounds(CURL *easy, const struct call_request *request)
{
    bool ok = true;

    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)request->timeouts.resolve_connect_ms);
    SET(CURLOPT_TIMEOUT_MS, (long)request->timeouts.total_ms);
    if (request->answer_bytes_max <= LONG_MAX) {
        SET(CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)request->answer_bytes_max);
    }
    return ok;
}

static bool
set_callbacks(CURL *easy, struct call *call)
{
    bool ok = true;

    SET(CURLOPT_PRIVATE, call);
    SET(CURLOPT_ERRORBUFFER, call->libcurls_reason);
    SET(CURLOPT_PREREQFUNCTION, call_on_ready);
    SET(CURLOPT_PREREQDATA, call);
    SET(CURLOPT_NOPROGRESS, 0L);
    SET(CURLOPT_XFERINFOFUNCTION, call_on_progress);
    SET(CURLOPT_XFERINFODATA, call);
    SET(CURLOPT_HEADERFUNCTION, call_on_header);
    SET(CURLOPT_HEADERDATA, call);
    SET(CURLOPT_WRITEFUNCTION, call_on_body);
    SET(CURLOPT_WRITEDATA, call);
    return ok;
}

bool
call_options_set(struct call *call, const struct call_request *request, struct error *error)
{
    if (!make_headers(call, request)) {
        return error_set(error, "out of memory");
    }
    call->easy = curl_easy_init();
    if (call->easy == NULL) {
        return error_set(error, "libcurl makes no handle: out of memory");
    }
    if (!set_message(call->easy, call, request->method) || !set_conduct(call->easy) ||
        !set_trust(call->easy, call->caller->ca_file) || !set_bounds(call->easy, request) ||
        !set_callbacks(call->easy, call)) {
        return error_set(error, "libcurl refuses an option: it is out of memory, or older than 7.87");
    }
    return true;
}

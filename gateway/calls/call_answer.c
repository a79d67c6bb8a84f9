/* Takes an answer in line by line and piece by piece, and bounds it: a vendor's server may be broken, or not the
 * vendor's. */
#include "calls/call_answer.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

#define BODY_BYTES_FIRST   4096U
#define RETRY_AFTER_MAX_MS (86400LL * 1000)
#define DATE_BYTES         64U
#define STATUS_SWITCHING   101U
#define STATUS_FINAL_FIRST 200U
#define STATUS_FINAL_LAST  599U
#define MS_PER_SECOND      1000

void
call_answer_init(struct call_answer *answer, size_t body_bytes_max)
{
    *answer = (struct call_answer){.body_bytes_max = body_bytes_max};
}

void
call_answer_free(struct call_answer *answer)
{
    free(answer->body);
    answer->body = NULL;
}

static bool
is_digit(char character)
{
    return character >= '0' && character <= '9';
}

static struct slice
trimmed(struct slice text)
{
    while (text.length > 0 && strchr(" \t\r\n", text.data[0]) != NULL && text.data[0] != '\0') {
        text = slice_make(text.data + 1, text.length - 1);
    }
    while (text.length > 0 && strchr(" \t\r\n", text.data[text.length - 1]) != NULL &&
           text.data[text.length - 1] != '\0') {
        text.length--;
    }
    return text;
}

/* Digits only; what is too large for a number is larger than the bound as well. */
static bool
read_seconds(struct slice value, int64_t *ms)
{
    int64_t seconds = 0;

    for (size_t i = 0; i < value.length; i++) {
        if (!is_digit(value.data[i])) {
            return false;
        }
        if (seconds <= RETRY_AFTER_MAX_MS) {
            seconds = seconds * 10 + (value.data[i] - '0');
        }
    }
    *ms = seconds > RETRY_AFTER_MAX_MS / MS_PER_SECOND ? RETRY_AFTER_MAX_MS : seconds * MS_PER_SECOND;
    return value.length > 0;
}

/* libcurl reads the three forms of RFC 9110, and more: what it makes of other text that begins with a digit is not what
 * was meant. */
static int64_t
read_date(struct slice value, int64_t wall_ms)
{
    char text[DATE_BYTES];
    time_t date;
    int64_t ms;

    if (value.length == 0 || value.length >= sizeof text || is_digit(value.data[0]) || value.data[0] == '-') {
        return 0;
    }
    memcpy(text, value.data, value.length);
    text[value.length] = '\0';
    date = curl_getdate(text, NULL);
    if (date <= 0 || date > INT64_MAX / MS_PER_SECOND) {
        return 0;
    }
    ms = (int64_t)date * MS_PER_SECOND;
    if (ms <= wall_ms) {
        return 0;
    }
    return ms - wall_ms > RETRY_AFTER_MAX_MS ? RETRY_AFTER_MAX_MS : ms - wall_ms;
}

int64_t
retry_after_read(struct slice value, int64_t wall_ms)
{
    int64_t ms;

    value = trimmed(value);
    return read_seconds(value, &ms) ? ms : read_date(value, wall_ms);
}

/* "HTTP/1.1 200 OK": libcurl has looked at it already, but lets every version pass. */
static unsigned
read_status(struct slice line)
{
    const char *space = memchr(line.data, ' ', line.length);
    unsigned status = 0;

    if (space == NULL) {
        return 0;
    }
    for (const char *at = space + 1; at < line.data + line.length && is_digit(*at) && status < 1000; at++) {
        status = status * 10 + (unsigned)(*at - '0');
    }
    return status;
}

static bool
begin_head(struct call_answer *answer, struct slice line)
{
    static const struct slice version = SLICE("HTTP/1.");

    answer->status = read_status(line);
    answer->retry_after_ms = 0;
    /* Behind a 101 stands another protocol, which nobody has asked for. */
    answer->begun = answer->status >= STATUS_FINAL_FIRST || answer->status == STATUS_SWITCHING || answer->status < 100;
    if (answer->begun && (answer->status < STATUS_FINAL_FIRST || answer->status > STATUS_FINAL_LAST)) {
        (void)snprintf(answer->fault, sizeof answer->fault, "the answer has the status %u", answer->status);
        return false;
    }
    if (line.length < version.length || memcmp(line.data, version.data, version.length) != 0) {
        answer->begun = true;
        (void)snprintf(answer->fault, sizeof answer->fault, "the answer is not HTTP/1");
        return false;
    }
    return true;
}

static void
read_field(struct call_answer *answer, struct slice line, int64_t wall_ms)
{
    const char *colon = memchr(line.data, ':', line.length);
    int64_t ms;

    if (colon == NULL || !slice_is_nocase(slice_make(line.data, (size_t)(colon - line.data)), "retry-after")) {
        return;
    }
    ms = retry_after_read(slice_make(colon + 1, (size_t)(line.data + line.length - colon - 1)), wall_ms);
    answer->retry_after_ms = ms > answer->retry_after_ms ? ms : answer->retry_after_ms;
}

bool
call_answer_line(struct call_answer *answer, struct slice line, int64_t wall_ms)
{
    if (line.length > CALL_ANSWER_HEAD_BYTES_MAX - answer->head_bytes ||
        answer->head_lines >= CALL_ANSWER_HEAD_LINES_MAX) {
        (void)snprintf(answer->fault, sizeof answer->fault, "the answer's head is longer than %u bytes or %u lines",
                       CALL_ANSWER_HEAD_BYTES_MAX, CALL_ANSWER_HEAD_LINES_MAX);
        return false;
    }
    answer->head_bytes += line.length;
    answer->head_lines++;
    if (answer->head_whole) {
        return true; /* a trailer */
    }
    if (answer->status == 0) {
        return begin_head(answer, line);
    }
    if (!slice_empty(trimmed(line))) {
        read_field(answer, line, wall_ms);
    } else if (answer->begun) {
        answer->head_whole = true;
    } else {
        answer->status = 0; /* it was an interim one: another head follows */
    }
    return true;
}

bool
call_answer_bytes(struct call_answer *answer, struct slice bytes)
{
    size_t needed;

    if (bytes.length > answer->body_bytes_max - answer->body_length) {
        (void)snprintf(answer->fault, sizeof answer->fault, "the answer's body is longer than %zu bytes",
                       answer->body_bytes_max);
        return false;
    }
    if (bytes.length == 0) {
        return true;
    }
    needed = answer->body_length + bytes.length;
    if (needed > answer->body_capacity) {
        size_t capacity =
            answer->body_capacity > answer->body_bytes_max / 2 ? answer->body_bytes_max : answer->body_capacity * 2;
        char *body;

        capacity = capacity < BODY_BYTES_FIRST ? BODY_BYTES_FIRST : capacity;
        capacity = capacity < needed ? needed : capacity;
        body = realloc(answer->body, capacity);
        if (body == NULL) {
            (void)snprintf(answer->fault, sizeof answer->fault, "no memory left for the answer");
            return false;
        }
        answer->body = body;
        answer->body_capacity = capacity;
    }
    memcpy(answer->body + answer->body_length, bytes.data, bytes.length);
    answer->body_length = needed;
    return true;
}

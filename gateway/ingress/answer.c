/* The table of refusals, and the rendering of whole answers. */
#include "ingress/answer.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define HEAD_BYTES 512 /* more than the fields of any answer take, less what its caller gives */

static const struct refusal_row {
    struct refusal_kind kind;
    const char *detail; /* what to do */
} rows[REFUSAL_COUNT] = {
    [REFUSAL_NONE] = {{500, "Internal Server Error", "none", true}, "Nothing was wrong."},
    [REFUSAL_BAD_REQUEST] = {{400, "Bad Request", "bad_request", true},
                             "The message is not HTTP/1.1 as RFC 9112 has it. Correct the client."},
    [REFUSAL_UNAUTHORIZED] = {{401, "Unauthorized", "unauthorized", false},
                              "The sender could not be verified. Check the source's secret, signature key, address and "
                              "account."},
    [REFUSAL_NOT_FOUND] = {{404, "Not Found", "not_found", false},
                           "No source is configured under this path. Callbacks go to /callbacks/<source>."},
    [REFUSAL_METHOD] = {{405, "Method Not Allowed", "method_not_allowed", false},
                        "Use one of the methods that the Allow field names."},
    [REFUSAL_TIMEOUT] = {{408, "Request Timeout", "timeout", true},
                         "The request did not arrive in time. Send it again, faster."},
    [REFUSAL_TOO_LARGE] = {{413, "Content Too Large", "too_large", true},
                           "The body is larger than this gateway takes. Send less, or raise its limit."},
    [REFUSAL_TARGET_TOO_LONG] = {{414, "URI Too Long", "target_too_long", true}, "Shorten the path and the query."},
    [REFUSAL_UNSUPPORTED] = {{415, "Unsupported Media Type", "unsupported", false},
                             "Send the body as it is: neither encoded nor multipart."},
    [REFUSAL_EXPECTATION] = {{417, "Expectation Failed", "expectation_failed", true},
                             "Only 100-continue can be expected."},
    [REFUSAL_UNREADABLE] = {{422, "Unprocessable Content", "unreadable", false},
                            "The body is not the JSON or XML that it should be. Correct it before sending it again."},
    [REFUSAL_FIELDS_TOO_LARGE] = {{431, "Request Header Fields Too Large", "fields_too_large", true},
                                  "Send fewer or shorter fields."},
    [REFUSAL_NOT_IMPLEMENTED] = {{501, "Not Implemented", "not_implemented", true},
                                 "The only transfer coding that is read is chunked."},
    [REFUSAL_UNAVAILABLE] = {{503, "Service Unavailable", "unavailable", false},
                             "The event could not be made durable in time, by Kafka or by a spool. Send it again."},
    [REFUSAL_BUSY] = {{503, "Service Unavailable", "busy", false},
                      "The gateway has as much in hand, or in its spool, as it can take. Send it again."},
    [REFUSAL_OVER_SHARE] = {{503, "Service Unavailable", "over_share", false},
                            "The source has as much in hand as its share allows. Send it again."},
    [REFUSAL_VERSION] = {{505, "HTTP Version Not Supported", "version", true}, "Use HTTP/1.1."},
};

const struct refusal_kind *
refusal_kind(enum refusal refusal)
{
    return &rows[refusal].kind;
}

const char *
date_text(struct date_cache *cache, const struct clock *clock)
{
    time_t second = (time_t)(clock_wall_ms(clock) / 1000);
    struct tm parts;

    if (second == cache->second && cache->text[0] != '\0') {
        return cache->text;
    }
    cache->second = second;
    if (gmtime_r(&second, &parts) == NULL ||
        strftime(cache->text, sizeof cache->text, "%a, %d %b %Y %H:%M:%S GMT", &parts) == 0) {
        cache->text[0] = '\0';
    }
    return cache->text;
}

/* Text that grows to the right; what does not fit leaves `full` set. */
struct message {
    char *text;
    size_t size, length;
    bool full;
};

static void
add(struct message *message, struct slice slice)
{
    if (slice.length > message->size - message->length) {
        message->full = true;
        return;
    }
    if (slice.length != 0) {
        memcpy(message->text + message->length, slice.data, slice.length);
    }
    message->length += slice.length;
}

static void
add_text(struct message *message, const char *text)
{
    add(message, slice_from(text));
}

static void
add_number(struct message *message, size_t number)
{
    char digits[20];
    size_t at = sizeof digits;

    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    add(message, slice_make(digits + at, sizeof digits - at));
}

static void
add_field(struct message *message, const char *name, struct slice value)
{
    add_text(message, name);
    add_text(message, ": ");
    add(message, value);
    add_text(message, "\r\n");
}

/* What every answer has, up to the empty line. */
static void
add_head_end(struct message *message, const struct answer_context *context, struct slice content_type, size_t length)
{
    add_field(message, "Date", slice_from(context->date));
    add_field(message, "Content-Type", content_type);
    add_text(message, "Content-Length: ");
    add_number(message, length);
    add_text(message, "\r\n");
    add_field(message, "X-Request-Id", slice_from(context->request_id));
    if (!context->keep) {
        add_text(message, "Connection: close\r\n");
    } else if (context->http10) {
        add_text(message, "Connection: keep-alive\r\n");
    }
    add_text(message, "\r\n");
}

size_t
answer_success_bytes(struct answer answer)
{
    return HEAD_BYTES + answer.content_type.length + answer.body.length;
}

size_t
answer_success(char *text, size_t size, const struct answer_context *context, struct answer answer)
{
    static const char *const heads[] = {
        [DURABILITY_KAFKA] = "HTTP/1.1 200 OK\r\nTrunkline-Durability: kafka\r\n",
        [DURABILITY_SPOOL] = "HTTP/1.1 200 OK\r\nTrunkline-Durability: spool\r\n",
        [DURABILITY_NONE] = "HTTP/1.1 200 OK\r\n",
    };
    struct message message = {.size = size};

    message.text = text;
    add_text(&message, heads[context->durability]);
    add_head_end(&message, context, answer.content_type, answer.body.length);
    if (!context->head) {
        add(&message, answer.body);
    }
    return message.full ? 0 : message.length;
}

static size_t
problem(char *text, size_t size, const struct refusal_row *row)
{
    int length = snprintf(text, size, "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d,\"detail\":\"%s\"}\n",
                          row->kind.title, row->kind.status, row->detail);

    return length < 0 || (size_t)length >= size ? 0 : (size_t)length;
}

size_t
answer_refusal(char *text, size_t size, const struct answer_context *context, enum refusal refusal, struct slice allow)
{
    const struct refusal_row *row = &rows[refusal];
    struct message message = {.size = size};
    char body[384];
    size_t body_length = problem(body, sizeof body, row);

    message.text = text;
    add_text(&message, "HTTP/1.1 ");
    add_number(&message, (size_t)row->kind.status);
    add_text(&message, " ");
    add_text(&message, row->kind.title);
    add_text(&message, "\r\n");
    if (row->kind.status == 401) {
        add_text(&message, "WWW-Authenticate: Trunkline realm=\"callbacks\"\r\n");
    }
    if (row->kind.status == 405) {
        add_field(&message, "Allow", allow);
    }
    if (row->kind.status == 503) {
        add_text(&message, "Retry-After: 1\r\n");
    }
    add_head_end(&message, context, slice_make("application/problem+json", 24), body_length);
    if (!context->head) {
        add(&message, slice_make(body, body_length));
    }
    return message.full ? 0 : message.length;
}

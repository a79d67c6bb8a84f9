/* Masks what a vendor was sent and has answered, and logs it. It goes by the text alone, well-formed or not: what is
 * hidden too much costs a look elsewhere, what is hidden too little cannot be taken back. */
#include "calls/call_log.h"

#include <stdint.h>
#include <stdio.h>

#include "base/log.h"

#define PHONE_DIGITS_FEWEST 5
#define PHONE_DIGITS_SHOWN  4
#define SEPARATORS_BETWEEN  3 /* "+86 (010) 1234-5678" has two */
#define QUOTE_ESCAPES_MAX   15
#define ESCAPE_BYTES        6 /* \u1234 */
#define HEADERS_BYTES       CALL_LOG_TEXT_BYTES

struct masking {
    struct slice text;
    size_t at;       /* in the text */
    size_t name_end; /* up to there a name is known not to be a secret's */
    char *masked;
    size_t size, length; /* of masked */
};

static char
peek(const struct masking *masking, size_t at)
{
    return at < masking->text.length ? masking->text.data[at] : '\0';
}

static void
put(struct masking *masking, char character)
{
    if (masking->length < masking->size) {
        masking->masked[masking->length++] = character;
    }
}

static bool
is_digit(char character)
{
    return character >= '0' && character <= '9';
}

static bool
is_hex(char character)
{
    return is_digit(character) || (character >= 'a' && character <= 'f') || (character >= 'A' && character <= 'F');
}

static bool
is_name_character(char character)
{
    return is_digit(character) || (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
           character == '_' || character == '-';
}

/* \u00XX, or \uFFXX for the full-width forms: ASCII text that somebody spells out. */
static bool
is_spelled_out(const struct masking *masking, size_t at)
{
    bool escape = peek(masking, at) == '\\' && peek(masking, at + 1) == 'u';
    char first = peek(masking, at + 2);
    char second = peek(masking, at + 3);

    return escape && ((first == '0' && second == '0') || ((first | 0x20) == 'f' && (second | 0x20) == 'f')) &&
           is_hex(peek(masking, at + 4)) && is_hex(peek(masking, at + 5));
}

/* --- secrets --- */

static bool
contains(struct slice name, const char *word)
{
    size_t length = strlen(word);

    for (size_t i = 0; i + length <= name.length; i++) {
        if (strncasecmp(name.data + i, word, length) == 0) {
            return true;
        }
    }
    return false;
}

static bool
is_secret_name(struct slice name)
{
    static const char *const words[] = {"token",     "secret", "passw",      "authoriz",
                                        "signature", "cookie", "credential", "apikey"};
    size_t length = name.length;

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (contains(name, words[i])) {
            return true;
        }
    }
    return length >= 4 && strncasecmp(name.data + length - 4, "sign", 4) == 0 &&
           (length == 4 || name.data[length - 5] == '-' || name.data[length - 5] == '_');
}

/* The end of the name that begins there. Who spells out parts of it has something to hide. */
static size_t
name_end(const struct masking *masking, size_t at, bool *secret)
{
    size_t begin = at;

    *secret = false;
    for (;;) {
        if (is_name_character(peek(masking, at))) {
            at++;
        } else if (is_spelled_out(masking, at)) {
            *secret = true;
            at += ESCAPE_BYTES;
        } else {
            break;
        }
    }
    *secret = *secret || is_secret_name(slice_make(masking->text.data + begin, at - begin));
    return at;
}

static size_t
skip_blanks(const struct masking *masking, size_t at)
{
    while (at < masking->text.length && strchr(" \t\r\n", masking->text.data[at]) != NULL &&
           masking->text.data[at] != '\0') {
        at++;
    }
    return at;
}

/* A quote with as many backslashes before it as the JSON texts that it stands in, one in the string of another. */
static size_t
quote_end(const struct masking *masking, size_t at, size_t *escapes)
{
    size_t begin = at;

    while (peek(masking, at) == '\\' && at - begin < QUOTE_ESCAPES_MAX) {
        at++;
    }
    *escapes = at - begin;
    return peek(masking, at) == '"' || peek(masking, at) == '\'' ? at + 1 : begin;
}

/* Where the value begins whose name ends at at; 0: none follows. */
static size_t
value_begin(const struct masking *masking, size_t at)
{
    size_t escapes;

    if (peek(masking, at) == '>') {
        return masking->at > 0 && peek(masking, masking->at - 1) == '/' ? 0 : at + 1; /* a tag that closes: none */
    }
    at = skip_blanks(masking, quote_end(masking, at, &escapes));
    if (peek(masking, at) != ':' && peek(masking, at) != '=') {
        return 0;
    }
    return skip_blanks(masking, at + 1);
}

/* Behind the end of the string whose quote stands before at. */
static size_t
string_end(const struct masking *masking, size_t at, char quote, size_t escapes)
{
    size_t run = 0;

    for (; at < masking->text.length; at++) {
        if (peek(masking, at) == quote && run == escapes) {
            return at + 1;
        }
        run = peek(masking, at) == '\\' ? run + 1 : 0;
    }
    return at;
}

static size_t
value_end(const struct masking *masking, size_t at)
{
    size_t escapes;
    size_t inside = quote_end(masking, at, &escapes);

    if (inside != at) {
        return string_end(masking, inside, peek(masking, inside - 1), escapes);
    }
    if (peek(masking, at) == '{' || peek(masking, at) == '[') {
        return masking->text.length; /* whatever is in it, and to be safe what follows it */
    }
    while (at < masking->text.length && strchr("&\"'<\r\n}", masking->text.data[at]) == NULL) {
        at++;
    }
    return at;
}

/* At the beginning of a name. false: it is no secret's, and nothing was done. */
static bool
mask_secret(struct masking *masking)
{
    bool secret;
    size_t end = name_end(masking, masking->at, &secret);
    size_t value = secret ? value_begin(masking, end) : 0;

    if (value == 0) {
        masking->name_end = end;
        return false;
    }
    for (size_t i = masking->at; i < value; i++) {
        put(masking, peek(masking, i));
    }
    put(masking, '*');
    masking->at = value_end(masking, value);
    return true;
}

/* --- numbers --- */

/* The end of the run of digits that begins there. */
static size_t
run_end(const struct masking *masking, size_t at, size_t *digits)
{
    size_t end = at;
    size_t between = 0;

    *digits = 0;
    for (; at < masking->text.length && between <= SEPARATORS_BETWEEN; at++) {
        char character = masking->text.data[at];

        if (is_digit(character)) {
            (*digits)++;
            between = 0;
            end = at + 1;
        } else if (character != '\0' && strchr(" -.()", character) != NULL) {
            between++;
        } else {
            break;
        }
    }
    return end;
}

static void
mask_number(struct masking *masking)
{
    size_t digits;
    size_t end = run_end(masking, masking->at, &digits);
    size_t hidden = digits < PHONE_DIGITS_FEWEST ? 0 : digits - PHONE_DIGITS_SHOWN;

    for (; masking->at < end; masking->at++) {
        char character = masking->text.data[masking->at];

        if (is_digit(character) && hidden > 0) {
            hidden--;
            character = '*';
        }
        put(masking, character);
    }
}

static bool
is_full_width_digit(const struct masking *masking)
{
    unsigned char last = (unsigned char)peek(masking, masking->at + 2);

    return (unsigned char)peek(masking, masking->at) == 0xef && (unsigned char)peek(masking, masking->at + 1) == 0xbc &&
           last >= 0x90 && last <= 0x99;
}

/* --- the whole --- */

static void
copy(struct masking *masking, size_t bytes)
{
    for (size_t i = 0; i < bytes && masking->at < masking->text.length; i++) {
        put(masking, masking->text.data[masking->at++]);
    }
}

static void
mask_next(struct masking *masking)
{
    char character = masking->text.data[masking->at];
    bool spelled_out = is_spelled_out(masking, masking->at);
    bool name = masking->at >= masking->name_end && (is_name_character(character) || spelled_out);

    if (name && mask_secret(masking)) {
        return;
    }
    if (is_digit(character)) {
        mask_number(masking);
    } else if (spelled_out) {
        put(masking, '*');
        masking->at += ESCAPE_BYTES;
    } else if (character == '\\') {
        copy(masking, peek(masking, masking->at + 1) == 'u' ? ESCAPE_BYTES : 2); /* no part of a name behind it */
    } else if (is_full_width_digit(masking)) {
        put(masking, '*');
        masking->at += 3;
    } else {
        copy(masking, 1);
    }
}

size_t
call_log_mask(struct slice text, char *masked, size_t size)
{
    struct masking masking = {.text = text, .size = size};

    masking.masked = masked;
    while (masking.at < text.length && masking.length < size) {
        mask_next(&masking);
    }
    return masking.length;
}

/* --- lines --- */

struct place {
    struct slice host; /* with its port */
    char path[CALL_LOG_TEXT_BYTES];
    size_t path_length;
};

/* What may be told of a URL: neither its query nor who logs in. */
static void
place_of(struct slice url, struct place *place)
{
    const char *end = url.data + url.length;
    const char *host = url.length < 3 ? NULL : memmem(url.data, url.length, "://", 3);
    const char *path;
    const char *at;

    host = host == NULL ? end : host + 3;
    for (path = host; path < end && strchr("/?#", *path) == NULL; path++) {
    }
    at = memrchr(host, '@', (size_t)(path - host));
    host = at == NULL ? host : at + 1;
    place->host = slice_make(host, (size_t)(path - host));
    for (at = path; at < end && *at != '?' && *at != '#'; at++) {
    }
    place->path_length = call_log_mask(slice_make(path, (size_t)(at - path)), place->path, sizeof place->path);
}

/* "content-type: application/json, m7-sign: *" */
static size_t
list_headers(const struct call_request *request, char *text, size_t size)
{
    size_t length = 0;

    for (size_t i = 0; i < request->header_count && length < size; i++) {
        const struct call_header *header = &request->headers[i];
        struct slice value = SLICE("*");
        int wanted;

        if (slice_is_nocase(header->name, "content-type")) {
            value = header->value;
        }
        wanted = snprintf(text + length, size - length, "%s%.*s: %.*s", i == 0 ? "" : ", ", SLICE_ARGS(header->name),
                          SLICE_ARGS(value));
        length = wanted < 0 || (size_t)wanted >= size - length ? size : length + (size_t)wanted;
    }
    return length < size ? length : size - 1;
}

void
call_log_request(const struct call_request *request)
{
    struct place place;
    char headers[HEADERS_BYTES + 1];
    char body[CALL_LOG_TEXT_BYTES];

    if (!log_enabled(LOG_LEVEL_DEBUG)) {
        return;
    }
    place_of(request->url, &place);
    log_debug("vendor_request", log_slice("method", request->method), log_slice("host", place.host),
              log_slice("path", slice_make(place.path, place.path_length)),
              log_slice("headers", slice_make(headers, list_headers(request, headers, sizeof headers))),
              log_integer("bytes", (int64_t)request->body.length),
              log_slice("body", slice_make(body, call_log_mask(request->body, body, sizeof body))));
}

void
call_log_answer(struct slice url, const struct call_outcome *outcome)
{
    struct place place;
    char body[CALL_LOG_TEXT_BYTES];
    int64_t took_ns = outcome->sent_ns == 0 ? 0 : outcome->ended_ns - outcome->sent_ns;

    if (!log_enabled(LOG_LEVEL_DEBUG)) {
        return;
    }
    place_of(url, &place);
    log_debug("vendor_answer", log_text("end", call_ends[outcome->end]), log_slice("host", place.host),
              log_slice("path", slice_make(place.path, place.path_length)), log_integer("status", outcome->status),
              log_integer("ms", took_ns / 1000000), log_text("reason", outcome->reason),
              log_integer("bytes", (int64_t)outcome->body.length),
              log_slice("body", slice_make(body, call_log_mask(outcome->body, body, sizeof body))));
}

/* The guard's state machine: a state for each place in a head, a small function for each; here those of the request
 * line. */
#include <string.h>

#include "ingress/guard_state.h"

#define EMPTY_LINES_MAX  4 /* before a request line: RFC 9112 §2.2 asks for at least one */
#define METHOD_BYTES_MAX 32
#define PERCENT_IN_QUERY 2u /* bit of step */

void
guard_init(struct guard *guard, const struct guard_limits *limits)
{
    *guard = (struct guard){.limits = limits, .state = GUARD_START, .content_length = -1};
}

bool
guard_untouched(const struct guard *guard)
{
    return guard->state == GUARD_START || guard->state == GUARD_EMPTY_LINE_LF;
}

static bool
start(struct guard *guard, char byte)
{
    if (byte == '\r') {
        return ++guard->empty_lines <= EMPTY_LINES_MAX ? guard_go(guard, GUARD_EMPTY_LINE_LF) : guard_bad(guard);
    }
    if (!syntax_is(byte, SYNTAX_TOKEN)) {
        return guard_bad(guard);
    }
    guard->method_at = guard->position;
    guard_word_begin(guard);
    guard_word_add(guard, byte);
    return guard_go(guard, GUARD_METHOD);
}

static bool
method(struct guard *guard, char byte)
{
    if (byte == ' ') {
        guard->method_length = guard->position - guard->method_at;
        return guard_go(guard, GUARD_TARGET);
    }
    if (!syntax_is(byte, SYNTAX_TOKEN) || guard->position - guard->method_at >= METHOD_BYTES_MAX) {
        return guard_bad(guard);
    }
    guard_word_add(guard, byte);
    return true;
}

/* CONNECT's authority form is nothing for an origin server: refused like any other bad target. */
static bool
target(struct guard *guard, char byte)
{
    guard->path_at = guard->position;
    if (byte == '/') {
        return guard_go(guard, GUARD_PATH);
    }
    if (byte == '*' && guard_word_is(guard, "options")) {
        guard->path_length = 1;
        return guard_go(guard, GUARD_ASTERISK);
    }
    if (syntax_lower(byte) != 'h') {
        return guard_bad(guard);
    }
    guard_word_begin(guard);
    guard_word_add(guard, byte);
    return guard_go(guard, GUARD_SCHEME);
}

static bool
scheme(struct guard *guard, char byte)
{
    static const char *const prefixes[] = {"http://", "https://"};

    guard_word_add(guard, byte);
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        if (guard_word_is(guard, prefixes[i])) {
            guard_host_begin(guard);
            return guard_go(guard, GUARD_AUTHORITY);
        }
        if (guard->word_length < strlen(prefixes[i]) && memcmp(guard->word, prefixes[i], guard->word_length) == 0) {
            return true;
        }
    }
    return guard_bad(guard);
}

static bool
target_over(struct guard *guard, enum guard_state next)
{
    if (next == GUARD_QUERY) {
        guard->query_at = guard->position + 1;
    }
    guard->step = 0;
    return guard_go(guard, next);
}

static bool
path(struct guard *guard, char byte)
{
    if (byte == ' ' || byte == '?') {
        guard->path_length = guard->position - guard->path_at;
        return target_over(guard, byte == '?' ? GUARD_QUERY : GUARD_VERSION);
    }
    if (byte == '%') {
        guard->step = 0;
        return guard_go(guard, GUARD_PERCENT);
    }
    return syntax_is(byte, SYNTAX_TARGET) || guard_bad(guard);
}

static bool
query(struct guard *guard, char byte)
{
    if (byte == ' ') {
        guard->query_length = guard->position - guard->query_at;
        return target_over(guard, GUARD_VERSION);
    }
    if (byte == '%') {
        guard->step = PERCENT_IN_QUERY;
        return guard_go(guard, GUARD_PERCENT);
    }
    return syntax_is(byte, SYNTAX_TARGET) || byte == '?' || guard_bad(guard);
}

static bool
percent(struct guard *guard, char byte)
{
    if (!syntax_is(byte, SYNTAX_HEX)) {
        return guard_bad(guard);
    }
    if ((guard->step & 1u) == 0) {
        guard->step |= 1u;
        return true;
    }
    return guard_go(guard, (guard->step & PERCENT_IN_QUERY) != 0 ? GUARD_QUERY : GUARD_PATH);
}

/* Whoever sends an absolute form means us: its authority is held to the form of Host and otherwise ignored. A path that
 * is empty stays so; head_read() makes it "/". */
static bool
authority(struct guard *guard, char byte)
{
    if (byte != '/' && byte != '?' && byte != ' ') {
        return guard_host(guard, byte);
    }
    if (!guard_host_whole(guard)) {
        return guard_bad(guard);
    }
    guard->path_at = guard->position;
    return byte == '/' ? guard_go(guard, GUARD_PATH) : path(guard, byte);
}

static bool
version(struct guard *guard, char byte)
{
    static const char text[] = "HTTP/1.";
    const unsigned last = sizeof text - 1;

    if (guard->step < last) {
        if (byte != text[guard->step]) {
            return guard_refuse(guard, text[guard->step] == '1' && syntax_is(byte, SYNTAX_DIGIT) ? REFUSAL_VERSION
                                                                                                 : REFUSAL_BAD_REQUEST);
        }
        guard->step++;
        return true;
    }
    if (guard->step == last) {
        if (byte != '0' && byte != '1') {
            return guard_refuse(guard, syntax_is(byte, SYNTAX_DIGIT) ? REFUSAL_VERSION : REFUSAL_BAD_REQUEST);
        }
        guard->http10 = byte == '0';
        guard->step++;
        return true;
    }
    return guard_expect(guard, byte, '\r', GUARD_LINE_LF);
}

static bool
judge(struct guard *guard, char byte)
{
    switch ((enum guard_state)guard->state) {
    case GUARD_START:
        return start(guard, byte);
    case GUARD_EMPTY_LINE_LF:
        return guard_expect(guard, byte, '\n', GUARD_START);
    case GUARD_METHOD:
        return method(guard, byte);
    case GUARD_TARGET:
        return target(guard, byte);
    case GUARD_ASTERISK:
        return guard_expect(guard, byte, ' ', GUARD_VERSION);
    case GUARD_SCHEME:
        return scheme(guard, byte);
    case GUARD_AUTHORITY:
        return authority(guard, byte);
    case GUARD_PATH:
        return path(guard, byte);
    case GUARD_QUERY:
        return query(guard, byte);
    case GUARD_PERCENT:
        return percent(guard, byte);
    case GUARD_VERSION:
        return version(guard, byte);
    case GUARD_LINE_LF:
        guard->fields_at = guard->position + 1;
        return guard_expect(guard, byte, '\n', GUARD_FIELD);
    case GUARD_FIELD:
        return guard_field(guard, byte);
    case GUARD_NAME:
        return guard_name(guard, byte);
    case GUARD_BEFORE_VALUE:
    case GUARD_VALUE:
    case GUARD_AFTER_VALUE:
        return guard_value(guard, byte);
    case GUARD_FIELD_LF:
        return guard_expect(guard, byte, '\n', GUARD_FIELD);
    case GUARD_END_LF:
        return guard_end(guard, byte);
    }
    return guard_bad(guard);
}

/* Steps over bytes that change nothing: the greater part of most heads. */
static size_t
skip(struct guard *guard, const char *data, size_t length)
{
    size_t i = 0;

    if (guard->state == GUARD_VALUE && guard->field == FIELD_OTHER) {
        while (i < length && syntax_is(data[i], SYNTAX_VALUE)) {
            i++;
        }
    } else if (guard->state == GUARD_PATH || guard->state == GUARD_QUERY) {
        while (i < length && syntax_is(data[i], SYNTAX_TARGET)) {
            i++;
        }
    }
    return i;
}

enum guard_verdict
guard_feed(struct guard *guard, const char *data, size_t length, size_t *consumed)
{
    size_t room = guard->limits->head_bytes - guard->position;
    size_t end_at = length < room ? length : room;
    size_t i = 0;

    while (i < end_at) {
        size_t plain = skip(guard, data + i, end_at - i);
        bool last = guard->state == GUARD_END_LF;

        if (plain != 0) {
            i += plain;
            guard->position += plain;
            continue;
        }
        if (!judge(guard, data[i])) {
            *consumed = i;
            return GUARD_REFUSED;
        }
        i++;
        guard->position++;
        if (last) {
            *consumed = i;
            return GUARD_COMPLETE;
        }
    }
    *consumed = i;
    if (i == length) {
        return GUARD_MORE;
    }
    guard_refuse(guard, guard->state < GUARD_VERSION ? REFUSAL_TARGET_TOO_LONG : REFUSAL_FIELDS_TOO_LARGE);
    return GUARD_REFUSED;
}

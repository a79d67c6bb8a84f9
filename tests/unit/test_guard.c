/* The guard: what it lets pass, what it refuses and with what, at every way to cut the input. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/arena.h"
#include "ingress/guard.h"
#include "ingress/head.h"
#include "ingress/syntax.h"

#define START "POST /callbacks/yeta HTTP/1.1\r\n"
#define HOST  "Host: a\r\n"
#define END   "\r\n"

static const struct guard_limits limits = {.head_bytes = 4096, .header_count = 16};

static enum guard_verdict
feed_in_pieces(struct guard *guard, struct slice text, size_t piece, size_t *used)
{
    enum guard_verdict verdict = GUARD_MORE;

    guard_init(guard, &limits);
    *used = 0;
    while (verdict == GUARD_MORE && *used < text.length) {
        size_t length = text.length - *used < piece ? text.length - *used : piece;
        size_t consumed;

        verdict = guard_feed(guard, text.data + *used, length, &consumed);
        *used += consumed;
    }
    return verdict;
}

/* The refusal, and the offset of the byte that earns it; the same however the text is cut. */
static enum refusal
refusal_of(struct slice text, size_t *at)
{
    struct guard guard;
    enum refusal refusal = REFUSAL_NONE;
    size_t used;

    *at = 0;
    for (size_t piece = text.length; piece >= 1; piece--) {
        enum guard_verdict verdict = feed_in_pieces(&guard, text, piece, &used);
        enum refusal here = verdict == GUARD_REFUSED ? guard.refusal : REFUSAL_NONE;

        if (piece == text.length) {
            refusal = here;
            *at = used;
        }
        assert_int_equal(here, refusal);
        assert_int_equal(used, *at);
    }
    return refusal;
}

/* The last byte of a row is the first impossible one. */
struct row {
    struct slice text;
    enum refusal refusal;
};

#define BAD(text)                                                                                                      \
    {                                                                                                                  \
        SLICE(text), REFUSAL_BAD_REQUEST                                                                               \
    }
#define REFUSED(text, why)                                                                                             \
    {                                                                                                                  \
        SLICE(text), why                                                                                               \
    }

static void
impossible_bytes_are_refused_at_once(void **state)
{
    static const struct row rows[] = {
        /* the request line */
        BAD(" "),
        BAD("\n"),
        BAD("\t"),
        BAD("G("),
        BAD("GET\t"),
        BAD("GET\r"),
        BAD("GET  "),
        BAD("GET x"),
        BAD("GET *"),
        BAD("CONNECT a"),
        BAD("GET /a\t"),
        BAD("GET /\r"),
        BAD("GET /\n"),
        BAD("GET /a#"),
        BAD("GET /\x01"),
        BAD("GET /\x80"),
        BAD("GET /\x7f"),
        BAD("GET /\""),
        BAD("GET /%g"),
        BAD("GET /%1g"),
        BAD("GET /?%\r"),
        BAD("GET /<"),
        BAD("GET /?a|"),
        BAD("GET f"),
        BAD("GET http:/a"),
        BAD("GET http:///"),
        BAD("GET http://a@"),
        BAD("GET http://]"),
        BAD("GET http://a:b"),
        BAD("GET http://a:1:"),
        BAD("GET http://[]"),
        BAD("GET http://[::1/"),
        BAD("GET / h"),
        BAD("GET /  "),
        BAD("GET / HTTPS"),
        BAD("GET / HTTP/x"),
        BAD("GET / HTTP/11"),
        BAD("GET / HTTP/1.x"),
        BAD("GET / HTTP/1.1 "),
        BAD("GET / HTTP/1.1\n"),
        BAD("GET / HTTP/1.1\rx"),
        BAD("GET / HTTP/1.10"),
        BAD("OPTIONS *x"),
        BAD("\r\n\r\n\r\n\r\n\r"),
        BAD("\rG"),
        REFUSED("GET / HTTP/2", REFUSAL_VERSION),
        REFUSED("GET / HTTP/7", REFUSAL_VERSION),
        REFUSED("GET / HTTP/0", REFUSAL_VERSION),
        REFUSED("GET / HTTP/1.2", REFUSAL_VERSION),
        BAD("PRI *"),
        /* lines and names */
        BAD(START " "),
        BAD(START "\t"),
        BAD(START "\n"),
        BAD(START ":"),
        BAD(START "\rx"),
        BAD(START "a "),
        BAD(START "a\t"),
        BAD(START "a\r"),
        BAD(START "a\n"),
        BAD(START "a("),
        BAD(START "a\x80"),
        BAD(START "Content-Length "),
        BAD(START "a: b\n"),
        BAD(START "a: b\rc"),
        BAD(START "a: \x00"),
        BAD(START "a: b\x01"),
        BAD(START "a: \x7f"),
        BAD(START "a: b\r\n "),
        BAD(START "a: b\r\n\t"),
        BAD(START HOST "\rx"),
        /* Host */
        BAD(START HOST "Host:"),
        BAD(START "Host:\r"),
        BAD(START "Host: \r"),
        BAD(START "Host: a,"),
        BAD(START "Host: a b"),
        BAD(START "Host: a/"),
        BAD(START "Host: a@"),
        BAD(START "Host: [\r"),
        BAD(START "Host: [::1]x"),
        BAD(START "Host: [x"),
        BAD(START "Host: []"),
        BAD(START "Host: %"),
        BAD(START "Host: a:x"),
        BAD(START "Host: a:1:"),
        BAD(START "Host: a:123456"),
        BAD(START "Host: \x80"),
        BAD(START "a: b\r\n\r\n"),
        BAD("GET / HTTP/1.0\r\n" HOST "host:"),
        /* lengths */
        BAD(START "Content-Length: +"),
        BAD(START "Content-Length: -"),
        BAD(START "Content-Length: 5x"),
        BAD(START "Content-Length: 0x"),
        BAD(START "Content-Length:\r"),
        BAD(START "Content-Length: \r"),
        BAD(START "Content-Length: 5,"),
        BAD(START "Content-Length: 5 5"),
        BAD(START "Content-Length: 5\r\nContent-Length:"),
        BAD(START "Content-Length: 0\r\ncontent-length:"),
        BAD(START "Content-Length: 5\r\nTransfer-Encoding:"),
        BAD(START "Transfer-Encoding: chunked\r\nContent-Length:"),
        BAD(START "Transfer-Encoding: chunked\r\nTransfer-Encoding:"),
        BAD("POST / HTTP/1.0\r\nTransfer-Encoding:"),
        REFUSED(START "Content-Length: 1234567890123456789", REFUSAL_TOO_LARGE),
        REFUSED(START "Content-Length: 0009999999999999999999", REFUSAL_TOO_LARGE),
        BAD(START "Transfer-Encoding:\r"),
        BAD(START "Transfer-Encoding: ,\r"),
        BAD(START "Transfer-Encoding: chunked@\r"),
        REFUSED(START "Transfer-Encoding: gzip, chunked\r", REFUSAL_NOT_IMPLEMENTED),
        REFUSED(START "Transfer-Encoding: chunked, identity\r", REFUSAL_NOT_IMPLEMENTED),
        REFUSED(START "Transfer-Encoding: chunked, chunked\r", REFUSAL_NOT_IMPLEMENTED),
        REFUSED(START "Transfer-Encoding: xchunked\r", REFUSAL_NOT_IMPLEMENTED),
        REFUSED(START "Transfer-Encoding: gzip\r", REFUSAL_NOT_IMPLEMENTED),
        REFUSED(START "Transfer-Encoding: \"chunked\"\r", REFUSAL_NOT_IMPLEMENTED),
        REFUSED(START "Transfer-Encoding: identity\r", REFUSAL_NOT_IMPLEMENTED),
        /* expectations */
        REFUSED(START "Expect: 200-ok\r", REFUSAL_EXPECTATION),
        REFUSED(START "Expect:\r", REFUSAL_EXPECTATION),
        REFUSED(START "Expect: 100-continue, x\r", REFUSAL_EXPECTATION),
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t at;
        enum refusal refusal = refusal_of(rows[i].text, &at);

        if (refusal != rows[i].refusal) {
            fail_msg("row %zu, \"%.*s\": %d, not %d", i, SLICE_ARGS(rows[i].text), refusal, rows[i].refusal);
        }
        if (at != rows[i].text.length - 1) {
            fail_msg("row %zu, \"%.*s\": refused at %zu", i, SLICE_ARGS(rows[i].text), at);
        }
    }
}

static void
nothing_is_refused_too_early(void **state)
{
    static const struct slice rows[] = {
        SLICE("GET / HTTP/"),
        SLICE(START "Content-Length:"),
        SLICE(START "Content-Length: 5"),
        SLICE(START "Host: a:12345"),
        SLICE(START "Transfer-Encoding: gzip"),
        SLICE(START "a: b\r\n"),
        SLICE(START "Expect: 200-ok"),
        SLICE("\r\n\r\n\r\n\r\n"),
        SLICE("OPTIONS *"),
        SLICE("GET https://[::1]:8080"),
        SLICE(START "Host: [::1"),
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t at;

        assert_int_equal(refusal_of(rows[i], &at), REFUSAL_NONE);
        assert_int_equal(at, rows[i].length);
    }
}

/* Feeds it in every way to cut it once and byte by byte; reads the head from what was fed. */
static void
read_whole(const char *text, struct guard *guard, struct head *head, struct arena *arena)
{
    struct slice whole = slice_from(text);
    size_t used;
    char *bytes = arena_alloc(arena, whole.length);

    for (size_t piece = 1; piece <= whole.length; piece++) {
        assert_int_equal(feed_in_pieces(guard, whole, piece, &used), GUARD_COMPLETE);
        assert_int_equal(used, guard->position);
    }
    assert_non_null(bytes);
    memcpy(bytes, whole.data, whole.length);
    assert_true(head_read(guard, bytes, guard->position, arena, head));
}

#define assert_slice(slice, text) assert_true(slice_is((slice), (text)))

static void
heads_are_cut_into_their_parts(void **state)
{
    struct arena *arena = arena_new(NULL, 1 << 20);
    struct guard guard;
    struct head head;

    (void)state;
    read_whole("\r\n\r\nPOST /a%2Fb/c?x=1&y=%7B? HTTP/1.1\r\nHOST: [::1]:80\r\nContent-Length:  0017 \t\r\n"
               "X-A:\tone two \r\nx-a: three\r\nEmpty:\r\nBytes: \xe4\xb8\xad\x80\r\n\r\nbody",
               &guard, &head, arena);
    assert_slice(head.method, "POST");
    assert_slice(head.path, "/a%2Fb/c");
    assert_slice(head.query, "x=1&y=%7B?");
    assert_int_equal(head.content_length, 17);
    assert_int_equal(head.field_count, 5);
    assert_slice(head_field(&head, "host"), "[::1]:80");
    assert_slice(head_field(&head, "x-a"), "one two, three");
    assert_slice(head_field(&head, "bytes"), "\xe4\xb8\xad\x80");
    assert_true(slice_empty(head_field(&head, "empty")));
    assert_true(slice_empty(head_field(&head, "missing")));
    assert_string_equal(head.fields[0].name.data, "host");
    assert_true(head.keep_alive);
    assert_false(head.http10);
    assert_false(head.expect_continue);
    arena_free(arena);
}

static void
targets_of_every_form(void **state)
{
    static const struct {
        const char *text, *path, *query;
    } rows[] = {
        {"GET / HTTP/1.1\r\n" HOST END, "/", ""},
        {"GET /? HTTP/1.1\r\n" HOST END, "/", ""},
        {"GET //a/../b/ HTTP/1.1\r\n" HOST END, "//a/../b/", ""},
        {"GET HTTP://a.b:80/c?d HTTP/1.1\r\n" HOST END, "/c", "d"},
        {"GET https://a HTTP/1.1\r\n" HOST END, "/", ""},
        {"GET http://[::1]?q HTTP/1.1\r\n" HOST END, "/", "q"},
        {"OPTIONS * HTTP/1.1\r\n" HOST END, "*", ""},
        {"M-SEARCH /x HTTP/1.1\r\n" HOST END, "/x", ""},
    };
    struct arena *arena = arena_new(NULL, 1 << 20);
    struct guard guard;
    struct head head;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        read_whole(rows[i].text, &guard, &head, arena);
        assert_slice(head.path, rows[i].path);
        assert_slice(head.query, rows[i].query);
    }
    arena_free(arena);
}

static void
the_connections_life_is_what_the_client_asks_for(void **state)
{
    static const struct {
        const char *text;
        bool keep_alive, http10, expect_continue;
        int64_t content_length;
    } rows[] = {
        {"GET / HTTP/1.1\r\n" HOST END, true, false, false, 0},
        {"GET / HTTP/1.1\r\n" HOST "Connection: CLOSE\r\n\r\n", false, false, false, 0},
        {"GET / HTTP/1.1\r\n" HOST "Connection: keep-alive, close\r\n\r\n", false, false, false, 0},
        {"GET / HTTP/1.1\r\n" HOST "Connection: keep-alive\r\nConnection: close\r\n\r\n", false, false, false, 0},
        {"GET / HTTP/1.1\r\n" HOST "Connection: x ,\tclose\r\n\r\n", false, false, false, 0},
        {"GET / HTTP/1.1\r\n" HOST "Connection: closed, upgrade\r\n\r\n", true, false, false, 0},
        {"GET / HTTP/1.0\r\n\r\n", false, true, false, 0},
        {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true, true, false, 0},
        {"GET / HTTP/1.0\r\nConnection: keep-alive, close\r\nHost: a\r\n\r\n", false, true, false, 0},
        {"GET / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n", false, true, false, 3},
        {START HOST "EXPECT: 100-Continue \r\nContent-Length: 3\r\n\r\n", true, false, true, 3},
        {START HOST "Transfer-Encoding: ChunKed \t\r\n\r\n", true, false, false, -1},
        {START HOST "Content-Length: 123456789012345678\r\n\r\n", true, false, false, 123456789012345678},
    };
    struct arena *arena = arena_new(NULL, 1 << 20);
    struct guard guard;
    struct head head;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        read_whole(rows[i].text, &guard, &head, arena);
        assert_int_equal(head.keep_alive, rows[i].keep_alive);
        assert_int_equal(head.http10, rows[i].http10);
        assert_int_equal(head.expect_continue, rows[i].expect_continue);
        assert_int_equal(head.content_length, rows[i].content_length);
    }
    arena_free(arena);
}

static void
limits_hold_to_the_byte(void **state)
{
    struct guard_limits tight = {.head_bytes = 0, .header_count = 2};
    const char *text = START HOST "A: b\r\n\r\n";
    size_t length = strlen(text);
    struct guard guard;
    size_t consumed;

    (void)state;
    tight.head_bytes = length;
    guard_init(&guard, &tight);
    assert_int_equal(guard_feed(&guard, text, length, &consumed), GUARD_COMPLETE);
    assert_int_equal(consumed, length);

    tight.head_bytes = length - 1;
    guard_init(&guard, &tight);
    assert_int_equal(guard_feed(&guard, text, length, &consumed), GUARD_REFUSED);
    assert_int_equal(guard.refusal, REFUSAL_FIELDS_TOO_LARGE);

    tight.head_bytes = 10;
    guard_init(&guard, &tight);
    assert_int_equal(guard_feed(&guard, text, length, &consumed), GUARD_REFUSED);
    assert_int_equal(guard.refusal, REFUSAL_TARGET_TOO_LONG);

    tight = (struct guard_limits){.head_bytes = length, .header_count = 1};
    guard_init(&guard, &tight);
    assert_int_equal(guard_feed(&guard, text, length, &consumed), GUARD_REFUSED);
    assert_int_equal(guard.refusal, REFUSAL_FIELDS_TOO_LARGE);
}

static void
what_follows_the_head_is_left_alone(void **state)
{
    static const char text[] = "GET / HTTP/1.1\r\n" HOST END "GET";
    struct guard guard;
    size_t used;

    (void)state;
    assert_int_equal(feed_in_pieces(&guard, slice_from(text), sizeof text - 1, &used), GUARD_COMPLETE);
    assert_int_equal(used, sizeof text - 1 - 3);
    assert_false(guard_untouched(&guard));
    guard_init(&guard, &limits);
    assert_int_equal(guard_feed(&guard, "\r\n", 2, &used), GUARD_MORE);
    assert_true(guard_untouched(&guard));
}

/* From the RFCs' own lists, in words. */
static void
character_classes_are_those_of_the_grammar(void **state)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        char c = (char)byte;
        bool letter = byte != 0 && strchr(letters, byte) != NULL;
        bool token = letter || (byte != 0 && strchr("!#$%&'*+-.^_`|~", byte) != NULL);
        bool target = letter || (byte != 0 && strchr("-._~!$&'()*+,;=:@/", byte) != NULL);

        assert_int_equal(syntax_is(c, SYNTAX_TOKEN), token);
        assert_int_equal(syntax_is(c, SYNTAX_TARGET), target);
        assert_int_equal(syntax_is(c, SYNTAX_HOST), letter || (byte != 0 && strchr("-._~", byte) != NULL));
        assert_int_equal(syntax_is(c, SYNTAX_VALUE), byte == '\t' || (byte >= ' ' && byte != 0x7f));
        assert_int_equal(syntax_is(c, SYNTAX_DIGIT), byte >= '0' && byte <= '9');
        assert_int_equal(syntax_is(c, SYNTAX_HEX), byte != 0 && strchr("0123456789abcdefABCDEF", byte) != NULL);
        assert_int_equal(syntax_is(c, SYNTAX_SPACE), byte == ' ' || byte == '\t');
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(impossible_bytes_are_refused_at_once),
        cmocka_unit_test(nothing_is_refused_too_early),
        cmocka_unit_test(heads_are_cut_into_their_parts),
        cmocka_unit_test(targets_of_every_form),
        cmocka_unit_test(the_connections_life_is_what_the_client_asks_for),
        cmocka_unit_test(limits_hold_to_the_byte),
        cmocka_unit_test(what_follows_the_head_is_left_alone),
        cmocka_unit_test(character_classes_are_those_of_the_grammar),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

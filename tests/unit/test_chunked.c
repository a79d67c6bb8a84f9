/* The un-chunker: bodies come out whole however the input is cut; what is not exactly chunks is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ingress/chunked.h"

#define LIMIT 64

struct outcome {
    enum chunked_verdict verdict;
    enum refusal refusal;
    size_t used; /* bytes of the input */
    char body[LIMIT];
    size_t length;
};

static struct outcome
feed_in_pieces(struct slice text, size_t piece)
{
    struct outcome outcome = {.verdict = CHUNKED_MORE};
    struct chunked chunked;

    chunked_init(&chunked, LIMIT);
    while (outcome.verdict != CHUNKED_COMPLETE && outcome.verdict != CHUNKED_REFUSED && outcome.used < text.length) {
        size_t left = text.length - outcome.used;
        struct slice data;
        size_t consumed;

        outcome.verdict =
            chunked_feed(&chunked, slice_make(text.data + outcome.used, left < piece ? left : piece), &consumed, &data);
        outcome.used += consumed;
        assert_true(outcome.length + data.length <= LIMIT);
        if (!slice_empty(data)) {
            memcpy(outcome.body + outcome.length, data.data, data.length);
        }
        outcome.length += data.length;
    }
    outcome.refusal = chunked.refusal;
    return outcome;
}

static void
bodies_come_out_whole(void **state)
{
    static const struct {
        struct slice text, body;
    } rows[] = {
        {SLICE("0\r\n\r\n"), SLICE("")},
        {SLICE("5\r\nhello\r\n0\r\n\r\n"), SLICE("hello")},
        {SLICE("00000005\r\nhello\r\n1\r\n!\r\n000\r\n\r\n"), SLICE("hello!")},
        {SLICE("a\r\n0123456789\r\nA\r\nabcdefghij\r\n0\r\n\r\n"), SLICE("0123456789abcdefghij")},
        {SLICE("3;x=y;z=\"q w\"\r\n\r\n\r\r\n0;last\r\n\r\n"), SLICE("\r\n\r")},
        {SLICE("1\r\na\r\n0\r\nA: b\r\nContent-Length: 9\r\nC:\r\n\r\n"), SLICE("a")},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (size_t piece = 1; piece <= rows[i].text.length; piece++) {
            struct outcome outcome = feed_in_pieces(rows[i].text, piece);

            assert_int_equal(outcome.verdict, CHUNKED_COMPLETE);
            assert_int_equal(outcome.used, rows[i].text.length);
            assert_true(slice_equal(slice_make(outcome.body, outcome.length), rows[i].body));
        }
    }
}

static void
the_next_request_is_left_alone(void **state)
{
    static const struct slice text = SLICE("1\r\na\r\n0\r\nA: b\r\n\r\nGET /evil HTTP/1.1\r\n");

    (void)state;
    for (size_t piece = 1; piece <= text.length; piece++) {
        struct outcome outcome = feed_in_pieces(text, piece);

        assert_int_equal(outcome.verdict, CHUNKED_COMPLETE);
        assert_int_equal(outcome.used, strlen("1\r\na\r\n0\r\nA: b\r\n\r\n"));
    }
}

/* The last byte of each is the first impossible one. */
static void
impossible_bytes_are_refused_at_once(void **state)
{
    static const struct {
        struct slice text;
        enum refusal refusal;
    } rows[] = {
        {SLICE("\r"), REFUSAL_BAD_REQUEST},
        {SLICE(";"), REFUSAL_BAD_REQUEST},
        {SLICE(" "), REFUSAL_BAD_REQUEST},
        {SLICE("+"), REFUSAL_BAD_REQUEST},
        {SLICE("-"), REFUSAL_BAD_REQUEST},
        {SLICE("g"), REFUSAL_BAD_REQUEST},
        {SLICE("0x"), REFUSAL_BAD_REQUEST},
        {SLICE("5 "), REFUSAL_BAD_REQUEST},
        {SLICE("5\n"), REFUSAL_BAD_REQUEST},
        {SLICE("5\rx"), REFUSAL_BAD_REQUEST},
        {SLICE("000000001"), REFUSAL_BAD_REQUEST},
        {SLICE("41"), REFUSAL_TOO_LARGE},
        {SLICE("ff"), REFUSAL_TOO_LARGE},
        {SLICE("1\r\na\r\n40"), REFUSAL_TOO_LARGE},
        {SLICE("1;a\n"), REFUSAL_BAD_REQUEST},
        {SLICE("1;a\rb"), REFUSAL_BAD_REQUEST},
        {SLICE("1;\x01"), REFUSAL_BAD_REQUEST},
        {SLICE("1\r\nab"), REFUSAL_BAD_REQUEST},
        {SLICE("1\r\na\n"), REFUSAL_BAD_REQUEST},
        {SLICE("1\r\na\r\r"), REFUSAL_BAD_REQUEST},
        {SLICE("0\r\nA "), REFUSAL_BAD_REQUEST},
        {SLICE("0\r\n:"), REFUSAL_BAD_REQUEST},
        {SLICE("0\r\n "), REFUSAL_BAD_REQUEST},
        {SLICE("0\r\nA: b\n"), REFUSAL_BAD_REQUEST},
        {SLICE("0\r\nA: b\r\n "), REFUSAL_BAD_REQUEST},
        {SLICE("0\r\nA: b\r\nGET "), REFUSAL_BAD_REQUEST},
        {SLICE("0\r\n\rx"), REFUSAL_BAD_REQUEST},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (size_t piece = 1; piece <= rows[i].text.length; piece++) {
            struct outcome outcome = feed_in_pieces(rows[i].text, piece);

            if (outcome.verdict != CHUNKED_REFUSED || outcome.refusal != rows[i].refusal) {
                fail_msg("row %zu in pieces of %zu: %d, %d", i, piece, outcome.verdict, outcome.refusal);
            }
            assert_int_equal(outcome.used, rows[i].text.length - 1);
        }
    }
}

static void
the_limit_is_met_exactly(void **state)
{
    char text[128] = "40\r\n";
    struct outcome outcome;

    (void)state;
    memset(text + 4, 'x', LIMIT);
    memcpy(text + 4 + LIMIT, "\r\n0\r\n\r\n", 8);
    outcome = feed_in_pieces(slice_from(text), sizeof text);
    assert_int_equal(outcome.verdict, CHUNKED_COMPLETE);
    assert_int_equal(outcome.length, LIMIT);
}

/* What is thrown away costs nothing to send, so it is bounded. */
static void
extensions_and_trailers_are_bounded(void **state)
{
    static const struct {
        const char *start;
        size_t most; /* bytes that may follow */
    } rows[] = {{"1;", 8192}, {"0\r\nname:", 8192 - 4}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct chunked chunked;
        struct slice data;
        size_t consumed;
        size_t sent = 0;

        chunked_init(&chunked, LIMIT);
        assert_int_equal(chunked_feed(&chunked, slice_from(rows[i].start), &consumed, &data), CHUNKED_MORE);
        while (chunked_feed(&chunked, slice_make("x", 1), &consumed, &data) == CHUNKED_MORE) {
            sent++;
        }
        assert_int_equal(sent, rows[i].most);
        assert_int_equal(chunked.refusal, REFUSAL_FIELDS_TOO_LARGE);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies_come_out_whole),
        cmocka_unit_test(the_next_request_is_left_alone),
        cmocka_unit_test(impossible_bytes_are_refused_at_once),
        cmocka_unit_test(the_limit_is_met_exactly),
        cmocka_unit_test(extensions_and_trailers_are_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

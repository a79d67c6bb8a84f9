/* Answers, to the byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/value.h"
#include "ingress/answer.h"

static const struct answer_context kept = {"Sat, 21 Nov 2026 10:00:00 GMT", "0123456789abcdef01234567", .keep = true};
static const struct answer vendor = {SLICE("application/json"), SLICE("{\"success\":true}")};

static const char *
success(const struct answer_context *context)
{
    static char text[1024];
    size_t length = answer_success(text, sizeof text - 1, context, vendor);

    assert_int_not_equal(length, 0);
    text[length] = '\0';
    return text;
}

static const char *
refusal_with(const struct answer_context *context, enum refusal refusal, const char *allow)
{
    static char text[ANSWER_REFUSAL_BYTES + 1];
    size_t length = answer_refusal(text, ANSWER_REFUSAL_BYTES, context, refusal, slice_from(allow));

    assert_int_not_equal(length, 0);
    text[length] = '\0';
    return text;
}

static void
a_success_is_the_vendors_own_answer(void **state)
{
    (void)state;
    assert_string_equal(success(&kept), "HTTP/1.1 200 OK\r\n"
                                        "Trunkline-Durability: kafka\r\n"
                                        "Date: Sat, 21 Nov 2026 10:00:00 GMT\r\n"
                                        "Content-Type: application/json\r\n"
                                        "Content-Length: 16\r\n"
                                        "X-Request-Id: 0123456789abcdef01234567\r\n"
                                        "\r\n"
                                        "{\"success\":true}");
}

static void
a_success_says_what_keeps_the_event(void **state)
{
    struct answer_context context = kept;

    (void)state;
    context.durability = DURABILITY_SPOOL;
    assert_non_null(strstr(success(&context), "HTTP/1.1 200 OK\r\nTrunkline-Durability: spool\r\n"));
    assert_null(strstr(refusal_with(&context, REFUSAL_UNAVAILABLE, ""), "Durability"));
}

static void
head_gets_no_body_but_its_length(void **state)
{
    struct answer_context context = kept;
    const char *text;

    (void)state;
    context.head = true;
    text = success(&context);
    assert_non_null(strstr(text, "Content-Length: 16\r\n"));
    assert_string_equal(text + strlen(text) - 4, "\r\n\r\n");
    text = refusal_with(&context, REFUSAL_NOT_FOUND, "");
    assert_string_equal(text + strlen(text) - 4, "\r\n\r\n");
    assert_null(strstr(text, "Content-Length: 0"));
}

static void
the_connection_field_says_what_happens(void **state)
{
    struct answer_context context = kept;

    (void)state;
    assert_null(strstr(success(&context), "Connection"));
    context.http10 = true;
    assert_non_null(strstr(success(&context), "Connection: keep-alive\r\n"));
    context.keep = false;
    assert_non_null(strstr(success(&context), "Connection: close\r\n"));
    context.http10 = false;
    assert_non_null(strstr(success(&context), "Connection: close\r\n"));
}

static void
every_refusal_is_a_problem_that_fits(void **state)
{
    char allow[128];

    (void)state;
    memset(allow, 'X', sizeof allow - 1);
    allow[sizeof allow - 1] = '\0';
    for (int i = REFUSAL_NONE + 1; i < REFUSAL_COUNT; i++) {
        struct arena *arena = arena_new(NULL, 65536);
        const struct refusal_kind *kind = refusal_kind((enum refusal)i);
        const char *text = refusal_with(&kept, (enum refusal)i, allow);
        const char *body = strstr(text, "\r\n\r\n") + 4;
        const struct value *problem;
        struct error error;
        char length[64];

        assert_null(strcasestr(text, "success")); /* yeta looks for the word */
        snprintf(length, sizeof length, "HTTP/1.1 %d %s\r\n", kind->status, kind->title);
        assert_memory_equal(text, length, strlen(length));
        snprintf(length, sizeof length, "\r\nContent-Length: %zu\r\n", strlen(body));
        assert_non_null(strstr(text, length));
        assert_non_null(strstr(text, "\r\nContent-Type: application/problem+json\r\n"));
        problem = json_parse(arena, slice_from(body), VALUE_LIMITS_DEFAULT, &error);
        assert_non_null(problem);
        assert_true(slice_is(value_member(problem, "type")->text, "about:blank"));
        assert_true(slice_is(value_member(problem, "title")->text, kind->title));
        assert_int_equal(atoi(value_member(problem, "status")->text.data), kind->status);
        assert_true(value_member(problem, "detail")->text.length > 10);
        arena_free(arena);
    }
}

static void
some_refusals_have_a_field_of_their_own(void **state)
{
    (void)state;
    for (int i = REFUSAL_NONE + 1; i < REFUSAL_COUNT; i++) {
        const char *text = refusal_with(&kept, (enum refusal)i, "POST, GET");
        int status = refusal_kind((enum refusal)i)->status;

        assert_int_equal(strstr(text, "\r\nWWW-Authenticate: ") != NULL, status == 401);
        assert_int_equal(strstr(text, "\r\nAllow: POST, GET\r\n") != NULL, status == 405);
        assert_int_equal(strstr(text, "\r\nRetry-After: 1\r\n") != NULL, status == 503);
    }
}

static void
what_does_not_fit_is_not_written_in_part(void **state)
{
    char text[64];

    (void)state;
    assert_int_equal(answer_success(text, sizeof text, &kept, vendor), 0);
    assert_int_equal(answer_refusal(text, sizeof text, &kept, REFUSAL_BUSY, (struct slice){NULL, 0}), 0);
}

static void
the_date_follows_the_clock(void **state)
{
    struct date_cache cache = {0};
    struct fixed_clock clock;

    (void)state;
    fixed_clock_init(&clock, 784111777 * INT64_C(1000000000));
    assert_string_equal(date_text(&cache, &clock.clock), "Sun, 06 Nov 1994 08:49:37 GMT");
    clock.wall_ns += 999999999;
    assert_string_equal(date_text(&cache, &clock.clock), "Sun, 06 Nov 1994 08:49:37 GMT");
    clock.wall_ns += 1;
    assert_string_equal(date_text(&cache, &clock.clock), "Sun, 06 Nov 1994 08:49:38 GMT");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_success_is_the_vendors_own_answer),
        cmocka_unit_test(a_success_says_what_keeps_the_event),
        cmocka_unit_test(head_gets_no_body_but_its_length),
        cmocka_unit_test(the_connection_field_says_what_happens),
        cmocka_unit_test(every_refusal_is_a_problem_that_fits),
        cmocka_unit_test(some_refusals_have_a_field_of_their_own),
        cmocka_unit_test(what_does_not_fit_is_not_written_in_part),
        cmocka_unit_test(the_date_follows_the_clock),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

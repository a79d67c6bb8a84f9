/* What 7moor's answers mean: every code, what proves nothing, and what of a reply goes into a result. */
#include "calling.h"

extern const struct adapter adapter_sevenmoor;

static struct calling calling;

static int
open_calling(void **state)
{
    (void)state;
    calling_open(&calling, &adapter_sevenmoor);
    return 0;
}

static int
close_calling(void **state)
{
    (void)state;
    calling_close(&calling);
    return 0;
}

#define assert_slice(slice, text) assert_true(slice_is((slice), (text)))

static const struct vendor_answer *
interpret(unsigned status, const char *body)
{
    struct http_answer http = {.status = status, .body = slice_from(body), .retry_after_ms = 90000};

    return calling_interpret(&calling, "call.dial", &http, NULL);
}

static void
assert_says(const struct vendor_answer *answer, enum call_code code, enum call_acted acted, enum call_repeat repeat)
{
    if (answer->code != code || answer->acted != acted || answer->repeat != repeat) {
        fail_msg("%.*s: %s, acted %s, repeat %s", SLICE_ARGS(answer->vendor_code), call_codes[answer->code],
                 call_acted_words[answer->acted], call_repeat_words[answer->repeat]);
    }
    assert_null(answer->item_ids);
    assert_false(answer->items_missing);
    assert_int_equal(answer->token.length, 0);
    assert_int_equal(answer->wait_ms, repeat == REPEAT_AFTER_WINDOW ? 90000 : 0);
}

/* The table of the contract, once more and by hand. */
static const struct {
    const char *codes; /* separated by spaces */
    enum call_code code;
    enum call_acted acted;
    enum call_repeat repeat;
} meanings[] = {
    {"50010 50020", CALL_LIMIT, ACTED_NO, REPEAT_AFTER_WINDOW},
    {"50014", CALL_CREDENTIALS, ACTED_NO, REPEAT_FRESH},
    {"50002 50012 50013 50015 50016 50018 50019 6706 6717 6718", CALL_CREDENTIALS, ACTED_NO, REPEAT_NEVER},
    {"50001 50006 50008", CALL_INTERNAL, ACTED_NO, REPEAT_NEVER},
    {"50007 50009", CALL_UNAVAILABLE, ACTED_MAYBE, REPEAT_IF_SAFE},
    {"40000 2017 6707 6711 6716 6723 6724 6725 6731 6732 6733 6734", CALL_INVALID, ACTED_NO, REPEAT_NEVER},
    {"6701 6702 6703 6704 6708 6721 6722 6727 6730 2020 2021", CALL_REFUSED, ACTED_NO, REPEAT_NEVER},
    {"6712 6713 6714 6715", CALL_BUSY, ACTED_NO, REPEAT_NEVER},
    {"6728", CALL_REFUSED, ACTED_MAYBE, REPEAT_NEVER},
    {"6700 6705 6709 6710 6719 6720", CALL_UNAVAILABLE, ACTED_MAYBE, REPEAT_IF_SAFE},
    {"6726", CALL_UNAVAILABLE, ACTED_NO, REPEAT_IF_SAFE},
    {"6729 99999 0 201 ok", CALL_INTERNAL, ACTED_MAYBE, REPEAT_IF_SAFE},
};

static void
assert_code_means(const char *code, size_t row)
{
    static const struct {
        const char *before, *behind;
    } bodies[] = {
        {"{\"success\":false,\"code\":\"", "\",\"message\":\"no\"}"},
        {"{\"success\":true,\"code\":\"", "\"}"},
        {"{\"success\":true,\"code\":\"200\",\"data\":{\"code\":\"", "\",\"message\":\"no\"}}"},
    };
    const struct vendor_answer *answer;

    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        char body[256];

        assert_in_range(snprintf(body, sizeof(body), "%s%s%s", bodies[i].before, code, bodies[i].behind), 1,
                        sizeof(body) - 1);
        answer = interpret(200, body);
        assert_says(answer, meanings[row].code, meanings[row].acted, meanings[row].repeat);
        assert_slice(answer->vendor_code, code);
        assert_slice(answer->vendor_message, i == 1 ? "" : "no");
        answer = interpret(400, body);
        if (i != 1 || meanings[row].code != CALL_INTERNAL) {
            assert_int_equal(answer->code, meanings[row].code);
            assert_int_equal(answer->acted, meanings[row].acted);
        }
    }
}

static void
every_code_has_its_meaning(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
        char codes[128];
        char *rest = NULL;

        assert_in_range(snprintf(codes, sizeof(codes), "%s", meanings[i].codes), 1, sizeof(codes) - 1);
        for (char *code = strtok_r(codes, " ", &rest); code != NULL; code = strtok_r(NULL, " ", &rest)) {
            assert_code_means(code, i);
        }
    }
}

static void
successes(void **state)
{
    static const char *const bodies[] = {
        "{\"success\":true,\"code\":\"200\",\"message\":\"requestSuccess\"}",
        "{\"success\":true,\"code\":200}",
        "{\"success\":true,\"code\":\"200\",\"data\":\"座席上线成功\"}",
        "{\"success\":true,\"code\":\"200\",\"data\":[]}",
        "{\"success\":true,\"code\":\"200\",\"data\":null}",
        "{\"success\":true,\"code\":\"200\",\"data\":{\"list\":[],\"count\":0}}",
        "{\"success\":true,\"code\":\"200\",\"data\":{\"code\":200}}",
        "{\"success\":true,\"code\":\"200\",\"data\":{\"code\":\"200\"}}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        assert_says(interpret(200, bodies[i]), CALL_OK, ACTED_YES, REPEAT_NEVER);
        assert_slice(calling.answer.vendor_code, "200");
        assert_slice(calling.answer.answer, bodies[i]);
    }
    assert_says(interpret(200, bodies[0]), CALL_OK, ACTED_YES, REPEAT_NEVER);
    assert_slice(calling.answer.vendor_message, "requestSuccess");
    assert_says(interpret(201, bodies[0]), CALL_OK, ACTED_YES, REPEAT_NEVER);
}

static void
what_proves_nothing(void **state)
{
    static const struct {
        unsigned status;
        const char *body;
    } rows[] = {
        {200, ""},
        {200, "ok"},
        {200, "<html>"},
        {200, "[]"},
        {200, "{}"},
        {200, "{\"success\":true}"},
        {200, "{\"success\":true,\"code\":null}"},
        {200, "{\"success\":true,\"code\":[\"200\"]}"},
        {200, "{\"success\":true,\"code\":200.0}"},
        {200, "{\"success\":true,\"code\":\"200\",\"code\":\"200\"}"},
        {200, "{\"code\":\"200\"}"},
        {200, "{\"success\":false,\"code\":\"200\"}"},
        {200, "{\"success\":\"true\",\"code\":\"200\"}"},
        {200, "{\"success\":true,\"code\":\"200\",\"data\":{\"code\":{}}}"},
        {200, "{\"success\":true,\"code\":\"200\",\"data\":{\"code\":true}}"},
        {200, "{\"success\":true,\"code\":\"200\",\"message\":\"\xff\"}"},
        {200, "{\"success\":true,\"code\":\"200\""},
        {302, "{\"success\":true,\"code\":\"200\"}"},
        {302, "{\"success\":false,\"code\":\"6713\"}"},
        {404, "{\"success\":true,\"code\":\"200\"}"},
        {404, ""},
        {401, "no"},
        {500, "{\"success\":true,\"code\":\"200\"}"},
        {500, "{\"success\":false,\"code\":\"6713\"}"},
        {503, "{\"success\":false,\"code\":\"50010\"}"},
        {502, "<html>"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_says(interpret(rows[i].status, rows[i].body), CALL_INTERNAL, ACTED_MAYBE, REPEAT_IF_SAFE);
    }
    assert_slice(interpret(502, "<html>")->vendor_code, "http_502");
    assert_slice(calling.answer.answer, "");
    assert_slice(interpret(500, "{\"success\":false,\"code\":\"6713\"}")->vendor_code, "6713");
}

static void
limits_name_a_time(void **state)
{
    struct http_answer http = {.status = 429};

    (void)state;
    assert_says(interpret(429, ""), CALL_LIMIT, ACTED_NO, REPEAT_AFTER_WINDOW);
    assert_slice(calling.answer.vendor_code, "http_429");
    assert_says(interpret(429, "{\"success\":true,\"code\":\"200\"}"), CALL_LIMIT, ACTED_NO, REPEAT_AFTER_WINDOW);
    assert_says(interpret(429, "{\"code\":\"77\"}"), CALL_LIMIT, ACTED_NO, REPEAT_AFTER_WINDOW);
    assert_int_equal(calling_interpret(&calling, "call.dial", &http, NULL)->wait_ms, 0);
    http.retry_after_ms = INT64_MAX;
    assert_int_equal(calling_interpret(&calling, "call.dial", &http, NULL)->wait_ms, 3600000);
    http.retry_after_ms = -5;
    assert_int_equal(calling_interpret(&calling, "call.dial", &http, NULL)->wait_ms, 0);
}

static void
accounts_know_better(void **state)
{
    static const struct code_rule overrides[] = {
        {"6713", CALL_LIMIT, ACTED_NO, REPEAT_AFTER_WINDOW},
        {"777", CALL_REFUSED, ACTED_NO, REPEAT_NEVER},
        {"http_503", CALL_UNAVAILABLE, ACTED_NO, REPEAT_BACKING_OFF},
        {.vendor_code = NULL},
    };
    struct http_answer http = {.status = 200, .body = SLICE("{\"success\":false,\"code\":\"6713\"}")};

    (void)state;
    assert_int_equal(calling_interpret(&calling, "call.dial", &http, overrides)->code, CALL_LIMIT);
    http.body = slice_from("{\"success\":true,\"code\":\"200\",\"data\":{\"code\":777}}");
    assert_int_equal(calling_interpret(&calling, "call.dial", &http, overrides)->code, CALL_REFUSED);
    http = (struct http_answer){.status = 503, .body = SLICE("busy")};
    assert_int_equal(calling_interpret(&calling, "call.dial", &http, overrides)->repeat, REPEAT_BACKING_OFF);
    http.body = slice_from("{\"code\":\"777\"}");
    assert_int_equal(calling_interpret(&calling, "call.dial", &http, overrides)->code, CALL_REFUSED);
}

static void
the_echo_of_our_signature_is_left_out(void **state)
{
    (void)state;
    (void)interpret(200,
                    "{\"success\":true,\"requestInfo\":{\"headers\":{\"m7-sign\":\"x\"}},\"code\":\"200\","
                    "\"data\":{\"code\":200,\"n\":1.50,\"big\":12345678901234567890,"
                    "\"rows\":[{\"request\\u0049nfo\":{\"m7-sign\":\"x\"},\"k\":\"\\u4e2d\"}]},\"actionId\":\"7\"}");
    assert_int_equal(calling.answer.code, CALL_OK);
    assert_slice(calling.answer.answer,
                 "{\"success\":true,\"code\":\"200\",\"data\":{\"code\":200,\"n\":1.50,\"big\":12345678901234567890,"
                 "\"rows\":[{\"k\":\"中\"}]},\"actionId\":\"7\"}");
}

static void
texts_of_an_answer_are_bounded(void **state)
{
    struct slice body = arena_printf(calling.arena, "{\"code\":\"%0100d\",\"message\":\"%0511d中中\"}", 7, 7);
    const struct vendor_answer *answer = interpret(200, body.data);

    (void)state;
    assert_int_equal(answer->vendor_message.length, 511);
    assert_int_equal(answer->vendor_code.length, 64);
    assert_int_equal(answer->code, CALL_INTERNAL);
}

static void
the_examples_of_the_document(void **state)
{
    (void)state;
    /* 2.1 */
    (void)interpret(
        200, "{\"success\":true,\"code\":\"200\",\"message\":\"requestSuccess\",\"data\":{\"code\":200,\"startTime\":"
             "\"2020-12-29 15:50:32.436\",\"endTime\":\"2020-12-29 15:50:32.492\",\"timezone\":\"UTC+8\",\"version\":"
             "\"2020102501\",\"request\":{\"requestId\":\"870a76d049aa11eb88a72fd5a285f83e\"},\"response\":{\"data\":{"
             "\"mediaServer\":\"172.17.15.47:11100\"},\"message\":\"call-api-server-ok\"},\"message\":\"call-api-"
             "server-ok\"},\"requestInfo\":{\"requestId\":\"870a76d049aa11eb88a72fd5a285f83e\",\"headers\":{\"m7-sign"
             "\":\"77iIqkeVA8v7FnYQnlpzvGFMBEpXaT9+30+iMtN6L0g=\"}}}");
    assert_says(&calling.answer, CALL_OK, ACTED_YES, REPEAT_NEVER);
    assert_slice(calling.answer.vendor_message, "requestSuccess");
    assert_null(memmem(calling.answer.answer.data, calling.answer.answer.length, "m7-sign", 7));
}

static void
a_full_arena_leaves_the_answer_open(void **state)
{
    struct arena *arena = arena_new(NULL, 300);
    struct http_answer http = {.status = 200, .body = SLICE("{\"success\":true,\"code\":\"200\",\"data\":[1,2,3,4]}")};
    struct interpretation interpretation = {
        .operation = operation_find(&adapter_sevenmoor, slice_from("call.dial")),
        .answer = &http,
        .command_count = 1,
        .arena = arena,
    };
    struct vendor_answer answer;

    (void)state;
    assert_non_null(arena);
    adapter_sevenmoor.calls->interpret(&interpretation, &answer);
    assert_int_equal(answer.code, CALL_INTERNAL);
    assert_int_equal(answer.acted, ACTED_MAYBE);
    assert_int_equal(answer.answer.length, 0);
    arena_free(arena);
}

#define CALLING(test) cmocka_unit_test_setup_teardown(test, open_calling, close_calling)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CALLING(every_code_has_its_meaning),
        CALLING(successes),
        CALLING(what_proves_nothing),
        CALLING(limits_name_a_time),
        CALLING(accounts_know_better),
        CALLING(the_echo_of_our_signature_is_left_out),
        CALLING(texts_of_an_answer_are_bounded),
        CALLING(the_examples_of_the_document),
        CALLING(a_full_arena_leaves_the_answer_open),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

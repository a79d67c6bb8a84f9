/* 7moor's call side, rule by rule: what is refused and why, what travels through a call and comes back, how requests
 * are signed. Whole requests are test_operation's part. */
#include "calling.h"
#include "conversion.h"

extern const struct adapter adapter_sevenmoor;

static struct calling calling;
static struct bench bench;

static int
open_calling(void **state)
{
    (void)state;
    calling_open(&calling, &adapter_sevenmoor);
    bench_open(&bench, &adapter_sevenmoor);
    return 0;
}

static int
close_calling(void **state)
{
    (void)state;
    bench_close(&bench);
    calling_close(&calling);
    return 0;
}

/* --- composing --- */

static void
logins(void **state)
{
    (void)state;
    assert_composed(&calling, "agent.login", "{\"status\":\"busy\",\"agent\":\"8001\",\"login_type\":\"SIP\"}",
                    "{\"agentNumber\":\"8001\",\"loginType\":\"SIP\",\"status\":\"1\"}");
    assert_refused(&calling, "agent.login", "{\"agent\":\"8001\",\"login_type\":\"sip\",\"status\":\"idle\"}",
                   "data.login_type: must be one of the strings PSTN, WEBRTC, SIP");
    assert_refused(&calling, "agent.login", "{\"agent\":\"8001\",\"login_type\":\"SIP\",\"status\":\"0\"}",
                   "data.status: must be one of the strings idle, busy");
    assert_refused(&calling, "agent.login", "{\"agent\":\"8001\"}", "data.login_type: missing; agent.login needs it");
}

static void
dials(void **state)
{
    (void)state;
    assert_composed(&calling, "call.dial",
                    "{\"agent\":\"8001\",\"callee\":\"13912345678\",\"display_number\":\"010\",\"options\":{"
                    "\"agentTimeout\":\"30\",\"calleeTimeout\":\"60\",\"agentCallerNumber\":\"95\"}}",
                    "{\"agentNumber\":\"8001\",\"calleeNumber\":\"13912345678\",\"calleeCallerNumber\":\"010\","
                    "\"agentTimeout\":\"30\",\"calleeTimeout\":\"60\",\"agentCallerNumber\":\"95\","
                    "\"extras\":{\"_tl\":\"c-1\"}}");
    assert_refused(&calling, "call.dial", "{\"agent\":\"8001\",\"callee\":13912345678}",
                   "data.callee: must be a string; put the number in quotes, so that no digit of it is lost");
    assert_refused(&calling, "call.dial", "{\"agent\":\"8001\",\"callee\":\"1\",\"options\":{\"agentTimeout\":30}}",
                   "data.options.agentTimeout: must be a string; put the number in quotes, so that no digit of it is "
                   "lost");
    assert_refused(&calling, "call.dial", "{\"agent\":\"8001\",\"callee\":\"1\",\"options\":{\"groupRule\":\"1\"}}",
                   "data.options.groupRule: must be a whole number from 0 to 1, without quotes");
    assert_refused(&calling, "call.dial", "{\"agent\":\"8001\",\"callee\":\"1\",\"robot\":\"7\"}",
                   "data.robot: not a member of call.dial; it takes agent, callee, display_number, extras, options");
}

static void
only_calls_ring_customers(void **state)
{
    (void)state;
    for (const struct operation *operation = adapter_sevenmoor.calls->operations; operation->command != NULL;
         operation++) {
        bool rings = strcmp(operation->command, "call.dial") == 0 || strcmp(operation->command, "call.bridge") == 0;

        assert_int_equal(operation->rings_customer, rings);
    }
}

static void
what_is_safe_to_repeat(void **state)
{
    static const char *const safe[] = {"1.1", "1.2", "1.3", "1.4", "2.3", "2.4", "2.5", "2.6", "2.13"};
    size_t count = 0;

    (void)state;
    for (const struct operation *operation = adapter_sevenmoor.calls->operations; operation->command != NULL;
         operation++) {
        bool listed = false;

        for (size_t i = 0; i < sizeof(safe) / sizeof(safe[0]); i++) {
            listed = listed || strcmp(safe[i], operation->section) == 0;
        }
        assert_int_equal(operation->safe_to_repeat, listed);
        count++;
    }
    assert_int_equal(count, 18);
}

static void
long_ids_travel_as_a_digest(void **state)
{
    char id[64];

    (void)state;
    assert_true(calling_compose(&calling, "call.consult_cancel", "1234567890123456789012345678901234567890",
                                "{\"agent\":\"1\"}"));
    assert_slice(calling.composition.body,
                 "{\"agentNumber\":\"1\",\"actionId\":\"1234567890123456789012345678901234567890\"}");
    assert_true(calling_compose(&calling, "call.consult_cancel", "abcabcabcabcabcabcabcabcabcabcabcabcabcabc",
                                "{\"agent\":\"1\"}"));
    assert_slice(calling.composition.body,
                 "{\"agentNumber\":\"1\",\"actionId\":\"f3b7cf4b87b55c3d0346bd61b0cd6fffb6a39ac4\"}");
    /* Forty characters, whatever their bytes. */
    assert_in_range(snprintf(id, sizeof(id), "%038d客户", 0), 1, sizeof(id) - 1);
    assert_true(calling_compose(&calling, "call.conference", id, "{\"agent\":\"1\"}"));
    assert_non_null(strstr(arena_copy(calling.arena, calling.composition.body).data, "客户"));
}

static void
queries(void **state)
{
    (void)state;
    assert_composed(&calling, "call.records.query",
                    "{\"from\":\"2021-03-25T00:00:00+08:00\",\"to\":\"2021-04-01T00:00:00+08:00\","
                    "\"call_types\":[\"dialout\",\"webcall\"]}",
                    "{\"startTime\":\"2021-03-25 00:00:00\",\"endTime\":\"2021-04-01 00:00:00\","
                    "\"callType\":[\"dialout\",\"webcall\"],\"page\":1,\"pageSize\":100}");
    assert_composed(&calling, "call.records.query", "{\"call\":\"403344537650466816\",\"page_size\":200,\"page\":2}",
                    "{\"uniqueId\":\"403344537650466816\",\"page\":2,\"pageSize\":200}");
    assert_refused(&calling, "call.records.query", "{}",
                   "data.from: missing; call.records.query needs from and to, or call");
    assert_refused(&calling, "call.records.query", "{\"call\":\"\",\"from\":\"2021-03-25T00:00:00+08:00\"}",
                   "data.to: missing; call.records.query needs from and to, or call");
    assert_refused(&calling, "call.records.query",
                   "{\"from\":\"2021-03-25T00:00:00+08:00\",\"to\":\"2021-04-01T00:00:01+08:00\"}",
                   "data.to: is more than 7 days after from; ask for at most 7 days at a time");
    assert_refused(&calling, "call.records.query",
                   "{\"from\":\"2021-03-25T00:00:00+08:00\",\"to\":\"2021-03-24T15:59:59Z\"}",
                   "data.to: is before from; exchange the two");
    assert_refused(&calling, "call.records.query", "{\"call\":\"1\",\"page_size\":201}",
                   "data.page_size: must be a whole number from 1 to 200");
    assert_refused(&calling, "call.records.query", "{\"call\":\"1\",\"call_types\":[\"outbound\"]}",
                   "data.call_types[0]: must be one of the strings incoming, dialout, webcall, previewDialout, "
                   "autoDialout");
}

static void
bridges(void **state)
{
    (void)state;
    assert_composed(&calling, "call.bridge",
                    "{\"caller\":\"1\",\"caller_display_number\":\"2\",\"callee\":\"3\",\"callee_kind\":\"ivr\"}",
                    "{\"callerNumber\":\"1\",\"callerTimeout\":120,\"callerDisplayNumber\":\"2\",\"calleeNumber\":"
                    "\"3\",\"calleeType\":\"ivrId\",\"calleeDisplayNumber\":\"\",\"actionId\":\"c-1\"}");
    assert_composed(&calling, "call.bridge",
                    "{\"caller\":\"1\",\"caller_display_number\":\"2\",\"callee\":\"3\",\"callee_kind\":\"agent\","
                    "\"callee_display_number\":\"4\",\"extras\":\"e\"}",
                    "{\"callerNumber\":\"1\",\"callerTimeout\":120,\"callerDisplayNumber\":\"2\",\"calleeNumber\":"
                    "\"3\",\"calleeType\":\"agentNumber\",\"calleeDisplayNumber\":\"4\",\"extras\":\"e\","
                    "\"actionId\":\"c-1\"}");
    assert_refused(&calling, "call.bridge",
                   "{\"caller\":\"1\",\"caller_display_number\":\"2\",\"callee\":\"3\",\"callee_kind\":\"number\"}",
                   "data.callee_display_number: missing; call.bridge needs it where callee_kind is number or agent");
    assert_refused(&calling, "call.bridge",
                   "{\"caller\":\"1\",\"caller_display_number\":\"2\",\"callee\":\"3\",\"callee_kind\":\"ivr\","
                   "\"extras\":[1]}",
                   "data.extras: must be a string or an object");
    assert_refused(&calling, "call.bridge",
                   "{\"caller\":\"1\",\"caller_display_number\":\"2\",\"callee\":\"3\",\"callee_kind\":\"ivr\","
                   "\"extras\":{\"_tl\":1}}",
                   "data.extras._tl: the name is taken: the command's id travels under it; use another one");
}

/* --- what travels through a call --- */

static bool
dial_with_extras(const char *id, const char *extras)
{
    struct slice data = arena_printf(calling.arena, "{\"agent\":\"1\",\"callee\":\"2\",\"extras\":%s}", extras);

    return calling_compose(&calling, "call.dial", id, data.data);
}

/* The member `extras` of the composed body, as JSON. */
static struct slice
sent_extras(void)
{
    return value_member(calling_json(&calling, calling.composition.body), "extras")->raw;
}

/* Sends it, lets the vendor push it back, and looks at what an event of the call tells. */
static void
assert_round_trip(const char *id, const char *given, const char *returned)
{
    const struct canonical_event *event;

    if (!dial_with_extras(id, given)) {
        fail_msg("%s", calling.error.text);
    }
    assert_false(calling.composition.uncorrelated);
    event = bench_event(&bench, "",
                        arena_printf(bench.arena, "{\"callEvent\":\"link\",\"callUniqueId\":\"c\",\"extras\":%.*s}",
                                     SLICE_ARGS(sent_extras()))
                            .data);
    assert_slice(event->correlation_id, id);
    if (!slice_is(event->extras, returned)) {
        fail_msg("%s came back as %.*s", given, SLICE_ARGS(event->extras));
    }
}

static void
extras_come_back_as_they_were(void **state)
{
    static const struct {
        const char *given, *returned;
    } rows[] = {
        {"null", ""},
        {"{}", ""},
        {"\"\"", ""},
        {"\"null\"", ""},
        {"{\"a\":1}", "{\"a\":1}"},
        {"{\"a\":1,\"b\":[1.50,{}]}", "{\"a\":1,\"b\":[1.50,{}]}"},
        {"\"text\"", "\"text\""},
        {"12345678901234567890", "12345678901234567890"},
        {"0", "0"},
        {"false", "false"},
        {"[1,\"x\"]", "[1,\"x\"]"},
        {"[]", "[]"},
        {"{\"value\":1}", "{\"value\":1}"},
        {"{\"value\":null}", "{\"value\":null}"},
        {"{\"value\":\"\"}", "{\"value\":\"\"}"},
        {"{\"value\":{\"value\":{}}}", "{\"value\":{\"value\":{}}}"},
        {"{\"value\":1,\"other\":2}", "{\"value\":1,\"other\":2}"},
        {"{ \"a\" : \"\\u4e2d\\n\" }", "{\"a\":\"中\\n\"}"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_round_trip("c-1", rows[i].given, rows[i].returned);
        assert_round_trip("a \\ \" id", rows[i].given, rows[i].returned);
    }
}

/* {"t":"..."} with so many copies of a character in it. */
static const char *
filled(const char *character, size_t count)
{
    struct slice text = arena_copy(calling.arena, slice_from(""));

    for (size_t i = 0; i < count; i++) {
        text = arena_printf(calling.arena, "%.*s%s", SLICE_ARGS(text), character);
    }
    return arena_printf(calling.arena, "{\"t\":\"%.*s\"}", SLICE_ARGS(text)).data;
}

static void
users_extras_win_where_room_is_short(void **state)
{
    (void)state;
    /* {"t":""} has 8 characters, ,"_tl":"c-1" another 12. */
    assert_true(dial_with_extras("c-1", filled("x", 130)));
    assert_false(calling.composition.uncorrelated);
    assert_int_equal(sent_extras().length, 150);
    assert_true(dial_with_extras("c-1", filled("x", 131)));
    assert_true(calling.composition.uncorrelated);
    assert_slice(sent_extras(), filled("x", 131));
    assert_true(dial_with_extras("c-1", filled("x", 142)));
    assert_true(calling.composition.uncorrelated);
    assert_false(dial_with_extras("c-1", filled("x", 143)));
    assert_string_equal(calling.error.text,
                        "data.extras: has 151 characters and 151 bytes as compact JSON; 7moor takes 150 and 254");
}

static void
bytes_and_wide_characters_count(void **state)
{
    (void)state;
    assert_true(dial_with_extras("c-1", filled("中", 78))); /* 20 + 234 bytes */
    assert_false(calling.composition.uncorrelated);
    assert_int_equal(sent_extras().length, 254);
    assert_true(dial_with_extras("c-1", filled("中", 79)));
    assert_true(calling.composition.uncorrelated);
    assert_true(dial_with_extras("c-1", filled("中", 82)));
    assert_false(dial_with_extras("c-1", filled("中", 83)));
    assert_string_equal(calling.error.text,
                        "data.extras: has 91 characters and 257 bytes as compact JSON; 7moor takes 150 and 254");
    assert_false(dial_with_extras("c-1", filled("\xf0\x9f\x93\x9e", 72))); /* counts twice each */
    assert_string_equal(calling.error.text,
                        "data.extras: has 152 characters and 296 bytes as compact JSON; 7moor takes 150 and 254");
}

static void
white_space_and_escapes_take_no_room(void **state)
{
    (void)state;
    assert_true(dial_with_extras("c-1", arena_printf(calling.arena, "%200s{\"a\" : \"\\u0041\"}", "").data));
    assert_false(calling.composition.uncorrelated);
    assert_slice(sent_extras(), "{\"a\":\"A\",\"_tl\":\"c-1\"}");
}

static void
an_id_without_room_stays_at_home(void **state)
{
    (void)state;
    assert_true(dial_with_extras(filled("x", 140), "{}"));
    assert_true(calling.composition.uncorrelated);
    assert_slice(sent_extras(), "{}");
    assert_true(dial_with_extras("null", "\"text\""));
    assert_true(calling.composition.uncorrelated);
    assert_slice(sent_extras(), "{\"value\":\"text\"}");
    assert_true(dial_with_extras("null", "{\"value\":1}"));
    assert_slice(sent_extras(), "{\"value\":1}");
    assert_false(dial_with_extras("c-1", "{\"_tl\":\"mine\"}"));
    assert_string_equal(calling.error.text,
                        "data.extras._tl: the name is taken: the command's id travels under it; use another one");
}

/* --- signing --- */

static struct slice
header(const char *name)
{
    for (size_t i = 0; i < calling.request.header_count; i++) {
        if (slice_is(calling.request.header_names[i], name)) {
            return calling.request.header_values[i];
        }
    }
    fail_msg("no header %s", name);
    return (struct slice){0};
}

static bool
sign(const char *appkey, const char *secret, int64_t wall_ms, uint64_t nonce)
{
    struct slice settings[] = {slice_from(appkey), slice_from(secret)};
    struct signing signing = {
        .composition = &calling.composition,
        .settings = settings,
        .wall_ms = wall_ms,
        .nonce = nonce,
        .arena = calling.arena,
    };

    return adapter_sevenmoor.calls->sign(&signing, &calling.request);
}

static void
signatures(void **state)
{
    static const char key[] = "HWHp9xFVlbboxIU2S6DHA7sf9sGzt3";

    (void)state;
    assert_composed(&calling, "call.hangup", "{\"agent\":\"8001\"}", "{\"agentNumber\":\"8001\"}");
    assert_true(sign("2000103", key, INT64_C(1608119594999), UINT64_C(7000000123221)));
    assert_slice(header("m7-sign"), "ybCwXrg9CMo39xv1kdfVLemqFmk+2Elz+vXYu1CyHlo=");
    assert_slice(header("m7-appkey"), "2000103");
    assert_slice(header("m7-timestamp"), "1608119594");
    assert_slice(header("m7-nonce"), "123221");
    assert_slice(header("content-type"), "application/json");
    assert_int_equal(calling.request.header_count, 5);
    assert_slice(calling.request.method, "POST");
    assert_slice(calling.request.path, "/openapi/v1/call/hangup");
    assert_slice(calling.request.body, "{\"agentNumber\":\"8001\"}");
    assert_true(sign("2000103", key, INT64_C(1608119594999), 25513));
    assert_slice(header("m7-nonce"), "025513");
    assert_true(sign("2000103", key, INT64_C(1608119594999), 0));
    assert_slice(header("m7-nonce"), "000000");
    assert_true(sign("2000103", key, INT64_C(1608119594999), UINT64_MAX));
    assert_slice(header("m7-nonce"), "551615");
}

static void
credentials_that_cannot_sign(void **state)
{
    (void)state;
    assert_composed(&calling, "call.hangup", "{\"agent\":\"8001\"}", "{\"agentNumber\":\"8001\"}");
    assert_false(sign("", "secret", 1000, 1));
    assert_false(sign("2000", "", 1000, 1));
    assert_false(sign("2000\r\nx: y", "secret", 1000, 1));
    assert_true(sign("2000", "secret", 1000, 1));
}

#define CALLING(test) cmocka_unit_test_setup_teardown(test, open_calling, close_calling)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CALLING(logins),
        CALLING(dials),
        CALLING(only_calls_ring_customers),
        CALLING(what_is_safe_to_repeat),
        CALLING(long_ids_travel_as_a_digest),
        CALLING(queries),
        CALLING(bridges),
        CALLING(extras_come_back_as_they_were),
        CALLING(users_extras_win_where_room_is_short),
        CALLING(bytes_and_wide_characters_count),
        CALLING(white_space_and_escapes_take_no_room),
        CALLING(an_id_without_room_stays_at_home),
        CALLING(signatures),
        CALLING(credentials_that_cannot_sign),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

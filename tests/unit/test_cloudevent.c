/* An event's CloudEvents form, byte for byte: both modes, every member of the data object, and what keys may be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "event/cloudevent.h"

#define AT_1                                                                                                           \
    {                                                                                                                  \
        .unix_ms = 1620455987000, .offset_minutes = 480, .present = true                                               \
    }
#define AT_2                                                                                                           \
    {                                                                                                                  \
        .unix_ms = 1620455988123, .offset_minutes = 480, .present = true, .millis = true                               \
    }
#define T1 "\"2021-05-08T14:39:47+08:00\""

static const struct envelope envelope = {
    .source = SLICE("north"),
    .adapter = SLICE("7moor"),
    .account = SLICE("acme"),
    .traceparent = SLICE("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    .received = AT_2,
    .recovered = true,
};

static const struct canonical_event small = {
    .type = EVENT_CALL_RECORDED,
    .key = SLICE("c-1"),
    .suffix = SLICE("-full"),
    .subject = SLICE("call \"1\""),
    .correlation_id = SLICE("cmd-1"),
    .time = AT_1,
    .call = {.id = SLICE("c-1")},
    .vendor = SLICE("{\"n\" : 1.50}"),
};
#define SMALL_DATA "{\"call\":{\"id\":\"c-1\"},\"vendor\":{\"n\" : 1.50}}"

static struct arena *arena;

static int
open_arena(void **state)
{
    (void)state;
    arena = arena_new(NULL, 1U << 20);
    return arena == NULL ? -1 : 0;
}

static int
close_arena(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static void
assert_text(struct slice actual, const char *expected)
{
    if (!slice_is(actual, expected)) {
        fail_msg("expected %s\ngot      %.*s", expected, SLICE_ARGS(actual));
    }
}

static void
structured_mode(void **state)
{
    struct record record = {0};

    (void)state;
    assert_true(cloudevent_write(&small, &envelope, CLOUDEVENT_STRUCTURED, arena, &record));
    assert_text(record.value,
                "{\"specversion\":\"1.0\",\"id\":\"7moor-c-1-call.recorded-full\",\"source\":\"/trunkline/north\","
                "\"type\":\"io.trunkline.call.recorded.v1\",\"subject\":\"call \\\"1\\\"\",\"time\":" T1 ","
                "\"dataschema\":\"urn:trunkline:schema:call.recorded:v1\",\"partitionkey\":\"call \\\"1\\\"\","
                "\"vendor\":\"7moor\",\"account\":\"acme\",\"recordedtime\":\"2021-05-08T14:39:48.123+08:00\","
                "\"correlationid\":\"cmd-1\","
                "\"traceparent\":\"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\",\"recovered\":true,"
                "\"datacontenttype\":\"application/json\",\"data\":" SMALL_DATA "}");
    assert_text(record.key, "call \"1\"");
    assert_int_equal(record.header_count, 1);
    assert_text(record.headers[0].name, "content-type");
    assert_text(record.headers[0].value, "application/cloudevents+json");
}

static void
binary_mode(void **state)
{
    static const char *const expected[][2] = {
        {"content-type", "application/json"},
        {"ce_specversion", "1.0"},
        {"ce_id", "7moor-c-1-call.recorded-full"},
        {"ce_source", "/trunkline/north"},
        {"ce_type", "io.trunkline.call.recorded.v1"},
        {"ce_subject", "call \"1\""},
        {"ce_time", "2021-05-08T14:39:47+08:00"},
        {"ce_dataschema", "urn:trunkline:schema:call.recorded:v1"},
        {"ce_partitionkey", "call \"1\""},
        {"ce_vendor", "7moor"},
        {"ce_account", "acme"},
        {"ce_recordedtime", "2021-05-08T14:39:48.123+08:00"},
        {"ce_correlationid", "cmd-1"},
        {"ce_traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
        {"ce_recovered", "true"},
    };
    struct record record = {0};

    (void)state;
    assert_true(cloudevent_write(&small, &envelope, CLOUDEVENT_BINARY, arena, &record));
    assert_text(record.value, SMALL_DATA);
    assert_text(record.key, "call \"1\"");
    assert_int_equal(record.header_count, sizeof expected / sizeof expected[0]);
    for (size_t i = 0; i < record.header_count; i++) {
        assert_text(record.headers[i].name, expected[i][0]);
        assert_int_equal(record.headers[i].name.data[record.headers[i].name.length], '\0');
        assert_text(record.headers[i].value, expected[i][1]);
    }
}

/* What has no time happened when it was received; what is not known has no attribute and no member. */
static void
the_least_event(void **state)
{
    const struct canonical_event least = {
        .type = EVENT_VENDOR_UNMAPPED, .key = SLICE("h"), .subject = SLICE("h"), .vendor = SLICE("[]")};
    const struct envelope plain = {
        .source = SLICE("s"), .adapter = SLICE("yeta"), .account = SLICE("s"), .received = AT_1};
    struct record record = {0};

    (void)state;
    assert_true(cloudevent_write(&least, &plain, CLOUDEVENT_STRUCTURED, arena, &record));
    assert_text(record.value,
                "{\"specversion\":\"1.0\",\"id\":\"yeta-h-vendor.unmapped\",\"source\":\"/trunkline/s\","
                "\"type\":\"io.trunkline.vendor.unmapped.v1\",\"subject\":\"h\",\"time\":" T1 ","
                "\"dataschema\":\"urn:trunkline:schema:vendor.unmapped:v1\",\"partitionkey\":\"h\",\"vendor\":\"yeta\","
                "\"account\":\"s\",\"recordedtime\":" T1 ",\"datacontenttype\":\"application/json\","
                "\"data\":{\"vendor\":[]}}");
}

static const struct recording recordings[] = {
    {SLICE("http://r/1"), RECORDING_MIXED, SLICE("5"), SLICE("123456789012345678901")},
    {SLICE("http://r/2"), RECORDING_VOICEMAIL, {NULL, 0}, {NULL, 0}},
};
static const struct column row[] = {{SLICE("列\n"), SLICE("1")}, {SLICE("b"), SLICE("2")}};
static const struct turn turns[] = {
    {SLICE("1"), SLICE("robot"), SLICE("hi"), SLICE("n"), SLICE("nn"), SLICE("nt"), SLICE("in"), SLICE("id"),
     SLICE("[\"a\"]"), AT_1, AT_1},
    {.role = SLICE("customer")},
};

static const struct canonical_event full = {
    .type = EVENT_CALL_TRANSCRIBED,
    .key = SLICE("k"),
    .subject = SLICE("k"),
    .call = {SLICE("1"), SLICE("2"), SLICE("3"), SLICE("4"), DIRECTION_OUTBOUND, CALL_KIND_PREDICTIVE,
             CALL_LEG_CUSTOMER, SLICE("5"), SLICE("6"), SLICE("7"), SLICE("8"), SLICE("9"), SLICE("10")},
    .record = RECORD_FULL,
    .agent = {SLICE("1"), SLICE("2"), SLICE("3"), SLICE("4"), SLICE("5"), SLICE("6"), SLICE("101"), SLICE("7"),
              AGENT_STATE_CUSTOM},
    .queue = {SLICE("1"), SLICE("2")},
    .times = {AT_1, AT_1, AT_1, AT_1, AT_1, AT_1, AT_1, AT_1, AT_1, AT_1, AT_1, AT_1, AT_1, AT_1},
    .durations = {SLICE("1"), SLICE("2"), SLICE("3"), SLICE("4"), SLICE("5"), SLICE("6.50")},
    .outcome = {OUTCOME_UNKNOWN, PARTY_CALLEE, SLICE("1"), SLICE("2"), HUNG_UP_BY_UNKNOWN, TRISTATE_TRUE},
    .recordings = recordings,
    .recording_count = 2,
    .task = {SLICE("1"), SLICE("2"), SLICE("3"), SLICE("4"), SLICE("5"), row, 2, SLICE("6"), SLICE("7")},
    .transcript = {turns, 2, SLICE("A"), SLICE("B")},
    .diagnosis = {SLICE("1"), SLICE("2"), SLICE("3"), SLICE("[]")},
    .customer_location = {SLICE("1"), SLICE("2"), SLICE("3"), SLICE("4"), SLICE("5")},
    .agent_location = {.city = SLICE("6")},
    .extras = SLICE("\"x\""),
    .vendor = SLICE("{}"),
};

#define TIMES                                                                                                          \
    "\"started\":" T1 ",\"dialed\":" T1 ",\"agent_dialed\":" T1 ",\"customer_dialed\":" T1 ",\"rang\":" T1             \
    ",\"answered\":" T1 ",\"system_answered\":" T1 ",\"agent_answered\":" T1 ",\"customer_answered\":" T1              \
    ",\"bridged\":" T1 ",\"queued\":" T1 ",\"hung_up\":" T1 ",\"ended\":" T1 ",\"created\":" T1

static void
every_member(void **state)
{
    struct record record = {0};

    (void)state;
    assert_true(cloudevent_write(&full, &envelope, CLOUDEVENT_BINARY, arena, &record));
    assert_text(
        record.value,
        "{\"call\":{\"id\":\"1\",\"super_id\":\"2\",\"relation_id\":\"3\",\"action_id\":\"4\",\"direction\":"
        "\"outbound\","
        "\"kind\":\"predictive\",\"leg\":\"customer\",\"caller\":\"5\",\"callee\":\"6\",\"customer\":\"7\","
        "\"display_number\":\"8\",\"virtual_number\":\"9\",\"trunk_number\":\"10\"},\"record\":\"full\","
        "\"agent\":{\"number\":\"1\",\"name\":\"2\",\"id\":\"3\",\"login_type\":\"4\",\"logout_type\":\"5\","
        "\"offline_type\":\"6\",\"status\":{\"number\":101,\"name\":\"7\",\"state\":\"custom\"}},"
        "\"queue\":{\"number\":\"1\",\"name\":\"2\"},\"times\":{" TIMES "},"
        "\"durations\":{\"ring_seconds\":1,\"agent_ring_seconds\":2,\"talk_seconds\":3,\"wait_seconds\":4,"
        "\"total_seconds\":5,\"recording_seconds\":6.50},"
        "\"outcome\":{\"status\":\"unknown\",\"party\":\"callee\",\"vendor_code\":\"1\",\"vendor_reason\":\"2\","
        "\"hung_up_by\":\"unknown\",\"transferred\":true},"
        "\"recordings\":[{\"url\":\"http://r/1\",\"kind\":\"mixed\",\"duration_seconds\":5,"
        "\"size_bytes\":123456789012345678901},{\"url\":\"http://r/2\",\"kind\":\"voicemail\"}],"
        "\"task\":{\"id\":\"1\",\"name\":\"2\",\"plan_name\":\"3\",\"item_id\":\"4\",\"row_index\":5,"
        "\"row\":{\"列\\n\":\"1\",\"b\":\"2\"},\"tries\":6,\"status\":\"7\"},"
        "\"transcript\":{\"turns\":[{\"seq\":1,\"role\":\"robot\",\"text\":\"hi\","
        "\"node\":{\"id\":\"n\",\"name\":\"nn\",\"type\":\"nt\"},\"intent\":{\"name\":\"in\",\"description\":\"id\"},"
        "\"hits\":[\"a\"],\"started\":" T1 ",\"spoke\":" T1 "},{\"role\":\"customer\"}],"
        "\"intent_highest\":\"A\",\"intent_lowest\":\"B\"},"
        "\"diagnosis\":{\"reason\":\"1\",\"code\":\"2\",\"keyword\":\"3\",\"segments\":[]},"
        "\"location\":{\"customer\":{\"country\":\"1\",\"country_code\":\"2\",\"province\":\"3\",\"city\":\"4\","
        "\"area_code\":\"5\"},\"agent\":{\"city\":\"6\"}},\"extras\":\"x\",\"vendor\":{}}");
}

/* A member whose objects have none is gone with them: no {} stays behind. */
static void
a_false_and_an_inner_object(void **state)
{
    const struct canonical_event event = {
        .type = EVENT_CALL_ENDED,
        .key = SLICE("k"),
        .subject = SLICE("k"),
        .agent = {.state = AGENT_STATE_IDLE},
        .outcome = {.transferred = TRISTATE_FALSE},
        .vendor = SLICE("{}"),
    };
    struct record record = {0};

    (void)state;
    assert_true(cloudevent_write(&event, &envelope, CLOUDEVENT_BINARY, arena, &record));
    assert_text(record.value, "{\"agent\":{\"status\":{\"state\":\"idle\"}},\"outcome\":{\"transferred\":false},"
                              "\"vendor\":{}}");
}

static struct slice
key_for(struct slice subject)
{
    struct canonical_event event = small;
    struct record record = {0};

    event.subject = subject;
    assert_true(cloudevent_write(&event, &envelope, CLOUDEVENT_STRUCTURED, arena, &record));
    return record.key;
}

static void
keys(void **state)
{
    char text[257];

    (void)state;
    memset(text, 'x', sizeof text);
    assert_true(slice_equal(key_for(slice_make(text, 256)), slice_make(text, 256)));
    assert_int_equal(key_for(slice_make(text, 257)).length, 32);
    assert_text(key_for(slice_from("客户/1")), "客户/1");
    assert_text(key_for(slice_from("\xc2\xa0")), "\xc2\xa0");
    assert_int_equal(key_for(slice_from("a\x7f")).length, 32);
    assert_int_equal(key_for(slice_from("a\xc2\x85")).length, 32);
    /* Noncharacters: U+FDD0, U+FFFE, U+10FFFF; and their neighbours, which are none. */
    assert_int_equal(key_for(slice_from("a\xef\xb7\x90")).length, 32);
    assert_int_equal(key_for(slice_from("a\xef\xbf\xbe")).length, 32);
    assert_int_equal(key_for(slice_from("a\xf4\x8f\xbf\xbf")).length, 32);
    assert_text(key_for(slice_from("\xef\xb7\xb0")), "\xef\xb7\xb0");
    assert_text(key_for(slice_from("\xef\xbf\xbd")), "\xef\xbf\xbd");
    assert_text(key_for(slice_from("\xf0\x9f\x9f\xbe")), "\xf0\x9f\x9f\xbe");
    /* The first half of SHA-256 over "a", line feed. */
    assert_text(key_for(slice_from("a\n")), "87428fc522803d31065e7bce3cf03fe4");
}

static void
every_type_has_its_names(void **state)
{
    (void)state;
    for (enum event_type type = EVENT_NONE + 1; type < EVENT_TYPE_COUNT; type++) {
        const struct event_names *names = event_names(type);

        assert_non_null(names->name);
        assert_string_equal(names->name, event_type_name(type));
        assert_text(names->type, arena_printf(arena, "io.trunkline.%s.v1", names->name).data);
        assert_text(names->dataschema, arena_printf(arena, "urn:trunkline:schema:%s:v1", names->name).data);
    }
}

/* However little memory there is: false, and nothing written where it must not. */
static void
a_full_arena_is_told(void **state)
{
    static const enum cloudevent_mode modes[] = {CLOUDEVENT_STRUCTURED, CLOUDEVENT_BINARY};

    (void)state;
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        unsigned failures = 0;
        bool written = false;

        for (size_t limit = 64; !written; limit += 32) {
            struct arena *narrow = arena_new(NULL, limit);
            struct record record = {0};

            assert_non_null(narrow);
            written = cloudevent_write(&full, &envelope, modes[i], narrow, &record);
            assert_int_equal(written, !arena_failed(narrow));
            failures += written ? 0 : 1;
            arena_free(narrow);
        }
        assert_true(failures > 0);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(structured_mode),
        cmocka_unit_test(binary_mode),
        cmocka_unit_test(the_least_event),
        cmocka_unit_test(every_member),
        cmocka_unit_test(a_false_and_an_inner_object),
        cmocka_unit_test(keys),
        cmocka_unit_test(every_type_has_its_names),
        cmocka_unit_test(a_full_arena_is_told),
    };

    return cmocka_run_group_tests(tests, open_arena, close_arena);
}

/* Commands out of records: the three forms, what is refused and how it is said, and which contents are the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "event/command.h"

#define ARENA_BYTES (8U << 20)
#define DIAL        "\"type\":\"io.trunkline.command.call.dial.v1\""
#define TRACEPARENT "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

static struct arena *arena;
static struct command command;
static struct error error;

static int
open_arena(void **state)
{
    (void)state;
    arena = arena_new(NULL, ARENA_BYTES);
    return arena == NULL ? -1 : 0;
}

static int
close_arena(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static enum command_verdict
parse_record(struct slice value, const struct record_header *headers, size_t count)
{
    error.text[0] = '\0';
    return command_parse(value, headers, count, arena, &command, &error);
}

static enum command_verdict
parse(const char *json)
{
    return parse_record(slice_from(json), NULL, 0);
}

static void
assert_slice(struct slice slice, const char *text)
{
    assert_int_equal(slice.length, strlen(text));
    assert_memory_equal(slice.data == NULL ? "" : slice.data, text, slice.length);
}

static void
assert_refused(const char *json, const char *why)
{
    if (parse(json) != COMMAND_INVALID) {
        fail_msg("taken: %s", json);
    }
    if (strstr(error.text, why) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", error.text, why);
    }
}

/* --- forms --- */

static void
test_bare_form(void **state)
{
    (void)state;
    assert_int_equal(parse("{\"id\":\"c-1\"," DIAL ",\"account\":\"north\",\"data\":{\"callee\":\"1\"},"
                           "\"priority\":\"bulk\",\"expirytime\":\"2026-03-01T12:00:00+08:00\","
                           "\"notbefore\":\"2026-03-01T01:00:00.5Z\",\"correlationid\":\"order 7\"}"),
                     COMMAND_VALID);
    assert_slice(command.id, "c-1");
    assert_slice(command.name, "call.dial");
    assert_slice(command.account, "north");
    assert_slice(command.correlation_id, "order 7");
    assert_slice(command.traceparent, "");
    assert_slice(value_member(command.data, "callee")->text, "1");
    assert_int_equal(command.priority, PRIORITY_BULK);
    assert_int_equal(command.control, CONTROL_NONE);
    assert_int_equal(command.expires_ms, 1772337600000);
    assert_int_equal(command.not_before_ms, 1772326800500);
}

static void
test_least(void **state)
{
    (void)state;
    assert_int_equal(parse("{\"id\":\"c\"," DIAL ",\"account\":\"a\"}"), COMMAND_VALID);
    assert_null(command.data);
    assert_int_equal(command.expires_ms, 0);
    assert_int_equal(command.not_before_ms, 0);
    assert_int_equal(command.priority, PRIORITY_INTERACTIVE);
    /* null is absent, in every form */
    assert_int_equal(parse("{\"id\":\"c\"," DIAL ",\"account\":\"a\",\"data\":null,\"priority\":null,"
                           "\"expirytime\":null,\"notbefore\":null,\"correlationid\":null}"),
                     COMMAND_VALID);
    assert_null(command.data);
}

static void
test_structured_form(void **state)
{
    (void)state;
    assert_int_equal(parse("{\"specversion\":\"1.0\",\"id\":\"c-1\",\"source\":\"/crm\"," DIAL
                           ",\"account\":\"north\",\"datacontenttype\":\"application/json; charset=utf-8\","
                           "\"traceparent\":\"" TRACEPARENT "\",\"campaign\":7,\"priority\":\"control\","
                           "\"correlationid\":\"o\",\"data\":{\"callee\":\"1\"}}"),
                     COMMAND_VALID);
    assert_slice(command.id, "c-1");
    assert_slice(command.account, "north");
    assert_slice(command.traceparent, TRACEPARENT);
    assert_slice(command.correlation_id, "o");
    assert_int_equal(command.priority, PRIORITY_CONTROL);
    assert_non_null(command.data);

    /* A traceparent that is none is no reason to refuse the command. */
    assert_int_equal(
        parse("{\"specversion\":\"1.0\",\"id\":\"c\"," DIAL ",\"account\":\"a\",\"traceparent\":\"00-x\"}"),
        COMMAND_VALID);
    assert_slice(command.traceparent, "");
}

#define HEADER(name, value)                                                                                            \
    {                                                                                                                  \
        SLICE(name), SLICE(value)                                                                                      \
    }
#define HEADERS_COUNT(headers) (sizeof(headers) / sizeof((headers)[0]))

static void
test_binary_form(void **state)
{
    static const struct record_header headers[] = {
        HEADER("ce_specversion", "1.0"),
        HEADER("ce_id", "c-1"),
        HEADER("ce_type", "io.trunkline.command.call.hangup.v1"),
        HEADER("ce_source", "/crm"),
        HEADER("ce_account", "north"),
        HEADER("ce_expirytime", "2026-03-01T12:00:00+08:00"),
        HEADER("ce_traceparent", TRACEPARENT),
        HEADER("ce_whatever", "\xff"),
        HEADER("content-type", "Application/JSON"),
        HEADER("id", "not this one"),
    };

    (void)state;
    assert_int_equal(parse_record(slice_from("{\"id\":\"data's own\"}"), headers, HEADERS_COUNT(headers)),
                     COMMAND_VALID);
    assert_slice(command.id, "c-1");
    assert_slice(command.account, "north");
    assert_slice(command.name, "call.hangup");
    assert_slice(command.traceparent, TRACEPARENT);
    assert_slice(value_member(command.data, "id")->text, "data's own");
    assert_int_equal(command.priority, PRIORITY_CONTROL);
    assert_int_equal(command.expires_ms, 1772337600000);

    assert_int_equal(parse_record((struct slice){0}, headers, HEADERS_COUNT(headers)), COMMAND_VALID);
    assert_null(command.data);
}

static void
test_structured_by_content_type(void **state)
{
    static const struct record_header headers[] = {
        HEADER("content-type", "application/cloudevents+json; charset=utf-8"),
        HEADER("ce_id", "not this one"),
    };

    (void)state;
    assert_int_equal(parse_record(slice_from("{\"specversion\":\"1.0\",\"id\":\"c\"," DIAL ",\"account\":\"a\"}"),
                                  headers, HEADERS_COUNT(headers)),
                     COMMAND_VALID);
    assert_slice(command.id, "c");
    /* What calls itself a CloudEvent has to be one. */
    assert_int_equal(
        parse_record(slice_from("{\"id\":\"c\"," DIAL ",\"account\":\"a\"}"), headers, HEADERS_COUNT(headers)),
        COMMAND_INVALID);
    assert_non_null(strstr(error.text, "specversion"));
    assert_slice(command.id, "c");
    assert_slice(command.account, "a");
}

/* Whatever is wrong with the value, the headers of a binary-mode event say whom to answer. */
static void
test_binary_form_of_unreadable_data(void **state)
{
    static const struct record_header headers[] = {
        HEADER("ce_specversion", "1.0"),
        HEADER("ce_id", "c-1"),
        HEADER("ce_account", "north"),
        HEADER("ce_type", "io.trunkline.command.call.dial.v1"),
    };
    static const struct record_header twice[] = {
        HEADER("ce_specversion", "1.0"), HEADER("ce_id", "c-1"),
        HEADER("ce_account", "north"),   HEADER("ce_type", "io.trunkline.command.call.dial.v1"),
        HEADER("ce_account", "south"),
    };
    static const struct record_header not_json[] = {
        HEADER("ce_specversion", "1.0"),      HEADER("ce_id", "c-1"),
        HEADER("ce_account", "north"),        HEADER("ce_type", "io.trunkline.command.call.dial.v1"),
        HEADER("content-type", "text/plain"),
    };
    static char long_value[COMMAND_BYTES_MAX + 1];

    (void)state;
    assert_int_equal(parse_record(slice_from("{oops"), headers, HEADERS_COUNT(headers)), COMMAND_INVALID);
    assert_non_null(strstr(error.text, "not JSON"));
    assert_slice(command.id, "c-1");
    assert_slice(command.account, "north");
    assert_slice(command.name, "call.dial");

    assert_int_equal(parse_record(slice_from("[1]"), headers, HEADERS_COUNT(headers)), COMMAND_INVALID);
    assert_string_equal(error.text, "data must be a JSON object");

    memset(long_value, ' ', sizeof(long_value));
    long_value[0] = '{';
    long_value[1] = '}';
    assert_int_equal(parse_record(slice_make(long_value, COMMAND_BYTES_MAX), headers, HEADERS_COUNT(headers)),
                     COMMAND_VALID);
    assert_int_equal(parse_record(slice_make(long_value, COMMAND_BYTES_MAX + 1), headers, HEADERS_COUNT(headers)),
                     COMMAND_INVALID);
    assert_string_equal(error.text, "it has 262145 bytes; a command has at most 262144");
    assert_slice(command.id, "c-1");

    assert_int_equal(parse_record(slice_from("{}"), twice, HEADERS_COUNT(twice)), COMMAND_INVALID);
    assert_string_equal(error.text, "account must be one string");
    assert_slice(command.account, "");
    assert_int_equal(parse_record(slice_from("{}"), not_json, HEADERS_COUNT(not_json)), COMMAND_INVALID);
    assert_non_null(strstr(error.text, "content type"));
}

/* --- what is refused --- */

static void
test_refused_values(void **state)
{
    (void)state;
    assert_refused("", "the value is not JSON");
    assert_int_equal(parse_record((struct slice){0}, NULL, 0), COMMAND_INVALID); /* a tombstone */
    assert_refused("[]", "one JSON object");
    assert_refused("{\"id\":\"c\",\"id\":\"d\"}", "comes twice");
    assert_refused("{\"id\":\"c\"," DIAL ",\"account\":\"a\"} x", "trailing garbage");
    assert_refused("{\"specversion\":\"0.3\",\"id\":\"c\"," DIAL ",\"account\":\"a\"}", "specversion must be");
    assert_refused("{\"specversion\":1.0,\"id\":\"c\"," DIAL ",\"account\":\"a\"}", "specversion must be");
    assert_refused("{\"specversion\":\"1.0\",\"id\":\"c\"," DIAL ",\"account\":\"a\",\"data_base64\":\"e30=\"}",
                   "data_base64 is not read");
    assert_refused("{\"specversion\":\"1.0\",\"id\":\"c\"," DIAL
                   ",\"account\":\"a\",\"datacontenttype\":\"application/xml\",\"data\":{}}",
                   "content type must be application/json");
    assert_refused("{\"id\":\"c\"," DIAL ",\"account\":\"a\",\"data\":[]}", "data must be a JSON object");
    assert_refused("{\"id\":\"c\"," DIAL ",\"account\":\"a\",\"data\":\"{}\"}", "data must be a JSON object");
}

static void
test_refused_ids(void **state)
{
    char json[1024];
    char id[COMMAND_ID_BYTES_MAX + 2];

    (void)state;
    assert_refused("{" DIAL ",\"account\":\"a\"}", "id is missing");
    assert_slice(command.account, "a");
    assert_refused("{\"id\":7," DIAL ",\"account\":\"a\"}", "id must be one string");
    assert_refused("{\"id\":\"\"," DIAL ",\"account\":\"a\"}", "id has 0 bytes");
    assert_refused("{\"id\":\"a\\nb\"," DIAL ",\"account\":\"a\"}", "id holds control characters");
    assert_refused("{\"id\":\"a\xc2\x85\"," DIAL ",\"account\":\"a\"}", "id holds control characters");
    assert_refused("{\"id\":\"c\"," DIAL "}", "account is missing");
    assert_slice(command.id, "c");
    assert_refused("{\"id\":\"c\"," DIAL ",\"account\":\"\"}", "account has 0 bytes");
    assert_refused("{\"id\":\"c\"," DIAL ",\"account\":\"a\",\"correlationid\":\"\"}", "correlationid has 0 bytes");

    memset(id, 'x', sizeof(id));
    id[COMMAND_ID_BYTES_MAX] = '\0';
    (void)snprintf(json, sizeof(json), "{\"id\":\"%s\"," DIAL ",\"account\":\"a\"}", id);
    assert_int_equal(parse(json), COMMAND_VALID);
    id[COMMAND_ID_BYTES_MAX] = 'x';
    id[COMMAND_ID_BYTES_MAX + 1] = '\0';
    (void)snprintf(json, sizeof(json), "{\"id\":\"%s\"," DIAL ",\"account\":\"a\"}", id);
    assert_refused(json, "id has 257 bytes; it must have 1 to 256");
    assert_slice(command.id, "");
    assert_slice(command.account, "a");
}

static void
test_refused_types(void **state)
{
    static const char *const types[] = {
        "call.dial",
        "io.trunkline.command.call.dial",
        "io.trunkline.command.call.dial.v2",
        "io.trunkline.command..v1",
        "io.trunkline.command.v1",
        "io.trunkline.command.call..dial.v1",
        "io.trunkline.command.call..v1",
        "io.trunkline.command..dial.v1",
        "io.trunkline.command.Call.dial.v1",
        "io.trunkline.command.call dial.v1",
        "io.trunkline.call.dial.v1",
        "xio.trunkline.command.call.dial.v1",
        "",
    };
    char json[256];

    (void)state;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        (void)snprintf(json, sizeof(json), "{\"id\":\"c\",\"type\":\"%s\",\"account\":\"a\"}", types[i]);
        assert_refused(json, "type must be io.trunkline.command.<name>.v1");
        assert_slice(command.id, "c");
        assert_slice(command.account, "a");
        assert_slice(command.name, "");
    }
    assert_refused("{\"id\":\"c\",\"account\":\"a\"}", "type must be one string");
    assert_refused("{\"id\":\"c\",\"type\":null,\"account\":\"a\"}", "type must be one string");
    assert_int_equal(
        parse("{\"id\":\"c\",\"type\":\"io.trunkline.command.call.consult_transfer.v1\",\"account\":\"a\"}"),
        COMMAND_VALID);
    assert_slice(command.name, "call.consult_transfer");
}

static void
test_refused_members(void **state)
{
    (void)state;
#define WITH(members) "{\"id\":\"c\"," DIAL ",\"account\":\"a\"," members "}"
    assert_refused(WITH("\"priority\":\"urgent\""), "priority must be control, interactive, bulk or idle");
    assert_refused(WITH("\"priority\":1"), "priority must be");
    assert_refused(WITH("\"expirytime\":\"tomorrow\""), "expirytime must be a time");
    assert_refused(WITH("\"expirytime\":1772337600"), "expirytime must be a time");
    assert_refused(WITH("\"expirytime\":\"2026-03-01T12:00:00\""), "expirytime must be a time");
    assert_refused(WITH("\"expirytime\":\"1969-12-31T23:59:59Z\""), "expirytime must be a time after 1970");
    assert_refused(WITH("\"expirytime\":\"1970-01-01T00:00:00Z\""), "expirytime must be a time after 1970");
    assert_refused(WITH("\"notbefore\":\"2026-02-30T12:00:00Z\""), "notbefore must be a time");
    assert_refused(WITH("\"expires\":\"2026-03-01T12:00:00Z\""), "expires is not a member of a command");
    assert_refused(WITH("\"traceparent\":\"" TRACEPARENT "\""), "traceparent is not a member");
    /* What might be a phone number is not repeated. */
    assert_refused(WITH("\"13800138000\":1"), "(a name that is none) is not a member");
    assert_null(strstr(error.text, "138"));
#undef WITH
}

/* The first fault is told, in the order of what matters most. */
static void
test_first_fault_is_told(void **state)
{
    (void)state;
    assert_refused("{\"id\":\"\",\"type\":7,\"priority\":7}", "id has 0 bytes");
    assert_null(strchr(error.text, '\n'));
}

/* --- control commands --- */

#define CONTROL(name, members)                                                                                         \
    "{\"id\":\"c\",\"type\":\"io.trunkline.command." name ".v1\",\"account\":\"a\"" members "}"

static void
test_control_commands(void **state)
{
    (void)state;
    assert_int_equal(parse(CONTROL("command.cancel", ",\"data\":{\"command\":\"c-1\"}")), COMMAND_VALID);
    assert_int_equal(command.control, CONTROL_CANCEL);
    assert_int_equal(command.priority, PRIORITY_CONTROL);
    assert_int_equal(parse(CONTROL("account.hold", "")), COMMAND_VALID);
    assert_int_equal(command.control, CONTROL_ACCOUNT_HOLD);
    assert_int_equal(parse(CONTROL("account.resume", ",\"data\":{}")), COMMAND_VALID);
    assert_int_equal(command.control, CONTROL_ACCOUNT_RESUME);
    assert_int_equal(command.priority, PRIORITY_CONTROL);
    assert_int_equal(parse(CONTROL("account.resources.query", ",\"data\":{\"kind\":\"all\"}")), COMMAND_VALID);
    assert_int_equal(command.control, CONTROL_NONE);

    assert_refused(CONTROL("command.cancel", ""), "data.command must be the id");
    assert_refused(CONTROL("command.cancel", ",\"data\":{}"), "data.command must be the id");
    assert_refused(CONTROL("command.cancel", ",\"data\":{\"command\":7}"), "data.command must be the id");
    assert_refused(CONTROL("command.cancel", ",\"data\":{\"command\":\"\"}"), "data.command must be the id");
    assert_refused(CONTROL("command.cancel", ",\"data\":{\"command\":\"a\\tb\"}"), "data.command must be the id");
    assert_refused(CONTROL("command.cancel", ",\"data\":{\"command\":\"a\",\"all\":true}"), "nothing else");
    assert_refused(CONTROL("command.cancel", ",\"data\":[]"), "data must be a JSON object");
    assert_refused(CONTROL("account.hold", ",\"data\":{\"for\":1}"), "data of account.hold takes no members");
    assert_refused(CONTROL("account.resume", ",\"notbefore\":\"2026-03-01T12:00:00Z\""),
                   "notbefore: account.resume takes effect at once");
    assert_refused(CONTROL("command.cancel", ",\"notbefore\":\"2026-03-01T12:00:00Z\",\"data\":{\"command\":\"x\"}"),
                   "notbefore: command.cancel takes effect at once");
}

static void
test_default_priorities(void **state)
{
    static const struct {
        const char *name;
        enum command_priority priority;
    } rows[] = {
        {"call.hangup", PRIORITY_CONTROL},
        {"call.transfer", PRIORITY_CONTROL},
        {"call.consult", PRIORITY_CONTROL},
        {"call.consult_transfer", PRIORITY_CONTROL},
        {"call.consult_resume", PRIORITY_CONTROL},
        {"call.consult_cancel", PRIORITY_CONTROL},
        {"call.conference", PRIORITY_CONTROL},
        {"call.hold", PRIORITY_CONTROL},
        {"call.unhold", PRIORITY_CONTROL},
        {"call.mute", PRIORITY_CONTROL},
        {"call.unmute", PRIORITY_CONTROL},
        {"command.cancel", PRIORITY_CONTROL},
        {"account.hold", PRIORITY_CONTROL},
        {"account.resume", PRIORITY_CONTROL},
        {"call.dial", PRIORITY_INTERACTIVE},
        {"call.bridge", PRIORITY_INTERACTIVE},
        {"agent.login", PRIORITY_INTERACTIVE},
        {"agent.busy", PRIORITY_INTERACTIVE},
        {"task.query", PRIORITY_INTERACTIVE},
        {"call.records.query", PRIORITY_INTERACTIVE},
        {"task.create", PRIORITY_BULK},
        {"account.resources.query", PRIORITY_INTERACTIVE},
        {"task.delete", PRIORITY_BULK},
        {"push.recover", PRIORITY_IDLE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (command_default_priority(slice_from(rows[i].name)) != rows[i].priority) {
            fail_msg("%s", rows[i].name);
        }
    }
}

/* --- content --- */

static bool
same_content(const char *left, const char *right)
{
    unsigned char hash[COMMAND_CONTENT_HASH_BYTES];

    assert_int_equal(parse(left), COMMAND_VALID);
    memcpy(hash, command.content_hash, sizeof(hash));
    assert_int_equal(parse(right), COMMAND_VALID);
    return memcmp(hash, command.content_hash, sizeof(hash)) == 0;
}

#define DATA(data) "{\"id\":\"c\"," DIAL ",\"account\":\"a\",\"data\":" data "}"

static void
test_same_content(void **state)
{
    (void)state;
    assert_true(
        same_content(DATA("{\"callee\":\"1\",\"extras\":{\"b\":[1,{\"y\":2,\"x\":null}],\"a\":true}}"),
                     DATA(" {\"extras\" : {\"a\":true, \"b\": [1, {\"x\":null,\n\"y\":2}]}, \"callee\":\"1\"}")));
    assert_true(same_content(DATA("{\"name\":\"\xe5\xbc\xa0/\\\"\"}"), DATA("{\"n\\u0061me\":\"\\u5f20\\/\\u0022\"}")));
    assert_true(same_content(DATA("{}"), "{\"id\":\"c\"," DIAL ",\"account\":\"a\"}"));
    /* The id and how it is to be queued are not what it asks for. */
    assert_true(same_content(DATA("{}"), "{\"specversion\":\"1.0\",\"id\":\"d\",\"source\":\"x\"," DIAL
                                         ",\"account\":\"a\",\"priority\":\"bulk\",\"data\":{}}"));
}

static void
test_other_content(void **state)
{
    (void)state;
    assert_false(same_content(DATA("{\"callee\":\"1\"}"), DATA("{\"callee\":\"2\"}")));
    assert_false(same_content(DATA("{\"a\":1}"), DATA("{\"a\":1.0}")));
    assert_false(same_content(DATA("{\"a\":1}"), DATA("{\"a\":\"1\"}")));
    assert_false(same_content(DATA("{\"a\":[1,2]}"), DATA("{\"a\":[2,1]}")));
    assert_false(same_content(DATA("{\"a\":\"b\\\":\\\"c\"}"), DATA("{\"a\":\"b\",\"c\":\"\"}")));
    assert_false(same_content(DATA("{\"a\":{}}"), DATA("{\"a\":[]}")));
    assert_false(same_content(DATA("{}"), "{\"id\":\"c\"," DIAL ",\"account\":\"b\",\"data\":{}}"));
    assert_false(same_content(
        DATA("{}"), "{\"id\":\"c\",\"type\":\"io.trunkline.command.call.bridge.v1\",\"account\":\"a\",\"data\":{}}"));
}

/* A producer's record, whatever its length, never crashes the parse when memory is short. */
static void
test_no_memory(void **state)
{
    static const char json[] = DATA("{\"callee\":\"1\",\"extras\":{\"b\":[1,{\"y\":2,\"x\":null}],\"a\":true}}");
    size_t refused = 0;
    bool valid = false;

    (void)state;
    for (size_t limit = 64; limit < 65536 && !valid; limit += 64) {
        struct arena *small = arena_new(NULL, limit);
        enum command_verdict verdict = command_parse(slice_from(json), NULL, 0, small, &command, &error);

        assert_int_not_equal(verdict, COMMAND_INVALID);
        valid = verdict == COMMAND_VALID;
        refused += valid ? 0 : 1;
        arena_free(small);
    }
    assert_true(valid);
    assert_true(refused > 2);
}

static void
test_depth(void **state)
{
    char json[512] = "{\"id\":\"c\"," DIAL ",\"account\":\"a\",\"data\":{\"a\":";
    size_t length;

    (void)state;
    for (int pass = 0; pass < 2; pass++) {
        int depth = pass == 0 ? 30 : 31; /* with the two objects around it: 32 and 33 */

        length = strlen("{\"id\":\"c\"," DIAL ",\"account\":\"a\",\"data\":{\"a\":");
        memset(json + length, '[', (size_t)depth);
        memset(json + length + depth, ']', (size_t)depth);
        memcpy(json + length + 2 * (size_t)depth, "}}", 3);
        if (pass == 0) {
            assert_int_equal(parse(json), COMMAND_VALID);
        } else {
            assert_refused(json, "nested too deeply");
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bare_form),
        cmocka_unit_test(test_least),
        cmocka_unit_test(test_structured_form),
        cmocka_unit_test(test_binary_form),
        cmocka_unit_test(test_structured_by_content_type),
        cmocka_unit_test(test_binary_form_of_unreadable_data),
        cmocka_unit_test(test_refused_values),
        cmocka_unit_test(test_refused_ids),
        cmocka_unit_test(test_refused_types),
        cmocka_unit_test(test_refused_members),
        cmocka_unit_test(test_first_fault_is_told),
        cmocka_unit_test(test_control_commands),
        cmocka_unit_test(test_default_priorities),
        cmocka_unit_test(test_same_content),
        cmocka_unit_test(test_other_content),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_depth),
    };

    return cmocka_run_group_tests(tests, open_arena, close_arena);
}

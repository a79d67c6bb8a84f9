/* The requests of every vendor as they stand in tests/adapters/requests: each file is a command, or several that are
 * gathered, and the request that it must become. And that every operation has such a file. */
#include "calling.h"

#include <glob.h>

#define REQUESTS   TESTS_DIRECTORY "/adapters/requests"
#define FILE_BYTES 65536
#define SIGNED_MS  INT64_C(1609226863021)

static char *
read_whole(const char *path)
{
    static char text[FILE_BYTES];
    FILE *file = fopen(path, "rb");
    size_t length;

    assert_non_null(file);
    length = fread(text, 1, sizeof(text) - 1, file);
    assert_true(feof(file));
    assert_int_equal(fclose(file), 0);
    text[length] = '\0';
    return text;
}

static const struct command *
parse_command(struct calling *calling, const struct value *bare)
{
    struct command *command = arena_zalloc(calling->arena, 1, sizeof(*command));
    struct error error = {0};

    assert_non_null(command);
    if (command_parse(bare->raw, NULL, 0, calling->arena, command, &error) != COMMAND_VALID) {
        fail_msg("%s", error.text);
    }
    return command;
}

static size_t
parse_commands(struct calling *calling, const struct value *whole, const struct command **commands, size_t most)
{
    const struct value *list = value_member(whole, "commands");
    size_t count = 0;

    if (list == NULL) {
        commands[0] = parse_command(calling, value_member(whole, "command"));
        return 1;
    }
    for (const struct value *bare = list->first; bare != NULL; bare = bare->next) {
        assert_true(count < most);
        commands[count++] = parse_command(calling, bare);
    }
    return count;
}

static bool
has_header(const struct vendor_request *request, struct slice name)
{
    for (size_t i = 0; i < request->header_count; i++) {
        if (slice_equal(request->header_names[i], name)) {
            return !slice_empty(request->header_values[i]);
        }
    }
    return false;
}

static void
assert_request(struct calling *calling, const struct value *expected)
{
    const struct vendor_request *request = &calling->request;
    const struct value *headers = value_member(expected, "headers");
    const struct value *body = value_member(expected, "body");

    assert_true(slice_equal(request->method, value_member(expected, "method")->text));
    if (!slice_equal(request->path, value_member(expected, "path")->text)) {
        fail_msg("%.*s", SLICE_ARGS(request->path));
    }
    assert_int_equal(request->header_count, headers->count);
    for (const struct value *name = headers->first; name != NULL; name = name->next) {
        assert_true(has_header(request, name->text));
    }
    if (body == NULL) {
        assert_int_equal(request->body.length, 0);
    } else if (!same_json(calling_json(calling, request->body), body)) {
        fail_msg("%.*s", SLICE_ARGS(request->body));
    }
}

static void
check_file(const struct adapter *adapter, const char *path, bool *seen)
{
    const struct command *commands[64] = {NULL};
    struct calling calling;
    const struct operation *operation;
    const struct value *whole;
    size_t count;

    calling_open(&calling, adapter);
    whole = calling_json(&calling, slice_from(read_whole(path)));
    count = parse_commands(&calling, whole, commands, 64);
    assert_true(count > 0 && commands[0] != NULL);
    operation = operation_find(adapter, commands[0]->name);
    assert_non_null(operation);
    seen[operation - adapter->calls->operations] = true;
    assert_true(count <= operation->gather_max);
    for (size_t i = 1; i < count; i++) {
        assert_true(operation->gathers_with(commands[0], commands[i]));
    }

    struct composition_input input = {
        .commands = commands, .count = count, .settings = calling.settings, .arena = calling.arena};
    struct signing signing = {
        .composition = &calling.composition,
        .settings = calling.settings,
        .wall_ms = SIGNED_MS,
        .nonce = 25513,
        .arena = calling.arena,
    };
    if (value_member(whole, "token") != NULL) {
        signing.token = value_member(whole, "token")->text;
    }
    if (!operation->compose(operation, &input, &calling.composition, &calling.error)) {
        fail_msg("%s: %s", path, calling.error.text);
    }
    assert_true(adapter->calls->sign(&signing, &calling.request));
    assert_request(&calling, value_member(whole, "request"));
    calling_close(&calling);
}

static void
check_requests_of(const char *name)
{
    const struct adapter *adapter = adapter_find(slice_from(name));
    bool seen[64] = {false};
    char pattern[512];
    glob_t found;

    assert_non_null(adapter);
    assert_non_null(adapter->calls);
    assert_in_range(snprintf(pattern, sizeof(pattern), REQUESTS "/%s/*.json", name), 1, sizeof(pattern) - 1);
    assert_int_equal(glob(pattern, 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        print_message("%s\n", found.gl_pathv[i]);
        check_file(adapter, found.gl_pathv[i], seen);
    }
    globfree(&found);
    for (size_t i = 0; adapter->calls->operations[i].command != NULL; i++) {
        if (!seen[i]) {
            fail_msg("no request shows %s", adapter->calls->operations[i].command);
        }
    }
}

static void
requests_of_7moor(void **state)
{
    (void)state;
    check_requests_of("7moor");
}

static void
requests_of_yeta(void **state)
{
    (void)state;
    check_requests_of("yeta");
}

static void
requests_of_airudder(void **state)
{
    (void)state;
    check_requests_of("airudder");
}

static void
operations_are_whole(void **state)
{
    (void)state;
    for (const struct adapter *const *adapter = adapters; *adapter != NULL; adapter++) {
        const struct call_side *calls = (*adapter)->calls;
        size_t settings = 0;

        if (calls == NULL) {
            assert_null(operation_find(*adapter, slice_from("call.dial")));
            continue;
        }
        while (calls->account_settings[settings].name != NULL) {
            settings++;
        }
        assert_in_range(settings, 1, ADAPTER_SETTINGS_MAX);
        assert_true(calls->identity_setting < settings);
        assert_false(calls->account_settings[calls->identity_setting].secret);
        assert_true(calls->base_url[strlen(calls->base_url) - 1] != '/');
        assert_null(operation_find(*adapter, slice_from("")));
        for (const struct operation *operation = calls->operations; operation->command != NULL; operation++) {
            assert_ptr_equal(operation_find(*adapter, slice_from(operation->command)), operation);
            assert_non_null(operation->compose);
            assert_true(operation->gather_max >= 1 &&
                        (operation->gather_max == 1) == (operation->gathers_with == NULL));
            assert_false(operation->rings_customer && operation->safe_to_repeat);
        }
    }
}

static void
words_are_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < CALL_CODE_COUNT; i++) {
        assert_non_null(call_codes[i]);
    }
    assert_null(call_codes[CALL_CODE_COUNT]);
    assert_string_equal(call_codes[CALL_UNAVAILABLE], "unavailable");
    assert_string_equal(call_acted_words[ACTED_MAYBE], "maybe");
    assert_null(call_acted_words[ACTED_YES + 1]);
    assert_string_equal(call_repeat_words[REPEAT_HALVED], "halved");
    assert_null(call_repeat_words[REPEAT_HALVED + 1]);
}

static void
overrides_come_first(void **state)
{
    static const struct code_rule table[] = {
        {"1", CALL_BUSY, ACTED_NO, REPEAT_NEVER}, {"2", CALL_REFUSED, ACTED_NO, REPEAT_NEVER}, {.vendor_code = NULL}};
    static const struct code_rule overrides[] = {{"2", CALL_LIMIT, ACTED_NO, REPEAT_NEVER}, {.vendor_code = NULL}};

    (void)state;
    assert_ptr_equal(code_rule_find(overrides, table, slice_from("1")), &table[0]);
    assert_ptr_equal(code_rule_find(overrides, table, slice_from("2")), &overrides[0]);
    assert_ptr_equal(code_rule_find(NULL, table, slice_from("2")), &table[1]);
    assert_null(code_rule_find(overrides, table, slice_from("3")));
    assert_null(code_rule_find(NULL, table, slice_make(NULL, 0)));
    assert_null(code_rule_find(NULL, NULL, slice_from("1")));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_of_7moor),    cmocka_unit_test(requests_of_yeta),
        cmocka_unit_test(requests_of_airudder), cmocka_unit_test(operations_are_whole),
        cmocka_unit_test(words_are_whole),      cmocka_unit_test(overrides_come_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Mappings that can be read and cannot be meant: signatures that sign nothing, keys that tell nothing apart. */
#include "mapping_head.h"

#define SIGNED   KAFKA "sources:\n  - name: s1\n    adapter: generic\n    mapping:\n      vendor: acme\n" LIST
#define UNSIGNED "source \"s1\": signature: signed: it holds nothing of the message, so whoever has seen one callback"
#define SAME     "source \"s1\": event 1: key: all records of a callback have the same one,"

/* The configuration is good, and its last warning begins so; expected is NULL where there is none but that it is open.
 */
static void
assert_warning(const char *head, const char *rest, unsigned line, const char *expected)
{
    char yaml[2000];
    struct config *config;

    snprintf(yaml, sizeof yaml, "%s%s", head, rest);
    config = good(yaml);
    size_t open = strstr(yaml, "open: true") != NULL;
    assert_int_equal(config->warning_count, open + (expected != NULL));
    if (expected != NULL) {
        struct slice text = config->warnings[open].text;

        assert_int_equal(config->warnings[open].line, line);
        assert_true(text.length > strlen(expected));
        assert_slice(slice_make(text.data, strlen(expected)), expected);
    }
    config_free(config);
}

static void
a_signature_over_nothing_of_the_message_is_told(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "signed: hello",
        "signed: '{header.x-time}'",
        "signed: '{header.x-time}{key}', algorithm: md5",
        "signed: '{key}', algorithm: sha256",
        "signed: '{method}{query}'",
    };
    static const char *const right[] = {"signed: '{body}'", "signed: '{header.x-time}{/id}'", "signed: '{^/id}'",
                                        "encoding: base64"};
    char rest[500];

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        snprintf(rest, sizeof rest, "      signature: {keys: k, in: header.s, %s}\n", wrong[i]);
        assert_warning(SIGNED, rest, 8, UNSIGNED);
    }
    for (size_t i = 0; i < sizeof right / sizeof *right; i++) {
        snprintf(rest, sizeof rest, "      signature: {keys: k, in: header.s, %s}\n", right[i]);
        assert_warning(SIGNED, rest, 0, NULL);
    }
}

/* Where the query is the message, it is what must be signed. */
static void
the_query_is_signed_where_it_is_the_message(void **state)
{
    (void)state;
    const char *body = "      format: query\n      signature: {keys: k, in: header.s}\n";
    const char *query = "      format: query\n      signature: {keys: k, in: header.s, signed: '{query}'}\n";
    const char *named = "      format: query\n      signature: {keys: k, in: header.s, signed: '{query.id}'}\n";

    assert_warning(SIGNED, body, 9, UNSIGNED);
    assert_warning(SIGNED, query, 0, NULL);
    assert_warning(SIGNED, named, 0, NULL);
}

/* A vendor may have no better one: then something else keeps strangers away. */
static void
another_check_makes_up_for_it(void **state)
{
    (void)state;
    static const char *const checks[] = {"    secrets: [0123456789abcdef]\n", "    allow: [192.0.2.7]\n"};
    const char *weak = "      signature: {keys: k, in: header.s, signed: '{header.x-time}'}\n";
    char rest[500];

    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
        snprintf(rest, sizeof rest, "%s%s", weak, checks[i]);
        assert_warning(SIGNED, rest, 0, NULL);
    }
}

static void
a_key_that_tells_nothing_apart_is_a_fault(void **state)
{
    (void)state;
    static const char *const keys[] = {"key: method", "key: endpoint, suffix: method", "key: 'a-{endpoint}'"};
    char yaml[1000];

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        snprintf(yaml, sizeof yaml, EVENTS "- {type: call.ended, %s}\n", keys[i]);
        assert_fault(yaml, "t.yaml:9: source \"s1\": event 1: key: all callbacks have the same one, so all would count "
                           "as repeats of the first; set key to what tells them apart, like /id");
    }
    assert_warning(EVENTS, "- {type: call.ended, key: endpoint, suffix: /id}\n", 0, NULL);
}

static void
a_key_outside_of_the_record_is_told(void **state)
{
    (void)state;
    static const char *const outside[] = {"key: ^/id", "key: body", "key: header.x-id, suffix: '{^/id}-{method}'"};
    static const char *const inside[] = {"key: /id", "key: ^/id, suffix: /n", "key: '{header.x-id}-{/n}'"};
    char rest[500];

    for (size_t i = 0; i < sizeof outside / sizeof *outside; i++) {
        snprintf(rest, sizeof rest, "- {type: call.ended, %s}\n      records: /r\n", outside[i]);
        assert_warning(EVENTS, rest, 9, SAME);
        snprintf(rest, sizeof rest, "- {type: call.ended, %s}\n", outside[i]);
        assert_warning(EVENTS, rest, 0, NULL);
    }
    for (size_t i = 0; i < sizeof inside / sizeof *inside; i++) {
        snprintf(rest, sizeof rest, "- {type: call.ended, %s}\n      records: /r\n", inside[i]);
        assert_warning(EVENTS, rest, 0, NULL);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signature_over_nothing_of_the_message_is_told),
        cmocka_unit_test(the_query_is_signed_where_it_is_the_message),
        cmocka_unit_test(another_check_makes_up_for_it),
        cmocka_unit_test(a_key_that_tells_nothing_apart_is_a_fault),
        cmocka_unit_test(a_key_outside_of_the_record_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What xml_parse takes, what it refuses, and the tree that comes of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json_writer.h"
#include "base/xml.h"

#define ARENA_BYTES ((size_t)8 << 20)

/* The tree as JSON, or "refused: reason"; to be freed. */
static char *
outcome(struct slice text, struct value_limits limits)
{
    struct arena *arena = arena_new(NULL, ARENA_BYTES);
    char *exact = malloc(text.length + 1);
    struct error error = {""};
    struct json_writer writer;
    struct slice root, json;
    struct value *value;
    char *result = NULL;

    assert_non_null(exact);
    memcpy(exact, text.data, text.length);
    value = xml_parse(arena, slice_make(exact, text.length), limits, &root, &error);
    free(exact); /* nothing may point into it */
    if (value == NULL) {
        assert_true(strlen(error.text) > 0);
        assert_true(asprintf(&result, "refused: %s", error.text) > 0);
    } else {
        json_writer_init(&writer, arena, 0);
        json_value(&writer, value);
        json = json_finish(&writer);
        assert_true(asprintf(&result, "%.*s %.*s", SLICE_ARGS(root), SLICE_ARGS(json)) > 0);
    }
    arena_free(arena);
    return result;
}

static void
assert_tree(const char *xml, const char *expected)
{
    char *result = outcome(slice_from(xml), VALUE_LIMITS_DEFAULT);

    assert_string_equal(result, expected);
    free(result);
}

static void
assert_refused(struct slice xml, const char *reason)
{
    char *result = outcome(xml, VALUE_LIMITS_DEFAULT);

    if (strncmp(result, "refused: ", 9) != 0 || strstr(result, reason) == NULL) {
        fail_msg("expected a refusal with '%s', got: %s", reason, result);
    }
    free(result);
}

static void
test_trees(void **state)
{
    (void)state;
    assert_tree("<?xml version='1.0'?>\n<req>\n  <action>Hangup</action>\n  <type>22</type>\n  <url/>\n</req>\n",
                "req {\"action\":\"Hangup\",\"type\":\"22\",\"url\":\"\"}");
    assert_tree("<r/>", "r {}");
    assert_tree("<r>text</r>", "r {\"#text\":\"text\"}");
    assert_tree("<r a='1'><b c=\"2\">x</b><d><e> f </e>tail</d></r>",
                "r {\"@a\":\"1\",\"b\":{\"@c\":\"2\",\"#text\":\"x\"},\"d\":{\"e\":\" f \",\"#text\":\"tail\"}}");
    assert_tree("<r><a>1</a><b><a>2</a></b></r>", "r {\"a\":\"1\",\"b\":{\"a\":\"2\"}}");
    assert_tree("<r><t>\xe4\xb8\xad \"q\" &#20013;&#x4e2d;</t></r>",
                "r {\"t\":\"\xe4\xb8\xad \\\"q\\\" \xe4\xb8\xad\xe4\xb8\xad\"}");
    assert_tree("<?xml version=\"1.0\" encoding=\"utf-8\"?><x:r xmlns:x='u'><x:a>1</x:a></x:r>",
                "x:r {\"@xmlns:x\":\"u\",\"x:a\":\"1\"}");
    assert_tree("\xef\xbb\xbf<r><a>1</a></r>", "r {\"a\":\"1\"}");
}

static void
test_ampersands(void **state)
{
    (void)state;
    assert_tree("<r><u>http://x/?a=1&b=2&copy;=3&&amp;&lt;&#38;&#;&#x;&#12</u></r>",
                "r {\"u\":\"http://x/?a=1&b=2&copy;=3&&<&&#;&#x;&#12\"}");
    assert_tree("<r><u><![CDATA[a&b&amp;<c>]]></u><!-- & --><?p & ?></r>", "r {\"u\":\"a&b&amp;<c>\"}");
    assert_tree("<r a='x&y'>&</r>", "r {\"@a\":\"x&y\",\"#text\":\"&\"}");
    assert_refused((struct slice)SLICE("<r>&#0;</r>"), "invalid character number");
    assert_refused((struct slice)SLICE("<r>&#xd800;</r>"), "invalid character number");
    assert_refused((struct slice)SLICE("<r>&#99999999999;</r>"), "invalid character number");
}

static void
test_refuses_dtds(void **state)
{
    (void)state;
    assert_refused((struct slice)SLICE("<!DOCTYPE r [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;&a;\">]><r>&b;</r>"),
                   "DTD");
    assert_refused((struct slice)SLICE("<!DOCTYPE r [<!ENTITY f SYSTEM \"file:///etc/passwd\">]><r>&f;</r>"), "DTD");
    assert_refused((struct slice)SLICE("<!DOCTYPE r SYSTEM \"http://127.0.0.1/x.dtd\"><r/>"), "DTD");
    assert_refused((struct slice)SLICE("<!DOCTYPE r><r/>"), "DTD");
}

static void
test_refuses_what_is_no_xml(void **state)
{
    static const char *const texts[] = {
        " ",
        "text",
        "<r>",
        "</r>",
        "<r></s>",
        "<r/><s/>",
        "<r/>x",
        "<r a=1/>",
        "<r a='1' a='2'/>",
        "<r><1/></r>",
        "<r>\x01</r>",
        "<r>]]></r>",
        "<r",
        "<r><![CDATA[x</r>",
        "<r><!-- x</r>",
        "{\"a\":1}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_refused(slice_from(texts[i]), "");
    }
    assert_refused(slice_from(""), "nothing");
    assert_refused(slice_make("<r>a\0b</r>", 10), "NUL");
    assert_refused((struct slice)SLICE("<r>\xff</r>"), "UTF-8");
    assert_refused((struct slice)SLICE("<r>\xed\xa0\x80</r>"), "UTF-8");
    assert_refused((struct slice)SLICE("<?xml version='1.0' encoding='GBK'?><r>x</r>"), "encoding");
    assert_refused((struct slice)SLICE("<r><a>1</a><a>2</a></r>"), "twice");
}

static void
test_limits(void **state)
{
    struct value_limits limits = {.depth = 3, .members = 4};
    char *result;
    char *deep = malloc(300000);

    (void)state;
    result = outcome((struct slice)SLICE("<a><b><c/></b></a>"), limits);
    assert_string_equal(result, "a {\"b\":{\"c\":\"\"}}");
    free(result);
    result = outcome((struct slice)SLICE("<a><b><c><d/></c></b></a>"), limits);
    assert_non_null(strstr(result, "deeply"));
    free(result);
    result = outcome((struct slice)SLICE("<a><b/><c/><d/><e/></a>"), limits);
    assert_non_null(strstr(result, "too many"));
    free(result);
    assert_non_null(deep);
    for (int i = 0; i < 100000; i++) {
        memcpy(deep + 3 * (ptrdiff_t)i, "<a>", 3);
    }
    assert_refused(slice_make(deep, 300000), "deeply");
    free(deep);
}

/* So that an arena sized for the largest body holds its tree, whatever that body is made of. */
static void
test_closed_elements_leave_only_their_node(void **state)
{
    enum { ELEMENTS = 10000, TREE_BYTES = ELEMENTS * 160 };
    char *text = malloc((size_t)ELEMENTS * 9 + 8);
    struct arena *arena = arena_new(NULL, ARENA_BYTES);
    size_t length = 3;

    (void)state;
    assert_non_null(text);
    memcpy(text, "<r>", 3);
    for (int i = 0; i < ELEMENTS; i++) {
        length += (size_t)sprintf(text + length, "<a%d/>", i);
    }
    memcpy(text + length, "</r>", 4);
    assert_non_null(xml_parse(arena, slice_make(text, length + 4), VALUE_LIMITS_DEFAULT, NULL, NULL));
    assert_in_range(arena_bytes(arena), 1, TREE_BYTES);
    arena_free(arena);
    free(text);
}

static void
test_a_full_arena_is_not_the_texts_fault(void **state)
{
    static const char text[] = "<req a='1'><b>some text</b><c>&lt;more&gt; & more</c><d><e/></d></req>";

    (void)state;
    for (size_t limit = 0; limit < 8192; limit += 16) {
        struct arena *arena = arena_new(NULL, limit);
        struct value *value = xml_parse(arena, slice_from(text), VALUE_LIMITS_DEFAULT, NULL, NULL);

        assert_true((value == NULL) == arena_failed(arena));
        arena_free(arena);
    }
}

static void
elements_of_one_name_can_be_an_array(void **state)
{
    static const char text[] =
        "<n><call id='1'><leg>a</leg><leg>b</leg></call><other/><call id='2'/><call>c</call></n>";
    struct arena *arena = arena_new(NULL, 1 << 16);
    struct error error;
    const struct value *message = xml_parse_lists(arena, slice_from(text), VALUE_LIMITS_DEFAULT, &error);
    const struct value *calls = value_member(message, "call");
    const struct value *legs;

    (void)state;
    assert_non_null(calls);
    assert_int_equal(message->count, 2);
    assert_true(slice_is(calls->next->name, "other") && calls->next->next == NULL);
    assert_int_equal(calls->kind, VALUE_ARRAY);
    assert_int_equal(calls->count, 3);
    legs = value_member(calls->first, "leg");
    assert_int_equal(legs->count, 2);
    assert_true(slice_is(legs->first->text, "a") && slice_is(legs->first->next->text, "b"));
    assert_null(legs->first->next->next);
    assert_true(slice_is(value_member(calls->first->next, "@id")->text, "2"));
    assert_true(slice_is(calls->first->next->next->text, "c"));
    assert_null(calls->first->next->next->next);
    assert_int_equal(
        xml_parse_lists(arena, (struct slice)SLICE("<n><a>1</a></n>"), VALUE_LIMITS_DEFAULT, &error)->first->kind,
        VALUE_STRING);
    arena_free(arena);
}

static void
many_elements_of_one_name_take_no_square_of_time(void **state)
{
    const size_t count = 20000;
    struct arena *arena = arena_new(NULL, (size_t)64 << 20);
    char *text = malloc(count * 9 + 16);
    size_t length = (size_t)sprintf(text, "<n><b/>");
    struct error error;
    const struct value *message;

    (void)state;
    for (size_t i = 0; i < count; i++) {
        length += (size_t)sprintf(text + length, "<a>%zu</a>", i % 10);
    }
    length += (size_t)sprintf(text + length, "</n>");
    message = xml_parse_lists(arena, slice_make(text, length), VALUE_LIMITS_DEFAULT, &error);
    assert_non_null(message);
    assert_int_equal(value_member(message, "a")->count, count);
    free(text);
    arena_free(arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elements_of_one_name_can_be_an_array),
        cmocka_unit_test(many_elements_of_one_name_take_no_square_of_time),
        cmocka_unit_test(test_trees),
        cmocka_unit_test(test_ampersands),
        cmocka_unit_test(test_refuses_dtds),
        cmocka_unit_test(test_refuses_what_is_no_xml),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_closed_elements_leave_only_their_node),
        cmocka_unit_test(test_a_full_arena_is_not_the_texts_fault),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

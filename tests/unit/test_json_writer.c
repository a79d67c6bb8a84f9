/* What the JSON writer makes of texts, numbers and trees: that a text is read back as it was, wherever in it a byte
 * needs escaping, and that a full arena fails it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/json_writer.h"
#include "base/xml.h"

#define LONGEST 27 /* past three of the blocks in which the writer looks for such bytes */

static void
test_escapes_and_commas(void **state)
{
    struct arena *arena = arena_new(NULL, (size_t)1 << 20);
    struct json_writer writer;
    struct json_mark mark;
    struct slice json;

    (void)state;
    json_writer_init(&writer, arena, 0);
    json_open(&writer, '{');
    json_name(&writer, slice_from("a\"b"));
    json_string(&writer, (struct slice)SLICE("\x01\x1f\b\f\n\r\t\"\\/\x7f\xe4\xb8\xad"));
    mark = json_mark(&writer);
    json_name(&writer, slice_from("gone"));
    json_open(&writer, '[');
    json_rewind(&writer, mark);
    json_name(&writer, slice_from("n"));
    json_open(&writer, '[');
    json_integer(&writer, INT64_MIN);
    json_integer(&writer, 0);
    json_integer(&writer, INT64_MAX);
    json_boolean(&writer, true);
    json_raw(&writer, slice_from("1e5"));
    json_open(&writer, '{');
    json_close(&writer, '}');
    json_close(&writer, ']');
    json_close(&writer, '}');
    json = json_finish(&writer);
    json = arena_copy(arena, json);
    assert_string_equal(json.data, "{\"a\\\"b\":\"\\u0001\\u001f\\b\\f\\n\\r\\t\\\"\\\\/\x7f\xe4\xb8\xad\",\"n\":["
                                   "-9223372036854775808,0,9223372036854775807,true,1e5,{}]}");
    arena_free(arena);
}

static void
test_a_full_arena(void **state)
{
    (void)state;
    for (size_t limit = 0; limit < 4000; limit += 40) {
        struct arena *arena = arena_new(NULL, limit);
        struct json_writer writer;

        json_writer_init(&writer, arena, 0);
        json_open(&writer, '[');
        for (int i = 0; i < 100; i++) {
            json_string(&writer, slice_from("0123456789"));
        }
        json_close(&writer, ']');
        assert_true(slice_empty(json_finish(&writer)) == arena_failed(arena));
        arena_free(arena);
    }
}

/* The tree of xml or of json, written as JSON. */
static struct slice
rewritten(struct arena *arena, const char *xml, const char *json)
{
    struct json_writer writer;
    const struct value *value = xml != NULL ? xml_parse(arena, slice_from(xml), VALUE_LIMITS_DEFAULT, NULL, NULL)
                                            : json_parse(arena, slice_from(json), VALUE_LIMITS_DEFAULT, NULL);

    assert_non_null(value);
    json_writer_init(&writer, arena, 0);
    json_value(&writer, value);
    return json_finish(&writer);
}

static void
test_trees(void **state)
{
    static const char json[] = "{\"a\" : [ 1.50, -0, null ,true,\"\\u4e2d\"],\n\"b\":{ } }";
    struct arena *arena = arena_new(NULL, (size_t)1 << 20);
    const struct value *tree = json_parse(arena, slice_from(json), VALUE_LIMITS_DEFAULT, NULL);
    struct json_writer writer;

    (void)state;
    assert_true(slice_is(rewritten(arena, NULL, json), json));
    assert_true(slice_is(rewritten(arena, "<r a='\"'><b><c/></b><d>1\n</d></r>", NULL),
                         "{\"@a\":\"\\\"\",\"b\":{\"c\":\"\"},\"d\":\"1\\n\"}"));
    assert_non_null(tree);
    json_writer_init(&writer, arena, 0);
    json_open(&writer, '[');
    for (const struct value *element = tree->first->first; element != NULL; element = element->next) {
        json_value(&writer, element);
    }
    json_close(&writer, ']');
    assert_true(slice_is(json_finish(&writer), "[1.50,-0,null,true,\"\xe4\xb8\xad\"]"));
    arena_free(arena);
}

/* Growth in place, and by copying when another block stands behind. */
static void
test_long_texts(void **state)
{
    struct arena *arena = arena_new(NULL, (size_t)4 << 20);
    struct json_writer writer;
    struct slice json;

    (void)state;
    json_writer_init(&writer, arena, 0);
    json_open(&writer, '[');
    for (int64_t i = 0; i < 10000; i++) {
        json_integer(&writer, i % 10);
        if (i % 1000 == 0) {
            assert_non_null(arena_alloc(arena, 1));
        }
    }
    json_close(&writer, ']');
    json = json_finish(&writer);
    assert_int_equal(json.length, 20001);
    for (size_t i = 0; i < 10000; i++) {
        assert_int_equal(json.data[2 * i + 1], '0' + i % 10);
    }
    arena_free(arena);
}

static void
assert_round_trip(struct slice text)
{
    struct arena *arena = arena_new(NULL, 65536);
    struct json_writer writer;
    struct value *list;
    struct error error;

    json_writer_init(&writer, arena, 0);
    json_open(&writer, '[');
    json_string(&writer, text);
    json_close(&writer, ']');
    list = json_parse(arena, json_finish(&writer), VALUE_LIMITS_DEFAULT, &error);
    assert_non_null(list);
    assert_true(slice_equal(list->first->text, text));
    arena_free(arena);
}

static void
every_byte_in_every_place(void **state)
{
    char text[LONGEST];

    (void)state;
    for (size_t length = 1; length <= LONGEST; length++) {
        for (size_t place = 0; place < length; place++) {
            for (int byte = 1; byte < 0x80; byte++) {
                memset(text, 'x', length);
                text[place] = (char)byte;
                assert_round_trip(slice_make(text, length));
            }
        }
    }
}

static void
texts_beyond_ascii(void **state)
{
    (void)state;
    assert_round_trip(slice_from("坐席默认坐席\"默认\\坐席\n坐席"));
    assert_round_trip(slice_from("\xf0\x9f\x93\x9e\x1f\xc2\x80"));
    assert_round_trip((struct slice){0});
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_escapes_and_commas),
        cmocka_unit_test(test_a_full_arena),
        cmocka_unit_test(test_trees),
        cmocka_unit_test(test_long_texts),
        cmocka_unit_test(every_byte_in_every_place),
        cmocka_unit_test(texts_beyond_ascii),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

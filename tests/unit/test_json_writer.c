/* What the JSON writer writes as a string is read back as the same text, wherever in it a byte needs escaping. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/json_writer.h"

#define LONGEST 27 /* past three of the blocks in which the writer looks for such bytes */

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
        cmocka_unit_test(every_byte_in_every_place),
        cmocka_unit_test(texts_beyond_ascii),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Fuzzes the JSON reader: what it takes it must give back, and take again. */
#include "base/json.h"
#include "base/json_writer.h"
#include "base/utf8.h"
#include "fuzz/fact.h"

/* Every text is UTF-8, every raw lies in the input, every count is right. */
static void
check(const struct value *value, struct slice text)
{
    uint32_t count = 0;

    require(utf8_valid(value->text) && utf8_valid(value->name));
    if (value->raw.length > 0) {
        require(value->raw.data >= text.data && value->raw.data + value->raw.length <= text.data + text.length);
    }
    for (const struct value *child = value->first; child != NULL; child = child->next) {
        check(child, text);
        count++;
    }
    require(count == value->count);
}

/* Before and behind the value nothing but white space is taken. */
static void
check_around(struct slice value, struct slice text)
{
    for (const char *at = text.data; at < text.data + text.length; at++) {
        require((at >= value.data && at < value.data + value.length) || strchr(" \t\r\n", *at) != NULL);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_make((const char *)data, size);
    struct arena *arena = arena_new(NULL, (size_t)16 << 20);
    struct value *value = json_parse(arena, text, VALUE_LIMITS_DEFAULT, NULL);
    struct json_writer writer;
    struct slice again;

    if (value != NULL) {
        check(value, text);
        check_around(value->raw, text);
        json_writer_init(&writer, arena, size);
        json_open(&writer, '[');
        json_value(&writer, value);
        json_string(&writer, value->raw);
        json_close(&writer, ']');
        again = json_finish(&writer);
        require(again.length > 0);
        value = json_parse(arena, again, (struct value_limits){.depth = 33, .members = 50002}, NULL);
        require(value != NULL && value->count == 2);
        require(slice_equal(value->first->raw, value->first->next->text));
    }
    arena_free(arena);
    return 0;
}

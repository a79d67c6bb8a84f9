/* Fuzzes the XML reader: whatever it takes becomes JSON that the JSON reader takes. */
#include "base/json.h"
#include "base/json_writer.h"
#include "base/xml.h"
#include "fuzz/fact.h"

static void
check(struct arena *arena, const struct value *value, size_t size)
{
    struct json_writer writer;

    json_writer_init(&writer, arena, size);
    json_value(&writer, value);
    require(json_parse(arena, json_finish(&writer), VALUE_LIMITS_DEFAULT, NULL) != NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(NULL, (size_t)16 << 20);
    struct slice text = slice_make((const char *)data, size);
    const struct value *strict = xml_parse(arena, text, VALUE_LIMITS_DEFAULT, NULL, NULL);
    const struct value *listed = xml_parse_lists(arena, text, VALUE_LIMITS_DEFAULT, NULL);

    if (strict != NULL) {
        check(arena, strict, size);
    }
    require(listed != NULL || strict == NULL); /* it takes all that the strict one takes */
    if (listed != NULL) {
        check(arena, listed, size);
    }
    arena_free(arena);
    return 0;
}

/* Fuzzes the XML reader: whatever it takes becomes JSON that the JSON reader takes. */
#include <stdint.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/json_writer.h"
#include "base/xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(NULL, (size_t)16 << 20);
    struct value *value = xml_parse(arena, slice_make((const char *)data, size), VALUE_LIMITS_DEFAULT, NULL, NULL);
    struct json_writer writer;
    struct slice json;

    if (value != NULL) {
        json_writer_init(&writer, arena, size);
        json_value(&writer, value);
        json = json_finish(&writer);
        if (json_parse(arena, json, VALUE_LIMITS_DEFAULT, NULL) == NULL) {
            abort();
        }
    }
    arena_free(arena);
    return 0;
}

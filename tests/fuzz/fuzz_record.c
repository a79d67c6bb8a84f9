/* Fuzzes the layout of records: what is read must be written as the same bytes, and lie within them. */
#include "event/record_codec.h"
#include "fuzz/fact.h"

static void
require_within(struct slice part, struct slice all, bool followed_by_nul)
{
    require(part.data >= all.data && part.length <= (size_t)(all.data + all.length - part.data));
    require(!followed_by_nul || part.data[part.length] == '\0');
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice bytes = {(const char *)data, size};
    struct arena *arena = arena_new(NULL, (size_t)8 << 20);
    struct record record;

    require(arena != NULL);
    if (record_decode(bytes, arena, &record)) {
        char *again = malloc(size);

        require(again != NULL && record_encoded_bytes(&record) == size);
        record_encode(&record, again);
        require(memcmp(again, data, size) == 0);
        free(again);
        require_within(record.topic, bytes, true);
        require_within(record.key, bytes, false);
        require_within(record.value, bytes, false);
        for (size_t i = 0; i < record.header_count; i++) {
            require_within(record.headers[i].name, bytes, true);
            require_within(record.headers[i].value, bytes, false);
        }
    }
    arena_free(arena);
    return 0;
}

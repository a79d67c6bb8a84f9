/* Fuzzes the journal's entries: what is read must be written and read again as the same. */
#include "egress/journal.h"
#include "fuzz/fact.h"

static void
require_same(const struct journal_entry *a, const struct journal_entry *b)
{
    require(a->kind == b->kind && slice_equal(a->account, b->account) && slice_equal(a->operation, b->operation));
    require(a->attempt.epoch == b->attempt.epoch && a->attempt.number == b->attempt.number);
    require(a->command_count == b->command_count && a->tries == b->tries && a->cool_ms == b->cool_ms);
    require(a->closed_ms == b->closed_ms && slice_equal(a->status, b->status) && slice_equal(a->result, b->result));
    require(slice_equal(a->target, b->target) && a->offset == b->offset && a->partitions == b->partitions);
    require(slice_equal(a->owner, b->owner));
    for (size_t i = 0; i < a->command_count; i++) {
        require(slice_equal(a->commands[i].id, b->commands[i].id) && a->commands[i].offset == b->commands[i].offset);
        require(memcmp(a->commands[i].content_hash, b->commands[i].content_hash, COMMAND_CONTENT_HASH_BYTES) == 0);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(NULL, (size_t)64 << 20);
    struct journal_entry entry;
    struct journal_entry again;
    struct record record = {0};
    struct error error = {""};
    enum journal_verdict verdict = journal_read(slice_make((const char *)data, size), arena, &entry, &error);

    require((verdict == JOURNAL_READ) == (error.text[0] == '\0'));
    if (verdict == JOURNAL_READ) {
        require(entry.kind < JOURNAL_KIND_COUNT);
        require(journal_write(&entry, arena, &record));
        require(slice_equal(record.key, entry.account));
        require(journal_read(record.value, arena, &again, &error) == JOURNAL_READ);
        require_same(&entry, &again);
    }
    arena_free(arena);
    return 0;
}

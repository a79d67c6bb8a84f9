/* Fuzzes what reads HTTP: the guard judges alike however the input is cut, and what it lets pass is cut into slices
 * that hold nothing it forbids. */
#include "base/arena.h"
#include "fuzz/fact.h"
#include "ingress/guard.h"
#include "ingress/head.h"
#include "ingress/syntax.h"

static const struct guard_limits limits = {.head_bytes = 8192, .header_count = 50};

/* Feeds pieces whose lengths follow from the input; piece 0: all at once. */
static enum guard_verdict
feed_guard(struct guard *guard, struct slice text, size_t piece, size_t *used)
{
    enum guard_verdict verdict = GUARD_MORE;

    guard_init(guard, &limits);
    *used = 0;
    while (verdict == GUARD_MORE && *used < text.length) {
        size_t length = text.length - *used;
        size_t consumed;

        if (piece != 0 && length > piece) {
            length = piece;
        }
        verdict = guard_feed(guard, text.data + *used, length, &consumed);
        require(consumed <= length);
        *used += consumed;
    }
    require(*used == guard->position && *used <= limits.head_bytes);
    return verdict;
}

static void
check_head(const struct guard *guard, struct slice text)
{
    struct arena *arena = arena_new(NULL, 1 << 20);
    char *bytes = arena_alloc(arena, guard->position);
    struct head head;

    require(bytes != NULL);
    memcpy(bytes, text.data, guard->position);
    require(head_read(guard, bytes, guard->position, arena, &head));
    require(!slice_empty(head.method) && !slice_empty(head.path) && head.content_length >= -1);
    require(head.path.data[0] == '/' || slice_is(head.path, "*"));
    require(head.http10 || head_field(&head, "host").length != 0);
    for (size_t i = 0; i < head.field_count; i++) {
        struct record_header field = head.fields[i];

        require(!slice_empty(field.name) && field.name.data[field.name.length] == '\0');
        for (size_t j = 0; j < field.name.length; j++) {
            require(syntax_is(field.name.data[j], SYNTAX_TOKEN) &&
                    syntax_lower(field.name.data[j]) == field.name.data[j]);
        }
        for (size_t j = 0; j < field.value.length; j++) {
            require(syntax_is(field.value.data[j], SYNTAX_VALUE));
        }
    }
    arena_free(arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = {(const char *)data, size};
    struct guard whole;
    struct guard cut;
    size_t used;
    size_t cut_used;
    enum guard_verdict verdict = feed_guard(&whole, text, 0, &used);

    for (size_t piece = 1; piece < 8; piece += 3) {
        require(feed_guard(&cut, text, piece, &cut_used) == verdict);
        require(cut_used == used && cut.refusal == whole.refusal);
    }
    if (verdict == GUARD_COMPLETE) {
        check_head(&whole, text);
    }
    return 0;
}

/* Fuzzes the un-chunker: however the input is cut, the same body comes out, and it ends at the same byte. */
#include "fuzz/fact.h"
#include "ingress/chunked.h"

#define BODY_LIMIT 4096

struct outcome {
    enum chunked_verdict verdict;
    enum refusal refusal;
    size_t used, length;
    char body[BODY_LIMIT];
};

static bool
is_over(enum chunked_verdict verdict)
{
    return verdict == CHUNKED_COMPLETE || verdict == CHUNKED_REFUSED;
}

static void
take(struct outcome *outcome, struct slice data, struct slice input)
{
    require(data.length <= BODY_LIMIT - outcome->length);
    if (data.length > 0) {
        require(data.data >= input.data && data.data + data.length <= input.data + input.length);
        memcpy(outcome->body + outcome->length, data.data, data.length);
    }
    outcome->length += data.length;
}

/* Pieces of so many bytes; 0: all at once. */
static void
feed(struct slice text, size_t piece, struct outcome *outcome)
{
    struct chunked chunked;

    chunked_init(&chunked, BODY_LIMIT);
    outcome->verdict = CHUNKED_MORE;
    outcome->used = outcome->length = 0;
    while (outcome->used < text.length && !is_over(outcome->verdict)) {
        size_t left = text.length - outcome->used;
        struct slice input = slice_make(text.data + outcome->used, piece != 0 && left > piece ? piece : left);
        struct slice data = {0};
        size_t consumed;

        outcome->verdict = chunked_feed(&chunked, input, &consumed, &data);
        require(consumed <= input.length && (consumed > 0 || is_over(outcome->verdict)));
        outcome->used += consumed;
        take(outcome, data, input);
    }
    outcome->refusal = chunked.refusal;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct outcome whole, cut;
    struct slice text = slice_make((const char *)data, size);

    feed(text, 0, &whole);
    for (size_t piece = 1; piece < 12; piece += 5) {
        feed(text, piece, &cut);
        require(cut.used == whole.used && cut.refusal == whole.refusal);
        require(is_over(cut.verdict) == is_over(whole.verdict));
        require(!is_over(cut.verdict) || cut.verdict == whole.verdict);
        require(cut.length == whole.length && memcmp(cut.body, whole.body, cut.length) == 0);
    }
    return 0;
}

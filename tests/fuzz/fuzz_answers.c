/* Any bytes as the answer to a request of every operation of every adapter that has a call side: what it is taken for
 * keeps the rules of adapters/operation.h, is the same when the answer comes again, and holds only what may go into a
 * result. The first two bytes choose the HTTP status and how many commands the request carried; the rest is the body.
 */
#include "adapters/operation.h"
#include "base/json.h"
#include "base/utf8.h"
#include "fuzz/fact.h"

#define ARENA_BYTES        ((size_t)16 << 20)
#define CODE_BYTES_MOST    256
#define MESSAGE_BYTES_MOST 2048
#define WAIT_MS_MOST       INT64_C(3600000)
#define TOKEN_SECONDS_MOST (INT64_C(30) * 86400)

static const unsigned statuses[] = {200, 200, 200, 200, 201, 204, 302, 400, 401, 403, 404, 429, 500, 502, 503};

static void
check_words(const struct vendor_answer *answer)
{
    require(answer->code >= CALL_OK && answer->code < CALL_CODE_COUNT && answer->code != CALL_TIMEOUT);
    require(answer->acted >= ACTED_NO && answer->acted <= ACTED_YES);
    require(answer->repeat >= REPEAT_NEVER && answer->repeat <= REPEAT_HALVED);
    /* What succeeded is done, and what is done has succeeded. */
    require((answer->code == CALL_OK) == (answer->acted == ACTED_YES));
    require(answer->code != CALL_OK || answer->repeat == REPEAT_NEVER);
    /* What may have been carried out is only repeated where a second time does no harm. */
    require(answer->acted != ACTED_MAYBE || answer->repeat == REPEAT_NEVER || answer->repeat == REPEAT_IF_SAFE);
    require(answer->wait_ms >= 0 && answer->wait_ms <= WAIT_MS_MOST);
    require(answer->wait_ms == 0 || answer->repeat == REPEAT_AFTER_WINDOW);
}

static void
check_texts(const struct vendor_answer *answer, bool token_operation, struct arena *arena)
{
    struct error error;

    require(answer->vendor_code.length <= CODE_BYTES_MOST && utf8_valid(answer->vendor_code));
    require(answer->vendor_message.length <= MESSAGE_BYTES_MOST && utf8_valid(answer->vendor_message));
    require(slice_empty(answer->answer) || json_parse(arena, answer->answer, VALUE_LIMITS_DEFAULT, &error) != NULL ||
            arena_failed(arena));
    require(slice_empty(answer->token) || token_operation);
    require(slice_empty(answer->answer) || slice_empty(answer->token)); /* a token goes into no result */
    require(slice_empty(answer->token) ||
            (answer->token_seconds > 0 && answer->token_seconds <= TOKEN_SECONDS_MOST && answer->code == CALL_OK));
    for (size_t i = 0; i < answer->token.length; i++) {
        require(answer->token.data[i] > ' ' && answer->token.data[i] <= '~');
    }
}

static void
check_items(const struct vendor_answer *answer, size_t count)
{
    require(answer->item_ids == NULL || (answer->code == CALL_OK && !answer->items_missing));
    require(!answer->items_missing || answer->code == CALL_OK);
    for (size_t i = 0; answer->item_ids != NULL && i < count; i++) {
        require(!slice_empty(answer->item_ids[i]) && utf8_valid(answer->item_ids[i]));
    }
}

static void
check_operation(const struct call_side *calls, const struct operation *operation, const struct http_answer *http,
                unsigned count)
{
    struct interpretation interpretation = {
        .operation = operation,
        .answer = http,
        .command_count = count % operation->gather_max + 1,
        .arena = arena_new(NULL, ARENA_BYTES),
    };
    struct vendor_answer answer, again;

    require(interpretation.arena != NULL);
    calls->interpret(&interpretation, &answer);
    check_words(&answer);
    check_texts(&answer, operation == calls->token_operation, interpretation.arena);
    check_items(&answer, interpretation.command_count);
    calls->interpret(&interpretation, &again);
    require(arena_failed(interpretation.arena) ||
            (answer.code == again.code && answer.acted == again.acted && answer.repeat == again.repeat &&
             slice_equal(answer.answer, again.answer) && slice_equal(answer.token, again.token)));
    arena_free(interpretation.arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_answer http = {.status = 200};
    unsigned count = 0;

    if (size < 2) {
        return 0;
    }
    http.status = statuses[data[0] % (sizeof(statuses) / sizeof(statuses[0]))];
    http.retry_after_ms = data[0] % 3 == 0 ? (int64_t)data[1] << 20 : 0;
    count = data[1];
    http.body = slice_make((const char *)data + 2, size - 2);
    for (const struct adapter *const *adapter = adapters; *adapter != NULL; adapter++) {
        const struct call_side *calls = (*adapter)->calls;

        if (calls == NULL) {
            continue;
        }
        for (const struct operation *operation = calls->operations; operation->command != NULL; operation++) {
            check_operation(calls, operation, &http, count);
        }
        if (calls->token_operation != NULL) {
            check_operation(calls, calls->token_operation, &http, count);
        }
    }
    return 0;
}

/* What yeta's answers to calls mean: the document's appendix of codes, the token of 一, the ids of 三. */
#include "adapters/message.h"
#include "adapters/reply.h"
#include "adapters/yeta_calls.h"

#define TOKEN_SECONDS_DEFAULT 3600 /* 一 */
#define TOKEN_SECONDS_MAX     (7 * 24 * 3600)
#define ITEM_ID_BYTES_MAX     64

/* The document tells what the codes are called; what they allow is our reading of it. */
static const struct code_rule rules[] = {
    {"0", CALL_OK, ACTED_YES, REPEAT_NEVER},
    {"10001", CALL_CREDENTIALS, ACTED_NO, REPEAT_FRESH_TOKEN},
    {"10002", CALL_CREDENTIALS, ACTED_NO, REPEAT_NEVER},
    {"10003", CALL_CREDENTIALS, ACTED_NO, REPEAT_NEVER},
    {"10004", CALL_UNAVAILABLE, ACTED_NO, REPEAT_BACKING_OFF},
    {"10005", CALL_INVALID, ACTED_NO, REPEAT_HALVED},
    {"10020", CALL_UNAVAILABLE, ACTED_NO, REPEAT_BACKING_OFF},
    {"10021", CALL_REFUSED, ACTED_NO, REPEAT_NEVER},
    {"200101", CALL_CREDENTIALS, ACTED_NO, REPEAT_NEVER},
    {"200200", CALL_INVALID, ACTED_NO, REPEAT_NEVER},
    {"200201", CALL_CREDENTIALS, ACTED_NO, REPEAT_NEVER},
    {"200202", CALL_INVALID, ACTED_NO, REPEAT_NEVER},
    {"200203", CALL_INVALID, ACTED_NO, REPEAT_HALVED},
    {"200204", CALL_INVALID, ACTED_NO, REPEAT_NEVER},
    {"200205", CALL_INVALID, ACTED_NO, REPEAT_NEVER},
    {"200206", CALL_INVALID, ACTED_NO, REPEAT_NEVER},
    {"200209", CALL_REFUSED, ACTED_NO, REPEAT_NEVER},
    {"200210", CALL_INVALID, ACTED_NO, REPEAT_NEVER},
    {"200211", CALL_INVALID, ACTED_NO, REPEAT_NEVER},
    {"200212", CALL_INVALID, ACTED_NO, REPEAT_HALVED},
    {"200213", CALL_INVALID, ACTED_NO, REPEAT_NEVER},
    {"200222", CALL_REFUSED, ACTED_NO, REPEAT_NEVER},
    {"3010101", CALL_REFUSED, ACTED_NO, REPEAT_NEVER},
    {"3010102", CALL_REFUSED, ACTED_NO, REPEAT_NEVER},
    {"3030002", CALL_BUSY, ACTED_NO, REPEAT_NEVER},
    {"http_429", CALL_LIMIT, ACTED_NO, REPEAT_AFTER_WINDOW},
    {0},
};

static const struct value *
object_member(const struct value *object, const char *name)
{
    const struct value *member = value_member(object, name);

    return member != NULL && member->kind == VALUE_OBJECT ? member : NULL;
}

/* --- 一 --- */

static int64_t
token_seconds(const struct value *result)
{
    int seconds = message_code(result, "time_expire");

    return seconds >= 1 && seconds <= TOKEN_SECONDS_MAX ? seconds : TOKEN_SECONDS_DEFAULT;
}

static void
read_token(const struct value *result, struct vendor_answer *answer)
{
    answer->token = reply_token(value_member(result, "token"));
    answer->token_seconds = token_seconds(result);
    answer->vendor_message = (struct slice){0}; /* it stands beside a secret, and may repeat it */
    if (slice_empty(answer->token)) {
        answer->token_seconds = 0;
        reply_unusable(answer);
    }
}

/* --- 三 --- */

/* A number digit for digit, for ids go beyond what a double holds; or a string. Empty: no id. */
static struct slice
item_id(const struct value *value)
{
    struct slice id = value_text(value);

    if (id.length > ITEM_ID_BYTES_MAX) {
        return (struct slice){0};
    }
    for (size_t i = 0; i < id.length; i++) {
        bool digit = id.data[i] >= '0' && id.data[i] <= '9';

        if (value->kind == VALUE_NUMBER ? !digit : id.data[i] <= ' ' || id.data[i] > '~') {
            return (struct slice){0};
        }
    }
    return id;
}

static bool
is_among(struct slice id, const struct slice *ids, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (slice_equal(id, ids[i])) {
            return true;
        }
    }
    return false;
}

/* Exactly one id for each command, no two alike; else NULL. */
static const struct slice *
read_item_ids(const struct interpretation *interpretation, const struct value *list)
{
    size_t count = 0;
    struct slice *ids;

    if (list == NULL || list->kind != VALUE_ARRAY || list->count != interpretation->command_count) {
        return NULL;
    }
    ids = arena_zalloc(interpretation->arena, interpretation->command_count, sizeof(*ids));
    if (ids == NULL) {
        return NULL;
    }
    for (const struct value *value = list->first; value != NULL; value = value->next) {
        struct slice id = item_id(value);

        if (slice_empty(id) || is_among(id, ids, count)) {
            return NULL;
        }
        ids[count++] = id;
    }
    return ids;
}

/* --- */

static bool
gives_item_ids(const struct operation *operation)
{
    return operation->gather_max > 1;
}

void
yeta_interpret(const struct interpretation *interpretation, struct vendor_answer *answer)
{
    const struct value *message = reply_read(interpretation, answer);
    const struct value *result = object_member(message, "result");
    bool token = reply_is_token(interpretation);

    if (token) {
        answer->answer = (struct slice){0};
    }
    reply_decide(interpretation, rules, message_text(message, "code"), answer);
    if (answer->code == CALL_CREDENTIALS) { /* what it says may name the token that was wrong */
        answer->answer = (struct slice){0};
    }
    if (answer->code != CALL_OK) {
        return;
    }
    if (token) {
        read_token(result, answer);
    } else if (gives_item_ids(interpretation->operation)) {
        answer->item_ids = read_item_ids(interpretation, value_member(result, "task_data_ids"));
        answer->items_missing = answer->item_ids == NULL;
    }
}

/* Reading the answers of vendors that say what they mean in a JSON object with a code. */
#include "adapters/reply.h"

#include "adapters/message.h"
#include "base/json.h"
#include "base/utf8.h"

#define CODE_BYTES_MAX    64
#define MESSAGE_BYTES_MAX 512
#define TOKEN_BYTES_MAX   2048
#define WAIT_MS_MAX       (INT64_C(3600) * 1000) /* no vendor may close an account for longer */

static struct slice
cut(struct slice text, size_t bytes_max)
{
    if (text.length <= bytes_max) {
        return text;
    }
    text.length = bytes_max;
    text.length = utf8_valid_prefix(text);
    return text;
}

static void
set(struct vendor_answer *answer, enum call_code code, enum call_acted acted, enum call_repeat repeat)
{
    answer->code = code;
    answer->acted = acted;
    answer->repeat = repeat;
}

struct slice
reply_code(const struct value *object)
{
    return cut(message_text(object, "code"), CODE_BYTES_MAX);
}

struct slice
reply_message(const struct value *object)
{
    return cut(message_text(object, "message"), MESSAGE_BYTES_MAX);
}

const struct value *
reply_read(const struct interpretation *interpretation, struct vendor_answer *answer)
{
    const struct value *message = NULL;

    *answer = (struct vendor_answer){0};
    reply_unusable(answer);
    if (!slice_empty(interpretation->answer->body)) {
        message = json_parse(interpretation->arena, interpretation->answer->body, VALUE_LIMITS_DEFAULT, NULL);
    }
    if (message == NULL || message->kind != VALUE_OBJECT) {
        return NULL;
    }
    answer->vendor_code = reply_code(message);
    answer->vendor_message = reply_message(message);
    answer->answer = message->raw;
    return message;
}

static int64_t
named_wait(int64_t retry_after_ms)
{
    if (retry_after_ms <= 0) {
        return 0;
    }
    return retry_after_ms < WAIT_MS_MAX ? retry_after_ms : WAIT_MS_MAX;
}

/* NULL when neither code nor status tells. */
static const struct code_rule *
find_rule(const struct interpretation *interpretation, const struct code_rule *table, struct slice code,
          struct vendor_answer *answer)
{
    unsigned status = interpretation->answer->status;
    const struct code_rule *rule = code_rule_find(interpretation->overrides, NULL, code);
    const struct code_rule *by_code = code_rule_find(NULL, table, code);
    bool success = by_code != NULL && by_code->code == CALL_OK;
    struct slice by_status;

    if (rule != NULL || (status >= 200 && status <= 299)) {
        return rule != NULL ? rule : by_code;
    }
    by_status = arena_printf(interpretation->arena, "http_%u", status);
    if (slice_empty(answer->vendor_code) || success) {
        answer->vendor_code = by_status;
    }
    rule = code_rule_find(interpretation->overrides, table, by_status);
    return rule != NULL || success || status < 400 || status > 499 ? rule : by_code;
}

void
reply_decide(const struct interpretation *interpretation, const struct code_rule *table, struct slice code,
             struct vendor_answer *answer)
{
    const struct code_rule *rule = find_rule(interpretation, table, code, answer);

    if (rule == NULL) {
        return;
    }
    set(answer, rule->code, rule->acted, rule->repeat);
    if ((rule->repeat == REPEAT_HALVED && interpretation->command_count < 2) ||
        (rule->repeat == REPEAT_FRESH_TOKEN && reply_is_token(interpretation))) {
        answer->repeat = REPEAT_NEVER;
    }
    if (rule->repeat == REPEAT_AFTER_WINDOW) {
        answer->wait_ms = named_wait(interpretation->answer->retry_after_ms);
    }
}

bool
reply_is_token(const struct interpretation *interpretation)
{
    return slice_is(slice_from(interpretation->operation->command), "");
}

struct slice
reply_token(const struct value *value)
{
    struct slice token = value != NULL && value->kind == VALUE_STRING ? value->text : (struct slice){0};

    if (token.length > TOKEN_BYTES_MAX) {
        return (struct slice){0};
    }
    for (size_t i = 0; i < token.length; i++) {
        if (token.data[i] <= ' ' || token.data[i] > '~') {
            return (struct slice){0};
        }
    }
    return token;
}

void
reply_unusable(struct vendor_answer *answer)
{
    set(answer, CALL_INTERNAL, ACTED_MAYBE, REPEAT_IF_SAFE);
}

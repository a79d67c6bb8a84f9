/* What 7moor's answers to our requests mean: the document's error codes, and the shape of a reply. */
#include "adapters/message.h"
#include "adapters/sevenmoor_calls.h"
#include "base/json.h"
#include "base/utf8.h"

#define CODE_BYTES_MAX    64
#define MESSAGE_BYTES_MAX 500
#define WAIT_MS_MAX       INT64_C(3600000)
#define CODE_OK           "200"

#define CREDENTIALS(code)                                                                                              \
    {                                                                                                                  \
        (code), CALL_CREDENTIALS, ACTED_NO, REPEAT_NEVER                                                               \
    }
#define INTERNAL(code)                                                                                                 \
    {                                                                                                                  \
        (code), CALL_INTERNAL, ACTED_NO, REPEAT_NEVER                                                                  \
    }
#define INVALID(code)                                                                                                  \
    {                                                                                                                  \
        (code), CALL_INVALID, ACTED_NO, REPEAT_NEVER                                                                   \
    }
#define REFUSED(code)                                                                                                  \
    {                                                                                                                  \
        (code), CALL_REFUSED, ACTED_NO, REPEAT_NEVER                                                                   \
    }
#define BUSY(code)                                                                                                     \
    {                                                                                                                  \
        (code), CALL_BUSY, ACTED_NO, REPEAT_NEVER                                                                      \
    }
#define LIMIT(code)                                                                                                    \
    {                                                                                                                  \
        (code), CALL_LIMIT, ACTED_NO, REPEAT_AFTER_WINDOW                                                              \
    }
#define UNAVAILABLE(code)                                                                                              \
    {                                                                                                                  \
        (code), CALL_UNAVAILABLE, ACTED_MAYBE, REPEAT_IF_SAFE                                                          \
    }

/* Section 4 of the document; http_<status> stands for answers without a code of theirs. What is not here may have been
 * carried out or not. 6728 is a warning that comes with or without the call. */
static const struct code_rule rules[] = {
    {CODE_OK, CALL_OK, ACTED_YES, REPEAT_NEVER},
    LIMIT("50010"),
    LIMIT("50020"),
    LIMIT("http_429"),
    {"50014", CALL_CREDENTIALS, ACTED_NO, REPEAT_FRESH},
    CREDENTIALS("50002"),
    CREDENTIALS("50012"),
    CREDENTIALS("50013"),
    CREDENTIALS("50015"),
    CREDENTIALS("50016"),
    CREDENTIALS("50018"),
    CREDENTIALS("50019"),
    CREDENTIALS("6706"),
    CREDENTIALS("6717"),
    CREDENTIALS("6718"),
    INTERNAL("50001"),
    INTERNAL("50006"),
    INTERNAL("50008"),
    UNAVAILABLE("50007"),
    UNAVAILABLE("50009"),
    INVALID("40000"),
    INVALID("2017"),
    INVALID("6707"),
    INVALID("6711"),
    INVALID("6716"),
    INVALID("6723"),
    INVALID("6724"),
    INVALID("6725"),
    INVALID("6731"),
    INVALID("6732"),
    INVALID("6733"),
    INVALID("6734"),
    REFUSED("6701"),
    REFUSED("6702"),
    REFUSED("6703"),
    REFUSED("6704"),
    REFUSED("6708"),
    REFUSED("6721"),
    REFUSED("6722"),
    REFUSED("6727"),
    REFUSED("6730"),
    REFUSED("2020"),
    REFUSED("2021"),
    BUSY("6712"),
    BUSY("6713"),
    BUSY("6714"),
    BUSY("6715"),
    {"6728", CALL_REFUSED, ACTED_MAYBE, REPEAT_NEVER},
    UNAVAILABLE("6700"),
    UNAVAILABLE("6705"),
    UNAVAILABLE("6709"),
    UNAVAILABLE("6710"),
    UNAVAILABLE("6719"),
    UNAVAILABLE("6720"),
    {"6726", CALL_UNAVAILABLE, ACTED_NO, REPEAT_IF_SAFE},
    {NULL, CALL_INTERNAL, ACTED_MAYBE, REPEAT_IF_SAFE},
};
static const struct code_rule other_rule = {NULL, CALL_INTERNAL, ACTED_MAYBE, REPEAT_IF_SAFE};

/* --- what the result keeps of a reply --- */

/* A text cut to so many bytes, between two characters. */
static struct slice
bounded(struct slice text, size_t most)
{
    return text.length <= most ? text : slice_make(text.data, utf8_valid_prefix(slice_make(text.data, most)));
}

/* requestInfo echoes our request with its headers, and so our signature: it goes wherever it stands. Recursion is as
 * deep as the reply's JSON, whose depth its parse has bounded. */
static void
write_without_echo(struct json_writer *writer, const struct value *value)
{
    if (value->kind != VALUE_OBJECT && value->kind != VALUE_ARRAY) {
        json_value(writer, value);
        return;
    }
    json_open(writer, value->kind == VALUE_OBJECT ? '{' : '[');
    for (const struct value *child = value->first; child != NULL; child = child->next) {
        if (value->kind == VALUE_OBJECT && slice_is(child->name, "requestInfo")) {
            continue;
        }
        if (value->kind == VALUE_OBJECT) {
            json_name(writer, child->name);
        }
        write_without_echo(writer, child);
    }
    json_close(writer, value->kind == VALUE_OBJECT ? '}' : ']');
}

static struct slice
answer_json(const struct value *reply, struct arena *arena)
{
    struct json_writer writer;

    json_writer_init(&writer, arena, reply->raw.length);
    write_without_echo(&writer, reply);
    return json_finish(&writer);
}

/* --- what it means --- */

static struct slice
code_in(const struct value *object)
{
    return bounded(message_text(object, "code"), CODE_BYTES_MAX);
}

/* "200" beside "success": false, or around a data.code that is neither a number nor a string, contradicts itself. */
static bool
consistent(const struct value *reply, struct slice inner)
{
    const struct value *success = value_member(reply, "success");

    return success != NULL && success->kind == VALUE_BOOLEAN && success->boolean &&
           (!slice_empty(inner) || !message_has(value_member(reply, "data"), "code"));
}

/* The code that decides, and the sentence that belongs to it: dialOut's data wraps a second code. */
static const struct code_rule *
read_reply(const struct value *reply, const struct code_rule *overrides, struct vendor_answer *answer)
{
    const struct value *data = value_member(reply, "data");
    struct slice inner = code_in(data);
    const struct code_rule *rule;

    answer->vendor_code = code_in(reply);
    answer->vendor_message = bounded(message_text(reply, "message"), MESSAGE_BYTES_MAX);
    if (slice_is(answer->vendor_code, CODE_OK)) {
        if (!consistent(reply, inner)) {
            return &other_rule;
        }
        if (!slice_empty(inner) && !slice_is(inner, CODE_OK)) {
            answer->vendor_code = inner;
            if (message_has(data, "message")) {
                answer->vendor_message = bounded(message_text(data, "message"), MESSAGE_BYTES_MAX);
            }
        }
    }
    rule = code_rule_find(overrides, rules, answer->vendor_code);
    return rule == NULL ? &other_rule : rule;
}

/* HTTP can overrule the reply: a success under a status that is none, and whatever stands under a server's failure,
 * prove nothing. What the account's own table says of a code holds under any status. */
static const struct code_rule *
weigh_status(unsigned status, const struct code_rule *overrides, const struct code_rule *rule,
             struct vendor_answer *answer, struct arena *arena)
{
    bool refusal = rule->vendor_code != NULL && rule->code != CALL_OK;
    const struct code_rule *by_status;

    if ((status >= 200 && status < 300) || code_rule_find(overrides, NULL, answer->vendor_code) != NULL ||
        (status >= 400 && status < 500 && refusal)) {
        return rule;
    }
    if (slice_empty(answer->vendor_code) || slice_is(answer->vendor_code, CODE_OK)) {
        answer->vendor_code = arena_printf(arena, "http_%u", status);
    }
    by_status = code_rule_find(overrides, rules, arena_printf(arena, "http_%u", status));
    return by_status == NULL ? &other_rule : by_status;
}

void
sevenmoor_interpret(const struct interpretation *interpretation, struct vendor_answer *answer)
{
    const struct http_answer *http = interpretation->answer;
    const struct code_rule *rule = &other_rule;
    struct error error;
    const struct value *reply =
        slice_empty(http->body) ? NULL : json_parse(interpretation->arena, http->body, VALUE_LIMITS_DEFAULT, &error);

    *answer = (struct vendor_answer){0};
    if (reply != NULL && reply->kind == VALUE_OBJECT) {
        rule = read_reply(reply, interpretation->overrides, answer);
        answer->answer = answer_json(reply, interpretation->arena);
    }
    rule = weigh_status(http->status, interpretation->overrides, rule, answer, interpretation->arena);
    answer->code = rule->code;
    answer->acted = rule->acted;
    answer->repeat = rule->repeat;
    if (answer->repeat == REPEAT_AFTER_WINDOW && http->retry_after_ms > 0) {
        answer->wait_ms = http->retry_after_ms < WAIT_MS_MAX ? http->retry_after_ms : WAIT_MS_MAX;
    }
}

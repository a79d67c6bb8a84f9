/* What 7moor's answers to our requests mean: the document's error codes, and the shape of a reply. */
#include "adapters/message.h"
#include "adapters/reply.h"
#include "adapters/sevenmoor_calls.h"
#include "base/json_writer.h"

#define CODE_OK "200"

/* Section 4 of the document; http_<status> stands for answers without a code of theirs. What is not here may have been
 * carried out or not. 6728 is a warning that comes with or without the call. */
static const struct code_rule rules[] = {
    {CODE_OK, CALL_OK, ACTED_YES, REPEAT_NEVER},
    {"50010", CALL_LIMIT, ACTED_NO, REPEAT_AFTER_WINDOW},
    {"50020", CALL_LIMIT, ACTED_NO, REPEAT_AFTER_WINDOW},
    {"http_429", CALL_LIMIT, ACTED_NO, REPEAT_AFTER_WINDOW},
    {"50014", CALL_CREDENTIALS, ACTED_NO, REPEAT_FRESH},
    {"50002", CALL_CREDENTIALS, ACTED_NO, REPEAT_NEVER},
    {"50012", CALL_CREDENTIALS, ACTED_NO, REPEAT_NEVER},
    {"50013", CALL_CREDENTIALS, ACTED_NO, REPEAT_NEVER},
    {"50015", CALL_CREDENTIALS, ACTED_NO, REPEAT_NEVER},
    {"50016", CALL_CREDENTIALS, ACTED_NO, REPEAT_NEVER},
    {"50018", CALL_CREDENTIALS, ACTED_NO, REPEAT_NEVER},
    {"50019", CALL_CREDENTIALS, ACTED_NO, REPEAT_NEVER},
    {"6706", CALL_CREDENTIALS, ACTED_NO, REPEAT_NEVER},
    {"6717", CALL_CREDENTIALS, ACTED_NO, REPEAT_NEVER},
    {"6718", CALL_CREDENTIALS, ACTED_NO, REPEAT_NEVER},
    {"50001", CALL_INTERNAL, ACTED_NO, REPEAT_NEVER},
    {"50006", CALL_INTERNAL, ACTED_NO, REPEAT_NEVER},
    {"50008", CALL_INTERNAL, ACTED_NO, REPEAT_NEVER},
    {"50007", CALL_UNAVAILABLE, ACTED_MAYBE, REPEAT_IF_SAFE},
    {"50009", CALL_UNAVAILABLE, ACTED_MAYBE, REPEAT_IF_SAFE},
    {"40000", CALL_INVALID, ACTED_NO, REPEAT_NEVER},
    {"2017", CALL_INVALID, ACTED_NO, REPEAT_NEVER},
    {"6707", CALL_INVALID, ACTED_NO, REPEAT_NEVER},
    {"6711", CALL_INVALID, ACTED_NO, REPEAT_NEVER},
    {"6716", CALL_INVALID, ACTED_NO, REPEAT_NEVER},
    {"6723", CALL_INVALID, ACTED_NO, REPEAT_NEVER},
    {"6724", CALL_INVALID, ACTED_NO, REPEAT_NEVER},
    {"6725", CALL_INVALID, ACTED_NO, REPEAT_NEVER},
    {"6731", CALL_INVALID, ACTED_NO, REPEAT_NEVER},
    {"6732", CALL_INVALID, ACTED_NO, REPEAT_NEVER},
    {"6733", CALL_INVALID, ACTED_NO, REPEAT_NEVER},
    {"6734", CALL_INVALID, ACTED_NO, REPEAT_NEVER},
    {"6701", CALL_REFUSED, ACTED_NO, REPEAT_NEVER},
    {"6702", CALL_REFUSED, ACTED_NO, REPEAT_NEVER},
    {"6703", CALL_REFUSED, ACTED_NO, REPEAT_NEVER},
    {"6704", CALL_REFUSED, ACTED_NO, REPEAT_NEVER},
    {"6708", CALL_REFUSED, ACTED_NO, REPEAT_NEVER},
    {"6721", CALL_REFUSED, ACTED_NO, REPEAT_NEVER},
    {"6722", CALL_REFUSED, ACTED_NO, REPEAT_NEVER},
    {"6727", CALL_REFUSED, ACTED_NO, REPEAT_NEVER},
    {"6730", CALL_REFUSED, ACTED_NO, REPEAT_NEVER},
    {"2020", CALL_REFUSED, ACTED_NO, REPEAT_NEVER},
    {"2021", CALL_REFUSED, ACTED_NO, REPEAT_NEVER},
    {"6712", CALL_BUSY, ACTED_NO, REPEAT_NEVER},
    {"6713", CALL_BUSY, ACTED_NO, REPEAT_NEVER},
    {"6714", CALL_BUSY, ACTED_NO, REPEAT_NEVER},
    {"6715", CALL_BUSY, ACTED_NO, REPEAT_NEVER},
    {"6728", CALL_REFUSED, ACTED_MAYBE, REPEAT_NEVER},
    {"6700", CALL_UNAVAILABLE, ACTED_MAYBE, REPEAT_IF_SAFE},
    {"6705", CALL_UNAVAILABLE, ACTED_MAYBE, REPEAT_IF_SAFE},
    {"6709", CALL_UNAVAILABLE, ACTED_MAYBE, REPEAT_IF_SAFE},
    {"6710", CALL_UNAVAILABLE, ACTED_MAYBE, REPEAT_IF_SAFE},
    {"6719", CALL_UNAVAILABLE, ACTED_MAYBE, REPEAT_IF_SAFE},
    {"6720", CALL_UNAVAILABLE, ACTED_MAYBE, REPEAT_IF_SAFE},
    {"6726", CALL_UNAVAILABLE, ACTED_NO, REPEAT_IF_SAFE},
    {.vendor_code = NULL},
};

/* --- what the result keeps of a reply --- */

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

/* "200" beside "success": false, or around a data.code that is neither a number nor a string, contradicts itself. */
static bool
consistent(const struct value *reply, struct slice inner)
{
    const struct value *success = value_member(reply, "success");

    return success != NULL && success->kind == VALUE_BOOLEAN && success->boolean &&
           (!slice_empty(inner) || !message_has(value_member(reply, "data"), "code"));
}

/* The code that decides, with the sentence that belongs to it: dialOut's data wraps a second one. Empty: none does. */
static struct slice
deciding_code(const struct value *reply, struct vendor_answer *answer)
{
    const struct value *data = value_member(reply, "data");
    struct slice inner = reply_code(data);

    if (!slice_is(answer->vendor_code, CODE_OK)) {
        return answer->vendor_code;
    }
    if (!consistent(reply, inner)) {
        return slice_make(NULL, 0);
    }
    if (!slice_empty(inner) && !slice_is(inner, CODE_OK)) {
        answer->vendor_code = inner;
        if (message_has(data, "message")) {
            answer->vendor_message = reply_message(data);
        }
    }
    return answer->vendor_code;
}

void
sevenmoor_interpret(const struct interpretation *interpretation, struct vendor_answer *answer)
{
    const struct value *reply = reply_read(interpretation, answer);
    struct slice code = {NULL, 0};

    if (reply != NULL) {
        code = deciding_code(reply, answer);
        answer->answer = answer_json(reply, interpretation->arena);
    }
    reply_decide(interpretation, rules, code, answer);
}

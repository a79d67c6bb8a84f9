/* How Airudder (赛舵) is called: the token, and one operation that passes a request of the producer's own through. Its
 * document describes the calls only in part, so that one is experimental, and never repeated. */
#include "adapters/airudder.h"

#include "adapters/composer.h"
#include "adapters/message.h"
#include "adapters/reply.h"
#include "base/json_writer.h"

#define TOKEN_SECONDS  INT64_C(86400)
#define TOKEN_AHEAD_MS (INT64_C(3600) * 1000)
#define PATH_BYTES_MAX 1024 /* with its query */
#define CONCURRENCY    4

enum { SETTING_APP_KEY, SETTING_APP_SECRET };
static const struct adapter_setting account_settings[] = {
    [SETTING_APP_KEY] = {"app_key", NULL, false, "APPKey of the account"},
    [SETTING_APP_SECRET] = {"app_secret", NULL, true, "APPSecret that belongs to it"},
    {0},
};

/* The codes in the body are HTTP's numbers, and HTTP's status may say the same. */
static const struct code_rule rules[] = {
    {"200", CALL_OK, ACTED_YES, REPEAT_NEVER},
    {"401", CALL_CREDENTIALS, ACTED_NO, REPEAT_FRESH_TOKEN},
    {"403", CALL_CREDENTIALS, ACTED_NO, REPEAT_NEVER},
    {"429", CALL_LIMIT, ACTED_NO, REPEAT_AFTER_WINDOW},
    {"http_401", CALL_CREDENTIALS, ACTED_NO, REPEAT_FRESH_TOKEN},
    {"http_403", CALL_CREDENTIALS, ACTED_NO, REPEAT_NEVER},
    {"http_429", CALL_LIMIT, ACTED_NO, REPEAT_AFTER_WINDOW},
    {0},
};

/* What may be asked for. */
enum query_use {
    QUERY_NONE,
    QUERY_ANY,
    QUERY_TASK_ID, /* exactly this one, and it must be there */
};
static const struct endpoint {
    const char *path;
    bool get;
    enum query_use query;
} endpoints[] = {
    {"/service/cloud/task", false, QUERY_NONE},
    {"/service/cloud/operation", false, QUERY_NONE},
    {"/service/cloud/cancelphonecall", false, QUERY_NONE},
    {"/service/cloud/list", true, QUERY_ANY},
    {"/service/cloud/detail", true, QUERY_TASK_ID},
    {"/service/cloud/recording", true, QUERY_ANY},
    {"/service/cloud/case", true, QUERY_ANY},
    {"/service/cloud/workflow/taskdetail", false, QUERY_NONE},
    {NULL, false, QUERY_NONE},
};

/* --- composing --- */

static bool
compose_token(const struct operation *operation, const struct composition_input *input, struct composition *composition,
              struct error *error)
{
    struct composer composer;

    composer_init(&composer, operation, NULL, input->arena, error);
    json_name(&composer.writer, slice_from("APPKey"));
    json_string(&composer.writer, input->settings[SETTING_APP_KEY]);
    json_name(&composer.writer, slice_from("APPSecret"));
    json_string(&composer.writer, input->settings[SETTING_APP_SECRET]);
    return composer_finish(&composer, composition);
}

/* The part before '?'; query gets what stands behind it, its data NULL when there is no '?'. */
static struct slice
split_path(struct slice path, struct slice *query)
{
    const char *mark = slice_empty(path) ? NULL : memchr(path.data, '?', path.length);

    *query = (struct slice){0};
    if (mark == NULL) {
        return path;
    }
    *query = slice_make(mark + 1, path.length - (size_t)(mark - path.data) - 1);
    return slice_make(path.data, (size_t)(mark - path.data));
}

static const struct endpoint *
find_endpoint(struct slice path)
{
    for (const struct endpoint *endpoint = endpoints; endpoint->path != NULL; endpoint++) {
        if (slice_is(path, endpoint->path)) {
            return endpoint;
        }
    }
    return NULL;
}

/* RFC 3986's unreserved characters, escapes, and what holds a query together. */
static bool
is_query_byte(char byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte != '\0' && strchr("-._~%=&+:,", byte) != NULL);
}

static bool
check_query(struct composer *composer, const struct endpoint *endpoint, struct slice query)
{
    static const struct slice task_id = SLICE("TaskID=");
    bool of_task = query.length > task_id.length && memcmp(query.data, task_id.data, task_id.length) == 0 &&
                   memchr(query.data, '&', query.length) == NULL;

    if (endpoint->query == QUERY_NONE && query.data != NULL) {
        return composer_refuse(composer, "path", "%s takes no query; what it asks for goes into data.body",
                               endpoint->path);
    }
    if (endpoint->query == QUERY_TASK_ID && !of_task) {
        return composer_refuse(composer, "path", "%s needs the query ?TaskID=<id>, and that alone", endpoint->path);
    }
    for (size_t i = 0; i < query.length; i++) {
        if (!is_query_byte(query.data[i])) {
            return composer_refuse(composer, "path", "byte %zu of the query may not stand there as it is; write %%XX",
                                   i + 1);
        }
    }
    return true;
}

/* NULL when it is none that we know, or is asked wrongly. */
static const struct endpoint *
check_path(struct composer *composer)
{
    struct slice query;
    struct slice path = split_path(composer_text(composer, "path"), &query);
    const struct endpoint *endpoint = find_endpoint(path);

    if (endpoint == NULL) {
        (void)composer_refuse(composer, "path",
                              "must be one of /service/cloud/ task, operation, cancelphonecall, list, detail, "
                              "recording, case, workflow/taskdetail");
        return NULL;
    }
    if (!check_query(composer, endpoint, query)) {
        return NULL;
    }
    if (endpoint->get && composer_member(composer, "body") != NULL) {
        (void)composer_refuse(composer, "body", "%s is asked with GET and takes none; leave it out", endpoint->path);
        return NULL;
    }
    return endpoint;
}

static struct slice
compose_body(const struct value *given, struct arena *arena)
{
    struct json_writer writer;

    if (given == NULL) {
        return slice_from("{}");
    }
    json_writer_init(&writer, arena, given->raw.length + given->text.length + 16);
    composer_write_compact(&writer, given);
    return json_finish(&writer);
}

static const struct member_rule request_rules[] = {
    {.name = "path", .kind = MEMBER_TEXT, .required = true, .most = PATH_BYTES_MAX},
    {.name = "body", .kind = MEMBER_ANY},
    {0},
};

static bool
compose_request(const struct operation *operation, const struct composition_input *input,
                struct composition *composition, struct error *error)
{
    const struct endpoint *endpoint;
    struct composer composer;

    composer_init(&composer, operation, input->commands[0], input->arena, error);
    if (!composer_check(&composer, request_rules, NULL)) {
        return false;
    }
    endpoint = check_path(&composer);
    if (endpoint == NULL) {
        return false;
    }
    composition->path = composer_text(&composer, "path");
    composition->get = endpoint->get;
    composition->body = (struct slice){0};
    if (!endpoint->get) {
        composition->body = compose_body(composer_member(&composer, "body"), input->arena);
    }
    return !arena_failed(input->arena) || error_set(error, "no memory left to compose the request");
}

/* --- signing --- */

static void
add_header(struct vendor_request *request, struct slice name, struct slice value)
{
    request->header_names[request->header_count] = name;
    request->header_values[request->header_count] = value;
    request->header_count++;
}

static bool
sign(const struct signing *signing, struct vendor_request *request)
{
    const struct composition *composition = signing->composition;

    *request = (struct vendor_request){
        .method = slice_from(composition->get ? "GET" : "POST"),
        .path = composition->path,
        .body = composition->body,
    };
    if (!composition->get) {
        add_header(request, slice_from("content-type"), slice_from("application/json"));
    }
    if (!slice_empty(signing->token)) {
        add_header(request, slice_from("authorization"),
                   arena_printf(signing->arena, "Token %.*s", SLICE_ARGS(signing->token)));
    }
    return !arena_failed(signing->arena);
}

/* --- interpreting --- */

static void
read_token(const struct value *data, struct vendor_answer *answer)
{
    answer->token = reply_token(value_member(data, "token"));
    answer->vendor_message = (struct slice){0}; /* it stands beside a secret, and may repeat it */
    if (slice_empty(answer->token)) {
        reply_unusable(answer);
        return;
    }
    answer->token_seconds = TOKEN_SECONDS; /* no member tells it */
}

/* An answer without a code that has the status OK says 200. */
static struct slice
code_of(const struct value *message)
{
    bool ok = !message_has(message, "code") && slice_is(message_text(message, "status"), "OK");

    return ok ? slice_from("200") : message_text(message, "code");
}

static void
interpret(const struct interpretation *interpretation, struct vendor_answer *answer)
{
    const struct value *message = reply_read(interpretation, answer);
    bool token = reply_is_token(interpretation);

    if (token) {
        answer->answer = (struct slice){0};
    }
    reply_decide(interpretation, rules, code_of(message), answer);
    if (answer->code == CALL_CREDENTIALS) { /* what it says may name the token that was wrong */
        answer->answer = (struct slice){0};
    }
    if (token && answer->code == CALL_OK) {
        read_token(value_member(message, "data"), answer);
    }
}

/* --- */

static const struct operation operations[] = {
    {"airudder.request", "service/cloud", "/service/cloud/", false, false, 1, compose_request, NULL},
    {0},
};

static const struct operation token_operation = {
    "", "auth", "/service/cloud/auth", true, false, 1, compose_token, NULL,
};

const struct call_side airudder_calls = {
    .base_url = "https://api.airudder.com",
    .account_settings = account_settings,
    .limits = {.concurrency = CONCURRENCY},
    .operations = operations,
    .token_operation = &token_operation,
    .token_ahead_ms = TOKEN_AHEAD_MS,
    .sign = sign,
    .interpret = interpret,
    .identity_setting = SETTING_APP_KEY,
};

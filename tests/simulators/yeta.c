/* yeta's API (讯飞), Part 1 of its document: tokens, resources, tasks, failed pushes. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/digest.h"
#include "base/json_writer.h"
#include "simulators/members.h"
#include "simulators/vendor.h"
#include "simulators/yeta_tasks.h"

#define TOKENS_MAX  64 /* at a time; a further one makes the oldest void */
#define TOKEN_BYTES 33

struct token {
    char text[TOKEN_BYTES]; /* empty: void */
    int64_t until_ns;       /* monotonic */
};

struct yeta {
    struct vendor_context context;
    struct token tokens[TOKENS_MAX];
    size_t issued;
    struct tasks *tasks;
};

static const struct {
    unsigned code;
    const char *message;
} messages[] = {
    {10001, "无效的token请求"},
    {10002, "该token无请求权限"},
    {10004, "服务忙,请稍后再试"},
    {10005, "输入参数不正确"},
    {10020, "接口维护"},
    {10021, "接口停用"},
    {200101, "账号或密码错误"},
    {200200, "错误的数据关系"},
    {200202, "错误的任务id"},
    {200203, "错误的外呼号码"},
    {200206, "错误的语速"},
    {200209, "余额不足"},
    {200212, "错误的数据,与话术动态信息不匹配"},
    {200213, "上传的外呼数据量超过限制"},
    {200222, "非有效工作时间段"},
    {3010101, "任务已经完成"},
    {3010102, "任务已经删除"},
    {3030002, "号码被占用"},
};

static void *
yeta_open(const struct vendor_context *context)
{
    struct yeta *yeta = calloc(1, sizeof(*yeta));

    if (yeta != NULL) {
        yeta->context = *context;
        yeta->tasks = tasks_new(context);
    }
    if (yeta != NULL && yeta->tasks == NULL) {
        free(yeta);
        yeta = NULL;
    }
    return yeta;
}

static void
yeta_close(void *state)
{
    struct yeta *yeta = state;

    tasks_free(yeta->tasks);
    free(yeta);
}

/* --- tokens (一) --- */

static void
yeta_revoke(void *state)
{
    struct yeta *yeta = state;

    memset(yeta->tokens, 0, sizeof(yeta->tokens));
}

static bool
token_valid(const struct yeta *yeta, const struct vendor_call *call)
{
    struct slice given = request_parameter(call->request, "token");

    for (size_t i = 0; i < TOKENS_MAX; i++) {
        const struct token *token = &yeta->tokens[i];

        if (secret_equal(given, slice_from(token->text)) && call->monotonic_ns < token->until_ns) {
            return true;
        }
    }
    return false;
}

static unsigned
issue_token(struct yeta *yeta, const struct vendor_call *call, struct json_writer *writer, const char **what)
{
    const struct simulator_options *options = yeta->context.options;
    struct token *token;

    *what = "app_key or app_secret";
    if (!slice_is(string_of(call->body, "app_key"), options->key) ||
        !secret_equal(string_of(call->body, "app_secret"), slice_from(options->secret))) {
        return 200101;
    }
    if (options->single_token) {
        yeta_revoke(yeta);
    }
    token = &yeta->tokens[yeta->issued++ % TOKENS_MAX];
    (void)snprintf(token->text, sizeof(token->text), "%016" PRIx64 "%016" PRIx64, chance_draw(yeta->context.chance),
                   chance_draw(yeta->context.chance));
    token->until_ns = call->monotonic_ns + (int64_t)options->token_seconds * 1000000000;
    member_open(writer, "result", '{');
    member_text(writer, "token", token->text);
    member_integer(writer, "time_expire", options->token_seconds);
    json_close(writer, '}');
    return 0;
}

/* --- resources (二) --- */

static void
write_lines(struct json_writer *writer)
{
    member_open(writer, "lines", '[');
    json_open(writer, '{');
    member_text(writer, "line_num", "055169101407");
    member_integer(writer, "concurrents", 10);
    member_open(writer, "time_work", '[');
    json_string(writer, (struct slice)SLICE("09:00:00-12:00:00"));
    json_close(writer, ']');
    member_integer(writer, "status", 1);
    member_integer(writer, "time_apply", 1527321492000);
    member_integer(writer, "time_expire", 2592000);
    json_close(writer, '}');
    json_close(writer, ']');
}

static void
write_robots(struct json_writer *writer)
{
    member_open(writer, "robots", '[');
    json_open(writer, '{');
    member_text(writer, "robot_id", "719");
    member_text(writer, "robot_name", "金融");
    member_open(writer, "call_column", '[');
    json_string(writer, (struct slice)SLICE("客户手机号码"));
    json_string(writer, (struct slice)SLICE("姓名"));
    json_close(writer, ']');
    member_integer(writer, "status", 4);
    member_integer(writer, "type", 1);
    member_integer(writer, "deleted", 0);
    json_close(writer, '}');
    json_close(writer, ']');
}

static void
write_pair(struct json_writer *writer, const char *list, const char *const pair[4])
{
    member_open(writer, list, '[');
    json_open(writer, '{');
    member_text(writer, pair[0], pair[1]);
    member_text(writer, pair[2], pair[3]);
    json_close(writer, '}');
    json_close(writer, ']');
}

static unsigned
query_resources(struct yeta *yeta, const struct vendor_call *call, struct json_writer *writer, const char **what)
{
    static const char *const url[] = {"url", "http://your-service.url/receiveCallRecord", "url_module",
                                      "receiveCallRecord"};
    static const char *const voice[] = {"voice_code", "60020", "voice_name", "春春"};
    const struct value *type = value_member(call->body, "type");
    char kind = type == NULL ? '0' : *type->text.data;

    (void)yeta;
    *what = "type";
    if (type != NULL && (type->kind != VALUE_NUMBER || type->text.length != 1 || kind > '4')) {
        return 10005;
    }
    member_open(writer, "result", '{');
    if (kind == '0' || kind == '1') {
        write_robots(writer);
    }
    if (kind == '0' || kind == '2') {
        write_lines(writer);
    }
    if (kind == '0' || kind == '3') {
        write_pair(writer, "urls", url);
    }
    if (kind == '0' || kind == '4') {
        write_pair(writer, "voices", voice);
    }
    json_close(writer, '}');
    return 0;
}

/* --- failed pushes (十) --- */

static unsigned
query_failed_pushes(struct yeta *yeta, const struct vendor_call *call, struct json_writer *writer, const char **what)
{
    struct slice date = string_of(call->body, "date");

    (void)yeta;
    *what = "date";
    if (value_member(call->body, "date") != NULL && (date.length != 10 || date.data[4] != '-' || date.data[7] != '-')) {
        return 10005;
    }
    member_open(writer, "result", '{');
    member_open(writer, "url", '[');
    if (!slice_empty(date)) {
        json_string(writer,
                    arena_printf(call->arena, "4267/%.*s/0806090407040D0F0F020F060B080E09.zip", SLICE_ARGS(date)));
    }
    json_close(writer, ']');
    json_close(writer, '}');
    return 0;
}

/* --- the interfaces --- */

#define TASKS_OPERATION(name)                                                                                          \
    static unsigned run_##name(struct yeta *yeta, const struct vendor_call *call, struct json_writer *writer,          \
                               const char **what)                                                                      \
    {                                                                                                                  \
        return tasks_##name(yeta->tasks, call, writer, what);                                                          \
    }

TASKS_OPERATION(callout)
TASKS_OPERATION(create)
TASKS_OPERATION(insert)
TASKS_OPERATION(start)
TASKS_OPERATION(pause)
TASKS_OPERATION(delete)
TASKS_OPERATION(query)

static const struct operation {
    const char *path;
    bool open; /* needs no token */
    unsigned (*run)(struct yeta *yeta, const struct vendor_call *call, struct json_writer *writer, const char **what);
    const char *members[12]; /* what its body may have */
} operations[] = {
    {"/openapi/oauth/v1/token", true, issue_token, {"app_key", "app_secret"}},
    {"/openapi/config/v1/query", false, query_resources, {"type"}},
    {"/openapi/outbound/v1/task/callout",
     false,
     run_callout,
     {"robot_id", "line_num", "call_column", "call_list", "voice_code", "robot_speed"}},
    {"/openapi/outbound/v1/task/create",
     false,
     run_create,
     {"task_name", "line_num", "robot_id", "recall_count", "time_recall_wait", "time_range", "time_begin", "time_end",
      "voice_code", "trubo_mode"}},
    {"/openapi/outbound/v1/task/insert", false, run_insert, {"task_id", "call_column", "call_list"}},
    {"/openapi/outbound/v1/task/start", false, run_start, {"task_id"}},
    {"/openapi/outbound/v1/task/pause", false, run_pause, {"task_id"}},
    {"/openapi/outbound/v1/task/delete", false, run_delete, {"task_id"}},
    {"/openapi/outbound/v1/task/query",
     false,
     run_query,
     {"task_id", "time_begin", "time_end", "task_name", "task_status_list", "page_size", "page_index", "sort_name",
      "sort_order"}},
    {"/openapi/download/v1/push/failed", false, query_failed_pushes, {"date"}},
};

static const struct operation *
operation_find(struct slice path)
{
    for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
        if (slice_is(path, operations[i].path)) {
            return &operations[i];
        }
    }
    return NULL;
}

/* A member that the document does not have is taken for a misspelt one. */
static bool
members_known(const struct operation *operation, const struct value *body)
{
    for (const struct value *member = body->first; member != NULL; member = member->next) {
        const char *const *name = operation->members;

        while (*name != NULL && !slice_is(member->name, *name)) {
            name++;
        }
        if (*name == NULL) {
            return false;
        }
    }
    return true;
}

static void
write_fault(const struct vendor_call *call, const char *code, const char *what, struct vendor_reply *reply)
{
    const char *message = "simulated";
    struct json_writer writer;

    for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
        if ((unsigned long)messages[i].code == strtoul(code, NULL, 10)) {
            message = messages[i].message;
        }
    }
    json_writer_init(&writer, call->arena, 256);
    json_open(&writer, '{');
    if (strspn(code, "0123456789") == strlen(code)) {
        member_raw(&writer, "code", slice_from(code));
    } else {
        member_text(&writer, "code", code);
    }
    member_slice(&writer, "message",
                 arena_printf(call->arena, "%s%s%s", message, what == NULL ? "" : ": ", what == NULL ? "" : what));
    json_close(&writer, '}');
    reply->body = json_finish(&writer);
    reply->code = arena_copy(call->arena, slice_from(code));
    reply->acted = false;
}

static unsigned
carry_out(struct yeta *yeta, const struct vendor_call *call, struct json_writer *writer, const char **what)
{
    const struct operation *operation = operation_find(call->request->path);

    *what = "no such interface";
    if (operation == NULL || !slice_is(call->request->method, "POST")) {
        return 10021;
    }
    *what = NULL;
    if (!operation->open && !token_valid(yeta, call)) {
        return 10001;
    }
    *what = "the body is no JSON object, or has a member that is not documented";
    if (call->body == NULL || !members_known(operation, call->body)) {
        return 10005;
    }
    return operation->run(yeta, call, writer, what);
}

static void
yeta_answer(void *state, const struct vendor_call *call, struct vendor_reply *reply)
{
    struct json_writer writer;
    const char *what = NULL;
    unsigned fault;

    json_writer_init(&writer, call->arena, 1024);
    json_open(&writer, '{');
    member_integer(&writer, "code", 0);
    member_text(&writer, "message", "ok");
    fault = carry_out(state, call, &writer, &what);
    if (fault != 0) {
        write_fault(call, arena_printf(call->arena, "%u", fault).data, what, reply);
        return;
    }
    json_close(&writer, '}');
    reply->body = json_finish(&writer);
    reply->code = (struct slice)SLICE("0");
    reply->acted = true;
}

static void
yeta_fail(void *state, const struct vendor_call *call, const char *code, struct vendor_reply *reply)
{
    (void)state;
    write_fault(call, code, NULL, reply);
}

static void
yeta_write_state(const void *state, struct json_writer *writer)
{
    const struct yeta *yeta = state;

    member_integer(writer, "tokens_issued", (int64_t)yeta->issued);
    member_integer(writer, "tasks", (int64_t)tasks_count(yeta->tasks));
    member_integer(writer, "rows", (int64_t)tasks_rows(yeta->tasks));
}

const struct vendor vendor_yeta = {
    .window_code = "10004",
    .open = yeta_open,
    .close = yeta_close,
    .answer = yeta_answer,
    .fail = yeta_fail,
    .revoke = yeta_revoke,
    .write_state = yeta_write_state,
};

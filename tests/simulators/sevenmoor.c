/* 7moor's API (容联七陌 v7): the checks of its gateway, its operations' rules, and its answers. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/digest.h"
#include "base/json_writer.h"
#include "simulators/members.h"
#include "simulators/recent.h"
#include "simulators/sevenmoor_dials.h"
#include "simulators/sevenmoor_operations.h"
#include "simulators/vendor.h"

#define VALID_SECONDS 300
#define NONCE_DIGITS  6
#define SIGNED_BYTES  256

struct sevenmoor {
    struct vendor_context context;
    struct recent signs; /* sign and nonce of the last five minutes */
    struct dials *dials;
    uint64_t requests; /* for their ids */
};

/* What goes wrong, and what is said then. */
struct fault {
    const char *code;
    struct slice what; /* which member or header; empty: nothing more to say */
};

static const struct {
    const char *code, *message;
} messages[] = {
    {"6706", "no found accountId"},
    {"6707", "no found agentNumber"},
    {"6711", "agent loginType must in PSTN,SIP,WEBRTC"},
    {"6717", "account no found"},
    {"6724", "dialOut rule must in 1,2"},
    {"6725", "dialOut extras beyond"},
    {"6733", "startTime and endTime must need"},
    {"6734", "startTime or endTime format error"},
    {"40000", "param error"},
    {"50001", "route not found"},
    {"50002", "auth failed"},
    {"50010", "limit error"},
    {"50012", "headers appkey error"},
    {"50013", "headers timestamp error"},
    {"50014", "headers timestamp overtime"},
    {"50015", "headers sign error"},
    {"50016", "headers nonce error"},
    {"50019", "timestamp timeout"},
    {"50020", "account route limited"},
};

static void *
sevenmoor_open(const struct vendor_context *context)
{
    struct sevenmoor *sevenmoor = calloc(1, sizeof(*sevenmoor));

    if (sevenmoor != NULL) {
        sevenmoor->context = *context;
        sevenmoor->dials = dials_new(context);
    }
    if (sevenmoor != NULL && sevenmoor->dials == NULL) {
        free(sevenmoor);
        sevenmoor = NULL;
    }
    return sevenmoor;
}

static void
sevenmoor_close(void *state)
{
    struct sevenmoor *sevenmoor = state;

    recent_free(&sevenmoor->signs);
    dials_free(sevenmoor->dials);
    free(sevenmoor);
}

/* --- the gateway's checks --- */

static bool
all_digits(struct slice text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }
    }
    return true;
}

static const char *
check_timestamp(const struct vendor_call *call, struct slice timestamp)
{
    int64_t seconds;

    if (slice_empty(timestamp)) {
        return "50013";
    }
    if (timestamp.length != 10 || !all_digits(timestamp)) {
        return "50019";
    }
    seconds = strtoll(timestamp.data, NULL, 10);
    return llabs(call->wall_ns / 1000000000 - seconds) > VALID_SECONDS ? "50014" : NULL;
}

static bool
sign_fits(const struct sevenmoor *sevenmoor, struct slice timestamp, struct slice nonce, struct slice sign)
{
    const char *key = sevenmoor->context.options->key;
    unsigned char mac[HMAC_SHA256_BYTES];
    char base64[BASE64_TEXT_BYTES(HMAC_SHA256_BYTES) + 1];
    char text[SIGNED_BYTES];
    int length = snprintf(text, sizeof(text), "%s%.*s%.*s", key, SLICE_ARGS(timestamp), SLICE_ARGS(nonce));

    return length > 0 && (size_t)length < sizeof(text) &&
           digest_hmac_sha256(slice_from(sevenmoor->context.options->secret), slice_make(text, (size_t)length), mac) &&
           secret_equal(sign, slice_make(base64, base64_encode(mac, sizeof(mac), base64)));
}

/* FNV-1a: two that collide by chance are as unlikely as nothing else here. */
static uint64_t
mark_of(struct slice sign, struct slice nonce)
{
    uint64_t mark = 0xcbf29ce484222325u;

    for (size_t i = 0; i < sign.length + nonce.length; i++) {
        char byte = i < sign.length ? sign.data[i] : nonce.data[i - sign.length];

        mark = (mark ^ (unsigned char)byte) * 0x100000001b3u;
    }
    return mark;
}

/* A sign with its nonce is good once in five minutes. */
static bool
sign_is_fresh(struct sevenmoor *sevenmoor, const struct vendor_call *call, struct slice sign, struct slice nonce)
{
    uint64_t mark = mark_of(sign, nonce);

    recent_forget(&sevenmoor->signs, call->monotonic_ns - (int64_t)VALID_SECONDS * 1000000000);
    return !recent_has(&sevenmoor->signs, mark) && recent_add(&sevenmoor->signs, call->monotonic_ns, mark);
}

static const char *
check_headers(struct sevenmoor *sevenmoor, const struct vendor_call *call)
{
    struct slice key = request_header(call->request, "m7-appkey");
    struct slice timestamp = request_header(call->request, "m7-timestamp");
    struct slice nonce = request_header(call->request, "m7-nonce");
    struct slice sign = request_header(call->request, "m7-sign");
    const char *fault;

    if (slice_empty(key)) {
        return "50012";
    }
    fault = check_timestamp(call, timestamp);
    if (fault != NULL) {
        return fault;
    }
    if (nonce.length != NONCE_DIGITS || !all_digits(nonce)) {
        return "50016";
    }
    if (slice_empty(sign)) {
        return "50015";
    }
    if (!slice_is(key, sevenmoor->context.options->key)) {
        return "6717";
    }
    if (!sign_fits(sevenmoor, timestamp, nonce, sign)) {
        return "50002";
    }
    return sign_is_fresh(sevenmoor, call, sign, nonce) ? NULL : "50016";
}

/* --- the operations' rules --- */

static const char *
find_fault(struct sevenmoor *sevenmoor, const struct vendor_call *call, const struct sevenmoor_operation *operation,
           struct slice *what)
{
    const char *fault = check_headers(sevenmoor, call);

    *what = (struct slice){"", 0};
    if (fault != NULL) {
        return fault;
    }
    if (operation == NULL || !slice_is(call->request->method, "POST")) {
        return "50001";
    }
    if (call->body == NULL) {
        *what = (struct slice)SLICE("the body is no JSON object");
        return "40000";
    }
    return sevenmoor_body_fault(operation, call->body, what);
}

/* --- answers --- */

/* It echoes the whole request, signature and all, which no result may carry on. */
static void
write_request_info(struct sevenmoor *sevenmoor, const struct vendor_call *call, struct slice id,
                   struct json_writer *writer)
{
    int64_t now_ms = call->wall_ns / 1000000;

    member_open(writer, "requestInfo", '{');
    member_slice(writer, "requestId", id);
    member_slice(writer, "url", call->request->path);
    json_name(writer, slice_from("proxyUrl"));
    json_string(writer, arena_printf(call->arena, "http://v7-call/call%.*s", SLICE_ARGS(call->request->path)));
    if (call->body != NULL) {
        json_name(writer, slice_from("body"));
        json_value(writer, call->body);
    }
    member_open(writer, "headers", '{');
    member_slice(writer, "m7-appkey", request_header(call->request, "m7-appkey"));
    member_slice(writer, "m7-nonce", request_header(call->request, "m7-nonce"));
    member_slice(writer, "m7-sign", request_header(call->request, "m7-sign"));
    member_slice(writer, "m7-timestamp", request_header(call->request, "m7-timestamp"));
    member_slice(writer, "content-type", request_header(call->request, "content-type"));
    member_slice(writer, "traceId", id);
    member_text(writer, "accountId", sevenmoor->context.options->key);
    json_close(writer, '}');
    member_open(writer, "span", '{');
    member_integer(writer, "requestStartTime", now_ms);
    member_integer(writer, "proxyStartTime", now_ms + 1);
    member_integer(writer, "proxyEndTime", now_ms + 2);
    member_integer(writer, "reqEndTime", now_ms + 2);
    member_text(writer, "bizSpan", "1ms");
    member_text(writer, "latency", "1ms");
    json_close(writer, '}');
    json_close(writer, '}');
}

static struct slice
request_id(struct sevenmoor *sevenmoor, struct arena *arena)
{
    return arena_printf(arena, "%016" PRIx64 "%016" PRIx64, chance_draw(sevenmoor->context.chance),
                        ++sevenmoor->requests);
}

/* What the call server behind the gateway says. */
static void
write_call_data(const struct vendor_call *call, bool webcall, struct slice id, struct json_writer *writer)
{
    struct slice action = string_of(call->body, "actionId");

    member_open(writer, "data", '{');
    member_integer(writer, "code", 200);
    member_text(writer, "startTime", "2020-12-29 15:50:32.436");
    member_text(writer, "endTime", "2020-12-29 15:50:32.492");
    member_text(writer, "timezone", "UTC+8");
    member_text(writer, "version", "2020102501");
    member_open(writer, "request", '{');
    member_slice(writer, "requestId", webcall || slice_empty(action) ? id : action);
    json_close(writer, '}');
    member_open(writer, "response", '{');
    member_open(writer, "data", '{');
    member_text(writer, "mediaServer", "172.17.15.47:11100");
    json_close(writer, '}');
    member_text(writer, "message", "call-api-server-ok");
    json_close(writer, '}');
    member_text(writer, "message", "call-api-server-ok");
    if (webcall) {
        member_slice(writer, "actionId", id);
    }
    json_close(writer, '}');
}

static uint64_t
number_of(const struct value *body, const char *name, uint64_t fallback)
{
    const struct value *value = value_member(body, name);

    return value == NULL ? fallback : strtoull(value->text.data, NULL, 10);
}

static void
write_records(struct sevenmoor *sevenmoor, const struct vendor_call *call, struct json_writer *writer)
{
    uint64_t page = number_of(call->body, "page", 1);
    struct dial_query query = {
        .call = string_of(call->body, "uniqueId"),
        .agent = string_of(call->body, "agentNumber"),
        .from = string_of(call->body, "startTime"),
        .to = string_of(call->body, "endTime"),
        .most = number_of(call->body, "pageSize", SEVENMOOR_PAGE_MAX),
    };

    query.skip = page == 0 || page > SEVENMOOR_PAGE_MAX ? 0 : (page - 1) * query.most;
    member_open(writer, "data", '{');
    dials_write(sevenmoor->dials, &query, writer);
    json_close(writer, '}');
}

static void
begin_reply(struct json_writer *writer, struct arena *arena, bool success, const char *code, struct slice message)
{
    json_writer_init(writer, arena, 2048);
    json_open(writer, '{');
    member_boolean(writer, "success", success);
    member_text(writer, "code", code);
    member_slice(writer, "message", message);
}

static void
finish_reply(struct json_writer *writer, const char *code, struct vendor_reply *reply)
{
    json_close(writer, '}');
    reply->body = json_finish(writer);
    reply->code = slice_from(code);
}

static void
write_fault(struct sevenmoor *sevenmoor, const struct vendor_call *call, struct fault fault, struct vendor_reply *reply)
{
    struct slice message = SLICE("simulated");
    struct json_writer writer;

    for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
        if (strcmp(messages[i].code, fault.code) == 0) {
            message = slice_from(messages[i].message);
        }
    }
    if (!slice_empty(fault.what)) {
        message = arena_printf(call->arena, "%.*s: %.*s", SLICE_ARGS(message), SLICE_ARGS(fault.what));
    }
    begin_reply(&writer, call->arena, false, fault.code, message);
    write_request_info(sevenmoor, call, request_id(sevenmoor, call->arena), &writer);
    finish_reply(&writer, arena_printf(call->arena, "%s", fault.code).data, reply);
    reply->acted = false;
}

static void
write_success(struct sevenmoor *sevenmoor, const struct vendor_call *call, const struct sevenmoor_operation *operation,
              struct vendor_reply *reply)
{
    struct slice id = request_id(sevenmoor, call->arena);
    struct slice action = string_of(call->body, "actionId");
    struct json_writer writer;

    begin_reply(&writer, call->arena, true, "200", (struct slice)SLICE("requestSuccess"));
    if (operation->data == REPLY_TEXT) {
        member_text(&writer, "data", operation->text);
    } else if (operation->data == REPLY_CALL || operation->data == REPLY_WEBCALL) {
        write_call_data(call, operation->data == REPLY_WEBCALL, id, &writer);
    } else if (operation->data == REPLY_RECORDS) {
        write_records(sevenmoor, call, &writer);
    }
    write_request_info(sevenmoor, call, id, &writer);
    if (operation->data == REPLY_CALL && !slice_empty(action)) {
        member_slice(&writer, "actionId", action);
    }
    finish_reply(&writer, "200", reply);
    reply->acted = true;
}

static void
begin_call(struct sevenmoor *sevenmoor, const struct vendor_call *call, const struct sevenmoor_operation *operation)
{
    bool webcall = strcmp(operation->section, "2.14") == 0;
    struct dial_order order = {
        .agent = string_of(call->body, "agentNumber"),
        .customer = string_of(call->body, webcall ? "callerNumber" : "calleeNumber"),
        .display_number = string_of(call->body, webcall ? "callerDisplayNumber" : "calleeCallerNumber"),
        .extras = value_member(call->body, "extras"),
        .call_type = webcall ? "webcall" : "dialout",
    };

    if (webcall || strcmp(operation->section, "2.1") == 0) {
        dials_begin(sevenmoor->dials, call, &order);
    }
}

static void
sevenmoor_answer(void *state, const struct vendor_call *call, struct vendor_reply *reply)
{
    struct sevenmoor *sevenmoor = state;
    const struct sevenmoor_operation *operation = sevenmoor_operation_find(call->request->path);
    struct fault fault;

    fault.code = find_fault(sevenmoor, call, operation, &fault.what);
    if (fault.code != NULL) {
        write_fault(sevenmoor, call, fault, reply);
        return;
    }
    begin_call(sevenmoor, call, operation);
    write_success(sevenmoor, call, operation, reply);
}

static void
sevenmoor_fail(void *state, const struct vendor_call *call, const char *code, struct vendor_reply *reply)
{
    write_fault(state, call, (struct fault){code, {"", 0}}, reply);
}

static void
sevenmoor_write_state(const void *state, struct json_writer *writer)
{
    const struct sevenmoor *sevenmoor = state;

    member_integer(writer, "dials", (int64_t)dials_count(sevenmoor->dials));
}

const struct vendor vendor_sevenmoor = {
    .window_code = "50010",
    .open = sevenmoor_open,
    .close = sevenmoor_close,
    .answer = sevenmoor_answer,
    .fail = sevenmoor_fail,
    .write_state = sevenmoor_write_state,
};

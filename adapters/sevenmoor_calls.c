/* 7moor's call side: the operations of the document's sections 1 and 2, and how a request is signed. */
#include "adapters/sevenmoor_calls.h"

#include "adapters/sevenmoor.h"
#include "base/digest.h"
#include "base/utf8.h"

#define ACTION_ID_CHARACTERS 40 /* 2.8 to 2.12 */
#define QUERY_DAYS_MAX       7  /* 2.13 */
#define QUERY_ROWS_MAX       200
#define TIMEOUT_SECONDS_MAX  3600
#define NONCE_DIGITS         6

static const struct adapter_setting account_settings[] = {
    {"appkey", NULL, false, "the account number at 7moor: the header m7-appkey"},
    {"secret", NULL, true, "the account's secretKey, with which requests are signed"},
    {NULL, NULL, false, NULL},
};
enum { SETTING_APPKEY, SETTING_SECRET };

/* --- the tables of members --- */

#define AGENT                                                                                                          \
    {                                                                                                                  \
        .name = "agent", .vendor_name = "agentNumber", .kind = MEMBER_TEXT, .required = true                           \
    }

/* 1.2 to 1.4, 2.2 to 2.6, 2.9 to 2.12. */
static const struct member_rule agent_rules[] = {AGENT, {.name = NULL}};

static const struct member_word login_types[] = {
    {"PSTN", "\"PSTN\""},
    {"WEBRTC", "\"WEBRTC\""},
    {"SIP", "\"SIP\""},
    {NULL, NULL},
};
static const struct member_word login_statuses[] = {{"idle", "\"0\""}, {"busy", "\"1\""}, {NULL, NULL}};
static const struct member_rule login_rules[] = {
    AGENT,
    {.name = "login_type", .vendor_name = "loginType", .kind = MEMBER_WORD, .required = true, .words = login_types},
    {.name = "status", .vendor_name = "status", .kind = MEMBER_WORD, .required = true, .words = login_statuses},
    {.name = NULL},
};

static const struct member_rule dial_rules[] = {
    AGENT,
    {.name = "callee", .vendor_name = "calleeNumber", .kind = MEMBER_TEXT, .required = true},
    {.name = "display_number", .vendor_name = "calleeCallerNumber", .kind = MEMBER_TEXT},
    {.name = "extras", .kind = MEMBER_ANY},
    {.name = NULL},
};
static const struct member_rule dial_options[] = {
    {.name = "agentTimeout", .vendor_name = "agentTimeout", .kind = MEMBER_DIGITS, .most = 4},
    {.name = "calleeTimeout", .vendor_name = "calleeTimeout", .kind = MEMBER_DIGITS, .most = 4},
    {.name = "agentCallerNumber", .vendor_name = "agentCallerNumber", .kind = MEMBER_TEXT},
    {.name = "group", .vendor_name = "group", .kind = MEMBER_TEXT},
    {.name = "groupRule", .vendor_name = "groupRule", .kind = MEMBER_INTEGER, .least = 0, .most = 1},
    {.name = "groupareaCode", .vendor_name = "groupareaCode", .kind = MEMBER_TEXT},
    {.name = NULL},
};

/* 2.7, 2.8. The document names the modes agent, outline and ivr, and speaks of skill groups without a word for them. */
static const struct member_rule transfer_rules[] = {
    AGENT,
    {.name = "mode", .vendor_name = "mode", .kind = MEMBER_TEXT, .required = true},
    {.name = "to", .vendor_name = "number", .kind = MEMBER_TEXT, .required = true},
    {.name = NULL},
};

static const struct member_word call_types[] = {
    {"incoming", "\"incoming\""},       {"dialout", "\"dialout\""},
    {"webcall", "\"webcall\""},         {"previewDialout", "\"previewDialout\""},
    {"autoDialout", "\"autoDialout\""}, {NULL, NULL},
};
#define FILTER(ours, theirs)                                                                                           \
    {                                                                                                                  \
        .name = (ours), .vendor_name = (theirs), .kind = MEMBER_TEXT, .may_be_empty = true                             \
    }
static const struct member_rule query_rules[] = {
    {.name = "from", .vendor_name = "startTime", .kind = MEMBER_CHINA_TIME},
    {.name = "to", .vendor_name = "endTime", .kind = MEMBER_CHINA_TIME},
    FILTER("call", "uniqueId"),
    FILTER("agent", "agentNumber"),
    FILTER("display_number", "displayNumber"),
    FILTER("trunk_number", "trunkNumber"),
    FILTER("queue", "queueNumber"),
    FILTER("status", "status"),
    {.name = "call_types", .vendor_name = "callType", .kind = MEMBER_WORD, .list_most = 5, .words = call_types},
    {.name = "page", .vendor_name = "page", .kind = MEMBER_INTEGER, .fallback = "1", .least = 1, .most = 1000000},
    {.name = "page_size",
     .vendor_name = "pageSize",
     .kind = MEMBER_INTEGER,
     .fallback = "100",
     .least = 1,
     .most = QUERY_ROWS_MAX},
    {.name = NULL},
};

static const struct member_word callee_kinds[] = {
    {"number", "\"number\""},
    {"ivr", "\"ivrId\""},
    {"agent", "\"agentNumber\""},
    {NULL, NULL},
};
/* The numbers shown are mandatory at the vendor, and empty in its own example. calleeTimeout is a string in the table,
 * and a number in the example and in what the vendor echoes of a request that it took. */
static const struct member_rule bridge_rules[] = {
    {.name = "caller", .vendor_name = "callerNumber", .kind = MEMBER_TEXT, .required = true},
    {.name = "caller_timeout_seconds",
     .vendor_name = "callerTimeout",
     .kind = MEMBER_INTEGER,
     .fallback = "120",
     .least = 1,
     .most = TIMEOUT_SECONDS_MAX},
    {.name = "caller_display_number",
     .vendor_name = "callerDisplayNumber",
     .kind = MEMBER_TEXT,
     .required = true,
     .may_be_empty = true},
    {.name = "callee", .vendor_name = "calleeNumber", .kind = MEMBER_TEXT, .required = true},
    {.name = "callee_kind", .vendor_name = "calleeType", .kind = MEMBER_WORD, .required = true, .words = callee_kinds},
    {.name = "callee_timeout_seconds",
     .vendor_name = "calleeTimeout",
     .kind = MEMBER_INTEGER,
     .least = 1,
     .most = TIMEOUT_SECONDS_MAX},
    {.name = "callee_display_number",
     .vendor_name = "calleeDisplayNumber",
     .kind = MEMBER_TEXT,
     .may_be_empty = true,
     .fallback = "\"\""},
    {.name = "extras", .kind = MEMBER_ANY},
    {.name = NULL},
};

/* --- composing --- */

static void
open_body(struct composer *composer, const struct operation *operation, const struct composition_input *input,
          struct error *error)
{
    composer_init(composer, operation, input->commands[0], input->arena, error);
}

static bool
compose_agent(const struct operation *operation, const struct composition_input *input, struct composition *composition,
              struct error *error)
{
    struct composer composer;

    open_body(&composer, operation, input, error);
    return composer_write(&composer, agent_rules, NULL) && composer_finish(&composer, composition);
}

static bool
compose_login(const struct operation *operation, const struct composition_input *input, struct composition *composition,
              struct error *error)
{
    struct composer composer;

    open_body(&composer, operation, input, error);
    return composer_write(&composer, login_rules, NULL) && composer_finish(&composer, composition);
}

static bool
compose_dial(const struct operation *operation, const struct composition_input *input, struct composition *composition,
             struct error *error)
{
    struct composer composer;

    open_body(&composer, operation, input, error);
    return composer_write(&composer, dial_rules, dial_options) &&
           sevenmoor_write_dial_extras(&composer, composer_member(&composer, "extras"), &composition->uncorrelated) &&
           composer_finish(&composer, composition);
}

static size_t
characters_in(struct slice text)
{
    size_t count = 0;

    for (size_t at = 0; at < text.length; count++) {
        size_t bytes = utf8_character_bytes(slice_make(text.data + at, text.length - at));

        at += bytes > 0 ? bytes : 1;
    }
    return count;
}

/* The command's id, or a digest of one that is too long for the vendor: it comes back in the call's record. */
static bool
write_action_id(struct composer *composer)
{
    struct slice id = composer->command->id;
    char hex[SHA256_HEX_BYTES];

    if (characters_in(id) > ACTION_ID_CHARACTERS) {
        if (!digest_sha256_hex(id, hex)) {
            return error_set(composer->error, "the digest library failed");
        }
        id = slice_make(hex, ACTION_ID_CHARACTERS);
    }
    json_name(&composer->writer, slice_from("actionId"));
    json_string(&composer->writer, id);
    return true;
}

static bool
compose_agent_action(const struct operation *operation, const struct composition_input *input,
                     struct composition *composition, struct error *error)
{
    struct composer composer;

    open_body(&composer, operation, input, error);
    return composer_write(&composer, agent_rules, NULL) && write_action_id(&composer) &&
           composer_finish(&composer, composition);
}

static bool
compose_transfer(const struct operation *operation, const struct composition_input *input,
                 struct composition *composition, struct error *error)
{
    struct composer composer;

    open_body(&composer, operation, input, error);
    return composer_write(&composer, transfer_rules, NULL) && write_action_id(&composer) &&
           composer_finish(&composer, composition);
}

/* The vendor wants both times, unless it is asked for one call. */
static bool
check_query_times(struct composer *composer)
{
    struct timestamp from = composer_time(composer, "from");
    struct timestamp to = composer_time(composer, "to");

    if (!slice_empty(composer_text(composer, "call"))) {
        return true;
    }
    if (!from.present || !to.present) {
        return composer_refuse(composer, from.present ? "to" : "from",
                               "missing; call.records.query needs from and to, or call");
    }
    if (to.unix_ms < from.unix_ms) {
        return composer_refuse(composer, "to", "is before from; exchange the two");
    }
    if (to.unix_ms - from.unix_ms > QUERY_DAYS_MAX * INT64_C(86400000)) {
        return composer_refuse(composer, "to", "is more than %d days after from; ask for at most %d days at a time",
                               QUERY_DAYS_MAX, QUERY_DAYS_MAX);
    }
    return true;
}

static bool
compose_query(const struct operation *operation, const struct composition_input *input, struct composition *composition,
              struct error *error)
{
    struct composer composer;

    open_body(&composer, operation, input, error);
    return composer_write(&composer, query_rules, NULL) && check_query_times(&composer) &&
           composer_finish(&composer, composition);
}

/* What the vendor shows the second party only counts where that is a phone. */
static bool
check_callee_display(struct composer *composer)
{
    return composer_member(composer, "callee_display_number") != NULL ||
           slice_is(composer_text(composer, "callee_kind"), "ivr") ||
           composer_refuse(composer, "callee_display_number",
                           "missing; call.bridge needs it where callee_kind is number or agent");
}

static bool
compose_bridge(const struct operation *operation, const struct composition_input *input,
               struct composition *composition, struct error *error)
{
    struct composer composer;

    open_body(&composer, operation, input, error);
    return composer_write(&composer, bridge_rules, NULL) && check_callee_display(&composer) &&
           sevenmoor_write_bridge_extras(&composer, composer_member(&composer, "extras")) &&
           write_action_id(&composer) && composer_finish(&composer, composition);
}

/* --- signing --- */

/* A header cannot carry them; the configuration refuses such credentials before. */
static bool
fit_for_header(struct slice text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] < 0x21 || text.data[i] > 0x7e) {
            return false;
        }
    }
    return text.length > 0;
}

static void
add_header(struct vendor_request *request, const char *name, struct slice value)
{
    request->header_names[request->header_count] = slice_from(name);
    request->header_values[request->header_count] = value;
    request->header_count++;
}

/* m7-sign is Base64 of HMAC-SHA256 under the secret, over appkey, timestamp and nonce without anything between. Method,
 * path and body are not signed. The vendor takes none with a nonce again within five minutes. */
static bool
sevenmoor_sign(const struct signing *signing, struct vendor_request *request)
{
    struct slice appkey = signing->settings[SETTING_APPKEY];
    struct slice timestamp = arena_printf(signing->arena, "%lld", (long long)(signing->wall_ms / 1000));
    struct slice nonce =
        arena_printf(signing->arena, "%0*llu", NONCE_DIGITS, (unsigned long long)(signing->nonce % 1000000));
    struct slice message =
        arena_printf(signing->arena, "%.*s%.*s%.*s", SLICE_ARGS(appkey), SLICE_ARGS(timestamp), SLICE_ARGS(nonce));
    char *sign = arena_alloc(signing->arena, BASE64_TEXT_BYTES(HMAC_SHA256_BYTES) + 1);
    unsigned char mac[HMAC_SHA256_BYTES];

    if (sign == NULL || arena_failed(signing->arena) || !fit_for_header(appkey) ||
        !digest_hmac_sha256(signing->settings[SETTING_SECRET], message, mac)) {
        return false;
    }
    *request = (struct vendor_request){
        .method = SLICE("POST"),
        .path = signing->composition->path,
        .body = signing->composition->body,
    };
    add_header(request, "content-type", slice_from("application/json"));
    add_header(request, "m7-appkey", appkey);
    add_header(request, "m7-timestamp", timestamp);
    add_header(request, "m7-nonce", nonce);
    add_header(request, "m7-sign", slice_make(sign, base64_encode(mac, sizeof(mac), sign)));
    return true;
}

/* --- the operations --- */

#define OPERATION(name, number, end, composes, ...)                                                                    \
    {                                                                                                                  \
        .command = (name), .section = (number), .path = "/openapi/v1/call/" end, .gather_max = 1,                      \
        .compose = (composes), __VA_ARGS__                                                                             \
    }
#define SAFE  .safe_to_repeat = true
#define ONCE  .safe_to_repeat = false
#define RINGS .safe_to_repeat = false, .rings_customer = true

/* A hang-up is not safe to repeat: it acts on the agent, and the second one would end the next call. */
static const struct operation operations[] = {
    OPERATION("agent.login", "1.1", "online", compose_login, SAFE),
    OPERATION("agent.logout", "1.2", "offline", compose_agent, SAFE),
    OPERATION("agent.busy", "1.3", "busy", compose_agent, SAFE),
    OPERATION("agent.idle", "1.4", "rest", compose_agent, SAFE),
    OPERATION("call.dial", "2.1", "dialOut", compose_dial, RINGS),
    OPERATION("call.hangup", "2.2", "hangup", compose_agent, ONCE),
    OPERATION("call.hold", "2.3", "hold", compose_agent, SAFE),
    OPERATION("call.unhold", "2.4", "unhold", compose_agent, SAFE),
    OPERATION("call.mute", "2.5", "mute", compose_agent, SAFE),
    OPERATION("call.unmute", "2.6", "unmute", compose_agent, SAFE),
    OPERATION("call.transfer", "2.7", "transfer", compose_transfer, ONCE),
    OPERATION("call.consult", "2.8", "consult", compose_transfer, ONCE),
    OPERATION("call.consult_transfer", "2.9", "consultTransfer", compose_agent_action, ONCE),
    OPERATION("call.conference", "2.10", "threeWayCall", compose_agent_action, ONCE),
    OPERATION("call.consult_resume", "2.11", "resumeConsult", compose_agent_action, ONCE),
    OPERATION("call.consult_cancel", "2.12", "cancelconsult", compose_agent_action, ONCE),
    OPERATION("call.records.query", "2.13", "cdr/list", compose_query, SAFE),
    OPERATION("call.bridge", "2.14", "webcall", compose_bridge, RINGS),
    {.command = NULL},
};

const struct call_side sevenmoor_calls = {
    .base_url = "http://v7openapi.7moor.com",
    .account_settings = account_settings,
    /* 20 a minute an account; a request is refused when its timestamp is more than 5 minutes old. */
    .limits = {.requests = 20, .window_seconds = 60, .straggler_seconds = 300, .concurrency = 64},
    .operations = operations,
    .sign = sevenmoor_sign,
    .interpret = sevenmoor_interpret,
    .identity_setting = SETTING_APPKEY,
};

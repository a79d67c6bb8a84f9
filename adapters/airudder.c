/* Airudder (赛舵): the end of a task, which is signed; workflow and predictive-dialer status, which are not. */
#include "adapters/airudder.h"

#include "adapters/message.h"
#include "base/digest.h"
#include "base/json.h"
#include "base/json_writer.h"

static const char *const endpoints[] = {"taskFinished", "workflow", "predictive", NULL};

enum { SETTING_KEY };
static const struct adapter_setting settings[] = {
    [SETTING_KEY] =
        {"key", NULL, true,
         "KEY that Airudder signs with; \"airudder\" where none was agreed. Without it no signature is checked"},
    {0},
};

/* The document's example, whose Sign is no real one; workflow and predictive dialer as far as they are known. */
static const struct adapter_kind kinds[] = {
    {"taskFinished", "taskFinished", BODY_JSON,
     "{\"TaskID\":\"69a78d532fcd036b6db57000000000\",\"TaskName\":\"ABCD-PRODUCTION-3-000000-15-BATCH1\","
     "\"Sign\":\"7db2ef43a96f56105931a000000\",\"PlanName\":\"test-plan-1\"}"},
    {"workflow", "workflow", BODY_JSON,
     "{\"workflow_id\":\"wf-1024\",\"workflow_name\":\"reminder\",\"status\":\"running\",\"actions\":[{"
     "\"nodetask_id\":\"n-1\",\"nodetask_name\":\"first call\",\"node_type\":\"call\","
     "\"task_id\":\"69a78d532fcd036b6db57000000000\",\"task_status\":\"finished\"}]}"},
    {"predictive contact", "predictive", BODY_JSON,
     "{\"type\":\"ContactStatus\",\"body\":{\"taskId\":\"t-77\",\"taskName\":\"campaign\",\"callid\":\"c-501\","
     "\"state\":\"RINGING\"}}"},
    {"predictive agent", "predictive", BODY_JSON,
     "{\"type\":\"AgentStatus\",\"body\":{\"agentName\":\"anna\",\"State\":\"IDLE\"}}"},
    {"predictive task", "predictive", BODY_JSON,
     "{\"type\":\"TaskStatus\",\"body\":{\"taskId\":\"t-77\",\"taskName\":\"campaign\",\"state\":\"Finished\"}}"},
    {0},
};

/* The bodies of the predictive dialer are not documented: these are the spellings seen or to be expected, first one
 * first. Each list ends with NULL. */
static const char *const task_id_names[] = {"taskId", "task_id", "TaskID", NULL};
static const char *const task_name_names[] = {"taskName", "task_name", "TaskName", NULL};
static const char *const call_id_names[] = {"callid", "callId", "call_id", "CallID", NULL};
static const char *const agent_id_names[] = {"agentId", "agent_id", "AgentID", NULL};
static const char *const agent_name_names[] = {"agentName", "agent_name", "AgentName", NULL};
static const char *const state_names[] = {"state", "State", "status", "Status", NULL};

static const struct message_word contact_states[] = {
    {"CALLING", EVENT_CALL_DIALING}, {"RINGING", EVENT_CALL_RINGING},          {"ANSWERED", EVENT_CALL_ANSWERED},
    {"HANGUP", EVENT_CALL_ENDED},    {"TALKRESULT", EVENT_CALL_DISPOSITIONED}, {NULL, EVENT_NONE},
};

static struct slice
first_text(const struct value *object, const char *const *names)
{
    struct slice text = {0};

    for (; *names != NULL && slice_empty(text); names++) {
        text = message_text(object, *names);
    }
    return text;
}

/* --- the end of a task --- */

/* TaskID and Sign, and nothing but these, TaskName and PlanName: other webhooks may carry TaskID and Sign as well. */
static bool
is_task_end(const struct value *message)
{
    uint32_t known = 0;

    for (const char *const *name = (const char *const[]){"TaskID", "Sign", "TaskName", "PlanName", NULL}; *name != NULL;
         name++) {
        known += value_member(message, *name) != NULL ? 1 : 0;
    }
    return value_member(message, "TaskID") != NULL && value_member(message, "Sign") != NULL && known == message->count;
}

static bool
signed_with(const struct slice *given, const struct mapping *mapping)
{
    (void)mapping;
    return !slice_empty(given[SETTING_KEY]);
}

/* Whatever bears a TaskID and a Sign must bear the right one. Without a Sign it is a kind that Airudder does not sign;
 * without a TaskID, one whose Sign covers what no document tells: something else must vouch for its sender then. */
static enum verdict
verify_parsed(const struct callback *callback)
{
    struct slice task_id = message_text(callback->message, "TaskID");
    char expected[MD5_HEX_BYTES];

    if (value_member(callback->message, "Sign") == NULL || slice_empty(task_id)) {
        return VERDICT_UNSIGNED;
    }
    if (!digest_md5_hex(task_id, callback->settings[SETTING_KEY], expected)) {
        arena_starve(callback->arena);
        return VERDICT_WRONG;
    }
    return secret_equal(message_text(callback->message, "Sign"), slice_make(expected, sizeof expected)) ? VERDICT_VALID
                                                                                                        : VERDICT_WRONG;
}

/* The body as Airudder would sign it: its Sign, where it has one, made with the configured key. */
static bool
sign_sample(const struct callback *callback, struct signed_sample *sample)
{
    const struct value *message = json_parse(callback->arena, body_text(callback->body), VALUE_LIMITS_DEFAULT, NULL);
    struct slice key = callback->settings[SETTING_KEY];
    struct json_writer writer;
    char hex[MD5_HEX_BYTES];

    sample->body = callback->body;
    if (value_member(message, "Sign") == NULL || slice_empty(key) ||
        !digest_md5_hex(message_text(message, "TaskID"), key, hex)) {
        return true;
    }
    json_writer_init(&writer, callback->arena, callback->body.length + sizeof hex);
    json_open(&writer, '{');
    for (const struct value *member = message->first; member != NULL; member = member->next) {
        json_name(&writer, member->name);
        if (slice_is(member->name, "Sign")) {
            json_string(&writer, slice_make(hex, sizeof hex));
        } else {
            json_value(&writer, member);
        }
    }
    json_close(&writer, '}');
    sample->body = json_finish(&writer);
    return !slice_empty(sample->body);
}

/* --- events --- */

/* The end of a task is named by the task: it comes once. All else is named by the hash of the message. */
static struct canonical_event *
add_event(const struct callback *callback, struct conversion *conversion, enum event_type type, struct slice subject)
{
    struct canonical_event *event = conversion_add(conversion, callback->arena);

    if (event == NULL) {
        return NULL;
    }
    event->type = type;
    event->key = type == EVENT_TASK_FINISHED ? subject : callback_hash(callback);
    event->subject = subject;
    event->vendor = vendor_json(callback);
    return event;
}

static bool
convert_task_end(const struct callback *callback, struct conversion *conversion)
{
    struct slice id = message_text(callback->message, "TaskID");
    struct canonical_event *event;

    if (slice_empty(id)) {
        return conversion_fail(conversion, "missing_key", "the end of a task without TaskID");
    }
    event = add_event(callback, conversion, EVENT_TASK_FINISHED, id);
    if (event == NULL) {
        return false;
    }
    event->task = (struct task_data){
        .id = id,
        .name = message_text(callback->message, "TaskName"),
        .plan_name = message_text(callback->message, "PlanName"),
        .status = SLICE("finished"),
    };
    return true;
}

static bool
add_task_status(const struct callback *callback, struct conversion *conversion, struct task_data task)
{
    struct canonical_event *event = add_event(callback, conversion, EVENT_TASK_STATUS_CHANGED, task.id);

    if (event == NULL) {
        return false;
    }
    event->task = task;
    return true;
}

/* --- the predictive dialer --- */

/* What the body of a predictive message tells. */
struct status {
    struct task_data task;
    struct slice call_id, state;
    struct agent_data agent;
};

static struct status
read_status(const struct value *body)
{
    return (struct status){
        .task = {.id = first_text(body, task_id_names), .name = first_text(body, task_name_names)},
        .call_id = first_text(body, call_id_names),
        .state = first_text(body, state_names),
        .agent = {.id = first_text(body, agent_id_names), .name = first_text(body, agent_name_names)},
    };
}

static bool
add_call(const struct callback *callback, struct conversion *conversion, const struct status *status,
         enum event_type type)
{
    struct canonical_event *event = add_event(callback, conversion, type, status->call_id);

    if (event == NULL) {
        return false;
    }
    event->call.id = status->call_id;
    event->call.kind = CALL_KIND_PREDICTIVE;
    event->agent = status->agent;
    event->task = status->task;
    return true;
}

static bool
add_agent_status(const struct callback *callback, struct conversion *conversion, const struct status *status)
{
    struct slice agent = slice_empty(status->agent.id) ? status->agent.name : status->agent.id;
    struct slice subject = arena_printf(callback->arena, "%.*s/%.*s", SLICE_ARGS(callback->account), SLICE_ARGS(agent));
    struct canonical_event *event = add_event(callback, conversion, EVENT_AGENT_STATUS_CHANGED, subject);

    if (event == NULL) {
        return false;
    }
    event->agent = status->agent;
    event->agent.status_name = status->state;
    event->call.id = status->call_id;
    event->task = status->task;
    return true;
}

/* What an agent made of a call (TALKRESULT) comes as the agent's status and is the call's disposition as well. */
static bool
convert_agent(const struct callback *callback, struct conversion *conversion, const struct status *status)
{
    bool named = !slice_empty(status->agent.id) || !slice_empty(status->agent.name);
    bool disposed = !slice_empty(status->call_id) && slice_is(status->state, "TALKRESULT");

    if (slice_empty(status->state) || (!named && !disposed)) {
        return conversion_unmapped(callback, conversion, status->call_id);
    }
    return (!named || add_agent_status(callback, conversion, status)) &&
           (!disposed || add_call(callback, conversion, status, EVENT_CALL_DISPOSITIONED));
}

static bool
convert_predictive(const struct callback *callback, struct conversion *conversion, struct slice type,
                   const struct value *body)
{
    struct status status = read_status(body);
    enum event_type call_event = (enum event_type)message_word(contact_states, status.state, EVENT_NONE);

    if (slice_is(type, "TaskStatus") && !slice_empty(status.task.id) && !slice_empty(status.state)) {
        status.task.status = status.state;
        return add_task_status(callback, conversion, status.task);
    }
    if (slice_is(type, "ContactStatus") && !slice_empty(status.call_id) && call_event != EVENT_NONE) {
        return add_call(callback, conversion, &status, call_event);
    }
    if (slice_is(type, "AgentStatus")) {
        return convert_agent(callback, conversion, &status);
    }
    return conversion_unmapped(callback, conversion, status.call_id);
}

/* --- */

static bool
convert(const struct callback *callback, struct conversion *conversion)
{
    const struct value *message = callback->message;
    const struct value *body = value_member(message, "body");
    struct task_data workflow = {
        .id = message_text(message, "workflow_id"),
        .name = message_text(message, "workflow_name"),
        .status = message_text(message, "status"),
    };

    if (is_task_end(message)) {
        return convert_task_end(callback, conversion);
    }
    if (!slice_empty(workflow.id) && !slice_empty(workflow.status)) {
        return add_task_status(callback, conversion, workflow);
    }
    if (body != NULL && body->kind == VALUE_OBJECT) {
        return convert_predictive(callback, conversion, message_text(message, "type"), body);
    }
    return conversion_unmapped(callback, conversion, first_text(message, call_id_names));
}

static struct answer
answer(const struct callback *callback)
{
    (void)callback;
    return (struct answer){SLICE("application/json"), SLICE("{}")};
}

const struct adapter adapter_airudder = {
    .name = "airudder",
    .title = "Airudder (赛舵)",
    .endpoints = endpoints,
    .retries = true,
    .budget_ms = 2000,
    .settings = settings,
    .kinds = kinds,
    .verify_parsed = verify_parsed,
    .signed_with = signed_with,
    .convert = convert,
    .answer = answer,
    .sign_sample = sign_sample,
    .calls = &airudder_calls,
};

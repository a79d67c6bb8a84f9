/* The tables of 7moor's document, 1.1 to 2.14. The simulator takes them at their word: members that they do not have
 * are refused, so that a misspelt one is noticed. */
#include "simulators/sevenmoor_operations.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "simulators/vendor.h"

#define EXTRAS_BYTES_MAX 255
#define EXTRAS_MAX       150 /* characters, says error 6725 */
#define ACTION_ID_MAX    40
#define RECORDS_DAYS_MAX 7

#define ROOT "/openapi/v1/call/"

#define AGENT                                                                                                          \
    {                                                                                                                  \
        "agentNumber", MEMBER_STRING, FILLED                                                                           \
    }
#define ACTION_ID                                                                                                      \
    {                                                                                                                  \
        "actionId", MEMBER_STRING, OPTIONAL                                                                            \
    }

const struct sevenmoor_operation sevenmoor_operations[] = {
    {"1.1",
     ROOT "online",
     REPLY_TEXT,
     "座席上线成功",
     {AGENT, {"loginType", MEMBER_STRING, FILLED}, {"status", MEMBER_STRING, FILLED}}},
    {"1.2", ROOT "offline", REPLY_TEXT, "座席下线成功", {AGENT}},
    {"1.3", ROOT "busy", REPLY_NOTHING, NULL, {AGENT}},
    {"1.4", ROOT "rest", REPLY_NOTHING, NULL, {AGENT}},
    {"2.1",
     ROOT "dialOut",
     REPLY_CALL,
     NULL,
     {AGENT,
      {"calleeNumber", MEMBER_STRING, FILLED},
      {"agentTimeout", MEMBER_STRING, OPTIONAL},
      {"calleeTimeout", MEMBER_STRING, OPTIONAL},
      {"agentCallerNumber", MEMBER_STRING, OPTIONAL},
      {"calleeCallerNumber", MEMBER_STRING, OPTIONAL},
      {"extras", MEMBER_ANY, NEEDED},
      {"group", MEMBER_STRING, OPTIONAL},
      {"groupRule", MEMBER_NUMBER, OPTIONAL},
      {"groupareaCode", MEMBER_STRING, OPTIONAL}}},
    {"2.2", ROOT "hangup", REPLY_CALL, NULL, {AGENT}},
    {"2.3", ROOT "hold", REPLY_CALL, NULL, {AGENT}},
    {"2.4", ROOT "unhold", REPLY_CALL, NULL, {AGENT}},
    {"2.5", ROOT "mute", REPLY_TEXT, "座席下线成功", {AGENT}},
    {"2.6", ROOT "unmute", REPLY_TEXT, "座席下线成功", {AGENT}},
    {"2.7",
     ROOT "transfer",
     REPLY_CALL,
     NULL,
     {AGENT, {"mode", MEMBER_STRING, FILLED}, {"number", MEMBER_STRING, FILLED}, ACTION_ID}},
    {"2.8",
     ROOT "consult",
     REPLY_CALL,
     NULL,
     {AGENT, {"mode", MEMBER_STRING, FILLED}, {"number", MEMBER_STRING, FILLED}, ACTION_ID}},
    {"2.9", ROOT "consultTransfer", REPLY_CALL, NULL, {AGENT, ACTION_ID}},
    {"2.10", ROOT "threeWayCall", REPLY_CALL, NULL, {AGENT, ACTION_ID}},
    {"2.11", ROOT "resumeConsult", REPLY_CALL, NULL, {AGENT, ACTION_ID}},
    {"2.12", ROOT "cancelconsult", REPLY_CALL, NULL, {AGENT, ACTION_ID}},
    {"2.13",
     ROOT "cdr/list",
     REPLY_RECORDS,
     NULL,
     {{"startTime", MEMBER_STRING, OPTIONAL},
      {"endTime", MEMBER_STRING, OPTIONAL},
      {"uniqueId", MEMBER_STRING, OPTIONAL},
      {"agentNumber", MEMBER_STRING, OPTIONAL},
      {"displayNumber", MEMBER_STRING, OPTIONAL},
      {"trunkNumber", MEMBER_STRING, OPTIONAL},
      {"queueNumber", MEMBER_STRING, OPTIONAL},
      {"status", MEMBER_STRING, OPTIONAL},
      {"callType", MEMBER_STRINGS, OPTIONAL},
      {"page", MEMBER_NUMBER, OPTIONAL},
      {"pageSize", MEMBER_NUMBER, OPTIONAL},
      {"doubleTrackFileUrl", MEMBER_STRING, OPTIONAL}}},
    {"2.14",
     ROOT "webcall",
     REPLY_WEBCALL,
     NULL,
     {{"actionId", MEMBER_STRING, FILLED},
      {"callerNumber", MEMBER_STRING, FILLED},
      {"callerTimeout", MEMBER_NUMBER, NEEDED},
      {"callerDisplayNumber", MEMBER_STRING, NEEDED},
      {"calleeNumber", MEMBER_STRING, FILLED},
      {"calleeType", MEMBER_STRING, FILLED},
      {"calleeTimeout", MEMBER_EITHER, OPTIONAL},
      {"calleeDisplayNumber", MEMBER_STRING, NEEDED},
      {"extras", MEMBER_ANY, OPTIONAL}}},
    {NULL, NULL, REPLY_NOTHING, NULL, {{NULL, MEMBER_ANY, OPTIONAL}}},
};

const struct sevenmoor_operation *
sevenmoor_operation_find(struct slice path)
{
    for (const struct sevenmoor_operation *operation = sevenmoor_operations; operation->path != NULL; operation++) {
        if (slice_is(path, operation->path)) {
            return operation;
        }
    }
    return NULL;
}

static bool
is_string_list(const struct value *value)
{
    for (const struct value *element = value->first; element != NULL; element = element->next) {
        if (element->kind != VALUE_STRING) {
            return false;
        }
    }
    return value->kind == VALUE_ARRAY;
}

static bool
type_fits(enum member_type type, const struct value *value)
{
    switch (type) {
    case MEMBER_STRING:
        return value->kind == VALUE_STRING;
    case MEMBER_NUMBER:
        return value->kind == VALUE_NUMBER;
    case MEMBER_EITHER:
        return value->kind == VALUE_STRING || value->kind == VALUE_NUMBER;
    case MEMBER_STRINGS:
        return is_string_list(value);
    case MEMBER_ANY:
        break;
    }
    return value->kind != VALUE_NULL;
}

static bool
member_known(const struct sevenmoor_operation *operation, struct slice name)
{
    for (const struct member *member = operation->members; member->name != NULL; member++) {
        if (slice_is(name, member->name)) {
            return true;
        }
    }
    return false;
}

/* --- what a table cannot say --- */

static bool
one_of(struct slice text, const char *const *words)
{
    while (*words != NULL && !slice_is(text, *words)) {
        words++;
    }
    return *words != NULL;
}

static bool
extras_fit(const struct value *extras)
{
    struct slice text = extras == NULL ? (struct slice){0} : slice_empty(extras->raw) ? extras->text : extras->raw;
    size_t characters = 0;

    for (size_t i = 0; i < text.length; i++) {
        characters += ((unsigned char)text.data[i] & 0xc0) != 0x80;
    }
    return text.length <= EXTRAS_BYTES_MAX && characters <= EXTRAS_MAX;
}

static const char *
check_dial(const struct value *body)
{
    const struct value *rule = value_member(body, "groupRule");

    if (rule != NULL && !slice_is(rule->text, "0") && !slice_is(rule->text, "1")) {
        return "6724";
    }
    return extras_fit(value_member(body, "extras")) ? NULL : "6725";
}

/* Seconds since 1970 of "YYYY-MM-DD HH:MM:SS"; -1: it is none. */
static int64_t
seconds_of(struct slice text)
{
    struct tm parts = {0};
    char copy[32];
    const char *end;

    (void)snprintf(copy, sizeof(copy), "%.*s", text.length < sizeof(copy) ? (int)text.length : 0, text.data);
    end = strptime(copy, "%Y-%m-%d %H:%M:%S", &parts);
    if (text.length != 19 || end == NULL || *end != '\0') {
        return -1;
    }
    return (int64_t)timegm(&parts);
}

static const char *
check_records(const struct value *body)
{
    int64_t from = seconds_of(string_of(body, "startTime"));
    int64_t to = seconds_of(string_of(body, "endTime"));
    const struct value *size = value_member(body, "pageSize");

    if (size != NULL && strtoll(size->text.data, NULL, 10) > SEVENMOOR_PAGE_MAX) {
        return "6734";
    }
    if (!slice_empty(string_of(body, "uniqueId"))) {
        return NULL;
    }
    if (slice_empty(string_of(body, "startTime")) || slice_empty(string_of(body, "endTime"))) {
        return "6733";
    }
    if (from < 0 || to < 0) {
        return "6734";
    }
    return to < from || to - from > (int64_t)RECORDS_DAYS_MAX * 86400 ? "40000" : NULL;
}

static const char *
check_values(const struct sevenmoor_operation *operation, const struct value *body)
{
    static const char *const login_types[] = {"PSTN", "SIP", "WEBRTC", NULL};
    static const char *const states[] = {"0", "1", NULL};
    static const char *const callee_types[] = {"number", "ivrId", "agentNumber", NULL};
    const char *section = operation->section;

    if (string_of(body, "actionId").length > ACTION_ID_MAX) {
        return "40000";
    }
    if (strcmp(section, "1.1") == 0 && !one_of(string_of(body, "loginType"), login_types)) {
        return "6711";
    }
    if (strcmp(section, "1.1") == 0 && !one_of(string_of(body, "status"), states)) {
        return "40000";
    }
    if (strcmp(section, "2.1") == 0) {
        return check_dial(body);
    }
    if (strcmp(section, "2.13") == 0) {
        return check_records(body);
    }
    return strcmp(section, "2.14") == 0 && !one_of(string_of(body, "calleeType"), callee_types) ? "40000" : NULL;
}

const char *
sevenmoor_body_fault(const struct sevenmoor_operation *operation, const struct value *body, struct slice *what)
{
    for (const struct member *member = operation->members; member->name != NULL; member++) {
        const struct value *value = value_member(body, member->name);

        *what = slice_from(member->name);
        if (value == NULL ? member->need != OPTIONAL
                          : member->need == FILLED && value->kind == VALUE_STRING && slice_empty(value->text)) {
            return strcmp(member->name, "agentNumber") == 0 ? "6707" : "40000";
        }
        if (value != NULL && !type_fits(member->type, value)) {
            return "40000";
        }
    }
    for (const struct value *value = body->first; value != NULL; value = value->next) {
        *what = value->name;
        if (!member_known(operation, value->name)) {
            return "40000";
        }
    }
    *what = (struct slice){"", 0};
    return check_values(operation, body);
}

/* How yeta (讯飞) is called: Part 1 of its document. 一 fetches the token that every other call bears in its query. */
#include "adapters/yeta_calls.h"

#include "adapters/composer.h"
#include "base/timestamp.h"

#define TOKEN_AHEAD_MS (INT64_C(5) * 60 * 1000)
#define CONCURRENCY    4
#define GATHER_MAX     50 /* rows of one callout */
#define LINES_MAX      50
#define HOURS_MAX      24
#define WAIT_MAX       INT64_C(604800) /* a week */
#define MS_PER_DAY     INT64_C(86400000)
#define CHINA_MS       (INT64_C(8) * 3600 * 1000)
#define RECOVER_DAYS   7

static const struct adapter_setting account_settings[] = {
    [YETA_APP_KEY] = {"app_key", NULL, false, "app_key of the application"},
    [YETA_APP_SECRET] = {"app_secret", NULL, true, "app_secret that belongs to it"},
    [YETA_CUSTOMER_COLUMN] = {"customer_column", "客户手机号码", false,
                              "name of a robot's first column, which holds the customer's number"},
    [YETA_LINE_SEPARATOR] = {"line_separator", ";", false, "what stands between the lines of a task"},
    {0},
};

/* --- 一 --- */

static bool
compose_token(const struct operation *operation, const struct composition_input *input, struct composition *composition,
              struct error *error)
{
    struct composer composer;

    composer_init(&composer, operation, NULL, input->arena, error);
    json_name(&composer.writer, slice_from("app_key"));
    json_string(&composer.writer, input->settings[YETA_APP_KEY]);
    json_name(&composer.writer, slice_from("app_secret"));
    json_string(&composer.writer, input->settings[YETA_APP_SECRET]);
    return composer_finish(&composer, composition);
}

/* --- 二, 六, 七, 八 --- */

static const struct member_word resource_kinds[] = {
    {"all", "0"}, {"robots", "1"}, {"lines", "2"}, {"urls", "3"}, {"voices", "4"}, {0},
};
static const struct member_rule resource_rules[] = {
    {.name = "kind", .vendor_name = "type", .kind = MEMBER_WORD, .words = resource_kinds},
    {0},
};
static const struct member_rule task_rules[] = {
    {.name = "task", .vendor_name = "task_id", .kind = MEMBER_TEXT, .required = true},
    {0},
};

/* A body that is its table and nothing more. */
static bool
compose_by_table(const struct operation *operation, const struct composition_input *input,
                 const struct member_rule *rules, struct composition *composition, struct error *error)
{
    struct composer composer;

    composer_init(&composer, operation, input->commands[0], input->arena, error);
    return composer_write(&composer, rules, NULL) && composer_finish(&composer, composition);
}

static bool
compose_resources(const struct operation *operation, const struct composition_input *input,
                  struct composition *composition, struct error *error)
{
    return compose_by_table(operation, input, resource_rules, composition, error);
}

static bool
compose_task(const struct operation *operation, const struct composition_input *input, struct composition *composition,
             struct error *error)
{
    return compose_by_table(operation, input, task_rules, composition, error);
}

/* --- 四 --- */

static const struct member_rule create_rules[] = {
    {.name = "name", .vendor_name = "task_name", .kind = MEMBER_TEXT, .required = true},
    {.name = "line", .kind = MEMBER_TEXT, .required = true, .list_least = 1, .list_most = LINES_MAX},
    {.name = "robot", .vendor_name = "robot_id", .kind = MEMBER_TEXT, .required = true},
    {.name = "begins", .vendor_name = "time_begin", .kind = MEMBER_MILLIS, .required = true},
    {.name = "ends", .vendor_name = "time_end", .kind = MEMBER_MILLIS},
    {.name = "recalls", .vendor_name = "recall_count", .kind = MEMBER_INTEGER, .least = 0, .most = 3},
    {.name = "recall_wait_seconds", .vendor_name = "time_recall_wait", .kind = MEMBER_INTEGER, .most = WAIT_MAX},
    {.name = "hours", .vendor_name = "time_range", .kind = MEMBER_TEXT, .list_least = 1, .list_most = HOURS_MAX},
    {0},
};
static const struct member_rule create_options[] = {
    {.name = "voice_code", .vendor_name = "voice_code", .kind = MEMBER_TEXT},
    {.name = "trubo_mode", .vendor_name = "trubo_mode", .kind = MEMBER_BOOLEAN},
    {0},
};

/* Whether the pattern's digits (its 0s) and other characters stand there. */
static bool
has_form(struct slice text, const char *pattern)
{
    if (text.length != strlen(pattern)) {
        return false;
    }
    for (size_t i = 0; i < text.length; i++) {
        bool digit = text.data[i] >= '0' && text.data[i] <= '9';

        if (pattern[i] == '0' ? !digit : text.data[i] != pattern[i]) {
            return false;
        }
    }
    return true;
}

static int
two_digits(const char *text)
{
    return (text[0] - '0') * 10 + text[1] - '0';
}

/* Seconds since midnight of HH:MM:SS; -1 when the day has no such time. */
static int
second_of_day(const char *text)
{
    int hour = two_digits(text);
    int minute = two_digits(text + 3);
    int second = two_digits(text + 6);

    return hour > 23 || minute > 59 || second > 59 ? -1 : (hour * 60 + minute) * 60 + second;
}

static bool
check_hours(struct composer *composer)
{
    const struct value *hours = composer_member(composer, "hours");
    unsigned index = 0;

    for (const struct value *range = hours == NULL ? NULL : hours->first; range != NULL; range = range->next, index++) {
        int from = has_form(range->text, "00:00:00-00:00:00") ? second_of_day(range->text.data) : -1;
        int to = from < 0 ? -1 : second_of_day(range->text.data + sizeof("00:00:00-") - 1);

        if (to < 0) {
            return composer_refuse(composer, "hours",
                                   "value %u must be a part of the day such as \"09:00:00-12:00:00\"", index + 1);
        }
        if (to <= from) {
            return composer_refuse(composer, "hours",
                                   "value %u ends before it begins; hours over midnight are two parts", index + 1);
        }
    }
    return true;
}

/* The later of two times that are both there must come behind the earlier. */
static bool
check_order(struct composer *composer, const char *earlier, const char *later)
{
    struct timestamp from = composer_time(composer, earlier);
    struct timestamp to = composer_time(composer, later);

    if (from.present && to.present && to.unix_ms <= from.unix_ms) {
        return composer_refuse(composer, later, "must be later than data.%s", earlier);
    }
    return true;
}

/* The lines one behind the other; the empty slice when the arena is full. */
static struct slice
joined(const struct value *list, struct slice separator, struct arena *arena)
{
    size_t bytes = list->count * separator.length;
    size_t length = 0;
    char *text;

    for (const struct value *line = list->first; line != NULL; line = line->next) {
        bytes += line->text.length;
    }
    text = arena_alloc(arena, bytes);
    for (const struct value *line = list->first; text != NULL && line != NULL; line = line->next) {
        memcpy(text + length, line->text.data, line->text.length);
        length += line->text.length;
        if (line->next != NULL) {
            memcpy(text + length, separator.data, separator.length);
            length += separator.length;
        }
    }
    return slice_make(text, length);
}

static bool
write_lines(struct composer *composer, struct slice separator)
{
    const struct value *lines = composer_member(composer, "line");
    unsigned index = 0;

    for (const struct value *line = lines->first; line != NULL; line = line->next, index++) {
        if (memmem(line->text.data, line->text.length, separator.data, separator.length) != NULL) {
            return composer_refuse(composer, "line", "value %u holds the separator of lines; give each line by itself",
                                   index + 1);
        }
    }
    json_name(&composer->writer, slice_from("line_num"));
    json_string(&composer->writer, joined(lines, separator, composer->arena));
    return !arena_failed(composer->arena) || error_set(composer->error, "no memory left to compose the request");
}

static bool
compose_create(const struct operation *operation, const struct composition_input *input,
               struct composition *composition, struct error *error)
{
    struct composer composer;

    composer_init(&composer, operation, input->commands[0], input->arena, error);
    return composer_write(&composer, create_rules, create_options) && check_order(&composer, "begins", "ends") &&
           check_hours(&composer) && write_lines(&composer, yeta_setting(input, YETA_LINE_SEPARATOR)) &&
           composer_finish(&composer, composition);
}

/* --- 九 --- */

static const struct member_word sorts[] = {
    {"ID", "\"ID\""},
    {"NAME", "\"NAME\""},
    {"CREATETIME", "\"CREATETIME\""},
    {"STARTTIME", "\"STARTTIME\""},
    {"ENDTIME", "\"ENDTIME\""},
    {0},
};
static const struct member_word orders[] = {{"ASC", "\"ASC\""}, {"DESC", "\"DESC\""}, {0}};
static const struct member_rule query_rules[] = {
    {.name = "task", .vendor_name = "task_id", .kind = MEMBER_TEXT},
    {.name = "from", .vendor_name = "time_begin", .kind = MEMBER_MILLIS},
    {.name = "to", .vendor_name = "time_end", .kind = MEMBER_MILLIS},
    {.name = "name", .vendor_name = "task_name", .kind = MEMBER_TEXT},
    {.name = "statuses",
     .vendor_name = "task_status_list",
     .kind = MEMBER_INTEGER,
     .most = 7,
     .list_least = 1,
     .list_most = 8},
    {.name = "page_size", .vendor_name = "page_size", .kind = MEMBER_INTEGER, .least = 1, .most = 50},
    {.name = "page", .vendor_name = "page_index", .kind = MEMBER_INTEGER, .least = 1, .most = INT32_MAX},
    {.name = "sort", .vendor_name = "sort_name", .kind = MEMBER_WORD, .words = sorts},
    {.name = "order", .vendor_name = "sort_order", .kind = MEMBER_WORD, .words = orders},
    {0},
};

static bool
compose_query(const struct operation *operation, const struct composition_input *input, struct composition *composition,
              struct error *error)
{
    struct composer composer;

    composer_init(&composer, operation, input->commands[0], input->arena, error);
    return composer_write(&composer, query_rules, NULL) && check_order(&composer, "from", "to") &&
           composer_finish(&composer, composition);
}

/* --- 十 --- */

static const struct member_rule recover_rules[] = {
    {.name = "date", .vendor_name = "date", .kind = MEMBER_TEXT},
    {0},
};

/* Days since 1970 in China. */
static int64_t
china_day(int64_t unix_ms)
{
    return (unix_ms + CHINA_MS) / MS_PER_DAY;
}

/* The files are there for 7 days, without the current one. Where nobody tells the time, only the date's form counts. */
static bool
check_date(struct composer *composer, int64_t wall_ms)
{
    struct slice date = composer_text(composer, "date");
    struct timestamp midnight = {0};
    int64_t age;

    if (slice_empty(date)) {
        return true;
    }
    if (!has_form(date, "0000-00-00") ||
        !timestamp_read_rfc3339(arena_printf(composer->arena, "%.*sT00:00:00+08:00", SLICE_ARGS(date)), &midnight)) {
        return composer_refuse(composer, "date", "must be a date such as \"2018-12-10\"");
    }
    age = china_day(wall_ms) - china_day(midnight.unix_ms);
    if (wall_ms > 0 && (age < 1 || age > RECOVER_DAYS)) {
        return composer_refuse(composer, "date", "must be from yesterday to %d days back, in China's time",
                               RECOVER_DAYS);
    }
    return true;
}

static bool
compose_recover(const struct operation *operation, const struct composition_input *input,
                struct composition *composition, struct error *error)
{
    struct composer composer;

    composer_init(&composer, operation, input->commands[0], input->arena, error);
    return composer_write(&composer, recover_rules, NULL) && check_date(&composer, input->wall_ms) &&
           composer_finish(&composer, composition);
}

/* --- signing --- */

/* RFC 3986 §2.1: all but the unreserved characters. The empty slice when the arena is full. */
static struct slice
percent_encoded(struct slice text, struct arena *arena)
{
    static const char digits[] = "0123456789ABCDEF";
    char *out = text.length > SIZE_MAX / 3 ? NULL : arena_alloc(arena, text.length * 3);
    size_t length = 0;

    for (size_t i = 0; out != NULL && i < text.length; i++) {
        unsigned char byte = (unsigned char)text.data[i];

        if ((byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') ||
            (byte != 0 && strchr("-._~", byte) != NULL)) {
            out[length++] = (char)byte;
        } else {
            out[length++] = '%';
            out[length++] = digits[byte >> 4];
            out[length++] = digits[byte & 15];
        }
    }
    return slice_make(out, length);
}

static bool
sign(const struct signing *signing, struct vendor_request *request)
{
    *request = (struct vendor_request){
        .method = SLICE("POST"),
        .path = signing->composition->path,
        .header_names = {SLICE("content-type")},
        .header_values = {SLICE("application/json;charset=UTF-8")},
        .header_count = 1,
        .body = signing->composition->body,
    };
    if (!slice_empty(signing->token)) {
        struct slice token = percent_encoded(signing->token, signing->arena);

        request->path = arena_printf(signing->arena, "%.*s?token=%.*s", SLICE_ARGS(request->path), SLICE_ARGS(token));
    }
    return !arena_failed(signing->arena);
}

/* --- */

#define TASK "/openapi/outbound/v1/task/"

static const struct operation operations[] = {
    {"account.resources.query", "二", "/openapi/config/v1/query", true, false, 1, compose_resources, NULL},
    {"call.dial", "三", TASK "callout", false, true, GATHER_MAX, yeta_compose_dial, yeta_dials_together},
    {"task.create", "四", TASK "create", false, false, 1, compose_create, NULL},
    {"task.add", "五", TASK "insert", false, false, 1, yeta_compose_add, NULL},
    {"task.start", "六", TASK "start", true, false, 1, compose_task, NULL},
    {"task.pause", "七", TASK "pause", true, false, 1, compose_task, NULL},
    {"task.delete", "八", TASK "delete", true, false, 1, compose_task, NULL},
    {"task.query", "九", TASK "query", true, false, 1, compose_query, NULL},
    {"push.recover", "十", "/openapi/download/v1/push/failed", true, false, 1, compose_recover, NULL},
    {0},
};

static const struct operation token_operation = {"",  "一", "/openapi/oauth/v1/token", true, false, 1, compose_token,
                                                 NULL};

const struct call_side yeta_calls = {
    .base_url = "https://www.xfyeta.com",
    .account_settings = account_settings,
    .limits = {.concurrency = CONCURRENCY},
    .operations = operations,
    .token_operation = &token_operation,
    .token_ahead_ms = TOKEN_AHEAD_MS,
    .sign = sign,
    .interpret = yeta_interpret,
    .identity_setting = YETA_APP_KEY,
};

struct slice
yeta_setting(const struct composition_input *input, enum yeta_account_setting setting)
{
    struct slice given = input->settings[setting];

    return slice_empty(given) ? slice_from(account_settings[setting].fallback) : given;
}

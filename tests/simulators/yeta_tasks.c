/* The life of yeta's tasks: new, filled, started, paused, deleted. */
#include "simulators/yeta_tasks.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "simulators/members.h"
#include "simulators/yeta_rows.h"

#define TASKS_MAX     4096
#define NAME_BYTES    128
#define FIRST_TASK    504138886481984u   /* as long as the document's */
#define FIRST_DATA_ID 32264888839704576u /* the same, and more than a double can hold */
#define PAGE_MAX      50
#define RECALLS_MAX   3

struct task {
    char name[NAME_BYTES], robot[NAME_BYTES], line[NAME_BYTES];
    enum task_status status;
    bool deleted;
    uint64_t rows;
    int64_t created_ms;
};

struct tasks {
    struct vendor_context context;
    struct task list[TASKS_MAX]; /* number n's id is FIRST_TASK + n */
    size_t count;
    uint64_t rows; /* of all tasks and callouts */
};

struct tasks *
tasks_new(const struct vendor_context *context)
{
    struct tasks *tasks = calloc(1, sizeof(*tasks));

    if (tasks != NULL) {
        tasks->context = *context;
    }
    return tasks;
}

void
tasks_free(struct tasks *tasks)
{
    free(tasks);
}

size_t
tasks_count(const struct tasks *tasks)
{
    return tasks->count;
}

uint64_t
tasks_rows(const struct tasks *tasks)
{
    return tasks->rows;
}

/* The first of the texts that is not there. */
static const char *
missing_text(const struct value *body, const char *const *names)
{
    while (*names != NULL && !slice_empty(string_of(body, *names))) {
        names++;
    }
    return *names;
}

/* Whether that member, if it is there, is a whole number from least to most. */
static bool
number_within(const struct value *body, const char *name, int64_t least, int64_t most)
{
    const struct value *value = value_member(body, name);
    char *end;
    int64_t number = value == NULL || value->kind != VALUE_NUMBER ? 0 : strtoll(value->text.data, &end, 10);

    return value == NULL || (value->kind == VALUE_NUMBER && end == value->text.data + value->text.length &&
                             number >= least && number <= most);
}

static struct rows
numbered(struct tasks *tasks, struct rows rows)
{
    rows.first_id = FIRST_DATA_ID + tasks->rows;
    tasks->rows += rows.count;
    return rows;
}

unsigned
tasks_callout(struct tasks *tasks, const struct vendor_call *call, struct json_writer *writer, const char **what)
{
    static const char *const needed[] = {"robot_id", "line_num", NULL};
    struct rows rows;
    unsigned fault;

    *what = missing_text(call->body, needed);
    if (*what != NULL) {
        return 10005;
    }
    *what = "robot_speed";
    if (!number_within(call->body, "robot_speed", -500, 500)) {
        return 200206;
    }
    fault = rows_check(&tasks->context, call->body, &rows, what);
    if (fault != 0) {
        return fault;
    }
    rows = numbered(tasks, rows);
    rows_write_ids(&rows, writer);
    rows_push(&tasks->context, call, &rows, (struct slice)SLICE("0"), string_of(call->body, "robot_id"),
              string_of(call->body, "line_num"));
    return 0;
}

static void
keep_text(char kept[NAME_BYTES], struct slice text)
{
    (void)snprintf(kept, NAME_BYTES, "%.*s", text.length < NAME_BYTES ? (int)text.length : 0, text.data);
}

unsigned
tasks_create(struct tasks *tasks, const struct vendor_call *call, struct json_writer *writer, const char **what)
{
    static const char *const needed[] = {"task_name", "line_num", "robot_id", NULL};
    struct task *task = &tasks->list[tasks->count];
    char id[24];

    *what = missing_text(call->body, needed);
    if (*what != NULL) {
        return 10005;
    }
    *what = "recall_count, time_begin or time_end";
    if (!number_within(call->body, "recall_count", 0, RECALLS_MAX) || value_member(call->body, "time_begin") == NULL ||
        !number_within(call->body, "time_begin", 1000000000000, INT64_MAX) ||
        !number_within(call->body, "time_end", 1000000000000, INT64_MAX)) {
        return 10005;
    }
    *what = "no more tasks";
    if (tasks->count == TASKS_MAX) {
        return 10004;
    }
    *task = (struct task){.status = TASK_NEW, .created_ms = call->wall_ns / 1000000};
    keep_text(task->name, string_of(call->body, "task_name"));
    keep_text(task->robot, string_of(call->body, "robot_id"));
    keep_text(task->line, string_of(call->body, "line_num"));
    (void)snprintf(id, sizeof(id), "%" PRIu64, FIRST_TASK + tasks->count++);
    member_open(writer, "result", '{');
    member_text(writer, "task_id", id);
    json_close(writer, '}');
    return 0;
}

/* The task that is meant, or yeta's code for what there is instead. */
static unsigned
find_task(struct tasks *tasks, const struct vendor_call *call, struct task **task, const char **what)
{
    struct slice text = string_of(call->body, "task_id");
    char copy[24];
    uint64_t number;

    *what = "task_id";
    (void)snprintf(copy, sizeof(copy), "%.*s", text.length < sizeof(copy) ? (int)text.length : 0, text.data);
    number = strtoull(copy, NULL, 10);
    if (number < FIRST_TASK || number - FIRST_TASK >= tasks->count) {
        return 200202;
    }
    *task = &tasks->list[number - FIRST_TASK];
    if ((*task)->deleted) {
        return 3010102;
    }
    return (*task)->status == TASK_FINISHED ? 3010101 : 0;
}

static void
write_nothing(struct json_writer *writer)
{
    member_open(writer, "result", '{');
    json_close(writer, '}');
}

unsigned
tasks_insert(struct tasks *tasks, const struct vendor_call *call, struct json_writer *writer, const char **what)
{
    struct task *task;
    struct rows rows;
    unsigned fault = find_task(tasks, call, &task, what);

    if (fault != 0) {
        return fault;
    }
    *what = "a task that was started takes no more rows";
    if (task->status != TASK_NEW) {
        return 200200;
    }
    fault = rows_check(&tasks->context, call->body, &rows, what);
    if (fault != 0) {
        return fault;
    }
    rows = numbered(tasks, rows);
    task->rows += rows.count;
    rows_write_ids(&rows, writer);
    return 0;
}

unsigned
tasks_start(struct tasks *tasks, const struct vendor_call *call, struct json_writer *writer, const char **what)
{
    struct task *task;
    unsigned fault = find_task(tasks, call, &task, what);

    if (fault == 0) {
        task->status = TASK_STARTED;
        write_nothing(writer);
    }
    return fault;
}

unsigned
tasks_pause(struct tasks *tasks, const struct vendor_call *call, struct json_writer *writer, const char **what)
{
    struct task *task;
    unsigned fault = find_task(tasks, call, &task, what);

    if (fault == 0 && task->status == TASK_NEW) {
        *what = "the task was not started";
        return 200200;
    }
    if (fault == 0) {
        task->status = TASK_PAUSED;
        write_nothing(writer);
    }
    return fault;
}

unsigned
tasks_delete(struct tasks *tasks, const struct vendor_call *call, struct json_writer *writer, const char **what)
{
    struct task *task;
    unsigned fault = find_task(tasks, call, &task, what);

    if (fault == 0) {
        task->deleted = true;
        write_nothing(writer);
    }
    return fault;
}

/* --- 九 --- */

static bool
has_status(const struct value *wanted, enum task_status status)
{
    if (wanted == NULL || wanted->count == 0) {
        return true;
    }
    for (const struct value *element = wanted->first; element != NULL; element = element->next) {
        if (strtol(element->text.data, NULL, 10) == (long)status) {
            return true;
        }
    }
    return false;
}

static int64_t
number_of(const struct value *body, const char *name, int64_t fallback)
{
    const struct value *value = value_member(body, name);

    return value == NULL || value->kind != VALUE_NUMBER ? fallback : strtoll(value->text.data, NULL, 10);
}

static bool
task_fits(const struct task *task, const char *id, const struct value *body)
{
    struct slice wanted = string_of(body, "task_id");
    struct slice name = string_of(body, "task_name");

    return (slice_empty(wanted) || slice_is(wanted, id)) &&
           (slice_empty(name) || memmem(task->name, strlen(task->name), name.data, name.length) != NULL) &&
           task->created_ms >= number_of(body, "time_begin", 0) &&
           task->created_ms <= number_of(body, "time_end", INT64_MAX) &&
           has_status(value_member(body, "task_status_list"), task->status);
}

static void
write_task(const struct task *task, const char *id, struct json_writer *writer)
{
    json_open(writer, '{');
    member_text(writer, "task_id", id);
    member_text(writer, "task_name", task->name);
    member_integer(writer, "status", task->status);
    member_integer(writer, "task_type", 0);
    member_integer(writer, "deleted", task->deleted);
    member_integer(writer, "time_task_start", task->created_ms);
    member_integer(writer, "count_tel", (int64_t)task->rows);
    member_text(writer, "line_num", task->line);
    member_text(writer, "robot_id", task->robot);
    json_close(writer, '}');
}

unsigned
tasks_query(struct tasks *tasks, const struct vendor_call *call, struct json_writer *writer, const char **what)
{
    int64_t size = number_of(call->body, "page_size", 20);
    int64_t skip = (number_of(call->body, "page_index", 1) - 1) * size;
    int64_t found = 0;

    *what = "page_size or page_index";
    if (!number_within(call->body, "page_size", 1, PAGE_MAX) || !number_within(call->body, "page_index", 1, 1000000)) {
        return 10005;
    }
    member_open(writer, "result", '{');
    member_open(writer, "rows", '[');
    for (size_t i = 0; i < tasks->count; i++) {
        char id[24];

        (void)snprintf(id, sizeof(id), "%" PRIu64, FIRST_TASK + i);
        if (task_fits(&tasks->list[i], id, call->body) && found++ >= skip && found <= skip + size) {
            write_task(&tasks->list[i], id, writer);
        }
    }
    json_close(writer, ']');
    member_integer(writer, "total_rows", found);
    json_close(writer, '}');
    return 0;
}

/* Rows of numbers: their check, their ids, their call records. */
#include "simulators/yeta_rows.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>

#include "simulators/members.h"

#define NUMBER_BYTES 32

static bool
refused_number(const struct vendor_context *context, struct slice number)
{
    char text[NUMBER_BYTES];

    if (number.length < 5 || number.length >= sizeof(text)) {
        return true;
    }
    for (size_t i = 0; i < number.length; i++) {
        if (number.data[i] < '0' || number.data[i] > '9') {
            return true;
        }
    }
    (void)snprintf(text, sizeof(text), "%.*s", SLICE_ARGS(number));
    return fnmatch(context->options->refused_numbers, text, 0) == 0;
}

static bool
all_strings(const struct value *list)
{
    for (const struct value *element = list->first; element != NULL; element = element->next) {
        if (element->kind != VALUE_STRING) {
            return false;
        }
    }
    return list->kind == VALUE_ARRAY && list->count > 0;
}

unsigned
rows_check(const struct vendor_context *context, const struct value *body, struct rows *rows, const char **what)
{
    rows->columns = value_member(body, "call_column");
    rows->list = value_member(body, "call_list");
    *what = "call_column";
    if (rows->columns == NULL || !all_strings(rows->columns)) {
        return 10005;
    }
    *what = "call_list";
    if (rows->list == NULL || rows->list->kind != VALUE_ARRAY || rows->list->count == 0) {
        return 10005;
    }
    if (rows->list->count > ROWS_MAX) {
        return 200213;
    }
    for (const struct value *row = rows->list->first; row != NULL; row = row->next) {
        if (!all_strings(row)) {
            return 10005;
        }
        if (row->count != rows->columns->count) {
            return 200212;
        }
        if (refused_number(context, row->first->text)) {
            return 200203;
        }
    }
    rows->count = rows->list->count;
    return 0;
}

void
rows_write_ids(const struct rows *rows, struct json_writer *writer)
{
    member_open(writer, "result", '{');
    member_integer(writer, "total", (int64_t)rows->count);
    member_open(writer, "task_data_ids", '[');
    for (size_t i = 0; i < rows->count; i++) {
        json_integer(writer, (int64_t)(rows->first_id + i));
    }
    json_close(writer, ']');
    json_close(writer, '}');
}

/* --- pushes --- */

struct pushed_row {
    const struct rows *rows;
    const struct value *row;
    size_t index;
    struct slice uuid, data_id, task, robot, line;
    int64_t dialed_ms;
};

/* Full: with what only an outbound call's second record has. */
static struct slice
record_push(const struct pushed_row *pushed, bool full, struct arena *arena)
{
    struct json_writer writer;

    json_writer_init(&writer, arena, 1024);
    json_open(&writer, '{');
    member_text(&writer, "business_id", "2745");
    member_slice(&writer, "robot_id", pushed->robot);
    member_slice(&writer, "call_uuid", pushed->uuid);
    member_slice(&writer, "task_id", pushed->task);
    member_slice(&writer, "task_data_id", pushed->data_id);
    member_slice(&writer, "caller", pushed->line);
    member_slice(&writer, "callee", pushed->row->first->text);
    member_integer(&writer, "direction", 2);
    member_integer(&writer, "time_dial", pushed->dialed_ms);
    member_integer(&writer, "time_ring", pushed->dialed_ms + 700);
    member_integer(&writer, "time_answer", pushed->dialed_ms + 5700);
    member_integer(&writer, "time_hangup", pushed->dialed_ms + 25700);
    member_integer(&writer, "duration_ring", 5);
    member_integer(&writer, "duration_call", 20);
    if (full) {
        member_text(&writer, "task_result", "0");
        member_text(&writer, "task_result_desc", "成功");
        member_integer(&writer, "task_tries", 0);
        member_integer(&writer, "task_row_index", (int64_t)pushed->index);
        json_name(&writer, slice_from("task_row_head"));
        json_value(&writer, pushed->rows->columns);
        json_name(&writer, slice_from("task_row_value"));
        json_value(&writer, pushed->row);
    }
    json_close(&writer, '}');
    return json_finish(&writer);
}

void
rows_push(const struct vendor_context *context, const struct vendor_call *call, const struct rows *rows,
          struct slice task, struct slice robot, struct slice line)
{
    struct pushed_row pushed = {.rows = rows, .task = task, .robot = robot, .line = line};

    pushed.dialed_ms = call->wall_ns / 1000000;
    for (pushed.row = rows->list->first; pushed.row != NULL && context->pushes != NULL; pushed.row = pushed.row->next) {
        struct story *story = story_new(context->pushes);

        pushed.uuid = arena_printf(call->arena, "%016" PRIx64 "-%016" PRIx64, chance_draw(context->chance),
                                   chance_draw(context->chance));
        pushed.data_id = arena_printf(call->arena, "%" PRIu64, rows->first_id + pushed.index);
        pushed.index++;
        story_add(story, "/receiveCallRecord", record_push(&pushed, false, call->arena));
        story_add(story, "/receiveCallRecord", record_push(&pushed, true, call->arena));
        story_tell(story);
    }
}

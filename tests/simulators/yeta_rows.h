/* Rows of numbers as yeta takes them (三 and 五), and the call records that it pushes about each (Part 2, 一). */
#pragma once

#include "simulators/vendor.h"

#define ROWS_MAX 50

struct rows {
    const struct value *columns, *list; /* checked */
    size_t count;
    uint64_t first_id; /* task_data_ids count up from here */
};

/* yeta's code for what call_column and call_list of the body are; 0: fine. One row that is not refuses them all. */
unsigned rows_check(const struct vendor_context *context, const struct value *body, struct rows *rows,
                    const char **what);
/* The member `result` with total and task_data_ids. */
void rows_write_ids(const struct rows *rows, struct json_writer *writer);
/* Two records a row, the basic one first. task: its id. */
void rows_push(const struct vendor_context *context, const struct vendor_call *call, const struct rows *rows,
               struct slice task, struct slice robot, struct slice line);

/* yeta's callouts (三) and tasks (四 to 九), with the rows that were given to them. A callout's calls are pushed, a
 * task's are not: it is never carried out here. */
#pragma once

#include "simulators/vendor.h"

struct tasks;

/* Of a task; the document's numbers. */
enum task_status {
    TASK_NEW = 0,
    TASK_STARTED = 1,
    TASK_PAUSED = 3,
    TASK_FINISHED = 4,
};

struct tasks *tasks_new(const struct vendor_context *context);
void tasks_free(struct tasks *tasks);
size_t tasks_count(const struct tasks *tasks);
uint64_t tasks_rows(const struct tasks *tasks);

/* Each returns yeta's code, 0 for success, and what is wrong in *what. Results are written as the member `result`. */
unsigned tasks_callout(struct tasks *tasks, const struct vendor_call *call, struct json_writer *writer,
                       const char **what);
unsigned tasks_create(struct tasks *tasks, const struct vendor_call *call, struct json_writer *writer,
                      const char **what);
unsigned tasks_insert(struct tasks *tasks, const struct vendor_call *call, struct json_writer *writer,
                      const char **what);
unsigned tasks_start(struct tasks *tasks, const struct vendor_call *call, struct json_writer *writer,
                     const char **what);
unsigned tasks_pause(struct tasks *tasks, const struct vendor_call *call, struct json_writer *writer,
                     const char **what);
unsigned tasks_delete(struct tasks *tasks, const struct vendor_call *call, struct json_writer *writer,
                      const char **what);
unsigned tasks_query(struct tasks *tasks, const struct vendor_call *call, struct json_writer *writer,
                     const char **what);

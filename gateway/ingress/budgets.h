/* The budgets of a worker's tickets: how long each may wait to become durable. Sources share a list of deadlines for
 * each duration, so that a ticket's outlives a reload that takes its source away. */
#pragma once

#include "config/config.h"
#include "ingress/deadline.h"

struct budgets;

/* on_due as a deadline list's. NULL when out of memory. */
struct budgets *budgets_new(struct janitor *janitor, void (*on_due)(struct deadline *deadline));
void budgets_free(struct budgets *budgets); /* NULL is fine */

/* The deadline of a ticket begins to run. */
void budgets_begin(struct budgets *budgets, unsigned budget_ms, struct deadline *deadline, int64_t now_ns);
/* All of them are due now. */
void budgets_expire(struct budgets *budgets);
/* Forgets the durations that nobody waits for. Not from on_due. */
void budgets_prune(struct budgets *budgets);

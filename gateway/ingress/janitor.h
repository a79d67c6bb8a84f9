/* The one timer of a worker: while any deadline waits it looks at the heads of all lists, every DEADLINE_TICK_NS. */
#pragma once

#include <stddef.h>

#include "base/clock.h"
#include "ingress/deadline.h"

struct event_base;
struct janitor;

/* Looks after so many lists at most. NULL when out of memory. */
struct janitor *janitor_new(struct event_base *base, const struct clock *clock, size_t lists);
void janitor_free(struct janitor *janitor); /* NULL is fine */
/* What is in this list is served early_ns before it is due, rather than up to a tick late. */
void janitor_watch(struct janitor *janitor, struct deadline_list *list, int64_t early_ns);
/* Something waits from now on. */
void janitor_wake(struct janitor *janitor);

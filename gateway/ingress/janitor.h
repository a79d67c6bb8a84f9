/* The one timer of a worker: while any deadline waits it looks at the heads of all lists, every DEADLINE_TICK_NS. */
#pragma once

#include "base/clock.h"
#include "ingress/deadline.h"

struct event_base;
struct janitor;

/* NULL when out of memory. */
struct janitor *janitor_new(struct event_base *base, const struct clock *clock);
void janitor_free(struct janitor *janitor); /* NULL is fine */
/* What is in this list is served early_ns before it is due, rather than up to a tick late. */
void janitor_watch(struct janitor *janitor, struct deadline_list *list, int64_t early_ns);
/* The list is empty, and will be gone. Not from an on_due. */
void janitor_unwatch(struct janitor *janitor, struct deadline_list *list);
/* Something waits from now on. */
void janitor_wake(struct janitor *janitor);

/* Deadlines of one worker. Those of a kind last equally long, so each kind is a list in which the next one due is the
 * first: setting, clearing and finding the next costs the same with one deadline or with a million. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define DEADLINE_TICK_NS ((int64_t)20000000) /* how often the janitor looks */

struct deadline_list;

/* Lives inside what it watches over; zeroed means not set. */
struct deadline {
    struct deadline *next, *previous;
    struct deadline_list *list; /* NULL: not set */
    int64_t at_ns;              /* monotonic */
};

struct janitor;

struct deadline_list {
    struct deadline *first, *last;
    int64_t duration_ns;
    /* The deadline is cleared before it is called; it may set it again, and clear or set any other. */
    void (*on_due)(struct deadline *deadline);
    struct janitor *janitor; /* NULL in tests: nobody to wake */

    /* The janitor's. */
    struct deadline_list *next_watched;
    int64_t early_ns;
};

/* on_due is called by deadline_list_expire; see janitor.h. */
void deadline_list_init(struct deadline_list *list, int64_t duration_ns, void (*on_due)(struct deadline *deadline));
/* From now on, duration_ns of that list; one that was set before, in any list, is replaced. now_ns never runs back. */
void deadline_set(struct deadline_list *list, struct deadline *deadline, int64_t now_ns);
void deadline_clear(struct deadline *deadline); /* fine when it is not set */
/* Calls on_due of all that are due at until_ns. */
void deadline_list_expire(struct deadline_list *list, int64_t until_ns);

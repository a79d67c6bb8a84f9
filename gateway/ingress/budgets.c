/* Lists of deadlines in the order of their durations; there are as many as sources have different budgets, mostly two
 * or three. */
#include "ingress/budgets.h"

#include <stdlib.h>

#include "ingress/janitor.h"

#define MILLISECOND_NS ((int64_t)1000000)

struct budget {
    struct deadline_list list;
    unsigned duration_ms;
    struct budget *next; /* a longer one */
};

struct budgets {
    struct janitor *janitor;
    void (*on_due)(struct deadline *deadline);
    struct budget *shortest; /* of 0 ms, there from the beginning: what is left when there is no memory for another */
};

static struct budget *
budget_new(struct budgets *budgets, unsigned duration_ms)
{
    struct budget *budget = calloc(1, sizeof *budget);

    if (budget != NULL) {
        budget->duration_ms = duration_ms;
        deadline_list_init(&budget->list, duration_ms * MILLISECOND_NS, budgets->on_due);
        janitor_watch(budgets->janitor, &budget->list, DEADLINE_TICK_NS); /* rather early than late */
    }
    return budget;
}

struct budgets *
budgets_new(struct janitor *janitor, void (*on_due)(struct deadline *deadline))
{
    struct budgets *budgets = calloc(1, sizeof *budgets);

    if (budgets == NULL) {
        return NULL;
    }
    budgets->janitor = janitor;
    budgets->on_due = on_due;
    budgets->shortest = budget_new(budgets, 0);
    if (budgets->shortest == NULL) {
        free(budgets);
        return NULL;
    }
    return budgets;
}

void
budgets_free(struct budgets *budgets)
{
    if (budgets == NULL) {
        return;
    }
    while (budgets->shortest != NULL) {
        struct budget *budget = budgets->shortest;

        budgets->shortest = budget->next;
        janitor_unwatch(budgets->janitor, &budget->list);
        free(budget);
    }
    free(budgets);
}

/* That of this duration; without memory for it the longest of those that are shorter. */
static struct budget *
find(struct budgets *budgets, unsigned duration_ms)
{
    struct budget *found = budgets->shortest;
    struct budget *made;

    while (found->next != NULL && found->next->duration_ms <= duration_ms) {
        found = found->next;
    }
    if (found->duration_ms == duration_ms) {
        return found;
    }
    made = budget_new(budgets, duration_ms);
    if (made == NULL) {
        return found;
    }
    made->next = found->next;
    found->next = made;
    return made;
}

void
budgets_begin(struct budgets *budgets, unsigned budget_ms, struct deadline *deadline, int64_t now_ns)
{
    deadline_set(&find(budgets, budget_ms)->list, deadline, now_ns);
}

void
budgets_expire(struct budgets *budgets)
{
    for (struct budget *budget = budgets->shortest; budget != NULL; budget = budget->next) {
        deadline_list_expire(&budget->list, INT64_MAX);
    }
}

void
budgets_prune(struct budgets *budgets)
{
    for (struct budget **at = &budgets->shortest->next; *at != NULL;) {
        struct budget *budget = *at;

        if (budget->list.first != NULL) {
            at = &budget->next;
            continue;
        }
        *at = budget->next;
        janitor_unwatch(budgets->janitor, &budget->list);
        free(budget);
    }
}

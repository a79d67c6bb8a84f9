/* Lists of deadlines, and nothing of loops: the janitor calls deadline_list_expire. */
#include "ingress/deadline.h"

#include <stddef.h>

#include "ingress/janitor.h"

void
deadline_list_init(struct deadline_list *list, int64_t duration_ns, void (*on_due)(struct deadline *deadline))
{
    *list = (struct deadline_list){.duration_ns = duration_ns, .on_due = on_due};
}

void
deadline_set(struct deadline_list *list, struct deadline *deadline, int64_t now_ns)
{
    deadline_clear(deadline);
    deadline->list = list;
    deadline->at_ns = now_ns + list->duration_ns;
    deadline->previous = list->last;
    if (list->last != NULL) {
        list->last->next = deadline;
    } else {
        list->first = deadline;
    }
    list->last = deadline;
    if (list->janitor != NULL) {
        janitor_wake(list->janitor);
    }
}

void
deadline_clear(struct deadline *deadline)
{
    struct deadline_list *list = deadline->list;

    if (list == NULL) {
        return;
    }
    if (deadline->previous != NULL) {
        deadline->previous->next = deadline->next;
    } else {
        list->first = deadline->next;
    }
    if (deadline->next != NULL) {
        deadline->next->previous = deadline->previous;
    } else {
        list->last = deadline->previous;
    }
    *deadline = (struct deadline){.at_ns = deadline->at_ns};
}

void
deadline_list_expire(struct deadline_list *list, int64_t until_ns)
{
    while (list->first != NULL && list->first->at_ns <= until_ns) {
        struct deadline *due = list->first;

        deadline_clear(due);
        list->on_due(due);
    }
}

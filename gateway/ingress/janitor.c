/* The janitor's rounds: a timer that runs only while something waits. */
#include "ingress/janitor.h"

#include <event2/event.h>
#include <stdlib.h>

struct janitor {
    const struct clock *clock;
    struct event *timer;
    bool awake;
    struct deadline_list *first; /* of those that it watches */
};

static void
on_tick(evutil_socket_t fd, short what, void *argument)
{
    struct janitor *janitor = argument;
    int64_t now_ns = clock_monotonic_ns(janitor->clock);
    bool waiting = false;

    (void)fd;
    (void)what;
    janitor->awake = false;
    for (struct deadline_list *list = janitor->first; list != NULL; list = list->next_watched) {
        deadline_list_expire(list, now_ns + list->early_ns);
    }
    for (struct deadline_list *list = janitor->first; list != NULL; list = list->next_watched) {
        waiting = waiting || list->first != NULL;
    }
    if (waiting) {
        janitor_wake(janitor);
    }
}

struct janitor *
janitor_new(struct event_base *base, const struct clock *clock)
{
    struct janitor *janitor = calloc(1, sizeof *janitor);

    if (janitor == NULL) {
        return NULL;
    }
    janitor->clock = clock;
    janitor->timer = evtimer_new(base, on_tick, janitor);
    if (janitor->timer == NULL) {
        free(janitor);
        return NULL;
    }
    return janitor;
}

void
janitor_free(struct janitor *janitor)
{
    if (janitor == NULL) {
        return;
    }
    event_free(janitor->timer);
    free(janitor);
}

void
janitor_watch(struct janitor *janitor, struct deadline_list *list, int64_t early_ns)
{
    list->janitor = janitor;
    list->early_ns = early_ns;
    list->next_watched = janitor->first;
    janitor->first = list;
}

void
janitor_unwatch(struct janitor *janitor, struct deadline_list *list)
{
    struct deadline_list **at = &janitor->first;

    while (*at != list) {
        at = &(*at)->next_watched;
    }
    *at = list->next_watched;
    list->janitor = NULL;
}

void
janitor_wake(struct janitor *janitor)
{
    static const struct timeval tick = {.tv_usec = DEADLINE_TICK_NS / 1000};

    if (janitor->awake) {
        return;
    }
    /* A timer fails only for want of memory; the next deadline that is set tries again. */
    janitor->awake = evtimer_add(janitor->timer, &tick) == 0;
}

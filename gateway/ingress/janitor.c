/* The janitor's rounds: a timer that runs only while something waits. */
#include "ingress/janitor.h"

#include <event2/event.h>
#include <stdlib.h>

struct janitor {
    const struct clock *clock;
    struct event *timer;
    bool awake;
    size_t count;
    struct round {
        struct deadline_list *list;
        int64_t early_ns;
    } rounds[];
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
    for (size_t i = 0; i < janitor->count; i++) {
        deadline_list_expire(janitor->rounds[i].list, now_ns + janitor->rounds[i].early_ns);
    }
    for (size_t i = 0; i < janitor->count; i++) {
        waiting = waiting || janitor->rounds[i].list->first != NULL;
    }
    if (waiting) {
        janitor_wake(janitor);
    }
}

struct janitor *
janitor_new(struct event_base *base, const struct clock *clock, size_t lists)
{
    struct janitor *janitor = calloc(1, sizeof *janitor + lists * sizeof *janitor->rounds);

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
    janitor->rounds[janitor->count++] = (struct round){list, early_ns};
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

/* Timers of the loop, set in milliseconds. */
#pragma once

#include <event2/event.h>
#include <stdint.h>

/* Sets it, or sets it anew. Fails only when memory is out, and then the event does not come: whoever depends on it
 * looks again at its next round. */
static inline void
timer_after_ms(struct event *timer, int64_t milliseconds)
{
    struct timeval delay = {.tv_sec = milliseconds / 1000, .tv_usec = milliseconds % 1000 * 1000};

    (void)event_add(timer, &delay);
}

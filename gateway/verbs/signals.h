/* The signals that end a process or mean something to it, brought to the loop. */
#pragma once

#include <stdbool.h>

#define EXIT_HARD 130 /* ended at once, by a signal on top of another */

struct event_base;
struct signals;

/* SIGTERM, SIGINT and SIGHUP come to on_signal, on the loop; SIGPIPE is ignored. NULL when out of memory. */
struct signals *signals_new(struct event_base *base, void (*on_signal)(void *argument, int number), void *argument);
/* From now on SIGTERM and SIGINT end the process at once: for when its loop has ended. As PID 1 they would be ignored
 * by default. NULL is fine. */
void signals_free(struct signals *signals);

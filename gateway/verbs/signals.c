/* The signals, by libevent while the loop runs and by hand afterwards. */
#include "verbs/signals.h"

#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#define SIGNAL_COUNT 3

struct signals {
    struct event *events[SIGNAL_COUNT];
    void (*on_signal)(void *argument, int number);
    void *argument;
};

static const int signal_numbers[SIGNAL_COUNT] = {SIGTERM, SIGINT, SIGHUP};

static void
on_event(evutil_socket_t number, short what, void *argument)
{
    struct signals *signals = argument;

    (void)what;
    signals->on_signal(signals->argument, (int)number);
}

struct signals *
signals_new(struct event_base *base, void (*on_signal)(void *argument, int number), void *argument)
{
    struct signals *signals = calloc(1, sizeof(*signals));

    if (signals == NULL) {
        return NULL;
    }
    signals->on_signal = on_signal;
    signals->argument = argument;
    (void)signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < SIGNAL_COUNT; i++) {
        signals->events[i] = evsignal_new(base, signal_numbers[i], on_event, signals);
        if (signals->events[i] == NULL || event_add(signals->events[i], NULL) != 0) {
            signals_free(signals);
            return NULL;
        }
    }
    return signals;
}

static void
on_late_signal(int number)
{
    if (number != SIGHUP) {
        _exit(EXIT_HARD);
    }
}

void
signals_free(struct signals *signals)
{
    if (signals == NULL) {
        return;
    }
    for (size_t i = 0; i < SIGNAL_COUNT; i++) {
        if (signals->events[i] != NULL) {
            event_free(signals->events[i]);
            (void)signal(signal_numbers[i], on_late_signal);
        }
    }
    free(signals);
}

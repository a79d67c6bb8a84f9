/* Listening sockets that whoever started the process hands over, as systemd does (sd_listen_fds(3)): LISTEN_FDS says
 * how many there are, from descriptor 3 on, LISTEN_PID for which process. The one who holds them lets them live while
 * this process ends and the next one starts, so that no client is refused or reset in between. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/slice.h"

#define HANDOVER_FIRST 3
#define HANDOVER_MAX   256

struct handover {
    int sockets[HANDOVER_MAX];
    size_t count; /* 0: there are none for us */
};

/* Takes what the environment names, and removes that from it: no child shall take it for its own. Once, before threads
 * are started. The sockets are closed in programs that are executed from here. false with an error that says what to
 * do: a number that is none, a descriptor from which no callback can be accepted. */
bool handover_take(struct handover *handover, struct error *error) MUST_CHECK;

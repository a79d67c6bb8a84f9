/* A simulator does what a vendor's API does: it checks requests as the vendor would, keeps the vendor's limit at its
 * own door, writes down every call, and misbehaves when it is told to. For `trunkline dev`, for `trunkline simulate`,
 * and for the tests, whose witness it is: it shares no code with the worker's call side.
 *
 * Beside the vendor's own paths it serves, without counting them as calls:
 *   GET  /simulator/calls?since=N   the calls behind number N: {"calls": [...], "last": n, "forgotten": n}
 *   GET  /simulator/state           counters; see serve_state in control.c
 *   POST /simulator/behaviour       one object or a list of them, behind those that are there; see behaviour.h
 *   POST /simulator/reset           no calls, no behaviours, an empty window, as just started (but the vendor forgets
 * nothing) POST /simulator/options         {"limit": n, "window_ms": n, "token_seconds": n} POST /simulator/revoke
 * yeta: every token is void from now on The same on the control port, where no behaviour can disturb them. */
#pragma once

#include <stdint.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/error.h"

struct event_base;
struct simulator;

enum simulated_vendor {
    SIMULATED_SEVENMOOR,
    SIMULATED_YETA,
};

/* Texts are copied; NULL counts as empty. */
struct simulator_options {
    enum simulated_vendor vendor;
    int socket;            /* of simulator_listen, the simulator's from then on; 0: none, it listens by itself */
    unsigned port;         /* on 127.0.0.1, where there is no socket; 0: any */
    unsigned control_port; /* the same */
    const char *key;       /* 7moor's m7-appkey, yeta's app_key */
    const char *secret;    /* 7moor's secretKey, yeta's app_secret */
    unsigned limit;        /* calls in a window; 0: any number */
    unsigned window_ms;
    unsigned token_seconds;      /* yeta: for how long a token is valid */
    bool single_token;           /* yeta: a new one makes the older ones void */
    const char *refused_numbers; /* yeta: a row whose number matches this glob refuses its whole batch */
    const char *push_url;        /* where the vendor's pushes go, without the vendor's endpoint; empty: none are made */
    unsigned push_step_ms;       /* between the pushes of one call */
    FILE *ledger;                /* a line a call, flushed each; NULL: in memory only. The caller's */
    uint64_t seed;               /* of what is left to chance; the same one gives the same again */
};

/* For those who must know the URL before there is a loop: listens on any port of 127.0.0.1. Clients that connect wait
 * for the simulator. Returns the socket and its port; -1: error says why. */
int simulator_listen(unsigned *port, struct error *error);

/* Serves on the caller's loop from now on. */
struct simulator *simulator_new(struct event_base *base, const struct clock *clock,
                                const struct simulator_options *options, struct error *error);
void simulator_free(struct simulator *simulator); /* NULL is fine */

/* "http://127.0.0.1:PORT" */
const char *simulator_url(const struct simulator *simulator);
const char *simulator_control_url(const struct simulator *simulator);

/* Reload reads the configuration again while the process runs, when it is asked to (SIGHUP). The file is read and
 * checked, and topics that it names for the first time are made or looked at, on a thread of its own; then the ingress
 * takes it over, between two requests. A file with faults changes nothing.
 *
 *   ask ──▶ thread: file, new topics ──▶ loop: ingress_reload ──▶ every worker has it ──▶ applied
 *                 └──────── faults ────────────────────────────────────────────────────▶ refused */
#pragma once

#include "base/error.h"
#include "base/metrics.h"
#include "config/config.h"

struct event_base;
struct ingress;
struct preparation;
struct reload;

/* config is that of the start, and outlives it. NULL with error. */
struct reload *reload_new(const struct config *config, struct event_base *base, struct metrics *metrics,
                          struct error *error);
/* The ingress is there: from now on what was asked for can be done. preparation is told of other topics. */
void reload_serve(struct reload *reload, struct ingress *ingress, struct preparation *preparation);
/* Who asks while a reload is under way gets another one behind it. NULL is fine. */
void reload_ask(struct reload *reload);
/* The ingress is about to end; nothing more is handed to it. NULL is fine. */
void reload_stop(struct reload *reload);
/* Whether its thread is at work, which the file and Kafka end: reload_free would wait for it. NULL is fine. */
bool reload_loading(const struct reload *reload);
void reload_free(struct reload *reload); /* after the ingress has ended; waits for its thread; NULL is fine */

/* The seam between HTTP and what the gateway does with a request. The connection calls down, an answer comes back up,
 * now or later, exactly once. */
#pragma once

#include "base/error.h"
#include "base/metrics.h"
#include "config/config.h"
#include "ingress/answer.h"
#include "ingress/ticket.h"

struct service;

/* --- called at start and end --- */

/* What admission and conversion keep beside the configuration (handles of their metrics and the like): made with it,
 * and shared by the workers as part of the generation. NULL with error. */
struct service *service_new(const struct config *config, struct metrics *metrics, struct error *error);
void service_free(struct service *service); /* NULL is fine */
/* A reload has taken the source away: metrics that tell of a state do not tell of it any more. */
void service_forget(struct metrics *metrics, const struct source *source);

/* --- called by the connection --- */

/* Judges the head alone: path, method, declared size, address, secret (in that order). Sets the ticket's source. Any
 * refusal is answered at once; where the connection can be kept, its body is then read and thrown away. */
enum refusal admission_check(struct ticket *ticket) MUST_CHECK;
/* The same less what is asked of the sender: for requests that nobody has sent (ingress/rehearsal.h). Of the ticket,
 * generation, arena and head are used. */
enum refusal admission_check_request(struct ticket *ticket) MUST_CHECK;

/* The body is complete: parses, verifies, converts, publishes. Ends, now or later, in ticket_accept or ticket_refuse.
 */
void conversion_start(struct ticket *ticket);

/* The ticket's deadline has passed while its records are on their way: tries the spool, or answers 503. The ticket
 * lives until nobody has its records any more. */
void conversion_overdue(struct ticket *ticket);

/* --- called by the service; they hand the ticket back --- */

/* Answers 200 with the vendor's own answer; ticket->durability says what keeps the event. */
void ticket_accept(struct ticket *ticket, struct answer answer);
/* Answers with a problem; a 405 names the methods of the ticket's source. Either call does nothing for a ticket that is
 * answered already. */
void ticket_refuse(struct ticket *ticket, enum refusal refusal);
/* Nothing refers to it any more: answered, and every record reported. Frees it. */
void ticket_free(struct ticket *ticket);

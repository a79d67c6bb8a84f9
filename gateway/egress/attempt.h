/* An attempt is one request to a vendor, for one command or several, from the moment its commands are taken out of the
 * queue until what came of it is committed. It is owned by one place at a time:
 *
 *   waiting (the account's retries) → loading (the account) → granted (a batch of the outbox) → calling (libcurl)
 *   → concluded (a batch), or back to waiting
 */
#pragma once

#include "adapters/operation.h"
#include "egress/account_state.h"
#include "egress/journal.h"
#include "egress/lane_state.h"

struct call;

enum attempt_state {
    ATTEMPT_WAITING,
    ATTEMPT_LOADING,
    ATTEMPT_GRANTED,
    ATTEMPT_CALLING,
    ATTEMPT_CONCLUDED,
};

#define ATTEMPT_COMMANDS_MAX 50 /* that any vendor takes in one request */

struct attempt {
    struct lane *lane; /* NULL once it was lost */
    struct account_state *state;
    struct egress_service *service;
    const struct account *account;
    enum attempt_state phase;
    struct attempt_id id;
    const struct operation *operation; /* NULL until the first body is loaded */
    entry_t *entries;                  /* malloc'd, of the lane's backlog; all TAKEN */
    struct command **commands;         /* in the arena; NULL: not loaded yet */
    size_t count, capacity;
    size_t fetching; /* bodies on their way */
    bool gathered;   /* what may go with it was looked for */
    bool whole;      /* nothing may be gathered to it: it is a half, or a repeat */
    struct arena *arena;
    struct composition composition;

    bool fresh_spent, token_spent; /* the one repeat that these are good for */
    unsigned failures;             /* in a row, for the back-off */
    int64_t not_before_ns;         /* boot time; while it waits */

    uint32_t slot;
    int64_t granted_ns; /* boot time */
    int64_t lease_ns;   /* boot time until which it may be sent */
    int64_t dispatched_ms, answered_ms;
    unsigned tries; /* this one included */
    uint64_t token_generation;
    struct call *call;
    struct vendor_answer answer; /* of a concluded one that was answered */
    bool answered;

    struct attempt *next, *previous; /* in the list of its owner; previous only among the lane's calls */
};

enum entry_note {
    NOTE_CANCELLED = 1, /* while its body was being read: it is not to be granted */
};

/* For one entry, which is TAKEN; ENTRY_NONE: for none, as the token's. NULL when out of memory: the lane has failed. */
struct attempt *attempt_new(struct account_state *state, entry_t entry);
bool attempt_add(struct attempt *attempt, entry_t entry, struct command *command);
void attempt_drop_command(struct attempt *attempt, size_t index); /* it goes without that one */
/* Frees it; entries and slot are the caller's business. A call that is going on is cut. */
void attempt_free(struct attempt *attempt);

/* Takes a slot, writes the intent and gives it to the outbox. */
void attempt_grant(struct attempt *attempt);
/* The intent is committed; the lease counts from began_ns. */
void attempt_send(struct attempt *attempt, int64_t began_ns);
/* Its call is over: it is no longer among those of the lane, or of those that lost theirs. */
void attempt_ended(struct attempt *attempt);
/* The lane was lost while it was calling: it ends by itself, and is freed. */
void attempt_orphan(struct attempt *attempt);
/* Publishes its answer, if there is one, as `late_answer` of each of its commands. */
void attempt_publish_late(struct attempt *attempt);

/* --- retries.c --- */
void retry_push(struct account_state *state, struct attempt *attempt);
void retry_remove(struct account_state *state, struct attempt *attempt);
/* The one whose time has come and whose priority is best, NULL: none; *wakes_ns is when the next one's comes. */
struct attempt *retry_choose(struct account_state *state, int64_t now_ns, int64_t *wakes_ns);
/* Settles those whose deadline has come: the account may be held or closed, and never look at them. */
void retry_expire(struct account_state *state);
/* Its entries, which stay TAKEN, are tried again from that boot time on, as a new attempt with the same flags. The
 * attempt itself goes without them. false: the lane has failed. */
bool attempt_retry(struct attempt *attempt, size_t first, size_t count, int64_t not_before_ns);
/* Takes the entry's command out of what waits to be tried again, or marks one that is being loaded. false: it is
 * further on. *waiting: it was taken out, and is to be settled. */
bool attempt_withdraw(struct account_state *state, entry_t entry, bool *waiting);

/* --- conclude.c --- */
struct call_outcome;
/* Decides what its end means for the commands, and writes it to the outbox. */
void conclude(struct attempt *attempt, const struct call_outcome *outcome);
/* It was granted and not sent: the slot is free, the commands are tried again after that time. */
void conclude_returned(struct attempt *attempt, int64_t wait_ns);

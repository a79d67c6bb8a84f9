/* What a lane knows of one account while it works: its queue, its limiter, its token, and what waits to be tried again.
 */
#pragma once

#include "config/config.h"
#include "egress/backlog.h"
#include "egress/limiter.h"

struct attempt;
struct event;
struct lane;

enum token_state {
    TOKEN_NONE,
    TOKEN_VALID,
    TOKEN_REFUSED, /* the vendor does not take our credentials: commands fail, until it is tried again */
};

/* Of vendors that use one. The bytes are a secret. */
struct token {
    enum token_state state;
    char *text; /* malloc'd; overwritten before it is freed */
    size_t length;
    uint64_t generation; /* rises with each token */
    int64_t expires_ns;  /* boot time; of TOKEN_REFUSED: when it is tried again */
    int64_t refresh_ns;  /* from here on a new one is fetched ahead */
    int64_t retry_ns;    /* after a failure: not before */
    unsigned failures;
    struct attempt *attempt; /* the one that fetches it; NULL: none does */
};

struct account_state {
    struct lane *lane;
    const struct account *account;
    struct limiter *limiter;
    struct queue queue;
    struct attempt *retries; /* that wait for their time, oldest first */
    size_t retry_count;
    struct attempt *loading; /* whose bodies are being read; at most one */
    struct token token;
    bool held;
    bool closed;    /* it shows in the metrics as closed */
    bool again;     /* there is more to dispatch than one batch takes */
    uint64_t nonce; /* of the next request: counted up from a random start, as six digits drawn anew soon come twice */
    struct event *wake;
    struct account_state *next;
};

struct account_state *account_state_new(struct lane *lane, const struct account *account); /* NULL: out of memory */
void account_state_free(struct account_state *state); /* NULL is fine; its attempts are the lane's business */

/* Something may go now that could not before: grants what can be granted. */
void account_dispatch(struct account_state *state);
/* The same at that boot time, unless something comes first. */
void account_wake_at(struct account_state *state, int64_t at_ns);
/* Whether the account's calling hours allow customers to be called at that wall time; else *opens_ms is when they do.
 */
bool account_hours_open(const struct account *account, int64_t now_ms, int64_t *opens_ms);

/* --- token.c --- */
/* Whether requests of this account can be signed now. When not, or when it is time, it has begun to fetch a token, and
 * account_dispatch is called when there is one. */
bool token_ready(struct account_state *state);
/* The vendor has refused the token of that generation. */
void token_spoiled(struct account_state *state, uint64_t generation);
/* The attempt that fetches it has ended. */
void token_concluded(struct attempt *attempt);
void token_free(struct token *token);

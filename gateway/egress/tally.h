/* What the worker counts. By vendor, not by account: there may be ten thousand of those. */
#pragma once

#include "adapters/operation.h"
#include "base/metrics.h"
#include "config/config.h"
#include "event/result.h"

struct egress_tally;

/* NULL when out of memory. */
struct egress_tally *egress_tally_new(const struct config *config, struct metrics *metrics);
void egress_tally_free(struct egress_tally *tally); /* NULL is fine */

/* A command got a result; adapter NULL: its account is not known. */
void count_result(const struct egress_tally *tally, const struct adapter *adapter, enum result_status status);
/* A request to a vendor ended, took_ns after it was granted its slot. */
void count_request(const struct egress_tally *tally, const struct adapter *adapter, enum call_code code,
                   int64_t took_ns);

/* Things that happen, each a counter of its own. */
enum happening {
    HAPPENED_LEASE_OVER,      /* a granted request was not sent, its lease had run out */
    HAPPENED_LATE_ANSWER,     /* an answer came for a lane that was lost */
    HAPPENED_REPEATED_RESULT, /* a duplicate got its earlier result again */
    HAPPENED_ID_CONFLICT,
    HAPPENED_FORWARDED,
    HAPPENED_DEAD_LETTER,
    HAPPENED_TOKEN_REFRESH,
    HAPPENED_TOKEN_FAILURE,
    HAPPENED_LIMIT_REFUSAL,  /* the vendor said that the account's limit is spent */
    HAPPENED_ITEMS_MISSING,  /* a callout succeeded without one id a row */
    HAPPENED_BODY_GONE,      /* a command's record was deleted by Kafka before its turn */
    HAPPENED_RECORD_REFUSED, /* Kafka took a record of ours only without the vendor's answer, or not at all */
    HAPPENED_TAKEOVER,
    HAPPENED_LANE_LOST,
    HAPPENING_COUNT,
};
void count_happening(const struct egress_tally *tally, enum happening happening);

/* What there is, moved by as much as it changes. */
enum level {
    LEVEL_UNFINISHED, /* commands read and not finished */
    LEVEL_CALLS,      /* requests granted or under way */
    LEVEL_LANES,      /* assigned to this worker */
    LEVEL_LANES_WORKING,
    LEVEL_ACCOUNTS_HELD,
    LEVEL_ACCOUNTS_CLOSED,
    LEVEL_COUNT,
};
void count_level(const struct egress_tally *tally, enum level level, int64_t by);

void count_commit(const struct egress_tally *tally, int64_t took_ns);
void count_takeover(const struct egress_tally *tally, int64_t took_ns);

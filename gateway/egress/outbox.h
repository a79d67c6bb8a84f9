/* The outbox collects what a lane has to tell Kafka, and commits it a batch at a time: intents, outcomes, results and
 * the offset go in one transaction, or not at all. One batch is on its way while the next one fills. */
#pragma once

#include "bus/transaction.h"
#include "egress/backlog.h"
#include "egress/journal.h"
#include "egress/service.h"
#include "event/result.h"

struct attempt;
struct committer;
struct lane;
struct outbox;

/* Commits through the lane's committer. NULL when out of memory. */
struct outbox *outbox_new(struct lane *lane);
void outbox_free(struct outbox *outbox); /* its batches hold no attempts any more; NULL is fine */

/* All of these add to the batch that fills, which is committed as soon as the one before it is. When memory is out they
 * fail the lane: what was committed is safe, and the next owner goes on from there. */

/* A record for the topic of that role, on that partition or TRANSACTION_BY_KEY. Bytes are copied. */
void outbox_record(struct outbox *outbox, enum topic_role topic, int32_t partition, const struct record *record);
/* An entry of the journal. */
void outbox_journal(struct outbox *outbox, const struct journal_entry *entry);
/* The same, of kind JOURNAL_DONE: once it is committed, duplicates know where it stands. */
void outbox_done(struct outbox *outbox, const struct journal_entry *entry, struct command_key key);
/* A result. Returns its record's value without the vendor's answer, which is what it falls back to and what the journal
 * keeps, in the batch's arena; the empty slice when the lane has failed. */
struct slice outbox_result(struct outbox *outbox, const struct result *result);
/* The `accepted` of every command up to that offset are in this batch or an earlier one. */
void outbox_accepted(struct outbox *outbox, int64_t offset);
/* The attempt's intent is in this batch: it is sent once that is committed. */
void outbox_intend(struct outbox *outbox, struct attempt *attempt);
/* The attempt's outcome is in this batch: it is freed once that is committed, or its answer published as a late one. */
void outbox_conclude(struct outbox *outbox, struct attempt *attempt);

/* Commits what there is, when nothing is on its way: after the committer did something else. */
void outbox_kick(struct outbox *outbox);
bool outbox_crowded(const struct outbox *outbox);   /* records are better held back until the next commit */
bool outbox_idle(const struct outbox *outbox);      /* nothing fills, nothing is on its way */
size_t outbox_intents(const struct outbox *outbox); /* in the batch that fills */
/* The lane is lost: intents are dropped, answers in batches that were not committed are published as late ones. */
void outbox_abandon(struct outbox *outbox);

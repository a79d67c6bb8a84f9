/* The inside of a lane, for the files that it is made of: takeover, rebuild, intake, control, dispatch, conclusion,
 * settlement, outbox. */
#pragma once

#include "bus/consumer.h"
#include "egress/account_state.h"
#include "egress/backlog.h"
#include "egress/committer.h"
#include "egress/duplicates.h"
#include "egress/lane.h"
#include "egress/outbox.h"
#include "egress/progress.h"
#include "egress/record_reader.h"

struct census;
struct errand;
struct event;
struct open_fate;
struct rebuild;
struct takeover;

enum lane_state {
    LANE_TAKING_OVER, /* fencing the owner before, and asking Kafka where things stand */
    LANE_REBUILDING,  /* reading the journal */
    LANE_CATCHING_UP, /* reading the commands that were there at the takeover */
    LANE_WORKING,
    LANE_HANDING_OVER, /* no new requests */
    LANE_HALTED,       /* reads and grants nothing: reason says why */
    LANE_ENDING,       /* waits for its committer to come to rest */
};

#define STRANGERS UINT32_MAX /* an entry's account, where no such account is configured */

struct lane {
    struct egress_service *service;
    struct lane_owner owner;
    int32_t partition;
    int32_t partitions; /* of the commands topic */
    enum lane_state state;
    enum lane_end end;
    bool counted_working; /* in the metrics */
    struct error reason;  /* LANE_HALTED, and why a takeover is tried again */
    int64_t began_ns;     /* monotonic; of the takeover */

    struct committer *committer;
    struct outbox *outbox;
    struct takeover *takeover;
    struct census *census;   /* of the topic's partitions, now and then */
    struct rebuild *rebuild; /* until the commands were caught up with */
    struct consumer *commands;
    struct record_reader *bodies;  /* of commands */
    struct record_reader *results; /* earlier ones, in the journal */

    struct backlog *backlog;
    struct progress *progress;
    struct duplicates *duplicates;
    struct queue strangers;          /* commands of unknown accounts */
    struct account_state **accounts; /* by the configuration's index; NULL: not met yet */
    struct account_state *first_account;
    struct deferred *deferred; /* duplicates whose first result is not committed yet */
    int64_t accepted_through;  /* offset of the last command that had its `accepted`; -1: none */
    int64_t epoch;             /* offset of our takeover entry */
    int64_t caught_up_at;      /* where the commands ended at the takeover */
    int64_t next_offset;       /* of the commands: none before it comes any more */
    uint64_t attempt_count;
    struct attempt *calling; /* requests under way */
    bool crowded;            /* some account has more to dispatch than one batch takes */
    size_t attempts_open;    /* granted, under way, or concluded and not committed */
    struct open_fate *fates; /* of commands whose requests an owner before us may have made */
    struct errand *errands;  /* what waits for a record to be read */
    size_t settling;         /* how many of them */
    struct event *due;       /* the earliest deadline or not_before */
    struct event *rounds;    /* periodic work */
    struct event *ending;
    bool census_due;
    int64_t holds_journalled_ms, forgotten_ms, counted_ms; /* uptime at which each was done last */
};

/* Ends the lane as failed, with the reason in the log: it is taken over anew. Safe to call from anywhere in the lane,
 * more than once; the lane is freed later. */
void lane_fail(struct lane *lane, const char *reason);
/* Grants nothing any more, until somebody mends what reason tells. */
void lane_halt(struct lane *lane, const char *reason);
/* From whoever finished something: goes on with the hand-over, when there is one. */
void lane_proceed(struct lane *lane);
static inline bool
lane_alive(const struct lane *lane)
{
    return lane->state != LANE_ENDING;
}

/* Asks Kafka how many partitions there are, when it is time and the committer has nothing to do: whether it has now. */
bool lane_take_census(struct lane *lane);

/* NULL when out of memory: then the lane has failed. */
struct account_state *lane_account(struct lane *lane, const struct account *account);
/* The queue of an entry's account, for the backlog. argument: the lane. */
struct queue *lane_queue(void *argument, uint32_t account);

/* The journal is read: on with the commands from that offset. */
void lane_catch_up(struct lane *lane, int64_t committed);
/* All commands are read that were there at the takeover: the lane works, if it does not already. */
void lane_caught_up(struct lane *lane);

/* --- due.c --- */
/* There is enough under way that has to be read or committed: a hundred thousand commands may expire in one moment, or
 * come a second time. What can wait waits. */
bool lane_busy(const struct lane *lane);
/* Sets the timer for what is due next in the backlog. */
void lane_schedule(struct lane *lane);
/* The timer's. argument: the lane. */
void lane_on_due(int fd, short events, void *argument);
/* The entry's command may have been carried out by an owner before us, whose requests are over at that boot time: then
 * it goes again where that is safe, and else ends as unknown. false: out of memory. */
bool lane_await_fate(struct lane *lane, entry_t entry, bool safe, int64_t due_ns) MUST_CHECK;
/* The same entry has yet another request of that kind: the later time counts. */
void lane_await_longer(struct lane *lane, entry_t entry, int64_t due_ns);
void lane_free_fates(struct lane *lane);

/* --- takeover.c --- */
/* NULL when out of memory. */
struct takeover *takeover_new(struct lane *lane);
void takeover_start(struct takeover *takeover);
void takeover_free(struct takeover *takeover); /* not while the committer works on it; NULL is fine */

/* --- rebuild.c --- */
/* committed is -1 where there is none, until_ms the append time of our own takeover entry. NULL when out of memory. */
struct rebuild *rebuild_new(int64_t committed, int64_t until_ms);
void rebuild_free(struct rebuild *rebuild);
/* An entry of the journal, appended at that time on the broker's clock. */
void rebuild_entry(struct lane *lane, struct slice value, int64_t offset, int64_t appended_ms);
/* All entries are read; at_ns is a boot time at which our takeover entry was certainly written. Puts open fates into
 * the backlog and slots into the limiters. */
void rebuild_finish(struct lane *lane, int64_t at_ns);
/* Whether the record at that offset was dealt with by an earlier owner. Never without a committed offset: then the
 * topic may be another one than the journal speaks of, and ids have to tell. */
bool rebuild_finished(const struct rebuild *rebuild, int64_t offset);
/* Requests that earlier owners made for the command. */
unsigned rebuild_tries(const struct rebuild *rebuild, struct command_key key);

/* --- intake.c --- */
/* argument: the lane. */
void intake_record(const struct consumed *record, void *argument);
/* The record is dealt with; the journal says so, for whoever reads it again. */
void intake_finish(struct lane *lane, int64_t offset);
/* A command that was under way goes into the queue again; its entry is TAKEN, its body is read first. */
void intake_again(struct lane *lane, entry_t entry);

/* --- repeats.c --- */
/* Whether the command's id has been seen; then the record is dealt with. */
bool intake_known(struct lane *lane, const struct consumed *record, const struct command *command);
/* What was deferred because the first result was not committed: now it may be. */
void intake_deferred(struct lane *lane);
void intake_free(struct lane *lane);

/* --- control.c --- */
/* Carries out a command of Trunkline's own. */
void control_run(struct lane *lane, const struct account *account, entry_t entry, const struct command *command);
/* Journals every held account anew, so that it outlives the part of the journal that a takeover reads. */
void control_journal_holds(struct lane *lane);

/* --- settle.c --- */
struct settlement {
    enum result_status status;
    const char *code; /* "" for none */
    struct slice reason;
    unsigned attempts;
    int64_t received_ms; /* 0: as the entry has it */
    int64_t dispatched_ms, answered_ms;
    struct slice vendor_code, vendor_message, item_id, answer;
    bool uncorrelated;
    struct slice target; /* of a cancel that came first: the command's id */
};
/* Gives the command its one final result, in the outbox, and forgets its entry. */
void settle(struct lane *lane, entry_t number, const struct command *command, const struct settlement *settlement);
/* Kafka has deleted the command's record before its end: it is forgotten, and nobody can be told. */
void settle_gone(struct lane *lane, entry_t number);
/* Settles a taken entry whose body is not at hand: reads it first. reason is copied, code is static. */
void settle_unread(struct lane *lane, entry_t number, enum result_status status, const char *code, const char *reason);
/* A command that never became an entry: its offset is finished with this result. */
void settle_refused(struct lane *lane, const struct consumed *record, const struct command *command, const char *code,
                    struct slice reason);
/* A command with the id of another one: it fails, and the other one keeps the id. */
void settle_conflict(struct lane *lane, const struct consumed *record, const struct command *command,
                     struct slice reason);
/* `accepted`, with its place in the queue. */
void settle_accepted(struct lane *lane, struct account_state *state, entry_t number, const struct command *command);
void settle_dispatched(struct lane *lane, struct attempt *attempt);
/* What cannot become a command is kept. */
void settle_dead_letter(struct lane *lane, const struct consumed *record, struct slice account, const char *reason,
                        struct slice detail);

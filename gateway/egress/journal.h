/* The journal is what a lane knows that its commands do not say: what was sent, how it ended, what is held. It is a
 * partition of its own beside the commands', written by the lane's transactions alone and read again by the next owner.
 * Entries are JSON objects with a format version; they hold no secret, no body of a command and no vendor's reply. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "event/command.h"
#include "event/recordset.h"

#define JOURNAL_VERSION 1 /* this code reads 1 and, once there is a 2, that one and the one before */

enum journal_kind {
    JOURNAL_TAKEOVER,   /* a new owner begins: what stands before it is another's */
    JOURNAL_DISPATCHED, /* the intent: an attempt will be made now, once, or be returned */
    JOURNAL_RETURNED,   /* the attempt was not made, its slot is free */
    JOURNAL_ANSWERED,   /* the attempt has ended: from when its slot is free again */
    JOURNAL_DONE,       /* a command has its final result */
    JOURNAL_REPEATED,   /* a command's record was a duplicate, and got the earlier result again */
    JOURNAL_ACCEPTED,   /* every command up to that offset has had its `accepted` */
    JOURNAL_HOLD,       /* the account is held */
    JOURNAL_RESUME,     /* no longer */
    JOURNAL_KIND_COUNT,
};

/* An attempt is one request to a vendor. Its id is unique in the partition. */
struct attempt_id {
    int64_t epoch;   /* offset of the owner's takeover entry */
    uint64_t number; /* counted by the owner */
};

struct journal_command {
    struct slice id;
    int64_t offset;
    unsigned char content_hash[COMMAND_CONTENT_HASH_BYTES];
};

/* Members that a kind does not have are zero. */
struct journal_entry {
    enum journal_kind kind;
    struct slice account;
    struct attempt_id attempt;              /* DISPATCHED, RETURNED, ANSWERED */
    struct slice operation;                 /* DISPATCHED: the command's name, empty for the token */
    const struct journal_command *commands; /* DISPATCHED: those in the request; DONE: the one */
    size_t command_count;
    unsigned tries;      /* DISPATCHED: this one included, of the first command */
    int64_t cool_ms;     /* ANSWERED: the slot is free so long after this entry's append */
    int64_t closed_ms;   /* ANSWERED: the account is closed for so long after it; 0: it is not */
    struct slice status; /* DONE: of the result */
    struct slice result; /* DONE: the result's record value, without the vendor's answer */
    struct slice target; /* DONE of a cancel: the command's id */
    int64_t offset;      /* REPEATED: the duplicate's; ACCEPTED: the last one accepted */
    int32_t partitions;  /* TAKEOVER: of the commands topic, by then */
    struct slice owner;  /* TAKEOVER: the instance, for people */
};

/* Key (the account) and value of record, in the arena. Texts must be UTF-8, numbers not negative, result one JSON
 * object. false only when the arena is full. */
bool journal_write(const struct journal_entry *entry, struct arena *arena, struct record *record) MUST_CHECK;

enum journal_verdict {
    JOURNAL_READ,
    JOURNAL_NEWER,      /* written by a version that we do not know: nothing may be done on it */
    JOURNAL_UNREADABLE, /* no entry of ours; error says why */
};
/* value and arena must outlive the entry. Members that we do not know are a newer writer's, and left alone. When it is
 * unreadable and arena_failed(arena), memory was at fault and not the entry. */
enum journal_verdict journal_read(struct slice value, struct arena *arena, struct journal_entry *entry,
                                  struct error *error);

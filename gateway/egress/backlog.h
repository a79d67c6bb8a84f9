/* The backlog holds every unfinished command of a lane, as an index: some 75 bytes each (90 while it waits), not its
 * body. It knows them by their id, in the order of each account's queue, and by the time at which something is to
 * happen to them.
 *
 * An entry is WAITING for its not_before, QUEUED in its account's queue, or TAKEN out of it by somebody who is to put
 * it back or finish it. */
#pragma once

#include <stdint.h>

#include "event/command.h"

struct backlog;
typedef uint32_t entry_t; /* an entry's number; reused after backlog_remove */
#define ENTRY_NONE UINT32_MAX

/* 128 bits of SHA-256 over account and command id: what an id is here. */
struct command_key {
    uint64_t high, low;
};
struct command_key command_key(struct slice account, struct slice id);
static inline bool
command_key_equal(struct command_key a, struct command_key b)
{
    return a.high == b.high && a.low == b.low;
}

/* The queue of one account, owned by whoever owns the account's state; cleared memory is an empty one. One that is not
 * empty stays where it is in memory. */
struct queue {
    entry_t root;
    uint32_t count[PRIORITY_COUNT];
    uint32_t waiting; /* entries with a not_before to come */
    /* The backlog's own: the earliest deadline in it, and its place among the other queues by that. */
    int64_t due_ms;
    struct queue *child, *sibling, *previous;
};
void queue_init(struct queue *queue);
static inline uint32_t
queue_length(const struct queue *queue)
{
    uint32_t sum = 0;

    for (int priority = 0; priority < PRIORITY_COUNT; priority++) {
        sum += queue->count[priority];
    }
    return sum;
}

enum entry_state {
    ENTRY_WAITING,
    ENTRY_QUEUED,
    ENTRY_TAKEN,
};

/* The head of a content hash: what is kept of it, to tell a repeated command from another one with its id. */
static inline uint64_t
content_head(const unsigned char hash[COMMAND_CONTENT_HASH_BYTES])
{
    uint64_t head;

    memcpy(&head, hash, sizeof head);
    return head;
}

/* What is known of an entry without its body. */
struct entry {
    struct command_key key;
    uint64_t content;      /* first 8 bytes of the content hash */
    int64_t offset;        /* of the command's record */
    int64_t received_ms;   /* wall time of that record */
    int64_t deadline_ms;   /* wall time */
    int64_t not_before_ms; /* 0: none, or it does not wait for it any more */
    uint32_t account;      /* the caller's number for it */
    enum command_priority priority;
    uint8_t attempts; /* requests that left for it; stays at 255 */
    uint8_t note;     /* the caller's: bits of its own */
};

struct backlog *backlog_new(void);
void backlog_free(struct backlog *backlog); /* NULL is fine */
size_t backlog_count(const struct backlog *backlog);
size_t backlog_bytes(const struct backlog *backlog); /* memory that it holds */

/* Adds an entry: to the queue, or, when its not_before is to come, to those that wait. ENTRY_NONE when out of memory.
 * Its key must not be there yet. */
entry_t backlog_add(struct backlog *backlog, struct queue *queue, const struct entry *entry, int64_t now_ms);
/* Adds one that is taken from the start: for what a rebuild finds under way. */
entry_t backlog_add_taken(struct backlog *backlog, const struct entry *entry);
struct entry backlog_entry(const struct backlog *backlog, entry_t number);
enum entry_state backlog_state(const struct backlog *backlog, entry_t number);
entry_t backlog_find(const struct backlog *backlog, struct command_key key); /* ENTRY_NONE: no unfinished one */
void backlog_note(struct backlog *backlog, entry_t number, uint8_t note);
void backlog_count_attempt(struct backlog *backlog, entry_t number);

/* By priority, then deadline, then offset. ENTRY_NONE when the queue is empty. */
entry_t queue_head(const struct backlog *backlog, const struct queue *queue);
/* The one behind it, for gathering; ENTRY_NONE at the end. */
entry_t queue_next(const struct backlog *backlog, const struct queue *queue, entry_t number);
/* How many of the queue go before it; O(log n). */
uint64_t queue_ahead(const struct backlog *backlog, const struct queue *queue, entry_t number);

void backlog_take(struct backlog *backlog, struct queue *queue, entry_t number);     /* QUEUED or WAITING → TAKEN */
void backlog_put_back(struct backlog *backlog, struct queue *queue, entry_t number); /* TAKEN → QUEUED */
void backlog_remove(struct backlog *backlog, struct queue *queue, entry_t number);   /* in any state */

/* The earliest wall time at which an entry that is not taken becomes due: its deadline, or its not_before when that is
 * to come and is earlier. INT64_MAX: none. */
int64_t backlog_due_at(const struct backlog *backlog);
/* The next entry that is due. One that waited: is moved to its queue (queue_of gives it by account) and *expired is
 * false. One whose deadline has come: is TAKEN from its queue, or from where it waited, and *expired is true.
 * ENTRY_NONE: nothing is due. */
entry_t backlog_due(struct backlog *backlog, int64_t now_ms,
                    struct queue *(*queue_of)(void *argument, uint32_t account), void *argument, bool *expired);

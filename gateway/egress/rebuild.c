/* The rebuild: a lane's state out of its journal. Attempts without an end have an open fate: they keep their slots, and
 * their commands end as unknown, or go again where that is safe, once no request of the owner before can be under way.
 */
#include <stdlib.h>

#include "base/log.h"
#include "egress/attempt.h"

#define ARENA_BYTES_MAX ((size_t)8 * 1024 * 1024)
#define BUCKETS         1024
#define NS_PER_MS       1000000LL

/* An attempt of an earlier owner, without an end so far. */
struct open_attempt {
    struct attempt_id id;
    const struct account *account; /* NULL: it is not configured any more */
    const struct operation *operation;
    int64_t appended_ms;
    unsigned tries;
    size_t count;
    struct open_attempt *next;
    struct entry entries[];
};

/* A slot that was used: free at that time on the broker's clock. */
struct used_slot {
    const struct account *account;
    int64_t free_ms, closed_ms;
    struct used_slot *next;
};

/* A command that earlier owners made requests for. */
struct tried {
    struct command_key key;
    unsigned tries;
    struct tried *next;
};

struct rebuild {
    int64_t committed;                      /* -1: none */
    int64_t until_ms;                       /* append time of our own takeover entry: now, on the broker's clock */
    struct open_attempt *attempts[BUCKETS]; /* by number */
    struct tried *tried[BUCKETS];           /* by key */
    struct used_slot *slots;
    int64_t *finished; /* offsets, sorted once all are there */
    size_t finished_count, finished_capacity;
};

struct rebuild *
rebuild_new(int64_t committed, int64_t until_ms)
{
    struct rebuild *rebuild = calloc(1, sizeof *rebuild);

    if (rebuild != NULL) {
        rebuild->committed = committed;
        rebuild->until_ms = until_ms;
    }
    return rebuild;
}

void
rebuild_free(struct rebuild *rebuild)
{
    if (rebuild == NULL) {
        return;
    }
    for (size_t i = 0; i < BUCKETS; i++) {
        while (rebuild->attempts[i] != NULL) {
            struct open_attempt *attempt = rebuild->attempts[i];

            rebuild->attempts[i] = attempt->next;
            free(attempt);
        }
        while (rebuild->tried[i] != NULL) {
            struct tried *tried = rebuild->tried[i];

            rebuild->tried[i] = tried->next;
            free(tried);
        }
    }
    while (rebuild->slots != NULL) {
        struct used_slot *slot = rebuild->slots;

        rebuild->slots = slot->next;
        free(slot);
    }
    free(rebuild->finished);
    free(rebuild);
}

/* --- entries --- */

static bool
note_finished(struct rebuild *rebuild, int64_t offset)
{
    if (offset < rebuild->committed) {
        return true; /* it is not read again */
    }
    if (rebuild->finished_count == rebuild->finished_capacity) {
        size_t capacity = rebuild->finished_capacity == 0 ? 256 : 2 * rebuild->finished_capacity;
        int64_t *finished = realloc(rebuild->finished, capacity * sizeof *finished);

        if (finished == NULL) {
            return false;
        }
        rebuild->finished = finished;
        rebuild->finished_capacity = capacity;
    }
    rebuild->finished[rebuild->finished_count++] = offset;
    return true;
}

static bool
note_tries(struct rebuild *rebuild, struct command_key key, unsigned tries)
{
    struct tried **bucket = &rebuild->tried[key.low % BUCKETS];
    struct tried *tried = *bucket;

    while (tried != NULL && !command_key_equal(tried->key, key)) {
        tried = tried->next;
    }
    if (tried == NULL) {
        tried = calloc(1, sizeof *tried);
        if (tried == NULL) {
            return false;
        }
        tried->key = key;
        tried->next = *bucket;
        *bucket = tried;
    }
    tried->tries = tries > tried->tries ? tries : tried->tries;
    return true;
}

static void
forget_tries(struct rebuild *rebuild, struct command_key key)
{
    struct tried **place = &rebuild->tried[key.low % BUCKETS];

    while (*place != NULL && !command_key_equal((*place)->key, key)) {
        place = &(*place)->next;
    }
    if (*place != NULL) {
        struct tried *tried = *place;

        *place = tried->next;
        free(tried);
    }
}

static bool
on_dispatched(struct lane *lane, const struct journal_entry *entry, int64_t appended_ms)
{
    struct rebuild *rebuild = lane->rebuild;
    struct open_attempt *attempt = calloc(1, sizeof *attempt + entry->command_count * sizeof *attempt->entries);
    struct open_attempt **bucket = &rebuild->attempts[entry->attempt.number % BUCKETS];

    if (attempt == NULL) {
        return false;
    }
    attempt->id = entry->attempt;
    attempt->account = config_account(lane->service->config, entry->account);
    attempt->operation = attempt->account == NULL ? NULL : operation_find(attempt->account->adapter, entry->operation);
    attempt->appended_ms = appended_ms;
    attempt->tries = entry->tries;
    attempt->count = entry->command_count;
    for (size_t i = 0; i < entry->command_count; i++) {
        const struct journal_command *command = &entry->commands[i];
        struct command_key key = command_key(entry->account, command->id);

        attempt->entries[i] = (struct entry){
            .key = key,
            .content = content_head(command->content_hash),
            .offset = command->offset,
            .account = attempt->account == NULL ? STRANGERS : (uint32_t)attempt->account->index,
            .priority = attempt->operation == NULL ? PRIORITY_INTERACTIVE : command_default_priority(entry->operation),
            .attempts = (uint8_t)(entry->tries > UINT8_MAX ? UINT8_MAX : entry->tries),
        };
        if (!note_tries(rebuild, key, entry->tries)) {
            free(attempt);
            return false;
        }
    }
    attempt->next = *bucket;
    *bucket = attempt;
    return true;
}

/* The attempt has ended; its slot is free at the one time, its account no longer closed at the other. 0: at once. */
static bool
on_ended(struct lane *lane, const struct journal_entry *entry, int64_t free_ms, int64_t closed_ms)
{
    struct open_attempt **place = &lane->rebuild->attempts[entry->attempt.number % BUCKETS];
    struct open_attempt *attempt;
    struct used_slot *slot;

    while (*place != NULL &&
           ((*place)->id.number != entry->attempt.number || (*place)->id.epoch != entry->attempt.epoch)) {
        place = &(*place)->next;
    }
    attempt = *place;
    if (attempt != NULL) {
        *place = attempt->next;
    }
    free(attempt);
    if (free_ms <= lane->rebuild->until_ms && closed_ms <= lane->rebuild->until_ms) {
        return true; /* of a day's requests nearly all */
    }
    slot = calloc(1, sizeof *slot);
    if (slot == NULL) {
        return false;
    }
    *slot = (struct used_slot){config_account(lane->service->config, entry->account), free_ms, closed_ms,
                               lane->rebuild->slots};
    lane->rebuild->slots = slot;
    return true;
}

static bool
on_done(struct lane *lane, const struct journal_entry *entry, int64_t offset, int64_t appended_ms)
{
    struct command_key key = command_key(entry->account, entry->commands[0].id);
    struct finished finished = {key, content_head(entry->commands[0].content_hash), offset, appended_ms};

    forget_tries(lane->rebuild, key);
    if (!note_finished(lane->rebuild, entry->commands[0].offset) || !duplicates_add(lane->duplicates, &finished)) {
        return false;
    }
    if (!slice_empty(entry->target)) {
        struct finished early = {command_key(entry->account, entry->target), 0, -1, appended_ms};

        if (duplicates_find(lane->duplicates, early.key, appended_ms) == NULL) {
            return duplicates_add(lane->duplicates, &early);
        }
    }
    return true;
}

static bool
on_hold(struct lane *lane, const struct journal_entry *entry, bool held)
{
    const struct account *account = config_account(lane->service->config, entry->account);
    struct account_state *state = account == NULL ? NULL : lane_account(lane, account);

    if (state != NULL && state->held != held) {
        state->held = held;
        count_level(lane->service->tally, LEVEL_ACCOUNTS_HELD, held ? 1 : -1);
    }
    return account == NULL || state != NULL;
}

static bool
apply(struct lane *lane, const struct journal_entry *entry, int64_t offset, int64_t appended_ms)
{
    switch (entry->kind) {
    case JOURNAL_TAKEOVER:
        if (entry->partitions != lane->partitions) {
            char reason[200];

            snprintf(reason, sizeof reason,
                     "the commands topic has %d partitions, and had %d: accounts would move between lanes; make it %d "
                     "again, or start anew with other topics",
                     lane->partitions, entry->partitions, entry->partitions);
            lane_halt(lane, reason);
        }
        return true;
    case JOURNAL_DISPATCHED:
        return on_dispatched(lane, entry, appended_ms);
    case JOURNAL_RETURNED:
        return on_ended(lane, entry, 0, 0);
    case JOURNAL_ANSWERED:
        return on_ended(lane, entry, entry->cool_ms == 0 ? 0 : appended_ms + entry->cool_ms,
                        entry->closed_ms == 0 ? 0 : appended_ms + entry->closed_ms);
    case JOURNAL_DONE:
        return on_done(lane, entry, offset, appended_ms);
    case JOURNAL_REPEATED:
        return note_finished(lane->rebuild, entry->offset);
    case JOURNAL_ACCEPTED:
        lane->accepted_through = entry->offset;
        return true;
    case JOURNAL_HOLD:
    case JOURNAL_RESUME:
        return on_hold(lane, entry, entry->kind == JOURNAL_HOLD);
    case JOURNAL_KIND_COUNT:
        break;
    }
    return true;
}

void
rebuild_entry(struct lane *lane, struct slice value, int64_t offset, int64_t appended_ms)
{
    struct arena *arena = arena_new(lane->service->pool, ARENA_BYTES_MAX);
    struct journal_entry entry = {0};
    struct error error = {0};
    bool applied = arena != NULL;

    switch (arena == NULL ? JOURNAL_UNREADABLE : journal_read(value, arena, &entry, &error)) {
    case JOURNAL_READ:
        applied = apply(lane, &entry, offset, appended_ms);
        break;
    case JOURNAL_NEWER:
        lane_halt(lane, "its journal was written by a newer version of Trunkline, whose entries this one cannot read: "
                        "run that version or a newer one");
        break;
    case JOURNAL_UNREADABLE:
        if (arena == NULL || arena_failed(arena)) {
            applied = false;
            break;
        }
        /* Somebody else wrote into our topic; what we wrote ourselves we can read. */
        log_error("journal_unreadable", log_integer("partition", lane->partition), log_integer("offset", offset),
                  log_text("reason", error.text));
        break;
    }
    arena_free(arena);
    if (!applied) {
        lane_fail(lane, "out of memory");
    }
}

/* --- the end --- */

static int
compare_offsets(const void *a, const void *b)
{
    int64_t first = *(const int64_t *)a;
    int64_t second = *(const int64_t *)b;

    return (first > second) - (first < second);
}

static bool
finished_at(const struct rebuild *rebuild, int64_t offset)
{
    return rebuild->finished_count > 0 &&
           bsearch(&offset, rebuild->finished, rebuild->finished_count, sizeof offset, compare_offsets) != NULL;
}

bool
rebuild_finished(const struct rebuild *rebuild, int64_t offset)
{
    return rebuild != NULL && rebuild->committed >= 0 && finished_at(rebuild, offset);
}

unsigned
rebuild_tries(const struct rebuild *rebuild, struct command_key key)
{
    if (rebuild == NULL) {
        return 0;
    }
    for (const struct tried *tried = rebuild->tried[key.low % BUCKETS]; tried != NULL; tried = tried->next) {
        if (command_key_equal(tried->key, key)) {
            return tried->tries;
        }
    }
    return 0;
}

/* Boot time of a time on the broker's clock. */
static int64_t
local_ns(int64_t broker_ms, int64_t until_ms, int64_t at_ns)
{
    return at_ns + (broker_ms - until_ms) * NS_PER_MS;
}

static bool
restore_slots(struct lane *lane, int64_t at_ns)
{
    int64_t until_ms = lane->rebuild->until_ms;

    for (struct used_slot *slot = lane->rebuild->slots; slot != NULL; slot = slot->next) {
        struct account_state *state;

        if (slot->account == NULL) {
            continue;
        }
        state = lane_account(lane, slot->account);
        if (state == NULL) {
            return false;
        }
        if (slot->free_ms > until_ms) {
            limiter_restore(state->limiter, local_ns(slot->free_ms, until_ms, at_ns));
        }
        if (slot->closed_ms > until_ms) {
            limiter_close(state->limiter, local_ns(slot->closed_ms, until_ms, at_ns));
        }
    }
    return true;
}

/* The latest time, on the broker's clock, at which its request can have been given up. */
static int64_t
given_up_ms(const struct lane *lane, const struct open_attempt *attempt)
{
    unsigned timeout_ms = attempt->account == NULL ? 60000 : attempt->account->timeout_ms;

    return attempt->appended_ms + lane->service->config->egress.lease_seconds * 1000LL + timeout_ms;
}

static bool
keep_slot(struct lane *lane, const struct open_attempt *attempt, int64_t at_ns)
{
    const struct call_limits *limits;
    struct account_state *state;

    if (attempt->account == NULL) {
        return true;
    }
    limits = &attempt->account->limits;
    state = lane_account(lane, attempt->account);
    if (state == NULL) {
        return false;
    }
    limiter_restore(state->limiter,
                    local_ns(given_up_ms(lane, attempt) + (limits->straggler_seconds + limits->window_seconds) * 1000LL,
                             lane->rebuild->until_ms, at_ns) +
                        LIMITER_MARGIN_NS);
    return true;
}

static bool
open_fates(struct lane *lane, const struct open_attempt *attempt, int64_t at_ns)
{
    int64_t due_ns = local_ns(given_up_ms(lane, attempt), lane->rebuild->until_ms, at_ns);
    bool safe = attempt->operation != NULL && attempt->operation->safe_to_repeat;

    for (size_t i = 0; i < attempt->count; i++) {
        struct entry entry = attempt->entries[i];
        entry_t number;

        if (finished_at(lane->rebuild, entry.offset) || entry.offset < lane->rebuild->committed) {
            continue;
        }
        /* Two owners before us have left a request for it open, one after the other. */
        number = backlog_find(lane->backlog, entry.key);
        if (number != ENTRY_NONE) {
            lane_await_longer(lane, number, due_ns);
            continue;
        }
        entry.deadline_ms = INT64_MAX; /* its own is looked up if it goes again */
        number = backlog_add_taken(lane->backlog, &entry);
        if (number == ENTRY_NONE || !lane_await_fate(lane, number, safe, due_ns)) {
            return false;
        }
        count_level(lane->service->tally, LEVEL_UNFINISHED, 1);
    }
    return true;
}

void
rebuild_finish(struct lane *lane, int64_t at_ns)
{
    struct rebuild *rebuild = lane->rebuild;
    bool done;

    if (rebuild->finished_count > 0) {
        qsort(rebuild->finished, rebuild->finished_count, sizeof *rebuild->finished, compare_offsets);
    }
    done = restore_slots(lane, at_ns);
    for (size_t i = 0; i < BUCKETS && done; i++) {
        for (struct open_attempt *attempt = rebuild->attempts[i]; attempt != NULL && done; attempt = attempt->next) {
            done = keep_slot(lane, attempt, at_ns) && open_fates(lane, attempt, at_ns);
        }
    }
    if (!done) {
        lane_fail(lane, "out of memory");
    }
}

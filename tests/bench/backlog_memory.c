/* What a lane's index costs: 10,000 accounts with a limiter each and 100 commands, which are queued, taken, finished
 * and remembered as duplicates. Prints bytes a command and seconds. */
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "egress/backlog.h"
#include "egress/duplicates.h"
#include "egress/limiter.h"

#define ACCOUNTS 10000U
#define COMMANDS 1000000U
#define NOW_MS   1700000000000LL
#define DAY_MS   86400000LL

struct bench {
    struct queue queues[ACCOUNTS];
    struct limiter *limiters[ACCOUNTS];
    struct backlog *backlog;
    struct duplicates *duplicates;
    int64_t began_ns, slowest_ns;
    size_t bytes;
};

static int64_t
now_ns(void)
{
    return clock_monotonic_ns(clock_system());
}

static size_t
allocated_bytes(void)
{
    struct mallinfo2 info = mallinfo2();

    return info.uordblks + info.hblkhd;
}

static void
begin(struct bench *bench)
{
    bench->bytes = allocated_bytes();
    bench->slowest_ns = 0;
    bench->began_ns = now_ns();
}

static void
end(const struct bench *bench, const char *what, unsigned count, const char *unit)
{
    double seconds = (double)(now_ns() - bench->began_ns) / 1e9;
    double bytes = (double)allocated_bytes() - (double)bench->bytes;

    printf("%-28s %7.3f s, %5.0f ns a %s, the slowest %6.0f us; memory %+9.3f MB, %+6.1f bytes a %s\n", what, seconds,
           seconds * 1e9 / count, unit, (double)bench->slowest_ns / 1e3, bytes / 1e6, bytes / count, unit);
}

static void
measure(struct bench *bench, int64_t since_ns)
{
    int64_t took_ns = now_ns() - since_ns;

    bench->slowest_ns = took_ns > bench->slowest_ns ? took_ns : bench->slowest_ns;
}

static void
fail(const char *what)
{
    fprintf(stderr, "backlog_memory: %s\n", what);
    exit(1);
}

static void
make_limiters(struct bench *bench)
{
    static const struct limiter_settings settings = {20, 60000000000LL, 300000000000LL, 64};

    for (unsigned i = 0; i < ACCOUNTS; i++) {
        bench->limiters[i] = limiter_new(&settings);
        if (bench->limiters[i] == NULL) {
            fail("out of memory");
        }
    }
}

static struct command_key
key_of(unsigned index)
{
    char account[16];
    char id[16];
    int account_length = snprintf(account, sizeof account, "a-%u", index % ACCOUNTS);
    int id_length = snprintf(id, sizeof id, "c-%u", index);

    return command_key(slice_make(account, (size_t)account_length), slice_make(id, (size_t)id_length));
}

/* As they come: the accounts by turns. wait_ms: they all wait for some time up to that. */
static void
load(struct bench *bench, const struct command_key *keys, int64_t wait_ms)
{
    for (unsigned i = 0; i < COMMANDS; i++) {
        struct entry entry = {
            .key = keys[i],
            .content = i,
            .offset = i,
            .received_ms = NOW_MS,
            .deadline_ms = NOW_MS + DAY_MS + i * 7919LL % 100000,
            .not_before_ms = wait_ms == 0 ? 0 : NOW_MS + 1 + i * 7919LL % wait_ms,
            .account = i % ACCOUNTS,
            .priority = (enum command_priority)(i / ACCOUNTS % PRIORITY_COUNT),
        };
        int64_t since_ns = now_ns();

        if (backlog_find(bench->backlog, entry.key) != ENTRY_NONE ||
            duplicates_find(bench->duplicates, entry.key, NOW_MS) != NULL ||
            backlog_add(bench->backlog, &bench->queues[i % ACCOUNTS], &entry, NOW_MS) == ENTRY_NONE) {
            fail("out of memory, or a key twice");
        }
        measure(bench, since_ns);
    }
}

static struct queue *
queue_of(void *argument, uint32_t account)
{
    return &((struct bench *)argument)->queues[account];
}

static void
release(struct bench *bench, int64_t until_ms)
{
    for (;;) {
        int64_t since_ns = now_ns();
        bool expired;

        if (backlog_due(bench->backlog, until_ms, queue_of, bench, &expired) == ENTRY_NONE) {
            return;
        }
        measure(bench, since_ns);
    }
}

static void
finish(struct bench *bench)
{
    for (unsigned i = 0; i < COMMANDS; i++) {
        struct queue *queue = &bench->queues[i % ACCOUNTS];
        entry_t number = queue_head(bench->backlog, queue);
        struct entry entry = backlog_entry(bench->backlog, number);
        struct finished finished = {entry.key, entry.content, entry.offset, NOW_MS + i / 100};
        int64_t since_ns = now_ns();

        backlog_take(bench->backlog, queue, number);
        backlog_remove(bench->backlog, queue, number);
        if (!duplicates_add(bench->duplicates, &finished)) {
            fail("out of memory");
        }
        measure(bench, since_ns);
    }
}

static void
run(struct bench *bench, const struct command_key *keys)
{
    begin(bench);
    load(bench, keys, 0);
    end(bench, "queued", COMMANDS, "command");
    printf("  the backlog holds %zu commands in %.3f MB\n", backlog_count(bench->backlog),
           (double)backlog_bytes(bench->backlog) / 1e6);

    begin(bench);
    finish(bench);
    end(bench, "finished and remembered", COMMANDS, "command");

    begin(bench);
    duplicates_forget(bench->duplicates, NOW_MS + 2 * DAY_MS);
    end(bench, "forgotten", COMMANDS, "command");

    begin(bench);
    load(bench, keys, 3600000);
    end(bench, "waiting for not_before", COMMANDS, "command");
    printf("  the backlog holds %zu commands in %.3f MB\n", backlog_count(bench->backlog),
           (double)backlog_bytes(bench->backlog) / 1e6);

    begin(bench);
    release(bench, NOW_MS + 3600000);
    end(bench, "moved to their queues", COMMANDS, "command");

    begin(bench);
    release(bench, NOW_MS + 2 * DAY_MS);
    end(bench, "expired", COMMANDS, "command");
}

int
main(void)
{
    struct bench *bench = calloc(1, sizeof *bench);
    struct command_key *keys = calloc(COMMANDS, sizeof *keys);

    if (bench == NULL || keys == NULL) {
        fail("out of memory");
    }
    begin(bench);
    make_limiters(bench);
    end(bench, "limiters of 20 slots", ACCOUNTS, "account");

    begin(bench);
    for (unsigned i = 0; i < COMMANDS; i++) {
        keys[i] = key_of(i);
    }
    end(bench, "keys", COMMANDS, "command");

    bench->backlog = backlog_new();
    bench->duplicates = duplicates_new(DAY_MS);
    if (bench->backlog == NULL || bench->duplicates == NULL) {
        fail("out of memory");
    }
    run(bench, keys);

    backlog_free(bench->backlog);
    duplicates_free(bench->duplicates);
    for (unsigned i = 0; i < ACCOUNTS; i++) {
        limiter_free(bench->limiters[i]);
    }
    free(keys);
    free(bench);
    return 0;
}

/* What committing together is worth: records of 800 bytes into a store, 256 that wait into one commit, and each in a
 * commit of its own. Prints both rates and their ratio. The store lies in the directory given. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "spool/files.h"
#include "spool/store.h"

#define VALUE_BYTES 800
#define WAITING     256
#define ROUNDS      5

static void
fail(const char *what)
{
    fprintf(stderr, "group_commit: %s\n", what);
    exit(1);
}

static double
seconds_since(int64_t began_ns)
{
    return (double)(clock_monotonic_ns(clock_system()) - began_ns) / 1e9;
}

/* Puts so many records, each with as many others in its commit; returns records a second. */
static double
measure(struct store *store, int64_t *id, unsigned commits, unsigned records_a_commit)
{
    static char value[VALUE_BYTES];
    static const struct record_header headers[] = {
        {SLICE("ce_id"), SLICE("yeta-8edf0c99-5b3d-4722-b1fb-10b2fbfecda2")},
        {SLICE("ce_type"), SLICE("call.ended")},
    };
    struct stored stored = {
        .spooled_ms = 1700000000000,
        .source = SLICE("yeta"),
        .record = {.topic = SLICE("calls"),
                   .key = SLICE("8edf0c99"),
                   .value = {value, sizeof value},
                   .headers = headers,
                   .header_count = 2},
    };
    int64_t began_ns = clock_monotonic_ns(clock_system());

    for (unsigned commit = 0; commit < commits; commit++) {
        enum store_verdict verdict = store_begin(store);

        for (unsigned i = 0; verdict == STORE_OK && i < records_a_commit; i++) {
            stored.id = ++*id;
            stored.key = (uint64_t)stored.id;
            verdict = store_put(store, &stored);
        }
        if (verdict != STORE_OK || store_commit(store) != STORE_OK) {
            fail(store_reason(store));
        }
    }
    return (double)commits * records_a_commit / seconds_since(began_ns);
}

static int
compare(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;

    return (left > right) - (left < right);
}

static double
median(double *rates)
{
    qsort(rates, ROUNDS, sizeof *rates, compare);
    return rates[ROUNDS / 2];
}

int
main(int argc, char **argv)
{
    double together[ROUNDS];
    double alone[ROUNDS];
    struct spool_file file;
    struct error error = {""};
    int64_t id = 0;

    if (argc != 2 || !spool_file_name(argv[1], 1, &file)) {
        fail("use: group_commit DIRECTORY");
    }
    struct store *store = store_open(file.path, STORE_CREATE, NULL, &error);
    if (store == NULL) {
        fail(error.text);
    }
    for (int round = 0; round < ROUNDS; round++) {
        together[round] = measure(store, &id, 100, WAITING);
        alone[round] = measure(store, &id, 500, 1);
    }
    store_close(store);
    if (!spool_file_remove(file.path, &error)) {
        fail(error.text);
    }
    double fast = median(together);
    double slow = median(alone);
    printf("%d-byte records into the spool, medians of %d rounds\n", VALUE_BYTES, ROUNDS);
    printf("%-28s %9.0f records/s\n", "one commit an event", slow);
    printf("%-28s %9.0f records/s\n", "256 waiting, one commit", fast);
    printf("together / alone: %.1f\n", fast / slow);
    return 0;
}

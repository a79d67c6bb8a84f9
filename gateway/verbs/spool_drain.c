/* `trunkline spool drain`: sends to Kafka what gateways left behind that do not run. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "base/instance.h"
#include "base/metrics.h"
#include "spool/spool.h"
#include "verbs/spool_verb.h"
#include "verbs/verb.h"

#define LOOK_MS            100
#define TELL_MS            1000
#define STOP_SECONDS       5                 /* for the reports of what is on its way */
#define RECORDS_PER_SECOND 10000000          /* nobody has to find room beside it */
#define MAX_BYTES          ((size_t)1 << 50) /* for what is taken over from instances that do not run either */

static volatile sig_atomic_t interrupted;

static void
on_interrupt(int number)
{
    (void)number;
    interrupted = 1;
}

static void
signals_catch(void)
{
    const struct sigaction action = {.sa_handler = on_interrupt};

    interrupted = 0;
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
}

/* How a drain is going. */
struct progress {
    uint64_t sent, left;
    int64_t moved_ns, told_ns; /* when something was sent last, when it was told last */
};

/* Records also come in: those of other instances that do not run are taken over. */
static void
progress_note(struct progress *progress, uint64_t records, int64_t now_ns)
{
    if (records < progress->left) {
        progress->sent += progress->left - records;
    }
    if (records != progress->left) {
        progress->moved_ns = now_ns;
    }
    progress->left = records;
    if (now_ns - progress->told_ns >= TELL_MS * 1000000LL) {
        progress->told_ns = now_ns;
        printf("%" PRIu64 " records sent, %" PRIu64 " left\n", progress->sent, progress->left);
        fflush(stdout);
    }
}

/* Waits until it is empty; false with the reason when it gives up. */
static bool
drain_await(struct spool *spool, unsigned patience_seconds, struct progress *progress, struct error *reason)
{
    const struct clock *clock = clock_system();
    const struct timespec pause = {.tv_nsec = LOOK_MS * 1000000L};

    *progress = (struct progress){.left = spool_state(spool).records};
    progress->moved_ns = progress->told_ns = clock_monotonic_ns(clock);
    while (progress->left > 0) {
        int64_t now_ns;

        (void)nanosleep(&pause, NULL);
        now_ns = clock_monotonic_ns(clock);
        progress_note(progress, spool_state(spool).records, now_ns);
        if (interrupted) {
            return error_set(reason, "it was interrupted");
        }
        if (now_ns - progress->moved_ns > patience_seconds * 1000000000LL) {
            return error_set(
                reason,
                "Kafka has acknowledged nothing for %u s; `trunkline topics check` tells whether it answers and "
                "has the topics",
                patience_seconds);
        }
    }
    return true;
}

static int
drain_locked(const struct spool_order *order, const struct instance *instance)
{
    const struct spool_settings settings = {
        .max_bytes = MAX_BYTES,
        .source_share_percent = 100,
        .drain_records_per_second = RECORDS_PER_SECOND,
    };
    struct metrics *metrics = metrics_new();
    const struct spool_options options = {
        .settings = &settings,
        .kafka = &order->config->kafka,
        .data_dir = order->config->data_dir,
        .instance = instance,
        .metrics = metrics,
        .clock = clock_system(),
    };
    struct error reason = {0};
    struct progress progress = {0};
    struct spool *spool = spool_start(&options, &reason);
    uint64_t left = 0;

    if (spool == NULL) {
        metrics_free(metrics);
        fprintf(stderr, "trunkline spool: %s\n", reason.text);
        return EXIT_FAULT;
    }
    (void)drain_await(spool, order->patience_seconds, &progress, &reason);
    left = spool_stop(spool, STOP_SECONDS);
    metrics_free(metrics);
    printf("%s: %" PRIu64 " records sent, %" PRIu64 " left\n", instance_name(instance),
           progress.sent + (progress.left > left ? progress.left - left : 0), left);
    if (left == 0) {
        return EXIT_OK;
    }
    fflush(stdout);
    fprintf(stderr, "trunkline spool: %" PRIu64 " records stay in %s: %s\n", left, instance_directory(instance),
            reason.text[0] == '\0' ? "Kafka does not acknowledge" : reason.text);
    return EXIT_UNDRAINED;
}

static int
drain_one(const struct spool_order *order, const char *name)
{
    struct error error = {0};
    struct instance *instance = instance_open(order->config->data_dir, name, &error);
    int status;

    if (instance == NULL) {
        fprintf(stderr, "trunkline spool: %s\n", error.text);
        return EXIT_FAULT;
    }
    status = drain_locked(order, instance);
    instance_close(instance);
    return status;
}

/* Without a name those that run are passed over: they drain themselves. */
int
spool_drain(const struct spool_order *order, const struct spool_instances *instances)
{
    int status = EXIT_OK;

    signals_catch();
    for (size_t i = 0; i < instances->count; i++) {
        long process = 0;
        int one;

        if (interrupted) {
            fprintf(stderr, "trunkline spool: it was interrupted before it came to %s\n", instances->names[i]);
            return EXIT_UNDRAINED;
        }

        if (instance_held(order->config->data_dir, instances->names[i], &process)) {
            if (order->instance != NULL) {
                fprintf(stderr, "trunkline spool: the gateway of %s runs (process %ld) and drains its spool itself\n",
                        order->instance, process);
                return EXIT_FAULT;
            }
            printf("%s: its gateway runs, and drains it\n", instances->names[i]);
            continue;
        }
        one = drain_one(order, instances->names[i]);
        status = one == EXIT_OK ? status : one;
    }
    if (instances->count == 0) {
        printf("there is no spool to drain below %s\n", order->config->data_dir);
    }
    return status;
}

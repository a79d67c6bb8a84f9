/* Generations: a request keeps the configuration that it began with, and nothing of the old ones is left behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "configuration.h"
#include "http_stand_in.h"

#define HOST             "Host: a\r\n"
#define RELOADS          1000
#define PATIENCE_SECONDS 200 /* a sanitizer on a busy machine takes its time */

static struct config *
numbered(int number)
{
    char yaml[512];

    snprintf(yaml, sizeof yaml, KAFKA "sources:\n  - {name: s%d, adapter: yeta, open: true, budget_ms: %d}\n", number,
             5000 + number);
    return good(yaml);
}

static struct generation *
make(int number, unsigned workers, struct metrics *metrics, int taken_fd)
{
    struct config *config = numbered(number);
    struct error error;
    struct generation *generation = generation_new(config, workers, metrics, &error);

    assert_non_null(generation);
    generation_own(generation, config);
    generation_await(generation, taken_fd);
    return generation;
}

/* The sanitizer tells when one is freed too early, or not at all. */
static void
the_last_hold_frees_it(void **state)
{
    struct metrics *metrics = metrics_new();

    (void)state;
    for (unsigned last = 0; last <= 3; last++) {
        struct generation *generation = make(1, 3, metrics, -1);

        generation_hold(generation, 1);
        generation_hold(generation, 1);
        generation_release(generation, 1);
        for (unsigned holder = 0; holder <= 3; holder++) {
            if (holder != last) {
                generation_release(generation, holder);
            }
        }
        assert_int_equal(generation->config->source_count, 1);
        generation_release(generation, 1); /* the second hold of worker 1 */
        assert_int_equal(generation->config->source_count, 1);
        generation_release(generation, last);
    }
    generation_release(NULL, 0);
    metrics_free(metrics);
}

static void
the_last_worker_tells(void **state)
{
    struct metrics *metrics = metrics_new();
    int fd = eventfd(0, EFD_NONBLOCK);
    struct generation *generation = make(1, 2, metrics, fd);
    eventfd_t count;

    (void)state;
    generation_taken(generation);
    assert_int_equal(eventfd_read(fd, &count), -1);
    generation_taken(generation);
    assert_int_equal(eventfd_read(fd, &count), 0);
    for (unsigned holder = 0; holder <= 2; holder++) {
        generation_release(generation, holder);
    }
    metrics_free(metrics);
    close(fd);
}

static void
topics_are_listed_once(void **state)
{
    struct metrics *metrics = metrics_new();
    struct generation *generation = make(1, 0, metrics, -1);

    (void)state;
    assert_in_range(generation->topic_count, 3, 10);
    for (size_t i = 0; i < generation->topic_count; i++) {
        assert_int_equal(strlen(generation->topics[i].data), generation->topics[i].length);
        for (size_t j = 0; j < i; j++) {
            assert_false(slice_equal(generation->topics[i], generation->topics[j]));
        }
    }
    generation_release(generation, 0);
    metrics_free(metrics);
}

static void
await_taken(int fd)
{
    eventfd_t count;

    while (eventfd_read(fd, &count) != 0) {
        usleep(100);
    }
}

/* Requests of both kinds are under way all the while: one whose body is not whole, one that waits for its answer. */
static void
reloads_leave_requests_and_memory_alone(void **state)
{
    static struct stand_in stand_in;
    static struct client reading, waiting, asking;
    int fd = eventfd(0, EFD_NONBLOCK);
    struct generation *before;

    (void)state;
    stand_in.config.limits = (struct ingress_limits){
        .head_bytes = 16384,
        .header_count = 100,
        .body_bytes = BODY_LIMIT,
        .connections = 1000,
        .buffered_bytes = 64 << 20,
        .head_seconds = PATIENCE_SECONDS,
        .body_seconds = PATIENCE_SECONDS,
        .idle_seconds = PATIENCE_SECONDS,
        .write_seconds = PATIENCE_SECONDS,
        .output_bytes = 65536,
    };
    stand_in_start(&stand_in, 1000 * PATIENCE_SECONDS);
    before = stand_in.generation;
    client_open(&asking, stand_in.port);
    for (int i = 0; i < RELOADS; i++) {
        struct generation *generation = make(i % 7, 1, stand_in.metrics, fd);

        if (i % 50 == 0) {
            client_open(&reading, stand_in.port);
            client_text(&reading, "POST /now HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\nbo");
            client_open(&waiting, stand_in.port);
            client_text(&waiting, "POST /slow HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\nbody");
        }
        client_text(&asking, "GET /now HTTP/1.1\r\n" HOST "\r\n");
        worker_renew(stand_in.worker, generation);
        assert_int_equal(client_read(&asking).status, 200);
        await_taken(fd);
        generation_release(before, 1);
        before = generation;
        if (i % 50 == 49) {
            client_text(&reading, "dy");
            assert_int_equal(client_read(&reading).status, 200);
            assert_int_equal(client_read(&waiting).status, 200);
            client_close(&reading);
            client_close(&waiting);
        }
    }
    client_close(&asking);
    stand_in.generation = before;
    stand_in.counters = before->counters;
    stand_in_stop(&stand_in);
    close(fd);
}

/* What the worker has not even seen goes with it. */
static void
a_reload_that_comes_too_late_is_freed(void **state)
{
    static struct stand_in stand_in;
    struct generation *late;

    (void)state;
    stand_in_start(&stand_in, 5000);
    worker_stop(stand_in.worker, 5);
    stand_in_join(&stand_in);
    late = make(1, 1, stand_in.metrics, -1);
    worker_renew(stand_in.worker, late);
    generation_release(late, 1);
    late = make(2, 1, stand_in.metrics, -1);
    worker_renew(stand_in.worker, late);
    generation_release(late, 1);
    stand_in_free(&stand_in);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_hold_frees_it),
        cmocka_unit_test(the_last_worker_tells),
        cmocka_unit_test(topics_are_listed_once),
        cmocka_unit_test(reloads_leave_requests_and_memory_alone),
        cmocka_unit_test(a_reload_that_comes_too_late_is_freed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

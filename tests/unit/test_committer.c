/* The committer on a mock cluster: jobs on its thread, their ends on the loop, and its own end. */
#include "bus.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/log.h"
#include "egress/committer.h"

#define JOBS    50
#define INIT_MS 10000

static const struct slice topic = SLICE(TOPIC);

/* What a job does, and what became of it. */
struct errand {
    struct bus *bus;
    struct committer *committer;
    atomic_bool begun;
    pthread_t thread; /* on which it worked */
    enum transaction_outcome outcome;
    bool initialised;
    unsigned done;
    unsigned ended;
    unsigned left; /* jobs to come, each begun by the one before */
    bool end_when_done;
    bool free_when_ended;
};

static struct committer *
new_committer(struct bus *bus)
{
    char transactional_id[] = "egress-0";
    struct error error = {""};
    struct committer *committer = committer_new(&bus->settings, transactional_id, bus->base, &error);

    assert_string_equal(error.text, "");
    assert_non_null(committer);
    memset(transactional_id, 'x', sizeof transactional_id); /* it has its own copy */
    assert_false(committer_busy(committer));
    return committer;
}

static void
initialise(void *argument, struct transaction_producer *producer)
{
    struct errand *errand = argument;
    struct error error;

    errand->thread = pthread_self();
    errand->initialised = transaction_producer_init(producer, &topic, 1, INIT_MS, &error);
}

static void
commit_one(void *argument, struct transaction_producer *producer)
{
    struct errand *errand = argument;
    struct transaction_record record = {.topic = topic, .key = SLICE("key"), .value = SLICE("value")};
    struct transaction_batch batch = {.records = &record, .record_count = 1};
    struct error error;

    errand->thread = pthread_self();
    atomic_store(&errand->begun, true);
    errand->outcome = transaction_producer_commit(producer, &batch, &error);
}

static void
on_ended(void *argument)
{
    struct errand *errand = argument;

    errand->ended++;
    if (errand->free_when_ended) {
        committer_free(errand->committer);
    }
}

static void
on_done(void *argument)
{
    struct errand *errand = argument;

    errand->done++;
    assert_false(committer_busy(errand->committer));
    if (errand->left > 0) {
        errand->left--;
        committer_run(errand->committer, &(struct committer_job){commit_one, on_done, errand});
    } else if (errand->end_when_done) {
        committer_end(errand->committer, on_ended, errand);
    }
}

static void
start(struct errand *errand, struct bus *bus)
{
    *errand = (struct errand){.bus = bus, .committer = new_committer(bus)};
    committer_run(errand->committer, &(struct committer_job){initialise, on_done, errand});
    assert_true(committer_busy(errand->committer));
    RUN_UNTIL(bus, errand->done == 1);
    assert_true(errand->initialised);
    errand->done = 0;
}

static void
test_jobs_run_one_after_another_on_a_thread_of_its_own(void **state)
{
    struct bus *bus = *state;
    struct errand errand;

    start(&errand, bus);
    errand.left = JOBS - 1;
    errand.outcome = TRANSACTION_FATAL;
    committer_run(errand.committer, &(struct committer_job){commit_one, on_done, &errand});
    RUN_UNTIL(bus, errand.done == JOBS);
    assert_int_equal(errand.outcome, TRANSACTION_COMMITTED);
    assert_false(pthread_equal(errand.thread, pthread_self()));
    committer_free(errand.committer);
}

static void
test_ends_when_idle_and_is_freed_at_once(void **state)
{
    struct bus *bus = *state;
    struct errand errand;

    start(&errand, bus);
    errand.free_when_ended = true;
    committer_end(errand.committer, on_ended, &errand);
    RUN_UNTIL(bus, errand.ended == 1);

    start(&errand, bus); /* the same out of the end of a job */
    errand.free_when_ended = true;
    errand.end_when_done = true;
    committer_run(errand.committer, &(struct committer_job){commit_one, on_done, &errand});
    RUN_UNTIL(bus, errand.ended == 1);
    assert_int_equal(errand.done, 1);
}

static void
test_a_commit_without_kafka_is_given_up(void **state)
{
    struct bus *bus = *state;
    struct errand errand;

    start(&errand, bus);
    rd_kafka_mock_broker_set_down(bus->cluster, 1);
    committer_run(errand.committer, &(struct committer_job){commit_one, on_done, &errand});
    RUN_UNTIL(bus, atomic_load(&errand.begun));
    committer_end(errand.committer, on_ended, &errand);
    assert_int_equal(errand.ended, 0);
    RUN_UNTIL(bus, errand.ended == 1);
    assert_int_equal(errand.done, 0);
    assert_int_equal(errand.outcome, TRANSACTION_GIVEN_UP);
    committer_free(errand.committer);
}

/* What is over on the thread, but has not been told to the loop, is not told any more. */
static void
test_a_job_that_ends_with_the_committer_is_not_done(void **state)
{
    struct bus *bus = *state;
    struct errand errand;

    for (unsigned pause_microseconds = 0; pause_microseconds < 64000;
         pause_microseconds = pause_microseconds * 2 + 500) {
        start(&errand, bus);
        committer_run(errand.committer, &(struct committer_job){commit_one, on_done, &errand});
        usleep(pause_microseconds); /* the loop stands still: the job may be anywhere */
        committer_end(errand.committer, on_ended, &errand);
        RUN_UNTIL(bus, errand.ended == 1);
        assert_int_equal(errand.done, 0);
        committer_free(errand.committer);
    }
}

static void
test_free_waits_for_a_job(void **state)
{
    struct bus *bus = *state;
    struct errand errand;

    committer_free(NULL);
    start(&errand, bus);
    errand.outcome = TRANSACTION_FATAL;
    committer_run(errand.committer, &(struct committer_job){commit_one, on_done, &errand});
    while (!atomic_load(&errand.begun)) { /* without the loop, which would hear of its end */
        usleep(100);
    }
    committer_free(errand.committer);
    assert_int_not_equal(errand.outcome, TRANSACTION_FATAL); /* committed, or given up */
    event_base_loop(bus->base, EVLOOP_NONBLOCK);
    assert_int_equal(errand.done, 0);
}

static void
test_settings_that_librdkafka_does_not_take(void **state)
{
    struct bus *bus = *state;
    struct error error = {""};

    bus_set(bus, "no.such.property", "1");
    assert_null(committer_new(&bus->settings, "egress-0", bus->base, &error));
    assert_non_null(strstr(error.text, "no.such.property"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define BUS_TEST(name) cmocka_unit_test_setup_teardown(name, bus_setup, bus_teardown)
        BUS_TEST(test_jobs_run_one_after_another_on_a_thread_of_its_own),
        BUS_TEST(test_ends_when_idle_and_is_freed_at_once),
        BUS_TEST(test_a_commit_without_kafka_is_given_up),
        BUS_TEST(test_a_job_that_ends_with_the_committer_is_not_done),
        BUS_TEST(test_free_waits_for_a_job),
        BUS_TEST(test_settings_that_librdkafka_does_not_take),
    };

    log_setup(LOG_FORMAT_TEXT, getenv("VERBOSE") ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR, clock_system());
    return cmocka_run_group_tests(tests, NULL, NULL);
}

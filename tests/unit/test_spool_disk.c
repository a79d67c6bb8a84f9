/* The spool on a disk that fails once, at any of its calls, and then loses power: what was called durable is there. */
#include "spool_fixture.h"

#include "faulty_disk.h"
#include "spool/files.h"

#define LOADS 12

static struct fixture *fixture;

/* A failure may hit the start itself, which is then told and done again. */
static void
start(const char *name)
{
    struct error error = {""};

    if (!fixture_try(fixture, name, &error)) {
        assert_true(disk.fired);
        assert_string_not_equal(error.text, "");
        assert_true(fixture_try(fixture, name, &error));
    }
    breaker_start_open(spool_breaker(fixture->spool));
    fixture->port = spool_port_new(fixture->spool, fixture->bus->base);
    assert_non_null(fixture->port);
}

/* Puts one after the other, each again until it is durable, as a vendor does; returns how many were refused. */
static unsigned
put_all(void)
{
    unsigned refused = 0;

    for (unsigned i = 0; i < LOADS;) {
        struct load *load = fixture_put(fixture, i, 3, false);

        RUN_UNTIL(fixture->bus, load->done);
        if (load->job.fate == SPOOL_DURABLE) {
            i++;
        } else {
            assert_int_equal(load->job.fate, SPOOL_FAILING);
            refused++;
        }
    }
    return refused;
}

static void
lose_power(void)
{
    struct spool_file *files = NULL;
    struct error error;
    char path[PATH_MAX];
    size_t count = 0;

    snprintf(path, sizeof(path), "%s/one", fixture->data_dir);
    assert_true(spool_files_list(path, &files, &count, &error));
    for (size_t i = 0; i < count; i++) {
        disk_lose_power(files[i].path);
    }
    free(files);
}

/* true: the failure came. */
static bool
fail_once(struct disk_fault fault)
{
    unsigned refused;
    bool fired;

    disk_set(fault);
    start("one");
    refused = put_all();
    fired = disk.fired;
    assert_true(refused == 0 || fired);
    assert_int_equal(fixture_stop(fixture, 0), LOADS);
    disk_set((struct disk_fault){.nth = 0});
    lose_power();
    start("one");
    /* What was refused may be there all the same, when the disk had it: it comes twice then, and can be told. */
    assert_in_range(spool_state(fixture->spool).records, LOADS, LOADS + (refused > 0));
    (void)fixture_stop(fixture, 0);
    remove_tree(fixture->data_dir);
    return fired;
}

static void
run(enum disk_call call, int code, int system_error)
{
    int nth = 1;

    while (fail_once((struct disk_fault){call, nth, false, code, system_error})) {
        nth++;
    }
    assert_true(nth > LOADS); /* it was hit again and again */
}

static void
test_an_fsync_that_fails_once(void **state)
{
    (void)state;
    run(DISK_SYNC, SQLITE_IOERR_FSYNC, EIO);
}

static void
test_a_write_that_fails_once(void **state)
{
    (void)state;
    run(DISK_WRITE, SQLITE_IOERR_WRITE, EIO);
}

static void
test_a_disk_that_is_full_once(void **state)
{
    (void)state;
    run(DISK_WRITE, SQLITE_FULL, ENOSPC);
}

static int
setup(void **state)
{
    void *made;
    int status = fixture_setup(&made);

    (void)state;
    fixture = made;
    log_setup(LOG_FORMAT_TEXT, LOG_LEVEL_ERROR + 1, clock_system()); /* failures are what it is about */
    rd_kafka_mock_broker_set_down(fixture->bus->cluster, 1);
    return status;
}

static int
teardown(void **state)
{
    void *made = fixture;

    (void)state;
    return fixture_teardown(&made);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_fsync_that_fails_once),
        cmocka_unit_test(test_a_write_that_fails_once),
        cmocka_unit_test(test_a_disk_that_is_full_once),
    };

    disk_install();
    return cmocka_run_group_tests(tests, setup, teardown);
}

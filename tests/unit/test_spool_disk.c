/* The spool on a disk that fails once, at any of its calls, and then loses power: what was called durable is there. */
#include "spool_fixture.h"

#include "faulty_disk.h"
#include "spool/files.h"

#define LOADS       12
#define LARGE_BYTES ((size_t)900 << 10) /* a dozen of them are more than SQLite keeps in memory */
#define PLACES      12                  /* of a start, where memory is short */

static struct fixture *fixture;
static size_t value_bytes; /* of each record; 0: a few */

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
        static const char large[LARGE_BYTES];
        struct load *load = fixture_load(fixture, i, 3);

        load->record.value = value_bytes > 0 ? slice_make(large, value_bytes) : load->record.value;
        spool_put(fixture->port, &load->job);
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

static void
fill(const char *name)
{
    start(name);
    assert_int_equal(put_all(), 0);
    assert_int_equal(fixture_stop(fixture, 0), LOADS);
}

static void
move_file(const char *instance, const char *from, const char *to)
{
    static const char *const ends[] = {"", "-wal"};
    char old[PATH_MAX];
    char new[PATH_MAX];

    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        snprintf(old, sizeof(old), "%s/%s/%s%s", fixture->data_dir, instance, from, ends[i]);
        snprintf(new, sizeof(new), "%s/%s/%s%s", fixture->data_dir, instance, to, ends[i]);
        assert_int_equal(rename(old, new), 0);
    }
}

/* As a process leaves it that has died before it read back the older of two files: the newer one is empty. */
static void
fill_older_of_two(const char *name)
{
    start(name);
    assert_int_equal(fixture_stop(fixture, 0), 0);
    move_file(name, "spool-1.db", "kept");
    fill(name);
    move_file(name, "kept", "spool-2.db");
}

/* At one place after the other of a start and the moment after it. Nothing may be missing then: what cannot be read now
 * can be later. */
static void
run_short_of_memory(void (*prepare)(const char *name), const char *name)
{
    int reads = 0;

    fixture->settings.max_bytes = LARGE_BYTES * 64;
    value_bytes = LARGE_BYTES;
    for (int place = 0; place <= PLACES; place++) {
        prepare("one");
        disk_set((struct disk_fault){DISK_READ, place * reads / PLACES, false, SQLITE_IOERR_NOMEM, ENOMEM});
        start(name);
        (void)fixture_stop(fixture, 0);
        reads = place == 0 ? disk.calls[DISK_READ] : reads; /* memory has not been short yet */
        disk_set((struct disk_fault){.nth = 0});
        start(name);
        assert_int_equal(spool_state(fixture->spool).records, LOADS);
        assert_int_equal(fixture_stop(fixture, 0), LOADS);
        remove_tree(fixture->data_dir);
    }
    assert_true(reads > PLACES);
    value_bytes = 0;
}

static void
test_reading_back_while_memory_is_short(void **state)
{
    (void)state;
    run_short_of_memory(fill_older_of_two, "one");
}

static void
test_an_adoption_while_memory_is_short(void **state)
{
    (void)state;
    run_short_of_memory(fill, "two");
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
        cmocka_unit_test(test_reading_back_while_memory_is_short),
        cmocka_unit_test(test_an_adoption_while_memory_is_short),
    };

    disk_install();
    return cmocka_run_group_tests(tests, setup, teardown);
}

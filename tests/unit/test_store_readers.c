/* Stores that other processes read, or lock, while they are written. */
#include "unit/store_fixture.h"

#include <sqlite3.h>
#include <sys/wait.h>

static struct fixture_seen seen;

/* What a child process of a test says by its exit. */
static void
assert_child_content(pid_t child)
{
    int status = 0;

    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* In a process of its own: reads again and again until it sees as many as it is to see at last; each time it sees all
 * up to some id, never fewer than the last time. */
static void
read_until(const char *path, size_t enough)
{
    size_t before = 0;

    for (;;) {
        struct error error;
        struct store *store = store_open(path, STORE_READ, NULL, &error);

        if (store == NULL) {
            _exit(2);
        }
        seen = (struct fixture_seen){0};
        if (store_read(store, 0, fixture_see, &seen, NULL) != STORE_OK || seen.wrong > 0 || seen.damaged > 0 ||
            seen.count < before || !fixture_has(&seen, 1, (int64_t)seen.count)) {
            _exit(3);
        }
        before = seen.count;
        store_close(store);
        if (before >= enough) {
            _exit(0);
        }
    }
}

static void
another_process_reads_meanwhile(void **state)
{
    (void)state;
    const char *path = fixture_path("read.db");
    struct store *store = fixture_open(path, STORE_CREATE);
    pid_t child;

    fixture_commit(store, 1, 10);
    store_close(store); /* a fork must not have it open */
    child = fork();
    if (child == 0) {
        read_until(path, 3000);
    }
    store = fixture_open(path, STORE_WRITE);
    for (int64_t id = 11; id <= 3000; id += 10) {
        fixture_commit(store, id, id + 9);
    }
    assert_child_content(child);
    fixture_assert_holds(store, 1, 3000);
    store_close(store);
}

struct stay {
    int told, go_on;
};

static bool
stay_in_the_middle(void *argument, const struct stored *stored)
{
    const struct stay *stay = argument;
    char byte = 'x';

    if (stored->id == 5 && (write(stay->told, &byte, 1) != 1 || read(stay->go_on, &byte, 1) < 0)) {
        _exit(4);
    }
    return true;
}

/* A reader that stays keeps checkpoints from going on, never commits; then the WAL shrinks again. */
static void
a_reader_that_stays(void **state)
{
    (void)state;
    const char *path = fixture_path("stays.db");
    int told[2];
    int go_on[2];
    char byte;
    struct store *store = fixture_open(path, STORE_CREATE);

    fixture_commit(store, 1, 10);
    store_close(store);
    assert_int_equal(pipe2(told, O_CLOEXEC), 0);
    assert_int_equal(pipe2(go_on, O_CLOEXEC), 0);
    pid_t child = fork();
    if (child == 0) {
        struct stay stay = {told[1], go_on[0]};

        store = store_open(path, STORE_READ, NULL, NULL);
        _exit(store != NULL && store_read(store, 0, stay_in_the_middle, &stay, NULL) == STORE_OK ? 0 : 5);
    }
    assert_int_equal(read(told[0], &byte, 1), 1);
    store = fixture_open(path, STORE_WRITE);
    for (int round = 0; round < 20; round++) {
        for (int64_t id = 11; id <= 3000; id += 299) {
            fixture_commit(store, id, id + 298);
        }
        fixture_remove(store, 11, 3000);
    }
    struct stat status;
    assert_int_equal(stat(fixture_path("stays.db-wal"), &status), 0);
    assert_true(status.st_size > 32 << 20);
    assert_int_equal(write(go_on[1], "x", 1), 1);
    assert_child_content(child);
    fixture_commit(store, 11, 400);
    fixture_remove(store, 1, 400);
    assert_int_equal(stat(fixture_path("stays.db-wal"), &status), 0);
    assert_true(status.st_size <= 8 << 20);
    store_close(store);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(close(told[i]), 0);
        assert_int_equal(close(go_on[i]), 0);
    }
}

/* Locked by a tool: not the disk's fault, and over some time. */
static void
somebody_locks_the_file(void **state)
{
    (void)state;
    const char *path = fixture_path("locked.db");
    struct store *store = fixture_open(path, STORE_CREATE);
    sqlite3 *other = NULL;

    fixture_commit(store, 1, 2);
    assert_int_equal(sqlite3_open_v2(path, &other, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(store_begin(store), STORE_FULL);
    assert_non_null(strstr(store_reason(store), "locked"));
    fixture_assert_holds(store, 1, 2);
    assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    fixture_commit(store, 3, 3);
    fixture_assert_holds(store, 1, 3);
    assert_int_equal(sqlite3_close(other), SQLITE_OK);
    store_close(store);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_process_reads_meanwhile),
        cmocka_unit_test(a_reader_that_stays),
        cmocka_unit_test(somebody_locks_the_file),
    };

    return cmocka_run_group_tests(tests, fixture_begin, fixture_end);
}

/* Stores: what is put, read, removed and set aside; the file's format and size. */
#include "unit/store_fixture.h"

#include <sqlite3.h>

static struct fixture_seen seen;

static void
assert_refused(const char *path, enum store_mode mode, enum store_fault expected, const char *words)
{
    enum store_fault fault = STORE_FAULT_OTHER;
    struct error error = {""};
    struct store *store = store_open(path, mode, &fault, &error);

    assert_null(store);
    assert_int_equal(fault, expected);
    if (strstr(error.text, words) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", error.text, words);
    }
}

/* Runs SQL on a file by SQLite alone. */
static void
run_sql(const char *path, const char *sql)
{
    sqlite3 *database = NULL;

    assert_int_equal(sqlite3_open_v2(path, &database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(database, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(database), SQLITE_OK);
}

static void
what_is_put_is_read(void **state)
{
    (void)state;
    struct store *store = fixture_open(fixture_path("put.db"), STORE_CREATE);
    struct stat status;

    assert_string_equal(store_path(store), fixture_path("put.db"));
    assert_int_equal(stat(fixture_path("put.db"), &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_int_equal(stat(fixture_path("put.db-wal"), &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_int_equal(store_last_id(store), 0);
    fixture_look(store, &seen);
    assert_int_equal(seen.count, 0);
    assert_int_equal(seen.last, 0);

    fixture_commit(store, 1, 300);
    fixture_assert_holds(store, 1, 300);
    assert_int_equal(store_last_id(store), 300);
    seen = (struct fixture_seen){0};
    assert_int_equal(store_read(store, 298, fixture_see, &seen, &seen.last), STORE_OK);
    assert_int_equal(seen.count, 2);
    assert_int_equal(seen.last, 300);
    assert_int_equal(store_read(store, 300, fixture_see, &seen, NULL), STORE_OK);
    assert_int_equal(seen.count, 2);
    store_close(store);

    store = fixture_open(fixture_path("put.db"), STORE_WRITE);
    fixture_assert_holds(store, 1, 300);
    fixture_commit(store, 301, 301);
    fixture_assert_holds(store, 1, 301);
    assert_true(store_file_bytes(store) > (uint64_t)301 * 400);
    store_close(store);
    store_close(NULL);
}

static bool
see_three(void *argument, const struct stored *stored)
{
    return fixture_see(argument, stored) && stored->id < 3;
}

static void
a_visit_may_stop(void **state)
{
    (void)state;
    struct store *store = fixture_open(fixture_path("stop.db"), STORE_CREATE);

    fixture_commit(store, 1, 10);
    seen = (struct fixture_seen){0};
    assert_int_equal(store_read(store, 0, see_three, &seen, &seen.last), STORE_OK);
    assert_int_equal(seen.count, 3);
    assert_int_equal(seen.last, 3);
    /* It has not kept the store from being written. */
    fixture_commit(store, 11, 12);
    fixture_assert_holds(store, 1, 12);
    store_close(store);
}

static void
an_id_is_put_once(void **state)
{
    (void)state;
    struct store *store = fixture_open(fixture_path("twice.db"), STORE_CREATE);
    struct fixture_record made;

    fixture_commit(store, 1, 3);
    fixture_fill(&made, 17);
    made.stored.id = 2;
    assert_int_equal(store_begin(store), STORE_OK);
    assert_int_equal(store_put(store, &made.stored), STORE_OK);
    assert_int_equal(fixture_put(store, 4), STORE_OK);
    assert_int_equal(store_commit(store), STORE_OK);
    fixture_assert_holds(store, 1, 4);

    static const int64_t bad[] = {0, -1, INT64_MIN, INT64_MAX};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(store_begin(store), STORE_OK);
        assert_int_equal(fixture_put(store, 5), STORE_OK);
        made.stored.id = bad[i];
        assert_int_equal(store_put(store, &made.stored), STORE_FULL);
        assert_int_equal(store_commit(store), STORE_FULL); /* the transaction is gone */
    }
    fixture_assert_holds(store, 1, 4);
    assert_int_equal(store_last_id(store), 4);
    store_close(store);
}

static void
what_is_not_committed_is_not_there(void **state)
{
    (void)state;
    struct store *store = fixture_open(fixture_path("back.db"), STORE_CREATE);

    fixture_commit(store, 1, 3);
    assert_int_equal(store_begin(store), STORE_OK);
    assert_int_equal(fixture_put(store, 4), STORE_OK);
    assert_int_equal(store_remove(store, 1), STORE_OK);
    assert_int_equal(store_last_id(store), 4);
    store_take_back(store);
    assert_int_equal(store_last_id(store), 3);
    fixture_assert_holds(store, 1, 3);

    assert_int_equal(store_begin(store), STORE_OK);
    assert_int_equal(fixture_put(store, 4), STORE_OK);
    assert_int_equal(store_begin(store), STORE_OK); /* begins anew */
    assert_int_equal(fixture_put(store, 5), STORE_OK);
    store_close(store);
    store = fixture_open(fixture_path("back.db"), STORE_WRITE);
    fixture_assert_holds(store, 1, 3);
    assert_int_equal(store_last_id(store), 3);
    store_close(store);
}

static void
nothing_is_written_outside_a_transaction(void **state)
{
    (void)state;
    struct store *store = fixture_open(fixture_path("outside.db"), STORE_CREATE);
    struct slice reason = SLICE("x");

    assert_int_not_equal(fixture_put(store, 1), STORE_OK);
    assert_int_not_equal(store_remove(store, 1), STORE_OK);
    assert_int_not_equal(store_set_aside(store, 1, reason), STORE_OK);
    assert_int_not_equal(store_raise_last_id(store, 9), STORE_OK);
    assert_int_not_equal(store_commit(store), STORE_OK);
    fixture_commit(store, 1, 1);
    fixture_assert_holds(store, 1, 1);
    store_close(store);
}

static void
removed_is_removed(void **state)
{
    (void)state;
    struct store *store = fixture_open(fixture_path("remove.db"), STORE_CREATE);

    fixture_commit(store, 1, 200);
    fixture_remove(store, 1, 100);
    fixture_remove(store, 90, 110); /* some are not there any more */
    fixture_assert_holds(store, 111, 200);
    store_close(store);
    store = fixture_open(fixture_path("remove.db"), STORE_WRITE);
    fixture_assert_holds(store, 111, 200);
    store_close(store);
}

/* Also when nothing is left that has them. */
static void
ids_are_never_given_twice(void **state)
{
    (void)state;
    struct store *store = fixture_open(fixture_path("ids.db"), STORE_CREATE);

    fixture_commit(store, 1, 50);
    fixture_remove(store, 50, 50);
    store_close(store);
    store = fixture_open(fixture_path("ids.db"), STORE_WRITE);
    assert_int_equal(store_last_id(store), 50);
    fixture_remove(store, 1, 49);
    store_close(store);
    store = fixture_open(fixture_path("ids.db"), STORE_WRITE);
    assert_int_equal(store_last_id(store), 50);

    /* Put and removed at once. */
    assert_int_equal(store_begin(store), STORE_OK);
    assert_int_equal(fixture_put(store, 60), STORE_OK);
    assert_int_equal(store_remove(store, 60), STORE_OK);
    assert_int_equal(store_commit(store), STORE_OK);
    /* A transaction that is taken back has given none. */
    assert_int_equal(store_begin(store), STORE_OK);
    assert_int_equal(fixture_put(store, 70), STORE_OK);
    store_close(store);
    store = fixture_open(fixture_path("ids.db"), STORE_WRITE);
    assert_int_equal(store_last_id(store), 60);

    assert_int_equal(store_begin(store), STORE_OK);
    assert_int_equal(store_raise_last_id(store, 59), STORE_OK);
    assert_int_equal(store_last_id(store), 60);
    assert_int_equal(store_raise_last_id(store, 1000), STORE_OK);
    assert_int_equal(store_commit(store), STORE_OK);
    fixture_commit(store, 61, 61);
    store_close(store);
    store = fixture_open(fixture_path("ids.db"), STORE_WRITE);
    assert_int_equal(store_last_id(store), 1000);
    store_close(store);

    /* A mark that cannot be trusted: far above whatever it may have been. */
    run_sql(fixture_path("ids.db"), "UPDATE mark SET last_id=3");
    store = fixture_open(fixture_path("ids.db"), STORE_WRITE);
    assert_true(store_last_id(store) > INT64_C(4000000000));
    fixture_look(store, &seen);
    assert_int_equal(seen.verdict, STORE_BROKEN);
    assert_int_equal(seen.count, 1);
    store_close(store);
}

struct aside {
    char reasons[2][32];
    size_t count, all;
};

static bool
see_aside(void *argument, const struct stored *stored)
{
    struct aside *aside = argument;

    aside->all++;
    assert_false(stored->damaged);
    assert_true(fixture_is_true(stored));
    if (stored->aside.length > 0 && aside->count < 2) {
        (void)snprintf(aside->reasons[aside->count++], sizeof aside->reasons[0], "%.*s", SLICE_ARGS(stored->aside));
    }
    return true;
}

static bool
copy_one(void *argument, const struct stored *stored)
{
    return store_put(argument, stored) == STORE_OK;
}

static void
set_aside_is_kept(void **state)
{
    (void)state;
    struct store *store = fixture_open(fixture_path("aside.db"), STORE_CREATE);
    struct slice large = SLICE("the record is too large");
    struct slice other = SLICE("its topic does not take it");
    struct aside aside = {.count = 0};

    fixture_commit(store, 1, 9);
    assert_int_equal(store_begin(store), STORE_OK);
    assert_int_equal(store_set_aside(store, 7, large), STORE_OK); /* one of the long ones */
    assert_int_equal(store_set_aside(store, 4, large), STORE_OK);
    assert_int_equal(store_set_aside(store, 4, other), STORE_OK);
    assert_int_equal(store_set_aside(store, 99, large), STORE_OK); /* not there */
    assert_int_equal(store_commit(store), STORE_OK);
    assert_int_equal(store_read(store, 0, see_aside, &aside, NULL), STORE_OK);
    assert_int_equal(aside.all, 9);
    assert_int_equal(aside.count, 2);
    assert_string_equal(aside.reasons[0], "its topic does not take it");
    assert_string_equal(aside.reasons[1], "the record is too large");

    /* Read back into another file, and a second time. */
    struct store *copy = fixture_open(fixture_path("aside-copy.db"), STORE_CREATE);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(store_begin(copy), STORE_OK);
        assert_int_equal(store_read(store, 0, copy_one, copy, NULL), STORE_OK);
        assert_int_equal(store_commit(copy), STORE_OK);
    }
    aside = (struct aside){.count = 0};
    assert_int_equal(store_read(copy, 0, see_aside, &aside, NULL), STORE_OK);
    assert_int_equal(aside.all, 9);
    assert_string_equal(aside.reasons[0], "its topic does not take it");
    assert_int_equal(store_last_id(copy), 9);
    store_close(copy);
    store_close(store);
}

/* --- the file --- */

static void
a_new_file_is_new(void **state)
{
    (void)state;
    const char *path = fixture_path("new.db");
    struct store *store = fixture_open(path, STORE_CREATE);

    fixture_commit(store, 1, 1);
    assert_refused(path, STORE_CREATE, STORE_FAULT_OTHER, "is there already");
    store_close(store);
    assert_refused(path, STORE_CREATE, STORE_FAULT_OTHER, "is there already");
    store = fixture_open(path, STORE_WRITE);
    fixture_assert_holds(store, 1, 1);
    store_close(store);

    /* What another file of that name has left beside it is not taken for its own. */
    assert_int_equal(unlink(path), 0);
    assert_int_equal(access(fixture_path("new.db-wal"), F_OK), 0);
    store = fixture_open(path, STORE_CREATE);
    fixture_look(store, &seen);
    assert_int_equal(seen.count, 0);
    store_close(store);

    assert_refused(fixture_path("no/such/directory.db"), STORE_CREATE, STORE_FAULT_OTHER, "No such file");
    assert_refused(fixture_path("missing.db"), STORE_WRITE, STORE_FAULT_OTHER, "No such file");
    assert_refused(fixture_path("missing.db"), STORE_READ, STORE_FAULT_OTHER, "No such file");
    assert_int_not_equal(access(fixture_path("missing.db"), F_OK), 0);
    assert_refused(fixture_root, STORE_WRITE, STORE_FAULT_OTHER, "no regular file");
}

/* The process died while it made one. */
static void
a_file_that_was_only_begun(void **state)
{
    (void)state;
    const char *empty = fixture_path("begun.db");
    const char *header = fixture_path("header.db");

    fixture_save(empty, (const unsigned char *)"", 0);
    run_sql(header, "PRAGMA journal_mode=WAL");
    assert_refused(empty, STORE_READ, STORE_FAULT_OTHER, "nothing in it yet");
    for (int i = 0; i < 2; i++) {
        struct store *store = fixture_open(i == 0 ? empty : header, STORE_WRITE);

        fixture_commit(store, 1, 5);
        fixture_assert_holds(store, 1, 5);
        store_close(store);
    }
}

static void
other_files_are_refused(void **state)
{
    (void)state;
    static const unsigned char text[] = "This is not a database, and it never was one. It has some length, too.";
    const char *path = fixture_path("newer.db");
    struct store *store = fixture_open(path, STORE_CREATE);

    fixture_commit(store, 1, 5);
    store_close(store);
    run_sql(path, "PRAGMA user_version=2");
    for (enum store_mode mode = STORE_READ; mode <= STORE_WRITE; mode++) {
        struct fixture_bytes before = fixture_load(path);
        assert_refused(path, mode, STORE_FAULT_NEWER, "run the one that wrote it");
        struct fixture_bytes after = fixture_load(path);
        assert_int_equal(before.length, after.length);
        assert_memory_equal(before.data, after.data, before.length);
        free(before.data);
        free(after.data);
    }
    run_sql(path, "PRAGMA user_version=1;PRAGMA application_id=7");
    assert_refused(path, STORE_WRITE, STORE_FAULT_DAMAGED, "not that of a spool");
    run_sql(path, "PRAGMA application_id=1416784748;CREATE TABLE more(x)");
    assert_refused(path, STORE_WRITE, STORE_FAULT_DAMAGED, "its tables");
    run_sql(path, "DROP TABLE more");
    store = fixture_open(path, STORE_WRITE);
    fixture_assert_holds(store, 1, 5);
    store_close(store);

    fixture_save(fixture_path("text.db"), text, sizeof text);
    assert_refused(fixture_path("text.db"), STORE_WRITE, STORE_FAULT_DAMAGED, "not a database");
    assert_refused(fixture_path("text.db"), STORE_READ, STORE_FAULT_DAMAGED, "not a database");
}

static void
somebody_takes_the_file_away(void **state)
{
    (void)state;
    static const char *const taken[] = {"taken.db", "taken.db-wal"};

    for (size_t i = 0; i < 2; i++) {
        struct store *store = fixture_open(fixture_path("taken.db"), STORE_CREATE);

        fixture_commit(store, 1, 5);
        assert_int_equal(rename(fixture_path(taken[i]), fixture_path("elsewhere")), 0);
        assert_int_equal(fixture_try_commit(store, 6, 6), STORE_BROKEN);
        assert_non_null(strstr(store_reason(store), "moved or removed"));
        assert_int_equal(store_begin(store), STORE_BROKEN);
        /* It can still be read back. */
        fixture_look(store, &seen);
        assert_true(fixture_has(&seen, 1, 5));
        store_close(store);
        assert_true(spool_file_remove(fixture_path("taken.db"), NULL));
    }
}

/* --- size --- */

/* The WAL begins anew all the time, and is small once the store is empty. */
static void
the_wal_stays_small(void **state)
{
    (void)state;
    struct store *store = fixture_open(fixture_path("size.db"), STORE_CREATE);
    struct stat status;
    int64_t id = 0;

    for (int i = 0; i < 60; i++, id += 60) {
        fixture_commit(store, id + 1, id + 60);
        assert_int_equal(stat(fixture_path("size.db-wal"), &status), 0);
        assert_true(status.st_size < 8 << 20);
    }
    fixture_assert_holds(store, 1, id);
    fixture_remove(store, 1, id);
    assert_int_equal(stat(fixture_path("size.db-wal"), &status), 0);
    assert_true(status.st_size <= 1 << 20);
    assert_int_equal(stat(fixture_path("size.db"), &status), 0);
    fixture_commit(store, id + 1, id + 10);
    store_close(store);
    store = fixture_open(fixture_path("size.db"), STORE_WRITE);
    fixture_assert_holds(store, id + 1, id + 10);
    store_close(store);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_put_is_read),
        cmocka_unit_test(a_visit_may_stop),
        cmocka_unit_test(an_id_is_put_once),
        cmocka_unit_test(what_is_not_committed_is_not_there),
        cmocka_unit_test(nothing_is_written_outside_a_transaction),
        cmocka_unit_test(removed_is_removed),
        cmocka_unit_test(ids_are_never_given_twice),
        cmocka_unit_test(set_aside_is_kept),
        cmocka_unit_test(a_new_file_is_new),
        cmocka_unit_test(a_file_that_was_only_begun),
        cmocka_unit_test(other_files_are_refused),
        cmocka_unit_test(somebody_takes_the_file_away),
        cmocka_unit_test(the_wal_stays_small),
    };

    return cmocka_run_group_tests(tests, fixture_begin, fixture_end);
}

/* A disk that fails at every single call of a scenario, one after the other: what a store has said OK for is there,
 * when the file is opened next and after a power failure; what it has said STORE_BROKEN for is never written again; and
 * a full disk harms nothing. */
#include "unit/store_fixture.h"

#include "unit/faulty_disk.h"

#include "spool/store_state.h"

static const char *path;
static struct fixture_seen seen;

static int
begin(void **state)
{
    static char name[PATH_MAX];

    if (fixture_begin_in_memory(state) != 0) {
        return 1;
    }
    (void)snprintf(name, sizeof name, "%s", fixture_path("faults.db"));
    path = name;
    disk_install();
    return 0;
}

/* --- the scenario --- */

/* In one transaction, in this order. 0: none of it. */
static const struct transaction {
    int64_t put_first, put_last, remove_first, remove_last, aside;
} scenario[] = {
    {1, 10, 0, 0, 0},    {11, 11, 0, 0, 0},    {12, 60, 1, 4, 0},   {61, 70, 0, 0, 7},  {71, 71, 0, 0, 0},
    {0, 0, 5, 40, 0},    {72, 130, 41, 50, 0}, {131, 131, 0, 0, 0}, {0, 0, 51, 131, 0}, {132, 140, 0, 0, 0},
    {141, 200, 0, 0, 0}, {0, 0, 132, 200, 0},  {201, 230, 0, 0, 0},
};
#define IDS          231
#define TRANSACTIONS (sizeof scenario / sizeof scenario[0])

enum expectation { MAY_BE, MUST_BE, MUST_NOT_BE };

static enum expectation expected[IDS];

static enum store_verdict
try(struct store *store, const struct transaction *transaction)
{
    struct slice reason = SLICE("refused");
    enum store_verdict verdict = store_begin(store);

    for (int64_t id = transaction->put_first; verdict == STORE_OK && id > 0 && id <= transaction->put_last; id++) {
        verdict = fixture_put(store, id);
    }
    for (int64_t id = transaction->remove_first; verdict == STORE_OK && id > 0 && id <= transaction->remove_last;
         id++) {
        verdict = store_remove(store, id);
    }
    if (verdict == STORE_OK && transaction->aside > 0) {
        verdict = store_set_aside(store, transaction->aside, reason);
    }
    return verdict == STORE_OK ? store_commit(store) : verdict;
}

static void
expect(const struct transaction *transaction, bool done)
{
    for (int64_t id = transaction->put_first; id > 0 && id <= transaction->put_last; id++) {
        expected[id] = done ? MUST_BE : MAY_BE;
    }
    for (int64_t id = transaction->remove_first; id > 0 && id <= transaction->remove_last; id++) {
        expected[id] = done ? MUST_NOT_BE : MAY_BE;
    }
}

static void
assert_as_expected(struct store *store)
{
    fixture_look(store, &seen);
    if (seen.verdict != STORE_OK) {
        fail_msg("%s", store_reason(store));
    }
    assert_int_equal(seen.damaged, 0);
    for (int64_t id = 1; id < IDS; id++) {
        if ((expected[id] == MUST_BE && !seen.there[id]) || (expected[id] == MUST_NOT_BE && seen.there[id])) {
            fail_msg("%d of kind %d, its call %d: record %d is %sthere", disk.fault.system_error, disk.fault.call,
                     disk.fault.nth, (int)id, seen.there[id] ? "" : "not ");
        }
    }
}

static void
assert_found_by_the_next(void)
{
    struct store *store = fixture_open(path, STORE_WRITE);

    assert_as_expected(store);
    fixture_commit(store, IDS, IDS);
    store_close(store);
}

/* Runs it, and tries what did not fit once more. Returns the worst verdict. */
static enum store_verdict
run(struct store *store)
{
    enum store_verdict worst = STORE_OK;

    store->checkpoint_every = store->checkpoint_frames = 40;
    for (size_t i = 0; i < TRANSACTIONS; i++) {
        enum store_verdict verdict = try(store, &scenario[i]);

        if (verdict == STORE_FULL) {
            worst = STORE_FULL;
            assert_true(strlen(store_reason(store)) > 0);
            verdict = try(store, &scenario[i]);
        }
        expect(&scenario[i], verdict == STORE_OK);
        if (verdict == STORE_BROKEN) {
            return STORE_BROKEN;
        }
    }
    return worst;
}

/* Nothing writes the file any more, whatever is asked for. */
static void
assert_left_alone(struct store *store)
{
    int before = disk.calls[DISK_WRITE] + disk.calls[DISK_SYNC] + disk.calls[DISK_TRUNCATE];
    struct slice reason = SLICE("x");

    assert_true(strlen(store_reason(store)) > 0);
    assert_int_equal(store_begin(store), STORE_BROKEN);
    assert_int_equal(fixture_put(store, 1), STORE_BROKEN);
    assert_int_equal(store_remove(store, 1), STORE_BROKEN);
    assert_int_equal(store_set_aside(store, 1, reason), STORE_BROKEN);
    assert_int_equal(store_commit(store), STORE_BROKEN);
    store_take_back(store);
    assert_as_expected(store);
    store_close(store);
    assert_int_equal(disk.calls[DISK_WRITE] + disk.calls[DISK_SYNC] + disk.calls[DISK_TRUNCATE], before);
}

/* Runs the scenario with that fault, and looks at what is left: as it is, or after a power failure. false: the fault
 * came to nothing, as there are not so many calls. */
static bool
survive(struct disk_fault fault, bool power_failure, enum store_verdict *worst)
{
    struct error error = {""};
    enum store_fault open_fault = STORE_FAULT_OTHER;

    memset(expected, 0, sizeof expected);
    *worst = STORE_OK;
    disk_clear(path);
    disk_set(fault);
    struct store *store = store_open(path, STORE_CREATE, &open_fault, &error);
    if (store == NULL) {
        assert_true(disk.fired);
        assert_true(strlen(error.text) > 0);
        /* (While a file is made SQLite does not always tell a quota from an error.) */
        if ((open_fault == STORE_FAULT_NO_ROOM) != (fault.system_error == ENOSPC && fault.call != DISK_SYNC) &&
            fault.system_error != EDQUOT) {
            fail_msg("%s", error.text);
        }
        assert_int_not_equal(access(path, F_OK), 0);
        return true;
    }
    *worst = run(store);
    if (*worst == STORE_BROKEN) {
        assert_left_alone(store);
    } else {
        assert_as_expected(store);
        store_close(store);
    }
    bool fired = disk.fired;
    disk_set((struct disk_fault){.nth = 0});
    if (power_failure) {
        disk_lose_power(path);
    }
    assert_found_by_the_next();
    return fired;
}

/* Returns how many calls there were to fail. */
static int
fail_each(struct disk_fault fault, bool may_be_full, bool may_be_broken)
{
    int nth = 1;

    for (int power_failure = 0; power_failure < 2; power_failure++) {
        size_t verdicts[3] = {0};
        enum store_verdict worst = STORE_OK;

        for (nth = 1;; nth++) {
            fault.nth = nth;
            bool fired = survive(fault, power_failure == 1, &worst);
            verdicts[worst]++;
            if (!fired) {
                assert_int_equal(worst, STORE_OK);
                break;
            }
        }
        assert_int_equal(verdicts[STORE_FULL] > 0, may_be_full);
        assert_int_equal(verdicts[STORE_BROKEN] > 0, may_be_broken);
    }
    return nth - 1;
}

/* --- tests --- */

static void
without_faults(void **state)
{
    (void)state;
    enum store_verdict worst;

    for (int power_failure = 0; power_failure < 2; power_failure++) {
        assert_false(survive((struct disk_fault){.nth = 0}, power_failure == 1, &worst));
        assert_int_equal(worst, STORE_OK);
    }
}

static void
writes_fail(void **state)
{
    (void)state;
    struct disk_fault fault = {.call = DISK_WRITE, .code = SQLITE_IOERR_WRITE, .system_error = EIO};

    assert_true(fail_each(fault, false, true) > 100);
    fault.stays = true;
    (void)fail_each(fault, false, true);
}

/* Also in the middle of a write that got half its bytes through. */
static void
the_disk_is_full_for_a_moment(void **state)
{
    (void)state;
    struct disk_fault fault = {.call = DISK_WRITE, .code = SQLITE_FULL, .system_error = ENOSPC};

    (void)fail_each(fault, true, false);
    fault = (struct disk_fault){.call = DISK_WRITE, .code = SQLITE_IOERR_WRITE, .system_error = EDQUOT};
    (void)fail_each(fault, true, false);
}

/* An fsync that fails is the end of the file, whatever it says why. */
static void
fsyncs_fail(void **state)
{
    (void)state;
    static const int errors[] = {EIO, ENOSPC, EDQUOT};

    for (size_t i = 0; i < 3; i++) {
        struct disk_fault fault = {.call = DISK_SYNC, .code = SQLITE_IOERR_FSYNC, .system_error = errors[i]};

        assert_true(fail_each(fault, false, true) > (int)TRANSACTIONS);
    }
}

static void
cuts_fail(void **state)
{
    (void)state;
    struct disk_fault fault = {.call = DISK_TRUNCATE, .code = SQLITE_IOERR_TRUNCATE, .system_error = EIO};

    assert_true(fail_each(fault, false, true) > 0); /* checkpoints cut the database to its length */
}

/* The index of the WAL that processes share grows, too. */
static void
shared_memory_fails(void **state)
{
    (void)state;
    struct disk_fault fault = {.call = DISK_SHARED, .code = SQLITE_IOERR_SHMSIZE, .system_error = ENOSPC};

    assert_true(fail_each(fault, false, false) > 0);
}

static void
the_disk_stays_full(void **state)
{
    (void)state;
    disk_clear(path);
    struct store *store = fixture_open(path, STORE_CREATE);

    store->checkpoint_every = store->checkpoint_frames = 40;
    fixture_commit(store, 1, 100);
    for (int round = 0; round < 3; round++) {
        int64_t id = 100 + round * 40;

        disk_set((struct disk_fault){DISK_WRITE, 5 + round, true, SQLITE_FULL, ENOSPC});
        for (int i = 0; i < 20; i++) {
            assert_int_equal(fixture_try_commit(store, id + 1, id + 40), STORE_FULL);
            assert_non_null(strstr(store_reason(store), "full"));
            fixture_assert_holds(store, 1, id);
            assert_int_equal(store_last_id(store), id);
        }
        disk_set((struct disk_fault){.nth = 0});
        fixture_commit(store, id + 1, id + 40);
        fixture_assert_holds(store, 1, id + 40);
    }
    store_close(store);
    disk_lose_power(path);
    store = fixture_open(path, STORE_WRITE);
    fixture_assert_holds(store, 1, 220);
    store_close(store);
}

/* On a disk that stays full records can still be removed, whenever it has become full: else what fills it would never
 * go away. */
static void
a_full_disk_can_be_emptied(void **state)
{
    (void)state;
    for (int64_t records = 1; records < 1500; records += 1 + records / 3) {
        int refused = 0;

        disk_clear(path);
        struct store *store = fixture_open(path, STORE_CREATE);
        for (int64_t id = 1; id <= records; id += 30) {
            fixture_commit(store, id, id + 29 < records ? id + 29 : records);
        }
        disk.full = true;
        while (refused < 3) {
            int64_t id = store_last_id(store);
            enum store_verdict verdict = fixture_try_commit(store, id + 1, id + 9);

            assert_int_not_equal(verdict, STORE_BROKEN);
            refused = verdict == STORE_OK ? 0 : refused + 1;
        }
        int64_t last = store_last_id(store);
        refused = 0;
        fixture_assert_holds(store, 1, last);
        for (int64_t id = 1; id <= last && refused < 3;) {
            enum store_verdict verdict = store_begin(store);

            for (int64_t i = id; verdict == STORE_OK && i < id + 10 && i <= last; i++) {
                verdict = store_remove(store, i);
            }
            verdict = verdict == STORE_OK ? store_commit(store) : verdict;
            assert_int_not_equal(verdict, STORE_BROKEN);
            id += verdict == STORE_OK ? 10 : 0;
            refused = verdict == STORE_OK ? 0 : refused + 1;
        }
        fixture_look(store, &seen);
        assert_int_equal(seen.count, 0);
        assert_int_equal(store_last_id(store), last);
        disk.full = false;
        store_close(store);
    }
}

/* The commit before is good, the next transaction is told. */
static void
a_checkpoint_fails(void **state)
{
    (void)state;
    disk_clear(path);
    struct store *store = fixture_open(path, STORE_CREATE);

    fixture_commit(store, 1, 100);
    store->checkpoint_frames = 1;
    disk_set((struct disk_fault){DISK_SYNC, 3, false, SQLITE_IOERR_FSYNC, EIO}); /* commit, WAL, database */
    assert_int_equal(fixture_try_commit(store, 101, 101), STORE_OK);
    assert_true(disk.fired);
    assert_int_equal(store_begin(store), STORE_BROKEN);
    assert_non_null(strstr(store_reason(store), "checkpoint"));
    assert_non_null(strstr(store_reason(store), "Input/output error"));
    fixture_assert_holds(store, 1, 101);
    store_close(store);
    disk_set((struct disk_fault){.nth = 0});
    disk_lose_power(path);
    store = fixture_open(path, STORE_WRITE);
    fixture_assert_holds(store, 1, 101);

    /* No room for one is no reason to give the file up. */
    store->checkpoint_frames = 1;
    int writes = disk.calls[DISK_WRITE];
    fixture_commit(store, 102, 102);
    assert_true(disk.calls[DISK_WRITE] > writes);
    fixture_commit(store, 103, 240);
    disk_set((struct disk_fault){.nth = 0});
    fixture_commit(store, 241, 241);
    writes = disk.calls[DISK_WRITE];
    store->checkpoint_frames = 1;
    disk_set((struct disk_fault){DISK_WRITE, writes + 1, true, SQLITE_FULL, ENOSPC});
    fixture_commit(store, 242, 242);
    assert_true(disk.fired);
    disk_set((struct disk_fault){.nth = 0});
    fixture_commit(store, 243, 243);
    fixture_assert_holds(store, 1, 243);
    store_close(store);
}

/* Larger than SQLite's cache, so that pages go to the WAL before the commit. */
static void
a_large_transaction_fails(void **state)
{
    (void)state;
    disk_clear(path);
    struct store *store = fixture_open(path, STORE_CREATE);

    fixture_commit(store, 1, 10);
    assert_int_equal(sqlite3_exec(store->database, "PRAGMA cache_size=10", NULL, NULL, NULL), SQLITE_OK);
    for (int nth = 1;; nth += 13) {
        disk_set((struct disk_fault){DISK_WRITE, nth, false, SQLITE_FULL, ENOSPC});
        enum store_verdict verdict = fixture_try_commit(store, 11, 1000);
        if (!disk.fired) {
            assert_int_equal(verdict, STORE_OK);
            assert_true(nth > 300);
            break;
        }
        assert_int_equal(verdict, STORE_FULL);
        fixture_assert_holds(store, 1, 10);
    }
    fixture_assert_holds(store, 1, 1000);
    store_close(store);
}

/* A sector that cannot be read. */
static void
reading_fails(void **state)
{
    (void)state;
    disk_clear(path);
    struct store *store = fixture_open(path, STORE_CREATE);
    size_t most = 0;

    fixture_commit(store, 1, 400);
    store_close(store);
    for (int nth = 1; nth < 60; nth++) {
        enum store_fault fault = STORE_FAULT_OTHER;

        disk_set((struct disk_fault){DISK_READ, nth, true, SQLITE_IOERR_READ, EIO});
        store = store_open(path, STORE_WRITE, &fault, NULL);
        if (store == NULL) {
            assert_int_equal(fault, STORE_FAULT_DAMAGED);
            continue;
        }
        fixture_look(store, &seen);
        assert_int_equal(seen.verdict, STORE_BROKEN);
        assert_true(fixture_has(&seen, 1, (int64_t)seen.count));
        most = seen.count > most ? seen.count : most;
        store_close(store);
    }
    disk_set((struct disk_fault){.nth = 0});
    store = fixture_open(path, STORE_WRITE);
    fixture_assert_holds(store, 1, 400);
    store_close(store);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_faults),
        cmocka_unit_test(writes_fail),
        cmocka_unit_test(the_disk_is_full_for_a_moment),
        cmocka_unit_test(fsyncs_fail),
        cmocka_unit_test(cuts_fail),
        cmocka_unit_test(shared_memory_fails),
        cmocka_unit_test(the_disk_stays_full),
        cmocka_unit_test(a_full_disk_can_be_emptied),
        cmocka_unit_test(a_checkpoint_fails),
        cmocka_unit_test(a_large_transaction_fails),
        cmocka_unit_test(reading_fails),
    };

    return cmocka_run_group_tests(tests, begin, fixture_end);
}

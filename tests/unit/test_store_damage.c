/* Stores that were torn or damaged while nobody looked: a WAL that ends at any byte, bits that have changed, pages that
 * are gone. Records are whole, or absent, or known to be damaged; never wrong. */
#include "unit/store_fixture.h"

#include "spool/store_state.h"

static struct fixture_seen seen;

#define PAGE_BYTES 4096

static bool
long_form(void)
{
    const char *text = getenv("TRUNKLINE_TEST_LONG");

    return text != NULL && text[0] != '\0';
}

static unsigned
next_random(void)
{
    static uint64_t random = 1;

    random = random * 6364136223846793005U + 1442695040888963407U;
    return (unsigned)(random >> 33);
}

/* What was there is there, the last transaction is or is not, and the store takes more, which is found again. */
static void
assert_recovered(const char *path, int64_t before, int64_t after, bool must_be, bool again)
{
    struct store *store = fixture_open(path, STORE_WRITE);

    fixture_look(store, &seen);
    assert_int_equal(seen.verdict, STORE_OK);
    assert_int_equal(seen.damaged, 0);
    assert_true(fixture_has(&seen, 1, before));
    assert_true(seen.count == (size_t)before || seen.count == (size_t)after);
    assert_true(seen.count == (size_t)after || !must_be);
    assert_int_equal(store_last_id(store), seen.count);
    fixture_commit(store, after + 1, after + 2);
    store_close(store);
    if (!again) {
        return;
    }

    store = fixture_open(path, STORE_WRITE);
    fixture_look(store, &seen);
    assert_int_equal(seen.verdict, STORE_OK);
    assert_true(fixture_has(&seen, 1, before));
    assert_true(fixture_has(&seen, after + 1, after + 2));
    store_close(store);
}

/* The last transaction's frames, cut off, or zeros or noise from there on: at every byte in the long form. */
static void
a_wal_that_ends_at_any_byte(void **state)
{
    (void)state;
    const char *path = fixture_path("torn.db");
    const char *wal_path = fixture_path("torn.db-wal");
    const char *shm_path = fixture_path("torn.db-shm");
    struct store *store = fixture_open(path, STORE_CREATE);

    fixture_commit(store, 1, 5);
    store->checkpoint_frames = 1;
    fixture_commit(store, 6, 7); /* some of it is in the database, the WAL begins anew */
    fixture_commit(store, 8, 10);
    size_t until = (size_t)store->wal_frames * (PAGE_BYTES + 24) + 32;
    fixture_commit(store, 11, 13);
    size_t end = (size_t)store->wal_frames * (PAGE_BYTES + 24) + 32;
    store_close(store);

    struct fixture_bytes database = fixture_load(path);
    struct fixture_bytes wal = fixture_load(wal_path);
    assert_true(until < end && end <= wal.length);
    unsigned char *torn = malloc(wal.length);
    assert_non_null(torn);
    for (int form = 0; form < 3; form++) {
        for (size_t cut = until; cut <= end; cut += long_form() ? 1 : form == 0 ? 7 : 41) {
            memcpy(torn, wal.data, wal.length);
            for (size_t i = cut; i < end; i++) {
                torn[i] = form == 1 ? 0 : (unsigned char)next_random();
            }
            fixture_save(path, database.data, database.length);
            fixture_save(wal_path, torn, form == 0 ? cut : wal.length);
            (void)unlink(shm_path);
            assert_recovered(path, 10, 13, cut == end, cut % 5 == 0);
        }
    }
    free(torn);
    free(database.data);
    free(wal.data);
}

/* A database of which nothing is in the WAL, as bytes. */
static struct fixture_bytes
make_database(const char *path, int64_t records)
{
    struct store *store = fixture_open(path, STORE_CREATE);
    struct fixture_bytes bytes;
    struct error error = {""};

    for (int64_t id = 1; id <= records; id += 50) {
        fixture_commit(store, id, id + 49 < records ? id + 49 : records);
    }
    store->checkpoint_frames = 1;
    assert_int_equal(store_begin(store), STORE_OK);
    assert_int_equal(store_remove(store, records), STORE_OK);
    assert_int_equal(store_commit(store), STORE_OK);
    store_close(store);
    assert_true(spool_file_remove_beside(path, &error));
    bytes = fixture_load(path);
    /* What is reserved behind its last page is of no interest: the header tells how many there are. */
    size_t pages = (size_t)bytes.data[30] << 8 | bytes.data[31];
    assert_true(pages > 0 && pages * PAGE_BYTES <= bytes.length);
    bytes.length = pages * PAGE_BYTES;
    return bytes;
}

static void
put_in_place(const char *path, const struct fixture_bytes *database)
{
    assert_true(spool_file_remove(path, NULL));
    fixture_save(path, database->data, database->length);
}

/* Nothing of what may be found, or not be found, is a crash. */
static void
use_somehow(struct store *store, int64_t records)
{
    struct slice reason = SLICE("x");

    if (store_begin(store) == STORE_OK && fixture_put(store, store_last_id(store) + 1) == STORE_OK &&
        store_remove(store, records / 2) == STORE_OK && store_set_aside(store, records / 3, reason) == STORE_OK) {
        (void)!store_commit(store);
    }
    store_close(store);
}

/* 0: the store could not be opened. */
static int
look_at_damaged(const char *path, int64_t records)
{
    enum store_fault fault = STORE_FAULT_OTHER;
    struct error error = {""};
    struct store *store = store_open(path, STORE_WRITE, &fault, &error);

    if (store == NULL) {
        if (fault != STORE_FAULT_DAMAGED && fault != STORE_FAULT_NEWER) {
            fail_msg("%s", error.text);
        }
        return 0;
    }
    fixture_look(store, &seen);
    if (!fixture_has(&seen, 1, records)) {
        assert_true(seen.damaged > 0 || seen.verdict != STORE_OK);
    }
    assert_true(store_last_id(store) >= records);
    use_somehow(store, records);
    return 1;
}

static void
bits_that_have_changed(void **state)
{
    (void)state;
    const char *path = fixture_path("flips.db");
    int64_t records = 59;
    size_t opened = 0;
    size_t noticed = 0;
    size_t flips = 0;

    struct fixture_bytes database = make_database(path, records + 1);
    assert_true(database.length >= 12 * (size_t)PAGE_BYTES);
    for (size_t at = 0; at < database.length; at += long_form() ? 1 : 1 + next_random() % 80) {
        unsigned char bit = (unsigned char)(1U << next_random() % 8);

        database.data[at] ^= bit;
        put_in_place(path, &database);
        database.data[at] ^= bit;
        opened += (size_t)look_at_damaged(path, records);
        noticed += seen.damaged > 0 || seen.verdict != STORE_OK;
        flips++;
    }
    print_message("%zu flips: %zu files opened, %zu of them with damage\n", flips, opened, noticed);
    assert_true(opened > flips / 2 && noticed > flips / 4);
    free(database.data);
}

/* What lies before and behind is read. */
static void
pages_that_are_gone(void **state)
{
    (void)state;
    const char *path = fixture_path("pages.db");
    int64_t records = 1999;
    struct store *store;

    struct fixture_bytes database = make_database(path, records + 1);
    size_t pages = database.length / PAGE_BYTES;
    for (int round = 0; round < (long_form() ? 2000 : 80); round++) {
        unsigned char *damaged = malloc(database.length);
        assert_non_null(damaged);
        memcpy(damaged, database.data, database.length);
        int gone = 1 + round % 4;
        for (int i = 0; i < gone; i++) {
            size_t page = 8 + next_random() % (pages - 8); /* behind the root and the first pages */
            for (size_t at = 0; at < PAGE_BYTES; at++) {
                damaged[page * PAGE_BYTES + at] = round % 2 == 0 ? 0 : (unsigned char)next_random();
            }
        }
        put_in_place(path, &(struct fixture_bytes){damaged, database.length});
        store = fixture_open(path, round % 3 == 0 ? STORE_READ : STORE_WRITE);
        fixture_look(store, &seen);
        if (seen.count < (size_t)records) {
            assert_true(seen.verdict == STORE_BROKEN || seen.damaged > 0);
        }
        /* A page has at most 60 of these records. */
        size_t missing = (size_t)records - seen.count;
        assert_true(missing <= (size_t)gone * 60);
        store_close(store);
        free(damaged);
    }
    free(database.data);
}

/* SQLite itself reads such a page without an error: one record is simply not there. */
static void
pages_that_tell_of_fewer_records(void **state)
{
    (void)state;
    const char *path = fixture_path("fewer.db");
    int64_t records = 99;
    size_t leaves = 0;
    struct fixture_bytes database = make_database(path, records + 1);

    for (size_t page = 1; page < database.length / PAGE_BYTES; page++) {
        unsigned char *header = database.data + page * PAGE_BYTES;

        /* A leaf of a table, and the number of its cells. */
        if (header[0] != 0x0d || header[4] == 0) {
            continue;
        }
        leaves++;
        header[4]--;
        put_in_place(path, &database);
        header[4]++;
        assert_int_equal(look_at_damaged(path, records), 1);
        assert_int_equal(seen.verdict, STORE_BROKEN);
    }
    assert_true(leaves > 10);
    free(database.data);
}

static void
a_database_that_was_cut(void **state)
{
    (void)state;
    enum store_fault fault;
    const char *path = fixture_path("cut.db");

    struct fixture_bytes database = make_database(path, 100);
    for (size_t length = 0; length < database.length; length += 1 + next_random() % 1500) {
        struct store *store;

        put_in_place(path, &(struct fixture_bytes){database.data, length});
        store = store_open(path, STORE_WRITE, &fault, NULL);
        if (store == NULL) {
            assert_int_equal(fault, STORE_FAULT_DAMAGED);
            continue;
        }
        fixture_look(store, &seen);
        assert_true(seen.verdict == STORE_BROKEN || seen.damaged > 0 || length == 0);
        use_somehow(store, 99);
    }
    free(database.data);

    /* Cut to nothing: what is in the WAL is not thrown away. */
    assert_true(spool_file_remove(path, NULL));
    struct store *store = fixture_open(path, STORE_CREATE);
    fixture_commit(store, 1, 10);
    store_close(store);
    assert_int_equal(truncate(path, 0), 0);
    struct fixture_bytes before = fixture_load(fixture_path("cut.db-wal"));
    assert_null(store_open(path, STORE_WRITE, &fault, NULL));
    assert_int_equal(fault, STORE_FAULT_DAMAGED);
    struct fixture_bytes after = fixture_load(fixture_path("cut.db-wal"));
    assert_true(before.length > 0);
    assert_int_equal(before.length, after.length);
    free(before.data);
    free(after.data);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wal_that_ends_at_any_byte), cmocka_unit_test(bits_that_have_changed),
        cmocka_unit_test(pages_that_are_gone),         cmocka_unit_test(pages_that_tell_of_fewer_records),
        cmocka_unit_test(a_database_that_was_cut),
    };

    return cmocka_run_group_tests(tests, fixture_begin_in_memory, fixture_end);
}

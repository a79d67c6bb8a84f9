/* A WAL with damage in its middle: what was committed behind it is not forgotten without a word; and an end that was
 * not written whole, which is no damage. */
#include "store_fixture.h"

#define RECORDS    40
#define WAL_HEADER 32
#define FRAME      (24 + 4096)

static struct fixture_seen seen;

static size_t ends[RECORDS + 1]; /* of the WAL, behind each record */

static size_t
frames_end(const struct fixture_bytes *wal)
{
    size_t end = WAL_HEADER;

    while (end + FRAME <= wal->length && memcmp(wal->data + end + 8, wal->data + 16, 8) == 0) {
        end += FRAME;
    }
    return end;
}

/* What a process leaves that is killed after so many commits of one record each. */
static void
make_remains(const char *path, struct fixture_bytes *database, struct fixture_bytes *wal)
{
    struct store *store = fixture_open(path, STORE_CREATE);
    char wal_path[PATH_MAX];

    (void)snprintf(wal_path, sizeof wal_path, "%s-wal", path);
    for (int64_t id = 0; id <= RECORDS; id++) {
        if (id > 0) {
            fixture_commit(store, id, id);
            free(wal->data);
        }
        *wal = fixture_load(wal_path);
        ends[id] = frames_end(wal);
    }
    *database = fixture_load(path);
    store_close(store);
}

static void
put_in_place(const char *path, const struct fixture_bytes *database, const struct fixture_bytes *wal)
{
    char wal_path[PATH_MAX];

    (void)snprintf(wal_path, sizeof wal_path, "%s-wal", path);
    assert_true(spool_file_remove(path, NULL));
    fixture_save(path, database->data, database->length);
    fixture_save(wal_path, wal->data, wal->length);
}

/* Whether all records up to this one are there, or it is told that they may not be. */
static void
assert_all_or_told(const char *path, int64_t last, size_t at)
{
    enum store_fault fault = STORE_FAULT_OTHER;
    struct error error = {""};
    struct store *store = store_open(path, STORE_WRITE, &fault, &error);

    if (store == NULL) {
        assert_int_equal(fault, STORE_FAULT_DAMAGED);
        return;
    }
    fixture_look(store, &seen);
    if (!fixture_has(&seen, 1, last) && seen.verdict == STORE_OK) {
        fail_msg("of %d records %zu are there, without a word, after byte %zu of the WAL has changed", (int)last,
                 seen.count, at);
    }
    assert_true(seen.verdict == STORE_OK || store_last_id(store) >= last);
    store_close(store);
}

static void
a_bit_has_changed(void **state)
{
    (void)state;
    const char *path = fixture_path("turned.db");
    struct fixture_bytes database = {0};
    struct fixture_bytes wal = {0};

    make_remains(path, &database, &wal);
    for (size_t at = 0; at < ends[RECORDS - 1]; at += at < WAL_HEADER + 24 ? 1 : 613) {
        unsigned char bit = (unsigned char)(1U << at % 8);

        wal.data[at] ^= bit;
        put_in_place(path, &database, &wal);
        wal.data[at] ^= bit;
        assert_all_or_told(path, RECORDS, at);
    }
    free(database.data);
    free(wal.data);
}

/* Cut, or the rest never written: everything before is there, and nothing is damaged. */
static void
an_end_that_is_torn(void **state)
{
    (void)state;
    const char *path = fixture_path("torn.db");
    struct fixture_bytes database = {0};
    struct fixture_bytes wal = {0};

    make_remains(path, &database, &wal);
    for (size_t at = ends[RECORDS - 1]; at < ends[RECORDS]; at += 101) {
        struct fixture_bytes part = {malloc(wal.length), at % 2 == 0 ? at : wal.length};
        struct store *store;

        assert_non_null(part.data);
        memset(part.data, 0, wal.length);
        memcpy(part.data, wal.data, at);
        put_in_place(path, &database, &part);
        free(part.data);
        store = fixture_open(path, STORE_WRITE);
        fixture_assert_holds(store, 1, RECORDS - 1);
        fixture_commit(store, RECORDS, RECORDS);
        fixture_assert_holds(store, 1, RECORDS);
        store_close(store);
    }
    free(database.data);
    free(wal.data);
}

/* All of it is in the database: then it does not matter. */
static void
damage_to_what_a_checkpoint_has_taken(void **state)
{
    (void)state;
    const char *path = fixture_path("taken.db");
    struct store *store = fixture_open(path, STORE_CREATE);
    struct fixture_bytes database, wal;
    char wal_path[PATH_MAX];
    int64_t last = 0;

    (void)snprintf(wal_path, sizeof wal_path, "%s-wal", path);
    do { /* until a commit begins the WAL anew */
        last++;
        fixture_commit(store, last, last);
        wal = fixture_load(wal_path);
        ends[0] = frames_end(&wal);
        free(wal.data);
    } while (ends[0] < (size_t)1024 * FRAME && last < FIXTURE_IDS - 2);
    wal = fixture_load(wal_path);
    database = fixture_load(path);
    store_close(store);
    wal.data[12] ^= 1; /* the header's number of checkpoints: half of a header that was to be written */
    put_in_place(path, &database, &wal);
    store = fixture_open(path, STORE_WRITE);
    fixture_assert_holds(store, 1, last);
    store_close(store);
    free(database.data);
    free(wal.data);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bit_has_changed),
        cmocka_unit_test(an_end_that_is_torn),
        cmocka_unit_test(damage_to_what_a_checkpoint_has_taken),
    };

    return cmocka_run_group_tests(tests, fixture_begin_in_memory, fixture_end);
}

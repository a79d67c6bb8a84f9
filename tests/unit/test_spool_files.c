/* The files of spools: their names, which are found, and how they are removed and set aside. */
#include "unit/store_fixture.h"

static void
touch(const char *name, const char *content)
{
    fixture_save(fixture_path(name), (const unsigned char *)content, strlen(content));
}

static bool
exists(const char *name)
{
    return access(fixture_path(name), F_OK) == 0;
}

static void
assert_content(const char *name, const char *content)
{
    struct fixture_bytes bytes = fixture_load(fixture_path(name));

    assert_int_equal(bytes.length, strlen(content));
    assert_memory_equal(bytes.data, content, bytes.length);
    free(bytes.data);
}

static void
names(void **state)
{
    (void)state;
    static char directory[PATH_MAX];
    struct spool_file file;

    assert_true(spool_file_name("/data/a", 17, &file));
    assert_string_equal(file.path, "/data/a/spool-17.db");
    assert_int_equal(file.number, 17);
    assert_true(spool_file_name("d", UINT_MAX, &file));
    assert_string_equal(file.path, "d/spool-4294967295.db");
    memset(directory, 'a', sizeof directory - 1);
    assert_false(spool_file_name(directory, 1, &file));
    directory[sizeof directory - 20] = '\0';
    assert_false(spool_file_name(directory, 1, &file)); /* what lies beside it would not fit */
}

static void
found_in_their_order(void **state)
{
    (void)state;
    static const char *const all[] = {"spool-10.db",    "spool-2.db",          "spool-4294967295.db", "spool-0.db",
                                      "spool-2.db-wal", "spool-2.db-shm",      "spool-3.db.damaged",  "spool-.db",
                                      "spool-01.db",    "spool-4294967296.db", "spool-x.db",          "spool-5.db.old",
                                      "Spool-6.db",     "xspool-7.db",         "spool--8.db",         "spool-9.db-wal2",
                                      "lock",           "spool-99999999999.db"};
    static const unsigned numbers[] = {0, 2, 10, UINT_MAX};
    struct spool_file *files = NULL;
    size_t count = 0;
    struct error error = {""};

    assert_true(spool_files_list(fixture_root, &files, &count, &error));
    assert_int_equal(count, 0);
    free(files);
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        touch(all[i], "");
    }
    assert_true(spool_files_list(fixture_root, &files, &count, &error));
    assert_int_equal(count, 4);
    for (size_t i = 0; i < count; i++) {
        struct spool_file expected;

        assert_true(spool_file_name(fixture_root, numbers[i], &expected));
        assert_int_equal(files[i].number, numbers[i]);
        assert_string_equal(files[i].path, expected.path);
    }
    free(files);
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        assert_int_equal(unlink(fixture_path(all[i])), 0);
    }

    assert_false(spool_files_list(fixture_path("nothing"), &files, &count, &error));
    assert_non_null(strstr(error.text, "nothing"));
    assert_null(files);
}

static void
as_many_as_may_be(void **state)
{
    (void)state;
    struct spool_file *files = NULL;
    struct spool_file file;
    size_t count = 0;
    struct error error = {""};

    assert_int_equal(mkdir(fixture_path("many"), 0700), 0);
    for (unsigned i = 1; i <= SPOOL_FILES_MAX + 1; i++) {
        if (i == SPOOL_FILES_MAX + 1) {
            assert_true(spool_files_list(fixture_path("many"), &files, &count, &error));
            assert_int_equal(count, SPOOL_FILES_MAX);
            assert_int_equal(files[SPOOL_FILES_MAX - 1].number, SPOOL_FILES_MAX);
            free(files);
        }
        assert_true(spool_file_name(fixture_path("many"), i, &file));
        fixture_save(file.path, (const unsigned char *)"", 0);
    }
    assert_false(spool_files_list(fixture_path("many"), &files, &count, &error));
    assert_non_null(strstr(error.text, "more than 1024"));
}

static void
removed_with_all(void **state)
{
    (void)state;
    struct error error = {""};

    touch("spool-1.db", "a");
    touch("spool-1.db-wal", "b");
    touch("spool-1.db-shm", "c");
    touch("spool-1.db-journal", "d");
    touch("spool-11.db", "e");
    assert_true(spool_file_remove(fixture_path("spool-1.db"), &error));
    assert_false(exists("spool-1.db") || exists("spool-1.db-wal") || exists("spool-1.db-shm") ||
                 exists("spool-1.db-journal"));
    assert_true(exists("spool-11.db"));
    /* The rest of one that was half removed. */
    touch("spool-1.db-wal", "b");
    assert_true(spool_file_remove(fixture_path("spool-1.db"), &error));
    assert_false(exists("spool-1.db-wal"));
    assert_int_equal(mkdir(fixture_path("spool-12.db"), 0700), 0);
    assert_false(spool_file_remove(fixture_path("spool-12.db"), &error));
    assert_non_null(strstr(error.text, "cannot remove"));
    assert_false(spool_file_remove(fixture_path("none/spool-1.db"), &error));
    assert_int_equal(rmdir(fixture_path("spool-12.db")), 0);
    assert_int_equal(unlink(fixture_path("spool-11.db")), 0);
}

static void
set_aside_one_after_the_other(void **state)
{
    (void)state;
    struct error error = {""};

    touch("spool-1.db", "a");
    touch("spool-1.db-wal", "b");
    touch("spool-1.db-shm", "c");
    assert_true(spool_file_set_aside(fixture_path("spool-1.db"), &error));
    assert_false(exists("spool-1.db") || exists("spool-1.db-wal") || exists("spool-1.db-shm"));
    assert_content("spool-1.db.damaged", "a");
    assert_content("spool-1.db.damaged-wal", "b");

    touch("spool-1.db", "A");
    assert_true(spool_file_set_aside(fixture_path("spool-1.db"), &error));
    assert_content("spool-1.db.damaged", "a");
    assert_content("spool-1.db.damaged.2", "A");
    assert_false(exists("spool-1.db.damaged.2-wal"));

    /* Somebody has looked at one and taken its database only. */
    assert_int_equal(unlink(fixture_path("spool-1.db.damaged")), 0);
    touch("spool-1.db", "x");
    touch("spool-1.db-wal", "y");
    assert_true(spool_file_set_aside(fixture_path("spool-1.db"), &error));
    assert_content("spool-1.db.damaged-wal", "b");
    assert_content("spool-1.db.damaged.3", "x");
    assert_content("spool-1.db.damaged.3-wal", "y");

    assert_false(spool_file_set_aside(fixture_path("spool-1.db"), &error));
    assert_non_null(strstr(error.text, "cannot rename"));
}

/* It is a store as before, what lies in the WAL included. */
static void
a_store_set_aside_can_be_read(void **state)
{
    (void)state;
    struct store *store = fixture_open(fixture_path("spool-5.db"), STORE_CREATE);

    fixture_commit(store, 1, 30);
    store_close(store);
    assert_true(spool_file_set_aside(fixture_path("spool-5.db"), NULL));
    store = fixture_open(fixture_path("spool-5.db.damaged"), STORE_READ);
    fixture_assert_holds(store, 1, 30);
    store_close(store);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),
        cmocka_unit_test(found_in_their_order),
        cmocka_unit_test(as_many_as_may_be),
        cmocka_unit_test(removed_with_all),
        cmocka_unit_test(set_aside_one_after_the_other),
        cmocka_unit_test(a_store_set_aside_can_be_read),
    };

    return cmocka_run_group_tests(tests, fixture_begin, fixture_end);
}

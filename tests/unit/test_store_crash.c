/* A process that is killed while it writes a store: all that it has said to be committed is there. */
#include "unit/store_fixture.h"

#include <signal.h>
#include <sys/wait.h>

#define ROUNDS 25

static struct fixture_seen seen;

/* What the child says after each commit. */
struct said {
    int64_t put, removed; /* up to these ids */
};

/* In the child: puts some, removes some, without end. */
static void
write_until_killed(const char *path, int tell)
{
    struct store *store = store_open(path, STORE_WRITE, NULL, NULL);
    struct said said;

    if (store == NULL) {
        _exit(2);
    }
    seen = (struct fixture_seen){0};
    if (store_read(store, 0, fixture_see, &seen, NULL) != STORE_OK) {
        _exit(3);
    }
    said.put = store_last_id(store);
    said.removed = said.put - (int64_t)seen.count;
    for (unsigned round = 0;; round++) {
        int64_t put = said.put + 1 + round % 7;
        int64_t removed = round % 3 == 0 ? said.removed : said.removed + (put - said.removed) / 3;
        enum store_verdict verdict = store_begin(store);

        for (int64_t id = said.put + 1; verdict == STORE_OK && id <= put; id++) {
            verdict = fixture_put(store, id);
        }
        for (int64_t id = said.removed + 1; verdict == STORE_OK && id <= removed; id++) {
            verdict = store_remove(store, id);
        }
        if (verdict != STORE_OK || store_commit(store) != STORE_OK) {
            _exit(4);
        }
        said = (struct said){put, removed};
        if (put >= FIXTURE_IDS - 8 || write(tell, &said, sizeof said) != sizeof said) {
            _exit(0);
        }
    }
}

/* Everything that the child has said, until it is gone. */
static struct said
hear(int told, pid_t child, int enough)
{
    struct said said = {0, 0};
    struct said last = {0, 0};

    for (int heard = 0; read(told, &said, sizeof said) == (ssize_t)sizeof said; heard++) {
        last = said;
        if (heard == enough) {
            assert_int_equal(kill(child, SIGKILL), 0);
        }
    }
    return last;
}

static void
killed_while_it_writes(void **state)
{
    (void)state;
    const char *path = fixture_path("killed.db");
    struct said last = {0, 0};

    store_close(fixture_open(path, STORE_CREATE));
    for (int round = 0; round < ROUNDS && last.put < FIXTURE_IDS / 2; round++) {
        int pipes[2];
        int status = 0;

        assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            (void)close(pipes[0]);
            write_until_killed(path, pipes[1]);
        }
        assert_int_equal(close(pipes[1]), 0);
        struct said said = hear(pipes[0], child, 3 + round * 5 % 17);
        assert_int_equal(close(pipes[0]), 0);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
        assert_true(said.put > last.put);
        last = said;

        struct store *store = fixture_open(path, STORE_WRITE);
        fixture_look(store, &seen);
        assert_int_equal(seen.verdict, STORE_OK);
        assert_int_equal(seen.damaged, 0);
        assert_true(store_last_id(store) >= said.put);
        /* The one commit that it did not come to tell of may be there as well. */
        int64_t first = store_last_id(store) - (int64_t)seen.count + 1;
        assert_true(first > said.removed);
        assert_true(fixture_has(&seen, first, store_last_id(store)));
        assert_true(first <= said.put);
        store_close(store);
    }
}

/* Before it has come to anything, at every moment of making one. */
static void
killed_while_it_makes_one(void **state)
{
    (void)state;
    const char *path = fixture_path("made.db");

    for (unsigned delay_us = 0; delay_us < 6000; delay_us += 150) {
        int status = 0;
        pid_t child = fork();

        assert_true(child >= 0);
        if (child == 0) {
            struct store *store = store_open(path, STORE_CREATE, NULL, NULL);
            store_close(store);
            _exit(store == NULL);
        }
        (void)usleep(delay_us);
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, &status, 0), child);
        struct store *store = fixture_open(path, access(path, F_OK) == 0 ? STORE_WRITE : STORE_CREATE);
        fixture_commit(store, 1, 3);
        fixture_assert_holds(store, 1, 3);
        store_close(store);
        assert_true(spool_file_remove(path, NULL));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_while_it_writes),
        cmocka_unit_test(killed_while_it_makes_one),
    };

    return cmocka_run_group_tests(tests, fixture_begin, fixture_end);
}

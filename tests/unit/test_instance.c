/* Instances: the directory, the lock, and what people are told when they cannot have it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/instance.h"

static char root[] = "/tmp/test_instance.XXXXXX";

static int
make_root(void **state)
{
    (void)state;
    return mkdtemp(root) == NULL;
}

static int
remove_root(void **state)
{
    (void)state;
    char command[sizeof root + 16];

    (void)snprintf(command, sizeof command, "rm -rf '%s'", root);
    return system(command); /* NOLINT(cert-env33-c): the path is ours */
}

static const char *
below_root(const char *name)
{
    static char path[PATH_MAX];

    (void)snprintf(path, sizeof path, "%s/%s", root, name);
    return path;
}

static void
assert_refused(const char *data_dir, const char *name, const char *words)
{
    struct error error = {""};

    assert_null(instance_open(data_dir, name, &error));
    if (strstr(error.text, words) == NULL) {
        fail_msg("%s", error.text);
    }
}

static void
directories_are_made_and_locked(void **state)
{
    (void)state;
    struct error error = {""};
    struct stat status;
    char content[32] = "", expected[32], data_dir[PATH_MAX];

    (void)snprintf(data_dir, sizeof data_dir, "%s", below_root("deep/er"));
    struct instance *instance = instance_open(data_dir, "gateway-1", &error);
    if (instance == NULL) {
        fail_msg("%s", error.text);
    }
    assert_string_equal(instance_name(instance), "gateway-1");
    assert_string_equal(instance_directory(instance), below_root("deep/er/gateway-1"));
    assert_int_equal(stat(instance_directory(instance), &status), 0);
    assert_int_equal(status.st_mode & 07777, 0700);

    int lock = open(below_root("deep/er/gateway-1/lock"), O_RDONLY | O_CLOEXEC);
    assert_true(lock >= 0);
    assert_true(read(lock, content, sizeof content - 1) > 0);
    assert_int_equal(close(lock), 0);
    (void)snprintf(expected, sizeof expected, "%ld\n", (long)getpid());
    assert_string_equal(content, expected);

    assert_refused(data_dir, "gateway-1", "in use by process");
    struct instance *other = instance_open(data_dir, "gateway-2", &error);
    assert_non_null(other);
    instance_close(other);
    instance_close(instance);

    instance = instance_open(data_dir, "gateway-1", &error);
    assert_non_null(instance);
    instance_close(instance);
    instance_close(NULL);
}

/* A process that dies holds nothing any more. */
static void
a_lock_goes_with_its_process(void **state)
{
    (void)state;
    struct error error = {""};
    int told[2], status = 0;
    long holder = -1;
    char byte = 0, words[64];

    assert_int_equal(pipe2(told, O_CLOEXEC), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct instance *held = instance_open(root, "held", &error);
        byte = held == NULL ? 'n' : 'y';
        (void)!write(told[1], &byte, 1);
        (void)pause();
        _exit(0);
    }
    assert_int_equal(read(told[0], &byte, 1), 1);
    assert_int_equal(byte, 'y');
    (void)snprintf(words, sizeof words, "process %ld;", (long)child);
    assert_refused(root, "held", words);
    assert_true(instance_held(root, "held", &holder));
    assert_int_equal(holder, child);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_false(instance_held(root, "held", &holder));
    assert_int_equal(holder, 0);
    assert_false(instance_held(root, "never-made", &holder));
    struct instance *instance = instance_open(root, "held", &error);
    assert_non_null(instance);
    assert_true(instance_held(root, "held", &holder));
    instance_close(instance);
    assert_int_equal(close(told[0]), 0);
    assert_int_equal(close(told[1]), 0);
}

static void
names_that_could_leave_the_directory_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", ".", "..", "a..b", ".hidden", "a/b", "/a", "a b", "ä", "a\n", "a:b",
    };
    char long_name[82] = {0};

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_refused(root, bad[i], "no name for an instance");
    }
    memset(long_name, 'a', sizeof long_name - 1); /* one more than 80 */
    assert_refused(root, long_name, "no name for an instance");
    assert_refused("", "a", "data_dir is empty");
}

static void
a_directory_that_cannot_be_had(void **state)
{
    (void)state;
    char path[PATH_MAX];
    int file = open(below_root("file"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

    assert_true(file >= 0);
    assert_int_equal(close(file), 0);
    (void)snprintf(path, sizeof path, "%s", below_root("file"));
    assert_refused(path, "a", "set data_dir to a directory that this user can write");
    assert_refused(root, "file", "Not a directory");
    assert_refused("/proc/nothing", "a", "/proc/nothing");

    /* A lock that points elsewhere is not followed. */
    assert_int_equal(mkdir(below_root("linked"), 0700), 0);
    assert_int_equal(symlink("/dev/null", below_root("linked/lock")), 0);
    assert_refused(root, "linked", "cannot open the lock");

    memset(path, 'a', sizeof path - 1);
    path[0] = '/';
    path[sizeof path - 1] = '\0';
    assert_refused(path, "a", "too long");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(directories_are_made_and_locked),
        cmocka_unit_test(a_lock_goes_with_its_process),
        cmocka_unit_test(names_that_could_leave_the_directory_are_refused),
        cmocka_unit_test(a_directory_that_cannot_be_had),
    };

    return cmocka_run_group_tests(tests, make_root, remove_root);
}

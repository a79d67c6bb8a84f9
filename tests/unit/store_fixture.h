/* Stores of tests: a directory of their own, and records whose content follows from their ids, so that whatever is read
 * can be held against what was written. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spool/files.h"
#include "spool/store.h"

#define FIXTURE_VALUE_MAX 12000

static char fixture_root[PATH_MAX / 4];

static inline int
fixture_begin(void **state)
{
    (void)state;
    (void)snprintf(fixture_root, sizeof fixture_root, "/tmp/test_store.XXXXXX");
    return mkdtemp(fixture_root) == NULL;
}

/* For tests with very many files, to which the real disk does not matter. */
static inline int
fixture_begin_in_memory(void **state)
{
    (void)snprintf(fixture_root, sizeof fixture_root, "/dev/shm/test_store.XXXXXX");
    return mkdtemp(fixture_root) == NULL ? fixture_begin(state) : 0;
}

static inline int
fixture_end(void **state)
{
    (void)state;
    char command[sizeof fixture_root + 16];

    (void)snprintf(command, sizeof command, "rm -rf '%s'", fixture_root);
    return system(command); /* NOLINT(cert-env33-c): the path is ours */
}

/* The path of a file in the tests' directory, in memory that the next fifteen calls leave alone. */
static inline const char *
fixture_path(const char *name)
{
    static char paths[16][PATH_MAX];
    static unsigned next;
    char *path = paths[next++ % 16];

    (void)snprintf(path, PATH_MAX, "%s/%s", fixture_root, name);
    return path;
}

static inline struct store *
fixture_open(const char *path, enum store_mode mode)
{
    struct error error = {""};
    struct store *store = store_open(path, mode, NULL, &error);

    if (store == NULL) {
        fail_msg("%s", error.text);
    }
    return store;
}

/* --- records --- */

struct fixture_record {
    char topic[32], key[32], value[FIXTURE_VALUE_MAX], names[4][16];
    struct record_header headers[4];
    struct stored stored;
};

static inline void
fixture_fill(struct fixture_record *made, int64_t id)
{
    size_t length = (size_t)(id * 37 % 900) + (id % 50 == 7 ? 9000 : 0);
    uint64_t random = (uint64_t)id * 0x9e3779b97f4a7c15U + 1;
    size_t header_count = (size_t)(id % 4);

    for (size_t i = 0; i < length; i++) {
        random = random * 6364136223846793005U + 1442695040888963407U;
        made->value[i] = (char)(random >> 56);
    }
    int topic = snprintf(made->topic, sizeof made->topic, "topic-%d", (int)(id % 3));
    int key = snprintf(made->key, sizeof made->key, "key-%d", (int)(id % 11));
    for (size_t i = 0; i < header_count; i++) {
        int name = snprintf(made->names[i], sizeof made->names[i], "ce_%zu", i);

        made->headers[i] = (struct record_header){slice_make(made->names[i], (size_t)name),
                                                  slice_make(made->value, length < i * 5 ? length : i * 5)};
    }
    made->stored = (struct stored){
        .id = id,
        .spooled_ms = 1700000000000 + id,
        .source = slice_from(id % 2 == 0 ? "yeta" : "7moor"),
        .key = (uint64_t)id * 0xfedcba9876543211U,
        .record =
            {
                .topic = slice_make(made->topic, (size_t)topic),
                .key = slice_make(made->key, (size_t)key),
                .value = slice_make(made->value, length),
                .headers = made->headers,
                .header_count = header_count,
            },
    };
}

static inline bool
fixture_same_record(const struct record *a, const struct record *b)
{
    bool same = slice_equal(a->topic, b->topic) && slice_equal(a->key, b->key) && slice_equal(a->value, b->value) &&
                a->header_count == b->header_count;

    for (size_t i = 0; same && i < a->header_count; i++) {
        same = slice_equal(a->headers[i].name, b->headers[i].name) &&
               slice_equal(a->headers[i].value, b->headers[i].value);
    }
    return same;
}

/* Whether it is the record that its id says. */
static inline bool
fixture_is_true(const struct stored *stored)
{
    static struct fixture_record expected;

    fixture_fill(&expected, stored->id);
    return stored->spooled_ms == expected.stored.spooled_ms && stored->key == expected.stored.key &&
           slice_equal(stored->source, expected.stored.source) &&
           stored->bytes == store_record_bytes(&expected.stored.record, expected.stored.source) &&
           fixture_same_record(&stored->record, &expected.stored.record);
}

static inline enum store_verdict
fixture_put(struct store *store, int64_t id)
{
    static struct fixture_record made;

    fixture_fill(&made, id);
    return store_put(store, &made.stored);
}

/* One transaction with the ids from first to last; what commit says, or the first that was not OK. */
static inline enum store_verdict
fixture_try_commit(struct store *store, int64_t first, int64_t last)
{
    enum store_verdict verdict = store_begin(store);

    for (int64_t id = first; verdict == STORE_OK && id <= last; id++) {
        verdict = fixture_put(store, id);
    }
    return verdict == STORE_OK ? store_commit(store) : verdict;
}

static inline void
fixture_commit(struct store *store, int64_t first, int64_t last)
{
    if (fixture_try_commit(store, first, last) != STORE_OK) {
        fail_msg("%s", store_reason(store));
    }
}

/* Removes in a transaction of its own. */
static inline void
fixture_remove(struct store *store, int64_t first, int64_t last)
{
    assert_int_equal(store_begin(store), STORE_OK);
    for (int64_t id = first; id <= last; id++) {
        assert_int_equal(store_remove(store, id), STORE_OK);
    }
    assert_int_equal(store_commit(store), STORE_OK);
}

/* --- what is read --- */

#define FIXTURE_IDS 4096

struct fixture_seen {
    bool there[FIXTURE_IDS]; /* by id, and true to what was written */
    size_t count, damaged, aside;
    size_t wrong; /* neither damaged nor true, or out of order */
    int64_t previous, last;
    enum store_verdict verdict;
};

static inline bool
fixture_see(void *argument, const struct stored *stored)
{
    struct fixture_seen *seen = argument;

    if (stored->damaged) {
        seen->damaged++;
        return true;
    }
    seen->count++;
    seen->aside += stored->aside.length > 0;
    if (stored->id <= seen->previous || stored->id >= FIXTURE_IDS || !fixture_is_true(stored)) {
        seen->wrong++;
        return true;
    }
    seen->previous = stored->id;
    seen->there[stored->id] = true;
    return true;
}

static inline void
fixture_look(struct store *store, struct fixture_seen *seen)
{
    *seen = (struct fixture_seen){0};
    seen->verdict = store_read(store, 0, fixture_see, seen, &seen->last);
    assert_int_equal(seen->wrong, 0);
}

static inline bool
fixture_has(const struct fixture_seen *seen, int64_t first, int64_t last)
{
    for (int64_t id = first; id <= last; id++) {
        if (!seen->there[id]) {
            return false;
        }
    }
    return true;
}

/* Exactly these, all sound. */
static inline void
fixture_assert_holds(struct store *store, int64_t first, int64_t last)
{
    static struct fixture_seen seen;

    fixture_look(store, &seen);
    assert_int_equal(seen.verdict, STORE_OK);
    assert_int_equal(seen.damaged, 0);
    assert_int_equal(seen.count, last - first + 1);
    assert_true(fixture_has(&seen, first, last));
}

/* --- files --- */

struct fixture_bytes {
    unsigned char *data;
    size_t length;
};

/* malloc'd; empty when there is no such file. */
static inline struct fixture_bytes
fixture_load(const char *path)
{
    struct fixture_bytes bytes = {NULL, 0};
    struct stat status;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);

    if (descriptor >= 0) {
        assert_int_equal(fstat(descriptor, &status), 0);
        bytes.length = (size_t)status.st_size;
        bytes.data = malloc(bytes.length + 1);
        assert_non_null(bytes.data);
        assert_int_equal(read(descriptor, bytes.data, bytes.length), bytes.length);
        assert_int_equal(close(descriptor), 0);
    }
    return bytes;
}

static inline void
fixture_save(const char *path, const unsigned char *data, size_t length)
{
    int descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(descriptor >= 0);
    assert_int_equal(write(descriptor, data, length), length);
    assert_int_equal(close(descriptor), 0);
}

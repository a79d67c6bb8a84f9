/* The gate: what goes to the spool, and that no thread misses what another has held. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "spool/gate.h"

#define KEYS    4096
#define THREADS 4
#define ROUNDS  20000

static const struct slice calls = SLICE("trunkline.call.events"), tasks = SLICE("trunkline.task.events");

static struct record
record_of(struct slice topic, const char *key)
{
    return (struct record){.topic = topic, .key = slice_from(key)};
}

static bool
diverts(const struct gate *gate, const char *key)
{
    struct record record = record_of(calls, key);

    return gate_diverts(gate, &record, 1);
}

static int
setup(void **state)
{
    *state = gate_new();
    return *state == NULL;
}

static int
teardown(void **state)
{
    gate_free(*state);
    return 0;
}

static void
test_diverts_what_is_held_as_often_as_it_is_held(void **state)
{
    struct gate *gate = *state;
    uint64_t one = gate_key(calls, slice_from("one"));

    assert_false(diverts(gate, "one"));
    gate_hold(gate, one);
    gate_hold(gate, one);
    gate_hold(gate, gate_key(calls, slice_from("two")));
    assert_int_equal(gate_held(gate), 3);
    assert_true(diverts(gate, "one"));
    assert_true(diverts(gate, "two"));
    assert_false(diverts(gate, "three"));
    gate_release(gate, one);
    assert_true(diverts(gate, "one"));
    gate_release(gate, one);
    assert_false(diverts(gate, "one"));
    assert_true(diverts(gate, "two"));
    assert_int_equal(gate_held(gate), 1);
}

static void
test_shut_diverts_everything(void **state)
{
    struct gate *gate = *state;
    uint64_t one = gate_key(calls, slice_from("one"));

    gate_shut(gate);
    gate_shut(gate); /* twice is once */
    assert_true(diverts(gate, "any"));
    assert_int_equal(gate_held(gate), 0);
    gate_hold(gate, one);
    assert_int_equal(gate_held(gate), 1);
    gate_open(gate);
    gate_open(gate);
    assert_false(diverts(gate, "any"));
    assert_true(diverts(gate, "one"));
    gate_shut(gate);
    gate_release(gate, one);
    assert_true(diverts(gate, "one"));
    gate_open(gate);
    assert_false(diverts(gate, "one"));
}

static void
test_one_held_key_diverts_the_whole_set(void **state)
{
    struct gate *gate = *state;
    struct record records[] = {record_of(calls, "one"), record_of(calls, ""), record_of(tasks, "two")};

    gate_hold(gate, gate_key(tasks, slice_from("two")));
    assert_true(gate_diverts(gate, records, 3));
    assert_false(gate_diverts(gate, records, 2));
    assert_false(gate_diverts(gate, records, 0));
}

/* What has no key has no order to keep. */
static void
test_records_without_a_key_wait_for_nobody(void **state)
{
    struct gate *gate = *state;

    gate_hold(gate, gate_key(calls, slice_from("")));
    assert_false(diverts(gate, ""));
}

/* It lies in files: another version must make the same of it. */
static void
test_the_key_is_for_ever(void **state)
{
    (void)state;
    assert_int_equal(gate_key(slice_from(""), slice_from("")), 0xB9034AD37056F5FBU);
    assert_int_equal(gate_key(calls, slice_from("call-1")), 0x1C8BAF8A80A10135U);
    assert_int_equal(gate_key(calls, slice_from("\xE5\x91\xBC\xE5\x8F\xAB")), 0x9B3F1E3581E9219BU);
}

static void
test_keys_are_told_apart(void **state)
{
    static unsigned char seen[1 << 20];
    unsigned collisions = 0;
    char name[32];

    (void)state;
    assert_int_not_equal(gate_key(slice_from("a"), slice_from("bc")), gate_key(slice_from("ab"), slice_from("c")));
    assert_int_not_equal(gate_key(calls, slice_from("one")), gate_key(tasks, slice_from("one")));
    for (unsigned i = 0; i < KEYS; i++) {
        size_t place;

        snprintf(name, sizeof name, "call-%u", i);
        place = gate_key(calls, slice_from(name)) & ((1 << 20) - 1);
        collisions += seen[place];
        seen[place] = 1;
    }
    assert_in_range(collisions, 0, 40); /* chance gives 8 */
}

/* --- threads --- */

struct work {
    struct gate *gate;
    unsigned number;
    atomic_uint *turn; /* the last round that was answered */
    uint64_t missed;
};

static void *
hold_and_release(void *argument)
{
    struct work *work = argument;
    char name[32];

    for (unsigned i = 0; i < ROUNDS; i++) {
        uint64_t key;

        snprintf(name, sizeof name, "%u-%u", work->number, i % 100);
        key = gate_key(calls, slice_from(name));
        gate_hold(work->gate, key);
        work->missed += !diverts(work->gate, name);
        gate_release(work->gate, key);
        if (i % 100 == 0) {
            gate_shut(work->gate);
            gate_open(work->gate);
        }
    }
    return NULL;
}

static void
test_threads_leave_nothing_behind(void **state)
{
    struct gate *gate = *state;
    struct work works[THREADS];
    pthread_t threads[THREADS];
    struct record record = record_of(calls, "x");

    for (unsigned i = 0; i < THREADS; i++) {
        works[i] = (struct work){.gate = gate, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, hold_and_release, &works[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(works[i].missed, 0);
    }
    assert_int_equal(gate_held(gate), 0);
    gate_hold(gate, gate_key(tasks, slice_from("other"))); /* so that counters are looked at */
    for (unsigned i = 0; i < THREADS * 100; i++) {
        char name[32];

        snprintf(name, sizeof name, "%u-%u", i / 100, i % 100);
        record.key = slice_from(name);
        assert_false(gate_diverts(gate, &record, 1));
    }
}

static void *
answer(void *argument)
{
    struct work *work = argument;
    char name[32];

    for (unsigned round = 1; round <= ROUNDS; round++) {
        snprintf(name, sizeof name, "%u", round);
        gate_hold(work->gate, gate_key(calls, slice_from(name)));
        atomic_store_explicit(work->turn, round, memory_order_release); /* "the answer" */
    }
    return NULL;
}

/* Another worker sees the key of every callback that was answered before its own came. */
static void
test_what_was_answered_is_seen_by_others(void **state)
{
    atomic_uint turn = 0;
    struct work work = {.gate = *state, .turn = &turn};
    unsigned answered = 0;
    pthread_t thread;
    char name[32];

    assert_int_equal(pthread_create(&thread, NULL, answer, &work), 0);
    while (answered < ROUNDS) {
        answered = atomic_load_explicit(&turn, memory_order_acquire);
        if (answered > 0) {
            snprintf(name, sizeof name, "%u", answered);
            assert_true(diverts(work.gate, name));
        }
    }
    pthread_join(thread, NULL);
    assert_int_equal(gate_held(work.gate), ROUNDS);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define GATE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        GATE_TEST(test_diverts_what_is_held_as_often_as_it_is_held),
        GATE_TEST(test_shut_diverts_everything),
        GATE_TEST(test_one_held_key_diverts_the_whole_set),
        GATE_TEST(test_records_without_a_key_wait_for_nobody),
        GATE_TEST(test_threads_leave_nothing_behind),
        GATE_TEST(test_what_was_answered_is_seen_by_others),
        cmocka_unit_test(test_the_key_is_for_ever),
        cmocka_unit_test(test_keys_are_told_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

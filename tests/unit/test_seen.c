/* Seen: the window's edges, what is forgotten for want of room, ids beside a plain list, and many threads at once. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dice.h"
#include "ingress/seen.h"

#define WINDOW_MS   60000
#define MS          INT64_C(1000000)
#define ROOM        1000 /* of one shard */
#define MODEL_IDS   1500
#define MODEL_STEPS 200000
#define THREADS     4
#define THREAD_IDS  5000

static struct fixed_clock now;
static struct metrics *metrics;
static struct seen *seen;

static int
setup(void **state)
{
    (void)state;
    fixed_clock_init(&now, 0);
    now.boottime_ns = INT64_C(40) * 86400 * 1000 * MS;
    metrics = metrics_new();
    seen = seen_new(ROOM, &now.clock, metrics);
    return metrics == NULL || seen == NULL;
}

static int
teardown(void **state)
{
    (void)state;
    seen_free(seen);
    metrics_free(metrics);
    return 0;
}

static struct seen_id
id_of(uint64_t number)
{
    char text[32];
    struct seen_id id;

    snprintf(text, sizeof(text), "id-%llu", (unsigned long long)number);
    assert_true(seen_name(seen, slice_from(text), &id));
    return id;
}

static void
add(uint64_t number)
{
    seen_add(seen, id_of(number), DURABILITY_KAFKA, WINDOW_MS);
}

static bool
known(uint64_t number)
{
    enum durability durability = DURABILITY_SPOOL;
    bool found = seen_find(seen, id_of(number), WINDOW_MS, &durability);

    assert_true(!found || durability == DURABILITY_KAFKA);
    return found;
}

static uint64_t
remembered(void)
{
    return metric_read(metrics_gauge(metrics, "trunkline_dedup_ids", "", ""));
}

static uint64_t
forgotten(void)
{
    return metric_read(metrics_counter(metrics, "trunkline_dedup_ids_forgotten_total", "", ""));
}

/* --- tests --- */

static void
knows_what_was_added_within_the_window(void **state)
{
    (void)state;
    assert_false(known(1));
    add(1);
    assert_true(known(1));
    assert_false(known(2));
    now.boottime_ns += WINDOW_MS * MS - 1;
    assert_true(known(1));
    now.boottime_ns += 1;
    assert_false(known(1));
    assert_int_equal(remembered(), 1);
}

/* Only the clock that goes on while the machine sleeps counts. */
static void
other_clocks_do_not_matter(void **state)
{
    (void)state;
    add(1);
    now.wall_ns += 10 * WINDOW_MS * MS;
    now.monotonic_ns += 10 * WINDOW_MS * MS;
    assert_true(known(1));
}

/* A source's window may change, and each source has its own. */
static void
whoever_asks_names_the_window(void **state)
{
    enum durability durability;

    (void)state;
    add(1);
    now.boottime_ns += 2 * WINDOW_MS * MS;
    assert_false(seen_find(seen, id_of(1), WINDOW_MS, &durability));
    assert_true(seen_find(seen, id_of(1), 2 * WINDOW_MS + 1, &durability));
    assert_false(seen_find(seen, id_of(1), 0, &durability));
}

static void
the_latest_time_counts(void **state)
{
    enum durability durability;

    (void)state;
    seen_add(seen, id_of(1), DURABILITY_KAFKA, WINDOW_MS);
    now.boottime_ns += (WINDOW_MS - 1) * MS;
    seen_add(seen, id_of(1), DURABILITY_SPOOL, WINDOW_MS);
    now.boottime_ns += (WINDOW_MS - 1) * MS;
    assert_true(seen_find(seen, id_of(1), WINDOW_MS, &durability));
    assert_int_equal(durability, DURABILITY_SPOOL);
    assert_int_equal(remembered(), 1);
    now.boottime_ns += 1 * MS;
    assert_false(known(1));
}

static void
forgets_the_oldest_for_want_of_room(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < ROOM; i++) {
        add(i);
        now.boottime_ns += MS;
    }
    for (uint64_t i = 0; i < ROOM; i++) {
        assert_true(known(i));
    }
    assert_int_equal(forgotten(), 0);
    for (uint64_t i = 0; i < ROOM; i++) {
        add(ROOM + i);
        assert_false(known(i));
        assert_true(i + 1 == ROOM || known(i + 1));
        assert_int_equal(forgotten(), i + 1);
    }
    assert_int_equal(remembered(), ROOM);
}

/* One that nobody would have known again is not missed. */
static void
what_was_out_of_the_window_is_not_counted_as_forgotten(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < ROOM; i++) {
        add(i);
    }
    now.boottime_ns += WINDOW_MS * MS;
    for (uint64_t i = 0; i < ROOM; i++) {
        add(ROOM + i);
    }
    assert_int_equal(forgotten(), 0);
    add(2 * ROOM);
    assert_int_equal(forgotten(), 1);
}

/* One that comes again is not forgotten in its first turn, and takes no room twice. */
static void
one_that_comes_again_stays_longer(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < ROOM; i++) {
        add(i);
    }
    add(0);
    assert_int_equal(remembered(), ROOM);
    for (uint64_t i = 1; i < ROOM; i++) {
        add(ROOM + i);
    }
    assert_true(known(0));
    assert_false(known(ROOM - 1));
    add(3 * ROOM);
    assert_false(known(0));
    assert_true(known(ROOM + 1));
}

/* Nor does one that comes all the time take the others' room. */
static void
one_that_comes_all_the_time_leaves_the_others_alone(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < ROOM; i++) {
        add(i);
    }
    for (uint64_t i = 0; i < (uint64_t)10 * ROOM; i++) {
        add(ROOM / 2);
    }
    for (uint64_t i = 0; i < ROOM; i++) {
        assert_true(known(i));
    }
    assert_int_equal(forgotten(), 0);
}

/* Ids that come in any order and at any time, held against a list of when each came. */
static void
play_beside_a_list(uint64_t ids, bool room_for_all)
{
    static int64_t added_ns[MODEL_IDS];
    struct chance chance = {17};
    uint64_t found = 0;

    memset(added_ns, 0, sizeof(added_ns));
    for (size_t step = 0; step < MODEL_STEPS; step++) {
        uint64_t number = chance_draw(&chance) % ids;
        bool within = added_ns[number] > 0 && now.boottime_ns - added_ns[number] < WINDOW_MS * MS;

        if (known(number)) {
            assert_true(within);
            found++;
        } else {
            assert_false(within && room_for_all);
        }
        if (chance_draw(&chance) % 2 == 0) {
            add(number);
            added_ns[number] = now.boottime_ns;
        }
        now.boottime_ns += (int64_t)(chance_draw(&chance) % 20) * MS;
    }
    assert_true(found > MODEL_STEPS / 10 && found < MODEL_STEPS);
    assert_true(remembered() <= ROOM);
    assert_int_equal(forgotten() == 0, room_for_all);
}

static void
agrees_with_a_list_while_there_is_room(void **state)
{
    (void)state;
    play_beside_a_list(ROOM, true);
}

static void
claims_nothing_when_there_is_none(void **state)
{
    (void)state;
    play_beside_a_list(MODEL_IDS, false);
}

/* --- threads --- */

struct poster {
    pthread_t thread;
    uint64_t first;
    unsigned missed;
};

/* Each has ids of its own and some that all have. */
static void *
post(void *argument)
{
    struct poster *poster = argument;

    for (uint64_t i = 0; i < THREAD_IDS; i++) {
        enum durability durability;
        struct seen_id own = id_of(poster->first + i);
        struct seen_id common = id_of(i % 100);

        seen_add(seen, own, DURABILITY_SPOOL, WINDOW_MS);
        seen_add(seen, common, DURABILITY_KAFKA, WINDOW_MS);
        poster->missed += !seen_find(seen, own, WINDOW_MS, &durability) || durability != DURABILITY_SPOOL;
        poster->missed += !seen_find(seen, common, WINDOW_MS, &durability) || durability != DURABILITY_KAFKA;
    }
    return NULL;
}

static void
many_threads_share_it(void **state)
{
    struct poster posters[THREADS];

    (void)state;
    seen_free(seen);
    seen = seen_new(4 * THREADS * THREAD_IDS, &now.clock, metrics);
    assert_non_null(seen);
    for (uint64_t i = 0; i < THREADS; i++) {
        posters[i] = (struct poster){.first = (i + 1) * 1000000};
        assert_int_equal(pthread_create(&posters[i].thread, NULL, post, &posters[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(posters[i].thread, NULL);
        assert_int_equal(posters[i].missed, 0);
    }
    for (uint64_t i = 0; i < THREADS; i++) {
        for (uint64_t j = 0; j < THREAD_IDS; j++) {
            enum durability durability;

            assert_true(seen_find(seen, id_of((i + 1) * 1000000 + j), WINDOW_MS, &durability));
        }
    }
    assert_int_equal(remembered(), THREADS * THREAD_IDS + 100);
    assert_int_equal(forgotten(), 0);
}

/* --- names --- */

static void
another_process_names_them_otherwise(void **state)
{
    struct seen *other = seen_new(ROOM, &now.clock, metrics);
    struct seen_id here = id_of(1);
    struct seen_id again = id_of(1);
    struct seen_id there;

    (void)state;
    assert_non_null(other);
    assert_true(seen_name(other, (struct slice)SLICE("id-1"), &there));
    assert_memory_equal(&here, &again, sizeof(here));
    assert_memory_not_equal(&here, &there, sizeof(here));
    seen_free(other);
    seen_free(NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(knows_what_was_added_within_the_window, setup, teardown),
        cmocka_unit_test_setup_teardown(other_clocks_do_not_matter, setup, teardown),
        cmocka_unit_test_setup_teardown(whoever_asks_names_the_window, setup, teardown),
        cmocka_unit_test_setup_teardown(the_latest_time_counts, setup, teardown),
        cmocka_unit_test_setup_teardown(forgets_the_oldest_for_want_of_room, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_out_of_the_window_is_not_counted_as_forgotten, setup, teardown),
        cmocka_unit_test_setup_teardown(one_that_comes_again_stays_longer, setup, teardown),
        cmocka_unit_test_setup_teardown(one_that_comes_all_the_time_leaves_the_others_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(agrees_with_a_list_while_there_is_room, setup, teardown),
        cmocka_unit_test_setup_teardown(claims_nothing_when_there_is_none, setup, teardown),
        cmocka_unit_test_setup_teardown(many_threads_share_it, setup, teardown),
        cmocka_unit_test_setup_teardown(another_process_names_them_otherwise, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

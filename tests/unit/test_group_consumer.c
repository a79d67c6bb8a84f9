/* The group consumer on a mock cluster: who is told what, and when. With members that die on a real Kafka:
 * tests/integration/test_ports.py. */
#include "bus.h"

#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "bus/group_consumer.h"

#define HEARTBEAT_API_KEY 12
#define SYNC_API_KEY      14
#define SYNC_FAILURES     1000 /* more than there are tries in a test's time */
#define COMMANDS          "commands"
#define PARTITIONS        4
/* The mock takes 3 s to let the first member in, and the session but for a second to let in each that comes later. */
#define SESSION_MS "4000"

/* A member of the group, and what it was told of each partition. */
struct member {
    struct group_consumer *consumer;
    bool release_at_once;
    bool owned[PARTITIONS]; /* assigned, not yet revoked or lost */
    unsigned assigned, revoked, lost, left;
};

static void
on_assigned(void *owner, int32_t partition)
{
    struct member *member = owner;

    assert_false(member->owned[partition]);
    member->owned[partition] = true;
    member->assigned++;
}

static void
on_revoked(void *owner, int32_t partition)
{
    struct member *member = owner;

    assert_true(member->owned[partition]);
    member->owned[partition] = false;
    member->revoked++;
    if (member->release_at_once) {
        group_consumer_release(member->consumer, partition);
    }
}

static void
on_lost(void *owner, int32_t partition)
{
    struct member *member = owner;

    member->owned[partition] = false;
    member->lost++;
}

static void
on_left(void *owner)
{
    struct member *member = owner;

    member->left++;
}

static void
release_all(struct member *member)
{
    for (int32_t partition = 0; partition < PARTITIONS; partition++) {
        if (!member->owned[partition]) {
            group_consumer_release(member->consumer, partition);
        }
    }
}

static void
join(struct bus *bus, struct member *member)
{
    const struct group_consumer_owner owner = {on_assigned, on_revoked, on_lost, on_left, member};
    struct error error = {""};

    member->consumer =
        group_consumer_new(&bus->settings, "egress", (struct slice)SLICE(COMMANDS), bus->base, &owner, &error);
    assert_string_equal(error.text, "");
    assert_non_null(member->consumer);
}

static int
setup(void **state)
{
    struct bus *bus;

    bus_setup(state);
    bus = *state;
    rd_kafka_mock_topic_create(bus->cluster, COMMANDS, PARTITIONS, 1);
    bus_set(bus, "session.timeout.ms", SESSION_MS);
    bus_set(bus, "heartbeat.interval.ms", "300");
    return 0;
}

/* Runs the loop for a time in which nothing is to happen. */
static void
idle(struct bus *bus, int milliseconds)
{
    int64_t end_ns = clock_monotonic_ns(clock_system()) + milliseconds * 1000000LL;

    RUN_UNTIL(bus, clock_monotonic_ns(clock_system()) >= end_ns);
}

static void
test_owns_all_and_leaves_in_good_order(void **state)
{
    struct bus *bus = *state;
    struct member member = {0};
    struct error error;
    int64_t offset = 0;

    bus_set(bus, "max.poll.interval.ms", SESSION_MS);
    join(bus, &member);
    RUN_UNTIL(bus, member.assigned == PARTITIONS);
    idle(bus, 5500); /* nothing comes to poll for: it polls all the same, and stays a member */
    assert_int_equal(member.lost + member.revoked, 0);
    assert_true(group_consumer_committed(member.consumer, 1, 5000, &offset, &error));
    assert_int_equal(offset, -1);
    group_consumer_release(member.consumer, 1); /* not revoked: no effect */
    group_consumer_leave(member.consumer);
    RUN_UNTIL(bus, member.revoked == PARTITIONS);
    for (int32_t partition = 0; partition < PARTITIONS - 1; partition++) {
        group_consumer_release(member.consumer, partition);
    }
    idle(bus, 1200);
    assert_int_equal(member.left, 0);
    group_consumer_release(member.consumer, PARTITIONS - 1);
    RUN_UNTIL(bus, member.left == 1);
    idle(bus, 600);
    assert_int_equal(member.left, 1);
    assert_int_equal(member.lost, 0);
    group_consumer_free(member.consumer);
}

static void
test_a_second_member_waits_for_the_release(void **state)
{
    struct bus *bus = *state;
    struct member first = {0}, second = {.release_at_once = true};

    join(bus, &first);
    assert_false(group_consumer_joined(first.consumer));
    RUN_UNTIL(bus, first.assigned == PARTITIONS);
    assert_true(group_consumer_joined(first.consumer));
    join(bus, &second);
    RUN_UNTIL(bus, first.revoked == PARTITIONS / 2);
    assert_int_equal(second.assigned, 0);
    release_all(&first);
    RUN_UNTIL(bus, second.assigned == PARTITIONS / 2);
    for (int partition = 0; partition < PARTITIONS; partition++) {
        assert_true(first.owned[partition] != second.owned[partition]);
    }
    assert_int_equal(first.lost + second.lost + second.revoked, 0);
    first.release_at_once = true;
    group_consumer_leave(first.consumer);
    RUN_UNTIL(bus, first.left == 1 && second.assigned == PARTITIONS);
    group_consumer_free(first.consumer);
    group_consumer_free(second.consumer); /* owns all: nobody is told */
    assert_int_equal(second.revoked + second.lost, 0);
}

static void
test_a_member_for_whom_nothing_is_left_has_joined(void **state)
{
    struct bus *bus = *state;
    struct member members[PARTITIONS + 1] = {{0}};
    int assigned = 0;

    for (int i = 0; i <= PARTITIONS; i++) {
        members[i].release_at_once = true;
        join(bus, &members[i]);
    }
    for (int i = 0; i <= PARTITIONS; i++) {
        RUN_UNTIL(bus, group_consumer_joined(members[i].consumer));
    }
    for (int i = 0; i <= PARTITIONS; i++) {
        assigned += members[i].assigned - members[i].revoked - members[i].lost;
        group_consumer_free(members[i].consumer);
    }
    assert_true(assigned <= PARTITIONS);
}

static void
test_what_is_lost_is_not_revoked(void **state)
{
    struct bus *bus = *state;
    struct member member = {0};

    join(bus, &member);
    RUN_UNTIL(bus, member.assigned == PARTITIONS);
    rd_kafka_mock_broker_set_down(bus->cluster, 1);
    RUN_UNTIL(bus, member.lost == PARTITIONS);
    assert_int_equal(member.revoked, 0);
    rd_kafka_mock_broker_set_up(bus->cluster, 1);
    RUN_UNTIL(bus, member.assigned == 2 * PARTITIONS);
    group_consumer_free(member.consumer);
}

static void
test_what_is_being_handed_over_can_be_lost(void **state)
{
    struct bus *bus = *state;
    struct member first = {0}, second = {0};

    join(bus, &first);
    assert_false(group_consumer_joined(first.consumer));
    RUN_UNTIL(bus, first.assigned == PARTITIONS);
    assert_true(group_consumer_joined(first.consumer));
    join(bus, &second);
    RUN_UNTIL(bus, first.revoked == PARTITIONS / 2);
    /* As Kafka answers a member that it has put out of the group. */
    rd_kafka_mock_push_request_errors(bus->cluster, HEARTBEAT_API_KEY, 1, RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID);
    RUN_UNTIL(bus, first.lost == PARTITIONS || second.lost > 0);
    assert_int_equal(first.lost, PARTITIONS);
    release_all(&first); /* too late: no effect */
    group_consumer_free(second.consumer);
    RUN_UNTIL(bus, first.assigned > PARTITIONS);
    assert_int_equal(first.revoked, PARTITIONS / 2);
    group_consumer_free(first.consumer);
}

/* A member that ends while the group has taken it in, and could not tell it yet what is its. */
static void
test_ends_before_it_is_told_anything(void **state)
{
    struct bus *bus = *state;
    rd_kafka_resp_err_t failures[SYNC_FAILURES];
    struct member member = {0};

    for (size_t i = 0; i < SYNC_FAILURES; i++) {
        failures[i] = RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS;
    }
    rd_kafka_mock_push_request_errors_array(bus->cluster, SYNC_API_KEY, SYNC_FAILURES, failures);
    join(bus, &member);
    idle(bus, 4500);
    assert_int_equal(member.assigned, 0);
    group_consumer_leave(member.consumer);
    RUN_UNTIL(bus, member.left == 1);
    group_consumer_free(member.consumer);
}

/* Groups take seconds to let a member in, and do nothing meanwhile: each test has a process of its own, all at a time.
 */
static int
run_beside_each_other(const struct CMUnitTest *tests, size_t count)
{
    int failed = 0;

    for (size_t i = 0; i < count; i++) {
        const struct CMUnitTest one[] = {tests[i]};
        pid_t child = fork();

        if (child == 0) {
            _exit(cmocka_run_group_tests_name(tests[i].name, one, NULL, NULL) == 0 && fflush(NULL) == 0 ? 0 : 1);
        }
        failed += child < 0;
    }
    for (int status; wait(&status) > 0;) {
        failed += !WIFEXITED(status) || WEXITSTATUS(status) != 0;
    }
    return failed;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define BUS_TEST(name) cmocka_unit_test_setup_teardown(name, setup, bus_teardown)
        BUS_TEST(test_owns_all_and_leaves_in_good_order),
        BUS_TEST(test_a_second_member_waits_for_the_release),
        BUS_TEST(test_a_member_for_whom_nothing_is_left_has_joined),
        BUS_TEST(test_what_is_lost_is_not_revoked),
        BUS_TEST(test_what_is_being_handed_over_can_be_lost),
        BUS_TEST(test_ends_before_it_is_told_anything),
    };

    log_setup(LOG_FORMAT_TEXT, getenv("VERBOSE") ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR, clock_system());
    return run_beside_each_other(tests, sizeof tests / sizeof tests[0]);
}

/* Many calls at once, calls that are cancelled, and what may be done when one ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/resource.h>

#include "unit/call_fixture.h"

/* --- many, and none --- */

/* Nobody gets an answer before all have asked. */
static void
serve_together(struct visit *visit)
{
    const unsigned *count = visit->vendor->argument;

    if (visit_read_request(visit)) {
        vendor_wait_for_requests(visit->vendor, *count);
        (void)visit_text(visit, OK_ANSWER);
        visit_wait(visit);
    }
}

static void
many_at_once(void **state)
{
    static const unsigned count = 500;
    struct fixture *fixture = *state;
    struct vendor *vendor = vendor_start(serve_together, NULL, &count);
    struct call_request request = request_to(vendor, "/");

    fixture->ended = (struct ended){0};
    for (unsigned i = 0; i < count; i++) {
        (void)start(fixture, &request);
    }
    assert_int_equal(caller_count(fixture->caller), count);
    run_until(fixture, count);
    assert_int_equal(fixture->ended.answered, count);
    assert_int_equal(caller_count(fixture->caller), 0);
    assert_int_equal(vendor->requests, count);
    vendor_stop(vendor);
}

static void
cancelled(void **state)
{
    struct fixture *fixture = *state;
    struct vendor *vendor = vendor_start(serve_request_only, NULL, NULL);
    struct call_request request = request_to(vendor, "/");
    struct call *calls[3];

    call_cancel(start(fixture, &request)); /* before the loop ran at all */
    for (size_t i = 0; i < 3; i++) {
        calls[i] = start(fixture, &request);
    }
    run_until_requests(fixture, vendor, 3);
    call_cancel(calls[1]);
    call_cancel(calls[0]);
    call_cancel(calls[2]);
    assert_int_equal(caller_count(fixture->caller), 0);
    event_base_loop(fixture->base, EVLOOP_NONBLOCK);
    assert_int_equal(fixture->ended.count, 0);
    vendor_stop(vendor); /* ends only when the connections have */
}

static void
freed_while_they_go_on(void **state)
{
    struct fixture *fixture = *state;
    struct vendor *vendor = vendor_start(serve_request_only, NULL, NULL);
    struct call_request request = request_to(vendor, "/");

    for (size_t i = 0; i < 5; i++) {
        (void)start(fixture, &request);
    }
    run_until_requests(fixture, vendor, 5);
    (void)start(fixture, &request);
    fixture_close_caller(fixture);
    event_base_loop(fixture->base, EVLOOP_NONBLOCK);
    assert_int_equal(fixture->ended.count, 0);
    vendor_stop(vendor);
}

/* --- what on_end may do --- */

struct chain {
    struct fixture *fixture;
    const struct call_request *request;
    struct call *calls[8];
    unsigned ended, left;
    enum { START_ANOTHER, CANCEL_THE_OTHERS, FREE_THE_CALLER } does;
};

static void
on_chain_end(void *argument, const struct call_outcome *outcome)
{
    struct chain *chain = argument;

    assert_int_equal(outcome->end, CALL_ANSWERED);
    chain->ended++;
    if (chain->does == START_ANOTHER && chain->left > 0) {
        chain->left--;
        assert_non_null(call_start(chain->fixture->caller, chain->request, on_chain_end, chain, NULL));
    } else if (chain->does == CANCEL_THE_OTHERS) {
        /* All have been answered together, so this one is the only one whose turn has come. Which one it is: */
        for (size_t i = 0; i < 8; i++) {
            if (chain->calls[i] != chain->calls[chain->left]) {
                call_cancel(chain->calls[i]);
            }
        }
    } else if (chain->does == FREE_THE_CALLER) {
        fixture_close_caller(chain->fixture);
    }
}

static void
from_on_end_another_is_started(void **state)
{
    struct fixture *fixture = *state;
    struct vendor *vendor = vendor_start(serve_text, NULL, OK_ANSWER);
    struct call_request request = request_to(vendor, "/");
    struct chain chain = {.fixture = fixture, .request = &request, .left = 5, .does = START_ANOTHER};

    assert_non_null(call_start(fixture->caller, &request, on_chain_end, &chain, NULL));
    while (chain.ended < 6) {
        run_once(fixture);
    }
    assert_int_equal(caller_count(fixture->caller), 0);
    vendor_stop(vendor);
}

struct one_of_many {
    struct chain *chain;
    unsigned number;
};

static void
on_one_of_many(void *argument, const struct call_outcome *outcome)
{
    struct one_of_many *one = argument;

    one->chain->left = one->number;
    on_chain_end(one->chain, outcome);
}

/* The first that ends takes the others with it, which have answers already. */
static void
from_on_end_others_go(int does, struct fixture *fixture)
{
    static const unsigned count = 8;
    struct vendor *vendor = vendor_start(serve_together, NULL, &count);
    struct call_request request = request_to(vendor, "/");
    struct chain chain = {.fixture = fixture, .request = &request, .does = does};
    struct one_of_many ones[8];

    for (unsigned i = 0; i < count; i++) {
        ones[i] = (struct one_of_many){&chain, i};
        chain.calls[i] = call_start(fixture->caller, &request, on_one_of_many, &ones[i], NULL);
        assert_non_null(chain.calls[i]);
    }
    while (chain.ended == 0) {
        run_once(fixture);
    }
    event_base_loop(fixture->base, EVLOOP_NONBLOCK);
    assert_int_equal(chain.ended, 1);
    vendor_stop(vendor);
}

static void
from_on_end_others_are_cancelled(void **state)
{
    struct fixture *fixture = *state;

    from_on_end_others_go(CANCEL_THE_OTHERS, fixture);
    assert_int_equal(caller_count(fixture->caller), 0);
}

static void
from_on_end_the_caller_is_freed(void **state)
{
    from_on_end_others_go(FREE_THE_CALLER, *state);
}

/* --- a loop of the other kind --- */

static void
with_the_changelist(void **state)
{
    struct fixture *fixture = *state;
    struct event_config *config = event_config_new();

    fixture_close(fixture);
    assert_int_equal(event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK), 0);
    assert_int_equal(event_config_set_flag(config, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST), 0);
    fixture->base = event_base_new_with_config(config);
    event_config_free(config);
    fixture_open_caller(fixture, NULL);
    many_at_once(state);
    many_at_once(state); /* with the descriptors of the first ones */
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(many_at_once),
        TEST(cancelled),
        TEST(freed_while_they_go_on),
        TEST(from_on_end_another_is_started),
        TEST(from_on_end_others_are_cancelled),
        TEST(from_on_end_the_caller_is_freed),
        TEST(with_the_changelist),
    };
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }

    (void)signal(SIGPIPE, SIG_IGN); /* as every process of ours does */
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Shares: what a source may have in hand of a worker, and what is kept for vendors that never repeat. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ingress/share.h"
#include "ingress/ticket.h"
#include "ingress/worker.h"

static const struct adapter repeating = {.name = "repeating", .retries = true};
static const struct adapter unrepeating = {.name = "unrepeating"};
static struct source source;
static struct holding holding;
static struct worker worker;
static struct ticket ticket;

static void
prepare(const struct adapter *adapter, unsigned share)
{
    source = (struct source){.name = SLICE("s"), .adapter = adapter, .share = share};
    holding = (struct holding){0};
    worker = (struct worker){.buffered_limit = 1000};
    ticket = (struct ticket){.worker = &worker, .source = &source, .holding = &holding};
}

/* What others of the source hold, others altogether, and the ticket itself. */
static enum refusal
ask(size_t of_source, size_t of_all, size_t own, size_t more)
{
    holding.bytes = of_source + own;
    worker.buffered_bytes = of_all + own;
    ticket.buffered_bytes = own;
    return share_check_bytes(&ticket, more);
}

static void
a_source_has_its_share_of_memory(void **state)
{
    (void)state;
    prepare(&repeating, 30);
    assert_int_equal(ask(100, 100, 0, 200), REFUSAL_NONE);
    assert_int_equal(ask(100, 100, 0, 201), REFUSAL_OVER_SHARE);
    assert_int_equal(ask(100, 100, 150, 50), REFUSAL_NONE);
    assert_int_equal(ask(100, 100, 150, 51), REFUSAL_OVER_SHARE);
    assert_int_equal(ask(400, 400, 0, 1), REFUSAL_OVER_SHARE); /* a reload has made it smaller */
    prepare(&repeating, 100);
    assert_int_equal(ask(100, 100, 0, 800), REFUSAL_NONE);
}

static void
a_tenth_is_kept_for_who_never_repeats(void **state)
{
    (void)state;
    prepare(&repeating, 100);
    assert_int_equal(ask(0, 850, 10, 40), REFUSAL_NONE);
    assert_int_equal(ask(1, 850, 10, 41), REFUSAL_BUSY);
    prepare(&unrepeating, 30);
    assert_int_equal(ask(1, 850, 10, 140), REFUSAL_NONE);
    assert_int_equal(ask(1, 850, 10, 141), REFUSAL_BUSY);
    assert_int_equal(ask(300, 300, 0, 100), REFUSAL_NONE);
    assert_int_equal(ask(300, 300, 0, 101), REFUSAL_OVER_SHARE);
    prepare(&unrepeating, 95);
    assert_int_equal(ask(500, 500, 0, 500), REFUSAL_NONE);
}

/* However small the shares are, one request at a time comes through. */
static void
who_is_alone_gets_what_it_needs(void **state)
{
    (void)state;
    prepare(&repeating, 1);
    assert_int_equal(ask(0, 0, 0, 5000), REFUSAL_NONE);
    assert_int_equal(ask(0, 0, 5000, 5000), REFUSAL_NONE);
    assert_int_equal(ask(0, 100, 0, 500), REFUSAL_NONE);
    assert_int_equal(ask(0, 1000, 0, 1), REFUSAL_BUSY); /* the others have left nothing */
    assert_int_equal(ask(1, 1, 0, 10), REFUSAL_OVER_SHARE);
}

static void
connections_are_shared_where_they_are_short(void **state)
{
    (void)state;
    prepare(&repeating, 50);
    worker.connection_count = 100;
    holding.requests = 90;
    assert_int_equal(share_check_request(&ticket), REFUSAL_NONE);
    worker.crowded = true;
    assert_int_equal(share_check_request(&ticket), REFUSAL_OVER_SHARE);
    holding.requests = 49;
    assert_int_equal(share_check_request(&ticket), REFUSAL_NONE);
    holding.requests = 50;
    assert_int_equal(share_check_request(&ticket), REFUSAL_OVER_SHARE);
    source.adapter = &unrepeating;
    assert_int_equal(share_check_request(&ticket), REFUSAL_NONE);
    holding.requests = 60;
    assert_int_equal(share_check_request(&ticket), REFUSAL_OVER_SHARE);
    worker.connection_count = 1;
    holding.requests = 0;
    assert_int_equal(share_check_request(&ticket), REFUSAL_NONE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_source_has_its_share_of_memory),
        cmocka_unit_test(a_tenth_is_kept_for_who_never_repeats),
        cmocka_unit_test(who_is_alone_gets_what_it_needs),
        cmocka_unit_test(connections_are_shared_where_they_are_short),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* A record set is done once, with its last report, and is as good as its worst record. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "event/recordset.h"

static void
count_done(struct recordset *set)
{
    (*(unsigned *)set->owner)++;
}

static void
report_all(struct recordset *set, const enum delivery *deliveries)
{
    static const char *const reasons[] = {
        [DELIVERY_ACKNOWLEDGED] = NULL, [DELIVERY_FAILED] = "timed out", [DELIVERY_REFUSED] = "too large"};
    unsigned done = 0;

    set->pending = set->count;
    set->on_done = count_done;
    set->owner = &done;
    for (size_t i = 0; i < set->count; i++) {
        assert_int_equal(done, 0);
        set->records[i].set = set;
        recordset_report(&set->records[i], deliveries[i], reasons[deliveries[i]]);
        assert_int_equal(set->records[i].delivery, deliveries[i]);
    }
    assert_int_equal(done, 1);
    assert_int_equal(set->pending, 0);
}

static void
the_worst_counts(void **state)
{
    static const struct {
        enum delivery deliveries[3];
        enum delivery worst;
        const char *reason;
    } rows[] = {
        {{DELIVERY_ACKNOWLEDGED, DELIVERY_ACKNOWLEDGED, DELIVERY_ACKNOWLEDGED}, DELIVERY_ACKNOWLEDGED, ""},
        {{DELIVERY_FAILED, DELIVERY_ACKNOWLEDGED, DELIVERY_ACKNOWLEDGED}, DELIVERY_FAILED, "timed out"},
        {{DELIVERY_ACKNOWLEDGED, DELIVERY_ACKNOWLEDGED, DELIVERY_FAILED}, DELIVERY_FAILED, "timed out"},
        {{DELIVERY_REFUSED, DELIVERY_FAILED, DELIVERY_ACKNOWLEDGED}, DELIVERY_REFUSED, "too large"},
        {{DELIVERY_FAILED, DELIVERY_REFUSED, DELIVERY_FAILED}, DELIVERY_REFUSED, "too large"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct record records[3] = {0};
        struct recordset set = {.records = records, .count = 3};

        report_all(&set, rows[i].deliveries);
        assert_int_equal(set.delivery, rows[i].worst);
        assert_true(slice_is(set.reason, rows[i].reason));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_worst_counts)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}

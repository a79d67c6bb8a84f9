/* A batch keeps what it is given, and goes shorter where Kafka wants that. */
#include "egress/batch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static const struct slice topic = SLICE("results");

static void
add(struct batch *batch, const char *value, const char *fallback)
{
    struct record record = {.key = SLICE("key"), .value = slice_from(value)};

    assert_true(batch_add(batch, topic, 3, &record));
    batch->fallbacks[batch->count - 1] = slice_from(fallback);
}

static void
records_are_copied_where_they_live_elsewhere(void **state)
{
    struct batch *batch = batch_new(NULL);
    char value[] = "value";
    char name[] = "name";
    struct record_header header = {{name, 4}, {NULL, 0}};
    struct record record = {.value = {value, 5}, .headers = &header, .header_count = 1};

    (void)state;
    assert_true(batch_add_copy(batch, topic, 3, &record));
    memset(value, 'x', 5);
    memset(name, 'x', 4);
    assert_true(slice_is(batch->records[0].value, "value"));
    assert_true(slice_is(batch->records[0].headers[0].name, "name"));
    assert_int_equal(batch->records[0].partition, 3);
    /* To Kafka a NULL value is a tombstone. */
    assert_non_null(batch->records[0].headers[0].value.data);
    assert_non_null(batch->records[0].key.data);
    batch_free(batch);
}

static void
refused_records_go_shorter_or_not_at_all(void **state)
{
    struct batch *batch = batch_new(NULL);
    struct command_key first = {1, 1};
    struct command_key last = {2, 2};

    (void)state;
    add(batch, "a", "");
    assert_true(batch_place(batch, first));
    add(batch, "large without another", "");
    add(batch, "large", "short");
    add(batch, "z", "");
    assert_true(batch_place(batch, last));
    batch->records[1].delivery = batch->records[2].delivery = DELIVERY_REFUSED;
    batch_shorten(batch);
    assert_int_equal(batch->count, 3);
    assert_true(slice_is(batch->records[0].value, "a"));
    assert_true(slice_is(batch->records[1].value, "short"));
    assert_true(slice_is(batch->records[2].value, "z"));
    assert_int_equal(batch->places[0].record, 0);
    assert_int_equal(batch->places[1].record, 2);
    assert_true(batch->places[1].key.high == 2);
    /* Refused once more, what is short already goes. */
    batch->records[1].delivery = DELIVERY_REFUSED;
    batch_shorten(batch);
    assert_int_equal(batch->count, 2);
    assert_int_equal(batch->places[1].record, 1);
    batch_free(batch);
}

static void
many_records_crowd_it(void **state)
{
    struct batch *batch = batch_new(NULL);
    size_t count = 0;

    (void)state;
    while (!batch_crowded(batch)) {
        add(batch, "value", "");
        assert_true(++count < 100000);
    }
    assert_int_equal(batch->count, count);
    assert_true(slice_is(batch->records[0].value, "value"));
    assert_true(slice_is(batch->records[count - 1].value, "value"));
    batch_free(batch);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_are_copied_where_they_live_elsewhere),
        cmocka_unit_test(refused_records_go_shorter_or_not_at_all),
        cmocka_unit_test(many_records_crowd_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

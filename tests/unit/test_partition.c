/* The partitions of keys, against values that other clients are tested with. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bus/partition.h"

/* org.apache.kafka.common.utils.UtilsTest has the hashes. */
static void
test_the_hash_is_that_of_java(void **state)
{
    static const struct {
        const char *key;
        int32_t hash;
    } known[] = {
        {"21", -973932308},
        {"foobar", -790332482},
        {"a-little-bit-long-string", -985981536},
        {"a-little-bit-longer-string", -1486304829},
        {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
        {"abc", 479470107},
    };

    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        /* Of so many partitions the hash without its sign is the number itself. */
        assert_int_equal(partition_of(slice_from(known[i].key), INT32_MAX), known[i].hash & INT32_MAX);
        assert_int_equal(partition_of(slice_from(known[i].key), 12), (known[i].hash & INT32_MAX) % 12);
        assert_int_equal(partition_of(slice_from(known[i].key), 1), 0);
    }
}

/* kafka-python's test_murmur2_java_compatibility: Java's partitions of 1000. */
static void
test_the_partition_is_that_of_java(void **state)
{
    static const struct {
        struct slice key;
        int32_t partition;
    } known[] = {
        {{NULL, 0}, 681},    {SLICE("a"), 524},         {SLICE("ab"), 434},
        {SLICE("abc"), 107}, {SLICE("123456789"), 566}, {SLICE("\x00 "), 742},
    };

    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        assert_int_equal(partition_of(known[i].key, 1000), known[i].partition);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_hash_is_that_of_java),
        cmocka_unit_test(test_the_partition_is_that_of_java),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

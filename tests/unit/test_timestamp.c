/* Timestamps: every form read and refused, printed again, in zones with all kinds of offsets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/timestamp.h"

static struct zone *
load(const char *name)
{
    struct error error = {""};
    struct zone *zone = zone_load(name, &error);

    if (zone == NULL) {
        fail_msg("%s", error.text);
    }
    return zone;
}

static void
assert_prints(struct timestamp timestamp, const char *expected)
{
    char text[TIMESTAMP_TEXT_BYTES + 1] = "";
    size_t length = timestamp_format(timestamp, text);

    assert_true(length < TIMESTAMP_TEXT_BYTES);
    text[length] = '\0';
    assert_string_equal(text, expected);
}

struct local_row {
    const char *zone;
    const char *text;
    const char *printed;
    int64_t unix_seconds;
};

/* The seconds are Python's (zoneinfo). */
static const struct local_row local_rows[] = {
    {"Asia/Shanghai", "2021-05-08 14:39:47", "2021-05-08T14:39:47+08:00", 1620455987},
    {"Asia/Shanghai", "1988-07-01 12:00:00", "1988-07-01T12:00:00+09:00", 583729200},
    {"Asia/Shanghai", "1970-01-01 00:00:00", "1970-01-01T00:00:00+08:00", -28800},
    {"Europe/Berlin", "2021-01-15 12:00:00", "2021-01-15T12:00:00+01:00", 1610708400},
    {"Europe/Berlin", "2021-07-15 12:00:00", "2021-07-15T12:00:00+02:00", 1626343200},
    {"Europe/Berlin", "2099-07-15 12:00:00", "2099-07-15T12:00:00+02:00", 4087792800},
    {"Asia/Kolkata", "2024-02-29 23:59:59", "2024-02-29T23:59:59+05:30", 1709231399},
    {"America/St_Johns", "2024-07-01 00:00:00", "2024-07-01T00:00:00-02:30", 1719801000},
    {"America/St_Johns", "2024-01-01 00:00:00", "2024-01-01T00:00:00-03:30", 1704079800},
    {"Pacific/Apia", "2011-12-29 12:00:00", "2011-12-29T12:00:00-10:00", 1325196000},
    {"Pacific/Apia", "2011-12-31 12:00:00", "2011-12-31T12:00:00+14:00", 1325282400},
    {"UTC", "2000-02-29 00:00:00", "2000-02-29T00:00:00+00:00", 951782400},
    {"UTC", "9999-12-31 23:59:59", "9999-12-31T23:59:59+00:00", 253402300799},
    /* 02:00 to 03:00 is skipped on this day, and twice there on the other: the offset before the change. */
    {"Europe/Berlin", "2021-03-28 01:59:59", "2021-03-28T01:59:59+01:00", 1616893199},
    {"Europe/Berlin", "2021-03-28 02:30:00", "2021-03-28T02:30:00+01:00", 1616895000},
    {"Europe/Berlin", "2021-03-28 03:00:00", "2021-03-28T03:00:00+02:00", 1616893200},
    {"Europe/Berlin", "2021-10-31 01:59:59", "2021-10-31T01:59:59+02:00", 1635638399},
    {"Europe/Berlin", "2021-10-31 02:00:00", "2021-10-31T02:00:00+02:00", 1635638400},
    {"Europe/Berlin", "2021-10-31 02:59:59", "2021-10-31T02:59:59+02:00", 1635641999},
    {"Europe/Berlin", "2021-10-31 03:00:00", "2021-10-31T03:00:00+01:00", 1635645600},
};

static void
local_times_of_many_zones(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof local_rows / sizeof local_rows[0]; i++) {
        const struct local_row *row = &local_rows[i];
        struct zone *zone = load(row->zone);
        struct timestamp timestamp;

        assert_true(timestamp_read_local(slice_from(row->text), zone, &timestamp));
        assert_int_equal(timestamp.unix_ms, row->unix_seconds * 1000);
        assert_false(timestamp.millis);
        assert_prints(timestamp, row->printed);
        zone_free(zone);
    }
}

static void
points_in_time_around_a_change(void **state)
{
    (void)state;
    struct zone *berlin = load("Europe/Berlin");

    assert_prints(timestamp_from_unix_ms(1616893199999, berlin), "2021-03-28T01:59:59.999+01:00");
    assert_prints(timestamp_from_unix_ms(1616893200000, berlin), "2021-03-28T03:00:00.000+02:00");
    assert_prints(timestamp_from_unix_ms(1635641999999, berlin), "2021-10-31T02:59:59.999+02:00");
    assert_prints(timestamp_from_unix_ms(1635642000000, berlin), "2021-10-31T02:00:00.000+01:00");
    zone_free(berlin);
}

static void
epochs(void **state)
{
    (void)state;
    struct zone *shanghai = load("Asia/Shanghai");
    struct timestamp timestamp;

    assert_true(timestamp_read_millis(slice_from("1527737784829"), shanghai, &timestamp));
    assert_prints(timestamp, "2018-05-31T11:36:24.829+08:00");
    assert_true(timestamp_read_seconds(slice_from("1620455987"), shanghai, &timestamp));
    assert_prints(timestamp, "2021-05-08T14:39:47+08:00");
    assert_true(timestamp_read_millis(slice_from("0000000000000"), shanghai, &timestamp));
    assert_prints(timestamp, "1970-01-01T08:00:00.000+08:00");
    assert_true(timestamp_read_seconds(slice_from("9999999999"), shanghai, &timestamp));
    assert_prints(timestamp, "2286-11-21T01:46:39+08:00");

    static const char *const bad[] = {"",           "0",           "152773778482", "15277377848290", "-527737784829",
                                      "162045598 ", "16204559870", "162045598",    "+620455987",     "16204559.7"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(timestamp_read_millis(slice_from(bad[i]), shanghai, &timestamp));
        assert_false(timestamp_read_seconds(slice_from(bad[i]), shanghai, &timestamp));
    }
    assert_false(timestamp_read_seconds(slice_make(NULL, 0), shanghai, &timestamp));
    assert_false(timestamp_read_seconds(slice_make("162045598\0", 10), shanghai, &timestamp));
    zone_free(shanghai);
}

static void
written_times(void **state)
{
    (void)state;
    struct zone *shanghai = load("Asia/Shanghai");
    struct timestamp timestamp;

    assert_true(timestamp_read_local(slice_from("2018-05-31 11:36:24.829"), shanghai, &timestamp));
    assert_prints(timestamp, "2018-05-31T11:36:24.829+08:00");
    assert_true(timestamp_read_compact(slice_from("20180531113624"), shanghai, &timestamp));
    assert_prints(timestamp, "2018-05-31T11:36:24+08:00");
    assert_int_equal(timestamp.unix_ms, 1527737784000);

    static const char *const bad[] = {
        "",
        "2018-05-31",
        "2018-05-31 11:36",
        "2018-05-31T11:36:24",
        "2018-05-31 11:36:24 ",
        " 2018-05-31 11:36:24",
        "2018-05-31 11:36:24.",
        "2018-05-31 11:36:24.82",
        "2018-05-31 11:36:24.8290",
        "2018-05-31 11:36:24,829",
        "2018-05-31 11:36:24Z",
        "2018/05/31 11:36:24",
        "2018-5-31 11:36:24",
        "2018-05-31 24:00:00",
        "2018-05-31 11:60:00",
        "2018-05-31 11:36:60",
        "2018-00-31 11:36:24",
        "2018-13-31 11:36:24",
        "2018-05-00 11:36:24",
        "2018-05-32 11:36:24",
        "2018-04-31 11:36:24",
        "2018-02-29 11:36:24",
        "2100-02-29 11:36:24",
        "1969-12-31 23:59:59",
        "0000-00-00 00:00:00",
        "-018-05-31 11:36:24",
        "99999-05-31 11:36:24",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(timestamp_read_local(slice_from(bad[i]), shanghai, &timestamp));
        assert_false(timestamp_read_compact(slice_from(bad[i]), shanghai, &timestamp));
    }
    assert_false(timestamp_read_compact(slice_from("2018053111362"), shanghai, &timestamp));
    assert_false(timestamp_read_compact(slice_from("201805311136240"), shanghai, &timestamp));
    assert_false(timestamp_read_compact(slice_from("20180532113624"), shanghai, &timestamp));
    assert_true(timestamp_read_compact(slice_from("20000229235959"), shanghai, &timestamp));
    zone_free(shanghai);
}

static void
rfc3339(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *printed;
    } good[] = {
        {"2021-05-08T14:39:47+08:00", "2021-05-08T14:39:47+08:00"},
        {"2021-05-08T14:39:47.120Z", "2021-05-08T14:39:47.120+00:00"},
        {"2021-05-08T14:39:47.1-03:30", "2021-05-08T14:39:47.100-03:30"},
        {"2021-05-08T14:39:47.123456789-00:30", "2021-05-08T14:39:47.123-00:30"},
        {"1970-01-01T00:00:00+23:59", "1970-01-01T00:00:00+23:59"},
        {"9999-12-31T23:59:59-23:59", "9999-12-31T23:59:59-23:59"},
    };
    static const char *const bad[] = {
        "2021-05-08T14:39:47",        "2021-05-08 14:39:47Z",        "2021-05-08T14:39:47z",
        "2021-05-08T14:39:47+24:00",  "2021-05-08T14:39:47+08:60",   "2021-05-08T14:39:47+0800",
        "2021-05-08T14:39:47.Z",      "2021-05-08T14:39:47+08:00 ",  "2021-05-08T14:39:47.1234567890Z",
        "2021-05-08T14:39:60Z",       "2021-02-30T14:39:47Z",        "2021-05-08T14:39:47*08:00",
        "2021-05-08T14:39:47+08:00Z", "2021-05-08T14:39:47.-+08:00", "T",
    };
    struct timestamp timestamp;

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(timestamp_read_rfc3339(slice_from(good[i].text), &timestamp));
        assert_prints(timestamp, good[i].printed);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(timestamp_read_rfc3339(slice_from(bad[i]), &timestamp));
    }
    assert_true(timestamp_read_rfc3339(slice_from("2021-05-08T14:39:47+08:00"), &timestamp));
    assert_int_equal(timestamp.unix_ms, 1620455987000);
}

static void
iso8601(void **state)
{
    (void)state;
    struct zone *shanghai = load("Asia/Shanghai");
    static const struct {
        const char *text;
        const char *printed;
    } good[] = {
        {"2021-05-08T14:39:47+08:00", "2021-05-08T14:39:47+08:00"},
        {"2021-05-08 14:39:47.120Z", "2021-05-08T14:39:47.120+00:00"},
        {"2021-05-08t14:39:47z", "2021-05-08T14:39:47+00:00"},
        {"2021-05-08T14:39:47,5-0330", "2021-05-08T14:39:47.500-03:30"},
        {"2021-05-08T14:39:47.000+0800", "2021-05-08T14:39:47.000+08:00"},
        {"2021-05-08 14:39:47+08", "2021-05-08T14:39:47+08:00"},
    };
    static const char *const local[] = {"2021-05-08T14:39:47", "2021-05-08 14:39:47", "2021-05-08t14:39:47"};
    static const char *const bad[] = {
        "",
        "2021-05-08",
        "2021-05-08T",
        "2021-05-08_14:39:47Z",
        "2021-05-0814:39:47Z",
        "2021-05-08T14:39Z",
        "2021-05-08T14:39:47.Z",
        "2021-05-08T14:39:47 Z",
        "2021-05-08T14:39:47+8",
        "2021-05-08T14:39:47+08:",
        "2021-05-08T14:39:47+080",
        "2021-05-08T14:39:47+08000",
        "2021-05-08T14:39:47+24",
        "2021-05-08T14:39:47+0860",
        "2021-02-30T14:39:47Z",
        "20210508T143947Z",
    };
    struct timestamp timestamp;

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(timestamp_read_iso8601(slice_from(good[i].text), NULL, &timestamp));
        assert_prints(timestamp, good[i].printed);
        assert_true(timestamp_read_iso8601(slice_from(good[i].text), shanghai, &timestamp));
        assert_prints(timestamp, good[i].printed);
    }
    for (size_t i = 0; i < sizeof local / sizeof local[0]; i++) {
        assert_false(timestamp_read_iso8601(slice_from(local[i]), NULL, &timestamp));
        assert_true(timestamp_read_iso8601(slice_from(local[i]), shanghai, &timestamp));
        assert_prints(timestamp, "2021-05-08T14:39:47+08:00");
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(timestamp_read_iso8601(slice_from(bad[i]), shanghai, &timestamp));
    }
    assert_false(timestamp_read_iso8601(slice_make("2021-05-08\0"
                                                   "14:39:47Z",
                                                   20),
                                        shanghai, &timestamp));
    zone_free(shanghai);
}

static void
decimal_seconds(void **state)
{
    (void)state;
    struct zone *shanghai = load("Asia/Shanghai");
    static const char *const bad[] = {
        "", "1620455987.", "1620455987,5", "162045598.75", "16204559871", "1620455987.5e1", "1620455987.1234567890"};
    struct timestamp timestamp;

    assert_true(timestamp_read_decimal_seconds(slice_from("1620455987"), shanghai, &timestamp));
    assert_prints(timestamp, "2021-05-08T14:39:47+08:00");
    assert_true(timestamp_read_decimal_seconds(slice_from("1620455987.25"), shanghai, &timestamp));
    assert_prints(timestamp, "2021-05-08T14:39:47.250+08:00");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(timestamp_read_decimal_seconds(slice_from(bad[i]), shanghai, &timestamp));
    }
    zone_free(shanghai);
}

/* Each day from 1970 to 2400, against the C library, and read back. */
static void
every_day(void **state)
{
    (void)state;
    struct zone *utc = load("UTC");

    for (int64_t seconds = 0; seconds < 13569465600; seconds += 86400) {
        time_t when = (time_t)(seconds + 12345);
        struct tm parts;
        char expected[64], printed[TIMESTAMP_TEXT_BYTES];
        struct timestamp timestamp = {.unix_ms = (int64_t)when * 1000, .present = true}, again;

        assert_non_null(gmtime_r(&when, &parts));
        assert_int_equal(strftime(expected, sizeof expected, "%Y-%m-%dT%H:%M:%S+00:00", &parts), 25);
        assert_int_equal(timestamp_format(timestamp, printed), 25);
        assert_memory_equal(printed, expected, 25);
        assert_true(timestamp_read_rfc3339(slice_make(printed, 25), &again));
        assert_int_equal(again.unix_ms, timestamp.unix_ms);
    }
    zone_free(utc);
}

static void
what_has_no_text(void **state)
{
    (void)state;
    assert_prints((struct timestamp){.unix_ms = 5}, "");
    assert_prints((struct timestamp){.unix_ms = -1, .present = true}, "");
    assert_prints((struct timestamp){.unix_ms = INT64_MIN, .present = true}, "");
    assert_prints((struct timestamp){.unix_ms = INT64_MAX, .present = true}, "");
    assert_prints((struct timestamp){.unix_ms = 253402300800000, .present = true}, "");
    assert_prints((struct timestamp){.unix_ms = 0, .offset_minutes = 1440, .present = true}, "");
}

static void
unknown_zones_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",      "Asia/Shangai", "/etc/localtime", "../zoneinfo/UTC", "Asia",
                                      "CST-8", "zone.tab",     "Asia/",          ":Asia/Shanghai",  "Asia/Shanghai\n"};

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct error error = {""};
        assert_null(zone_load(bad[i], &error));
        assert_true(strlen(error.text) > 0);
    }
}

static void
loading_a_zone_leaves_the_process_in_its_own(void **state)
{
    (void)state;
    struct tm parts;
    time_t epoch = 0;

    assert_int_equal(setenv("TZ", "Asia/Kolkata", 1), 0);
    zone_free(load("America/St_Johns"));
    assert_string_equal(getenv("TZ"), "Asia/Kolkata");
    assert_non_null(localtime_r(&epoch, &parts));
    assert_int_equal(parts.tm_gmtoff, 19800);
    assert_int_equal(unsetenv("TZ"), 0);
    zone_free(load("America/St_Johns"));
    assert_null(getenv("TZ"));
}

static void
a_fixed_clock_stands(void **state)
{
    (void)state;
    struct fixed_clock fixed;

    fixed_clock_init(&fixed, 1620455987123456789);
    assert_int_equal(clock_wall_ms(&fixed.clock), 1620455987123);
    assert_int_equal(clock_monotonic_ns(&fixed.clock), 0);
    fixed.monotonic_ns = 7;
    fixed.boottime_ns = 9;
    assert_int_equal(clock_monotonic_ns(&fixed.clock), 7);
    assert_int_equal(clock_boottime_ns(&fixed.clock), 9);
}

static void
the_system_clock_goes_on(void **state)
{
    (void)state;
    const struct clock *clock = clock_system();
    int64_t before = clock_monotonic_ns(clock);

    assert_true(clock_monotonic_ns(clock) >= before);
    assert_true(clock_boottime_ns(clock) >= before);
    assert_true(clock_wall_ms(clock) / 1000 - (int64_t)time(NULL) >= -1);
    assert_true(clock_wall_ms(clock) / 1000 - (int64_t)time(NULL) <= 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(local_times_of_many_zones),
        cmocka_unit_test(points_in_time_around_a_change),
        cmocka_unit_test(epochs),
        cmocka_unit_test(written_times),
        cmocka_unit_test(rfc3339),
        cmocka_unit_test(iso8601),
        cmocka_unit_test(decimal_seconds),
        cmocka_unit_test(every_day),
        cmocka_unit_test(what_has_no_text),
        cmocka_unit_test(unknown_zones_are_refused),
        cmocka_unit_test(loading_a_zone_leaves_the_process_in_its_own),
        cmocka_unit_test(a_fixed_clock_stands),
        cmocka_unit_test(the_system_clock_goes_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Which properties of librdkafka's a user may set, and what the refusals say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bus/kafka_settings.h"
#include "bus/topic_admin.h"

static void
test_takes_what_is_the_users(void **state)
{
    static const struct kafka_property good[] = {
        {"bootstrap.servers", "a:9092,b:9092"},
        {"security.protocol", "SASL_SSL"},
        {"sasl.mechanisms", "SCRAM-SHA-512"},
        {"sasl.username", "trunkline"},
        {"sasl.password", "secret"},
        {"ssl.ca.location", "/etc/ssl/certs"},
        {"linger.ms", "5"},
        {"compression.type", "lz4"},
        {"max.in.flight", "1"},
        {"max.in.flight.requests.per.connection", "5"},
        {"message.timeout.ms", "30000"},
        {"fetch.wait.max.ms", "100"},
        {"client.id", "gateway-1"},
    };
    struct error error = {""};

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(kafka_property_check(good[i].name, good[i].value, &error));
        assert_string_equal(error.text, "");
    }
}

static void
test_refuses_what_is_ours_or_wrong(void **state)
{
    static const struct {
        const char *name, *value, *told;
    } bad[] = {
        {"acks", "1", "\"acks\" is not yours to set (always all: an answered callback is durable); take it out"},
        {"request.required.acks", "all", "take it out"},
        {"enable.idempotence", "true", "take it out"},
        {"partitioner", "murmur2_random", "take it out"},
        {"retries", "0", "take it out"},
        {"transactional.id", "x", "take it out"},
        {"group.id", "x", "take it out"},
        {"queue.buffering.backpressure.threshold", "100", "take it out"},
        {"statistics.interval.ms", "0", "take it out"},
        {"max.in.flight", "6", "at most 5"},
        {"max.in.flight.requests.per.connection", "1000000", "at most 5"},
        {"linger", "5", "librdkafka has no property \"linger\""},
        {"linger.ms", "soon", "librdkafka does not take this value for \"linger.ms\": Invalid value"},
        {"linger.ms", "99999999", "outside allowed range 0..900000"},
        {"dr_msg_cb", "x", "librdkafka does not take this value for \"dr_msg_cb\""},
        {"", "", "librdkafka has no property \"\""},
    };
    struct error error;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(kafka_property_check(bad[i].name, bad[i].value, &error));
        assert_non_null(strstr(error.text, bad[i].told));
        assert_null(strchr(error.text, '\n'));
    }
}

/* Clients tell what is missing when they are made, not when nothing happens. */
static void
test_wants_a_broker(void **state)
{
    static const struct kafka_property empty[] = {{"bootstrap.servers", ""}, {"client.id", "x"}};
    static const struct kafka_settings settings[] = {{NULL, 0, false}, {empty, 2, false}};
    struct error error;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        assert_null(topic_admin_new(&settings[i], &error));
        assert_non_null(strstr(error.text, "set kafka.bootstrap.servers"));
    }
}

static void
test_tells_what_does_not_go_together(void **state)
{
    static const struct kafka_property properties[] = {
        {"bootstrap.servers", "127.0.0.1:1"}, {"ssl.key.location", "/nonexistent.key"}, {"security.protocol", "SSL"}};
    static const struct kafka_settings settings = {properties, 3, false};
    struct error error;

    (void)state;
    assert_null(topic_admin_new(&settings, &error));
    assert_non_null(strstr(error.text, "librdkafka does not take the settings under kafka: "));
    assert_non_null(strstr(error.text, "ssl.key.location"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_takes_what_is_the_users),
        cmocka_unit_test(test_refuses_what_is_ours_or_wrong),
        cmocka_unit_test(test_wants_a_broker),
        cmocka_unit_test(test_tells_what_does_not_go_together),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Where events go: their own topic, routes, extra topics; and the topics that a configuration needs. */
#include "configuration.h"

static void
assert_targets(const struct config *config, const char *source, enum event_type type, const char *expected)
{
    const struct target_list *targets = &config_source(config, slice_from(source))->targets[type];
    char text[400] = "";

    for (size_t i = 0; i < targets->count; i++) {
        size_t length = strlen(text);

        assert_int_equal(targets->topics[i].data[targets->topics[i].length], '\0');
        snprintf(text + length, sizeof text - length, "%s%s", i == 0 ? "" : " ", targets->topics[i].data);
    }
    assert_string_equal(text, expected);
}

static void
events_go_to_their_own_topic(void **state)
{
    (void)state;
    struct config *config = good(KAFKA "sources:\n" SOURCE);

    assert_targets(config, "s1", EVENT_NONE, "");
    assert_targets(config, "s1", EVENT_CALL_ENDED, "trunkline.call.events");
    assert_targets(config, "s1", EVENT_CALL_MEDIA_DIAGNOSED, "trunkline.call.events");
    assert_targets(config, "s1", EVENT_AGENT_LOGGED_IN, "trunkline.agent.events");
    assert_targets(config, "s1", EVENT_TASK_STATUS_CHANGED, "trunkline.task.events");
    assert_targets(config, "s1", EVENT_VENDOR_UNMAPPED, "trunkline.unmapped");
    config_free(config);
}

static void
routes_and_extra_topics_come_on_top(void **state)
{
    (void)state;
    struct config *config =
        good(KAFKA "topics: {call_events: all, agent_events: all}\n"
                   "routes:\n"
                   "  - {types: [call.ended, '*.recorded.v1'], sources: s2, topics: [b, a, b]}\n"
                   "  - {types: 'io.trunkline.agent.*', topics: a}\n"
                   "  - {topics: [c, all, a]}\n"
                   "sources:\n" SOURCE "  - {name: s2, adapter: yeta, open: true, extra_topics: [x, b]}\n");

    assert_targets(config, "s1", EVENT_CALL_ENDED, "all c a");
    assert_targets(config, "s1", EVENT_AGENT_LOGGED_IN, "all a c");
    assert_targets(config, "s1", EVENT_VENDOR_UNMAPPED, "trunkline.unmapped c all a");
    assert_targets(config, "s2", EVENT_CALL_ENDED, "all b a c x");
    assert_targets(config, "s2", EVENT_CALL_RECORDED, "all b a c x");
    assert_targets(config, "s2", EVENT_CALL_RECORDING_AVAILABLE, "all c a x b");
    config_free(config);
}

static const struct topic_spec *
find_spec(const struct topic_spec *specs, size_t count, const char *name)
{
    const struct topic_spec *found = NULL;

    for (size_t i = 0; i < count; i++) {
        if (strcmp(specs[i].name, name) == 0) {
            assert_null(found); /* each once */
            found = &specs[i];
        }
    }
    return found;
}

static void
topics_have_the_policies_that_their_readers_rely_on(void **state)
{
    (void)state;
    const int64_t day_ms = INT64_C(24) * 3600 * 1000;
    struct config *config = good(KAFKA "topics: {partitions: 5, replication: 3}\n"
                                       "routes: [{topics: [extra]}]\n"
                                       "sources:\n" SOURCE);
    size_t count = 0;
    const struct topic_spec *specs = config_topic_specs(config, &count);
    const struct topic_spec *events = find_spec(specs, count, "trunkline.call.events");
    const struct topic_spec *commands = find_spec(specs, count, "trunkline.commands");
    const struct topic_spec *journal = find_spec(specs, count, "trunkline.journal");

    assert_int_equal(count, TOPIC_ROLE_COUNT); /* without raw, with extra */
    assert_null(find_spec(specs, count, "trunkline.raw"));
    assert_non_null(find_spec(specs, count, "extra"));
    assert_int_equal(events->partitions, 5);
    assert_int_equal(events->replication, 3);
    assert_int_equal(events->min_insync_replicas, 2);
    assert_string_equal(events->cleanup_policy, "delete");
    assert_int_equal(events->max_message_bytes, 2 * 262144 + 65536);
    assert_string_equal(journal->cleanup_policy, "delete");
    assert_string_equal(journal->timestamp_type, "LogAppendTime");
    assert_true(commands->retention_ms > day_ms && journal->retention_ms > commands->retention_ms);
    assert_int_equal(journal->partitions, commands->partitions);
    assert_string_equal(find_spec(specs, count, "trunkline.dialog.context")->cleanup_policy, "compact");
    config_free(config);
}

static void
the_raw_topic_is_needed_when_it_is_on(void **state)
{
    (void)state;
    struct config *config = good("raw: true\n" KAFKA "topics: {raw: bytes, call_events: e, agent_events: e}\n"
                                 "sources:\n" SOURCE);
    size_t count = 0;
    const struct topic_spec *specs = config_topic_specs(config, &count);

    assert_non_null(find_spec(specs, count, "bytes"));
    assert_non_null(find_spec(specs, count, "e"));
    assert_int_equal(count, TOPIC_ROLE_COUNT - 1); /* two roles share one topic */
    assert_int_equal(specs[0].replication, -1);
    assert_int_equal(specs[0].min_insync_replicas, 0);
    config_free(config);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_go_to_their_own_topic),
        cmocka_unit_test(routes_and_extra_topics_come_on_top),
        cmocka_unit_test(topics_have_the_policies_that_their_readers_rely_on),
        cmocka_unit_test(the_raw_topic_is_needed_when_it_is_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

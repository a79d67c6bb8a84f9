/* Good configurations: what stands in the snapshot, by default and as configured. */
#include <unistd.h>

#include "configuration.h"

static void
write_file(char *path, const char *content)
{
    int file = mkstemp(path);

    assert_true(file >= 0);
    assert_int_equal(write(file, content, strlen(content)), (ssize_t)strlen(content));
    close(file);
}

static void
defaults_hold(void **state)
{
    (void)state;
    struct config *config = good(KAFKA "sources:\n" SOURCE);
    const struct source *source = config_source(config, slice_from("s1"));
    char host[256] = "";

    gethostname(host, sizeof host - 1);
    assert_string_equal(config->path, "t.yaml");
    assert_string_equal(config->instance, host);
    assert_string_equal(config->data_dir, "/var/lib/trunkline");
    assert_slice(config->address, "0.0.0.0");
    assert_int_equal(config->port, 8080);
    assert_in_range(config->workers, 1, 1024);
    assert_int_equal(config->shutdown_seconds, 25);
    assert_int_equal(config->limits.head_bytes, 16384);
    assert_int_equal(config->limits.header_count, 100);
    assert_int_equal(config->limits.body_bytes, 262144);
    assert_int_equal(config->limits.connections, 10000);
    assert_int_equal(config->limits.buffered_bytes, 64 * 1024 * 1024);
    assert_int_equal(config->limits.head_seconds, 10);
    assert_int_equal(config->limits.body_seconds, 30);
    assert_int_equal(config->limits.idle_seconds, 60);
    assert_int_equal(config->limits.write_seconds, 30);
    assert_int_equal(config->limits.output_bytes, 65536);
    assert_int_equal(config->trusted_proxies.count, 0);
    assert_int_equal(config->management_port, 8081);
    assert_int_equal(config->egress_management_port, 8082);
    assert_true(config->topics_create);
    assert_int_equal(config->topics_partitions, 12);
    assert_int_equal(config->topics_replication, -1);
    assert_false(config->raw_enabled);
    assert_int_equal(config->mode, CLOUDEVENT_STRUCTURED);

    assert_slice(source->account, "s1");
    assert_int_equal(source->method_count, 1);
    assert_slice(source->methods[0], "POST");
    assert_int_equal(source->secret_count, 0);
    assert_int_equal(source->secret_places, SECRET_IN_PATH);
    assert_slice(source->secret_parameter, "secret");
    assert_slice(source->secret_header, "x-trunkline-secret");
    assert_int_equal(source->budget_ms, source->adapter->budget_ms);
    assert_false(source->signed_by_vendor);
    assert_slice(source->settings[0], "http://voice.kxjlcc.com:9000/");
    assert_null(config_source(config, slice_from("s2")));
    config_free(config);
}

static void
everything_can_be_configured(void **state)
{
    (void)state;
    struct config *config = good("instance: i-1\n"
                                 "data_dir: /tmp/x\n"
                                 "gateway:\n"
                                 "  address: '::'\n"
                                 "  port: 0\n"
                                 "  workers: 3\n"
                                 "  shutdown_seconds: 7\n"
                                 "  trusted_proxies: [10.0.0.0/8, '2001:db8::1']\n"
                                 "  limits: {head_bytes: 2048, header_count: 9, body_bytes: 1024, connections: 5,\n"
                                 "           buffered_bytes: 65536, head_seconds: 1, body_seconds: 2,\n"
                                 "           idle_seconds: 3, write_seconds: 4, output_bytes: 4096}\n"
                                 "management: {address: 127.0.0.1, port: 1, egress_port: 2}\n"
                                 "kafka:\n"
                                 "  bootstrap.servers: a:1,b:2\n"
                                 "  linger.ms: 5\n"
                                 "  sasl.username: ''\n"
                                 "topics: {create: false, partitions: 3, replication: 2, call_events: calls}\n"
                                 "raw: TRUE\n"
                                 "events: {mode: binary}\n"
                                 "sources:\n" SOURCE);

    assert_string_equal(config->instance, "i-1");
    assert_string_equal(config->data_dir, "/tmp/x");
    assert_slice(config->address, "::");
    assert_int_equal(config->port, 0);
    assert_int_equal(config->workers, 3);
    assert_int_equal(config->shutdown_seconds, 7);
    assert_int_equal(config->trusted_proxies.count, 2);
    assert_int_equal(config->trusted_proxies.networks[0].prefix, 104);
    assert_int_equal(config->limits.head_bytes, 2048);
    assert_int_equal(config->limits.header_count, 9);
    assert_int_equal(config->limits.body_bytes, 1024);
    assert_int_equal(config->limits.connections, 5);
    assert_int_equal(config->limits.buffered_bytes, 65536);
    assert_int_equal(config->limits.head_seconds, 1);
    assert_int_equal(config->limits.body_seconds, 2);
    assert_int_equal(config->limits.idle_seconds, 3);
    assert_int_equal(config->limits.write_seconds, 4);
    assert_int_equal(config->limits.output_bytes, 4096);
    assert_slice(config->management_address, "127.0.0.1");
    assert_int_equal(config->management_port, 1);
    assert_int_equal(config->egress_management_port, 2);
    assert_int_equal(config->kafka.count, 2); /* the empty one is none */
    assert_string_equal(config->kafka.properties[0].name, "bootstrap.servers");
    assert_string_equal(config->kafka.properties[0].value, "a:1,b:2");
    assert_string_equal(config->kafka.properties[1].name, "linger.ms");
    assert_string_equal(config->kafka.properties[1].value, "5");
    assert_false(config->topics_create);
    assert_int_equal(config->topics_partitions, 3);
    assert_int_equal(config->topics_replication, 2);
    assert_slice(config->topics[TOPIC_CALL_EVENTS], "calls");
    assert_slice(config->topics[TOPIC_AGENT_EVENTS], "trunkline.agent.events");
    assert_slice(config->topics[TOPIC_DIALOG_REPLIES], "trunkline.dialog.replies");
    assert_true(config->raw_enabled);
    assert_int_equal(config->mode, CLOUDEVENT_BINARY);
    config_free(config);
}

static void
a_source_has_all_its_options(void **state)
{
    (void)state;
    struct config *config = good(KAFKA "sources:\n" SOURCE "  - name: 7m.a-b_c\n"
                                       "    adapter: 7moor\n"
                                       "    account: N0000\n"
                                       "    methods: [POST, PUT]\n"
                                       "    secrets: [one-secret-16-bytes, '', two-secret-16-bytes]\n"
                                       "    secret_in: [header, query]\n"
                                       "    secret_parameter: key\n"
                                       "    secret_header: X-Key\n"
                                       "    allow: 192.0.2.7\n"
                                       "    expect: {accountId: [N1, N2], pbx: 1.10, empty: ''}\n"
                                       "    timezone: UTC\n"
                                       "    budget_ms: 400\n"
                                       "    settings: {answer: '{}'}\n");
    const struct source *source = config_source(config, slice_from("7m.a-b_c"));

    assert_int_equal(source->index, 1);
    assert_ptr_equal(source, &config->sources[1]);
    assert_string_equal(source->adapter->name, "7moor");
    assert_slice(source->account, "N0000");
    assert_int_equal(source->method_count, 2);
    assert_int_equal(source->secret_count, 2);
    assert_slice(source->secrets[1], "two-secret-16-bytes");
    assert_int_equal(source->secret_places, SECRET_IN_HEADER | SECRET_IN_QUERY);
    assert_slice(source->secret_parameter, "key");
    assert_slice(source->secret_header, "x-key");
    assert_int_equal(source->allow.count, 1);
    assert_int_equal(source->expectation_count, 2);
    assert_slice(source->expectations[0].member, "accountId");
    assert_int_equal(source->expectations[0].value_count, 2);
    assert_slice(source->expectations[1].values[0], "1.10"); /* a number stays as it is written */
    assert_false(source->open);
    assert_int_equal(source->budget_ms, 400);
    assert_slice(source->settings[0], "{}");
    assert_ptr_not_equal(source->zone, config->sources[0].zone);
    assert_int_equal(config->warning_count, 1); /* of s1, which is open */
    config_free(config);
}

static void
zones_are_shared(void **state)
{
    (void)state;
    struct config *config = good(KAFKA "sources:\n" SOURCE "  - {name: s2, adapter: yeta, open: true}\n"
                                       "  - {name: s3, adapter: yeta, open: true, timezone: Europe/Berlin}\n");

    assert_int_equal(config->zone_count, 2);
    assert_ptr_equal(config->sources[0].zone, config->sources[1].zone);
    assert_ptr_not_equal(config->sources[0].zone, config->sources[2].zone);
    config_free(config);
}

static void
secrets_come_out_of_files(void **state)
{
    (void)state;
    char one[] = "/tmp/trunkline-test-XXXXXX";
    char two[] = "/tmp/trunkline-test-XXXXXX";
    char three[] = "/tmp/trunkline-test-XXXXXX";

    write_file(one, "first-secret-16-bytes\n");
    write_file(two, "second-secret\r\n");
    write_file(three, "word\n\n");
    setenv("ONE", one, 1);
    setenv("TWO", two, 1);
    setenv("THREE", three, 1);
    struct config *config = good("kafka: {bootstrap.servers: 'broker:9092', sasl.password_file: '${THREE}'}\n"
                                 "sources:\n"
                                 "  - {name: s1, adapter: airudder, settings: {key_file: '${TWO}'},\n"
                                 "     secrets: ['${NO_SUCH_SECRET:-}'], secrets_file: ['${ONE}', '${TWO}']}\n");

    assert_slice(config->sources[0].secrets[0], "first-secret-16-bytes");
    assert_slice(config->sources[0].secrets[1], "second-secret");
    assert_slice(config->sources[0].settings[0], "second-secret");
    assert_true(config->sources[0].signed_by_vendor);
    assert_string_equal(config->kafka.properties[1].name, "sasl.password");
    assert_string_equal(config->kafka.properties[1].value, "word\n"); /* one newline is the file's, two are not */
    config_free(config);
    unlink(one);
    unlink(two);
    unlink(three);
}

static void
empty_counts_as_not_configured(void **state)
{
    (void)state;
    struct config *config =
        good(KAFKA "instance:\n"
                   "gateway: {port: '', workers: ~, trusted_proxies: [''], limits: }\n"
                   "management:\n"
                   "topics: {call_events: null}\n"
                   "routes: []\n"
                   "sources:\n"
                   "  - {name: s1, adapter: airudder, open: true, settings: {key: ''}, methods: [],\n"
                   "     secrets: [''], secrets_file: '', allow: [], expect: {a: '', b: []},\n"
                   "     budget_ms: , timezone: '', extra_topics: ''}\n");

    assert_int_equal(config->port, 8080);
    assert_int_equal(config->trusted_proxies.count, 0);
    assert_slice(config->topics[TOPIC_CALL_EVENTS], "trunkline.call.events");
    assert_int_equal(config->sources[0].method_count, 1);
    assert_int_equal(config->sources[0].secret_count, 0);
    assert_int_equal(config->sources[0].expectation_count, 0);
    assert_int_equal(config->sources[0].budget_ms, 2000);
    assert_int_equal(config->sources[0].settings[0].length, 0);
    assert_false(config->sources[0].signed_by_vendor);
    config_free(config);
}

static void
variables_are_values_never_yaml(void **state)
{
    (void)state;
    setenv("TRICK", "x, open: true}\n  - {name: s2", 1);
    struct config *config = good(KAFKA "sources:\n"
                                       "  - {name: s1, adapter: yeta, secrets: [0123456789abcdef], expect: {a: "
                                       "'${TRICK}', '${TRICK}': b}}\n");

    assert_int_equal(config->source_count, 1);
    assert_false(config->sources[0].open);
    assert_slice(config->sources[0].expectations[0].values[0], "x, open: true}\n  - {name: s2");
    assert_slice(config->sources[0].expectations[1].member, "${TRICK}"); /* keys are taken as they are */
    config_free(config);
}

static void
what_is_seldom_meant_is_a_warning(void **state)
{
    (void)state;
    struct config *config = good("gateway: {trusted_proxies: [0.0.0.0/0]}\n" KAFKA "sources:\n" SOURCE
                                 "  - {name: s2, adapter: yeta, secrets: [short]}\n"
                                 "  - {name: s3, adapter: yeta, secrets: [0123456789abcdef], budget_ms: 1501}\n"
                                 "  - {name: s4, adapter: yeta, open: true, dedup_window_seconds: 60}\n");
    char *text = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&text, &length);

    config_warnings_print(config, stream);
    fclose(stream);
    assert_string_equal(
        text,
        "t.yaml:1: gateway.trusted_proxies: it trusts every address, so anybody can claim any; list the proxies\n"
        "t.yaml:4: source \"s1\": it is open: anybody who knows its URL may post events\n"
        "t.yaml:5: source \"s2\": secret 1 is shorter than 16 characters; `openssl rand -hex 16` makes a good one\n"
        "t.yaml:6: source \"s3\": budget_ms is above 1500, so yeta (讯飞) may have given up before it is answered\n"
        "t.yaml:7: source \"s4\": it is open: anybody who knows its URL may post events, and, with "
        "dedup_window_seconds, keep the true ones from being published by being first\n");
    free(text);
    config_free(config);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_hold),
        cmocka_unit_test(everything_can_be_configured),
        cmocka_unit_test(a_source_has_all_its_options),
        cmocka_unit_test(zones_are_shared),
        cmocka_unit_test(secrets_come_out_of_files),
        cmocka_unit_test(empty_counts_as_not_configured),
        cmocka_unit_test(variables_are_values_never_yaml),
        cmocka_unit_test(what_is_seldom_meant_is_a_warning),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

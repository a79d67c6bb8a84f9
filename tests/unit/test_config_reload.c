/* The configuration of a running process, read again: what changes, what stays, what is told. */
#include <unistd.h>

#include "adapters/mapping.h"
#include "configuration.h"
#include "vendor_certificates.h"

#define HEAD                                                                                                           \
    KAFKA "instance: one\n"                                                                                            \
          "gateway: {port: 8080, workers: 2}\n"

static char path[] = "/tmp/test_config_reload.XXXXXX";

static int
setup(void **state)
{
    int fd = mkstemp(path);

    (void)state;
    return fd < 0 || close(fd) != 0;
}

static int
teardown(void **state)
{
    (void)state;
    return unlink(path);
}

static void
write_file(const char *yaml)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_true(fputs(yaml, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static struct config *
start_with(const char *yaml)
{
    struct config_faults faults;
    struct config *config;

    write_file(yaml);
    config = config_load_parts(path, CONFIG_SOURCES, &faults);
    assert_non_null(config);
    assert_true(config->from_file);
    assert_int_equal(config->deferred_count, 0);
    config_faults_free(&faults);
    return config;
}

static struct config *
reload_with(const struct config *running, const char *yaml)
{
    struct config_faults faults;
    struct config *config;

    write_file(yaml);
    config = config_reload(running, CONFIG_SOURCES, &faults);
    if (config == NULL) {
        config_faults_print(&faults, stderr);
    }
    assert_non_null(config);
    assert_int_equal(faults.count, 0);
    config_faults_free(&faults);
    return config;
}

static void
assert_deferred(const struct config *config, const char *const *names)
{
    size_t count = 0;

    for (; names[count] != NULL; count++) {
        assert_true(count < config->deferred_count);
        assert_string_equal(config->deferred[count], names[count]);
    }
    assert_int_equal(config->deferred_count, count);
}

static void
sources_secrets_and_proxies_are_the_files(void **state)
{
    struct config *running = start_with(HEAD "sources:\n  - {name: a, adapter: yeta, secrets: [one-long-secret-1]}\n");
    struct config *fresh = reload_with(running, KAFKA "instance: one\n"
                                                      "gateway: {port: 8080, workers: 2, trusted_proxies: 10.0.0.1}\n"
                                                      "sources:\n"
                                                      "  - {name: a, adapter: yeta, secrets: [two-long-secret-22]}\n"
                                                      "  - {name: b, adapter: 7moor, open: true}\n"
                                                      "routes:\n  - {types: 'call.*', topics: copies}\n");

    (void)state;
    assert_deferred(fresh, (const char *const[]){NULL});
    assert_int_equal(fresh->source_count, 2);
    assert_int_equal(fresh->trusted_proxies.count, 1);
    assert_slice(config_source(fresh, slice_from("a"))->secrets[0], "two-long-secret-22");
    assert_int_equal(config_source(fresh, slice_from("b"))->targets[EVENT_CALL_ENDED].count, 2);
    assert_int_equal(running->source_count, 1);
    assert_slice(running->sources[0].secrets[0], "one-long-secret-1");
    config_free(fresh);
    config_free(running);
}

static void
what_needs_a_start_stays(void **state)
{
    struct config *running = start_with(HEAD "sources:\n" SOURCE);
    struct config *fresh = reload_with(
        running, "kafka: {bootstrap.servers: 'other:9092', linger.ms: 3}\n"
                 "instance: two\ndata_dir: /elsewhere\n"
                 "gateway: {port: 80, address: '::', workers: 3, shutdown_seconds: 7, limits: {body_bytes: 4096}}\n"
                 "management: {port: 81}\n"
                 "spool: {max_bytes: 0}\n"
                 "topics: {create: false, call_events: calls-too, partitions: 3}\n"
                 "events: {mode: binary}\nraw: true\n"
                 "sources:\n  - {name: s2, adapter: yeta, open: true}\n");
    const struct target_list *targets = &fresh->sources[0].targets[EVENT_CALL_ENDED];

    (void)state;
    assert_true(fresh->deferred_count >= 12);
    assert_string_equal(fresh->deferred[fresh->deferred_count - 1], "kafka");
    assert_string_equal(fresh->instance, "one");
    assert_string_equal(fresh->data_dir, running->data_dir);
    assert_int_equal(fresh->port, 8080);
    assert_int_equal(fresh->workers, 2);
    assert_int_equal(fresh->limits.body_bytes, running->limits.body_bytes);
    assert_int_equal(fresh->spool.max_bytes, running->spool.max_bytes);
    assert_int_equal(fresh->mode, running->mode);
    assert_int_equal(fresh->raw_enabled, running->raw_enabled);
    assert_int_equal(fresh->kafka.count, 1);
    assert_string_equal(fresh->kafka.properties[0].value, "broker:9092");
    /* Events of the new source go where those of the running process go. */
    assert_slice(fresh->sources[0].name, "s2");
    assert_int_equal(targets->count, 1);
    assert_slice(targets->topics[0], "trunkline.call.events");
    assert_slice(fresh->topics[TOPIC_CALL_EVENTS], "trunkline.call.events");
    config_free(fresh);
    config_free(running);
}

/* A certificate and its key in one file. */
static void
write_identity(const char *file_path)
{
    struct authority own;
    FILE *file;

    authority_make(&own);
    authority_write(&own, file_path);
    file = fopen(file_path, "a");
    assert_non_null(file);
    assert_int_equal(PEM_write_PrivateKey(file, own.key, NULL, NULL, 0, NULL, NULL), 1);
    assert_int_equal(fclose(file), 0);
    authority_free(&own);
}

static void
the_port_goes_on_speaking_what_it_speaks(void **state)
{
    static char identity[] = "/tmp/test_config_reload_identity.XXXXXX";
    struct config *running = start_with(HEAD "sources:\n" SOURCE);
    struct config *fresh;
    char yaml[1024];
    int fd = mkstemp(identity);

    (void)state;
    assert_true(fd >= 0 && close(fd) == 0);
    write_identity(identity);
    snprintf(yaml, sizeof yaml,
             KAFKA "instance: one\n"
                   "gateway: {port: 8080, workers: 2, tls: {certificate_file: %s, key_file: %s}}\nsources:\n" SOURCE,
             identity, identity);
    fresh = reload_with(running, yaml);
    assert_deferred(fresh, (const char *const[]){"gateway.tls", NULL});
    assert_null(fresh->tls.certificate_file);
    assert_null(fresh->tls.key_file);
    config_free(fresh);
    config_free(running);
    assert_int_equal(unlink(identity), 0);
}

static void
assert_refused(const struct config *running, const char *yaml, const char *text)
{
    struct config_faults faults;

    write_file(yaml);
    assert_null(config_reload(running, CONFIG_SOURCES, &faults));
    assert_true(faults.count >= 1);
    assert_non_null(strstr(faults.faults[0].text.data, text));
    config_faults_free(&faults);
}

/* The file is checked as the next start would read it, too: what is wrong in an option that waits is told now. */
static void
a_file_with_faults_is_refused(void **state)
{
    struct config *running = start_with(HEAD "sources:\n" SOURCE);

    (void)state;
    assert_refused(running, HEAD "sources:\n  - {name: s1, adapter: yeta}\n", "open: true");
    assert_refused(running, HEAD "sources:\n" SOURCE "surces: []\n", "surces");
    assert_refused(running, KAFKA "gateway: {port: 99999}\nsources:\n" SOURCE, "gateway.port");
    assert_refused(running, "", "");
    assert_refused(running, KAFKA "topics: {call_events: trunkline.journal}\nsources:\n" SOURCE, "trunkline.journal");
    config_free(running);
}

static void
it_can_be_done_often(void **state)
{
    struct config *running = start_with(HEAD "sources:\n" SOURCE);

    (void)state;
    for (int i = 0; i < 1000; i++) {
        config_free(reload_with(running, HEAD "sources:\n  - {name: s1, adapter: yeta, open: true, budget_ms: 900}\n"));
    }
    config_free(running);
}

/* With its own types and where they go. */
static void
a_mapping_is_the_files(void **state)
{
#define MAPPED                                                                                                         \
    HEAD "sources:\n  - name: s1\n    adapter: generic\n    open: true\n    mapping:\n      vendor: acme\n      "      \
         "events:\n"

    (void)state;
    struct config *running = start_with(MAPPED "        - {type: call.ended, key: /id}\n");
    struct config *config = reload_with(running, MAPPED "        - {type: com.acme.a.v1, key: /other, topic: t}\n");

    assert_int_equal(config->deferred_count, 0);
    assert_int_equal(running->sources[0].mapping->custom_count, 0);
    assert_int_equal(config->sources[0].mapping->custom_count, 1);
    assert_slice(config->sources[0].custom_targets[0].topics[0], "t");
    assert_slice(config->sources[0].mapping->events[0].key.parts[0].steps[0], "other");
    config_free(running);
    config_free(config);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sources_secrets_and_proxies_are_the_files),
        cmocka_unit_test(what_needs_a_start_stays),
        cmocka_unit_test(the_port_goes_on_speaking_what_it_speaks),
        cmocka_unit_test(a_file_with_faults_is_refused),
        cmocka_unit_test(it_can_be_done_often),
        cmocka_unit_test(a_mapping_is_the_files),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}

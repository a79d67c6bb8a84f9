/* What the configuration comes with: the commented sample, and the reference of all options. */
#include "configuration.h"

#define SAMPLE    TESTS_DIRECTORY "/../deploy/trunkline.yaml"
#define REFERENCE TESTS_DIRECTORY "/../docs/configuration.md"

static const char *const variables[] = {
    "KAFKA_BROKERS",
    "TRUNKLINE_PORT",
    "TRUNKLINE_MANAGEMENT_PORT",
    "TRUNKLINE_EGRESS_MANAGEMENT_PORT",
    "TRUNKLINE_DATA_DIR",
    "TRUNKLINE_WORKERS",
    "TRUNKLINE_OPEN",
    "AIRUDDER_KEY",
    "AIRUDDER_SECRET",
    "JIUYUN_SECRET",
    "SEVENMOOR_CALLBACK_SECRET",
    "YETA_CALLBACK_SECRET",
};

static int
clear_environment(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        unsetenv(variables[i]);
    }
    return 0;
}

static struct config *
load_sample(struct config_faults *faults)
{
    struct config *config = config_load(SAMPLE, faults);

    if (config != NULL) {
        config_faults_free(faults);
    }
    return config;
}

static void
without_secrets_the_sample_asks_for_them(void **state)
{
    (void)state;
    struct config_faults faults;

    assert_null(load_sample(&faults));
    assert_int_equal(faults.count, 3); /* Airudder signs */
    for (size_t i = 0; i < faults.count; i++) {
        assert_non_null(strstr(faults.faults[i].text.data, "nothing checks who posts to it"));
    }
    config_faults_free(&faults);
}

static void
an_open_sample_has_all_sources_and_defaults(void **state)
{
    (void)state;
    static const char *const names[] = {"airudder", "jiuyun", "7moor", "yeta"};
    struct config_faults faults;

    setenv("TRUNKLINE_OPEN", "true", 1);
    setenv("TRUNKLINE_PORT", "", 1); /* empty is not configured */
    struct config *config = load_sample(&faults);
    assert_non_null(config);
    assert_int_equal(config->source_count, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_slice(config->sources[i].name, names[i]);
        assert_string_equal(config->sources[i].adapter->name, names[i]);
        assert_true(config->sources[i].open);
        assert_int_equal(config->sources[i].secret_count, 0);
        assert_int_equal(config->sources[i].signed_by_vendor, i == 0);
    }
    assert_slice(config->sources[0].settings[0], "airudder");
    assert_string_equal(config->kafka.properties[0].value, "127.0.0.1:9092");
    assert_string_equal(config->data_dir, "/var/lib/trunkline");
    assert_int_equal(config->port, 8080);
    assert_int_equal(config->management_port, 8081);
    assert_int_equal(config->egress_management_port, 8082);
    config_free(config);
}

static void
the_sample_takes_everything_from_the_environment(void **state)
{
    (void)state;
    static const char *const secrets[] = {"AIRUDDER_SECRET", "JIUYUN_SECRET", "SEVENMOOR_CALLBACK_SECRET",
                                          "YETA_CALLBACK_SECRET"};
    struct config_faults faults;

    for (size_t i = 0; i < 4; i++) {
        setenv(secrets[i], secrets[i], 1);
    }
    setenv("KAFKA_BROKERS", "k1:1,k2:2", 1);
    setenv("TRUNKLINE_PORT", "1", 1);
    setenv("TRUNKLINE_MANAGEMENT_PORT", "2", 1);
    setenv("TRUNKLINE_EGRESS_MANAGEMENT_PORT", "3", 1);
    setenv("TRUNKLINE_DATA_DIR", "/data", 1);
    setenv("TRUNKLINE_WORKERS", "4", 1);
    setenv("AIRUDDER_KEY", "k", 1);
    struct config *config = load_sample(&faults);
    assert_non_null(config);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(config->sources[i].secret_count, 1);
        assert_slice(config->sources[i].secrets[0], secrets[i]);
        assert_false(config->sources[i].open);
    }
    assert_string_equal(config->kafka.properties[0].value, "k1:1,k2:2");
    assert_int_equal(config->port, 1);
    assert_int_equal(config->management_port, 2);
    assert_int_equal(config->egress_management_port, 3);
    assert_string_equal(config->data_dir, "/data");
    assert_int_equal(config->workers, 4);
    assert_slice(config->sources[0].settings[0], "k");
    config_free(config);
}

static char *
read_whole(FILE *stream, size_t *length)
{
    char *text = calloc(1, 1U << 20);

    assert_non_null(text);
    *length = fread(text, 1, (1U << 20) - 1, stream);
    return text;
}

/* After a change: build/trunkline check --options >docs/configuration.md */
static void
the_reference_is_what_check_prints(void **state)
{
    (void)state;
    char *printed = NULL;
    size_t printed_length = 0;
    size_t length = 0;
    FILE *stream = open_memstream(&printed, &printed_length);
    FILE *file = fopen(REFERENCE, "re");

    assert_non_null(stream);
    assert_non_null(file);
    config_print_options(stream);
    fclose(stream);
    char *text = read_whole(file, &length);
    fclose(file);
    assert_string_equal(text, printed);
    assert_non_null(strstr(text, "| `gateway.limits.body_bytes` | number, 1024 to 67108864 | `262144` | "));
    assert_non_null(strstr(text, "### yeta\n"));
    free(printed);
    free(text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(without_secrets_the_sample_asks_for_them, clear_environment),
        cmocka_unit_test_setup(an_open_sample_has_all_sources_and_defaults, clear_environment),
        cmocka_unit_test_setup(the_sample_takes_everything_from_the_environment, clear_environment),
        cmocka_unit_test(the_reference_is_what_check_prints),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What is wrong with a part of a configuration that a process does not need: it starts without that part, and is told.
 */
#include "configuration.h"

#include <unistd.h>

#define UNCHECKED "sources:\n  - {name: s1, adapter: yeta}\n  - {name: s2, adapter: nobody}\n"
#define CHECKED   "sources:\n" SOURCE
#define HALF      "accounts:\n  - {name: a1, adapter: 7moor, settings: {appkey: k1}}\n"
#define WHOLE     "accounts:\n  - {name: a1, adapter: 7moor, url: 'https://m', settings: {appkey: k1, secret: s1}}\n"

/* As from a file; NULL when there are faults, and *faults then has them. */
static struct config *
loaded(const char *yaml, unsigned parts, struct config_faults *faults)
{
    char path[] = "/tmp/test_config_parts.XXXXXX";
    int file = mkstemp(path);
    struct config *config;

    assert_true(file >= 0);
    assert_int_equal(write(file, yaml, strlen(yaml)), strlen(yaml));
    assert_int_equal(close(file), 0);
    config = config_load_parts(path, parts, faults);
    assert_int_equal(unlink(path), 0);
    return config;
}

static struct config *
good_for(const char *yaml, unsigned parts)
{
    struct config_faults faults;
    struct config *config = loaded(yaml, parts, &faults);

    assert_int_equal(faults.count, 0);
    assert_non_null(config);
    config_faults_free(&faults);
    return config;
}

static size_t
faults_for(const char *yaml, unsigned parts)
{
    struct config_faults faults;

    assert_null(loaded(yaml, parts, &faults));
    size_t count = faults.count;
    config_faults_free(&faults);
    return count;
}

static bool
warned_of(const struct config *config, unsigned line, const char *words)
{
    for (size_t i = 0; i < config->warning_count; i++) {
        struct slice text = config->warnings[i].text;

        if (config->warnings[i].line == line && memmem(text.data, text.length, words, strlen(words)) != NULL) {
            return true;
        }
    }
    return false;
}

static void
sources_do_not_stop_calls(void **state)
{
    (void)state;
    struct config *config = good_for(KAFKA UNCHECKED WHOLE, CONFIG_ACCOUNTS);

    assert_int_equal(config->source_count, 0);
    assert_int_equal(config->account_count, 1);
    assert_int_equal(config->parts_left_out, CONFIG_SOURCES);
    assert_int_equal(config->warning_count, 2);
    assert_true(warned_of(config, 3, "source \"s1\": nothing checks who posts to it"));
    assert_true(warned_of(config, 4, "source \"s2\": there is no adapter \"nobody\""));
    assert_true(warned_of(config, 4, "all of them are left out"));
    config_free(config);
    assert_int_equal(faults_for(KAFKA UNCHECKED WHOLE, CONFIG_SOURCES), 2);
    assert_int_equal(faults_for(KAFKA UNCHECKED WHOLE, CONFIG_WHOLE), 2);
}

static void
accounts_do_not_stop_callbacks(void **state)
{
    (void)state;
    struct config *config = good_for(KAFKA CHECKED HALF, CONFIG_SOURCES);

    assert_int_equal(config->source_count, 1);
    assert_int_equal(config->account_count, 0);
    assert_int_equal(config->accounts_left_out_count, 0);
    assert_int_equal(config->parts_left_out, CONFIG_ACCOUNTS);
    assert_true(warned_of(config, 5, "its credentials are not whole: set settings.secret, too"));
    config_free(config);
    assert_int_equal(faults_for(KAFKA CHECKED HALF, CONFIG_ACCOUNTS), 1);
    assert_int_equal(faults_for(KAFKA CHECKED HALF "accounts_directory: /nonexistent\n", CONFIG_ACCOUNTS), 2);
}

static void
routes_are_for_callbacks(void **state)
{
    (void)state;
    const char *yaml = KAFKA CHECKED WHOLE "routes:\n  - {types: [nothing], topics: [t1]}\n";

    config_free(good_for(yaml, CONFIG_ACCOUNTS));
    assert_int_equal(faults_for(yaml, CONFIG_SOURCES), 1);
}

static void
what_concerns_everybody_stops_everybody(void **state)
{
    (void)state;
    const char *yaml = KAFKA UNCHECKED HALF "nonsense: 1\n";

    assert_int_equal(faults_for(yaml, 0), 1);
    assert_int_equal(faults_for(yaml, CONFIG_SOURCES), 3);
    assert_int_equal(faults_for(yaml, CONFIG_ACCOUNTS), 2);
    assert_int_equal(faults_for(yaml, CONFIG_WHOLE), 4);
}

static void
what_is_whole_stays(void **state)
{
    (void)state;
    struct config *config = good_for(KAFKA CHECKED WHOLE, CONFIG_ACCOUNTS);

    assert_int_equal(config->source_count, 1);
    assert_int_equal(config->account_count, 1);
    assert_int_equal(config->parts_left_out, 0);
    config_free(config);
}

/* More faults than are kept: nobody knows whom the others concern. */
static void
too_many_stop_everybody(void **state)
{
    (void)state;
    char *yaml = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&yaml, &length);

    assert_non_null(stream);
    fputs(KAFKA WHOLE "sources:\n", stream);
    for (int i = 0; i < 101; i++) {
        fprintf(stream, "  - {name: s%d, adapter: yeta}\n", i);
    }
    fclose(stream);
    assert_int_equal(faults_for(yaml, CONFIG_ACCOUNTS), 101);
    free(yaml);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sources_do_not_stop_calls), cmocka_unit_test(accounts_do_not_stop_callbacks),
        cmocka_unit_test(routes_are_for_callbacks),  cmocka_unit_test(what_concerns_everybody_stops_everybody),
        cmocka_unit_test(what_is_whole_stays),       cmocka_unit_test(too_many_stop_everybody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

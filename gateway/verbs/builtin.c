/* The text of the built-in configuration. It is read as a file would be, so that it is checked in the same way. */
#include "verbs/builtin.h"

#include <stdarg.h>
#include <stdio.h>

#include "verbs/options.h"

#define YAML_BYTES 2048

static const char text[] = "instance: dev\n"
                           "data_dir: %s\n"
                           "gateway: {address: 127.0.0.1, port: %u, workers: 2}\n"
                           "management: {address: 127.0.0.1, port: %u}\n"
                           "kafka: {bootstrap.servers: \"%s\"}\n"
                           "topics: {partitions: 3}\n" /* a lane each: more say nothing more, and take their time */
                           "sources:\n"
                           "  - {name: airudder, adapter: airudder, open: true, settings: {key: airudder}}\n"
                           "  - {name: jiuyun, adapter: jiuyun, open: true}\n"
                           "  - {name: 7moor, adapter: 7moor, open: true}\n"
                           "  - {name: yeta, adapter: yeta, open: true}\n";

static const char accounts_text[] = "accounts:\n"
                                    "  - {name: 7moor, adapter: 7moor, url: \"http://127.0.0.1:%u\",\n"
                                    "     settings: {appkey: " BUILTIN_KEY ", secret: " BUILTIN_SECRET "}}\n"
                                    "  - {name: yeta, adapter: yeta, url: \"http://127.0.0.1:%u\",\n"
                                    "     settings: {app_key: " BUILTIN_KEY ", app_secret: " BUILTIN_SECRET "}}\n";

/* Adds to what stands in yaml already; false: there is no room. */
static bool add(char yaml[YAML_BYTES], const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool
add(char yaml[YAML_BYTES], const char *format, ...)
{
    size_t length = strlen(yaml);
    va_list arguments;
    int added;

    va_start(arguments, format);
    added = vsnprintf(yaml + length, YAML_BYTES - length, format, arguments);
    va_end(arguments);
    return added >= 0 && (size_t)added < YAML_BYTES - length;
}

static bool
write_file(const char *path, const char *yaml, struct error *error)
{
    FILE *file = fopen(path, "we");
    bool written = file != NULL && fputs(yaml, file) != EOF;

    if (file != NULL) {
        written = fclose(file) == 0 && written;
    }
    return written || error_set(error, "cannot write %s", path);
}

struct config *
builtin_config(const struct builtin *builtin, const char *file, struct error *error)
{
    char yaml[YAML_BYTES] = "";
    struct config_faults faults;
    struct config *config;

    if (!add(yaml, text, builtin->data_dir, builtin->port, builtin->management_port, builtin->brokers) ||
        (builtin->sevenmoor_port != 0 && !add(yaml, accounts_text, builtin->sevenmoor_port, builtin->yeta_port))) {
        error_set(error, "the data directory's name is too long");
        return NULL;
    }
    if (file != NULL && !write_file(file, yaml, error)) {
        return NULL;
    }
    config = config_parse("the built-in configuration", slice_from(yaml), &faults);
    if (config == NULL) {
        error_set(error, "the built-in configuration: %.*s", faults.count == 0 ? 13 : (int)faults.faults[0].text.length,
                  faults.count == 0 ? "out of memory" : faults.faults[0].text.data);
    }
    config_faults_free(&faults);
    return config;
}

struct config *
builtin_or_load(const char *path)
{
    struct error error = {0};
    struct config *config;

    if (path != NULL) {
        return options_load(path, CONFIG_SOURCES);
    }
    config = builtin_config(&BUILTIN_OFFLINE, NULL, &error);
    if (config == NULL) {
        fprintf(stderr, "trunkline: %s\n", error.text);
    }
    return config;
}

/* The text of the built-in configuration. It is read as a file would be, so that it is checked in the same way. */
#include "verbs/builtin.h"

#include <stdio.h>

#include "verbs/options.h"

static const char text[] = "instance: dev\n"
                           "data_dir: %s\n"
                           "gateway: {address: 127.0.0.1, port: %u, workers: 2}\n"
                           "management: {address: 127.0.0.1, port: %u}\n"
                           "kafka: {bootstrap.servers: \"%s\"}\n"
                           "sources:\n"
                           "  - {name: airudder, adapter: airudder, open: true, settings: {key: airudder}}\n"
                           "  - {name: jiuyun, adapter: jiuyun, open: true}\n"
                           "  - {name: 7moor, adapter: 7moor, open: true}\n"
                           "  - {name: yeta, adapter: yeta, open: true}\n";

struct config *
builtin_config(const struct builtin *builtin, struct error *error)
{
    char yaml[2048];
    struct config_faults faults;
    struct config *config;
    int length = snprintf(yaml, sizeof(yaml), text, builtin->data_dir, builtin->port, builtin->management_port,
                          builtin->brokers);

    if (length < 0 || (size_t)length >= sizeof(yaml)) {
        error_set(error, "the data directory's name is too long");
        return NULL;
    }
    config = config_parse("the built-in configuration", slice_make(yaml, (size_t)length), &faults);
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
        return options_load(path);
    }
    config = builtin_config(&BUILTIN_OFFLINE, &error);
    if (config == NULL) {
        fprintf(stderr, "trunkline: %s\n", error.text);
    }
    return config;
}

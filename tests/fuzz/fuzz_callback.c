/* Any request through every source that there is: those of all adapters, and those that the golden files configure. A
 * new adapter, and a new golden source.yaml, is here by itself. */
#include <glob.h>

#include "fuzz/callbacks.h"
#include "verbs/builtin.h"

#define CONFIGURED TESTS_DIRECTORY "/adapters/golden/*/source.yaml"

static struct config **
configs_load(size_t *count)
{
    struct config **configs;
    struct error error = {""};
    glob_t found;
    int status = glob(CONFIGURED, 0, NULL, &found);

    require(status == 0 || status == GLOB_NOMATCH);
    *count = 1 + (status == 0 ? found.gl_pathc : 0);
    configs = calloc(*count, sizeof(struct config *));
    require(configs != NULL);
    configs[0] = builtin_config(&BUILTIN_OFFLINE, NULL, &error);
    for (size_t i = 1; i < *count; i++) {
        struct config_faults faults;

        configs[i] = config_load(found.gl_pathv[i - 1], &faults);
        config_faults_print(&faults, stderr);
        config_faults_free(&faults);
    }
    if (status == 0) {
        globfree(&found);
    }
    for (size_t i = 0; i < *count; i++) {
        require(configs[i] != NULL && configs[i]->source_count > 0);
        configs[i]->raw_enabled = false;
    }
    return configs;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct config **configs;
    static size_t count;

    if (configs == NULL) {
        configs = configs_load(&count);
    }
    for (size_t i = 0; i < count; i++) {
        check_callback(configs[i], slice_make((const char *)data, size));
    }
    return 0;
}

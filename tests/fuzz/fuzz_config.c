/* Fuzzes the configuration: whatever is taken can be run, whatever is not has its reasons. */
#include <stdint.h>
#include <stdlib.h>

#include "config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool condition)
{
    if (!condition) {
        abort();
    }
}

/* A source is checked or open, and each event of it goes to one topic at least, to none twice. */
static void
check_source(const struct source *source)
{
    require(source->open || source->secret_count > 0 || source->allow.count > 0 || source->expectation_count > 0 ||
            source->signed_by_vendor);
    require(source->adapter != NULL && source->zone != NULL && source->method_count > 0 && source->secret_places != 0);
    require(source->budget_ms >= 10 && source->budget_ms <= 60000);
    for (int type = EVENT_NONE + 1; type < EVENT_TYPE_COUNT; type++) {
        const struct target_list *targets = &source->targets[type];

        require(targets->count > 0);
        for (size_t i = 0; i < targets->count; i++) {
            require(targets->topics[i].length > 0 && targets->topics[i].length <= 249);
            for (size_t j = 0; j < i; j++) {
                require(!slice_equal(targets->topics[i], targets->topics[j]));
            }
        }
    }
}

static void
check_config(const struct config *config)
{
    size_t count = 0;

    require(config->source_count > 0 && config->workers > 0 && config->kafka.count > 0);
    for (size_t i = 0; i < config->source_count; i++) {
        require(config_source(config, config->sources[i].name) == &config->sources[i]);
        check_source(&config->sources[i]);
    }
    require(config_topic_specs(config, &count) != NULL && count > 0);
}

/* Each fault is one line, and its line is one of the file's (or the one behind the last). */
static void
check_faults(const struct config_faults *faults, struct slice yaml)
{
    unsigned lines = 2;

    /* YAML breaks lines at more than '\n'. */
    for (size_t i = 0; i < yaml.length; i++) {
        lines += yaml.data[i] == '\n' || yaml.data[i] == '\r' || (unsigned char)yaml.data[i] >= 0x80;
    }
    require(faults->count > 0);
    for (size_t i = 0; i < faults->count && i < faults->capacity; i++) {
        const struct config_fault *fault = &faults->faults[i];

        require(fault->line <= lines && fault->text.length > 0);
        require(memchr(fault->text.data, '\n', fault->text.length) == NULL);
        require(i == 0 || faults->faults[i - 1].line <= fault->line);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice yaml = slice_make(size == 0 ? "" : (const char *)data, size);
    struct config_faults faults;
    struct config *config = config_parse("fuzz.yaml", yaml, &faults);

    if (config == NULL) {
        check_faults(&faults, yaml);
    } else {
        check_config(config);
    }
    config_faults_free(&faults);
    config_free(config);
    return 0;
}

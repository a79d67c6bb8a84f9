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

/* An account has credentials and a URL without secrets, and nothing that was perhaps done is made again. */
static void
check_account(const struct account *account)
{
    const struct call_side *calls = account->adapter->calls;

    require(calls != NULL && account->zone != NULL && account->queue_max > 0);
    require(account->connect_ms >= 1000 && account->connect_ms <= account->timeout_ms);
    require(account->answer_ms >= 1000 && account->answer_ms <= account->timeout_ms && account->timeout_ms <= 300000);
    require(account->limits.window_seconds > 0);
    require(!slice_empty(account->settings[calls->identity_setting]));
    require(memchr(account->base_url.data, '@', account->base_url.length) == NULL);
    require(account->base_url.data[account->base_url.length - 1] != '/');
    for (size_t i = 0; i < account->hour_count; i++) {
        require(account->hours[i].from_minute < account->hours[i].to_minute && account->hours[i].to_minute <= 1440);
    }
    for (const struct code_rule *rule = account->codes; rule != NULL && rule->vendor_code != NULL; rule++) {
        require(rule->acted == ACTED_NO || rule->repeat == REPEAT_NEVER || rule->repeat == REPEAT_IF_SAFE);
    }
}

static void
check_config(const struct config *config)
{
    size_t count = 0;

    require(config->source_count + config->account_count + config->accounts_left_out_count > 0);
    require(config->workers > 0 && config->kafka.count > 0);
    for (size_t i = 0; i < config->source_count; i++) {
        require(config_source(config, config->sources[i].name) == &config->sources[i]);
        check_source(&config->sources[i]);
    }
    for (size_t i = 0; i < config->account_count; i++) {
        require(config_account(config, config->accounts[i].name) == &config->accounts[i]);
        check_account(&config->accounts[i]);
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

        require((fault->line <= lines || fault->file > 0) && fault->text.length > 0);
        require(memchr(fault->text.data, '\n', fault->text.length) == NULL);
        require(i == 0 || faults->faults[i - 1].file < fault->file ||
                (faults->faults[i - 1].file == fault->file && faults->faults[i - 1].line <= fault->line));
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

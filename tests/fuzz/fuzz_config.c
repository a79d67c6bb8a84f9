/* Fuzzes the configuration: whatever is taken can be run, whatever is not has its reasons. */
#include "adapters/mapping.h"
#include "config/config.h"
#include "fuzz/fact.h"

/* One topic at least, none twice. */
static void
check_targets(const struct target_list *targets)
{
    require(targets->count > 0);
    for (size_t i = 0; i < targets->count; i++) {
        require(targets->topics[i].length > 0 && targets->topics[i].length <= 249);
        for (size_t j = 0; j < i; j++) {
            require(!slice_equal(targets->topics[i], targets->topics[j]));
        }
    }
}

/* --- mappings --- */

static void
check_reference(const struct reference *reference, bool key)
{
    require(reference->place <= PLACE_LITERAL && (key || reference->place != PLACE_KEY));
    require(reference->step_count <= 32 && (reference->step_count == 0 || reference->place <= PLACE_TOP_MEMBER));
    if (reference->place == PLACE_HEADER || reference->place == PLACE_PARAMETER || reference->place == PLACE_LITERAL) {
        require(reference->name.length > 0);
    }
    for (size_t i = 0; reference->place == PLACE_HEADER && i < reference->name.length; i++) {
        require(reference->name.data[i] > ' ' && (reference->name.data[i] < 'A' || reference->name.data[i] > 'Z'));
    }
}

/* No two literals stand side by side. */
static void
check_template(const struct text_template *template, bool key)
{
    for (size_t i = 0; i < template->count; i++) {
        check_reference(&template->parts[i], key);
        require(i == 0 || template->parts[i].place != PLACE_LITERAL || template->parts[i - 1].place != PLACE_LITERAL);
    }
}

static void
check_conditions(const struct condition_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        check_reference(&list->conditions[i].at, false);
    }
}

/* What is signed holds a secret, and not the signature. */
static void
check_signature(const struct signature_rule *rule)
{
    bool key = false;

    require(rule->key_count > 0 && rule->tolerance_seconds > 0 && rule->signed_text.count > 0);
    require(rule->at.place < PLACE_BODY);
    check_reference(&rule->at, false);
    check_template(&rule->signed_text, !rule->keyed);
    for (size_t i = 0; i < rule->signed_text.count; i++) {
        key = key || rule->signed_text.parts[i].place == PLACE_KEY;
    }
    require(rule->keyed != key);
    for (size_t i = 0; i < rule->key_count; i++) {
        require(rule->keys[i].length > 0);
    }
}

static void
check_field(const struct event_rule *rule, const struct field_rule *field)
{
    require(field->target.length > 0 && field->value.count > 0);
    require((rule->type == EVENT_CUSTOM) == (field->row == NULL));
    require(field->row == NULL || field->row->form == field->form);
    require(field->map_count == 0 || (field->form != FIELD_TIME && field->form != FIELD_JSON));
    check_template(&field->value, false);
}

static void
check_event(const struct event_rule *rule)
{
    require(rule->type > EVENT_NONE && rule->type <= EVENT_CUSTOM && rule->key.count > 0);
    require((rule->type == EVENT_CUSTOM) == (rule->custom != NULL));
    check_conditions(&rule->when);
    check_template(&rule->key, false);
    check_template(&rule->suffix, false);
    check_template(&rule->subject, false);
    check_template(&rule->correlation, false);
    check_template(&rule->time, false);
    for (size_t i = 0; i < rule->field_count; i++) {
        check_field(rule, &rule->fields[i]);
    }
}

/* Own types are nobody else's, and none is there twice. */
static void
check_own_type(const struct mapping *mapping, size_t index)
{
    const struct custom_type *type = &mapping->custom_types[index];

    require(type->index == index && type->names.dataschema.length > 0 && type->names.name[0] != '\0');
    require(strlen(type->names.name) < type->names.type.length);
    require(strncmp(type->names.type.data, "io.trunkline.", strlen("io.trunkline.")) != 0);
    for (size_t i = 0; i < index; i++) {
        require(!slice_equal(mapping->custom_types[i].names.type, type->names.type));
    }
}

static void
check_mapping(const struct source *source)
{
    const struct mapping *mapping = source->mapping;

    require(mapping->vendor.length > 0 && mapping->event_count > 0 && mapping->answer.content_type.length > 0);
    require(source->signed_by_vendor == (mapping->signature.digest != SIGNATURE_NONE));
    if (source->signed_by_vendor) {
        check_signature(&mapping->signature);
    }
    require(!mapping->has_records || mapping->records.place <= PLACE_TOP_MEMBER);
    check_template(&mapping->answer.body, false);
    for (size_t i = 0; i < mapping->handshake_count; i++) {
        require(mapping->handshakes[i].when.count > 0 && mapping->handshakes[i].body.count > 0);
        check_conditions(&mapping->handshakes[i].when);
        check_template(&mapping->handshakes[i].body, false);
    }
    for (size_t i = 0; i < mapping->event_count; i++) {
        check_event(&mapping->events[i]);
    }
    for (size_t i = 0; i < mapping->custom_count; i++) {
        check_own_type(mapping, i);
        check_targets(&source->custom_targets[i]);
    }
}

/* --- the whole --- */

/* A source is checked or open, and each event of it goes somewhere. */
static void
check_source(const struct source *source)
{
    require(source->open || source->secret_count > 0 || source->allow.count > 0 || source->expectation_count > 0 ||
            source->signed_by_vendor || source->client_certificate);
    require(source->adapter != NULL && source->zone != NULL && source->method_count > 0 && source->secret_places != 0);
    require(source->budget_ms >= 10 && source->budget_ms <= 60000);
    for (int type = EVENT_NONE + 1; type < EVENT_TYPE_COUNT; type++) {
        check_targets(&source->targets[type]);
    }
    require(source->adapter->mapped == (source->mapping != NULL));
    if (source->mapping != NULL) {
        check_mapping(source);
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

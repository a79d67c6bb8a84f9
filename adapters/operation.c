/* What all call sides have in common: the words for codes, and finding operations and rules. */
#include "adapters/operation.h"

const char *const call_codes[CALL_CODE_COUNT + 1] = {
    [CALL_OK] = "ok",
    [CALL_INVALID] = "invalid",
    [CALL_REFUSED] = "refused",
    [CALL_BUSY] = "busy",
    [CALL_LIMIT] = "limit",
    [CALL_CREDENTIALS] = "credentials",
    [CALL_TIMEOUT] = "timeout",
    [CALL_UNAVAILABLE] = "unavailable",
    [CALL_INTERNAL] = "internal",
    [CALL_CODE_COUNT] = NULL,
};

const char *const call_acted_words[] = {
    [ACTED_NO] = "no",
    [ACTED_MAYBE] = "maybe",
    [ACTED_YES] = "yes",
    NULL,
};

const char *const call_repeat_words[] = {
    [REPEAT_NEVER] = "never",
    [REPEAT_IF_SAFE] = "if_safe",
    [REPEAT_AFTER_WINDOW] = "after_window",
    [REPEAT_FRESH] = "fresh",
    [REPEAT_FRESH_TOKEN] = "fresh_token",
    [REPEAT_BACKING_OFF] = "backing_off",
    [REPEAT_HALVED] = "halved",
    NULL,
};

static const struct code_rule *
rule_in(const struct code_rule *table, struct slice vendor_code)
{
    for (const struct code_rule *rule = table; rule != NULL && rule->vendor_code != NULL; rule++) {
        if (slice_is(vendor_code, rule->vendor_code)) {
            return rule;
        }
    }
    return NULL;
}

const struct code_rule *
code_rule_find(const struct code_rule *overrides, const struct code_rule *table, struct slice vendor_code)
{
    const struct code_rule *rule = rule_in(overrides, vendor_code);

    return rule != NULL ? rule : rule_in(table, vendor_code);
}

const struct operation *
operation_find(const struct adapter *adapter, struct slice command)
{
    if (adapter->calls == NULL || slice_empty(command)) { /* the empty name is the token's */
        return NULL;
    }
    for (const struct operation *operation = adapter->calls->operations; operation->command != NULL; operation++) {
        if (slice_is(command, operation->command)) {
            return operation;
        }
    }
    return NULL;
}

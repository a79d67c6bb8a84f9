/* One account: from a mapping to what a worker calls the vendor with. */
#include "config/faults.h"
#include "config/sections.h"

#define WINDOW_SECONDS_DEFAULT  60
#define CONNECT_SECONDS_DEFAULT 5
#define MS                      1000U
#define HOURS_MAX               48
#define DAY_MINUTES             1440

/* --- calling hours --- */

/* "09:30" as minutes since midnight, "24:00" is the day's end; -1 when it is no time of day. */
static int
read_minute(const char *text)
{
    for (size_t i = 0; i < 5; i++) {
        if (i == 2 ? text[i] != ':' : text[i] < '0' || text[i] > '9') {
            return -1;
        }
    }
    int minute = (text[3] - '0') * 10 + (text[4] - '0');
    int total = ((text[0] - '0') * 10 + (text[1] - '0')) * 60 + minute;

    return minute > 59 || total > DAY_MINUTES ? -1 : total;
}

/* "09:00-12:00"; false when it is none. */
static bool
read_part(struct slice text, struct calling_hours *part)
{
    if (text.length != sizeof "09:00-12:00" - 1 || text.data[5] != '-') {
        return false;
    }
    int from = read_minute(text.data);
    int to = read_minute(text.data + 6);
    if (from < 0 || to < 0 || from == to || from == DAY_MINUTES) {
        return false;
    }
    *part = (struct calling_hours){(uint16_t)from, (uint16_t)to};
    return true;
}

static void
read_hours(struct loader *loader, struct account_draft *draft)
{
    struct account *account = &draft->account;
    unsigned line = option_line(draft->node, "hours");

    if (draft->hours.count > HOURS_MAX) {
        fault_add(loader->faults, line, "%shours: there are more than %d; write fewer", loader->where, HOURS_MAX);
        return;
    }
    struct calling_hours *hours = arena_zalloc(loader->arena, 2 * draft->hours.count + 1, sizeof *hours);
    for (size_t i = 0; hours != NULL && i < draft->hours.count; i++) {
        struct calling_hours part;

        if (!read_part(draft->hours.texts[i], &part)) {
            fault_add(loader->faults, line,
                      "%shours: \"%.*s\" is no part of a day; write it like \"09:00-12:00\", with two digits each, up "
                      "to 24:00",
                      loader->where, QUOTE(draft->hours.texts[i]));
        } else if (part.from_minute < part.to_minute) {
            hours[account->hour_count++] = part;
        } else {
            hours[account->hour_count++] = (struct calling_hours){part.from_minute, DAY_MINUTES};
            if (part.to_minute > 0) {
                hours[account->hour_count++] = (struct calling_hours){0, part.to_minute};
            }
        }
    }
    account->hours = hours;
}

/* --- codes --- */

/* A rule that lets a request be made again although the vendor may have carried it out would dial somebody twice. */
static void
check_code(struct loader *loader, const struct node *node, const struct code_rule *rule)
{
    const char *code = rule->vendor_code;

    if (!tree_given(tree_member(node, (struct slice)SLICE("code")))) {
        fault_add(loader->faults, node->line, "%scodes: %s has no code; set code to what the answer means",
                  loader->where, code);
    } else if (rule->code == CALL_OK && (rule->acted != ACTED_YES || rule->repeat != REPEAT_NEVER)) {
        fault_add(loader->faults, node->line,
                  "%scodes: %s is ok, but not done, or to be repeated; set acted to yes and repeat to never",
                  loader->where, code);
    } else if (rule->acted != ACTED_NO && rule->repeat != REPEAT_NEVER && rule->repeat != REPEAT_IF_SAFE) {
        fault_add(loader->faults, node->line,
                  "%scodes: %s would be repeated though the vendor may have acted; set acted to no, or repeat to "
                  "never or if_safe",
                  loader->where, code);
    } else if (rule->code != CALL_OK && rule->acted == ACTED_YES) {
        fault_add(loader->faults, node->line,
                  "%scodes: %s is no success, but done; set code to ok, or acted to maybe or no", loader->where, code);
    }
}

static void
read_code(struct loader *loader, const struct node *node, struct code_rule *rule)
{
    if (node->kind != NODE_MAPPING) {
        fault_add(loader->faults, node->line, "%scodes: write what %.*s means as {code: ..., acted: ..., repeat: ...}",
                  loader->where, QUOTE(node->name));
        return;
    }
    size_t faults = loader->faults->count;

    options_read(loader, node, code_table, rule);
    rule->vendor_code = node->name.data;
    if (loader->faults->count > faults) { /* what it was to be is not known */
        return;
    }
    if (rule->code == CALL_OK && !tree_given(tree_member(node, (struct slice)SLICE("acted")))) {
        rule->acted = ACTED_YES;
    }
    check_code(loader, node, rule);
}

static void
read_codes(struct loader *loader, struct account_draft *draft)
{
    const struct node *node = tree_member(draft->node, (struct slice)SLICE("codes"));

    if (!tree_given(node)) {
        return;
    }
    if (node->kind != NODE_MAPPING) {
        fault_add(loader->faults, node->line,
                  "%scodes: write them below it, indented, as \"code: {code: ..., acted: ..., repeat: ...}\"",
                  loader->where);
        return;
    }
    struct code_rule *rules = arena_zalloc(loader->arena, node->count + 1, sizeof *rules);
    size_t count = 0;
    for (const struct node *member = node->first; member != NULL && rules != NULL; member = member->next) {
        read_code(loader, member, &rules[count]);
        count += rules[count].vendor_code != NULL;
    }
    draft->account.codes = rules;
}

/* --- the account --- */

/* What is not given follows from what is. */
static void
settle_times(struct account_draft *draft)
{
    struct account *account = &draft->account;
    unsigned connect =
        draft->timeout_seconds < CONNECT_SECONDS_DEFAULT ? draft->timeout_seconds : CONNECT_SECONDS_DEFAULT;

    account->connect_ms = MS * (draft->connect_seconds == 0 ? connect : draft->connect_seconds);
    account->answer_ms = MS * (draft->answer_seconds == 0 ? draft->timeout_seconds : draft->answer_seconds);
    account->timeout_ms = MS * draft->timeout_seconds;
}

/* The vendor's paths begin with one. */
static void
cut_slash(struct slice *url)
{
    if (url->length > 1 && url->data[url->length - 1] == '/') {
        url->length--;
    }
}

void
account_read(struct loader *loader, struct account_draft *draft)
{
    const struct node *name = tree_member(draft->node, (struct slice)SLICE("adapter"));
    const char *adapter = tree_given(name) && name->kind == NODE_SCALAR ? name->text.data : "";
    struct account *account = &draft->account;

    account->adapter = adapter_read(loader, draft->node, adapter, true);
    if (account->adapter != NULL) {
        account->limits = account->adapter->calls->limits;
        account->base_url = slice_from(account->adapter->calls->base_url);
    }
    if (account->limits.window_seconds == 0) {
        account->limits.window_seconds = WINDOW_SECONDS_DEFAULT;
    }
    options_read(loader, draft->node, account_table, draft);
    cut_slash(&account->base_url);
    settle_times(draft);
    account->zone = zone_read(loader, draft->node, draft->timezone);
    read_hours(loader, draft);
    read_codes(loader, draft);
    if (account->adapter != NULL) {
        account->settings = settings_read(loader, draft->node, account->adapter->calls->account_settings);
    }
}

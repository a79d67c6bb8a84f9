/* The section sources: from a mapping to a source, with its adapter, zone, settings and expected members. */
#include "config/faults.h"
#include "config/nearest.h"
#include "config/sections.h"

#define ADAPTERS_MAX 64

static const struct adapter *
read_adapter(struct loader *loader, const struct source_draft *draft)
{
    unsigned line = option_line(draft->node, "adapter");
    const struct adapter *adapter = adapter_find(slice_from(draft->adapter));
    struct slice list = {NULL, 0};

    if (adapter != NULL) {
        return adapter;
    }
    for (const struct adapter *const *known = adapters; *known != NULL; known++) {
        list = arena_printf(loader->arena, "%.*s%s%s", SLICE_ARGS(list), known == adapters ? "" : ", ", (*known)->name);
    }
    if (draft->adapter[0] == '\0') {
        fault_add(loader->faults, line, "%sit has no adapter; set adapter to one of %.*s", loader->where,
                  SLICE_ARGS(list));
    } else {
        fault_add(loader->faults, line, "%sthere is no adapter \"%.*s\"; there are %.*s", loader->where,
                  QUOTE(slice_from(draft->adapter)), SLICE_ARGS(list));
    }
    return NULL;
}

/* Sources share zones; zones has room for one more. */
static const struct zone *
read_zone(struct loader *loader, const struct source_draft *draft, struct named_zone *zones)
{
    size_t *count = &loader->config->zone_count;
    struct error error;

    for (size_t i = 0; i < *count; i++) {
        if (strcmp(zones[i].name, draft->timezone) == 0) {
            return zones[i].zone;
        }
    }
    struct zone *zone = zone_load(draft->timezone, &error);
    if (zone == NULL) {
        fault_add(loader->faults, option_line(draft->node, "timezone"), "%stimezone: %s", loader->where, error.text);
    } else {
        zones[(*count)++] = (struct named_zone){draft->timezone, zone};
    }
    return zone;
}

/* --- expect --- */

static void
read_expectations(struct loader *loader, struct source_draft *draft)
{
    const struct node *node = tree_member(draft->node, (struct slice)SLICE("expect"));

    if (!tree_given(node)) {
        return;
    }
    if (node->kind != NODE_MAPPING) {
        fault_add(loader->faults, node->line, "%sexpect: write its members below it, indented, as \"member: value\"",
                  loader->where);
        return;
    }
    struct expectation *list = arena_zalloc(loader->arena, node->count, sizeof *list);
    draft->source.expectations = list;
    for (const struct node *member = node->first; member != NULL && list != NULL; member = member->next) {
        struct texts values = option_texts(loader, member, "expect");
        if (values.count > 0) {
            list[draft->source.expectation_count++] = (struct expectation){member->name, values.texts, values.count};
        }
    }
}

/* --- settings --- */

static size_t
count_settings(const struct adapter *adapter)
{
    size_t count = 0;

    while (adapter->settings[count].name != NULL) {
        count++;
    }
    return count;
}

static bool
is_setting(const struct adapter_setting *row, struct loader *loader, struct slice name)
{
    return slice_is(name, row->name) ||
           (row->secret && slice_equal(name, arena_printf(loader->arena, "%s_file", row->name)));
}

static void
check_setting_names(struct loader *loader, const struct adapter *adapter, const struct node *node)
{
    const char *names[ADAPTER_SETTINGS_MAX];
    size_t count = count_settings(adapter);

    for (size_t i = 0; i < count && i < ADAPTER_SETTINGS_MAX; i++) {
        names[i] = adapter->settings[i].name;
    }
    for (const struct node *member = node->first; member != NULL; member = member->next) {
        bool known = false;
        for (size_t i = 0; i < count; i++) {
            known = known || is_setting(&adapter->settings[i], loader, member->name);
        }
        if (!known) {
            option_unknown(loader, member, slice_from("settings"), names, count);
        }
    }
}

static struct slice
read_setting(struct loader *loader, const struct node *node, const struct adapter_setting *row)
{
    const struct node *member = tree_member(node, slice_from(row->name));
    struct slice text = {NULL, 0};

    if (row->secret && tree_given(node)) {
        text = option_secret(loader, node, row->name);
    } else if (tree_given(member) && member->kind == NODE_SCALAR) {
        text = member->text;
    } else if (tree_given(member)) {
        fault_add(loader->faults, member->line, "%s%s takes one value; write it on the same line", loader->where,
                  row->name);
    }
    return slice_empty(text) ? slice_from(row->fallback) : text;
}

static void
read_settings(struct loader *loader, struct source_draft *draft)
{
    const struct node *node = tree_member(draft->node, (struct slice)SLICE("settings"));
    const struct adapter *adapter = draft->source.adapter;
    size_t count = count_settings(adapter);
    struct slice *settings = arena_zalloc(loader->arena, count + 1, sizeof *settings);

    draft->source.settings = settings;
    if (tree_given(node) && node->kind != NODE_MAPPING) {
        fault_add(loader->faults, node->line, "%ssettings: write them below it, indented, as \"name: value\"",
                  loader->where);
        return;
    }
    if (tree_given(node)) {
        check_setting_names(loader, adapter, node);
    }
    for (size_t i = 0; i < count && settings != NULL; i++) {
        settings[i] = read_setting(loader, node, &adapter->settings[i]);
    }
    draft->source.signed_by_vendor = settings != NULL && adapter->signed_with != NULL && adapter->signed_with(settings);
}

/* --- the source --- */

/* Header names are compared in lower case. */
static struct slice
lower_case(struct loader *loader, struct slice text)
{
    char *copy = arena_zalloc(loader->arena, text.length + 1, 1);

    for (size_t i = 0; copy != NULL && i < text.length; i++) {
        copy[i] = text.data[i] >= 'A' && text.data[i] <= 'Z' ? (char)(text.data[i] - 'A' + 'a') : text.data[i];
    }
    return slice_make(copy, copy == NULL ? 0 : text.length);
}

static void
read_source(struct loader *loader, struct source_draft *draft, struct named_zone *zones)
{
    struct source *source = &draft->source;

    options_read(loader, draft->node, source_table, draft);
    if (slice_empty(source->account)) {
        source->account = source->name;
    }
    source->secret_header = lower_case(loader, source->secret_header);
    source->zone = read_zone(loader, draft, zones);
    read_expectations(loader, draft);
    source->adapter = read_adapter(loader, draft);
    if (source->adapter == NULL) {
        return;
    }
    read_settings(loader, draft);
    if (source->budget_ms == 0) {
        source->budget_ms = source->adapter->budget_ms;
    }
}

static const char *
describe_source(struct loader *loader, const struct node *node)
{
    const struct node *name = tree_member(node, (struct slice)SLICE("name"));
    struct slice text = tree_given(name) && name->kind == NODE_SCALAR
                            ? arena_printf(loader->arena, "source \"%.*s\": ", QUOTE(name->text))
                            : arena_printf(loader->arena, "source in line %u: ", node->line);

    return text.data == NULL ? "" : text.data;
}

struct source_drafts
sources_read(struct loader *loader, const struct node *root)
{
    const struct node *list = tree_member(root, (struct slice)SLICE("sources"));
    struct source_drafts sources = {NULL, 0};

    if (!tree_given(list) || list->kind != NODE_LIST) {
        fault_add(loader->faults, list == NULL ? 0 : list->line,
                  "there is no source, so no callback could come in; write a list below sources, each one beginning "
                  "with \"- name: ...\"");
        return sources;
    }
    sources.drafts = arena_zalloc(loader->arena, list->count, sizeof *sources.drafts);
    struct named_zone *zones = arena_zalloc(loader->arena, list->count, sizeof *zones);
    loader->config->zones = zones;
    for (const struct node *node = list->first; node != NULL && sources.drafts != NULL && zones != NULL;
         node = node->next) {
        struct source_draft *draft = &sources.drafts[sources.count];

        if (node->kind != NODE_MAPPING) {
            fault_add(loader->faults, node->line, "a source is a mapping; begin it with \"- name: ...\"");
            continue;
        }
        draft->node = node;
        draft->where = describe_source(loader, node);
        loader->where = draft->where;
        draft->source.index = sources.count++;
        read_source(loader, draft, zones);
        source_check(loader, draft);
        loader->where = "";
    }
    return sources;
}

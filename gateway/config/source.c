/* The section sources: from a mapping to a source, with its expected members. */
#include "config/faults.h"
#include "config/sections.h"

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

/* --- the source --- */

struct slice
lower_case(struct loader *loader, struct slice text)
{
    char *copy = arena_zalloc(loader->arena, text.length + 1, 1);

    for (size_t i = 0; copy != NULL && i < text.length; i++) {
        copy[i] = text.data[i] >= 'A' && text.data[i] <= 'Z' ? (char)(text.data[i] - 'A' + 'a') : text.data[i];
    }
    return slice_make(copy, copy == NULL ? 0 : text.length);
}

static void
read_source(struct loader *loader, struct source_draft *draft)
{
    struct source *source = &draft->source;

    options_read(loader, draft->node, source_table, draft);
    if (slice_empty(source->account)) {
        source->account = source->name;
    }
    source->secret_header = lower_case(loader, source->secret_header);
    source->zone = zone_read(loader, draft->node, draft->timezone);
    read_expectations(loader, draft);
    source->adapter = adapter_read(loader, draft->node, draft->adapter, false);
    if (source->adapter == NULL) {
        return;
    }
    source->settings = settings_read(loader, draft->node, source->adapter->settings);
    source->mapping = mapping_read(loader, draft->node, source);
    source->signed_by_vendor = source->settings != NULL && source->adapter->signed_with != NULL &&
                               source->adapter->signed_with(source->settings, source->mapping);
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

    if (!tree_given(list)) {
        return sources;
    }
    if (list->kind != NODE_LIST) {
        fault_add(loader->faults, list->line, "sources is a list; begin each one with \"- name: ...\"");
        return sources;
    }
    sources.drafts = arena_zalloc(loader->arena, list->count, sizeof *sources.drafts);
    for (const struct node *node = list->first; node != NULL && sources.drafts != NULL; node = node->next) {
        struct source_draft *draft = &sources.drafts[sources.count];

        if (node->kind != NODE_MAPPING) {
            fault_add(loader->faults, node->line, "a source is a mapping; begin it with \"- name: ...\"");
            continue;
        }
        draft->node = node;
        draft->where = describe_source(loader, node);
        loader->where = draft->where;
        draft->source.index = sources.count++;
        read_source(loader, draft);
        source_check(loader, draft);
        loader->where = "";
    }
    return sources;
}

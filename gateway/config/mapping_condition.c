/* Conditions of a mapping: which callbacks a rule is for. */
#include "base/pattern.h"
#include "config/faults.h"
#include "config/mapping_draft.h"

/* A request whose method is not taken at all reaches no rule. */
static bool
check_methods(struct loader *loader, const struct node *member, const struct texts *wanted)
{
    const struct source *source = loader->source;
    struct slice taken = slice_make("", 0);
    bool right = true;

    for (size_t i = 0; i < source->method_count; i++) {
        taken = arena_printf(loader->arena, "%.*s%s%.*s", SLICE_ARGS(taken), i == 0 ? "" : ", ",
                             SLICE_ARGS(source->methods[i]));
    }
    for (size_t i = 0; i < wanted->count; i++) {
        bool known = false;

        for (size_t j = 0; j < source->method_count && !known; j++) {
            known = pattern_matches(wanted->texts[i], source->methods[j]);
        }
        if (!known) {
            fault_add(loader->faults, member->line,
                      "%swhen: method: \"%.*s\" is none of the source's methods, which are %.*s; add it to methods, or "
                      "take it out here",
                      loader->where, QUOTE(wanted->texts[i]), SLICE_ARGS(taken));
            right = false;
        }
    }
    return right;
}

/* /callbacks/<source>/<endpoint>: the slash is not its. */
static bool
check_endpoints(struct loader *loader, const struct node *member, const struct texts *wanted)
{
    bool right = true;

    for (size_t i = 0; i < wanted->count; i++) {
        if (!slice_empty(wanted->texts[i]) && wanted->texts[i].data[0] == '/') {
            fault_add(loader->faults, member->line,
                      "%swhen: endpoint: \"%.*s\": no endpoint begins with a slash; write it without", loader->where,
                      QUOTE(wanted->texts[i]));
            right = false;
        }
    }
    return right;
}

static bool
read_condition(struct loader *loader, const struct node *member, struct condition *condition)
{
    const struct written written = {member->name, member->line, "when", PLACES_SENT};
    size_t before = loader->faults->count;
    struct texts values = option_texts(loader, member, "when");

    if (!reference_read(loader, &written, &condition->at)) {
        return false;
    }
    if (values.count == 0 && loader->faults->count == before) {
        fault_add(loader->faults, member->line,
                  "%swhen: %.*s has no value; write one, a list of them, or \"*\" for whatever stands there",
                  loader->where, QUOTE(member->name));
    }
    for (size_t i = 0; i < values.count; i++) {
        if (slice_is(values.texts[i], "*")) {
            return true;
        }
    }
    if ((condition->at.place == PLACE_METHOD && !check_methods(loader, member, &values)) ||
        (condition->at.place == PLACE_ENDPOINT && !check_endpoints(loader, member, &values))) {
        return false;
    }
    condition->values = values.texts;
    condition->value_count = values.count;
    return values.count > 0;
}

bool
conditions_read(struct loader *loader, const struct node *node, struct condition_list *list)
{
    bool right = true;

    if (!tree_given(node)) {
        return true;
    }
    if (node->kind != NODE_MAPPING) {
        fault_add(loader->faults, node->line, "%swhen: write its conditions below it, indented, as \"/event: value\"",
                  loader->where);
        return false;
    }
    struct condition *conditions = arena_zalloc(loader->arena, node->count, sizeof *conditions);
    if (conditions == NULL) {
        return false;
    }
    for (const struct node *member = node->first; member != NULL; member = member->next) {
        right = read_condition(loader, member, &conditions[list->count++]) && right;
    }
    list->conditions = conditions;
    return right;
}

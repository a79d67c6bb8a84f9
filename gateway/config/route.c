/* The section routes, and with it where the events of each source go: to their own topic, to those of every route that
 * matches, to the source's extra topics; to none of them twice. */
#include "adapters/mapping.h"
#include "base/pattern.h"
#include "config/faults.h"
#include "config/sections.h"

struct routes {
    struct route *routes;
    size_t count;
};

static bool
type_matches(struct slice pattern, const struct event_names *names)
{
    return pattern_matches(pattern, slice_from(names->name)) || pattern_matches(pattern, names->type);
}

/* How many types of their own the source's events have. */
static size_t
count_own_types(const struct source *source)
{
    return source->mapping == NULL ? 0 : source->mapping->custom_count;
}

static bool
any_type_matches(struct slice pattern, struct source_drafts sources)
{
    for (int type = EVENT_NONE + 1; type < EVENT_TYPE_COUNT; type++) {
        if (type_matches(pattern, event_names((enum event_type)type))) {
            return true;
        }
    }
    for (size_t i = 0; i < sources.count; i++) {
        const struct source *source = &sources.drafts[i].source;

        for (size_t j = 0; j < count_own_types(source); j++) {
            if (type_matches(pattern, &source->mapping->custom_types[j].names)) {
                return true;
            }
        }
    }
    return false;
}

static bool
any_source_matches(struct slice pattern, struct source_drafts sources)
{
    for (size_t i = 0; i < sources.count; i++) {
        if (pattern_matches(pattern, sources.drafts[i].source.name)) {
            return true;
        }
    }
    return false;
}

/* The role of a topic that events must not be routed to; TOPIC_ROLE_COUNT when it is none. */
static enum topic_role
reserved_role(const struct config *config, struct slice topic)
{
    int role = TOPIC_RAW;

    while (role < TOPIC_ROLE_COUNT && !slice_equal(config->topics[role], topic)) {
        role++;
    }
    return (enum topic_role)role;
}

void
topic_check(struct loader *loader, unsigned line, const char *key, struct slice topic)
{
    enum topic_role role = reserved_role(loader->config, topic);

    if (!topic_name_valid(topic)) {
        fault_add(loader->faults, line,
                  "%s%s: \"%.*s\" is no topic's name; use letters, digits, \".\", \"_\" and \"-\", at most 249",
                  loader->where, key, QUOTE(topic));
    } else if (role != TOPIC_ROLE_COUNT) {
        fault_add(loader->faults, line, "%s%s: events cannot go to \"%.*s\", which is %s; choose another topic",
                  loader->where, key, QUOTE(topic), topic_option(role));
    }
}

static void
check_targets(struct loader *loader, const struct node *node, const char *key, struct texts topics)
{
    for (size_t i = 0; i < topics.count; i++) {
        topic_check(loader, option_line(node, key), key, topics.texts[i]);
    }
}

static void
read_route(struct loader *loader, const struct node *node, struct source_drafts sources, struct route *route)
{
    options_read(loader, node, route_table, route);
    route->node = node;
    for (size_t i = 0; i < route->types.count; i++) {
        if (!any_type_matches(route->types.texts[i], sources)) {
            fault_add(loader->faults, option_line(node, "types"),
                      "%stypes: \"%.*s\" matches no event; write types like call.ended or call.*", loader->where,
                      QUOTE(route->types.texts[i]));
        }
    }
    for (size_t i = 0; i < route->sources.count; i++) {
        if (!any_source_matches(route->sources.texts[i], sources)) {
            fault_add(loader->faults, option_line(node, "sources"),
                      "%ssources: no source is called \"%.*s\"; write the names of sources, or *", loader->where,
                      QUOTE(route->sources.texts[i]));
        }
    }
    if (route->topics.count == 0) {
        fault_add(loader->faults, node->line, "%sit has no topics; list those that the events go to", loader->where);
    }
    check_targets(loader, node, "topics", route->topics);
}

static struct routes
read_routes(struct loader *loader, const struct node *root, struct source_drafts sources)
{
    const struct node *list = tree_member(root, (struct slice)SLICE("routes"));
    struct routes routes = {NULL, 0};

    if (!tree_given(list)) {
        return routes;
    }
    if (list->kind == NODE_LIST) {
        routes.routes = arena_zalloc(loader->arena, list->count, sizeof *routes.routes);
    } else {
        fault_add(loader->faults, list->line, "routes is a list; begin each one with \"- types: ...\"");
    }
    for (const struct node *node = list->first; node != NULL && routes.routes != NULL; node = node->next) {
        if (node->kind != NODE_MAPPING) {
            fault_add(loader->faults, node->line, "a route is a mapping; begin it with \"- types: ...\"");
            continue;
        }
        struct slice where = arena_printf(loader->arena, "route %zu: ", routes.count + 1);
        loader->where = where.data == NULL ? "" : where.data;
        read_route(loader, node, sources, &routes.routes[routes.count++]);
    }
    loader->where = "";
    return routes;
}

/* --- targets --- */

static enum topic_role
own_topic(enum event_type type)
{
    const char *name = event_type_name(type);

    if (strncmp(name, "call.", 5) == 0) {
        return TOPIC_CALL_EVENTS;
    }
    if (strncmp(name, "agent.", 6) == 0) {
        return TOPIC_AGENT_EVENTS;
    }
    return strncmp(name, "task.", 5) == 0 ? TOPIC_TASK_EVENTS : TOPIC_UNMAPPED;
}

static bool
route_matches(const struct route *route, struct slice source, const struct event_names *type)
{
    bool matches = false;

    for (size_t i = 0; i < route->sources.count && !matches; i++) {
        matches = pattern_matches(route->sources.texts[i], source);
    }
    if (!matches) {
        return false;
    }
    for (size_t i = 0; i < route->types.count; i++) {
        if (type_matches(route->types.texts[i], type)) {
            return true;
        }
    }
    return false;
}

/* Adds what is not there yet; list has room for all. */
static size_t
add_topics(struct slice *list, size_t count, struct texts topics)
{
    for (size_t i = 0; i < topics.count; i++) {
        size_t j = 0;

        while (j < count && !slice_equal(list[j], topics.texts[i])) {
            j++;
        }
        if (j == count) {
            list[count++] = topics.texts[i];
        }
    }
    return count;
}

/* own: the topic that events of the type go to anyway. */
static struct target_list
settle(struct loader *loader, const struct routes *routes, const struct source_draft *draft,
       const struct event_names *type, const struct slice *own)
{
    size_t most = 1 + draft->extra_topics.count;

    for (size_t i = 0; i < routes->count; i++) {
        most += route_matches(&routes->routes[i], draft->source.name, type) ? routes->routes[i].topics.count : 0;
    }
    struct slice *list = arena_zalloc(loader->arena, most, sizeof *list);
    if (list == NULL) {
        return (struct target_list){NULL, 0};
    }
    size_t count = add_topics(list, 0, (struct texts){own, 1});
    for (size_t i = 0; i < routes->count; i++) {
        if (route_matches(&routes->routes[i], draft->source.name, type)) {
            count = add_topics(list, count, routes->routes[i].topics);
        }
    }
    count = add_topics(list, count, draft->extra_topics);
    return (struct target_list){list, count};
}

static void
settle_source(struct loader *loader, const struct routes *routes, struct source_draft *draft)
{
    struct source *source = &draft->source;
    size_t count = count_own_types(source);
    struct target_list *custom = arena_zalloc(loader->arena, count + 1, sizeof *custom);

    for (int type = EVENT_NONE + 1; type < EVENT_TYPE_COUNT; type++) {
        const struct slice *own = &loader->config->topics[own_topic((enum event_type)type)];

        source->targets[type] = settle(loader, routes, draft, event_names((enum event_type)type), own);
    }
    for (size_t i = 0; custom != NULL && i < count; i++) {
        const struct custom_type *type = &source->mapping->custom_types[i];

        custom[i] = settle(loader, routes, draft, &type->names, &type->topic);
    }
    source->custom_targets = custom;
}

void
routes_apply(struct loader *loader, const struct node *root, struct source_drafts sources)
{
    struct routes routes = read_routes(loader, root, sources);

    for (size_t i = 0; i < sources.count; i++) {
        struct source_draft *draft = &sources.drafts[i];

        loader->where = draft->where;
        check_targets(loader, draft->node, "extra_topics", draft->extra_topics);
        loader->where = "";
        settle_source(loader, &routes, draft);
    }
}

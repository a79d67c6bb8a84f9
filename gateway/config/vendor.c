/* What sources and accounts have alike: an adapter, its settings, and a time zone. */
#include "config/faults.h"
#include "config/sections.h"

#define ZONES_FIRST 8

/* --- the adapter --- */

/* "airudder, jiuyun"; of those with a call side, where one is needed. */
static struct slice
list_adapters(struct loader *loader, bool calls)
{
    struct slice list = slice_make("", 0);

    for (const struct adapter *const *known = adapters; *known != NULL; known++) {
        if (!calls || (*known)->calls != NULL) {
            list = arena_printf(loader->arena, "%.*s%s%s", SLICE_ARGS(list), slice_empty(list) ? "" : ", ",
                                (*known)->name);
        }
    }
    return list;
}

const struct adapter *
adapter_read(struct loader *loader, const struct node *mapping, const char *name, bool calls)
{
    unsigned line = option_line(mapping, "adapter");
    const struct adapter *adapter = adapter_find(slice_from(name));

    if (adapter != NULL && (!calls || adapter->calls != NULL)) {
        return adapter;
    }
    struct slice list = list_adapters(loader, calls);
    if (name[0] == '\0') {
        fault_add(loader->faults, line, "%sit has no adapter; set adapter to one of %.*s", loader->where,
                  SLICE_ARGS(list));
    } else if (adapter == NULL) {
        fault_add(loader->faults, line, "%sthere is no adapter \"%.*s\"; there are %.*s", loader->where,
                  QUOTE(slice_from(name)), SLICE_ARGS(list));
    } else {
        fault_add(loader->faults, line,
                  "%sthe adapter %s only takes callbacks; accounts are for those that are called: %.*s", loader->where,
                  name, SLICE_ARGS(list));
    }
    return NULL;
}

/* --- the zone --- */

/* The snapshot's zones, with room for one more. */
static struct named_zone *
zones_grow(struct loader *loader)
{
    struct config *config = loader->config;

    if (config->zone_count < loader->zone_room) {
        return loader->zones;
    }
    size_t room = loader->zone_room == 0 ? ZONES_FIRST : loader->zone_room * 2;
    struct named_zone *zones = arena_zalloc(loader->arena, room, sizeof *zones);
    if (zones == NULL) {
        return NULL;
    }
    if (config->zone_count > 0) {
        memcpy(zones, loader->zones, config->zone_count * sizeof *zones);
    }
    loader->zones = zones;
    loader->zone_room = room;
    config->zones = zones;
    return zones;
}

const struct zone *
zone_read(struct loader *loader, const struct node *mapping, const char *name)
{
    struct config *config = loader->config;
    struct error error;

    for (size_t i = 0; i < config->zone_count; i++) {
        if (strcmp(config->zones[i].name, name) == 0) {
            return config->zones[i].zone;
        }
    }
    struct named_zone *zones = zones_grow(loader);
    if (zones == NULL) {
        return NULL;
    }
    struct zone *zone = zone_load(name, &error);
    if (zone == NULL) {
        fault_add(loader->faults, option_line(mapping, "timezone"), "%stimezone: %s", loader->where, error.text);
    } else {
        zones[config->zone_count++] = (struct named_zone){name, zone};
    }
    return zone;
}

/* --- settings --- */

static size_t
count_settings(const struct adapter_setting *rows)
{
    size_t count = 0;

    while (rows[count].name != NULL && count < ADAPTER_SETTINGS_MAX) {
        count++;
    }
    return count;
}

/* Whether text is "<name>_file". */
static bool
is_file_of(struct slice text, const char *name)
{
    const size_t suffix = sizeof "_file" - 1;

    return text.length > suffix && slice_is(slice_make(text.data + text.length - suffix, suffix), "_file") &&
           slice_is(slice_make(text.data, text.length - suffix), name);
}

static bool
is_setting(const struct adapter_setting *row, struct slice name)
{
    return slice_is(name, row->name) || (row->secret && is_file_of(name, row->name));
}

static void
check_setting_names(struct loader *loader, const struct adapter_setting *rows, size_t count, const struct node *node)
{
    const char *names[ADAPTER_SETTINGS_MAX];

    for (size_t i = 0; i < count; i++) {
        names[i] = rows[i].name;
    }
    for (const struct node *member = node->first; member != NULL; member = member->next) {
        bool known = false;
        for (size_t i = 0; i < count; i++) {
            known = known || is_setting(&rows[i], member->name);
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

const struct slice *
settings_read(struct loader *loader, const struct node *mapping, const struct adapter_setting *rows)
{
    const struct node *node = tree_member(mapping, (struct slice)SLICE("settings"));
    size_t count = count_settings(rows);
    struct slice *settings = arena_zalloc(loader->arena, count + 1, sizeof *settings);

    if (tree_given(node) && node->kind != NODE_MAPPING) {
        fault_add(loader->faults, node->line, "%ssettings: write them below it, indented, as \"name: value\"",
                  loader->where);
        return settings;
    }
    if (tree_given(node)) {
        check_setting_names(loader, rows, count, node);
    }
    for (size_t i = 0; i < count && settings != NULL; i++) {
        settings[i] = read_setting(loader, node, &rows[i]);
    }
    return settings;
}

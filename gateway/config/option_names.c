/* Keys that no option has: told with what was probably meant. */
#include "config/faults.h"
#include "config/nearest.h"
#include "config/option.h"

static void check_names(struct loader *loader, const struct node *mapping, const struct config_option *table,
                        struct slice section);

static const struct config_option *
find_row(const struct config_option *table, struct slice path)
{
    for (; table->path != NULL; table++) {
        if (slice_is(path, table->path)) {
            return table;
        }
    }
    return NULL;
}

void
option_unknown(struct loader *loader, const struct node *node, struct slice section, const char *const *names,
               size_t count)
{
    const char *nearest = nearest_name(node->name, names, count);
    const char *joint = slice_empty(section) ? "" : " under ";
    struct slice list = slice_from("nothing is set here");

    if (nearest != NULL) {
        fault_add(loader->faults, node->line, "%sthere is no key \"%.*s\"%s%.*s; did you mean \"%s\"?", loader->where,
                  QUOTE(node->name), joint, SLICE_ARGS(section), nearest);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        list = i == 0 ? arena_printf(loader->arena, "there are %s", names[0])
                      : arena_printf(loader->arena, "%.*s, %s", SLICE_ARGS(list), names[i]);
    }
    fault_add(loader->faults, node->line, "%sthere is no key \"%.*s\"%s%.*s; %.*s", loader->where, QUOTE(node->name),
              joint, SLICE_ARGS(section), SLICE_ARGS(list));
}

/* The names that may stand behind prefix, each once. */
static size_t
names_behind(struct loader *loader, const struct config_option *table, struct slice prefix, const char **names,
             size_t room)
{
    size_t count = 0;

    for (; table->path != NULL && count + 2 <= room; table++) {
        if (strncmp(table->path, prefix.data, prefix.length) != 0) {
            continue;
        }
        const char *rest = table->path + prefix.length;
        struct slice name = slice_make(rest, strcspn(rest, "."));
        if (count > 0 && slice_is(name, names[count - 1])) {
            continue;
        }
        names[count++] = arena_copy(loader->arena, name).data;
        if (table->kind == OPTION_SECRETS) {
            names[count++] = arena_printf(loader->arena, "%.*s_file", SLICE_ARGS(name)).data;
        }
    }
    return arena_failed(loader->arena) ? 0 : count;
}

/* Whether path is what secrets are given by in files. */
static bool
is_secret_file(const struct config_option *table, struct slice path)
{
    const size_t suffix = sizeof "_file" - 1;

    if (path.length <= suffix || !slice_is(slice_make(path.data + path.length - suffix, suffix), "_file")) {
        return false;
    }
    path.length -= suffix;
    const struct config_option *row = find_row(table, path);
    return row != NULL && row->kind == OPTION_SECRETS;
}

static bool
is_section(const struct config_option *table, struct slice path)
{
    for (; table->path != NULL; table++) {
        if (strncmp(table->path, path.data, path.length) == 0 && table->path[path.length] == '.') {
            return true;
        }
    }
    return false;
}

static void
check_name(struct loader *loader, const struct node *member, const struct config_option *table, struct slice section)
{
    struct slice prefix = slice_empty(section) ? section : arena_printf(loader->arena, "%.*s.", SLICE_ARGS(section));
    struct slice path = slice_empty(section)
                            ? member->name
                            : arena_printf(loader->arena, "%.*s%.*s", SLICE_ARGS(prefix), SLICE_ARGS(member->name));
    bool known = find_row(table, path) != NULL || is_secret_file(table, path);
    const char *names[64];

    if (known && memchr(member->name.data, '.', member->name.length) != NULL) {
        fault_add(loader->faults, member->line,
                  "%s\"%.*s\" is written as one key; write its parts below each other, "
                  "each indented more",
                  loader->where, QUOTE(member->name));
    } else if (known) {
        return;
    } else if (!is_section(table, path)) {
        option_unknown(loader, member, section, names,
                       names_behind(loader, table, prefix, names, sizeof names / sizeof *names));
    } else if (member->kind == NODE_MAPPING) {
        check_names(loader, member, table, path);
    } else if (tree_given(member)) {
        fault_add(loader->faults, member->line, "%s%.*s has keys of its own; write them below it, indented",
                  loader->where, QUOTE(path));
    }
}

static void
check_names(struct loader *loader, const struct node *mapping, const struct config_option *table, struct slice section)
{
    for (const struct node *member = mapping->first; member != NULL && !arena_failed(loader->arena);
         member = member->next) {
        check_name(loader, member, table, section);
    }
}

void
option_names_check(struct loader *loader, const struct node *mapping, const struct config_option *table)
{
    check_names(loader, mapping, table, slice_make("", 0));
}

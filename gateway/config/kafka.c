/* The section kafka: librdkafka's properties, each tried out on librdkafka. */
#include "config/faults.h"
#include "config/sections.h"

#define FILE_SUFFIX "_file"

static bool
has_property(const struct kafka_settings *settings, const char *name)
{
    for (size_t i = 0; i < settings->count; i++) {
        if (strcmp(settings->properties[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* The property's name: the key, less what says that the value is in a file. */
static const char *
property_name(struct loader *loader, struct slice key)
{
    const size_t suffix = sizeof FILE_SUFFIX - 1;

    if (key.length > suffix && slice_is(slice_make(key.data + key.length - suffix, suffix), FILE_SUFFIX)) {
        key.length -= suffix;
    }
    return arena_copy(loader->arena, key).data;
}

static void
read_property(struct loader *loader, const struct node *section, const struct node *member,
              struct kafka_property *properties, struct kafka_settings *settings)
{
    const char *name = property_name(loader, member->name);
    struct error error;

    if (!tree_given(member) || name == NULL || has_property(settings, name)) {
        return;
    }
    /* Both given: told once, with the first of the two names. */
    if (!slice_is(member->name, name) && tree_given(tree_member(section, slice_from(name)))) {
        return;
    }
    struct slice value = option_secret(loader, section, name);
    if (slice_empty(value)) {
        return;
    }
    if (!kafka_property_check(name, value.data, &error)) {
        fault_add(loader->faults, member->line, "%s%s", loader->where, error.text);
    }
    properties[settings->count++] = (struct kafka_property){name, value.data};
}

static void
read_properties(struct loader *loader, const struct node *section)
{
    struct kafka_settings *settings = &loader->config->kafka;
    struct kafka_property *properties = arena_zalloc(loader->arena, section->count + 1, sizeof *properties);

    if (properties == NULL) {
        return;
    }
    settings->properties = properties;
    for (const struct node *member = section->first; member != NULL; member = member->next) {
        read_property(loader, section, member, properties, settings);
    }
}

void
kafka_read(struct loader *loader, const struct node *root)
{
    const struct node *section = tree_member(root, (struct slice)SLICE("kafka"));
    const struct kafka_settings *settings = &loader->config->kafka;

    loader->where = "kafka: ";
    if (tree_given(section) && section->kind == NODE_MAPPING) {
        read_properties(loader, section);
    }
    if (tree_given(section) && section->kind != NODE_MAPPING) {
        fault_add(loader->faults, section->line, "kafka: its properties stand below it, indented, as \"name: value\"");
    } else if (!has_property(settings, "bootstrap.servers") && !has_property(settings, "metadata.broker.list")) {
        fault_add(loader->faults, section == NULL ? 0 : section->line,
                  "kafka: no broker is named; set bootstrap.servers below kafka to host:port of one or more");
    }
    loader->where = "";
}

/* The mapping of a source whose adapter follows one: everything below `mapping`, as it will be run. */
#include <stdarg.h>
#include <stdio.h>

#include "adapters/generic_reference.h"
#include "config/faults.h"
#include "config/mapping_draft.h"
#include "config/sections.h"

#define VENDOR_BYTES_MAX       64
#define CONTENT_TYPE_BYTES_MAX 128
#define WHERE_BYTES_MAX        300

/* --- what the parts share --- */

const struct node *
section_read(struct loader *loader, const struct node *node, const char *name)
{
    const struct node *section = tree_member(node, slice_from(name));

    if (!tree_given(section)) {
        return NULL;
    }
    if (section->kind != NODE_MAPPING) {
        fault_add(loader->faults, section->line, "%s%s has keys of its own; write them below it, indented",
                  loader->where, name);
        return NULL;
    }
    return section;
}

const struct node *
list_read(struct loader *loader, const struct node *node, const char *name, const char *begin)
{
    const struct node *list = tree_member(node, slice_from(name));
    bool right = tree_given(list) && list->kind == NODE_LIST;

    if (!tree_given(list)) {
        return NULL;
    }
    for (const struct node *element = right ? list->first : NULL; element != NULL; element = element->next) {
        if (element->kind != NODE_MAPPING) {
            fault_add(loader->faults, element->line, "%s%s: this is none; begin it with \"- %s: ...\"", loader->where,
                      name, begin);
            return NULL;
        }
    }
    if (!right) {
        fault_add(loader->faults, list->line, "%s%s is a list; begin each one with \"- %s: ...\"", loader->where, name,
                  begin);
    }
    return right ? list : NULL;
}

const char *
where_enter(struct loader *loader, const char *head, const char *format, ...)
{
    const char *outer = loader->where;
    char rest[WHERE_BYTES_MAX];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(rest, sizeof rest, format, arguments);
    va_end(arguments);
    struct slice where = arena_printf(loader->arena, "%s%s", head, rest);
    loader->where = where.data == NULL ? "" : where.data;
    return outer;
}

bool
content_type_valid(struct slice text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] < ' ' || text.data[i] > '~') {
            return false;
        }
    }
    return text.length > 0 && text.length <= CONTENT_TYPE_BYTES_MAX && memchr(text.data, '/', text.length) != NULL;
}

/* What is answered, and its type: the options body and content_type behind that prefix. */
static void
read_body(struct loader *loader, const struct node *node, const char *prefix, struct slice text, struct slice type,
          struct text_template *template)
{
    const char *option = arena_printf(loader->arena, "%sbody", prefix).data;
    const char *type_option = arena_printf(loader->arena, "%scontent_type", prefix).data;

    if (option == NULL || type_option == NULL) {
        return;
    }
    const struct written body = {text, option_line(node, option), option, PLACES_ALL};
    if (!content_type_valid(type)) {
        fault_add(loader->faults, option_line(node, type_option),
                  "%s%s: \"%.*s\" is no content type; write one like application/json", loader->where, type_option,
                  QUOTE(type));
    }
    if (template_read(loader, &body, template) && rendering_of(type) == RENDERING_JSON &&
        !template_is_json(template, loader->arena)) {
        fault_add(&loader->warnings, body.line,
                  "%s%s: it is no JSON, as %s says that it is; correct it, or set %s to what it is, like text/plain",
                  loader->where, option, type_option, type_option);
    }
}

/* --- handshakes --- */

static void
read_handshake(struct loader *loader, const struct node *node, struct handshake_rule *rule)
{
    struct handshake_draft draft = {.body = {NULL, 0}};

    options_read(loader, node, handshake_table, &draft);
    rule->content_type = draft.content_type;
    if (conditions_read(loader, tree_member(node, slice_from("when")), &rule->when) && rule->when.count == 0) {
        fault_add(loader->faults, node->line,
                  "%sit has no when, so no callback would make an event; set when to what only this request has",
                  loader->where);
    }
    if (!tree_given(option_node(node, "body"))) {
        fault_add(loader->faults, node->line, "%sit has no body; set body to what the vendor wants to be answered",
                  loader->where);
    }
    read_body(loader, node, "", draft.body, draft.content_type, &rule->body);
}

static void
read_handshakes(struct loader *loader, const struct node *node, struct mapping *mapping)
{
    const struct node *list = list_read(loader, node, "handshakes", "when");
    struct handshake_rule *rules = list == NULL ? NULL : arena_zalloc(loader->arena, list->count, sizeof *rules);

    if (rules == NULL) {
        return;
    }
    for (const struct node *element = list->first; element != NULL; element = element->next) {
        const char *outer = where_enter(loader, loader->where, "handshake %zu: ", mapping->handshake_count + 1);

        read_handshake(loader, element, &rules[mapping->handshake_count++]);
        loader->where = outer;
    }
    mapping->handshakes = rules;
}

/* --- the whole --- */

static bool
is_vendor(struct slice text)
{
    for (size_t i = 0; i < text.length; i++) {
        char byte = text.data[i];
        bool plain = (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9');

        if (!plain && (i == 0 || (byte != '.' && byte != '_' && byte != '-'))) {
            return false;
        }
    }
    return text.length <= VENDOR_BYTES_MAX;
}

static void
check_vendor(struct loader *loader, const struct node *node, struct slice vendor)
{
    const struct adapter *known = adapter_find(vendor);

    if (slice_empty(vendor)) {
        fault_add(loader->faults, node->line, "%sit has no vendor; set vendor to what events shall call it",
                  loader->where);
    } else if (!is_vendor(vendor)) {
        fault_add(loader->faults, option_line(node, "vendor"),
                  "%svendor: \"%.*s\" cannot head an event's id; use a to z, 0 to 9, \".\", \"_\" and \"-\", at most "
                  "%d, a letter or digit first",
                  loader->where, QUOTE(vendor), VENDOR_BYTES_MAX);
    } else if (known != NULL) {
        fault_add(loader->faults, option_line(node, "vendor"),
                  "%svendor: %s is the name of an adapter already, whose events these would be taken for; choose "
                  "another",
                  loader->where, known->name);
    }
}

static void
read_texts(struct loader *loader, const struct node *node, struct mapping_draft *draft)
{
    struct mapping *mapping = &draft->mapping;
    const struct written records = {draft->records, option_line(node, "records"), "records", PLACES_POINTED};

    mapping->has_records = reference_read(loader, &records, &mapping->records);
    read_body(loader, node, "answer.", draft->answer_body, mapping->answer.content_type, &mapping->answer.body);
}

static const struct mapping *
read_mapping(struct loader *loader, const struct node *node)
{
    struct mapping_draft *draft = arena_zalloc(loader->arena, 1, sizeof *draft);
    const char *source = loader->where;
    size_t before = loader->faults->count;

    if (draft == NULL) {
        return NULL;
    }
    (void)where_enter(loader, source, "mapping: ");
    options_read(loader, node, mapping_table, draft);
    check_vendor(loader, node, draft->mapping.vendor);
    read_texts(loader, node, draft);
    const struct node *signature = section_read(loader, node, "signature");
    loader->where = source;
    if (signature != NULL) {
        signature_read(loader, signature, &draft->mapping.signature);
    }
    read_handshakes(loader, node, &draft->mapping);
    events_read(loader, node, draft);
    if (loader->faults->count == before) { /* else more would only distract */
        mapping_check(loader, node, &draft->mapping);
    }
    loader->where = source;
    return &draft->mapping;
}

const struct mapping *
mapping_read(struct loader *loader, const struct node *node, const struct source *source)
{
    const struct adapter *adapter = source->adapter;
    bool given = tree_given(tree_member(node, slice_from("mapping")));
    const struct mapping *mapping = NULL;

    if (!adapter->mapped && given) {
        fault_add(loader->faults, option_line(node, "mapping"),
                  "%smapping: the adapter %s follows none; take it out, or set adapter to generic", loader->where,
                  adapter->name);
    } else if (adapter->mapped && !given) {
        fault_add(loader->faults, node->line,
                  "%sit has no mapping, by which the adapter %s reads callbacks; write one below \"mapping:\"",
                  loader->where, adapter->name);
    }
    const struct node *section = adapter->mapped && given ? section_read(loader, node, "mapping") : NULL;
    if (section != NULL) {
        loader->source = source;
        mapping = read_mapping(loader, section);
        loader->source = NULL;
    }
    return mapping;
}

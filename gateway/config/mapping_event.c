/* The events that a mapping makes: which callbacks give them, of what type, and what identifies them. */
#include "config/faults.h"
#include "config/mapping_draft.h"
#include "config/nearest.h"
#include "config/sections.h"

#define TYPE_BYTES_MAX    128
#define SCHEMA_BYTES_MAX  256
#define TYPE_LABELS_MIN   3 /* com.acme.ticket: whose it is, and what */
#define VERSION_BYTES_MAX 4

static const struct slice our_types = SLICE("io.trunkline.");

/* --- types --- */

/* By its short or its full name; EVENT_NONE when it is none of ours. */
static enum event_type
find_type(struct slice text)
{
    for (int type = EVENT_NONE + 1; type < EVENT_TYPE_COUNT; type++) {
        const struct event_names *names = event_names((enum event_type)type);

        if (slice_is(text, names->name) || slice_equal(text, names->type)) {
            return (enum event_type)type;
        }
    }
    return EVENT_NONE;
}

/* Where the ".v<n>" at its end begins; 0 when there is none. */
static size_t
version_begin(struct slice text)
{
    size_t begin = text.length;

    while (begin > 0 && text.data[begin - 1] >= '0' && text.data[begin - 1] <= '9') {
        begin--;
    }
    size_t digits = text.length - begin;
    if (digits == 0 || digits > VERSION_BYTES_MAX || text.data[begin] == '0' || begin < 2 ||
        text.data[begin - 1] != 'v' || text.data[begin - 2] != '.') {
        return 0;
    }
    return begin - 2;
}

/* "com.acme.ticket.closed": labels of small letters, digits, "_" and "-", with dots between. */
static bool
is_dotted(struct slice name)
{
    size_t labels = 1;
    char before = '.';

    for (size_t i = 0; i < name.length; i++) {
        char byte = name.data[i];
        bool letter = (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '_' || byte == '-';

        if (!letter && (byte != '.' || before == '.')) {
            return false;
        }
        labels += byte == '.';
        before = byte;
    }
    return before != '.' && labels >= TYPE_LABELS_MIN;
}

static bool
is_own_type(struct slice text)
{
    size_t version = version_begin(text);
    bool ours = text.length >= our_types.length && memcmp(text.data, our_types.data, our_types.length) == 0;

    return version > 0 && !ours && text.length <= TYPE_BYTES_MAX && is_dotted(slice_make(text.data, version));
}

static void
tell_type(struct loader *loader, const struct node *node, struct slice text)
{
    const char *names[EVENT_TYPE_COUNT];
    size_t count = 0;

    for (int type = EVENT_NONE + 1; type < EVENT_TYPE_COUNT; type++) {
        names[count++] = event_type_name((enum event_type)type);
    }
    const char *nearest = nearest_name(text, names, count);
    if (slice_empty(text)) {
        fault_add(loader->faults, node->line,
                  "%sit has no type; set type to one of ours, like call.ended, or to one of your own, like "
                  "com.acme.ticket.closed.v1",
                  loader->where);
    } else if (nearest != NULL) {
        fault_add(loader->faults, option_line(node, "type"), "%stype: there is no \"%.*s\"; did you mean \"%s\"?",
                  loader->where, QUOTE(text), nearest);
    } else {
        fault_add(loader->faults, option_line(node, "type"),
                  "%stype: \"%.*s\" is neither one of ours, like call.ended, nor one of your own; write that like "
                  "com.acme.ticket.closed.v1: your domain reversed, what happened, and a version, in small letters, at "
                  "most %d",
                  loader->where, QUOTE(text), TYPE_BYTES_MAX);
    }
}

/* --- own types --- */

/* A URI that needs no escaping in a record's header or in JSON. */
static bool
is_schema(struct slice text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] <= ' ' || text.data[i] > '~' || strchr("\"\\<>^`{|}", text.data[i]) != NULL) {
            return false;
        }
    }
    return text.length > 1 && text.length <= SCHEMA_BYTES_MAX && text.data[0] != ':' &&
           memchr(text.data, ':', text.length) != NULL;
}

static struct custom_type
make_type(struct loader *loader, const struct mapping *mapping, const struct event_draft *draft)
{
    size_t version = version_begin(draft->type);
    struct slice name = arena_copy(loader->arena, slice_make(draft->type.data, version));
    struct slice number = slice_make(draft->type.data + version + 1, draft->type.length - version - 1);
    struct slice schema = draft->schema;

    if (slice_empty(schema)) {
        schema = arena_printf(loader->arena, "urn:%.*s:schema:%.*s:%.*s", SLICE_ARGS(mapping->vendor), SLICE_ARGS(name),
                              SLICE_ARGS(number));
    }
    return (struct custom_type){
        .names = {name.data == NULL ? "" : name.data, draft->type, schema},
        .index = mapping->custom_count,
        .topic = draft->topic,
    };
}

static void
check_type(struct loader *loader, const struct node *node, const struct event_draft *draft)
{
    if (slice_empty(draft->topic)) {
        fault_add(loader->faults, node->line, "%sit has no topic, which a type of your own needs; set topic",
                  loader->where);
    } else {
        topic_check(loader, option_line(node, "topic"), "topic", draft->topic);
    }
    if (!slice_empty(draft->schema) && !is_schema(draft->schema)) {
        fault_add(loader->faults, option_line(node, "schema"),
                  "%sschema: \"%.*s\" is no URI; write one like urn:acme:schema:ticket.closed:v1", loader->where,
                  QUOTE(draft->schema));
    }
}

/* A rule of a type that an earlier one has already may leave topic and schema out. */
static void
check_again(struct loader *loader, const struct node *node, const struct event_draft *draft,
            const struct custom_type *known, unsigned first)
{
    if (!slice_empty(draft->topic) && !slice_equal(draft->topic, known->topic)) {
        fault_add(loader->faults, option_line(node, "topic"),
                  "%stopic: %.*s goes to \"%.*s\" by line %u; a type has one topic, so leave it out here, or add a "
                  "route",
                  loader->where, QUOTE(draft->type), QUOTE(known->topic), first);
    }
    if (!slice_empty(draft->schema) && !slice_equal(draft->schema, known->names.dataschema)) {
        fault_add(loader->faults, option_line(node, "schema"),
                  "%sschema: %.*s has another by line %u; leave it out here, or give the type a new version",
                  loader->where, QUOTE(draft->type), first);
    }
}

/* Where one message gives both, an id that tells no version is of two events. */
static void
check_versions(struct loader *loader, const struct node *node, const struct mapping_draft *mapping,
               const struct event_draft *draft, const struct custom_type *type)
{
    const struct mapping *whole = &mapping->mapping;

    for (size_t i = 0; i < whole->event_count && whole->every && slice_empty(draft->suffix); i++) {
        const struct custom_type *earlier = whole->events[i].custom;

        if (earlier != NULL && whole->events[i].suffix.count == 0 &&
            strcmp(earlier->names.name, type->names.name) == 0) {
            fault_add(&loader->warnings, option_line(node, "type"),
                      "%stype: its events have the ids of those of event %zu, for a version is no part of an id; set "
                      "suffix in one of them",
                      loader->where, i + 1);
            return;
        }
    }
}

static const struct custom_type *
own_type(struct loader *loader, const struct node *node, struct mapping_draft *mapping, const struct event_draft *draft)
{
    size_t count = mapping->mapping.custom_count;

    for (size_t i = 0; i < count; i++) {
        if (slice_equal(mapping->own_types[i].names.type, draft->type)) {
            check_again(loader, node, draft, &mapping->own_types[i], mapping->own_lines[i]);
            return &mapping->own_types[i];
        }
    }
    check_type(loader, node, draft);
    mapping->own_types[count] = make_type(loader, &mapping->mapping, draft);
    mapping->own_lines[count] = node->line;
    check_versions(loader, node, mapping, draft, &mapping->own_types[count]);
    mapping->mapping.custom_count++;
    return &mapping->own_types[count];
}

static void
read_type(struct loader *loader, const struct node *node, struct mapping_draft *mapping,
          const struct event_draft *draft, struct event_rule *rule)
{
    static const char *const own_options[] = {"topic", "schema"};

    rule->type = find_type(draft->type);
    if (rule->type == EVENT_NONE && is_own_type(draft->type)) {
        rule->type = EVENT_CUSTOM;
        rule->custom = own_type(loader, node, mapping, draft);
        return;
    }
    if (rule->type == EVENT_NONE) {
        tell_type(loader, node, draft->type);
        return;
    }
    for (size_t i = 0; i < sizeof own_options / sizeof *own_options; i++) {
        if (tree_given(option_node(node, own_options[i]))) {
            fault_add(loader->faults, option_line(node, own_options[i]),
                      "%s%s is for types of your own, which %s is not; take it out%s", loader->where, own_options[i],
                      event_type_name(rule->type), i == 0 ? ", or add a route" : "");
        }
    }
}

/* --- rules --- */

/* Text at option as a value; what is wrong is told. */
static struct text_template
read_value(struct loader *loader, const struct node *node, const char *option, struct slice text, unsigned places)
{
    const struct written written = {text, option_line(node, option), option, places};
    struct text_template template = {NULL, 0};

    return value_read(loader, &written, &template) ? template : (struct text_template){NULL, 0};
}

static void
read_event(struct loader *loader, const struct node *node, struct mapping_draft *mapping, struct event_rule *rule)
{
    struct event_draft draft = {.time_form = mapping->time_form};

    options_read(loader, node, event_table, &draft);
    (void)conditions_read(loader, tree_member(node, slice_from("when")), &rule->when); /* what is wrong is told */
    read_type(loader, node, mapping, &draft, rule);
    if (!tree_given(tree_member(node, slice_from("key")))) {
        fault_add(loader->faults, node->line,
                  "%sit has no key; set key to what tells this message from all others, like /id", loader->where);
    }
    /* A repeated callback has the same id and the same partition key: when it came is no part of them. */
    rule->key = read_value(loader, node, "key", draft.key, PLACES_SENT);
    rule->suffix = read_value(loader, node, "suffix", draft.suffix, PLACES_SENT);
    rule->subject = read_value(loader, node, "subject", draft.subject, PLACES_SENT);
    rule->correlation = read_value(loader, node, "correlation", draft.correlation, PLACES_ALL);
    rule->time = read_value(loader, node, "time", draft.time, PLACES_ALL);
    rule->time_form = (enum time_form)draft.time_form;
    fields_read(loader, node, draft.time_form, rule);
}

/* An earlier rule without conditions takes all that this one could. */
static void
check_reached(struct loader *loader, const struct node *node, const struct mapping *mapping, size_t at)
{
    for (size_t i = 0; i < at && !mapping->every; i++) {
        if (mapping->events[i].when.count == 0) {
            fault_add(&loader->warnings, node->line,
                      "%sit is never used, for event %zu has no when; give that one a when, or put it last",
                      loader->where, i + 1);
            return;
        }
    }
}

void
events_read(struct loader *loader, const struct node *node, struct mapping_draft *draft)
{
    const struct node *list = list_read(loader, node, "events", "type");
    struct mapping *mapping = &draft->mapping;

    if (!tree_given(tree_member(node, slice_from("events")))) {
        fault_add(loader->faults, node->line, "%sthe mapping has no events; list below events what callbacks become",
                  loader->where);
    }
    if (list == NULL) {
        return;
    }
    struct event_rule *rules = arena_zalloc(loader->arena, list->count, sizeof *rules);
    draft->own_types = arena_zalloc(loader->arena, list->count, sizeof *draft->own_types);
    draft->own_lines = arena_zalloc(loader->arena, list->count, sizeof *draft->own_lines);
    if (rules == NULL || draft->own_types == NULL || draft->own_lines == NULL) {
        return;
    }
    mapping->events = rules;
    mapping->custom_types = draft->own_types;
    for (const struct node *element = list->first; element != NULL; element = element->next) {
        size_t at = mapping->event_count++;
        const char *outer = where_enter(loader, loader->where, "event %zu: ", at + 1);

        read_event(loader, element, draft, &rules[at]);
        check_reached(loader, element, mapping, at);
        loader->where = outer;
    }
}

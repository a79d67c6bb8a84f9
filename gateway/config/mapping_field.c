/* What fills the members of an event's data: of ours by the table generic_fields, of an own type whatever it says. */
#include "config/faults.h"
#include "config/mapping_draft.h"
#include "config/nearest.h"
#include "config/sections.h"

#define TARGET_STEPS_MAX 8
#define TARGETS_LISTED   100
#define NUMBER_BYTES_MAX 32

/* --- targets --- */

static void
tell_target(struct loader *loader, const struct node *node)
{
    const char *names[TARGETS_LISTED];
    size_t count = 0;

    for (const struct generic_field *row = generic_fields; row->target != NULL && count < TARGETS_LISTED; row++) {
        names[count++] = row->target;
    }
    const char *nearest = nearest_name(node->name, names, count);
    if (nearest != NULL) {
        fault_add(loader->faults, node->line, "%sfields: our events have no \"%.*s\"; did you mean \"%s\"?",
                  loader->where, QUOTE(node->name), nearest);
    } else {
        fault_add(loader->faults, node->line,
                  "%sfields: our events have no \"%.*s\"; `trunkline check --options` lists what they have",
                  loader->where, QUOTE(node->name));
    }
}

/* "ticket.id": members of members, each named. The vendor's message stands at "vendor". */
static bool
is_own_target(struct slice target)
{
    size_t steps = 1;
    char before = '.';

    for (size_t i = 0; i < target.length; i++) {
        char byte = target.data[i];

        if ((unsigned char)byte < ' ' || byte == 0x7f || byte == '"' || byte == '\\' ||
            (byte == '.' && before == '.')) {
            return false;
        }
        steps += byte == '.';
        before = byte;
    }
    return before != '.' && steps <= TARGET_STEPS_MAX && !slice_is(target, "vendor") &&
           (target.length < 7 || memcmp(target.data, "vendor.", 7) != 0);
}

/* Whether the one is a member of the other. */
static bool
holds(struct slice outer, struct slice inner)
{
    return inner.length > outer.length && inner.data[outer.length] == '.' &&
           memcmp(inner.data, outer.data, outer.length) == 0;
}

static bool
check_own_target(struct loader *loader, const struct node *node, const struct event_rule *rule)
{
    struct slice target = node->name;

    if (!is_own_target(target)) {
        fault_add(loader->faults, node->line,
                  "%sfields: \"%.*s\" cannot be a member of the data; write names with dots between, like ticket.id, "
                  "at most %d, and not \"vendor\", where the whole message stands",
                  loader->where, QUOTE(target), TARGET_STEPS_MAX);
        return false;
    }
    for (size_t i = 0; i < rule->field_count; i++) {
        struct slice earlier = rule->fields[i].target;

        if (holds(earlier, target) || holds(target, earlier)) {
            fault_add(loader->faults, node->line,
                      "%sfields: \"%.*s\" and \"%.*s\" cannot both be, for one is a part of the other; rename one",
                      loader->where, QUOTE(target), QUOTE(earlier));
            return false;
        }
    }
    return true;
}

/* --- constants: what a `value` or a `map` gives --- */

static bool
is_number(struct slice text)
{
    size_t at = text.length > 0 && text.data[0] == '-';
    size_t begin = at;
    bool fraction = false;

    for (; at < text.length; at++) {
        bool point = text.data[at] == '.' && !fraction && at > begin && at + 1 < text.length;

        if (!point && (text.data[at] < '0' || text.data[at] > '9')) {
            return false;
        }
        fraction = fraction || point;
    }
    return at > begin && text.length <= NUMBER_BYTES_MAX;
}

static bool
is_switch(struct slice text)
{
    static const char *const words[] = {"true", "false", "1", "0", "yes", "no"};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (slice_is(text, words[i])) {
            return true;
        }
    }
    return false;
}

/* The words of an enumeration, and how many; the first is at [1]. */
static size_t
count_words(const char *const *words)
{
    size_t count = 0;

    while (words[count + 1] != NULL) {
        count++;
    }
    return count;
}

static void
check_word(struct loader *loader, const struct node *node, const struct generic_field *target)
{
    size_t count = count_words(target->words);
    struct slice list = slice_make("", 0);

    for (size_t i = 1; i <= count; i++) {
        if (slice_is(node->text, target->words[i])) {
            return;
        }
    }
    const char *nearest = nearest_name(node->text, target->words + 1, count);
    for (size_t i = 1; i <= count; i++) {
        list = arena_printf(loader->arena, "%.*s%s%s", SLICE_ARGS(list), i == 1 ? "" : ", ", target->words[i]);
    }
    if (nearest != NULL) {
        fault_add(loader->faults, node->line, "%s\"%.*s\" is none of its words; did you mean \"%s\"?", loader->where,
                  QUOTE(node->text), nearest);
    } else {
        fault_add(loader->faults, node->line, "%s\"%.*s\" is none of its words; there are %.*s", loader->where,
                  QUOTE(node->text), SLICE_ARGS(list));
    }
}

/* target is NULL where the type is an own one. */
static void
check_constant(struct loader *loader, const struct node *node, const struct field_rule *rule,
               const struct generic_field *target)
{
    if (target != NULL && target->words != NULL) {
        check_word(loader, node, target);
    } else if (rule->form == FIELD_NUMBER && !is_number(node->text)) {
        fault_add(loader->faults, node->line, "%s\"%.*s\" is no number, which this field is; write one", loader->where,
                  QUOTE(node->text));
    } else if (rule->form == FIELD_SWITCH && !is_switch(node->text)) {
        fault_add(loader->faults, node->line, "%s\"%.*s\" is neither true nor false; write one of them", loader->where,
                  QUOTE(node->text));
    }
}

/* --- fields --- */

static void
read_map(struct loader *loader, const struct node *node, const struct generic_field *target, struct field_rule *rule)
{
    const struct node *map = section_read(loader, node, "map");
    struct map_row *rows = map == NULL ? NULL : arena_zalloc(loader->arena, map->count, sizeof *rows);

    if (rows == NULL) {
        return;
    }
    for (const struct node *member = map->first; member != NULL; member = member->next) {
        if (member->kind != NODE_SCALAR) {
            fault_add(loader->faults, member->line, "%smap: %.*s becomes one text; write it on the same line",
                      loader->where, QUOTE(member->name));
            continue;
        }
        if (!slice_empty(member->text)) {
            check_constant(loader, member, rule, target);
        }
        rows[rule->map_count++] = (struct map_row){member->name, member->text};
    }
    rule->map = rows;
}

/* What a field of an own type is, unless its `form` says so. */
static enum field_form
own_form(const struct node *node, const struct field_rule *rule)
{
    bool member = rule->value.count == 1 &&
                  (rule->value.parts[0].place == PLACE_MEMBER || rule->value.parts[0].place == PLACE_TOP_MEMBER);

    if (tree_given(tree_member(node, slice_from("time_form")))) {
        return FIELD_TIME;
    }
    return member && !tree_given(tree_member(node, slice_from("map"))) ? FIELD_JSON : FIELD_TEXT;
}

/* Options that do not go together. */
static void
check_field(struct loader *loader, const struct node *node, const struct field_rule *rule,
            const struct generic_field *target)
{
    const struct node *constant = tree_member(node, slice_from("value"));
    bool mapped = tree_given(tree_member(node, slice_from("map")));
    bool words = target != NULL && target->words != NULL;

    if (target != NULL && tree_given(tree_member(node, slice_from("form")))) {
        fault_add(loader->faults, option_line(node, "form"),
                  "%sform is for types of your own; this is a %s in all our events, so take it out", loader->where,
                  words ? "word" : field_forms[target->form]);
    }
    if (rule->form != FIELD_TIME && tree_given(tree_member(node, slice_from("time_form")))) {
        fault_add(loader->faults, option_line(node, "time_form"), "%stime_form: this is no time; take it out",
                  loader->where);
    }
    if ((rule->form == FIELD_TIME || rule->form == FIELD_JSON) && (mapped || tree_given(constant))) {
        fault_add(loader->faults, option_line(node, mapped ? "map" : "value"),
                  "%s%s gives a text, a number, true or false, which this field is not; take it out", loader->where,
                  mapped ? "map" : "value");
    } else if (tree_given(constant) && mapped) {
        fault_add(loader->faults, option_line(node, "map"), "%smap: a constant needs none; take it out", loader->where);
    } else if (tree_given(constant) && constant->kind == NODE_SCALAR) {
        check_constant(loader, constant, rule, target);
    }
}

/* A constant is a template of one literal. */
static struct text_template
constant_template(struct loader *loader, struct slice text)
{
    struct reference *part = arena_zalloc(loader->arena, 1, sizeof *part);

    if (part == NULL) {
        return (struct text_template){NULL, 0};
    }
    *part = (struct reference){.place = PLACE_LITERAL, .name = text};
    return (struct text_template){part, 1};
}

/* A field that is written as a mapping. */
static void
read_options(struct loader *loader, const struct node *node, unsigned time_form, const struct generic_field *target,
             struct field_rule *rule)
{
    struct field_draft draft = {.time_form = time_form};

    options_read(loader, node, field_table, &draft);
    const struct written from = {draft.from, option_line(node, "from"), "from", PLACES_ALL};
    if (slice_empty(draft.from) == slice_empty(draft.value)) {
        fault_add(loader->faults, node->line, "%sset %s to where it stands, or value to a constant%s", loader->where,
                  "from", slice_empty(draft.from) ? "" : ", not both");
    }
    if (slice_empty(draft.value)) {
        (void)value_read(loader, &from, &rule->value); /* what is wrong has been told */
    } else {
        rule->value = constant_template(loader, draft.value);
    }
    rule->time_form = (enum time_form)draft.time_form;
    if (target != NULL) {
        rule->form = target->form;
    } else if (tree_given(tree_member(node, slice_from("form")))) {
        rule->form = (enum field_form)draft.form;
    } else {
        rule->form = own_form(node, rule);
    }
    check_field(loader, node, rule, target);
    read_map(loader, node, target, rule);
}

static void
read_field(struct loader *loader, const struct node *node, unsigned time_form, const struct generic_field *target,
           struct field_rule *rule)
{
    const struct written written = {node->text, node->line, "from", PLACES_ALL};
    const char *outer;

    outer = where_enter(loader, loader->where, "field %.*s: ", QUOTE(node->name));
    rule->target = node->name;
    rule->row = target;
    rule->time_form = (enum time_form)time_form;
    if (node->kind == NODE_MAPPING && tree_given(node)) {
        read_options(loader, node, time_form, target, rule);
    } else if (node->kind == NODE_SCALAR && tree_given(node)) {
        (void)value_read(loader, &written, &rule->value); /* what is wrong has been told */
        rule->form = target == NULL ? own_form(node, rule) : target->form;
    } else {
        fault_add(loader->faults, node->line,
                  "%swrite where it stands, like /call/id, or {value: ...} for a constant, or {from: ..., map: ...}",
                  loader->where);
    }
    loader->where = outer;
}

void
fields_read(struct loader *loader, const struct node *node, unsigned time_form, struct event_rule *rule)
{
    const struct node *fields = section_read(loader, node, "fields");
    struct field_rule *rules = fields == NULL ? NULL : arena_zalloc(loader->arena, fields->count, sizeof *rules);

    if (rules == NULL || rule->type == EVENT_NONE) {
        return;
    }
    rule->fields = rules;
    for (const struct node *member = fields->first; member != NULL; member = member->next) {
        const struct generic_field *target = rule->type == EVENT_CUSTOM ? NULL : generic_field_find(member->name);

        if (rule->type == EVENT_CUSTOM ? check_own_target(loader, member, rule) : target != NULL) {
            read_field(loader, member, time_form, target, &rules[rule->field_count++]);
        } else if (rule->type != EVENT_CUSTOM) {
            tell_target(loader, member);
        }
    }
}

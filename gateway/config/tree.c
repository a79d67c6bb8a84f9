/* From libyaml's events to the tree. */
#include "config/tree.h"

#include <yaml.h>

#include "config/expand.h"
#include "config/faults.h"

#define KEY_BYTES_MAX 128

struct tree_reader {
    yaml_parser_t parser;
    struct slice yaml;
    const struct tree_shape *shape;
    struct arena *arena;
    struct config_faults *faults;
    size_t nodes;
    unsigned documents;
};

static bool read_children(struct tree_reader *reader, struct node *parent, unsigned depth);

static unsigned
line_at(const struct slice *yaml, size_t offset)
{
    unsigned line = 1;

    for (size_t i = 0; i < offset && i < yaml->length; i++) {
        line += yaml->data[i] == '\n';
    }
    return line;
}

static unsigned
line_of(const yaml_event_t *event)
{
    return (unsigned)event->start_mark.line + 1;
}

/* Says why libyaml stopped. */
static void
tell_problem(struct tree_reader *reader)
{
    const yaml_parser_t *parser = &reader->parser;

    if (parser->error == YAML_MEMORY_ERROR) {
        fault_add(reader->faults, 0, "there is not enough memory to read it");
    } else if (parser->error == YAML_READER_ERROR) {
        fault_add(reader->faults, line_at(&reader->yaml, parser->problem_offset),
                  "this is not text (%s); save the file as UTF-8", parser->problem);
    } else {
        fault_add(reader->faults, (unsigned)parser->problem_mark.line + 1, "this is not YAML: %s%s%s; mend it",
                  parser->context == NULL ? "" : parser->context, parser->context == NULL ? "" : ", ", parser->problem);
    }
}

static bool
next_event(struct tree_reader *reader, yaml_event_t *event)
{
    if (yaml_parser_parse(&reader->parser, event) == 1) {
        return true;
    }
    tell_problem(reader);
    return false;
}

static size_t
children_max(const struct tree_reader *reader, const struct node *parent, unsigned depth)
{
    bool long_list = parent->kind == NODE_LIST && (depth == 1 ? reader->shape->list
                                                              : depth == 2 && reader->shape->long_list != NULL &&
                                                                    slice_is(parent->name, reader->shape->long_list));

    return long_list ? TREE_LONG_LIST_MAX : TREE_CHILDREN_MAX;
}

/* depth is the parent's; NULL, and told, when the tree becomes too large. */
static struct node *
add_node(struct tree_reader *reader, struct node *parent, unsigned line, unsigned depth)
{
    size_t most = parent == NULL ? 1 : children_max(reader, parent, depth);
    struct node *node = NULL;

    if (++reader->nodes <= TREE_NODES_MAX && (parent == NULL || parent->count < most)) {
        node = arena_zalloc(reader->arena, 1, sizeof *node);
    }
    if (node == NULL) {
        fault_add(reader->faults, line, "the configuration is too large: at most %zu entries under one key, %d in all",
                  most, TREE_NODES_MAX);
        return NULL;
    }
    node->line = line;
    if (parent == NULL) {
        return node;
    }
    if (parent->last == NULL) {
        parent->first = node;
    } else {
        parent->last->next = node;
    }
    parent->last = node;
    parent->count++;
    return node;
}

static bool
is_null(const yaml_event_t *event)
{
    const char *text = (const char *)event->data.scalar.value;

    return event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
           (strcmp(text, "~") == 0 || strcmp(text, "null") == 0 || strcmp(text, "Null") == 0 ||
            strcmp(text, "NULL") == 0);
}

static void
read_scalar(struct tree_reader *reader, struct node *node, const yaml_event_t *event)
{
    struct slice text = slice_make((const char *)event->data.scalar.value, event->data.scalar.length);
    struct error error;

    node->text = slice_make("", 0);
    if (is_null(event) || text.length == 0) {
        return;
    }
    if (memchr(text.data, '\0', text.length) != NULL) {
        fault_add(reader->faults, node->line, "a text holds a NUL; take it out");
        return;
    }
    node->written = arena_copy(reader->arena, text);
    if (memmem(text.data, text.length, "${", 2) == NULL) {
        node->text = node->written;
    } else if (!expand(node->written, reader->arena, &node->text, &error)) {
        fault_add(reader->faults, node->line, "%s", error.text);
    }
}

/* Anchors, aliases and tags have no use here, and aliases could make a small file a huge tree. */
static void
check_plain(struct tree_reader *reader, const yaml_event_t *event)
{
    const yaml_char_t *anchor = NULL;
    const yaml_char_t *tag = NULL;

    if (event->type == YAML_ALIAS_EVENT) {
        fault_add(reader->faults, line_of(event), "aliases (*name) are not taken here; repeat what is meant");
    }
    if (event->type == YAML_SCALAR_EVENT) {
        anchor = event->data.scalar.anchor;
        tag = event->data.scalar.tag;
    } else if (event->type == YAML_SEQUENCE_START_EVENT) {
        anchor = event->data.sequence_start.anchor;
        tag = event->data.sequence_start.tag;
    } else if (event->type == YAML_MAPPING_START_EVENT) {
        anchor = event->data.mapping_start.anchor;
        tag = event->data.mapping_start.tag;
    }
    if (anchor != NULL) {
        fault_add(reader->faults, line_of(event), "anchors (&name) are not taken here; take it out");
    }
    if (tag != NULL) {
        fault_add(reader->faults, line_of(event), "tags (!name) are not taken here; take it out");
    }
}

/* Fills node with what begins at event; false when reading cannot go on. */
static bool
read_node(struct tree_reader *reader, struct node *node, const yaml_event_t *event, unsigned depth)
{
    check_plain(reader, event);
    if (event->type == YAML_SCALAR_EVENT) {
        read_scalar(reader, node, event);
    }
    if (event->type != YAML_MAPPING_START_EVENT && event->type != YAML_SEQUENCE_START_EVENT) {
        return true;
    }
    if (depth == TREE_DEPTH_MAX) {
        fault_add(reader->faults, node->line, "this is nested too deeply; nothing here needs more than %d levels",
                  TREE_DEPTH_MAX);
        return false;
    }
    node->kind = event->type == YAML_MAPPING_START_EVENT ? NODE_MAPPING : NODE_LIST;
    return read_children(reader, node, depth + 1);
}

/* A member's node, with its name; NULL when reading cannot go on. Its line is the key's. */
static struct node *
add_member(struct tree_reader *reader, struct node *mapping, const yaml_event_t *key, unsigned depth)
{
    struct slice name = {NULL, 0};

    check_plain(reader, key);
    if (key->type == YAML_SCALAR_EVENT) {
        name = slice_make((const char *)key->data.scalar.value, key->data.scalar.length);
    }
    if (name.length == 0 || name.length > KEY_BYTES_MAX || memchr(name.data, '\0', name.length) != NULL) {
        fault_add(reader->faults, line_of(key), "a key is a text of at most %d bytes; write \"key: value\"",
                  KEY_BYTES_MAX);
        return NULL;
    }

    const struct node *earlier = tree_member(mapping, name);
    if (earlier != NULL) {
        fault_add(reader->faults, line_of(key), "\"%.*s\" stands here a second time, first in line %u; keep one",
                  QUOTE(name), earlier->line);
    }
    struct node *node = add_node(reader, mapping, line_of(key), depth);
    if (node != NULL) {
        node->name = arena_copy(reader->arena, name);
    }
    return node;
}

/* One element, or one key with its value; event is its first. */
static bool
read_child(struct tree_reader *reader, struct node *parent, const yaml_event_t *event, unsigned depth)
{
    yaml_event_t value;

    if (parent->kind == NODE_LIST) {
        struct node *element = add_node(reader, parent, line_of(event), depth);
        return element != NULL && read_node(reader, element, event, depth);
    }
    struct node *member = add_member(reader, parent, event, depth);
    if (member == NULL || !next_event(reader, &value)) {
        return false;
    }
    bool more = read_node(reader, member, &value, depth);
    yaml_event_delete(&value);
    return more;
}

static bool
read_children(struct tree_reader *reader, struct node *parent, unsigned depth)
{
    yaml_event_t event;

    while (next_event(reader, &event)) {
        bool end = event.type == YAML_MAPPING_END_EVENT || event.type == YAML_SEQUENCE_END_EVENT;
        bool more = !end && read_child(reader, parent, &event, depth);

        yaml_event_delete(&event);
        if (!more) {
            return end;
        }
    }
    return false;
}

/* What stands between the beginning and the end of the stream. */
static struct node *
read_document(struct tree_reader *reader)
{
    struct node *root = add_node(reader, NULL, 1, 0);
    bool more = root != NULL;
    yaml_event_t event;

    while (more && next_event(reader, &event)) {
        yaml_event_type_t type = event.type;

        if (type == YAML_DOCUMENT_START_EVENT && reader->documents++ > 0) {
            fault_add(reader->faults, line_of(&event), "a second document begins here; one file is one configuration");
            more = false;
        } else if (type != YAML_STREAM_START_EVENT && type != YAML_DOCUMENT_START_EVENT &&
                   type != YAML_DOCUMENT_END_EVENT && type != YAML_STREAM_END_EVENT) {
            root->line = line_of(&event);
            more = read_node(reader, root, &event, 0);
        }
        yaml_event_delete(&event);
        if (type == YAML_STREAM_END_EVENT) {
            return root;
        }
    }
    return NULL;
}

/* Told its encoding, libyaml no longer skips the mark that some editors begin a file with. */
static struct slice
without_mark(struct slice yaml)
{
    const struct slice mark = SLICE("\xef\xbb\xbf");

    if (yaml.length < mark.length || memcmp(yaml.data, mark.data, mark.length) != 0) {
        return yaml;
    }
    return slice_make(yaml.data + mark.length, yaml.length - mark.length);
}

struct node *
tree_read(struct slice yaml, const struct tree_shape *shape, struct arena *arena, struct config_faults *faults)
{
    struct tree_reader reader = {.yaml = without_mark(yaml), .shape = shape, .arena = arena, .faults = faults};

    if (yaml_parser_initialize(&reader.parser) != 1) {
        fault_add(faults, 0, "there is not enough memory to read it");
        return NULL;
    }
    yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&reader.parser, (const yaml_char_t *)reader.yaml.data, reader.yaml.length);
    struct node *root = read_document(&reader);
    yaml_parser_delete(&reader.parser);

    if (root == NULL || root->kind == NODE_MAPPING || (root->kind == NODE_LIST && shape->list)) {
        return root;
    }
    if (shape->list) {
        fault_add(faults, root->line, "%s; write an account, \"name: ...\" and so on, or a list of accounts",
                  tree_given(root) ? "this is no account" : "it is empty");
    } else if (!tree_given(root)) {
        fault_add(faults, 0, "it is empty; start from the sample, deploy/trunkline.yaml");
    } else {
        fault_add(faults, root->line, "a configuration is a mapping; begin with a line like \"sources:\"");
    }
    return NULL;
}

const struct node *
tree_member(const struct node *node, struct slice name)
{
    if (node == NULL || node->kind != NODE_MAPPING) {
        return NULL;
    }
    for (const struct node *member = node->first; member != NULL; member = member->next) {
        if (slice_equal(member->name, name)) {
            return member;
        }
    }
    return NULL;
}

bool
tree_given(const struct node *node)
{
    return node != NULL && (node->kind == NODE_SCALAR ? !slice_empty(node->text) : node->count > 0);
}

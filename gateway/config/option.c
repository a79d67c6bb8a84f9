/* Reading a mapping by a table of options: finding the values, and storing them as what they are. */
#include "config/option.h"

#include "config/faults.h"

#define NUMBER_BYTES_MAX 18 /* digits that an int64_t surely holds */

const struct node *
option_node(const struct node *mapping, const char *path)
{
    const char *dot = strchr(path, '.');

    if (dot == NULL) {
        return tree_member(mapping, slice_from(path));
    }
    return option_node(tree_member(mapping, slice_make(path, (size_t)(dot - path))), dot + 1);
}

unsigned
option_line(const struct node *mapping, const char *path)
{
    const struct node *node = option_node(mapping, path);

    return node == NULL ? mapping->line : node->line;
}

/* What to show of a value: never called for secrets. */
static struct slice
describe(struct loader *loader, const struct node *node)
{
    struct slice shown = arena_printf(loader->arena, "\"%.*s\"", QUOTE(node->text));

    if (slice_empty(node->written) || slice_equal(node->written, node->text)) {
        return shown;
    }
    return arena_printf(loader->arena, "%.*s (from %.*s)", SLICE_ARGS(shown), QUOTE(node->written));
}

static bool
is_one_text(struct loader *loader, const struct node *node, const char *path)
{
    if (node->kind == NODE_SCALAR) {
        return true;
    }
    if (node->kind == NODE_MAPPING && !tree_given(node->first)) { /* what YAML makes of {/id} */
        fault_add(loader->faults, node->line, "%s%s takes a text; one that begins with a brace stands in quotes",
                  loader->where, path);
    } else {
        fault_add(loader->faults, node->line, "%s%s takes one value; write it on the same line", loader->where, path);
    }
    return false;
}

/* INT64_MIN when text is no whole number. */
static int64_t
parse_number(struct slice text)
{
    size_t sign = text.length > 0 && text.data[0] == '-';
    int64_t number = 0;

    if (text.length == sign || text.length > NUMBER_BYTES_MAX) {
        return INT64_MIN;
    }
    for (size_t i = sign; i < text.length; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return INT64_MIN;
        }
        number = number * 10 + (text.data[i] - '0');
    }
    return sign == 1 ? -number : number;
}

static void
store_number(struct loader *loader, const struct config_option *row, const struct node *node, void *place)
{
    int64_t number = parse_number(node->text);

    if (number == INT64_MIN || number < row->low || number > row->high) {
        fault_add(loader->faults, node->line, "%s%s: %.*s is no whole number from %lld to %lld; write one",
                  loader->where, row->path, SLICE_ARGS(describe(loader, node)), (long long)row->low,
                  (long long)row->high);
        return;
    }
    if (row->kind == OPTION_INTEGER) {
        *(int *)place = (int)number;
    } else if (row->kind == OPTION_COUNT) {
        *(unsigned *)place = (unsigned)number;
    } else {
        *(size_t *)place = (size_t)number;
    }
}

static void
store_switch(struct loader *loader, const struct config_option *row, const struct node *node, bool *place)
{
    if (slice_is_nocase(node->text, "true") || slice_is_nocase(node->text, "false")) {
        *place = slice_is_nocase(node->text, "true");
    } else {
        fault_add(loader->faults, node->line, "%s%s: %.*s is neither true nor false; write one of them", loader->where,
                  row->path, SLICE_ARGS(describe(loader, node)));
    }
}

/* The position of text among the row's words; -1, and told, when it is none. */
static int
find_word(struct loader *loader, const struct config_option *row, unsigned line, struct slice text)
{
    struct slice list = {NULL, 0};

    for (int i = 0; row->words[i] != NULL; i++) {
        if (slice_is(text, row->words[i])) {
            return i;
        }
        list = i == 0 ? slice_from(row->words[0])
                      : arena_printf(loader->arena, "%.*s, %s", SLICE_ARGS(list), row->words[i]);
    }
    fault_add(loader->faults, line, "%s%s: there is no \"%.*s\"; there are %.*s", loader->where, row->path, QUOTE(text),
              SLICE_ARGS(list));
    return -1;
}

static void
store_word(struct loader *loader, const struct config_option *row, const struct node *node, unsigned *place)
{
    int word = find_word(loader, row, node->line, node->text);

    if (word >= 0) {
        *place = (unsigned)word;
    }
}

static void
store_words(struct loader *loader, const struct config_option *row, const struct node *node, unsigned *place)
{
    struct texts texts = option_texts(loader, node, row->path);
    unsigned bits = 0;

    for (size_t i = 0; i < texts.count; i++) {
        int word = find_word(loader, row, node->line, texts.texts[i]);
        if (word >= 0) {
            bits |= 1U << word;
        }
    }
    if (bits != 0) {
        *place = bits;
    }
}

static void
store_networks(struct loader *loader, const struct config_option *row, const struct node *node,
               struct network_list *place)
{
    struct texts texts = option_texts(loader, node, row->path);
    struct network *networks = arena_zalloc(loader->arena, texts.count, sizeof *networks);

    for (size_t i = 0; networks != NULL && i < texts.count; i++) {
        if (!network_parse(texts.texts[i], &networks[i])) {
            fault_add(loader->faults, node->line,
                      "%s%s: \"%.*s\" is no network; write addresses like 192.0.2.7 or 2001:db8::7, or networks like "
                      "192.0.2.0/24, with no bit set behind the prefix",
                      loader->where, row->path, QUOTE(texts.texts[i]));
        }
    }
    *place = (struct network_list){networks, networks == NULL ? 0 : texts.count};
}

static void
store_texts(struct texts texts, const struct config_option *row, char *target)
{
    if (texts.count == 0) {
        return;
    }
    *(const struct slice **)(void *)(target + row->offset) = texts.texts;
    *(size_t *)(void *)(target + row->count_offset) = texts.count;
}

struct texts
option_texts(struct loader *loader, const struct node *node, const char *path)
{
    size_t most = node == NULL ? 0 : node->kind == NODE_SCALAR ? 1 : node->count;
    struct slice *texts = arena_zalloc(loader->arena, most + 1, sizeof *texts);
    size_t count = 0;

    if (node == NULL || texts == NULL) {
        return (struct texts){NULL, 0};
    }
    if (node->kind == NODE_MAPPING) {
        fault_add(loader->faults, node->line, "%s%s is a list; write [one, another], or each behind a dash",
                  loader->where, path);
        return (struct texts){NULL, 0};
    }
    for (const struct node *element = node->kind == NODE_LIST ? node->first : node; element != NULL;
         element = node->kind == NODE_LIST ? element->next : NULL) {
        if (element->kind != NODE_SCALAR) {
            fault_add(loader->faults, element->line, "%s%s is a list of texts; this is none", loader->where, path);
        } else if (!slice_empty(element->text)) {
            texts[count++] = element->text;
        }
    }
    return (struct texts){texts, count};
}

static void
store(struct loader *loader, const struct config_option *row, const struct node *node, char *target)
{
    void *place = target + row->offset;

    switch (row->kind) {
    case OPTION_STRING:
        *(const char **)place = node->text.data;
        break;
    case OPTION_TEXT:
        *(struct slice *)place = node->text;
        break;
    case OPTION_SWITCH:
        store_switch(loader, row, node, place);
        break;
    case OPTION_INTEGER:
    case OPTION_COUNT:
    case OPTION_SIZE:
        store_number(loader, row, node, place);
        break;
    case OPTION_WORD:
        store_word(loader, row, node, place);
        break;
    case OPTION_WORDS:
        store_words(loader, row, node, place);
        break;
    case OPTION_TEXTS:
        store_texts(option_texts(loader, node, row->path), row, target);
        break;
    case OPTION_NETWORKS:
        store_networks(loader, row, node, place);
        break;
    case OPTION_SECRETS:
    case OPTION_ITEMS:
    case OPTION_MAPPING:
    case OPTION_SECTION:
        break;
    }
}

/* Those kinds that one text makes. */
static bool
is_single(enum option_kind kind)
{
    return kind <= OPTION_WORD;
}

static void
read_row(struct loader *loader, const struct node *mapping, const struct config_option *row, void *target)
{
    const struct node *node = option_node(mapping, row->path);

    if (row->fallback != NULL) {
        struct node fallback = {.kind = NODE_SCALAR, .text = slice_from(row->fallback)};
        store(loader, row, &fallback, target);
    }
    if (row->kind == OPTION_SECRETS) {
        store_texts(option_secrets(loader, mapping, row->path), row, target);
    } else if (tree_given(node) && (!is_single(row->kind) || is_one_text(loader, node, row->path))) {
        store(loader, row, node, target);
    }
}

void
options_read(struct loader *loader, const struct node *mapping, const struct config_option *table, void *target)
{
    option_names_check(loader, mapping, table);
    for (; table->path != NULL; table++) {
        read_row(loader, mapping, table, target);
    }
}

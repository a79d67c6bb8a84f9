/* Secrets: written in the configuration (by way of the environment), or each in a file of its own. */
#include "config/faults.h"
#include "config/file.h"
#include "config/option.h"

#define SECRET_FILE_BYTES_MAX ((size_t)64 * 1024) /* certificates and keys for Kafka are the longest */

/* The file's content less one newline at its end. */
static struct slice
read_secret(struct loader *loader, const struct node *node, struct slice path)
{
    struct slice content = {NULL, 0};
    struct error error;

    if (!file_read(path.data, SECRET_FILE_BYTES_MAX, loader->arena, &content, &error)) {
        fault_add(loader->faults, node->line, "%s%.*s: %s; name a file that this user can read", loader->where,
                  QUOTE(node->name), error.text);
        return (struct slice){NULL, 0};
    }
    if (content.length > 0 && content.data[content.length - 1] == '\n') {
        content.length--;
        if (content.length > 0 && content.data[content.length - 1] == '\r') {
            content.length--;
        }
    }
    if (content.length == 0 || memchr(content.data, '\0', content.length) != NULL) {
        fault_add(loader->faults, node->line, "%s%.*s: %.*s %s; write the secret into it", loader->where,
                  QUOTE(node->name), QUOTE(path), content.length == 0 ? "is empty" : "is no text (it holds a NUL)");
        return (struct slice){NULL, 0};
    }
    return arena_copy(loader->arena, content);
}

static const struct node *
file_node(struct loader *loader, const struct node *mapping, const char *name)
{
    return tree_member(mapping, arena_printf(loader->arena, "%s_file", name));
}

static void
tell_both(struct loader *loader, const struct node *file, const char *name)
{
    fault_add(loader->faults, file->line, "%s%s and %s_file are both set; keep one of them", loader->where, name, name);
}

struct slice
option_secret(struct loader *loader, const struct node *mapping, const char *name)
{
    const struct node *node = tree_member(mapping, slice_from(name));
    const struct node *file = file_node(loader, mapping, name);
    const struct node *given = tree_given(node) ? node : file;

    if (!tree_given(given)) {
        return (struct slice){NULL, 0};
    }
    if (given->kind != NODE_SCALAR) {
        fault_add(loader->faults, given->line, "%s%.*s takes one value; write it on the same line", loader->where,
                  QUOTE(given->name));
    } else if (given == node && tree_given(file)) {
        tell_both(loader, file, name);
    } else {
        return given == node ? node->text : read_secret(loader, file, file->text);
    }
    return (struct slice){NULL, 0};
}

struct texts
option_secrets(struct loader *loader, const struct node *mapping, const char *path)
{
    const struct node *file = file_node(loader, mapping, path);
    struct texts written = option_texts(loader, tree_member(mapping, slice_from(path)), path);
    struct texts files = option_texts(loader, file, path);
    struct slice *read = arena_zalloc(loader->arena, files.count + 1, sizeof *read);
    size_t count = 0;

    if (written.count > 0 && files.count > 0) {
        tell_both(loader, file, path);
    }
    if (files.count == 0 || written.count > 0 || read == NULL) {
        return written;
    }
    for (size_t i = 0; i < files.count; i++) {
        read[count] = read_secret(loader, file, files.texts[i]);
        count += !slice_empty(read[count]);
    }
    return (struct texts){read, count};
}

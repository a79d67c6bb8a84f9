/* The accounts of a configuration: those of the file itself and those of accounts_directory, a file or a list each. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>

#include "config/faults.h"
#include "config/file.h"
#include "config/sections.h"

#define ACCOUNT_FILE_BYTES_MAX ((size_t)16 * 1024 * 1024)
#define ACCOUNT_FILES_MAX      50000
#define ACCOUNTS_MAX           50000 /* in all */

/* One after the other: nodes that each are an account, or a list of them. */
struct batch {
    const struct node *node;
    const struct config_file *file;
    struct batch *next;
};

struct batches {
    struct batch *first, *last;
    size_t accounts;
};

void
loader_file(struct loader *loader, const struct config_file *file)
{
    loader->faults->file = file;
    loader->warnings.file = file;
}

bool
accounts_given(const struct node *root)
{
    return tree_given(tree_member(root, (struct slice)SLICE("accounts"))) ||
           tree_given(tree_member(root, (struct slice)SLICE("accounts_directory")));
}

static void
add_batch(struct loader *loader, struct batches *batches, const struct node *node, const struct config_file *file)
{
    struct batch *batch = arena_zalloc(loader->arena, 1, sizeof *batch);

    if (batch == NULL) {
        return;
    }
    *batch = (struct batch){.node = node, .file = file};
    if (batches->last == NULL) {
        batches->first = batch;
    } else {
        batches->last->next = batch;
    }
    batches->last = batch;
    batches->accounts += node->kind == NODE_LIST ? node->count : 1;
}

/* --- the directory --- */

static bool
ends_with(const char *name, const char *end)
{
    size_t length = strlen(name);
    size_t suffix = strlen(end);

    return length > suffix && strcmp(name + length - suffix, end) == 0;
}

/* Those that are no hidden ones: editors and orchestrators keep such of their own. */
static int
is_account_file(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && (ends_with(entry->d_name, ".yaml") || ends_with(entry->d_name, ".yml"));
}

static int
compare_entries(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void
read_account_file(struct loader *loader, struct batches *batches, const struct config_file *file)
{
    static const struct tree_shape shape = {.list = true};
    struct arena *arena = arena_new(NULL, ACCOUNT_FILE_BYTES_MAX + 4096);
    struct slice content = {NULL, 0};
    struct error error;

    loader_file(loader, file);
    if (arena == NULL) {
        fault_add(loader->faults, 0, "there is not enough memory to read it");
    } else if (!file_read(file->path, ACCOUNT_FILE_BYTES_MAX, arena, &content, &error)) {
        fault_add(loader->faults, 0, "%s; accounts_directory needs files that this user can read", error.text);
    } else {
        const struct node *root = tree_read(content, &shape, loader->arena, loader->faults);

        if (root != NULL) {
            add_batch(loader, batches, root, file);
        }
    }
    arena_free(arena);
    loader_file(loader, NULL);
}

static void
read_entry(struct loader *loader, struct batches *batches, const char *name, unsigned order)
{
    struct config_file *file = arena_zalloc(loader->arena, 1, sizeof *file);
    struct slice path = arena_printf(loader->arena, "%s/%s", loader->config->accounts_directory, name);

    if (file == NULL || path.data == NULL) {
        return;
    }
    *file = (struct config_file){path.data, order};
    if (ends_with(name, ".yml")) {
        loader_file(loader, file);
        fault_add(&loader->warnings, 0, "only *.yaml is read here; rename it, or take it away");
        loader_file(loader, NULL);
        return;
    }
    read_account_file(loader, batches, file);
}

static void
read_directory(struct loader *loader, struct batches *batches, const struct node *root)
{
    const char *path = loader->config->accounts_directory;
    unsigned line = option_line(root, "accounts_directory");
    struct dirent **entries = NULL;

    if (path == NULL) {
        return;
    }
    int count = scandir(path, &entries, is_account_file, compare_entries);
    if (count < 0) {
        fault_add(loader->faults, line,
                  "accounts_directory: cannot read %.*s: %s; name a directory that this user "
                  "can read",
                  QUOTE(slice_from(path)), strerror(errno));
        return;
    }
    if (count > ACCOUNT_FILES_MAX) {
        fault_add(loader->faults, line, "accounts_directory: it holds more than %d files; put more accounts into one",
                  ACCOUNT_FILES_MAX);
    }
    for (int i = 0; i < count; i++) {
        if (count <= ACCOUNT_FILES_MAX && batches->accounts <= ACCOUNTS_MAX) {
            read_entry(loader, batches, entries[i]->d_name, (unsigned)i + 1);
        }
        free(entries[i]);
    }
    free(entries);
}

static void
read_list(struct loader *loader, struct batches *batches, const struct node *root)
{
    const struct node *list = tree_member(root, (struct slice)SLICE("accounts"));

    if (!tree_given(list)) {
        return;
    }
    if (list->kind != NODE_LIST) {
        fault_add(loader->faults, list->line, "accounts is a list; begin each one with \"- name: ...\"");
        return;
    }
    add_batch(loader, batches, list, NULL);
}

/* --- the drafts --- */

static const char *
describe_account(struct loader *loader, const struct node *node)
{
    const struct node *name = tree_member(node, (struct slice)SLICE("name"));
    struct slice text = tree_given(name) && name->kind == NODE_SCALAR
                            ? arena_printf(loader->arena, "account \"%.*s\": ", QUOTE(name->text))
                            : arena_printf(loader->arena, "account in line %u: ", node->line);

    return text.data == NULL ? "" : text.data;
}

static void
read_draft(struct loader *loader, struct account_drafts *accounts, const struct node *node,
           const struct config_file *file)
{
    if (node->kind != NODE_MAPPING) {
        fault_add(loader->faults, node->line, "an account is a mapping; begin it with \"- name: ...\"");
        return;
    }
    struct account_draft *draft = &accounts->drafts[accounts->count++];
    draft->node = node;
    draft->file = file;
    draft->where = describe_account(loader, node);
    loader->where = draft->where;
    account_read(loader, draft);
    account_check(loader, draft);
    loader->where = "";
}

static void
read_batch(struct loader *loader, struct account_drafts *accounts, const struct batch *batch)
{
    loader_file(loader, batch->file);
    if (batch->node->kind == NODE_LIST) {
        for (const struct node *node = batch->node->first; node != NULL; node = node->next) {
            read_draft(loader, accounts, node, batch->file);
        }
    } else {
        read_draft(loader, accounts, batch->node, batch->file);
    }
    loader_file(loader, NULL);
}

static void
take_accounts(struct loader *loader, struct account_drafts drafts)
{
    struct account *accounts = arena_zalloc(loader->arena, drafts.count + 1, sizeof *accounts);
    struct slice *left_out = arena_zalloc(loader->arena, drafts.count + 1, sizeof *left_out);
    struct config *config = loader->config;

    if (accounts == NULL || left_out == NULL) {
        return;
    }
    for (size_t i = 0; i < drafts.count; i++) {
        if (drafts.drafts[i].left_out) {
            left_out[config->accounts_left_out_count++] = drafts.drafts[i].account.name;
        } else {
            accounts[config->account_count] = drafts.drafts[i].account;
            accounts[config->account_count].index = config->account_count;
            config->account_count++;
        }
    }
    config->accounts = accounts;
    config->accounts_left_out = left_out;
}

void
accounts_read(struct loader *loader, const struct node *root)
{
    struct batches batches = {NULL, NULL, 0};
    struct account_drafts accounts = {NULL, 0};

    read_list(loader, &batches, root);
    read_directory(loader, &batches, root);
    if (batches.accounts > ACCOUNTS_MAX) {
        fault_add(loader->faults, 0, "there are more than %d accounts; spread them over several configurations",
                  ACCOUNTS_MAX);
        return;
    }
    accounts.drafts = arena_zalloc(loader->arena, batches.accounts + 1, sizeof *accounts.drafts);
    if (accounts.drafts == NULL) {
        return;
    }
    for (const struct batch *batch = batches.first; batch != NULL; batch = batch->next) {
        read_batch(loader, &accounts, batch);
    }
    accounts_check(loader, accounts);
    take_accounts(loader, accounts);
}

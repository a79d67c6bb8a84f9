/* From a file to the snapshot: read, checked as a whole, and either all of it or nothing. */
#include "config/config.h"

#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include "config/faults.h"
#include "config/file.h"
#include "config/sections.h"

#define FILE_BYTES_MAX     ((size_t)16 * 1024 * 1024)
#define SNAPSHOT_BYTES_MAX ((size_t)1024 * 1024 * 1024)
#define HOST_NAME_BYTES    256

/* The cores that this process may use; a container often has fewer than the machine. */
static unsigned
count_cores(void)
{
    cpu_set_t cores;
    int count = sched_getaffinity(0, sizeof cores, &cores) == 0 ? CPU_COUNT(&cores) : 1;

    return count < 1 ? 1 : (unsigned)count;
}

/* Defaults that the machine gives. */
static void
set_own_defaults(struct loader *loader)
{
    struct config *config = loader->config;
    char host[HOST_NAME_BYTES] = "";

    if (config->workers == 0) {
        config->workers = count_cores();
    }
    if (config->instance != NULL) {
        return;
    }
    if (gethostname(host, sizeof host - 1) != 0) {
        host[0] = '\0';
    }
    struct slice copy = arena_copy(loader->arena, slice_from(host));
    config->instance = copy.data == NULL ? "" : copy.data;
    config->instance_by_host = true;
}

static void
take_sources(struct loader *loader, struct source_drafts drafts)
{
    struct source *sources = arena_zalloc(loader->arena, drafts.count + 1, sizeof *sources);

    for (size_t i = 0; sources != NULL && i < drafts.count; i++) {
        sources[i] = drafts.drafts[i].source;
    }
    loader->config->sources = sources;
    loader->config->source_count = sources == NULL ? 0 : drafts.count;
}

/* What is found from now on concerns that part alone; 0: everybody. */
static void
turn_to(struct loader *loader, unsigned part)
{
    loader->faults->part = part;
    loader->warnings.part = part;
}

/* running: whose options are kept; NULL: none. */
static void
load(struct loader *loader, struct slice yaml, const struct config *running)
{
    static const struct tree_shape shape = {.long_list = "accounts"};
    const struct node *root = tree_read(yaml, &shape, loader->arena, loader->faults);

    if (root == NULL) {
        return;
    }
    options_read(loader, root, config_table, loader->config);
    set_own_defaults(loader);
    kafka_read(loader, root);
    if (running != NULL) {
        config_keep(loader, running);
    }
    turn_to(loader, CONFIG_SOURCES);
    struct source_drafts drafts = sources_read(loader, root);
    routes_apply(loader, root, drafts);
    take_sources(loader, drafts);
    tls_check(loader, root);
    turn_to(loader, CONFIG_ACCOUNTS);
    accounts_read(loader, root);
    turn_to(loader, 0);
    config_check(loader, root);
}

static struct config *
config_new(const char *path)
{
    struct arena *arena = arena_new(NULL, SNAPSHOT_BYTES_MAX);
    struct config *config = arena == NULL ? NULL : arena_zalloc(arena, 1, sizeof *config);

    if (config == NULL) {
        arena_free(arena);
        return NULL;
    }
    config->arena = arena;
    config->path = arena_copy(arena, slice_from(path)).data;
    return config;
}

/* Half a list would be worse than none. */
static void
leave_out(struct config *config, unsigned parts)
{
    config->parts_left_out = parts;
    if ((parts & CONFIG_SOURCES) != 0) {
        config->source_count = 0;
    }
    if ((parts & CONFIG_ACCOUNTS) != 0) {
        config->account_count = 0;
        config->accounts_left_out_count = 0;
    }
}

/* yaml is read from path first when it is NULL. running: see load. */
static struct config *
config_make(const char *path, const struct slice *yaml, unsigned parts, const struct config *running,
            struct config_faults *faults)
{
    struct config *config = config_new(path);
    struct slice content = {NULL, 0};
    struct error error;

    faults_init(faults, path, arena_new(NULL, FAULTS_ARENA_BYTES));
    if (config == NULL) {
        fault_add(faults, 0, "there is not enough memory to read it");
        return NULL;
    }
    struct loader loader = {.config = config, .arena = config->arena, .faults = faults, .where = ""};
    faults_init(&loader.warnings, config->path, config->arena);
    if (yaml != NULL && yaml->length > FILE_BYTES_MAX) {
        fault_add(faults, 0, "it is longer than %zu bytes; shorten it", FILE_BYTES_MAX);
    } else if (yaml != NULL) {
        load(&loader, *yaml, running);
    } else if (file_read(path, FILE_BYTES_MAX, config->arena, &content, &error)) {
        load(&loader, content, running);
    } else {
        fault_add(faults, 0, "%s; name a configuration with --config", error.text);
    }

    if (faults->count == 0 && arena_failed(config->arena)) {
        fault_add(faults, 0, "it is too large to be kept in memory; shorten it");
    }
    leave_out(config, faults_waive(faults, parts, &loader.warnings));
    faults_sort(faults);
    faults_sort(&loader.warnings);
    config->warnings = loader.warnings.faults;
    config->warning_count = faults_kept(&loader.warnings);
    config->from_file = yaml == NULL;
    if (faults->count == 0) {
        return config;
    }
    config_free(config);
    return NULL;
}

struct config *
config_load(const char *path, struct config_faults *faults)
{
    return config_make(path, NULL, CONFIG_WHOLE, NULL, faults);
}

struct config *
config_load_parts(const char *path, unsigned parts, struct config_faults *faults)
{
    return config_make(path, NULL, parts, NULL, faults);
}

struct config *
config_reload(const struct config *running, unsigned parts, struct config_faults *faults)
{
    struct config *config = config_make(running->path, NULL, parts, NULL, faults);

    if (config == NULL) {
        return NULL;
    }
    config_free(config);
    config_faults_free(faults);
    return config_make(running->path, NULL, parts, running, faults);
}

struct config *
config_parse(const char *path, struct slice yaml, struct config_faults *faults)
{
    return config_make(path, &yaml, CONFIG_WHOLE, NULL, faults);
}

void
config_free(struct config *config)
{
    if (config == NULL) {
        return;
    }
    for (size_t i = 0; i < config->zone_count; i++) {
        zone_free(config->zones[i].zone);
    }
    arena_free(config->arena);
}

const struct source *
config_source(const struct config *config, struct slice name)
{
    for (size_t i = 0; i < config->source_count; i++) {
        if (slice_equal(config->sources[i].name, name)) {
            return &config->sources[i];
        }
    }
    return NULL;
}

static int
compare_name(const void *name, const void *account)
{
    return names_compare(*(const struct slice *)name, ((const struct account *)account)->name);
}

const struct account *
config_account(const struct config *config, struct slice name)
{
    if (config->account_count == 0) {
        return NULL;
    }
    return bsearch(&name, config->accounts, config->account_count, sizeof *config->accounts, compare_name);
}

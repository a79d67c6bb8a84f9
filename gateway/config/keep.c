/* What a running process keeps of its configuration when a changed file is read: every option of the table that is not
 * marked as one that reloads. */
#include "config/sections.h"

/* Of a value in the snapshot; 0: it is not a plain one. */
static size_t
value_bytes(enum option_kind kind)
{
    static const size_t sizes[] = {
        [OPTION_STRING] = sizeof(const char *), [OPTION_TEXT] = sizeof(struct slice), [OPTION_SWITCH] = sizeof(bool),
        [OPTION_INTEGER] = sizeof(int),         [OPTION_COUNT] = sizeof(unsigned),    [OPTION_SIZE] = sizeof(size_t),
        [OPTION_WORD] = sizeof(unsigned),       [OPTION_WORDS] = sizeof(unsigned),
    };

    return kind < sizeof sizes / sizeof *sizes ? sizes[kind] : 0;
}

static bool
strings_equal(const char *one, const char *other)
{
    return one == other || (one != NULL && other != NULL && strcmp(one, other) == 0);
}

static bool
values_equal(enum option_kind kind, const void *one, const void *other)
{
    if (kind == OPTION_STRING) {
        return strings_equal(*(const char *const *)one, *(const char *const *)other);
    }
    if (kind == OPTION_TEXT) {
        return slice_equal(*(const struct slice *)one, *(const struct slice *)other);
    }
    return memcmp(one, other, value_bytes(kind)) == 0;
}

static bool
kafka_equal(const struct kafka_settings *one, const struct kafka_settings *other)
{
    bool equal = one->count == other->count;

    for (size_t i = 0; equal && i < one->count; i++) {
        equal = strcmp(one->properties[i].name, other->properties[i].name) == 0 &&
                strcmp(one->properties[i].value, other->properties[i].value) == 0;
    }
    return equal;
}

static size_t
count_rows(void)
{
    size_t count = 0;

    while (config_table[count].path != NULL) {
        count++;
    }
    return count;
}

/* The files of TLS may change while the process runs, but not whether the port speaks it: clients would be cut off, or
 * secrets go over the wire in the clear. */
static bool
keep_tls(struct config *config, const struct config *running)
{
    if ((config->tls.certificate_file == NULL) == (running->tls.certificate_file == NULL)) {
        return false;
    }
    config->tls = running->tls;
    return true;
}

void
config_keep(struct loader *loader, const struct config *running)
{
    struct config *config = loader->config;
    const char **deferred = arena_zalloc(loader->arena, count_rows() + 2, sizeof *deferred);
    size_t count = 0;

    if (deferred == NULL) {
        return; /* the arena tells */
    }
    for (const struct config_option *row = config_table; row->path != NULL; row++) {
        size_t bytes = row->reloads ? 0 : value_bytes(row->kind);
        char *value = (char *)config + row->offset;
        const char *kept = (const char *)running + row->offset;

        if (bytes > 0 && !values_equal(row->kind, value, kept)) {
            memcpy(value, kept, bytes);
            deferred[count++] = row->path;
        }
    }
    if (!kafka_equal(&config->kafka, &running->kafka)) {
        config->kafka = running->kafka;
        deferred[count++] = "kafka";
    }
    if (keep_tls(config, running)) {
        deferred[count++] = "gateway.tls";
    }
    config->instance_by_host = running->instance_by_host;
    config->deferred = deferred;
    config->deferred_count = count;
}

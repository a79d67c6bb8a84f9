/* Holds the spool's limit against the file system that it would lie on. */
#include "verbs/spool_room.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "spool/files.h"
#include "verbs/spool_census.h"

#define MEBIBYTE ((uint64_t)1 << 20)

/* The file system of path, or, while that has not been made, of what is there above it. */
static bool
file_system_of(const char *path, struct statvfs *system)
{
    char text[PATH_MAX];
    size_t length = strlen(path);

    if (length == 0 || length >= sizeof text) {
        return false;
    }
    memcpy(text, path, length + 1);
    while (statvfs(text, system) != 0) {
        char *slash = strrchr(text, '/');

        if (slash == NULL || slash == text) {
            return statvfs(slash == NULL ? "." : "/", system) == 0;
        }
        *slash = '\0';
    }
    return true;
}

static uint64_t
size_of(const char *path, const char *end)
{
    char name[PATH_MAX];
    struct stat status;
    int length = snprintf(name, sizeof name, "%s%s", path, end);

    return length > 0 && (size_t)length < sizeof name && stat(name, &status) == 0 ? (uint64_t)status.st_size : 0;
}

static uint64_t
instance_bytes(const char *data_dir, const char *instance)
{
    char directory[PATH_MAX];
    struct spool_file *files = NULL;
    size_t count = 0;
    uint64_t bytes = 0;
    int length = snprintf(directory, sizeof directory, "%s/%s", data_dir, instance);

    if (length > 0 && (size_t)length < sizeof directory && spool_files_list(directory, &files, &count, NULL)) {
        for (size_t i = 0; i < count; i++) {
            bytes += size_of(files[i].path, "") + size_of(files[i].path, "-wal");
        }
    }
    free(files);
    return bytes;
}

/* What the spools there have already is theirs. */
static uint64_t
spooled_bytes(const char *data_dir)
{
    struct spool_instances instances;
    uint64_t bytes = 0;
    bool listed = spool_instances_list(data_dir, &instances, NULL);

    for (size_t i = 0; listed && i < instances.count; i++) {
        bytes += instance_bytes(data_dir, instances.names[i]);
    }
    spool_instances_free(&instances);
    return bytes;
}

bool
spool_room_short(const struct config *config, struct error *warning)
{
    uint64_t needed = (uint64_t)config->spool.max_bytes + config->spool.max_bytes / 5; /* files are that much larger */
    struct statvfs system;
    uint64_t room;

    if (config->spool.max_bytes == 0 || !file_system_of(config->data_dir, &system)) {
        return false;
    }
    room = (uint64_t)system.f_bavail * system.f_frsize + spooled_bytes(config->data_dir);
    if (needed <= room) {
        return false;
    }
    error_set(
        warning,
        "the spool may take %llu MiB (spool.max_bytes and a fifth on top), and the file system of data_dir %.200s "
        "has %llu MiB for it: make room there, or lower spool.max_bytes",
        (unsigned long long)(needed / MEBIBYTE), config->data_dir, (unsigned long long)(room / MEBIBYTE));
    return true;
}

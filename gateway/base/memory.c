/* Memory that is free is given back, by jemalloc's background thread. */
#include "base/memory.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

#define DIRTY_MS 1000

/* jemalloc's, where it is the allocator: builds with a sanitizer have another one. */
int mallctl(const char *name, void *old, size_t *old_length, void *new, size_t new_length) __attribute__((weak));

void
memory_give_back(void)
{
    bool background = true;
    ssize_t dirty_ms = DIRTY_MS;
    ssize_t muzzy_ms = 0;
    unsigned arenas = 0;
    size_t length = sizeof arenas;

    if (mallctl == NULL) {
        return;
    }
    /* None of these can fail in a way that matters: then it is as it was. The first two are for arenas to come. */
    (void)mallctl("arenas.dirty_decay_ms", NULL, NULL, &dirty_ms, sizeof dirty_ms);
    (void)mallctl("arenas.muzzy_decay_ms", NULL, NULL, &muzzy_ms, sizeof muzzy_ms);
    if (mallctl("arenas.narenas", &arenas, &length, NULL, 0) == 0) {
        for (unsigned i = 0; i < arenas; i++) {
            char name[64];

            snprintf(name, sizeof name, "arena.%u.dirty_decay_ms", i);
            (void)mallctl(name, NULL, NULL, &dirty_ms, sizeof dirty_ms);
            snprintf(name, sizeof name, "arena.%u.muzzy_decay_ms", i);
            (void)mallctl(name, NULL, NULL, &muzzy_ms, sizeof muzzy_ms);
        }
    }
    (void)mallctl("background_thread", NULL, NULL, &background, sizeof background);
}

/* A directory of a test's own, taken away with all that is in it. */
#pragma once

#include <dirent.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static inline void
remove_tree(const char *path)
{
    DIR *directory = opendir(path);
    struct dirent *entry;
    char child[PATH_MAX];

    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            int length = snprintf(child, sizeof(child), "%s/%s", path, entry->d_name);

            assert_true(length > 0 && (size_t)length < sizeof(child));
            if (unlink(child) != 0) {
                remove_tree(child);
            }
        }
    }
    if (directory != NULL) {
        closedir(directory);
    }
    (void)rmdir(path);
}

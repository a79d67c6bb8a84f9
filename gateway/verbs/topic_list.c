/* One block: the specs, and behind them the names. */
#include "verbs/topic_list.h"

#include <stdlib.h>
#include <string.h>

bool
topic_list_copy(struct topic_list *list, const struct topic_spec *specs, size_t count)
{
    size_t bytes = (count + 1) * sizeof *specs;
    char *name;

    for (size_t i = 0; i < count; i++) {
        bytes += strlen(specs[i].name) + 1;
    }
    *list = (struct topic_list){.specs = malloc(bytes), .count = count};
    if (list->specs == NULL) {
        return false;
    }
    name = (char *)(list->specs + count + 1);
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(specs[i].name) + 1;

        list->specs[i] = specs[i];
        list->specs[i].name = memcpy(name, specs[i].name, length);
        name += length;
    }
    return true;
}

/* A list of topics of one's own, which outlives the configuration that names them. */
#pragma once

#include "bus/topic_admin.h"

struct topic_list {
    struct topic_spec *specs; /* malloc'd, with their names; free() it */
    size_t count;
};

/* false when out of memory. What names other than the topics' point to must live on: they are those of the start. */
bool topic_list_copy(struct topic_list *list, const struct topic_spec *specs, size_t count) MUST_CHECK;

/* The records that a port has on their way, in the order in which they were published. */
#pragma once

#include "event/recordset.h"

/* All zero is the empty list. A record is in at most one. */
struct record_list {
    struct record *first, *last;
    size_t count;
};

static inline struct record *
record_list_first(const struct record_list *list)
{
    return list->first;
}

static inline void
record_list_append(struct record_list *list, struct record *record)
{
    record->next = NULL;
    record->previous = list->last;
    if (list->last == NULL) {
        list->first = record;
    } else {
        list->last->next = record;
    }
    list->last = record;
    list->count++;
}

static inline void
record_list_remove(struct record_list *list, struct record *record)
{
    if (record->previous == NULL) {
        list->first = record->next;
    } else {
        record->previous->next = record->next;
    }
    if (record->next == NULL) {
        list->last = record->previous;
    } else {
        record->next->previous = record->previous;
    }
    record->next = record->previous = NULL;
    list->count--;
}

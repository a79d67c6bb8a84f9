/* Duplicates remembers every command that was finished within the de-duplication window: 47 bytes each, with the place
 * in the journal where its result stands. Also commands that are cancelled before they came. */
#pragma once

#include "egress/backlog.h"

struct duplicates;

struct finished {
    struct command_key key;
    uint64_t content;       /* 0: not known: cancelled before it came */
    int64_t journal_offset; /* of its `done` entry, -1: not committed yet */
    int64_t finished_ms;    /* the broker's time, or wall time until that is known */
};

struct duplicates *duplicates_new(int64_t window_ms);
void duplicates_free(struct duplicates *duplicates); /* NULL is fine */
/* Adds it, or replaces the one of the same key. They come in the order of their times, or nearly: one is forgotten
 * after those that came before it. false: out of memory. */
bool duplicates_add(struct duplicates *duplicates, const struct finished *finished) MUST_CHECK;
/* NULL: none within the window before now_ms, whose end belongs to it. Valid until the next call. */
const struct finished *duplicates_find(const struct duplicates *duplicates, struct command_key key, int64_t now_ms);
void duplicates_locate(struct duplicates *duplicates, struct command_key key, int64_t journal_offset);
void duplicates_forget(struct duplicates *duplicates, int64_t now_ms); /* those that are out of the window */
size_t duplicates_count(const struct duplicates *duplicates);

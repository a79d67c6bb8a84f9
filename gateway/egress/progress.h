/* Progress knows which offsets of a commands partition have been read and are not finished: the oldest of them is what
 * the group commits. A bit an offset, from the oldest unfinished on. */
#pragma once

#include <stdint.h>

#include "base/slice.h"

struct progress;

/* next: the offset that is read next. NULL when out of memory. */
struct progress *progress_new(int64_t next);
void progress_free(struct progress *progress); /* NULL is fine */
/* offset was read; offsets come in rising order, with gaps. false: out of memory. */
bool progress_begin(struct progress *progress, int64_t offset) MUST_CHECK;
void progress_finish(struct progress *progress, int64_t offset); /* one that was begun */
/* What is to be committed: the oldest begun and unfinished offset, else that behind the last one read. */
int64_t progress_committable(const struct progress *progress);

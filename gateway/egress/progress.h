/* Progress knows which offsets of a commands partition have been read and are not finished: the oldest of them is what
 * the group commits. A bit an offset, in blocks of 4096, of which those exist that have something unfinished in them:
 * gaps of any size cost nothing. */
#pragma once

#include <stdint.h>

#include "base/slice.h"

struct progress;

/* next: the offset that is read next. NULL when out of memory. */
struct progress *progress_new(int64_t next);
void progress_free(struct progress *progress); /* NULL is fine */
/* offset was read; offsets come in rising order, with gaps. false: out of memory, or an offset that is not behind the
 * last one. */
bool progress_begin(struct progress *progress, int64_t offset) MUST_CHECK;
/* One that was begun; any other changes nothing. */
void progress_finish(struct progress *progress, int64_t offset);
/* What is to be committed: the oldest begun and unfinished offset, else that behind the last one read. */
int64_t progress_committable(const struct progress *progress);

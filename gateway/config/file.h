/* Reading a small file whole. */
#pragma once

#include "base/arena.h"
#include "base/error.h"

/* At most limit_bytes, more is an error; the content is in the arena, followed by a NUL. The error names the path. */
bool file_read(const char *path, size_t limit_bytes, struct arena *arena, struct slice *content,
               struct error *error) MUST_CHECK;

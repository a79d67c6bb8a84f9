/* An instance is a name and a locked data directory: two processes never share one. */
#pragma once

#include "base/error.h"

struct instance;

/* Makes data_dir/name/ (mode 0700), synced, and locks it. Fails with what to do when the directory cannot be written or
 * another process holds it. */
struct instance *instance_open(const char *data_dir, const char *name, struct error *error);
void instance_close(struct instance *instance); /* unlocks; NULL is fine */
/* Whether a process has it at the moment, and which (0: it does not say). Makes nothing, and keeps nobody waiting. */
bool instance_held(const char *data_dir, const char *name, long *holder);
const char *instance_name(const struct instance *instance);
const char *instance_directory(const struct instance *instance);

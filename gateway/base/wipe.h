/* Overwrites a secret that is no longer needed, in a way that no compiler leaves out. */
#pragma once

#include <stddef.h>

void wipe(void *secret, size_t bytes); /* NULL is fine */

/* Facts of a fuzz target: what must hold whatever its input says. One that does not is told with its place, and ends
 * the run. */
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define require(fact) ((fact) ? (void)0 : fact_broken(__FILE__, #fact, __LINE__))

/* Every target's entry point: 0 when all facts hold. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void
fact_broken(const char *file, const char *fact, int line)
{
    fprintf(stderr, "%s:%d: not so: %s\n", file, line, fact);
    abort();
}

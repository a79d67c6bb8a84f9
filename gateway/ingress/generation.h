/* A generation is what a reload replaces as one: the configuration's snapshot, and the tables that go by its sources.
 * Nothing in it changes but the count of those who hold it. A ticket holds the one that it was admitted with until it
 * is freed; whoever lets go last frees the generation. */
#pragma once

#include "base/error.h"
#include "base/metrics.h"
#include "config/config.h"

struct counters;
struct generation_holders;
struct holding;
struct service;
struct tls_context;

struct generation {
    const struct config *config;
    const struct counters *counters;
    struct service *service;
    const struct slice *topics; /* that callbacks may go to, each once, each followed by a NUL */
    size_t topic_count;
    struct tls_context *tls; /* of connections that begin now; NULL: they are without TLS */

    struct config *owned;               /* freed with it; NULL: the configuration is somebody else's */
    struct generation_holders *holders; /* NULL in tests: nobody counts */
};

/* It is held once by each worker, 0 to workers - 1, and once by its maker, whose number is workers. config outlives it,
 * or becomes its own. NULL with error; then config is still the caller's. */
struct generation *generation_new(const struct config *config, unsigned workers, struct metrics *metrics,
                                  struct error *error);
void generation_own(struct generation *generation, struct config *config);
/* Before it is handed out: when the last worker has taken it over, one is added to that eventfd. */
void generation_await(struct generation *generation, int taken_fd);
void generation_taken(struct generation *generation); /* by each worker, once, in place of the one before */
/* What that source's requests hold of that worker; NULL in tests. */
struct holding *generation_holding(const struct generation *generation, unsigned worker, const struct source *source);
/* One hold more, or less, of that worker's; each worker's are counted by its thread alone. A worker that has none left
 * cannot take one again. */
void generation_hold(struct generation *generation, unsigned worker);
void generation_release(struct generation *generation, unsigned worker); /* NULL is fine */

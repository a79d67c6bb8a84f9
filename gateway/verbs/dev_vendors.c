/* Both simulators, from their sockets to their end. */
#include "verbs/dev_vendors.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "simulators/simulator.h"
#include "verbs/builtin.h"

#define URL_BYTES     256
#define LIMIT         20 /* 7moor's: in 60 s */
#define WINDOW_MS     60000
#define TOKEN_SECONDS 3600
#define PUSH_STEP_MS  200

static const struct {
    enum simulated_vendor vendor;
    const char *source;
    unsigned limit;
} kinds[] = {
    {SIMULATED_SEVENMOOR, "7moor", LIMIT},
    {SIMULATED_YETA, "yeta", 0},
};
#define KIND_COUNT (sizeof(kinds) / sizeof(kinds[0]))

struct dev_vendors {
    int sockets[KIND_COUNT]; /* 0: none, or the simulator's */
    unsigned ports[KIND_COUNT];
    struct simulator *simulators[KIND_COUNT];
};

struct dev_vendors *
dev_vendors_new(struct error *error)
{
    struct dev_vendors *vendors = calloc(1, sizeof(*vendors));

    if (vendors == NULL) {
        (void)error_set(error, "out of memory");
        return NULL;
    }
    for (size_t i = 0; i < KIND_COUNT; i++) {
        vendors->sockets[i] = simulator_listen(&vendors->ports[i], error);
        if (vendors->sockets[i] < 0) {
            dev_vendors_free(vendors);
            return NULL;
        }
    }
    return vendors;
}

bool
dev_vendors_start(struct dev_vendors *vendors, struct event_base *base, const char *gateway_url, struct error *error)
{
    for (size_t i = 0; i < KIND_COUNT; i++) {
        char push_url[URL_BYTES];
        struct simulator_options options = {
            .vendor = kinds[i].vendor,
            .socket = vendors->sockets[i],
            .key = BUILTIN_KEY,
            .secret = BUILTIN_SECRET,
            .limit = kinds[i].limit,
            .window_ms = WINDOW_MS,
            .token_seconds = TOKEN_SECONDS,
            .refused_numbers = "0000*",
            .push_url = push_url,
            .push_step_ms = PUSH_STEP_MS,
            .seed = (uint64_t)getpid(),
        };

        (void)snprintf(push_url, sizeof(push_url), "%s/callbacks/%s", gateway_url, kinds[i].source);
        vendors->sockets[i] = 0;
        vendors->simulators[i] = simulator_new(base, clock_system(), &options, error);
        if (vendors->simulators[i] == NULL) {
            return false;
        }
    }
    return true;
}

unsigned
dev_vendors_sevenmoor_port(const struct dev_vendors *vendors)
{
    return vendors->ports[0];
}

unsigned
dev_vendors_yeta_port(const struct dev_vendors *vendors)
{
    return vendors->ports[1];
}

void
dev_vendors_free(struct dev_vendors *vendors)
{
    for (size_t i = 0; vendors != NULL && i < KIND_COUNT; i++) {
        simulator_free(vendors->simulators[i]);
        if (vendors->sockets[i] > 0) {
            (void)close(vendors->sockets[i]);
        }
    }
    free(vendors);
}

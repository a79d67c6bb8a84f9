/* An announcement is what a process logs once it has begun: where it is reached and what it was configured to do. */
#pragma once

#include "config/config.h"

struct announcement {
    const struct config *config;
    const char *url, *management_url; /* "http://ADDRESS:PORT", as bound */
    const char *instance;
};

/* Also warns when the disk is too small for the spool. */
void announce_ingress(const struct announcement *announcement);
/* With the accounts that are left out because nobody configured their credentials. */
void announce_egress(const struct announcement *announcement);
void announce_warnings(const struct config *config);
/* The brokers as they are configured. */
const char *announced_brokers(const struct config *config);

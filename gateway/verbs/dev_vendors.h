/* The vendors of `trunkline dev`: simulated ones, on its own loop, whose calls come back as callbacks to its gateway.
 */
#pragma once

#include "base/error.h"

struct event_base;
struct dev_vendors;

/* They listen, and do not answer yet: so their ports can stand in the configuration that the loop is made from. */
struct dev_vendors *dev_vendors_new(struct error *error);
unsigned dev_vendors_sevenmoor_port(const struct dev_vendors *vendors);
unsigned dev_vendors_yeta_port(const struct dev_vendors *vendors);
/* They answer, and push to the gateway at that URL. */
bool dev_vendors_start(struct dev_vendors *vendors, struct event_base *base, const char *gateway_url,
                       struct error *error);
/* Before the loop; NULL is fine. */
void dev_vendors_free(struct dev_vendors *vendors);

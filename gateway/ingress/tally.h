/* The tally counts what callbacks became: events by type, what could not be read, dead letters. Shared by the workers
 * as worker->service. */
#pragma once

#include "ingress/service.h"
#include "ingress/translation.h"

/* The callback's records are durable. */
void tally_published(const struct service *service, const struct source *source, const struct translation *translation);

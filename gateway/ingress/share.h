/* The share of a source: what its requests may have in hand of a worker, so that the storm of one leaves room for the
 * others. A tenth is kept for vendors that never repeat: what is refused of theirs is lost. */
#pragma once

#include "ingress/answer.h"

struct ticket;
struct worker;

/* What one source's requests hold of one worker; only its thread looks. */
struct holding {
    size_t requests; /* admitted and not answered */
    size_t bytes;    /* of the worker's buffered_bytes */
};

/* Whether a request may be taken in hand: where connections are short, a source's requests may have its share of them.
 */
enum refusal share_check_request(const struct ticket *ticket) MUST_CHECK;
/* Whether the ticket may hold so many bytes more. A request that is alone may have what it needs: the limit of a body
 * bounds it. */
enum refusal share_check_bytes(const struct ticket *ticket, size_t more) MUST_CHECK;

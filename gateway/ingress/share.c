/* Shares of a worker's connections and of its memory. */
#include "ingress/share.h"

#include "ingress/ticket.h"
#include "ingress/worker.h"

#define RESERVE_DIVISOR 10 /* a tenth is kept for sources whose vendors never repeat */

/* What sources that repeat may have, all together. */
static size_t
limit_of_all(const struct source *source, size_t whole)
{
    return source->adapter->retries ? whole - whole / RESERVE_DIVISOR : whole;
}

/* What this one may have: its share, and the reserve on top where its vendor never repeats. */
static size_t
limit_of_one(const struct source *source, size_t whole)
{
    size_t share = whole * source->share / 100;
    size_t reserve = source->adapter->retries ? 0 : whole / RESERVE_DIVISOR;

    return share < whole - reserve ? share + reserve : whole;
}

enum refusal
share_check_request(const struct ticket *ticket)
{
    const struct worker *worker = ticket->worker;
    size_t held = ticket->holding == NULL ? 0 : ticket->holding->requests;

    if (!worker->crowded || held == 0) {
        return REFUSAL_NONE;
    }
    return held < limit_of_one(ticket->source, worker->connection_count) ? REFUSAL_NONE : REFUSAL_OVER_SHARE;
}

static bool
fits(size_t held, size_t own, size_t more, size_t limit)
{
    return held == own || (held <= limit && more <= limit - held);
}

enum refusal
share_check_bytes(const struct ticket *ticket, size_t more)
{
    const struct worker *worker = ticket->worker;
    size_t own = ticket->buffered_bytes;

    if (ticket->holding != NULL &&
        !fits(ticket->holding->bytes, own, more, limit_of_one(ticket->source, worker->buffered_limit))) {
        return REFUSAL_OVER_SHARE;
    }
    return fits(worker->buffered_bytes, own, more, limit_of_all(ticket->source, worker->buffered_limit)) ? REFUSAL_NONE
                                                                                                         : REFUSAL_BUSY;
}

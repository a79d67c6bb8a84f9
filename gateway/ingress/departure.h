/* How a worker takes leave of its clients when it is told to stop, so that one that never repeats loses nothing.
 *
 *   STAYING ──▶ GRACE ──▶ PARTING ──▶ CLOSED ──▶ over
 *
 * Up to CLOSED it goes on accepting. What still waits to be accepted then is reset, unless the socket was handed over:
 * there it is the next process's. */
#pragma once

#include <stdbool.h>

struct worker;

enum departure {
    DEPARTURE_STAYING, /* nobody has asked for a stop */
    DEPARTURE_GRACE,   /* whoever asks is answered, and told that the connection ends */
    DEPARTURE_PARTING, /* who has asked nothing is told that no more comes; what crosses that is still taken in */
    DEPARTURE_CLOSED,  /* no more is accepted; what is under way is finished */
};

/* From now on, for so many seconds. */
void departure_begin(struct worker *worker, unsigned seconds);
/* Goes on with it, every few milliseconds. true: nothing is owed any more, or the time is over. */
bool departure_step(struct worker *worker);

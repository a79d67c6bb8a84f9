/* Spare memory for libevhtp and libevent. The one ends the process when it gets no memory in the middle of something,
 * and so does the other in its hands: so each thread keeps some blocks for that, and begins nothing without them. */
#pragma once

#include "base/slice.h"

/* What both are to have their memory from; it is given back by free. */
void *spare_allocate(size_t bytes);
void *spare_resize(void *block, size_t bytes);
/* Sees to it that this thread has its spare blocks. false: memory is out; neither library is to be asked for anything
 * that needs some. */
bool spare_fill(void) MUST_CHECK;
bool spare_fill_for_connection(void) MUST_CHECK; /* the same, and there is room for a new connection */
void spare_drop(void);                           /* at the thread's end */

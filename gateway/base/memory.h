/* How the allocator deals with memory that is free for the moment. */
#pragma once

/* From now on the allocator gives it back to the system after a second, on a thread of its own; else it keeps what a
 * burst has taken for as long as nothing is allocated, which a process that then only waits may do for hours. For
 * processes in which memory matters more than a page fault. Without jemalloc it does nothing. */
void memory_give_back(void);

/* Standard output that a signal gets the process out of, though whoever reads it stands still. */
#pragma once

#include <signal.h>
#include <stdio.h>

/* A stream to standard output. While *interrupted it goes on as long as it need not wait; where it must, it fails. NULL
 * when out of memory. */
FILE *outlet_open(const volatile sig_atomic_t *interrupted);
/* The errno of the write that failed; 0: none has. */
int outlet_failure(void);

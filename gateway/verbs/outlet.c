/* A stream of stdio's over poll and write: stdio alone begins a write anew that a signal has cut short. */
#include "verbs/outlet.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <unistd.h>

#define BUFFER_BYTES ((size_t)128 * 1024)
#define CHUNK_BYTES  ((size_t)4096) /* a pipe that can be written to at all takes as much without waiting */
#define LOOK_MS      100            /* so late is a signal seen */

static int failure;

/* Waits until standard output takes something; false when it is not to be waited for any longer. */
static bool
await(const volatile sig_atomic_t *interrupted)
{
    struct pollfd output = {.fd = STDOUT_FILENO, .events = POLLOUT};

    for (;;) {
        int ready = poll(&output, 1, *interrupted ? 0 : LOOK_MS);

        if (ready > 0) {
            return true; /* an error, too, which the write tells */
        }
        if ((ready < 0 && errno != EINTR) || (ready == 0 && *interrupted)) {
            return false;
        }
    }
}

/* As fopencookie wants it: 0 after a failure, which leaves errno. */
static ssize_t
write_all(void *cookie, const char *data, size_t size)
{
    const volatile sig_atomic_t *interrupted = cookie;
    size_t written = 0;

    while (written < size) {
        size_t left = size - written;
        ssize_t now = -1;

        if (!await(interrupted)) {
            return 0;
        }
        now = write(STDOUT_FILENO, data + written, left < CHUNK_BYTES ? left : CHUNK_BYTES);
        if (now < 0 && errno != EINTR && errno != EAGAIN) {
            failure = errno;
            return 0;
        }
        written += now < 0 ? 0 : (size_t)now;
    }
    return (ssize_t)size;
}

int
outlet_failure(void)
{
    return failure;
}

FILE *
outlet_open(const volatile sig_atomic_t *interrupted)
{
    FILE *stream = fopencookie((void *)interrupted, "w", (cookie_io_functions_t){.write = write_all});

    if (stream != NULL) {
        (void)setvbuf(stream, NULL, _IOFBF, BUFFER_BYTES);
    }
    return stream;
}

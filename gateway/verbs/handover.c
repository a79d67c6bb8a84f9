/* The environment's side of sockets that are handed over. */
#include "verbs/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ingress/listener.h"

/* UINT32_MAX: it is no number. */
static uint32_t
number_of(const char *text)
{
    char *end;
    unsigned long number;

    errno = 0;
    number = strtoul(text, &end, 10);
    return *text < '0' || *text > '9' || *end != '\0' || errno != 0 || number > UINT32_MAX ? UINT32_MAX
                                                                                           : (uint32_t)number;
}

static bool
take_one(struct handover *handover, int fd, struct error *error)
{
    int flags = fcntl(fd, F_GETFD);

    if (flags < 0 || fcntl(fd, F_SETFD, flags | FD_CLOEXEC) != 0) {
        return error_set(error,
                         "LISTEN_FDS names descriptor %d, which is not open: %s; hand over as many sockets as it "
                         "says",
                         fd, strerror(errno));
    }
    if (!listener_fits(fd, error)) {
        return false;
    }
    handover->sockets[handover->count++] = fd;
    return true;
}

static bool
take_all(struct handover *handover, const char *process, const char *sockets, struct error *error)
{
    uint32_t count;
    bool good = true;

    if (process == NULL || sockets == NULL || number_of(process) != (uint32_t)getpid()) {
        return true; /* they are another's: a child inherits its parent's environment */
    }
    count = number_of(sockets);
    if (count > HANDOVER_MAX) {
        return error_set(error, "LISTEN_FDS is \"%.20s\", which is no number of sockets from 0 to %d; hand over fewer",
                         sockets, HANDOVER_MAX);
    }
    for (uint32_t i = 0; i < count && good; i++) {
        good = take_one(handover, HANDOVER_FIRST + (int)i, error);
    }
    return good;
}

bool
handover_take(struct handover *handover, struct error *error)
{
    bool good;

    handover->count = 0;
    good = take_all(handover, getenv("LISTEN_PID"), getenv("LISTEN_FDS"), error);
    (void)unsetenv("LISTEN_PID");
    (void)unsetenv("LISTEN_FDS");
    (void)unsetenv("LISTEN_FDNAMES");
    return good;
}

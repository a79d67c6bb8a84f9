/* Sockets for the callback port. */
#include "ingress/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static bool
set_option(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof value) == 0;
}

/* Accepted sockets inherit these. The kernel doubles SO_SNDBUF for its own bookkeeping. */
static bool
set_inherited(int fd, size_t output_bytes)
{
    return set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1) && set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1) &&
           set_option(fd, SOL_SOCKET, SO_SNDBUF, output_bytes > INT32_MAX ? INT32_MAX : (int)output_bytes);
}

static bool
set_options(int fd, int family, size_t output_bytes)
{
    return set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1) && set_inherited(fd, output_bytes) &&
           (family != AF_INET6 || set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0));
}

/* Sockets with SO_REUSEPORT share a port also with another process of this user: an attempt without it tells whether
 * somebody is there. */
static bool
port_is_free(const struct addrinfo *where)
{
    int fd = socket(where->ai_family, where->ai_socktype | SOCK_CLOEXEC, where->ai_protocol);
    bool is_free =
        fd >= 0 && set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1) && bind(fd, where->ai_addr, where->ai_addrlen) == 0;
    int error = errno;

    if (fd >= 0) {
        close(fd);
    }
    errno = error;
    return is_free;
}

static int
bind_one(const struct addrinfo *where, bool exclusive, size_t output_bytes)
{
    int fd;
    int error;

    if (exclusive && !port_is_free(where)) {
        return -1;
    }
    fd = socket(where->ai_family, where->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, where->ai_protocol);
    if (fd >= 0 && set_options(fd, where->ai_family, output_bytes) && set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1) &&
        bind(fd, where->ai_addr, where->ai_addrlen) == 0) {
        return fd;
    }
    error = errno;
    if (fd >= 0) {
        close(fd);
    }
    errno = error;
    return -1;
}

static unsigned
port_of(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in ipv4;
        struct sockaddr_in6 ipv6;
    } bound;
    socklen_t length = sizeof bound;

    memset(&bound, 0, sizeof bound);
    if (getsockname(fd, &bound.any, &length) != 0) {
        return 0;
    }
    return ntohs(bound.any.sa_family == AF_INET6 ? bound.ipv6.sin6_port : bound.ipv4.sin_port);
}

int
listener_bind(struct slice address, unsigned *port, bool exclusive, size_t output_bytes, struct error *error)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    char host[256];
    char service[16];
    int fd = -1;
    int status;

    snprintf(host, sizeof host, "%.*s", SLICE_ARGS(address));
    snprintf(service, sizeof service, "%u", *port);
    status = getaddrinfo(host[0] == '\0' ? NULL : host, service, &hints, &found);
    if (status != 0) {
        error_set(error, "the address \"%s\" cannot be listened on: %s; set an IP address of this machine", host,
                  gai_strerror(status));
        return -1;
    }
    for (const struct addrinfo *where = found; where != NULL && fd < 0; where = where->ai_next) {
        fd = bind_one(where, exclusive, output_bytes);
    }
    if (fd < 0) {
        error_set(error, "cannot listen on %s port %u: %s; stop what listens there or set another port",
                  host[0] == '\0' ? "any address," : host, *port, strerror(errno));
    } else {
        *port = port_of(fd);
    }
    freeaddrinfo(found);
    return fd;
}

static bool
get_option(int fd, int option, int *value)
{
    socklen_t length = sizeof *value;

    return getsockopt(fd, SOL_SOCKET, option, value, &length) == 0;
}

bool
listener_fits(int fd, struct error *error)
{
    int type = 0;
    int domain = 0;
    int listening = 0;

    if (!get_option(fd, SO_TYPE, &type) || !get_option(fd, SO_DOMAIN, &domain) ||
        !get_option(fd, SO_ACCEPTCONN, &listening)) {
        return error_set(error, "descriptor %d was handed over and is no socket: %s; hand over listening TCP sockets",
                         fd, strerror(errno));
    }
    if (type != SOCK_STREAM || (domain != AF_INET && domain != AF_INET6)) {
        return error_set(error,
                         "descriptor %d was handed over and is no TCP socket; for systemd, give the socket unit a "
                         "ListenStream= with a port",
                         fd);
    }
    return listening != 0 || error_set(error,
                                       "descriptor %d was handed over and does not listen; for systemd, set Accept=no "
                                       "in the socket unit",
                                       fd);
}

int
listener_share(int fd, unsigned *port, size_t output_bytes, struct error *error)
{
    int flags = fcntl(fd, F_GETFL);
    int own = flags < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);

    if (own >= 0 && fcntl(own, F_SETFL, flags | O_NONBLOCK) == 0 && set_inherited(own, output_bytes)) {
        *port = port_of(own);
        return own;
    }
    error_set(error, "the socket that was handed over as descriptor %d cannot be used: %s", fd, strerror(errno));
    if (own >= 0) {
        close(own);
    }
    return -1;
}

/* A vendor's server that does what a test tells it, byte by byte: threads, blocking sockets, TLS where it is wanted. */
#pragma once

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define VENDOR_REQUEST_BYTES (2 * 1024 * 1024)
#define VENDOR_STOP_SECONDS  30

struct visit;

struct vendor {
    void (*serve)(struct visit *visit); /* in a thread of its own, a connection */
    SSL_CTX *tls;                       /* NULL: plain */
    const void *argument;
    int listener;
    unsigned port;
    pthread_t thread;
    atomic_uint visits;     /* connections accepted */
    atomic_uint handshaken; /* those of them that TLS was set up on */
    atomic_uint requests;   /* read whole */
    atomic_bool go;         /* for serve functions that wait for the test */
    atomic_bool closing;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned going;                     /* threads */
    char request[VENDOR_REQUEST_BYTES]; /* the latest */
    size_t request_length, head_length;
};

/* One connection. */
struct visit {
    struct vendor *vendor;
    int fd;
    SSL *ssl; /* NULL: plain */
};

static inline void
vendor_or_die(bool fine, const char *what)
{
    if (!fine) {
        perror(what);
        abort();
    }
}

/* 0 or less: the client has closed. */
static inline ssize_t
visit_receive(struct visit *visit, char *bytes, size_t size)
{
    return visit->ssl == NULL ? recv(visit->fd, bytes, size, 0) : SSL_read(visit->ssl, bytes, (int)size);
}

static inline bool
visit_send(struct visit *visit, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t sent = visit->ssl == NULL ? send(visit->fd, bytes, length, MSG_NOSIGNAL)
                                          : SSL_write(visit->ssl, bytes, length > 16384 ? 16384 : (int)length);

        if (sent <= 0) {
            return false;
        }
        bytes += sent;
        length -= (size_t)sent;
    }
    return true;
}

static inline bool
visit_text(struct visit *visit, const char *text)
{
    return visit_send(visit, text, strlen(text));
}

/* Until the client has closed. */
static inline void
visit_wait(struct visit *visit)
{
    char byte;

    while (visit_receive(visit, &byte, 1) > 0) {
    }
}

/* The connection ends with a reset. */
static inline void
visit_reset(struct visit *visit)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};

    vendor_or_die(setsockopt(visit->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now) == 0, "SO_LINGER");
}

static inline size_t
vendor_body_length(const char *head, const char *end)
{
    static const char name[] = "\r\nContent-Length:";

    for (const char *at = head; at + sizeof name < end; at++) {
        if (strncasecmp(at, name, sizeof name - 1) == 0) {
            return strtoul(at + sizeof name - 1, NULL, 10);
        }
    }
    return 0;
}

/* A whole request, head and body, kept in vendor->request. false: the client closed before. */
static inline bool
visit_read_request(struct visit *visit)
{
    struct vendor *vendor = visit->vendor;
    char *request = malloc(VENDOR_REQUEST_BYTES);
    size_t length = 0;
    size_t wanted = 0;
    const char *end = NULL;
    ssize_t got = 1;

    vendor_or_die(request != NULL, "malloc");
    while (got > 0 && (end == NULL || length < wanted) && length < VENDOR_REQUEST_BYTES) {
        got = visit_receive(visit, request + length, VENDOR_REQUEST_BYTES - length);
        length += got > 0 ? (size_t)got : 0;
        end = memmem(request, length, "\r\n\r\n", 4);
        if (end != NULL) {
            wanted = (size_t)(end - request) + 4 + vendor_body_length(request, end);
        }
    }
    if (end != NULL && length >= wanted) {
        pthread_mutex_lock(&vendor->lock);
        memcpy(vendor->request, request, length);
        vendor->request_length = length;
        vendor->head_length = (size_t)(end - request) + 4;
        atomic_fetch_add(&vendor->requests, 1);
        pthread_cond_broadcast(&vendor->changed);
        pthread_mutex_unlock(&vendor->lock);
    }
    free(request);
    return end != NULL && length >= wanted;
}

/* Until so many requests have been read, by whatever visits. */
static inline void
vendor_wait_for_requests(struct vendor *vendor, unsigned count)
{
    pthread_mutex_lock(&vendor->lock);
    while (atomic_load(&vendor->requests) < count && !atomic_load(&vendor->closing)) {
        pthread_cond_wait(&vendor->changed, &vendor->lock);
    }
    pthread_mutex_unlock(&vendor->lock);
}

static inline bool
visit_begin(struct visit *visit)
{
    int one = 1;

    if (setsockopt(visit->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) != 0) {
        return false;
    }
    if (visit->vendor->tls == NULL) {
        return true;
    }
    visit->ssl = SSL_new(visit->vendor->tls);
    if (visit->ssl == NULL || SSL_set_fd(visit->ssl, visit->fd) != 1 || SSL_accept(visit->ssl) != 1) {
        return false;
    }
    atomic_fetch_add(&visit->vendor->handshaken, 1);
    return true;
}

static inline void *
visit_run(void *argument)
{
    struct visit *visit = argument;
    struct vendor *vendor = visit->vendor;

    if (visit_begin(visit)) {
        vendor->serve(visit);
    }
    SSL_free(visit->ssl);
    close(visit->fd);
    free(visit);
    OPENSSL_thread_stop();
    pthread_mutex_lock(&vendor->lock);
    vendor->going--;
    pthread_cond_broadcast(&vendor->changed);
    pthread_mutex_unlock(&vendor->lock);
    return NULL;
}

static inline void
vendor_visited(struct vendor *vendor, int fd)
{
    struct visit *visit = calloc(1, sizeof *visit);
    pthread_attr_t small;
    pthread_t thread;

    vendor_or_die(visit != NULL, "calloc");
    visit->vendor = vendor;
    visit->fd = fd;
    atomic_fetch_add(&vendor->visits, 1);
    pthread_mutex_lock(&vendor->lock);
    vendor->going++;
    pthread_mutex_unlock(&vendor->lock);
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 512 * 1024);
    pthread_attr_setdetachstate(&small, PTHREAD_CREATE_DETACHED);
    vendor_or_die(pthread_create(&thread, &small, visit_run, visit) == 0, "pthread_create");
    pthread_attr_destroy(&small);
}

static inline void *
vendor_run(void *argument)
{
    struct vendor *vendor = argument;
    int fd;

    while ((fd = accept4(vendor->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        vendor_visited(vendor, fd);
    }
    return NULL;
}

/* A socket that listens on a port of 127.0.0.1 of the kernel's choice. */
static inline int
vendor_listen(int backlog, unsigned *port)
{
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof here;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    vendor_or_die(listener >= 0 && bind(listener, (struct sockaddr *)&here, sizeof here) == 0 &&
                      listen(listener, backlog) == 0 && getsockname(listener, (struct sockaddr *)&here, &length) == 0,
                  "listen");
    *port = ntohs(here.sin_port);
    return listener;
}

static inline struct vendor *
vendor_start(void (*serve)(struct visit *visit), SSL_CTX *tls, const void *argument)
{
    struct vendor *vendor = calloc(1, sizeof *vendor);

    vendor_or_die(vendor != NULL, "calloc");
    vendor->serve = serve;
    vendor->tls = tls;
    vendor->argument = argument;
    vendor_or_die(pthread_mutex_init(&vendor->lock, NULL) == 0 && pthread_cond_init(&vendor->changed, NULL) == 0,
                  "pthread");
    vendor->listener = vendor_listen(4096, &vendor->port);
    vendor_or_die(pthread_create(&vendor->thread, NULL, vendor_run, vendor) == 0, "pthread_create");
    return vendor;
}

/* When every visit has ended, which they do when their client closes. */
static inline void
vendor_stop_counting(struct vendor *vendor, unsigned *visits, unsigned *requests)
{
    struct timespec until;

    atomic_store(&vendor->closing, true);
    shutdown(vendor->listener, SHUT_RDWR);
    pthread_join(vendor->thread, NULL);
    close(vendor->listener);
    pthread_mutex_lock(&vendor->lock);
    pthread_cond_broadcast(&vendor->changed);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += VENDOR_STOP_SECONDS;
    while (vendor->going > 0) {
        vendor_or_die(pthread_cond_timedwait(&vendor->changed, &vendor->lock, &until) == 0,
                      "a connection to the vendor was not closed");
    }
    pthread_mutex_unlock(&vendor->lock);
    *visits = atomic_load(&vendor->visits);
    *requests = atomic_load(&vendor->requests);
    pthread_cond_destroy(&vendor->changed);
    pthread_mutex_destroy(&vendor->lock);
    free(vendor);
}

static inline void
vendor_stop(struct vendor *vendor)
{
    unsigned visits, requests;

    vendor_stop_counting(vendor, &visits, &requests);
}

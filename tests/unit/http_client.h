/* A client that sends exactly the bytes it is told to, for the tests of the HTTP ingress. */
#pragma once

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/slice.h"

struct client {
    int fd;
    char buffer[65536];
    size_t length;
};

struct reply {
    int status; /* 0: the connection was closed, or nothing came in time */
    char head[2048];
    char body[1024];
    size_t body_length;
};

static inline void
client_open(struct client *client, unsigned port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct timeval patience = {.tv_sec = 5};
    int one = 1;

    client->length = 0;
    client->fd = socket(AF_INET, SOCK_STREAM, 0);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (client->fd < 0 || connect(client->fd, (struct sockaddr *)&to, sizeof to) != 0 ||
        setsockopt(client->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0 ||
        setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) != 0) {
        perror("client");
        abort();
    }
}

static inline void
client_close(struct client *client)
{
    close(client->fd);
}

/* The server sees a reset instead of an orderly end. */
static inline void
client_reset(struct client *client)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};

    setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(client->fd);
}

/* A server that has closed already is no failure here: the reply tells. */
static inline void
client_send(struct client *client, const char *data, size_t length)
{
    while (length > 0) {
        ssize_t sent = send(client->fd, data, length, MSG_NOSIGNAL);

        if (sent <= 0)
            return;
        data += sent;
        length -= (size_t)sent;
    }
}

static inline void
client_text(struct client *client, const char *text)
{
    client_send(client, text, strlen(text));
}

static inline bool
client_more(struct client *client)
{
    ssize_t got = recv(client->fd, client->buffer + client->length, sizeof client->buffer - client->length, 0);

    if (got <= 0)
        return false;
    client->length += (size_t)got;
    return true;
}

static inline void
client_drop(struct client *client, size_t bytes)
{
    memmove(client->buffer, client->buffer + bytes, client->length - bytes);
    client->length -= bytes;
}

/* The next answer; bodiless: it answers a HEAD, or is an interim one. */
static inline struct reply
client_read_as(struct client *client, bool bodiless)
{
    struct reply reply = {0};
    char *end;
    const char *field;
    size_t head_length;

    while ((end = memmem(client->buffer, client->length, "\r\n\r\n", 4)) == NULL) {
        if (!client_more(client))
            return reply;
    }
    head_length = (size_t)(end - client->buffer) + 4;
    snprintf(reply.head, sizeof reply.head, "%.*s", (int)head_length, client->buffer);
    client_drop(client, head_length);
    reply.status = atoi(reply.head + strlen("HTTP/1.1 "));
    field = strstr(reply.head, "Content-Length: ");
    if (bodiless || field == NULL)
        return reply;
    reply.body_length = (size_t)atoi(field + strlen("Content-Length: "));
    while (client->length < reply.body_length) {
        if (!client_more(client)) {
            reply.status = 0;
            return reply;
        }
    }
    snprintf(reply.body, sizeof reply.body, "%.*s", (int)reply.body_length, client->buffer);
    client_drop(client, reply.body_length);
    return reply;
}

static inline struct reply
client_read(struct client *client)
{
    return client_read_as(client, false);
}

/* The server has ended the connection, orderly, and nothing more came before. */
static inline bool
client_sees_end(struct client *client)
{
    return client->length == 0 && recv(client->fd, client->buffer, 1, 0) == 0;
}

/* The engine's inside, which engine.c and link.c share. */
#pragma once

#include <evhtp/evhtp.h>

#include "ingress/engine.h"
#include "ingress/turns.h"

struct seal;

/* One socket that is accepted from. */
struct door {
    evhtp_t *evhtp;
    bool shared;
    struct door *next;
};

struct engine {
    struct event_base *base;
    struct door *doors;
    bool stopped; /* nothing is accepted any more */
    size_t input_bytes;
    const struct engine_handlers *handlers;
    void *argument;
    struct evbuffer *aside; /* pipelined input, while the library looks at a synthetic head */
    struct event *pause;    /* ends one in accepting */
    unsigned accepted;      /* so far */
    struct event *later;    /* gives links that have yielded their turn */
    struct turns turns;     /* those links */
    struct link *beginning; /* that the library works on: its request begins or ends */
};

struct link {
    struct engine *engine;
    evhtp_connection_t *connection;
    evhtp_request_t *request; /* begun and not over */
    struct bufferevent *buffer;
    bufferevent_data_cb library_read, library_write;
    void *owner;
    size_t input_bytes; /* how much it holds */
    bool full;          /* and it does: nothing is read */
    bool answered;      /* the request is over once the output is flushed */
    bool parting;       /* the output ends once it is flushed */
    bool back;          /* its input waits for a turn */
    struct seal *seal;  /* NULL: it is without TLS */
    struct turn turn;   /* waits when it has yielded, or stands back and has input */
};

/* The link of a connection that the library has just made; it lives as long as that. NULL when out of memory. */
struct link *link_new(struct engine *engine, evhtp_connection_t *connection);
/* It has yielded, and it is its turn. */
void link_take_turn(struct turn *turn);

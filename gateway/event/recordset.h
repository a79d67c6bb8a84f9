/* A record set is what one callback gives Kafka: k records with one completion. It is the unit that is published,
 * answered for, and (serialised) spooled. */
#pragma once

#include <stdint.h>

#include "base/slice.h"

enum delivery {
    DELIVERY_PENDING,
    DELIVERY_ACKNOWLEDGED, /* Kafka has it, acks=all */
    DELIVERY_FAILED,       /* not, or not known: try again later */
    DELIVERY_REFUSED,      /* Kafka will never take this record as it is: too large, or not what its topic takes */
};

struct record_header {
    struct slice name; /* followed by a NUL: librdkafka wants C strings */
    struct slice value;
};

struct recordset;

struct record {
    struct slice topic; /* followed by a NUL */
    struct slice key;
    struct slice value;
    const struct record_header *headers;
    size_t header_count;
    enum delivery delivery;
    struct recordset *set;
    /* Of the port that has it on its way, while it has. */
    struct record *next, *previous;
    int port_error;
};

/* Bytes and records belong to the owner (a ticket's arena) and stay where they are until on_done. */
struct recordset {
    struct record *records;
    size_t count;
    size_t pending;         /* records without a delivery report */
    int64_t published_ns;   /* monotonic; set by the port */
    enum delivery delivery; /* the worst of its records' */
    struct slice reason;    /* why it failed or was refused; a static text */
    /* Called once, on the publishing loop, never before publish has returned. */
    void (*on_done)(struct recordset *set);
    void *owner;
};

/* One record's report came in: notes it and, with the last one, calls on_done. */
void recordset_report(struct record *record, enum delivery delivery, const char *reason);

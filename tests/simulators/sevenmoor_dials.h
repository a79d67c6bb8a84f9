/* The calls that 7moor was told to make: what it pushes about them (section 3), and finds again (2.13). */
#pragma once

#include "simulators/vendor.h"

struct dials;

#define DIAL_ID_BYTES 24

struct dials *dials_new(const struct vendor_context *context);
void dials_free(struct dials *dials);

struct dial_order {
    struct slice agent, customer, display_number;
    const struct value *extras; /* NULL: none */
    const char *call_type;      /* "dialout" or "webcall" */
};

/* Begins a call; its pushes follow by themselves. */
void dials_begin(struct dials *dials, const struct vendor_call *call, const struct dial_order *order);
size_t dials_count(const struct dials *dials);

struct dial_query {
    struct slice call; /* its id, or empty: then the others */
    struct slice agent;
    struct slice from, to; /* "YYYY-MM-DD HH:MM:SS", China time */
    uint64_t skip, most;
};

/* Writes 2.13's data: members list and count. */
void dials_write(const struct dials *dials, const struct dial_query *query, struct json_writer *writer);

/* What the simulators of all vendors have in common: a call comes, an answer is due. */
#pragma once

#include "base/value.h"
#include "simulators/chance.h"
#include "simulators/pushes.h"
#include "simulators/server.h"
#include "simulators/simulator.h"

struct json_writer;

/* Everything outlives the vendor. */
struct vendor_context {
    struct simulator_options *options; /* its numbers may change while the simulator runs */
    struct chance *chance;
    struct pushes *pushes; /* NULL: none are made */
    const struct clock *clock;
};

/* The string member of that name, or the empty slice. */
static inline struct slice
string_of(const struct value *object, const char *name)
{
    const struct value *value = value_member(object, name);

    return value == NULL || value->kind != VALUE_STRING ? (struct slice){"", 0} : value->text;
}

struct vendor_call {
    const struct simulated_request *request;
    const struct value *body; /* an object; NULL: the body was none */
    int64_t monotonic_ns, wall_ns;
    struct arena *arena;
};

struct vendor_reply {
    struct slice body, code; /* in the call's arena, or constant */
    bool acted;
};

/* One const struct a vendor. */
struct vendor {
    const char *window_code;                             /* its error when too many calls come */
    void *(*open)(const struct vendor_context *context); /* NULL: out of memory */
    void (*close)(void *state);
    /* Checks the call and carries it out. */
    void (*answer)(void *state, const struct vendor_call *call, struct vendor_reply *reply);
    /* The answer to a call that fails with that code, whatever was asked. */
    void (*fail)(void *state, const struct vendor_call *call, const char *code, struct vendor_reply *reply);
    void (*revoke)(void *state);                                        /* NULL: it has no tokens */
    void (*write_state)(const void *state, struct json_writer *writer); /* members of GET /simulator/state */
};

extern const struct vendor vendor_sevenmoor, vendor_yeta;

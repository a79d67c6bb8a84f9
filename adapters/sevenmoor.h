/* What the files of the adapter 7moor share: a push as it is read, and what every push of a call tells. */
#pragma once

#include "adapters/adapter.h"

/* The member of `extras` in which the id of a command of ours travels through a call, and where we put what the command
 * gave and is no object, or looks as if we had put it there, to let it travel beside. */
#define SEVENMOOR_COMMAND_MEMBER "_tl"
#define SEVENMOOR_WRAPPED_MEMBER "value"

/* One push on its way to an event. */
struct sevenmoor_push {
    const struct callback *callback;
    struct conversion *conversion;
    const struct value *outer;   /* the whole body */
    const struct value *message; /* what the push says: the body, or its `content` (3.6) */
    struct slice push_type, call_event;
    struct slice call_id; /* may be empty */
};

/* The member of the message, else the one beside `content`. */
struct slice sevenmoor_text(const struct sevenmoor_push *push, const char *name);

/* Adds an event with what all pushes have in common: call, agent, extras, correlation, the message itself. Its type,
 * key and subject are the arguments. NULL when the arena is full. */
struct canonical_event *sevenmoor_add(const struct sevenmoor_push *push, enum event_type type, struct slice key,
                                      struct slice subject);

/* 3.5, and a row of 2.13: the call record, one event. The result is convert's. */
bool sevenmoor_convert_record(const struct sevenmoor_push *push);

extern const struct adapter_kind sevenmoor_kinds[];

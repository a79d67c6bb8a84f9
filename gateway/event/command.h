/* A command is what a producer asks of a vendor: "dial this number", "start that task". It comes as a structured or a
 * binary-mode CloudEvent or as a bare JSON object, and is one shape from here on. */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/value.h"
#include "event/recordset.h"

/* The order of one account's commands: a lower one goes first. */
enum command_priority {
    PRIORITY_CONTROL,     /* hangup, transfer, cancel: what concerns a call that is going on */
    PRIORITY_INTERACTIVE, /* somebody waits: dial, query */
    PRIORITY_BULK,        /* tasks */
    PRIORITY_IDLE,        /* reconciliation and recovery */
    PRIORITY_COUNT,
};

/* "control", "interactive", "bulk", "idle" */
extern const char *const command_priorities[PRIORITY_COUNT];

/* Commands that Trunkline carries out by itself, for any account. */
enum command_control {
    CONTROL_NONE, /* a vendor's operation */
    CONTROL_CANCEL,
    CONTROL_ACCOUNT_HOLD,
    CONTROL_ACCOUNT_RESUME,
};

#define COMMAND_ID_BYTES_MAX       256 /* of id, account and correlation id */
#define COMMAND_BYTES_MAX          ((size_t)256 * 1024)
#define COMMAND_FORWARDED_HEADER   "trunkline-forwarded"
#define COMMAND_TYPE_PREFIX        "io.trunkline.command."
#define COMMAND_CONTENT_HASH_BYTES 16

/* All slices live in the arena of the parse or in the record. */
struct command {
    struct slice id;
    struct slice name; /* "call.dial": the type without its prefix and version */
    struct slice account;
    const struct value *data; /* an object; NULL when the command has none */
    enum command_priority priority;
    enum command_control control;
    int64_t expires_ms;    /* wall time; 0: not told */
    int64_t not_before_ms; /* the same */
    struct slice correlation_id;
    struct slice traceparent;                               /* of the CloudEvent, checked; or empty */
    unsigned char content_hash[COMMAND_CONTENT_HASH_BYTES]; /* over name, account and data, whatever their spelling */
};

/* What a record of the commands topic is when it is none, or none that can be carried out. id and account are filled in
 * as far as they could be read: without both there is nobody to answer, and only the dead letter is left. */
enum command_verdict {
    COMMAND_VALID,
    COMMAND_INVALID,   /* error says why; id, account, name as far as they are there */
    COMMAND_NO_MEMORY, /* the arena is full */
};

/* Reads value and headers (ce_* of a binary-mode event). Checks everything that does not depend on the vendor: that
 * there is an id and an account of 1 to 256 bytes without control characters, a type of ours with version 1 and of a
 * name that fits one (lower case letters, `_` and dots), a known priority, times in RFC 3339, data an object, no member
 * that is not known. The default priority is that of the name. */
enum command_verdict command_parse(struct slice value, const struct record_header *headers, size_t header_count,
                                   struct arena *arena, struct command *command, struct error *error);

/* The priority of a command that names none. */
enum command_priority command_default_priority(struct slice name);

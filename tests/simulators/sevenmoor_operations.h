/* 7moor's operations and the members that their bodies may have, as the tables of its document say. */
#pragma once

#include "base/value.h"

enum member_type {
    MEMBER_STRING,
    MEMBER_NUMBER,
    MEMBER_EITHER,  /* the table says one, its example the other */
    MEMBER_STRINGS, /* a list of them */
    MEMBER_ANY,
};

struct member {
    const char *name; /* NULL ends a list */
    enum member_type type;
    enum { OPTIONAL, NEEDED, FILLED } need; /* FILLED: and not empty */
};

/* What `data` of the answer is. */
enum reply_data {
    REPLY_NOTHING,
    REPLY_TEXT,
    REPLY_CALL,    /* the call server's own answer, with another code */
    REPLY_WEBCALL, /* the same, with an actionId that is not ours */
    REPLY_RECORDS,
};

struct sevenmoor_operation {
    const char *section, *path;
    enum reply_data data;
    const char *text; /* of REPLY_TEXT */
    struct member members[14];
};

extern const struct sevenmoor_operation sevenmoor_operations[]; /* ends with a NULL path */

/* NULL: there is none. */
const struct sevenmoor_operation *sevenmoor_operation_find(struct slice path);
/* The code that 7moor answers to such a body, with what is wrong; NULL: the body is fine. */
const char *sevenmoor_body_fault(const struct sevenmoor_operation *operation, const struct value *body,
                                 struct slice *what);

#define SEVENMOOR_PAGE_MAX 10000 /* rows of 2.13 */

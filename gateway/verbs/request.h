/* The head of a callback as a command line tells it: --method, --query, --header. */
#pragma once

#include <getopt.h>

#include "base/slice.h"
#include "event/recordset.h"

#define REQUEST_FIELDS_MAX 64

struct request {
    struct slice method;                             /* by default POST */
    struct slice query;                              /* as it is sent, without '?' */
    struct record_header fields[REQUEST_FIELDS_MAX]; /* names in lower case, followed by a NUL */
    size_t field_count;
};

enum {
    OPTION_METHOD = 0x2000,
    OPTION_QUERY,
    OPTION_HEADER,
};

#define REQUEST_OPTIONS                                                                                                \
    {"method", required_argument, NULL, OPTION_METHOD}, {"query", required_argument, NULL, OPTION_QUERY},              \
    {                                                                                                                  \
        "header", required_argument, NULL, OPTION_HEADER                                                               \
    }

#define REQUEST_USAGE                                                                                                  \
    "  --method METHOD       the request's method (default: POST)\n"                                                   \
    "  --query QUERY         its query, as it is sent: a=1&b=2\n"                                                      \
    "  --header NAME:VALUE   one of its header fields; may be given several times\n"

#define REQUEST_DEFAULT ((struct request){.method = SLICE("POST")})

/* Takes one of those options; value is changed in place and kept. false, and told on stderr in one line, when it is
 * none that a request can have. */
bool request_take(struct request *request, const char *verb, int option, char *value) MUST_CHECK;
bool request_has_field(const struct request *request, struct slice name);
/* Whether it is of a method that has a body. */
bool request_has_body(const struct request *request);

/* Un-chunks a body (RFC 9112 §7.1) as it arrives: sizes strictly, extensions and trailers bounded and thrown away. */
#pragma once

#include <stdint.h>

#include "base/slice.h"
#include "ingress/answer.h"

enum chunked_verdict {
    CHUNKED_MORE,     /* all input used, the body goes on */
    CHUNKED_DATA,     /* *data is the next part of the body */
    CHUNKED_COMPLETE, /* the body and its trailers are over */
    CHUNKED_REFUSED,
};

struct chunked {
    unsigned state;
    size_t limit;    /* bytes of body */
    size_t received; /* of it, announced by the chunk sizes so far */
    uint64_t left;   /* of the chunk */
    unsigned digits; /* of the chunk size */
    size_t overhead; /* bytes of extensions and trailers */
    enum refusal refusal;
};

void chunked_init(struct chunked *chunked, size_t limit);
/* Takes from input up to the end of the next piece of data; *consumed bytes of it are done with. data is a view of the
 * input. Not to be called again after COMPLETE or REFUSED. */
enum chunked_verdict chunked_feed(struct chunked *chunked, struct slice input, size_t *consumed, struct slice *data);

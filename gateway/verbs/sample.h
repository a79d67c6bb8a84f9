/* A sample callback: a vendor's own example or a file, signed as the vendor would, posted where the source wants it. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "config/config.h"

struct sample {
    const struct source *source;
    struct slice endpoint;
    enum body_format format;
    struct signed_sample signed_sample;
};

#define REPLY_BYTES 4096 /* of the answer's body; what is longer is cut */

struct reply {
    long status;
    size_t length;
    char body[REPLY_BYTES];
};

/* The kind of that name of the source's adapter; NULL: its first one. NULL when there is none. */
const struct adapter_kind *sample_kind(const struct source *source, const char *name);
/* Signed, of that kind; body: instead of the kind's own sample, or the empty slice. */
struct sample sample_make(const struct source *source, const struct adapter_kind *kind, struct slice body,
                          struct arena *arena);
/* Posts it to the gateway at base_url ("http://127.0.0.1:8080"), the source's first secret where it belongs. false when
 * there was no answer. Blocks for up to 10 s. */
bool sample_post(const struct sample *sample, const char *base_url, struct arena *arena, struct reply *reply,
                 struct error *error);

/* A whole file, or standard input for "-", of at most 16 MiB. */
bool sample_read(const char *path, struct arena *arena, struct slice *bytes, struct error *error) MUST_CHECK;

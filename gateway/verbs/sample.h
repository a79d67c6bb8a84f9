/* A sample callback: a vendor's own example or a file, signed as the vendor would, posted where the source wants it. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "config/config.h"
#include "verbs/request.h"

struct sample {
    const struct source *source;
    const struct request *request; /* what its head has besides what is signed */
    struct slice endpoint;
    enum body_format format;
    struct signed_sample signed_sample; /* until it is signed: the body alone */
    const char *ca_file; /* PEM: whose signature the gateway's certificate must bear; NULL: the system's */
    const char *certificate_file, *key_file; /* PEM: shown to the gateway; NULL: none */
};

#define REPLY_BYTES 4096 /* of the answer's body; what is longer is cut */

struct reply {
    long status;
    size_t length;
    char body[REPLY_BYTES];
};

/* The kind of that name of the source's adapter; NULL: its first one. NULL when there is none. */
const struct adapter_kind *sample_kind(const struct source *source, const char *name);
/* A POST of the kind's own sample, not signed yet. */
struct sample sample_of_kind(const struct source *source, const struct adapter_kind *kind);
/* What these bytes are by the first of them; a body that is neither JSON nor XML is a form. */
enum body_format sample_format(struct slice body);
/* Signs it as the vendor would at that Unix time, where the source's signature can be checked; else it goes as it is.
 * false when it cannot be signed: what is signed names a place that it has not. */
bool sample_sign(struct sample *sample, int64_t at_ms, struct arena *arena) MUST_CHECK;
/* Posts it to the gateway at base_url ("http://127.0.0.1:8080"), the source's first secret where it belongs. false when
 * there was no answer. Blocks for up to 10 s. */
bool sample_post(const struct sample *sample, const char *base_url, struct arena *arena, struct reply *reply,
                 struct error *error);

/* A whole file, or standard input for "-", of at most 16 MiB. */
bool sample_read(const char *path, struct arena *arena, struct slice *bytes, struct error *error) MUST_CHECK;

/* What an id is to the backlog and to duplicates: the head of a digest. */
#include <stdlib.h>

#include "base/digest.h"
#include "base/log.h"
#include "egress/backlog.h"

/* A worker that cannot tell one id from another would dial twice, or not at all. It must not go on; its lanes are taken
 * over by others, and nothing is lost. */
static void
digest_or_die(struct slice bytes, char hex[SHA256_HEX_BYTES])
{
    if (!digest_sha256_hex(bytes, hex)) {
        log_error("digest_failed", log_text("reason", "OpenSSL gives no SHA-256: the process ends"));
        abort();
    }
}

/* An id or account that is longer than any command may have stands as its own digest: no two become one. */
static size_t
put(char *text, struct slice part)
{
    if (part.length > COMMAND_ID_BYTES_MAX) {
        digest_or_die(part, text);
        return SHA256_HEX_BYTES;
    }
    if (part.length > 0) {
        memcpy(text, part.data, part.length);
    }
    return part.length;
}

static uint64_t
number_of(const char *hex)
{
    char text[17];

    memcpy(text, hex, 16);
    text[16] = '\0';
    return strtoull(text, NULL, 16);
}

struct command_key
command_key(struct slice account, struct slice id)
{
    char text[2 * COMMAND_ID_BYTES_MAX + 1];
    char hex[SHA256_HEX_BYTES];
    size_t length = put(text, account);

    text[length++] = '\0'; /* neither holds one, so no two pairs read the same */
    length += put(text + length, id);
    digest_or_die(slice_make(text, length), hex);
    return (struct command_key){number_of(hex), number_of(hex + 16)};
}

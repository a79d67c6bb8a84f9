/* Secrets do not stay in memory that is given back. */
#include "base/wipe.h"

#include <openssl/crypto.h>

void
wipe(void *secret, size_t bytes)
{
    if (secret != NULL) {
        OPENSSL_cleanse(secret, bytes);
    }
}

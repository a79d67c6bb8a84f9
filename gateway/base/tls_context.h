/* What the two files of TLS share. */
#pragma once

#include <openssl/types.h>
#include <stdint.h>

struct tls_context {
    SSL_CTX *ssl;
    int64_t expires_seconds; /* Unix time */
    unsigned number;         /* that no other context of the process has */
};

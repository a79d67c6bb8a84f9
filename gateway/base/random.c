/* Randomness for nonces, ids and jitter. */
#include "base/random.h"

#include <openssl/rand.h>
#include <stdint.h>

bool
random_bytes(void *bytes, size_t count)
{
    return count <= INT32_MAX && RAND_bytes(bytes, (int)count) == 1;
}

unsigned
random_below(unsigned bound)
{
    uint64_t number;

    return random_bytes(&number, sizeof number) ? (unsigned)(number % bound) : 0;
}

/* Enciphers a count, so that who has seen some nonces cannot tell the next: a Feistel network over two times three
 * digits. */
#include "egress/nonce.h"

#include "base/digest.h"

#define HALF_COUNT 1000U /* numbers of three digits */
#define ROUNDS     6

/* A number of three digits that nobody can foretell without the key. */
static bool
stir(uint64_t key, uint64_t round, uint64_t half, uint64_t *number)
{
    const uint64_t words[] = {round, half};
    unsigned char mac[HMAC_SHA256_BYTES];

    if (!digest_hmac_sha256(slice_make((const char *)&key, sizeof key), slice_make((const char *)words, sizeof words),
                            mac)) {
        return false;
    }
    memcpy(number, mac, sizeof *number);
    *number %= HALF_COUNT;
    return true;
}

bool
nonce_of(uint64_t counted, uint64_t *nonce)
{
    uint64_t key = counted / NONCE_COUNT;
    uint64_t left = counted % NONCE_COUNT / HALF_COUNT;
    uint64_t right = counted % HALF_COUNT;

    for (uint64_t round = 0; round < ROUNDS; round++) {
        uint64_t number;

        if (!stir(key, round, right, &number)) {
            return false;
        }
        number = (left + number) % HALF_COUNT;
        left = right;
        right = number;
    }
    *nonce = left * HALF_COUNT + right;
    return true;
}

/* Addresses and networks: reading, printing, and whether a list has one. */
#include "base/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#define IPV4_OFFSET      12 /* where the four bytes of an IPv4 address stand */
#define IPV4_PREFIX_BITS 96

static const uint8_t ipv4_mapped[IPV4_OFFSET] = {[10] = 0xff, [11] = 0xff};

static bool
is_ipv4(const struct address *address)
{
    return memcmp(address->bytes, ipv4_mapped, sizeof ipv4_mapped) == 0;
}

static void
set_ipv4(struct address *address, const void *four_bytes)
{
    memcpy(address->bytes, ipv4_mapped, sizeof ipv4_mapped);
    memcpy(address->bytes + IPV4_OFFSET, four_bytes, 4);
}

/* family becomes AF_INET or AF_INET6, as the text was written. */
static bool
parse(struct slice text, struct address *address, int *family)
{
    char copy[ADDRESS_TEXT_BYTES];
    uint8_t bytes[sizeof address->bytes];

    if (slice_empty(text) || text.length >= sizeof copy || memchr(text.data, '\0', text.length) != NULL) {
        return false;
    }
    memcpy(copy, text.data, text.length);
    copy[text.length] = '\0';
    *family = memchr(copy, ':', text.length) == NULL ? AF_INET : AF_INET6;
    if (inet_pton(*family, copy, bytes) != 1) {
        return false;
    }
    if (*family == AF_INET) {
        set_ipv4(address, bytes);
    } else {
        memcpy(address->bytes, bytes, sizeof bytes);
    }
    return true;
}

bool
address_parse(struct slice text, struct address *address)
{
    int family = AF_UNSPEC;

    return parse(text, address, &family);
}

bool
address_from_sockaddr(const struct sockaddr *sockaddr, struct address *address)
{
    if (sockaddr->sa_family == AF_INET) {
        set_ipv4(address, &((const struct sockaddr_in *)(const void *)sockaddr)->sin_addr);
        return true;
    }
    if (sockaddr->sa_family == AF_INET6) {
        memcpy(address->bytes, &((const struct sockaddr_in6 *)(const void *)sockaddr)->sin6_addr,
               sizeof address->bytes);
        return true;
    }
    return false;
}

size_t
address_format(const struct address *address, char text[ADDRESS_TEXT_BYTES])
{
    const char *written = is_ipv4(address) ? inet_ntop(AF_INET, address->bytes + IPV4_OFFSET, text, ADDRESS_TEXT_BYTES)
                                           : inet_ntop(AF_INET6, address->bytes, text, ADDRESS_TEXT_BYTES);

    return written == NULL ? 0 : strlen(text);
}

/* One to three digits, no leading zero. */
static bool
parse_prefix(struct slice text, unsigned most, unsigned *prefix)
{
    unsigned value = 0;

    if (text.length < 1 || text.length > 3 || (text.length > 1 && text.data[0] == '0')) {
        return false;
    }
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }
        value = value * 10 + (unsigned)(text.data[i] - '0');
    }
    *prefix = value;
    return value <= most;
}

/* The bits of byte number `index` that a prefix covers. */
static uint8_t
mask_at(unsigned prefix, unsigned index)
{
    if (prefix >= (index + 1) * 8) {
        return 0xff;
    }
    return prefix <= index * 8 ? 0 : (uint8_t)(0xffU << ((index + 1) * 8 - prefix));
}

bool
network_parse(struct slice text, struct network *network)
{
    const char *slash = slice_empty(text) ? NULL : memchr(text.data, '/', text.length);
    size_t address_length = slash == NULL ? text.length : (size_t)(slash - text.data);
    int family = AF_UNSPEC;

    if (!parse(slice_make(text.data, address_length), &network->address, &family)) {
        return false;
    }
    unsigned offset = family == AF_INET ? IPV4_PREFIX_BITS : 0;
    unsigned prefix = 128 - offset;
    if (slash != NULL &&
        !parse_prefix(slice_make(slash + 1, text.length - address_length - 1), 128 - offset, &prefix)) {
        return false;
    }
    network->prefix = (uint8_t)(prefix + offset);
    for (unsigned i = 0; i < sizeof network->address.bytes; i++) {
        if ((network->address.bytes[i] & (uint8_t)~mask_at(network->prefix, i)) != 0) {
            return false;
        }
    }
    return true;
}

static bool
network_has(const struct network *network, const struct address *address)
{
    for (unsigned i = 0; i * 8 < network->prefix; i++) {
        if (((network->address.bytes[i] ^ address->bytes[i]) & mask_at(network->prefix, i)) != 0) {
            return false;
        }
    }
    return true;
}

bool
network_list_has(const struct network_list *list, const struct address *address)
{
    for (size_t i = 0; i < list->count; i++) {
        if (network_has(&list->networks[i], address)) {
            return true;
        }
    }
    return false;
}

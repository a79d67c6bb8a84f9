/* IP addresses and networks (CIDR), both families; IPv4-mapped IPv6 counts as IPv4. */
#pragma once

#include <stdint.h>

#include "base/slice.h"

struct sockaddr;

struct address {
    uint8_t bytes[16]; /* IPv4 as ::ffff:a.b.c.d */
};

struct network {
    struct address address;
    uint8_t prefix; /* bits of the 128 */
};

struct network_list {
    const struct network *networks;
    size_t count;
};

#define ADDRESS_TEXT_BYTES 46

bool address_parse(struct slice text, struct address *address) MUST_CHECK;
bool address_from_sockaddr(const struct sockaddr *sockaddr, struct address *address) MUST_CHECK;
size_t address_format(const struct address *address, char text[ADDRESS_TEXT_BYTES]);
/* "10.0.0.0/8", "2001:db8::/32", or one address. Bits beyond the prefix must be zero. */
bool network_parse(struct slice text, struct network *network) MUST_CHECK;
bool network_list_has(const struct network_list *list, const struct address *address);

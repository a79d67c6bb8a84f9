/* Addresses and networks of both families, and what is neither. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include "base/address.h"

static struct address
address_of(const char *text)
{
    struct address address;

    assert_true(address_parse(slice_from(text), &address));
    return address;
}

static void
assert_prints(const struct address *address, const char *expected)
{
    char text[ADDRESS_TEXT_BYTES];
    size_t length = address_format(address, text);

    assert_true(slice_is(slice_make(text, length), expected));
}

static void
addresses_are_read_and_printed(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *printed;
    } rows[] = {
        {"127.0.0.1", "127.0.0.1"},
        {"255.255.255.255", "255.255.255.255"},
        {"::1", "::1"},
        {"2001:DB8::a", "2001:db8::a"},
        {"::ffff:10.1.2.3", "10.1.2.3"},
        {"::ffff:0a01:0203", "10.1.2.3"},
        {"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
    };
    static const char *const bad[] = {
        "",
        "10.0.0",
        "10.0.0.256",
        "10.0.0.1 ",
        " 10.0.0.1",
        "010.0.0.1",
        "10.0.0.1:80",
        "10.0.0.0/8",
        "::1%lo",
        "[::1]",
        ":::",
        "1::2::3",
        "localhost",
        "0x7f000001",
        "12345::1",
        "2130706433",
        "::ffff:10.0.0.256",
        "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000",
    };
    struct address address;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        address = address_of(rows[i].text);
        assert_prints(&address, rows[i].printed);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(address_parse(slice_from(bad[i]), &address));
    }
    assert_false(address_parse(slice_make("10.0.0.1\0", 9), &address));
    assert_false(address_parse(slice_make(NULL, 0), &address));
}

static void
socket_addresses(void **state)
{
    (void)state;
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x0a010203)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    struct address address;

    assert_true(address_from_sockaddr((struct sockaddr *)&v4, &address));
    assert_prints(&address, "10.1.2.3");
    assert_int_equal(inet_pton(AF_INET6, "::ffff:192.0.2.1", &v6.sin6_addr), 1);
    assert_true(address_from_sockaddr((struct sockaddr *)&v6, &address));
    assert_prints(&address, "192.0.2.1");
    assert_int_equal(inet_pton(AF_INET6, "2001:db8::5", &v6.sin6_addr), 1);
    assert_true(address_from_sockaddr((struct sockaddr *)&v6, &address));
    assert_prints(&address, "2001:db8::5");
    assert_false(address_from_sockaddr((struct sockaddr *)&local, &address));
}

static void
networks_have_their_addresses(void **state)
{
    (void)state;
    static const struct {
        const char *network;
        const char *address;
        bool inside;
    } rows[] = {
        {"10.0.0.0/8", "10.0.0.0", true},
        {"10.0.0.0/8", "10.255.255.255", true},
        {"10.0.0.0/8", "11.0.0.0", false},
        {"10.0.0.0/8", "9.255.255.255", false},
        {"10.0.0.0/8", "::ffff:10.9.9.9", true},
        {"10.0.0.0/8", "a00::1", false},
        {"192.168.4.128/25", "192.168.4.128", true},
        {"192.168.4.128/25", "192.168.4.127", false},
        {"192.0.2.7", "192.0.2.7", true},
        {"192.0.2.7", "192.0.2.6", false},
        {"192.0.2.6/31", "192.0.2.7", true},
        {"192.0.2.6/31", "192.0.2.8", false},
        {"0.0.0.0/0", "203.0.113.9", true},
        {"0.0.0.0/0", "2001:db8::1", false},
        {"::/0", "2001:db8::1", true},
        {"::/0", "203.0.113.9", true},
        {"2001:db8::/32", "2001:db8:ffff::1", true},
        {"2001:db8::/32", "2001:db9::1", false},
        {"2001:db8::/33", "2001:db8:8000::", false},
        {"::1/128", "::1", true},
        {"::1", "::2", false},
        {"::ffff:10.0.0.0/104", "10.3.2.1", true},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct network network;
        struct network_list list = {&network, 1};
        struct address address = address_of(rows[i].address);

        assert_true(network_parse(slice_from(rows[i].network), &network));
        if (network_list_has(&list, &address) != rows[i].inside) {
            fail_msg("%s %s", rows[i].network, rows[i].address);
        }
    }
}

static void
bad_networks(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "/8",
        "10.0.0.0/",
        "10.0.0.0/33",
        "10.0.0.0/-1",
        "10.0.0.0/08",
        "10.0.0.0/8 ",
        "10.0.0.1/8",
        "10.0.0.0/+8",
        "10.0.0.0/8/8",
        "10.0.0.0/1000",
        "::/129",
        "2001:db8::1/32",
        "::ffff:10.0.0.0/90",
        "10.0.0.0/a",
        "10.0.0.0 /8",
        "192.0.2.1/31",
        "128.0.0.0/0",
        "10/8",
    };
    struct network network;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (network_parse(slice_from(bad[i]), &network)) {
            fail_msg("%s", bad[i]);
        }
    }
}

static void
lists(void **state)
{
    (void)state;
    struct network networks[2];
    struct network_list list = {networks, 2}, empty = {NULL, 0};
    struct address first = address_of("10.1.1.1"), second = address_of("2001:db8::1"), third = address_of("192.0.2.1");

    assert_true(network_parse(slice_from("10.0.0.0/8"), &networks[0]));
    assert_true(network_parse(slice_from("2001:db8::/32"), &networks[1]));
    assert_true(network_list_has(&list, &first));
    assert_true(network_list_has(&list, &second));
    assert_false(network_list_has(&list, &third));
    assert_false(network_list_has(&empty, &first));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_read_and_printed),
        cmocka_unit_test(socket_addresses),
        cmocka_unit_test(networks_have_their_addresses),
        cmocka_unit_test(bad_networks),
        cmocka_unit_test(lists),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

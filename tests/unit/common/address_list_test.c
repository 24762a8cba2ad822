/* address_list: which addresses a list means, and which lists are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/address_list.h"
#include <arpa/inet.h>
#include <netinet/in.h>

static ip_address ip(const char *text) {
    ip_address address;
    assert_true(ip_address_parse(str_view_of(text), &address));
    return address;
}

static bool has(const char *list_text, const char *address_text) {
    address_list list;
    ip_address address = ip(address_text);
    assert_int_equal(address_list_parse(list_text, &list), ZP_OK);
    return address_list_has(&list, &address);
}

static void an_address_is_itself(void **state) {
    (void)state;
    assert_true(has("127.0.0.1", "127.0.0.1"));
    assert_false(has("127.0.0.1", "127.0.0.2"));
    assert_true(has("::1", "0:0::1"));
    assert_false(has("::1", "::2"));
    assert_true(has(" 10.0.0.1 ,\t192.168.0.1", "192.168.0.1"));
}

static void a_network_is_all_that_begins_like_it(void **state) {
    (void)state;
    assert_true(has("10.0.0.0/8", "10.255.0.1"));
    assert_false(has("10.0.0.0/8", "11.0.0.1"));
    assert_true(has("172.16.0.0/12", "172.31.255.255"));
    assert_false(has("172.16.0.0/12", "172.32.0.0"));
    assert_true(has("192.0.2.128/25", "192.0.2.129"));
    assert_false(has("192.0.2.128/25", "192.0.2.127"));
    assert_true(has("fd00::/8", "fdff::1"));
    assert_false(has("fd00::/8", "fe00::1"));
    assert_true(has("192.0.2.1/32", "192.0.2.1"));
    assert_true(has("0.0.0.0/0", "203.0.113.9"));
    assert_false(has("0.0.0.0/0", "2001:db8::1")); /* all of IPv4, not all */
    assert_true(has("::/0", "203.0.113.9"));
}

static void ipv4_in_ipv6_is_ipv4(void **state) {
    (void)state;
    assert_true(has("127.0.0.0/8", "::ffff:127.1.2.3"));
    assert_true(has("::ffff:127.0.0.1", "127.0.0.1"));
}

static void an_address_is_written_as_it_is_read(void **state) {
    (void)state;
    static const char *const texts[] = {"127.0.0.1", "255.255.255.255", "::1", "2001:db8::7",
                                        "1111:2222:3333:4444:5555:6666:7777:8888"};
    char out[IP_TEXT_BYTES];
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        ip_address address = ip(texts[i]);
        assert_string_equal(ip_address_text(&address, out), texts[i]);
    }
    ip_address mapped = ip("::ffff:192.0.2.1");
    assert_string_equal(ip_address_text(&mapped, out), "192.0.2.1");
}

static void an_empty_list_has_nobody(void **state) {
    (void)state;
    assert_false(has("", "127.0.0.1"));
    assert_false(has("  ", "::"));
}

static void what_is_no_list_is_refused(void **state) {
    (void)state;
    static const char *const wrong[] = {"localhost",
                                        "127.0.0.1,",
                                        ",127.0.0.1",
                                        "10.0.0.0/33",
                                        "10.0.0.0/",
                                        "10.0.0.0/8/8",
                                        "::/129",
                                        "10.0.0/8",
                                        "127.0.0.1 ::1",
                                        "10.0.0.0/a",
                                        "1.2.3.4:80",
                                        "10.0.0.0/-1",
                                        "/8",
                                        "10.0.0.0/99999999999999999999"};
    address_list list;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(address_list_parse(wrong[i], &list), ZP_INVALID);
    }
}

static void more_than_64_are_refused(void **state) {
    (void)state;
    char text[(ADDRESS_LIST_MAX + 1) * 8] = "";
    address_list list;
    for (int i = 0; i < ADDRESS_LIST_MAX; i++) {
        strcat(text, i > 0 ? ",1.2.3.4" : "1.2.3.4");
    }
    assert_int_equal(address_list_parse(text, &list), ZP_OK);
    strcat(text, ",::1");
    assert_int_equal(address_list_parse(text, &list), ZP_INVALID);
}

static void sockets_addresses_are_read(void **state) {
    (void)state;
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    struct sockaddr other = {.sa_family = AF_UNIX};
    ip_address address, expected = ip("192.0.2.7");
    assert_int_equal(inet_pton(AF_INET, "192.0.2.7", &in.sin_addr), 1);
    assert_true(ip_address_of((struct sockaddr *)&in, &address));
    assert_memory_equal(&address, &expected, sizeof address);
    assert_int_equal(inet_pton(AF_INET6, "::ffff:192.0.2.7", &in6.sin6_addr), 1);
    assert_true(ip_address_of((struct sockaddr *)&in6, &address));
    assert_memory_equal(&address, &expected, sizeof address);
    assert_false(ip_address_of(&other, &address));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_is_written_as_it_is_read),
        cmocka_unit_test(an_address_is_itself),
        cmocka_unit_test(a_network_is_all_that_begins_like_it),
        cmocka_unit_test(ipv4_in_ipv6_is_ipv4),
        cmocka_unit_test(an_empty_list_has_nobody),
        cmocka_unit_test(what_is_no_list_is_refused),
        cmocka_unit_test(more_than_64_are_refused),
        cmocka_unit_test(sockets_addresses_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

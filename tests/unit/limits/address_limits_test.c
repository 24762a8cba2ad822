/* address_limits: whom it holds to which limit, and what it remembers, by a clock that the test sets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/limits/address_limits.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

static client_network network_of(const char *text) {
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, text, &in.sin_addr) == 1) {
        return client_network_of((const struct sockaddr *)&in);
    }
    assert_int_equal(inet_pton(AF_INET6, text, &in6.sin6_addr), 1);
    return client_network_of((const struct sockaddr *)&in6);
}

static void an_ipv4_address_is_one_an_ipv6_64_is_one(void **state) {
    (void)state;
    assert_true(network_of("192.0.2.1") == network_of("192.0.2.1"));
    assert_true(network_of("192.0.2.1") != network_of("192.0.2.2"));
    assert_true(network_of("::ffff:192.0.2.1") == network_of("192.0.2.1"));
    assert_true(network_of("2001:db8:1:2::1") == network_of("2001:db8:1:2:ffff:ffff:ffff:ffff"));
    assert_true(network_of("2001:db8:1:2::1") != network_of("2001:db8:1:3::1"));
    assert_true(network_of("::1") != network_of("127.0.0.1"));
    assert_true(network_of("::192.0.2.1") != network_of("192.0.2.1"));
    struct sockaddr other = {.sa_family = AF_UNIX};
    assert_true(client_network_of(&other) == 0);
}

static void what_is_counted_as_one_is_said_as_one(void **state) {
    static const char *const rows[][2] = {{"192.0.2.1", "192.0.2.1"},
                                          {"::ffff:192.0.2.1", "192.0.2.1"},
                                          {"255.255.255.255", "255.255.255.255"},
                                          {"0.0.0.0", "0.0.0.0"},
                                          {"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"},
                                          {"::1", "::/64"},
                                          {"ffff:ffff:ffff:ffff::1", "ffff:ffff:ffff:ffff::/64"}};
    char text[NETWORK_TEXT_BYTES];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_string_equal(client_network_text(network_of(rows[i][0]), text), rows[i][1]);
    }
}

static void each_address_has_its_own_handshakes(void **state) {
    (void)state;
    address_limits_t *limits = address_limits_new(5, 0, 100);
    for (int i = 0; i < 5; i++) {
        assert_true(address_limits_take(limits, 1, 1000));
    }
    assert_false(address_limits_take(limits, 1, 1000));
    assert_true(address_limits_take(limits, 2, 1000));
    assert_false(address_limits_take(limits, 1, 1199));
    assert_true(address_limits_take(limits, 1, 1200));
    assert_false(address_limits_take(limits, 1, 1200));
    address_limits_destroy(&limits);
    assert_null(limits);
}

static void each_address_has_its_own_sockets(void **state) {
    (void)state;
    address_limits_t *limits = address_limits_new(0, 2, 100);
    assert_true(address_limits_has_room(limits, 1));
    limited_address_t *first = address_limits_enter(limits, 1, 0);
    assert_true(address_limits_has_room(limits, 1));
    limited_address_t *second = address_limits_enter(limits, 1, 0);
    assert_ptr_equal(first, second);
    assert_false(address_limits_has_room(limits, 1));
    assert_true(address_limits_has_room(limits, 2));
    address_limits_leave(limits, first, 0);
    assert_true(address_limits_has_room(limits, 1));
    address_limits_leave(limits, second, 0);
    assert_int_equal(address_limits_count(limits), 0);
    address_limits_destroy(&limits);
}

static void without_limits_nothing_is_remembered(void **state) {
    (void)state;
    address_limits_t *limits = address_limits_new(0, 0, 100);
    for (client_network from = 0; from < 1000; from++) {
        assert_true(address_limits_take(limits, from, from));
        assert_true(address_limits_has_room(limits, from));
        assert_null(address_limits_enter(limits, from, from));
        address_limits_leave(limits, NULL, from);
    }
    assert_int_equal(address_limits_count(limits), 0);
    address_limits_destroy(&limits);
}

static void who_was_not_heard_for_a_while_is_forgotten(void **state) {
    (void)state;
    address_limits_t *limits = address_limits_new(10, 5, 10000);
    for (client_network from = 0; from < 1000; from++) {
        assert_true(address_limits_take(limits, from, 0));
    }
    assert_int_equal(address_limits_count(limits), 1000);
    for (uint64_t now_ms = 2000; now_ms < 3500; now_ms++) { /* each call forgets more than it adds */
        assert_true(address_limits_take(limits, 5000 + now_ms, now_ms));
    }
    assert_true(address_limits_count(limits) < 200);
    assert_int_equal(address_limits_forgotten_count(limits), 0);
    address_limits_destroy(&limits);
}

static void a_storm_of_addresses_is_bounded_and_the_newest_stay_held(void **state) {
    (void)state;
    address_limits_t *limits = address_limits_new(1, 0, 16);
    assert_true(address_limits_take(limits, 7, 0));
    for (client_network from = 100; from < 100100; from++) {
        assert_true(address_limits_take(limits, from, 0));
        assert_false(address_limits_take(limits, 7, 0)); /* it goes on knocking */
        assert_true(address_limits_count(limits) <= 16);
    }
    assert_int_equal(address_limits_forgotten_count(limits), 100000 - 15);
    address_limits_destroy(&limits);
}

static void an_address_with_sockets_is_never_forgotten(void **state) {
    (void)state;
    address_limits_t *limits = address_limits_new(2, 1, 16);
    limited_address_t *here[100];
    for (client_network from = 0; from < 100; from++) {
        here[from] = address_limits_enter(limits, from, 0);
    }
    for (client_network from = 1000; from < 2000; from++) {
        assert_true(address_limits_take(limits, from, from * 10));
    }
    for (client_network from = 0; from < 100; from++) {
        assert_false(address_limits_has_room(limits, from));
        assert_true(address_limits_take(limits, from, 20000));
        assert_true(address_limits_take(limits, from, 20000));
        assert_false(address_limits_take(limits, from, 20000));
    }
    for (client_network from = 0; from < 100; from++) {
        address_limits_leave(limits, here[from], 20000);
        assert_true(address_limits_count(limits) <= 99 - from + 16);
    }
    assert_true(address_limits_take(limits, 5000, 60000));
    address_limits_destroy(&limits);
}

/* The bucket outlives the sockets: connecting, leaving and connecting again gains nothing. */
static void leaving_does_not_refill_the_bucket(void **state) {
    (void)state;
    address_limits_t *limits = address_limits_new(3, 10, 16);
    for (int i = 0; i < 3; i++) {
        assert_true(address_limits_take(limits, 1, 500));
        address_limits_leave(limits, address_limits_enter(limits, 1, 500), 500);
    }
    assert_false(address_limits_take(limits, 1, 500));
    address_limits_destroy(&limits);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_ipv4_address_is_one_an_ipv6_64_is_one),
        cmocka_unit_test(what_is_counted_as_one_is_said_as_one),
        cmocka_unit_test(each_address_has_its_own_handshakes),
        cmocka_unit_test(each_address_has_its_own_sockets),
        cmocka_unit_test(without_limits_nothing_is_remembered),
        cmocka_unit_test(who_was_not_heard_for_a_while_is_forgotten),
        cmocka_unit_test(a_storm_of_addresses_is_bounded_and_the_newest_stay_held),
        cmocka_unit_test(an_address_with_sockets_is_never_forgotten),
        cmocka_unit_test(leaving_does_not_refill_the_bucket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

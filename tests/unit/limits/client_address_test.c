/* client_address: X-Forwarded-For is believed as far as proxies of ours wrote it, and no further. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/limits/client_address.h"

static ip_address ip(const char *text) {
    ip_address address;
    assert_true(ip_address_parse(str_view_of(text), &address));
    return address;
}

static void assert_client(const char *proxies_text, const char *peer, const char *const lines[],
                          size_t lines_count, const char *expected_text) {
    address_list proxies;
    assert_int_equal(address_list_parse(proxies_text, &proxies), ZP_OK);
    forwarded_lines forwarded = {.count = 0};
    for (size_t i = 0; i < lines_count; i++) {
        forwarded_lines_add(&forwarded, str_view_of(lines[i]));
    }
    ip_address client = client_address_find(&proxies, ip(peer), &forwarded);
    ip_address expected = ip(expected_text);
    assert_memory_equal(&client, &expected, sizeof client);
}

static void assert_from(const char *line, const char *expected) {
    assert_client("127.0.0.1,10.0.0.0/8", "127.0.0.1", &line, 1, expected);
}

static void a_stranger_is_who_they_are_whatever_they_say(void **state) {
    (void)state;
    const char *line = "192.0.2.1";
    assert_client("127.0.0.1", "203.0.113.7", &line, 1, "203.0.113.7");
    assert_client("", "127.0.0.1", &line, 1, "127.0.0.1");
}

static void a_proxy_of_ours_says_for_whom_it_speaks(void **state) {
    (void)state;
    assert_from("203.0.113.7", "203.0.113.7");
    assert_from(" 2001:db8::1 ", "2001:db8::1");
    assert_from("203.0.113.7:4711", "203.0.113.7");
    assert_from("[2001:db8::1]:4711", "2001:db8::1");
    assert_client("127.0.0.1", "127.0.0.1", NULL, 0, "127.0.0.1");
}

static void what_the_client_wrote_itself_is_not_believed(void **state) {
    (void)state;
    assert_from("192.0.2.1, 203.0.113.7", "203.0.113.7");
    assert_from("10.0.0.1, 203.0.113.7", "203.0.113.7");
    const char *lines[] = {"192.0.2.1", "203.0.113.7"};
    assert_client("127.0.0.1", "127.0.0.1", lines, 2, "203.0.113.7");
}

static void several_proxies_of_ours_are_walked_through(void **state) {
    (void)state;
    assert_from("192.0.2.9, 203.0.113.7, 10.0.0.1, 10.0.0.2", "203.0.113.7");
    const char *lines[] = {"192.0.2.9", "203.0.113.7", "10.0.0.1,10.0.0.2"};
    assert_client("127.0.0.1,10.0.0.0/8", "127.0.0.1", lines, 3, "203.0.113.7");
    assert_from("10.0.0.1", "10.0.0.1"); /* nobody behind it */
}

static void of_many_lines_the_last_ones_count(void **state) {
    (void)state;
    const char *lines[FORWARDED_LINES_MAX + 1];
    for (size_t i = 0; i < FORWARDED_LINES_MAX + 1; i++) {
        lines[i] = "10.0.0.1";
    }
    lines[0] = "203.0.113.7";
    assert_client("127.0.0.1,10.0.0.0/8", "127.0.0.1", lines, FORWARDED_LINES_MAX, "203.0.113.7");
    assert_client("127.0.0.1,10.0.0.0/8", "127.0.0.1", lines, FORWARDED_LINES_MAX + 1, "10.0.0.1");
}

static void garbage_ends_the_way_back(void **state) {
    (void)state;
    static const char *const lines[] = {
        "",      ",", "unknown",   "203.0.113.7,", "a, b", "[2001:db8::1", "[]", "203.0.113.7, _hidden",
        ":4711", "[", "1.2.3.4.5", "203.0.113.7,,"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        assert_from(lines[i], "127.0.0.1");
    }
    assert_from("203.0.113.7, bad, 10.0.0.1", "10.0.0.1");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stranger_is_who_they_are_whatever_they_say),
        cmocka_unit_test(a_proxy_of_ours_says_for_whom_it_speaks),
        cmocka_unit_test(what_the_client_wrote_itself_is_not_believed),
        cmocka_unit_test(several_proxies_of_ours_are_walked_through),
        cmocka_unit_test(of_many_lines_the_last_ones_count),
        cmocka_unit_test(garbage_ends_the_way_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

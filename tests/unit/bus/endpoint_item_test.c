/* endpoint_item: what an endpoint list may say, and what it may not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/bus/endpoint_bag.h"
#include "common/bus/endpoint_item.h"

static void assert_view(str_view view, const char *text) {
    assert_int_equal(view.len, strlen(text));
    assert_memory_equal(view.ptr, text, view.len);
}

static void every_documented_form_is_read(void **state) {
    (void)state;
    endpoint_item item;
    assert_int_equal(endpoint_item_parse(&item, str_view_of("tcp://127.0.0.1:7300")), ZP_OK);
    assert_int_equal(item.kind, ENDPOINT_TCP);
    assert_view(item.host, "127.0.0.1");
    assert_view(item.port, "7300");
    assert_int_equal(endpoint_item_parse(&item, str_view_of("tcp://[::1]:65535")), ZP_OK);
    assert_view(item.host, "[::1]");
    assert_int_equal(endpoint_item_parse(&item, str_view_of("dns+tcp://presence-core.prod_1.svc:1")), ZP_OK);
    assert_int_equal(item.kind, ENDPOINT_DNS);
    assert_view(item.host, "presence-core.prod_1.svc");
    assert_int_equal(endpoint_item_parse(&item, str_view_of("file:/run/zpresence/cores")), ZP_OK);
    assert_int_equal(item.kind, ENDPOINT_FILE);
    assert_view(item.path, "/run/zpresence/cores");
}

static void what_a_socket_is_bound_to_may_be_any_port_or_interface(void **state) {
    (void)state;
    assert_true(endpoint_is_to_bind(str_view_of("tcp://127.0.0.1:7300")));
    assert_true(endpoint_is_to_bind(str_view_of("tcp://*:*")));
    assert_true(endpoint_is_to_bind(str_view_of("tcp://[::]:0")));
    assert_false(endpoint_is_to_bind(str_view_of("dns+tcp://core:7300")));
    assert_false(endpoint_is_to_bind(str_view_of("tcp://**:7300")));
    assert_false(endpoint_is_to_bind(str_view_of("tcp://a:99999")));
    assert_false(endpoint_is_to_bind(str_view_of("tcp://a")));
}

static void malformed_items_are_refused(void **state) {
    (void)state;
    static const char *const MALFORMED[] = {
        "",
        "tcp://",
        "tcp://:7300",
        "tcp://host",
        "tcp://host:",
        "tcp://host:0",
        "tcp://host:065",
        "tcp://host:65536",
        "tcp://host:99999999999999999999",
        "tcp://host:7300x",
        "tcp://host:-1",
        "tcp://*:7300",
        "tcp://ho st:7300",
        "tcp://::1:7300",
        "tcp://[]:7300",
        "tcp://[::1:7300",
        "tcp://user@host:7300",
        "tcp://a:7300;b:7300",
        "dns+tcp://[::1]:7300",
        "dns+tcp://host",
        "ipc:///tmp/socket",
        "TCP://host:7300",
        "127.0.0.1:7300",
        "file:",
        "file:/a\x01",
    };
    for (size_t i = 0; i < sizeof MALFORMED / sizeof *MALFORMED; i++) {
        endpoint_item item = {.kind = ENDPOINT_DNS};
        assert_int_equal(endpoint_item_parse(&item, str_view_of(MALFORMED[i])), ZP_INVALID);
        assert_int_equal(item.kind, ENDPOINT_DNS);
    }
}

static void a_host_may_be_as_long_as_a_name_can_be_and_no_longer(void **state) {
    (void)state;
    char text[ENDPOINT_TEXT_BYTES + 1] = "tcp://";
    memset(text + 6, 'a', ENDPOINT_HOST_MAX_BYTES + 1);
    memcpy(text + 6 + ENDPOINT_HOST_MAX_BYTES, ":65535", 7);
    assert_int_equal(strlen(text), ENDPOINT_TEXT_BYTES - 1);
    endpoint_item item;
    assert_int_equal(endpoint_item_parse(&item, str_view_of(text)), ZP_OK);
    memcpy(text + 6 + ENDPOINT_HOST_MAX_BYTES, "a:6553", 7);
    assert_int_equal(endpoint_item_parse(&item, str_view_of(text)), ZP_INVALID);
}

static void a_zero_byte_does_not_end_the_check(void **state) {
    (void)state;
    endpoint_item item;
    assert_int_equal(endpoint_item_parse(&item, str_view_make("tcp://ho\0st:7300", 16)), ZP_INVALID);
    assert_int_equal(endpoint_item_parse(&item, str_view_make("tcp://host:73\0", 14)), ZP_INVALID);
}

static void items_are_cut_at_commas_and_lines_and_trimmed(void **state) {
    (void)state;
    str_view rest = str_view_of(" a , b,,c\r\nd\n\n,e"), item;
    const char *const EXPECTED[] = {"a", "b", "c", "d", "e"};
    for (size_t i = 0; i < 5; i++) {
        assert_true(endpoint_item_next(&rest, &item));
        assert_view(item, EXPECTED[i]);
    }
    assert_false(endpoint_item_next(&rest, &item));
    rest = str_view_of(" ,\n, ");
    assert_false(endpoint_item_next(&rest, &item));
}

static void a_bag_holds_each_endpoint_once_and_no_more_than_its_limit(void **state) {
    (void)state;
    endpoint_bag bag = {0};
    assert_int_equal(endpoint_bag_add(&bag, "a", 2), ZP_OK);
    assert_int_equal(endpoint_bag_add(&bag, "a", 2), ZP_OK);
    assert_int_equal(endpoint_bag_add(&bag, "b", 2), ZP_OK);
    assert_int_equal(endpoint_bag_add(&bag, "c", 2), ZP_FULL);
    assert_int_equal(endpoint_bag_add(&bag, "b", 2), ZP_OK);
    assert_int_equal(bag.count, 2);
    assert_true(endpoint_bag_has(&bag, "b"));
    assert_false(endpoint_bag_has(&bag, "c"));
    endpoint_bag_free(&bag);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_documented_form_is_read),
        cmocka_unit_test(what_a_socket_is_bound_to_may_be_any_port_or_interface),
        cmocka_unit_test(malformed_items_are_refused),
        cmocka_unit_test(a_host_may_be_as_long_as_a_name_can_be_and_no_longer),
        cmocka_unit_test(a_zero_byte_does_not_end_the_check),
        cmocka_unit_test(items_are_cut_at_commas_and_lines_and_trimmed),
        cmocka_unit_test(a_bag_holds_each_endpoint_once_and_no_more_than_its_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

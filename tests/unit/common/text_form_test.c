/* text_form: a text is refused where whoever uses it would refuse it, or could never match it. */
#include "common/config/text_form.h"
#include "common_fixture.h"

static void assert_accepted(text_form form, const char *const *texts) {
    for (; *texts; texts++) {
        if (!text_form_accepts(form, *texts)) {
            fail_msg("\"%s\" is refused", *texts);
        }
    }
}

static void assert_refused(text_form form, const char *const *texts) {
    for (; *texts; texts++) {
        if (text_form_accepts(form, *texts)) {
            fail_msg("\"%s\" passed", *texts);
        }
    }
}

static void no_text_has_control_characters(void **state) {
    (void)state;
    assert_true(text_form_accepts(TEXT_ANY, ""));
    assert_true(text_form_accepts(TEXT_ANY, "anything, at all"));
    assert_false(text_form_accepts(TEXT_ANY, "a\nb"));
    assert_false(text_form_accepts(TEXT_ENDPOINTS, "tcp://a:1\ntcp://b:1"));
    assert_false(text_form_accepts(TEXT_NAMES, "a\x1b"));
}

static void where_to_listen_is_host_and_port(void **state) {
    (void)state;
    assert_accepted(TEXT_LISTEN, (const char *const[]){"127.0.0.1:7100", "[::1]:0", "localhost:65535", NULL});
    assert_refused(TEXT_LISTEN, (const char *const[]){"", "foo", "x", "127.0.0.1", "127.0.0.1:99999", ":7100",
                                                      "::1:7100", "127.0.0.1:http", NULL});
}

static void where_a_bus_socket_is_bound_is_one_endpoint(void **state) {
    (void)state;
    assert_accepted(TEXT_ENDPOINT,
                    (const char *const[]){"tcp://127.0.0.1:7300", "tcp://*:7300", "tcp://[::]:7300",
                                          "tcp://eth0:0", "tcp://0.0.0.0:*", NULL});
    assert_refused(TEXT_ENDPOINT, (const char *const[]){"", "7300", "127.0.0.1:7300", "tcp://127.0.0.1",
                                                        "tcp://:7300", "tcp://127.0.0.1:65536",
                                                        "ipc:///tmp/core", "tcp://a:1,tcp://b:1", NULL});
}

static void where_peers_are_is_a_list_that_is_not_empty(void **state) {
    (void)state;
    assert_accepted(TEXT_ENDPOINTS,
                    (const char *const[]){"tcp://a:1", "tcp://a:1, dns+tcp://b:2,", "file:/x", NULL});
    assert_refused(TEXT_ENDPOINTS, (const char *const[]){"", ",", "localhost:3", "tcp://a:1,b:2", NULL});
}

static void names_may_be_none_but_not_empty(void **state) {
    (void)state;
    assert_accepted(TEXT_NAMES, (const char *const[]){"", "admin", "admin, on call", NULL});
    assert_refused(TEXT_NAMES, (const char *const[]){",", " ", "a,,b", NULL});
}

static void origins_may_be_none_but_not_what_no_browser_sends(void **state) {
    (void)state;
    assert_accepted(TEXT_ORIGINS, (const char *const[]){"", "*", "https://a.example, *", NULL});
    assert_refused(TEXT_ORIGINS, (const char *const[]){"foo", "x", "https://a.example/path", NULL});
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_text_has_control_characters),
        cmocka_unit_test(where_to_listen_is_host_and_port),
        cmocka_unit_test(where_a_bus_socket_is_bound_is_one_endpoint),
        cmocka_unit_test(where_peers_are_is_a_list_that_is_not_empty),
        cmocka_unit_test(names_may_be_none_but_not_empty),
        cmocka_unit_test(origins_may_be_none_but_not_what_no_browser_sends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

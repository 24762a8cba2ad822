/* origin_list: which origins a setting names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/origin_list.h"

static bool allows(const char *origins, const char *origin) {
    return origin_list_has(origins, str_view_of(origin));
}

static void a_star_lets_everybody_in(void **state) {
    (void)state;
    assert_true(origin_list_has_all("*"));
    assert_true(origin_list_has_all("https://a.example, *"));
    assert_false(origin_list_has_all("https://*.example"));
    assert_false(origin_list_has_all(""));
}

static void a_list_names_whole_origins(void **state) {
    (void)state;
    const char *origins = "https://a.example, http://b.example:8080 ,http://c";
    assert_true(allows(origins, "https://a.example"));
    assert_true(allows(origins, "http://b.example:8080"));
    assert_true(allows(origins, "http://c"));
    assert_false(allows(origins, "http://a.example"));
    assert_false(allows(origins, "https://a.example.evil"));
    assert_false(allows(origins, "https://a.exampl"));
    assert_false(allows(origins, "http://b.example"));
    assert_false(allows(origins, ""));
    assert_false(allows(",,", ""));
    assert_false(allows("", "http://c"));
}

static void what_a_browser_may_send_is_valid(void **state) {
    (void)state;
    static const char *const VALID[] = {"",
                                        "*",
                                        "null",
                                        "file://",
                                        "https://a.example",
                                        "http://localhost:8080",
                                        "http://127.0.0.1:3000, https://xn--bcher-kva.example",
                                        "http://[::1]",
                                        "http://[::1]:8080",
                                        "capacitor://localhost",
                                        "chrome-extension://abcdefgh"};
    for (size_t i = 0; i < sizeof VALID / sizeof *VALID; i++) {
        if (!origin_list_is_valid(VALID[i])) {
            fail_msg("\"%s\" is refused", VALID[i]);
        }
    }
}

static void what_no_browser_sends_is_not(void **state) {
    (void)state;
    static const char *const NEVER[] = {"foo",
                                        "a.example",
                                        "://a.example",
                                        "https://",
                                        "https://a.example/",
                                        "https://a.example/page",
                                        "https://a.example?x",
                                        "https://user@a.example",
                                        "https://A.example",
                                        "https://*.example",
                                        "https://a b.example",
                                        "https://a.example:",
                                        "https://a.example:http",
                                        "https://a.example:1:2",
                                        "https://[::1",
                                        "https://[::1]x",
                                        "https://a.example,foo",
                                        "https://a.example;https://b.example",
                                        "https://a.example,,https://b.example"};
    for (size_t i = 0; i < sizeof NEVER / sizeof *NEVER; i++) {
        if (origin_list_is_valid(NEVER[i])) {
            fail_msg("\"%s\" passed", NEVER[i]);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_star_lets_everybody_in),
        cmocka_unit_test(a_list_names_whole_origins),
        cmocka_unit_test(what_a_browser_may_send_is_valid),
        cmocka_unit_test(what_no_browser_sends_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

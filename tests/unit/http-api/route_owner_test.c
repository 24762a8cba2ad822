/* route_owner: a body is its user's only where it says so, once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "services/http-api/core/route_owner.h"

static bool names(const char *body, const char *user_id) {
    return body_names_user(str_view_of(body), user_id);
}

static void the_user_named_is_the_owner(void **state) {
    (void)state;
    assert_true(names("{\"username\": \"bob\"}", "bob"));
    assert_true(names("{\"status\": \"away\", \"username\": \"b\\u006fb\"}", "bob"));
    assert_true(names("{\"username\": 4711}", "4711"));
    assert_true(names("{\"username\": \"日本\"}", "日本"));
}

static void nobody_else_is(void **state) {
    (void)state;
    assert_false(names("{\"username\": \"bob\"}", "bo"));
    assert_false(names("{\"username\": \"bob\"}", "bobby"));
    assert_false(names("{\"username\": \"Bob\"}", "bob"));
    assert_false(names("{\"username\": \"bob\\u0000\"}", "bob"));
    assert_false(names("{\"username\": 4711.0}", "4711"));
    assert_false(names("{\"user\": \"bob\"}", "bob"));
    assert_false(names("{\"username\": [\"bob\"]}", "bob"));
}

static void a_body_that_may_be_read_in_two_ways_is_nobodys(void **state) {
    (void)state;
    assert_false(names("{\"username\": \"bob\", \"username\": \"eve\"}", "bob"));
    assert_false(names("{\"username\": \"eve\", \"username\": \"bob\"}", "bob"));
    assert_false(names("{\"username\": \"bob\"", "bob"));
    assert_false(names("{\"username\": \"bob\"} {}", "bob"));
    assert_false(names("[{\"username\": \"bob\"}]", "bob"));
    assert_false(names("", "bob"));
    assert_false(body_names_user((str_view){0}, "bob"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_user_named_is_the_owner),
        cmocka_unit_test(nobody_else_is),
        cmocka_unit_test(a_body_that_may_be_read_in_two_ways_is_nobodys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

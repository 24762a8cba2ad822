/* route_path and whole_number: what the parts of a request's target are taken for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "services/http-api/core/route_path.h"
#include "services/http-api/core/whole_number.h"

static str_view segments[ROUTE_SEGMENTS_MAX];

static void a_path_without_stars_matches_itself_alone(void **state) {
    (void)state;
    assert_true(route_path_matches("/health", "/health", segments));
    assert_true(route_path_matches("/", "/", segments));
    static const char *const others[] = {"/healt", "/healthy", "/health/", "//health", "", "/Health"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        assert_false(route_path_matches("/health", others[i], segments));
    }
}

static void a_star_is_one_segment_that_is_not_empty(void **state) {
    (void)state;
    assert_true(route_path_matches("/users/*", "/users/anna", segments));
    assert_true(str_view_equal(segments[0], str_view_of("anna")));
    assert_true(route_path_matches("/users/*", "/users/a%2Fb", segments)); /* encoded: no end of a segment */
    assert_true(str_view_equal(segments[0], str_view_of("a%2Fb")));
    assert_true(route_path_matches("/users/*", "/users/*", segments));
    assert_false(route_path_matches("/users/*", "/users/", segments));
    assert_false(route_path_matches("/users/*", "/users", segments));
    assert_false(route_path_matches("/users/*", "/users/anna/", segments));
    assert_false(route_path_matches("/users/*", "/users/anna/contacts", segments));
}

static void two_stars_are_two_segments_in_order(void **state) {
    (void)state;
    assert_true(route_path_matches("/users/*/contacts/*", "/users/anna/contacts/ben", segments));
    assert_true(str_view_equal(segments[0], str_view_of("anna")));
    assert_true(str_view_equal(segments[1], str_view_of("ben")));
    assert_false(route_path_matches("/users/*/contacts/*", "/users/anna/contacts", segments));
    assert_false(route_path_matches("/users/*/contacts/*", "/users//contacts/ben", segments));
    assert_true(str_view_equal(segments[0], str_view_of("anna"))); /* untouched */
}

static void a_whole_number_is_digits_in_its_range(void **state) {
    (void)state;
    uint64_t number = 7;
    assert_true(whole_number_parse(str_view_of("100"), 1, 100, &number));
    assert_int_equal(number, 100);
    assert_true(whole_number_parse(str_view_of("0001"), 1, 100, &number));
    assert_int_equal(number, 1);
    static const char *const refused[] = {
        "", "0", "101", "-1", "+1", " 1", "1 ", "1.0", "1e1", "0x1", "one", "18446744073709551617",
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        assert_false(whole_number_parse(str_view_of(refused[i]), 1, 100, &number));
    }
    assert_int_equal(number, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_without_stars_matches_itself_alone),
        cmocka_unit_test(a_star_is_one_segment_that_is_not_empty),
        cmocka_unit_test(two_stars_are_two_segments_in_order),
        cmocka_unit_test(a_whole_number_is_digits_in_its_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

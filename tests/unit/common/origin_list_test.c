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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_star_lets_everybody_in),
        cmocka_unit_test(a_list_names_whole_origins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

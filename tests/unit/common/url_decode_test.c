/* url_decode: %HH, strictly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/url_decode.h"

static bool decode(const char *text, url_part part, str_view *ret_value) {
    static char copy[64];
    strcpy(copy, text);
    return url_decode(copy, strlen(text), part, ret_value);
}

static void what_is_encoded_is_decoded(void **state) {
    (void)state;
    str_view value;
    assert_true(decode("a%2Fb%c3%BC%25", URL_PATH, &value));
    assert_true(str_view_equal(value, str_view_of("a/b\xc3\xbc%")));
    assert_true(decode("", URL_PATH, &value));
    assert_int_equal(value.len, 0);
    assert_true(decode("a%00b", URL_PATH, &value));
    assert_int_equal(value.len, 3);
    assert_memory_equal(value.ptr, "a\0b", 3);
}

static void a_plus_is_a_space_in_a_query_alone(void **state) {
    (void)state;
    str_view value;
    assert_true(decode("a+b%2B", URL_QUERY, &value));
    assert_true(str_view_equal(value, str_view_of("a b+")));
    assert_true(decode("a+b", URL_PATH, &value));
    assert_true(str_view_equal(value, str_view_of("a+b")));
}

static void a_percent_needs_two_digits(void **state) {
    (void)state;
    static const char *const broken[] = {"%", "a%2", "%2g", "%g2", "%%20", "% 2"};
    str_view value = {"untouched", 9};
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        assert_false(decode(broken[i], URL_PATH, &value));
    }
    assert_true(str_view_equal(value, str_view_of("untouched")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_encoded_is_decoded),
        cmocka_unit_test(a_plus_is_a_space_in_a_query_alone),
        cmocka_unit_test(a_percent_needs_two_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

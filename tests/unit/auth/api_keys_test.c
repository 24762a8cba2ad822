/* api_keys: what a list of keys may say, and that a key is what was said and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/auth/api_keys.h"
#include <string.h>

static api_keys keys;

static zp_error parse(const char *text, char separator) {
    const char *reason = NULL;
    size_t number = 0;
    api_keys_wipe(&keys);
    return api_keys_parse(&keys, str_view_of(text), separator, &reason, &number);
}

static const api_key *find(const char *presented) {
    return api_keys_find(&keys, str_view_of(presented));
}

static const char *reason_of(const char *text, char separator, size_t expected_number) {
    const char *reason = "it was taken";
    size_t number = 0;
    api_keys_wipe(&keys);
    assert_int_equal(api_keys_parse(&keys, str_view_of(text), separator, &reason, &number), ZP_INVALID);
    assert_int_equal(number, expected_number);
    return reason;
}

static void each_key_is_found_by_its_secret_with_its_areas(void **state) {
    (void)state;
    assert_int_equal(
        parse("app:read+write:first-secret-of-all, dash:read:second:with:colons,\top.s_1:ops:third", ','),
        ZP_OK);
    assert_int_equal(keys.count, 3);
    const api_key *app = find("first-secret-of-all");
    assert_non_null(app);
    assert_string_equal(app->name, "app");
    assert_int_equal(app->areas, API_KEY_READ | API_KEY_WRITE);
    assert_string_equal(find("second:with:colons")->name, "dash");
    assert_int_equal(find("third")->areas, API_KEY_OPS);
}

static void nothing_else_is_a_key(void **state) {
    (void)state;
    assert_int_equal(parse("a:read:secret-one,b:read:secret-two", ','), ZP_OK);
    static const char *const wrong[] = {"",  "secret-on",   "secret-one ",       "secret-onE",
                                        "a", "secret-two,", "a:read:secret-one", "secret-onesecret-two"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_null(find(wrong[i]));
    }
}

static void without_keys_nothing_is_one(void **state) {
    (void)state;
    assert_int_equal(parse("", ','), ZP_OK);
    assert_null(find(""));
    assert_null(find("anything"));
}

static void a_key_may_be_given_as_its_hash(void **state) {
    (void)state;
    assert_int_equal(
        parse("a:ops:sha256=2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b", ','), ZP_OK);
    assert_non_null(find("secret"));
    assert_false(keys.list[0].is_short); /* who knows how long it is? */
    assert_null(find("sha256=2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"));
    assert_int_equal(
        parse("a:ops:sha256=2BB80D537B1DA3E38BD30361AA855686BDE0EACD7162FEF6A25FE97BF527A25B", ','), ZP_OK);
    assert_non_null(find("secret"));
}

static void a_file_has_one_on_each_line_and_comments(void **state) {
    (void)state;
    assert_int_equal(
        parse("# who: what for\r\n\r\n  a:read:secret,with,commas\r\n#b:ops:no\nc:ops+read:last", '\n'),
        ZP_OK);
    assert_int_equal(keys.count, 2);
    assert_non_null(find("secret,with,commas"));
    assert_non_null(find("last"));
    assert_null(find("no"));
}

static void a_list_that_says_anything_else_is_refused_with_its_place(void **state) {
    (void)state;
    assert_non_null(strstr(reason_of("a:read:x,b", ',', 2), "name:area"));
    assert_non_null(strstr(reason_of("a:secret", ',', 1), "name:area"));
    assert_non_null(strstr(reason_of(":read:x", ',', 1), "name"));
    assert_non_null(strstr(reason_of("a b:read:x", ',', 1), "name"));
    assert_non_null(strstr(reason_of("a::x", ',', 1), "areas"));
    assert_non_null(strstr(reason_of("a:read+:x", ',', 1), "areas"));
    assert_non_null(strstr(reason_of("a:read+admin:x", ',', 1), "areas"));
    assert_non_null(strstr(reason_of("a:read:", ',', 1), "empty"));
    assert_non_null(strstr(reason_of("a:read:two words", ',', 1), "blanks"));
    assert_non_null(strstr(reason_of("a:read:sha256=00", ',', 1), "64"));
    assert_non_null(strstr(reason_of("a:read:sha256=zz", ',', 1), "64"));
    assert_non_null(strstr(reason_of("#\n\na:read:x\na:ops:y", '\n', 4), "taken"));
    assert_non_null(strstr(reason_of("a:read:x,b:ops:x", ',', 2), "another key"));
}

static void short_secrets_are_told(void **state) {
    (void)state;
    assert_int_equal(parse("a:read:123456789012345,b:read:1234567890123456", ','), ZP_OK);
    assert_true(keys.list[0].is_short);
    assert_false(keys.list[1].is_short);
}

static void there_are_at_most_256(void **state) {
    (void)state;
    static char text[API_KEYS_MAX * 24 + 24];
    size_t used = 0;
    for (int i = 0; i < API_KEYS_MAX; i++) {
        used += (size_t)snprintf(text + used, sizeof text - used, "k%d:read:secret-%d\n", i, i);
    }
    assert_int_equal(parse(text, '\n'), ZP_OK);
    assert_string_equal(find("secret-255")->name, "k255");
    (void)snprintf(text + used, sizeof text - used, "k:read:secret");
    assert_non_null(strstr(reason_of(text, '\n', API_KEYS_MAX + 1), "more than"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_key_is_found_by_its_secret_with_its_areas),
        cmocka_unit_test(nothing_else_is_a_key),
        cmocka_unit_test(without_keys_nothing_is_one),
        cmocka_unit_test(a_key_may_be_given_as_its_hash),
        cmocka_unit_test(a_file_has_one_on_each_line_and_comments),
        cmocka_unit_test(a_list_that_says_anything_else_is_refused_with_its_place),
        cmocka_unit_test(short_secrets_are_told),
        cmocka_unit_test(there_are_at_most_256),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

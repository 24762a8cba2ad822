#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/str_view.h"
#include <cmocka.h>
#include <stdlib.h>

#define VIEW(literal) str_view_make(literal, sizeof(literal) - 1)

static void views_are_equal_by_their_bytes(void **state) {
    (void)state;
    assert_true(str_view_equal(VIEW("a\0b"), VIEW("a\0b")));
    assert_false(str_view_equal(VIEW("a\0b"), VIEW("a\0c")));
    assert_false(str_view_equal(VIEW("a"), VIEW("ab")));
    assert_true(str_view_equal(str_view_of(NULL), VIEW("")));
}

static void case_is_ignored_for_ascii_letters_only(void **state) {
    (void)state;
    assert_true(str_view_equal_ignoring_case(VIEW("Sec-WebSocket-Key"), "sec-websocket-KEY"));
    assert_false(str_view_equal_ignoring_case(VIEW("Upgrade"), "Upgrad"));
    assert_false(str_view_equal_ignoring_case(VIEW("@["), "`{")); /* 32 apart, as letters are */
    assert_false(str_view_equal_ignoring_case(VIEW("\xc4"), "\xe4"));
}

static void trim_takes_spaces_and_tabs_at_both_ends(void **state) {
    (void)state;
    assert_true(str_view_equal(str_view_trim(VIEW(" \t a b\t ")), VIEW("a b")));
    assert_true(str_view_equal(str_view_trim(VIEW(" \t ")), VIEW("")));
    assert_true(str_view_equal(str_view_trim(VIEW("\na")), VIEW("\na")));
    assert_int_equal(str_view_trim(str_view_of(NULL)).len, 0);
}

static void dup_ends_with_nul(void **state) {
    (void)state;
    char *copy = str_view_dup(str_view_make("abcdef", 3));
    assert_string_equal(copy, "abc");
    free(copy);
    copy = str_view_dup(str_view_of(NULL));
    assert_string_equal(copy, "");
    free(copy);
}

static void well_formed_utf8_is_clean(void **state) {
    (void)state;
    assert_true(str_view_is_clean_text(VIEW("")));
    assert_true(str_view_is_clean_text(VIEW("user-1 ~")));
    assert_true(str_view_is_clean_text(VIEW("J\xc3\xbcrg \xe2\x82\xac \xf0\x9f\x98\x80")));
    /* The last code point of each length, and those beside the surrogates. */
    assert_true(str_view_is_clean_text(VIEW("\xdf\xbf\xef\xbf\xbf\xf4\x8f\xbf\xbf")));
    assert_true(str_view_is_clean_text(VIEW("\xed\x9f\xbf\xee\x80\x80")));
}

static void malformed_utf8_is_not_clean(void **state) {
    (void)state;
    static const char *const malformed[] = {
        "\x80",             /* a continuation alone */
        "\xc3",             /* cut */
        "\xe2\x82",         /* cut */
        "\xf0\x9f\x98",     /* cut */
        "\xc3(",            /* no continuation */
        "\xe2\x28\xa1",     /* no continuation */
        "\xf0\x9f\x98(",    /* no continuation */
        "\xc0\xaf",         /* overlong '/' */
        "\xc1\xbf",         /* overlong */
        "\xe0\x80\xaf",     /* overlong */
        "\xe0\x9f\xbf",     /* overlong */
        "\xf0\x80\x80\xaf", /* overlong */
        "\xf0\x8f\xbf\xbf", /* overlong */
        "\xed\xa0\x80",     /* a surrogate */
        "\xed\xbf\xbf",     /* a surrogate */
        "\xf4\x90\x80\x80", /* beyond U+10FFFF */
        "\xf5\x80\x80\x80", /* beyond U+10FFFF */
        "\xff",
    };
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++) {
        if (str_view_is_clean_text(str_view_of(malformed[i]))) {
            fail_msg("row %zu passed", i);
        }
    }
}

static void a_sequence_that_the_view_cuts_is_not_clean(void **state) {
    (void)state;
    assert_false(str_view_is_clean_text(str_view_make("\xe2\x82\xac", 2)));
}

static void control_characters_are_not_clean(void **state) {
    (void)state;
    assert_false(str_view_is_clean_text(VIEW("a\0b")));
    assert_false(str_view_is_clean_text(VIEW("a\nb")));
    assert_false(str_view_is_clean_text(VIEW("a\x1f")));
    assert_false(str_view_is_clean_text(VIEW("\x7f")));
    assert_false(str_view_is_clean_text(VIEW("\xc2\x85")));
    assert_true(str_view_is_clean_text(VIEW("\xc2\xa0")));
    assert_true(str_view_is_clean_text(VIEW(" ")));
}

static void escape_lets_no_value_pass_for_another_pair(void **state) {
    (void)state;
    char out[64];
    assert_string_equal(str_view_escape(VIEW("user-1@example.org"), out, sizeof out), "user-1@example.org");
    assert_string_equal(str_view_escape(VIEW("a b=\"c\"\n"), out, sizeof out), "a\\x20b=\\x22c\\x22\\x0a");
    assert_string_equal(str_view_escape(VIEW("'\\\0\x7f\xff"), out, sizeof out), "\\x27\\x5c\\x00\\x7f\\xff");
}

static void escape_cuts_between_characters(void **state) {
    (void)state;
    char out[6];
    assert_string_equal(str_view_escape(VIEW("abcdefgh"), out, sizeof out), "abcde");
    assert_string_equal(str_view_escape(VIEW("ab\ncd"), out, sizeof out), "ab");
    assert_string_equal(str_view_escape(VIEW("a\nb"), out, sizeof out), "a\\x0a");
    assert_string_equal(str_view_escape(VIEW("a"), out, 1), "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(views_are_equal_by_their_bytes),
        cmocka_unit_test(case_is_ignored_for_ascii_letters_only),
        cmocka_unit_test(trim_takes_spaces_and_tabs_at_both_ends),
        cmocka_unit_test(dup_ends_with_nul),
        cmocka_unit_test(well_formed_utf8_is_clean),
        cmocka_unit_test(malformed_utf8_is_not_clean),
        cmocka_unit_test(a_sequence_that_the_view_cuts_is_not_clean),
        cmocka_unit_test(control_characters_are_not_clean),
        cmocka_unit_test(escape_lets_no_value_pass_for_another_pair),
        cmocka_unit_test(escape_cuts_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/auth/base64url.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void texts_of_the_standard_are_decoded(void **state) {
    (void)state;
    static const struct {
        const char *text, *bytes;
    } rows[] = {{"", ""},           {"Zg", "f"},          {"Zm8", "fo"},          {"Zm9v", "foo"},
                {"Zm9vYg", "foob"}, {"Zm9vYmE", "fooba"}, {"Zm9vYmFy", "foobar"}, {"-_-_", "\xfb\xff\xbf"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char out[8];
        size_t len_bytes = 99;
        assert_int_equal(base64url_decode(str_view_of(rows[i].text), out, &len_bytes), ZP_OK);
        assert_true(str_view_equal(str_view_make(out, len_bytes), str_view_of(rows[i].bytes)));
    }
}

static void what_is_not_of_the_alphabet_or_no_length_is_refused(void **state) {
    (void)state;
    static const char *const texts[] = {"Z",     "Zm9vY",  "Zg==", "Zg=",  "Zm8=", "Zm9v ",      " Zm9v",
                                        "Zm 9v", "Zm9v\n", "+/+/", "Zm+v", "Zm9.", "Zm9\xc3\xa9"};
    char out[16];
    size_t len_bytes = 0;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_int_equal(base64url_decode(str_view_of(texts[i]), out, &len_bytes), ZP_INVALID);
    }
    assert_int_equal(base64url_decode(str_view_make("Zm\0v", 4), out, &len_bytes), ZP_INVALID);
}

/* Of the 64 texts that differ in their last character, those that decode give different bytes. */
static void bytes_have_one_text_only(void **state) {
    (void)state;
    for (size_t len = 2; len <= 4; len++) {
        char text[] = "AAAA";
        bool seen[256] = {false};
        size_t decoded_count = 0;
        for (size_t i = 0; i < 64; i++) {
            char out[4] = {0};
            size_t len_bytes = 0;
            text[len - 1] = alphabet[i];
            if (base64url_decode(str_view_make(text, len), out, &len_bytes) != ZP_OK) {
                continue;
            }
            unsigned char last = (unsigned char)out[len_bytes - 1];
            assert_int_equal(len_bytes, len - 1);
            assert_false(seen[last]);
            seen[last] = true;
            decoded_count++;
        }
        assert_int_equal(decoded_count, len == 2 ? 4 : len == 3 ? 16 : 64);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_of_the_standard_are_decoded),
        cmocka_unit_test(what_is_not_of_the_alphabet_or_no_length_is_refused),
        cmocka_unit_test(bytes_have_one_text_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

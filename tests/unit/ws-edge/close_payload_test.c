/* close_payload: which codes and reasons may stand in a close frame. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "services/ws-edge/core/close_payload.h"

#include <stdbool.h>
#include <string.h>

#include "common/base/str_view.h"

static uint16_t check(unsigned code, const char *reason, size_t reason_bytes) {
    close_payload payload = {0};
    uint16_t verdict = close_payload_take(&payload, (uint8_t)(code >> 8));
    assert_int_equal(verdict, 0);
    verdict = close_payload_take(&payload, (uint8_t)code);
    for (size_t i = 0; i < reason_bytes && verdict == 0; i++) {
        verdict = close_payload_take(&payload, (uint8_t)reason[i]);
    }
    return verdict != 0 ? verdict : close_payload_end(&payload);
}

static void every_code_that_may_be_sent_may_and_no_other(void **state) {
    (void)state;
    for (unsigned code = 0; code <= UINT16_MAX; code++) {
        bool right =
            (code >= 1000 && code < 1015 && (code < 1004 || code > 1006)) || (code >= 3000 && code < 5000);
        assert_int_equal(check(code, "bye", 3), right ? 0 : 1002);
    }
}

static void no_payload_is_no_error(void **state) {
    (void)state;
    close_payload payload = {0};
    assert_int_equal(close_payload_end(&payload), 0);
    assert_int_equal(check(1000, "", 0), 0);
}

static void a_reason_is_utf8(void **state) {
    (void)state;
#define GOOD(text) assert_int_equal(check(1000, text, sizeof(text) - 1), 0)
#define BAD(text) assert_int_equal(check(1000, text, sizeof(text) - 1), 1007)
    GOOD("gr\xc3\xbc\xc3\x9f dich \xe2\x82\xac \xf0\x9f\x98\x80");
    GOOD("\x00\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f"
         "\xbf\xbf");
    BAD("\x80");
    BAD("a\xbf");
    BAD("\xc0\x80"); /* NUL, too long */
    BAD("\xc1\xbf");
    BAD("\xc3"); /* cut */
    BAD("\xc3g");
    BAD("\xe0\x9f\xbf"); /* too long */
    BAD("\xe2\x82");     /* cut */
    BAD("\xe2\x82g");
    BAD("\xed\xa0\x80");     /* a surrogate */
    BAD("\xf0\x8f\xbf\xbf"); /* too long */
    BAD("\xf0\x9f\x98");     /* cut */
    BAD("\xf4\x90\x80\x80"); /* beyond U+10FFFF */
    BAD("\xf5\x80\x80\x80");
    BAD("\xff");
}

/* Against the validator of whole texts, which also refuses controls: every reason of two bytes and many of
 * four. */
static void it_agrees_with_the_validator_of_whole_texts(void **state) {
    (void)state;
    for (unsigned pair = 0; pair <= UINT16_MAX; pair++) {
        char text[] = {(char)(pair >> 8), (char)pair};
        uint8_t first = (uint8_t)text[0];
        if (first >= 0xa0 || (first >= ' ' && first < 0x7f)) {
            for (unsigned tail = 0; tail < 4; tail++) {
                static const char *const tails[] = {"", "\xbf", "\x8f\xa1", "x"};
                char whole[4];
                size_t len = strlen(tails[tail]);
                memcpy(whole, text, 2);
                memcpy(whole + 2, tails[tail], len);
                if (str_view_is_clean_text(str_view_make(whole, 2 + len))) {
                    assert_int_equal(check(1000, whole, 2 + len), 0);
                } else if ((uint8_t)text[1] >= 0xa0 || (text[1] >= ' ' && text[1] < 0x7f)) {
                    assert_int_equal(check(1000, whole, 2 + len), 1007);
                }
            }
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_that_may_be_sent_may_and_no_other),
        cmocka_unit_test(no_payload_is_no_error),
        cmocka_unit_test(a_reason_is_utf8),
        cmocka_unit_test(it_agrees_with_the_validator_of_whole_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* text_buffer: text put together, escaped for where it will stand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "services/http-api/core/text_buffer.h"

static void assert_text(text_buffer *text, const char *expected) {
    size_t len = 0;
    char *bytes = text_take(text, &len);
    assert_non_null(bytes);
    assert_int_equal(len, strlen(expected));
    assert_memory_equal(bytes, expected, len);
    free(bytes);
}

static void html_loses_its_meaning(void **state) {
    (void)state;
    text_buffer text = {0};
    text_add_html(&text, "<b onclick=\"x('&')\">");
    assert_text(&text, "&lt;b onclick=&quot;x(&#39;&amp;&#39;)&quot;&gt;");
    text_add_html(&text, "plain, \xc3\xbc");
    assert_text(&text, "plain, \xc3\xbc");
}

static void json_strings_escape_quotes_backslashes_and_control_bytes(void **state) {
    (void)state;
    text_buffer text = {0};
    text_add_json(&text, str_view_make("\"\\/\n\0\x1f\x7f\xc3\xbc", 9));
    assert_text(&text, "\"\\\"\\\\/\\u000a\\u0000\\u001f\x7f\xc3\xbc\"");
    text_add_json(&text, str_view_of(""));
    assert_text(&text, "\"\"");
}

static void it_grows_over_many_pieces(void **state) {
    (void)state;
    text_buffer text = {0};
    for (unsigned i = 0; i < 10000; i++) {
        text_add_format(&text, "%04u,", i);
    }
    size_t len = 0;
    char *bytes = text_take(&text, &len);
    assert_non_null(bytes);
    assert_int_equal(len, 50000);
    assert_memory_equal(bytes + 49995, "9999,", 5);
    free(bytes);
}

static void taking_nothing_is_a_failure_and_leaves_it_usable(void **state) {
    (void)state;
    text_buffer text = {0};
    size_t len = 7;
    assert_null(text_take(&text, &len));
    assert_int_equal(len, 7);
    text_add(&text, "x");
    assert_text(&text, "x");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(html_loses_its_meaning),
        cmocka_unit_test(json_strings_escape_quotes_backslashes_and_control_bytes),
        cmocka_unit_test(it_grows_over_many_pieces),
        cmocka_unit_test(taking_nothing_is_a_failure_and_leaves_it_usable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

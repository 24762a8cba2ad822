/* redis_info: what a core reads from INFO. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "services/presence-core/core/redis_info.h"

static void assert_value(const char *info, const char *field, const char *expected) {
    str_view value = redis_info_value(str_view_of(info), field);
    assert_true(str_view_equal(value, str_view_of(expected)));
}

static void a_field_is_found_on_its_own_line(void **state) {
    (void)state;
    const char *info =
        "# Server\r\nredis_version:7.0.15\r\nmaster_run_id:no\r\nrun_id:4f2a\r\ntcp_port:0\r\n";
    assert_value(info, "run_id", "4f2a");
    assert_value(info, "redis_version", "7.0.15");
    assert_value(info, "tcp_port", "0");
    assert_value(info, "role", "");
    assert_value(info, "run", "");
}

static void ends_of_lines_and_of_the_text_are_no_part_of_a_value(void **state) {
    (void)state;
    assert_value("role:master", "role", "master");
    assert_value("role:master\n", "role", "master");
    assert_value("role:\r\nx:1\r\n", "role", "");
    assert_value("role", "role", "");
    assert_value("", "role", "");
    assert_value("\r\n\r\nrole:slave\r\n", "role", "slave");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_field_is_found_on_its_own_line),
        cmocka_unit_test(ends_of_lines_and_of_the_text_are_no_part_of_a_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

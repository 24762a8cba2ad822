#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/random.h"
#include <cmocka.h>
#include <string.h>

static void ids_are_sixteen_hex_digits_and_differ(void **state) {
    (void)state;
    char one[RANDOM_HEX_BYTES];
    char other[RANDOM_HEX_BYTES];
    assert_int_equal(strlen(random_hex(one)), 16);
    assert_int_equal(strspn(one, "0123456789abcdef"), 16);
    assert_string_not_equal(one, random_hex(other));
    assert_int_not_equal(random_u64(), random_u64());
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(ids_are_sixteen_hex_digits_and_differ)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/clock.h"
#include <cmocka.h>

static void times_are_spelled_as_clients_expect(void **state) {
    (void)state;
    char out[CLOCK_ISO8601_BYTES];
    assert_string_equal(clock_iso8601(1765535445123, out), "2025-12-12T10:30:45.123Z");
    assert_string_equal(clock_iso8601(0, out), "1970-01-01T00:00:00.000Z");
    assert_string_equal(clock_iso8601(951782400007, out), "2000-02-29T00:00:00.007Z");
}

static void a_time_beyond_four_digits_of_year_is_the_last_one(void **state) {
    (void)state;
    char out[CLOCK_ISO8601_BYTES];
    assert_string_equal(clock_iso8601(253402300799999, out), "9999-12-31T23:59:59.999Z");
    assert_string_equal(clock_iso8601(253402300800000, out), "9999-12-31T23:59:59.999Z");
    assert_string_equal(clock_iso8601(UINT64_MAX, out), "9999-12-31T23:59:59.999Z");
}

static void both_clocks_advance(void **state) {
    (void)state;
    uint64_t monotonic = clock_monotonic_ms();
    uint64_t deadline = clock_unix_ms() + 20;
    while (clock_unix_ms() < deadline) {
    }
    assert_in_range(clock_monotonic_ms() - monotonic, 10, 5000);
    assert_true(deadline > 1765535445123);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_spelled_as_clients_expect),
        cmocka_unit_test(a_time_beyond_four_digits_of_year_is_the_last_one),
        cmocka_unit_test(both_clocks_advance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

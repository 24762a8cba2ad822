/* redis_clock: what TIME Redis has, told from what it said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/presence/redis_clock.h"

enum { UNKNOWN = 42 };

static void nothing_is_known_before_it_is_said(void **state) {
    (void)state;
    redis_clock_t clock = {0};
    assert_int_equal(redis_clock_at(&clock, 1000, 0, UNKNOWN), UNKNOWN);
    redis_clock_note(&clock, 501000, 1000, 1000);
    assert_int_equal(redis_clock_at(&clock, 1000, 0, UNKNOWN), 501000);
    assert_int_equal(redis_clock_at(&clock, 1600, 400, UNKNOWN), 502000);
    redis_clock_forget(&clock);
    assert_int_equal(redis_clock_at(&clock, 1000, 0, UNKNOWN), UNKNOWN);
}

static void the_answer_that_was_fastest_counts(void **state) {
    (void)state;
    redis_clock_t clock = {0};
    redis_clock_note(&clock, 501000, 1000, 1050);
    redis_clock_note(&clock, 502000, 2000, 2001);
    redis_clock_note(&clock, 503000, 3000, 3150);
    assert_int_equal(redis_clock_at(&clock, 4000, 0, UNKNOWN), 503999);
}

static void an_answer_that_took_long_says_nothing(void **state) {
    (void)state;
    redis_clock_t clock = {0};
    redis_clock_note(&clock, 501000, 1000, 1001 + REDIS_CLOCK_SLOW_MS);
    assert_int_equal(redis_clock_at(&clock, 1000, 0, UNKNOWN), UNKNOWN);
}

static void a_clock_that_is_set_back_is_believed_in_time(void **state) {
    (void)state;
    redis_clock_t clock = {0};
    redis_clock_note(&clock, 501000, 1000, 1000);
    for (uint64_t i = 0; i < REDIS_CLOCK_SAMPLES; i++) {
        redis_clock_note(&clock, 101000 + i, 1000 + i, 1000 + i);
    }
    assert_int_equal(redis_clock_at(&clock, 2000, 0, UNKNOWN), 102000);
}

static void redis_may_be_behind_our_clock(void **state) {
    (void)state;
    redis_clock_t clock = {0};
    redis_clock_note(&clock, 1000, 501000, 501000);
    assert_int_equal(redis_clock_at(&clock, 502000, 0, UNKNOWN), 2000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_known_before_it_is_said),
        cmocka_unit_test(the_answer_that_was_fastest_counts),
        cmocka_unit_test(an_answer_that_took_long_says_nothing),
        cmocka_unit_test(a_clock_that_is_set_back_is_believed_in_time),
        cmocka_unit_test(redis_may_be_behind_our_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* rate_limit: how many pass, and when, by a clock that the test sets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/limits/rate_limit.h"

static unsigned take_all(const rate_limit *limit, rate_bucket *bucket, uint64_t now_ms) {
    unsigned taken = 0;
    while (taken < 100000 && rate_limit_take(limit, bucket, 1, now_ms)) {
        taken++;
    }
    return taken;
}

static void a_fresh_bucket_gives_its_burst_and_no_more(void **state) {
    (void)state;
    rate_limit limit = rate_limit_of(10, 25);
    rate_bucket bucket = {0};
    assert_true(rate_bucket_is_full(&bucket, 5000));
    assert_int_equal(take_all(&limit, &bucket, 5000), 25);
    assert_false(rate_bucket_is_full(&bucket, 5000));
    assert_false(rate_limit_take(&limit, &bucket, 1, 5000));
}

static void it_fills_at_the_rate_and_never_beyond_the_burst(void **state) {
    (void)state;
    rate_limit limit = rate_limit_of(10, 25);
    rate_bucket bucket = {0};
    assert_int_equal(take_all(&limit, &bucket, 1000), 25);
    assert_int_equal(take_all(&limit, &bucket, 1099), 0);
    assert_int_equal(take_all(&limit, &bucket, 1100), 1);
    assert_int_equal(take_all(&limit, &bucket, 1600), 5);
    assert_false(rate_bucket_is_full(&bucket, 4099));
    assert_true(rate_bucket_is_full(&bucket, 4100));
    assert_int_equal(take_all(&limit, &bucket, 100000), 25);
}

static void what_is_refused_costs_nothing(void **state) {
    (void)state;
    rate_limit limit = rate_limit_of(1, 1);
    rate_bucket bucket = {0};
    assert_true(rate_limit_take(&limit, &bucket, 1, 0));
    for (uint64_t now_ms = 1; now_ms < 1000; now_ms++) {
        assert_false(rate_limit_take(&limit, &bucket, 1, now_ms));
    }
    assert_true(rate_limit_take(&limit, &bucket, 1, 1000));
}

static void several_are_taken_together_or_not_at_all(void **state) {
    (void)state;
    rate_limit limit = rate_limit_of(1000, 100);
    rate_bucket bucket = {0};
    assert_false(rate_limit_take(&limit, &bucket, 101, 50));
    assert_true(rate_limit_take(&limit, &bucket, 99, 50));
    assert_false(rate_limit_take(&limit, &bucket, 2, 50));
    assert_true(rate_limit_take(&limit, &bucket, 1, 50));
    assert_true(rate_limit_take(&limit, &bucket, 0, 50));
}

static void no_limit_lets_everything_pass(void **state) {
    (void)state;
    rate_limit limit = rate_limit_of(0, 0);
    rate_bucket bucket = {0};
    assert_int_equal(take_all(&limit, &bucket, 7), 100000);
    assert_true(rate_bucket_is_full(&bucket, 7));
}

static void over_an_hour_the_rate_holds(void **state) {
    (void)state;
    rate_limit limit = rate_limit_of(7, 14); /* no whole number of us */
    rate_bucket bucket = {0};
    unsigned taken = 0;
    for (uint64_t now_ms = 0; now_ms < 3600000; now_ms += 37) {
        taken += take_all(&limit, &bucket, now_ms);
    }
    assert_in_range(taken, 7 * 3600, 7 * 3600 + 14 + 1);
}

static void a_client_is_told_once_then_dropped_then_a_flood(void **state) {
    (void)state;
    rate_limit limit = rate_limit_of(10, 20);
    message_rate rate = {0};
    for (int i = 0; i < 20; i++) {
        assert_int_equal(message_rate_take(&limit, 20, &rate, 1, 1000), MESSAGE_TAKEN);
    }
    assert_int_equal(message_rate_take(&limit, 20, &rate, 1, 1000), MESSAGE_DROPPED_FIRST);
    for (int i = 1; i < 20; i++) {
        assert_int_equal(message_rate_take(&limit, 20, &rate, 1, 1001), MESSAGE_DROPPED);
    }
    assert_int_equal(message_rate_take(&limit, 20, &rate, 1, 1001), MESSAGE_FLOOD);
}

static void who_calms_down_has_a_clean_slate(void **state) {
    (void)state;
    rate_limit limit = rate_limit_of(10, 20);
    message_rate rate = {0};
    for (uint64_t now_ms = 0; now_ms < 100000; now_ms += 2000) { /* the bucket is full again each time */
        for (int i = 0; i < 20; i++) {
            assert_int_equal(message_rate_take(&limit, 3, &rate, 1, now_ms), MESSAGE_TAKEN);
        }
        assert_int_equal(message_rate_take(&limit, 3, &rate, 1, now_ms), MESSAGE_DROPPED_FIRST);
        assert_int_equal(message_rate_take(&limit, 3, &rate, 1, now_ms), MESSAGE_DROPPED);
    }
}

static void who_stays_a_little_above_the_limit_is_a_flood_in_the_end(void **state) {
    (void)state;
    rate_limit limit = rate_limit_of(10, 20);
    message_rate rate = {0};
    message_verdict verdict = MESSAGE_TAKEN;
    uint64_t now_ms = 0;
    for (; verdict != MESSAGE_FLOOD && now_ms < 60000; now_ms += 80) { /* 12.5 a second */
        verdict = message_rate_take(&limit, 20, &rate, 1, now_ms);
    }
    assert_in_range(now_ms, 10000, 20000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fresh_bucket_gives_its_burst_and_no_more),
        cmocka_unit_test(it_fills_at_the_rate_and_never_beyond_the_burst),
        cmocka_unit_test(what_is_refused_costs_nothing),
        cmocka_unit_test(several_are_taken_together_or_not_at_all),
        cmocka_unit_test(no_limit_lets_everything_pass),
        cmocka_unit_test(over_an_hour_the_rate_holds),
        cmocka_unit_test(a_client_is_told_once_then_dropped_then_a_flood),
        cmocka_unit_test(who_calms_down_has_a_clean_slate),
        cmocka_unit_test(who_stays_a_little_above_the_limit_is_a_flood_in_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

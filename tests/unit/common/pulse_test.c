#include "common/runtime/pulse.h"
#include "common_fixture.h"

static void a_pulse_comes_at_the_multiples_of_its_interval(void **state) {
    (void)state;
    assert_int_equal(pulse_wait_ms(5000, 1000, 0), 1000);
    assert_int_equal(pulse_wait_ms(5001, 1000, 0), 999);
    assert_int_equal(pulse_wait_ms(5999, 1000, 0), 1);
    assert_int_equal(pulse_wait_ms(0, 1000, 0), 1000);
}

static void a_phase_comes_so_long_after_them(void **state) {
    (void)state;
    assert_int_equal(pulse_wait_ms(5000, 1000, 20), 20);
    assert_int_equal(pulse_wait_ms(5019, 1000, 20), 1);
    assert_int_equal(pulse_wait_ms(5020, 1000, 20), 1000);
    assert_int_equal(pulse_wait_ms(5021, 1000, 20), 999);
    assert_int_equal(pulse_wait_ms(3, 250, 20), 17);
}

/* An interval that divides another is over whenever the other is: processes with both wake once. */
static void the_pulses_of_intervals_that_divide_each_other_fall_together(void **state) {
    (void)state;
    for (uint64_t now_ms = 0; now_ms < 1000; now_ms++) {
        uint64_t next_ms = now_ms + pulse_wait_ms(now_ms, 1000, pulse_offset_ms(PULSE_BEAT, 1000));
        uint64_t before_ms = next_ms - 1;
        assert_int_equal(before_ms + pulse_wait_ms(before_ms, 250, pulse_offset_ms(PULSE_BEAT, 250)),
                         next_ms);
    }
}

static void phases_follow_each_other_within_a_fifth_of_the_interval(void **state) {
    (void)state;
    for (uint64_t interval_ms = 10; interval_ms <= 60000; interval_ms += 10) {
        uint64_t first_ms = pulse_offset_ms(PULSE_BEFORE, interval_ms);
        uint64_t beat_ms = pulse_offset_ms(PULSE_BEAT, interval_ms);
        uint64_t after_ms = pulse_offset_ms(PULSE_AFTER, interval_ms);
        assert_int_equal(first_ms, 0);
        assert_true(first_ms < beat_ms && beat_ms < after_ms);
        assert_true(after_ms <= interval_ms / 5 && after_ms <= 40);
    }
}

static void an_interval_too_short_for_phases_has_none(void **state) {
    (void)state;
    for (uint64_t interval_ms = 1; interval_ms < 10; interval_ms++) {
        uint64_t offset_ms = pulse_offset_ms(PULSE_AFTER, interval_ms);
        assert_int_equal(offset_ms, 0);
        assert_in_range(pulse_wait_ms(interval_ms + 1, interval_ms, offset_ms), 1, interval_ms);
    }
}

/* -- on a loop -- */

enum { INTERVAL_MS = 200, PULSES = 4 };

typedef struct heart {
    pulse_t pulse;
    uint64_t last_ms;
    int count;
    int stop_after;
} heart;

static void on_pulse(uv_timer_t *timer) {
    heart *self = timer->data;
    uint64_t now_ms = uv_now(timer->loop);
    uint64_t offset_ms = pulse_offset_ms(PULSE_AFTER, INTERVAL_MS);
    assert_true(now_ms % INTERVAL_MS >= offset_ms);
    assert_true(now_ms / INTERVAL_MS > self->last_ms / INTERVAL_MS);
    self->last_ms = now_ms;
    if (++self->count == self->stop_after) {
        uv_timer_stop(timer);
    }
}

static void run(heart *self) {
    uv_loop_t loop;
    assert_int_equal(uv_loop_init(&loop), 0);
    uv_timer_init(&loop, &self->pulse.timer);
    self->pulse.timer.data = self;
    pulse_start(&self->pulse, on_pulse, INTERVAL_MS, PULSE_AFTER);
    uv_run(&loop, UV_RUN_DEFAULT); /* until nothing is active any more */
    uv_close((uv_handle_t *)&self->pulse.timer, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
}

static void it_goes_on_in_step_until_its_owner_stops_it(void **state) {
    (void)state;
    heart self = {.stop_after = PULSES};
    run(&self);
    assert_int_equal(self.count, PULSES);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pulse_comes_at_the_multiples_of_its_interval),
        cmocka_unit_test(a_phase_comes_so_long_after_them),
        cmocka_unit_test(the_pulses_of_intervals_that_divide_each_other_fall_together),
        cmocka_unit_test(phases_follow_each_other_within_a_fifth_of_the_interval),
        cmocka_unit_test(an_interval_too_short_for_phases_has_none),
        cmocka_unit_test(it_goes_on_in_step_until_its_owner_stops_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

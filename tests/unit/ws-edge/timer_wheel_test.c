/* timer_wheel: every entry fires once, never early, in the first advance that reaches its tick, wherever on
 * the wheel it stands and whatever the callback does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "services/ws-edge/core/timer_wheel.h"

enum { TICK_MS = 10, SLOTS = 8, HORIZON_MS = TICK_MS * SLOTS };

typedef struct probe {
    timer_wheel_entry entry; /* first: the callback gets its address */
    timer_wheel_t *wheel;
    size_t fired_count;
    uint64_t again_ms;     /* set again, from the callback; 0: not */
    struct probe *cancels; /* cancelled from the callback */
    struct probe **last;   /* where to note that it fired */
} probe;

static void fire(void *context, timer_wheel_entry *entry) {
    probe *p = (probe *)entry;
    (void)context;
    assert_false(timer_wheel_is_set(entry));
    p->fired_count++;
    if (p->last) {
        *p->last = p;
    }
    if (p->cancels) {
        timer_wheel_cancel(p->wheel, &p->cancels->entry);
    }
    if (p->again_ms > 0) {
        timer_wheel_set(p->wheel, entry, p->again_ms);
        p->again_ms = 0;
    }
}

static uint64_t round_up(uint64_t ms) {
    return (ms + TICK_MS - 1) / TICK_MS * TICK_MS;
}

/* From every place within a turn, to every distance up to three turns, one millisecond at a time. */
static void every_entry_fires_once_at_its_tick(void **state) {
    (void)state;
    for (uint64_t begin_ms = 1000; begin_ms < 1000 + HORIZON_MS; begin_ms += 7) {
        for (uint64_t delay_ms = 0; delay_ms <= 3 * HORIZON_MS; delay_ms++) {
            timer_wheel_t *wheel = timer_wheel_new(TICK_MS, SLOTS, begin_ms);
            probe p = {0};
            uint64_t due_ms = begin_ms + delay_ms;
            uint64_t first_tick_ms = begin_ms / TICK_MS * TICK_MS + TICK_MS;
            uint64_t expected_ms = round_up(due_ms) > first_tick_ms ? round_up(due_ms) : first_tick_ms;
            timer_wheel_set(wheel, &p.entry, due_ms);
            for (uint64_t now_ms = begin_ms; now_ms < expected_ms; now_ms++) {
                assert_int_equal(timer_wheel_advance(wheel, now_ms, fire, NULL), 0);
            }
            assert_int_equal(timer_wheel_count(wheel), 1);
            assert_int_equal(timer_wheel_advance(wheel, expected_ms, fire, NULL), 1);
            assert_int_equal(p.fired_count, 1);
            assert_int_equal(timer_wheel_count(wheel), 0);
            assert_int_equal(timer_wheel_advance(wheel, expected_ms + 3 * HORIZON_MS, fire, NULL), 0);
            timer_wheel_destroy(&wheel);
            assert_null(wheel);
        }
    }
}

static void a_long_pause_fires_all_that_became_due_and_nothing_else(void **state) {
    (void)state;
    timer_wheel_t *wheel = timer_wheel_new(TICK_MS, SLOTS, 0);
    probe probes[100] = {0};
    for (uint64_t i = 0; i < 100; i++) {
        timer_wheel_set(wheel, &probes[i].entry, i * 5);
    }
    assert_int_equal(timer_wheel_advance(wheel, 300, fire, NULL), 61);
    for (uint64_t i = 0; i < 100; i++) {
        assert_int_equal(probes[i].fired_count, i * 5 <= 300 ? 1 : 0);
    }
    assert_int_equal(timer_wheel_advance(wheel, 10000, fire, NULL), 39);
    timer_wheel_destroy(&wheel);
}

static void setting_again_moves_it(void **state) {
    (void)state;
    timer_wheel_t *wheel = timer_wheel_new(TICK_MS, SLOTS, 0);
    probe p = {0};
    timer_wheel_set(wheel, &p.entry, 20);
    timer_wheel_set(wheel, &p.entry, 500);
    assert_int_equal(timer_wheel_count(wheel), 1);
    assert_int_equal(timer_wheel_advance(wheel, 499, fire, NULL), 0);
    timer_wheel_set(wheel, &p.entry, 510);
    timer_wheel_set(wheel, &p.entry, 500);
    assert_int_equal(timer_wheel_advance(wheel, 500, fire, NULL), 1);
    timer_wheel_destroy(&wheel);
}

static void a_cancelled_entry_does_not_fire(void **state) {
    (void)state;
    timer_wheel_t *wheel = timer_wheel_new(TICK_MS, SLOTS, 0);
    probe p = {0};
    timer_wheel_cancel(wheel, &p.entry); /* never set: harmless */
    timer_wheel_set(wheel, &p.entry, 20);
    timer_wheel_cancel(wheel, &p.entry);
    timer_wheel_cancel(wheel, &p.entry);
    assert_false(timer_wheel_is_set(&p.entry));
    assert_int_equal(timer_wheel_count(wheel), 0);
    assert_int_equal(timer_wheel_advance(wheel, 1000, fire, NULL), 0);
    timer_wheel_destroy(&wheel);
}

static void a_callback_may_set_itself_again_even_for_the_past(void **state) {
    (void)state;
    timer_wheel_t *wheel = timer_wheel_new(TICK_MS, SLOTS, 0);
    probe p = {.wheel = wheel, .again_ms = 1};
    timer_wheel_set(wheel, &p.entry, 20);
    assert_int_equal(timer_wheel_advance(wheel, 20, fire, NULL), 1);
    assert_true(timer_wheel_is_set(&p.entry));
    assert_int_equal(timer_wheel_advance(wheel, 29, fire, NULL), 0);
    assert_int_equal(timer_wheel_advance(wheel, 30, fire, NULL), 1);
    timer_wheel_destroy(&wheel);
}

static void a_callback_may_cancel_one_that_is_due_in_the_same_tick(void **state) {
    (void)state;
    timer_wheel_t *wheel = timer_wheel_new(TICK_MS, SLOTS, 0);
    probe second = {0};
    probe first = {.wheel = wheel, .cancels = &second};
    timer_wheel_set(wheel, &first.entry, 20);
    timer_wheel_set(wheel, &second.entry, 20);
    assert_int_equal(timer_wheel_advance(wheel, 20, fire, NULL), 1);
    assert_int_equal(second.fired_count, 0);
    assert_int_equal(timer_wheel_count(wheel), 0);
    timer_wheel_destroy(&wheel);
}

static void a_clock_that_goes_back_makes_nothing_due(void **state) {
    (void)state;
    timer_wheel_t *wheel = timer_wheel_new(TICK_MS, SLOTS, 1000);
    probe p = {0};
    timer_wheel_set(wheel, &p.entry, 1020);
    assert_int_equal(timer_wheel_advance(wheel, 0, fire, NULL), 0);
    assert_int_equal(timer_wheel_advance(wheel, 1000, fire, NULL), 0);
    assert_int_equal(timer_wheel_advance(wheel, 1020, fire, NULL), 1);
    timer_wheel_destroy(&wheel);
}

static void the_end_of_time_is_far_away_and_harmless(void **state) {
    (void)state;
    timer_wheel_t *wheel = timer_wheel_new(TICK_MS, SLOTS, 0);
    probe p = {0};
    timer_wheel_set(wheel, &p.entry, UINT64_MAX);
    assert_int_equal(timer_wheel_advance(wheel, 1000000, fire, NULL), 0);
    assert_int_equal(timer_wheel_count(wheel), 1);
    timer_wheel_destroy(&wheel);
}

static void ticks_fire_in_order(void **state) {
    (void)state;
    timer_wheel_t *wheel = timer_wheel_new(TICK_MS, SLOTS, 0);
    probe *newest = NULL;
    probe early = {.last = &newest};
    probe late = {.last = &newest};
    timer_wheel_set(wheel, &late.entry, 60);
    timer_wheel_set(wheel, &early.entry, 20);
    assert_int_equal(timer_wheel_advance(wheel, 70, fire, NULL), 2);
    assert_ptr_equal(newest, &late);
    timer_wheel_destroy(&wheel);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_entry_fires_once_at_its_tick),
        cmocka_unit_test(a_long_pause_fires_all_that_became_due_and_nothing_else),
        cmocka_unit_test(setting_again_moves_it),
        cmocka_unit_test(a_cancelled_entry_does_not_fire),
        cmocka_unit_test(a_callback_may_set_itself_again_even_for_the_past),
        cmocka_unit_test(a_callback_may_cancel_one_that_is_due_in_the_same_tick),
        cmocka_unit_test(a_clock_that_goes_back_makes_nothing_due),
        cmocka_unit_test(the_end_of_time_is_far_away_and_harmless),
        cmocka_unit_test(ticks_fire_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

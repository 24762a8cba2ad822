/* admission: so many a second and no more, and whoever waits knows after a bounded time. */
#include "services/ws-edge/core/admission.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* How many are let in of those who come in one moment. */
static unsigned let_in(admission *a, uint64_t now_ms) {
    unsigned count = 0;
    while (count < 1000000 && admission_has_room(a, now_ms)) {
        admission_enter(a, now_ms);
        count++;
    }
    return count;
}

static void take(admission *a, size_t count) {
    for (size_t i = 0; i < count; i++) {
        admission_take(a);
    }
}

static void the_rate_holds_over_a_second_and_a_burst_is_a_twentieth_of_it(void **state) {
    (void)state;
    admission a;
    admission_init(&a, 1000, 5000);
    assert_int_equal(let_in(&a, 10000), 50);
    assert_int_equal(let_in(&a, 10000), 0);
    unsigned count = 0;
    for (uint64_t now_ms = 10005; now_ms <= 11000; now_ms += 5) {
        count += let_in(&a, now_ms);
    }
    assert_int_equal(count, 1000);
}

static void a_rate_below_the_bursts_lets_one_in_at_a_time(void **state) {
    (void)state;
    admission a;
    admission_init(&a, 2, 5000);
    assert_int_equal(let_in(&a, 10000), 1);
    assert_int_equal(let_in(&a, 10499), 0);
    assert_int_equal(let_in(&a, 10500), 1);
}

static void without_a_rate_everybody_comes_in(void **state) {
    (void)state;
    admission a;
    admission_init(&a, 0, 5000);
    assert_int_equal(let_in(&a, 1), 1000000);
}

static void asking_takes_nothing(void **state) {
    (void)state;
    admission a;
    admission_init(&a, 1, 5000);
    for (int i = 0; i < 10; i++) {
        assert_true(admission_has_room(&a, 10000));
    }
    admission_enter(&a, 10000);
    assert_false(admission_has_room(&a, 10000));
}

static void who_has_waited_for_that_long_is_late_and_who_came_after_is_not(void **state) {
    (void)state;
    admission a;
    admission_init(&a, 0, 1000);
    admission_note_waiting(&a, 3, 10000);
    assert_false(admission_next_is_late(&a, 10999));
    admission_note_waiting(&a, 5, 10999); /* two more came */
    assert_true(admission_next_is_late(&a, 11000));
    take(&a, 2);
    assert_true(admission_next_is_late(&a, 11000));
    take(&a, 1);
    assert_false(admission_next_is_late(&a, 11000));
    assert_false(admission_next_is_late(&a, 11998));
    assert_true(admission_next_is_late(&a, 11999));
}

static void who_came_between_two_looks_is_late_a_quarter_after_it_is_true(void **state) {
    (void)state;
    admission a;
    admission_init(&a, 0, 1000);
    admission_note_waiting(&a, 1, 10000);
    for (uint64_t now_ms = 10005; now_ms < 11000; now_ms += 5) {
        admission_note_waiting(&a, 1 + (now_ms > 10010), now_ms); /* the second one comes at 10015 */
    }
    take(&a, 1);
    assert_false(admission_next_is_late(&a, 11014));
    assert_true(admission_next_is_late(&a, 11250));
}

static void a_backlog_that_was_emptied_is_forgotten(void **state) {
    (void)state;
    admission a;
    admission_init(&a, 0, 1000);
    admission_note_waiting(&a, 3, 10000);
    admission_note_waiting(&a, 0, 10500);
    assert_false(admission_next_is_late(&a, 20000));
}

/* Nobody is refused before his time, and nobody waits for much longer; whoever comes, and however the door
 * moves. */
static void random_queues_agree_with_one_that_knows_since_when_each_waits(void **state) {
    (void)state;
    enum { QUEUE_MAX = 4096, WAIT_MS = 400, LOOK_MS = 5 };
    static uint64_t came_at_ms[QUEUE_MAX];
    unsigned seed = 1;
    for (int round = 0; round < 200; round++) {
        admission a;
        size_t count = 0;
        admission_init(&a, 0, WAIT_MS);
        for (uint64_t now_ms = 1000; now_ms < 4000; now_ms += LOOK_MS) {
            seed = seed * 1103515245U + 12345U;
            size_t come = (seed >> 16U) % 8 == 0 ? (seed >> 20U) % 60 : 0;
            for (size_t i = 0; i < come && count < QUEUE_MAX; i++) {
                came_at_ms[count++] = now_ms;
            }
            seed = seed * 1103515245U + 12345U;
            size_t open = (seed >> 16U) % 16 == 0 ? (seed >> 20U) % 40 : 0;
            size_t gone = 0;
            for (; gone < count && gone < open; gone++) {
                admission_take(&a);
            }
            for (; gone < count && admission_next_is_late(&a, now_ms); gone++) {
                assert_true(now_ms - came_at_ms[gone] >= WAIT_MS);
                admission_take(&a);
            }
            if (gone < count) {
                assert_true(now_ms - came_at_ms[gone] <
                            WAIT_MS + WAIT_MS / ADMISSION_MARKS_PER_WAIT + LOOK_MS);
            }
            count -= gone;
            for (size_t i = 0; i < count; i++) {
                came_at_ms[i] = came_at_ms[i + gone];
            }
            admission_note_waiting(&a, count, now_ms);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rate_holds_over_a_second_and_a_burst_is_a_twentieth_of_it),
        cmocka_unit_test(a_rate_below_the_bursts_lets_one_in_at_a_time),
        cmocka_unit_test(without_a_rate_everybody_comes_in),
        cmocka_unit_test(asking_takes_nothing),
        cmocka_unit_test(who_has_waited_for_that_long_is_late_and_who_came_after_is_not),
        cmocka_unit_test(who_came_between_two_looks_is_late_a_quarter_after_it_is_true),
        cmocka_unit_test(a_backlog_that_was_emptied_is_forgotten),
        cmocka_unit_test(random_queues_agree_with_one_that_knows_since_when_each_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* heard: which incarnations have beaten within the last lease. log_limit: one line a second. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/log/log_limit.h"
#include "services/presence-core/core/heard.h"

static heard_t heard;

static int nobody(void **state) {
    (void)state;
    memset(&heard, 0, sizeof heard);
    return 0;
}

static void who_beats_is_heard_once(void **state) {
    (void)state;
    heard_note(&heard, str_view_of("0123456789abcdef"), 1000);
    heard_note(&heard, str_view_of("0123456789abcdef"), 2000);
    heard_note(&heard, str_view_of("fedcba9876543210"), 2000);
    assert_int_equal(heard_lately(&heard, 3000, 5000), 2);
    assert_string_equal(heard.list[0].incarnation, "0123456789abcdef");
}

static void who_is_silent_for_longer_than_a_lease_is_forgotten(void **state) {
    (void)state;
    heard_note(&heard, str_view_of("a"), 1000);
    heard_note(&heard, str_view_of("b"), 4000);
    assert_int_equal(heard_lately(&heard, 6000, 5000), 2);
    assert_int_equal(heard_lately(&heard, 6001, 5000), 1);
    assert_string_equal(heard.list[0].incarnation, "b");
}

static void no_incarnation_and_one_too_long_are_passed_over(void **state) {
    (void)state;
    heard_note(&heard, str_view_of(""), 1000);
    heard_note(&heard, str_view_of("0123456789abcdef0"), 1000);
    assert_int_equal(heard_lately(&heard, 1000, 5000), 0);
}

static void the_list_is_bounded_and_the_longest_silent_makes_room(void **state) {
    (void)state;
    char name[INCARNATION_BYTES];
    for (int i = 0; i < HEARD_MAX; i++) {
        (void)snprintf(name, sizeof name, "%d", i);
        heard_note(&heard, str_view_of(name), (uint64_t)(i == 5 ? 1 : 1000));
    }
    heard_note(&heard, str_view_of("new"), 1001);
    assert_int_equal(heard_lately(&heard, 1001, 5000), HEARD_MAX);
    assert_string_equal(heard.list[5].incarnation, "new");
}

static void one_line_a_second_passes_and_the_rest_is_counted(void **state) {
    (void)state;
    log_limit limit = {0};
    uint64_t held_back = 99;
    assert_true(log_limit_pass(&limit, 10, &held_back));
    assert_int_equal(held_back, 0);
    assert_false(log_limit_pass(&limit, 11, &held_back));
    assert_false(log_limit_pass(&limit, 1009, &held_back));
    assert_true(log_limit_pass(&limit, 1010, &held_back));
    assert_int_equal(held_back, 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(who_beats_is_heard_once, nobody),
        cmocka_unit_test_setup(who_is_silent_for_longer_than_a_lease_is_forgotten, nobody),
        cmocka_unit_test_setup(no_incarnation_and_one_too_long_are_passed_over, nobody),
        cmocka_unit_test_setup(the_list_is_bounded_and_the_longest_silent_makes_room, nobody),
        cmocka_unit_test(one_line_a_second_passes_and_the_rest_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

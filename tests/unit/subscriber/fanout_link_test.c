/* fanout_link, to a fanout that tells of everybody: interest is said to a ready fanout and again after a gap;
 * only differences are told; a beat settles a view only where all of it has come. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/subscriber/fanout_link_fixture.h"

/* Somebody listens, and the view is there: `a` is online, up to 5. */
static void listen_and_view(void) {
    listen_with(1);
    say_view("a", 5, true, true);
    run_on();
    assert_int_equal(at.settled, 1);
    at.told[0] = '\0';
}

static void whoever_has_no_listeners_wants_nothing(void **state) {
    (void)state;
    assert_false(at.all);
    listen_with(2);
    assert_true(at.all);
    listen_with(0);
    assert_false(at.all);
    assert_null(fanout_link_trouble(at.link));
}

static void only_differences_are_told(void **state) {
    (void)state;
    listen_and_view();
    say_update(1, "a", 6, ZP__STATUS__STATUS_ONLINE); /* as it is */
    say_update(2, "b", 7, ZP__STATUS__STATUS_BUSY);
    say_update(3, "b", 7, ZP__STATUS__STATUS_OFFLINE); /* said before */
    run_on();
    assert_string_equal(at.told, "b:busy ");
    assert_int_equal(at.interests, 2);
}

static void a_gap_is_followed_by_the_whole_interest_and_the_differences(void **state) {
    (void)state;
    listen_and_view();
    say_update(2, "b", 7, ZP__STATUS__STATUS_BUSY); /* 1 was lost */
    until_interests(3);
    say_view("c", 8, true, false);
    run_on();
    assert_false(watch_view_is_settled(fanout_link_view(at.link)));
    say_view("", 8, false, true);
    run_on();
    assert_string_equal(at.told, "c:online* a:offline* ");
    assert_int_equal(at.settled, 2);
}

static void a_gap_at_the_end_is_found_by_a_beat(void **state) {
    (void)state;
    listen_and_view();
    at.beat_number = 1; /* which never came */
    until_interests(3);
}

static void what_came_in_no_order_is_settled_by_a_beat(void **state) {
    (void)state;
    listen_and_view();
    at.beat_seq = 5;
    at.beat_number = 1;
    say_update(1, "b", 9, ZP__STATUS__STATUS_BUSY);
    run_on();
    assert_false(watch_view_is_settled(fanout_link_view(at.link))); /* that beat is of before */
    at.beat_seq = 9;
    run_on();
    assert_true(watch_view_is_settled(fanout_link_view(at.link)));
    assert_int_equal(at.settled, 2);
    assert_int_equal(watch_view_position(fanout_link_view(at.link)).seq, 9);
}

static void a_beat_settles_nothing_of_a_view_that_was_not_had(void **state) {
    (void)state;
    listen_and_view();
    say_update(3, "b", 9, ZP__STATUS__STATUS_BUSY); /* two were lost */
    until_interests(3);
    at.beat_seq = 9;
    say_view("", 9, false, true); /* its beginning was lost too */
    run_on();
    assert_int_equal(watch_view_position(fanout_link_view(at.link)).seq, 5);
    assert_string_equal(at.told, "");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fanout_link_fixture_open, fanout_link_fixture_close)
    const struct CMUnitTest tests[] = {
        TEST(whoever_has_no_listeners_wants_nothing),
        TEST(only_differences_are_told),
        TEST(a_gap_is_followed_by_the_whole_interest_and_the_differences),
        TEST(a_gap_at_the_end_is_found_by_a_beat),
        TEST(what_came_in_no_order_is_settled_by_a_beat),
        TEST(a_beat_settles_nothing_of_a_view_that_was_not_had),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* fanout_link, to a fanout that tells of users by name: who is watched is said as it changes, and again after
 * a gap; whoever hears of everybody needs no names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/subscriber/fanout_link_fixture.h"

/* `a` and `b` are watched by name, and the fanout knows. */
static void watch_a_and_b(void) {
    at.has_watchers = true;
    at.watched = "ab";
    listen_with(0);
    assert_true(at.by_user && !at.all);
    until_named("+a +b ");
}

static void while_users_are_watched_by_name_only_they_are_asked_for(void **state) {
    (void)state;
    watch_a_and_b();
    assert_int_equal(at.interests, 2);
    (void)snprintf(at.unsaid, sizeof at.unsaid, "cA");
    until_named("+a +b +c -a ");
    at.has_watchers = false;
    listen_with(0);
    assert_false(at.by_user || at.all);
}

static void what_comes_by_user_is_told_as_it_is_with_its_position(void **state) {
    (void)state;
    watch_a_and_b();
    say_watched(1, "a", 5, "b");
    say_update(2, "b", 21, ZP__STATUS__STATUS_BUSY);
    say_update(3, "b", 7, ZP__STATUS__STATUS_OFFLINE); /* the lists know better */
    say_view("c", 30, true, true);                     /* nobody asked for one */
    at.beat_number = 3;
    run_on();
    assert_string_equal(at.told_watchers, "a:online@5 b:offline@20 b:busy@21 b:offline@7 ");
    assert_string_equal(at.told, "");
    assert_int_equal(at.settled, 0);
    assert_int_equal(at.interests, 2);
}

static void after_a_gap_everybody_is_named_again(void **state) {
    (void)state;
    watch_a_and_b();
    say_watched(2, "a", 5, "b"); /* 1 was lost */
    until_interests(3);
    until_named("+a +b ");
    assert_string_equal(at.told_watchers, "");
}

static bool has_watch(void *context) {
    (void)context;
    return at.watches > 0;
}

static void what_the_fanout_did_not_hear_is_found_by_its_beats(void **state) {
    (void)state;
    watch_a_and_b();
    at.deaf = true;
    at.watched = "abc";
    (void)snprintf(at.unsaid, sizeof at.unsaid, "c");
    until_interests(3);
    assert_true(
        process_fixture_run_until(&at.fixture, has_watch, NULL, FANOUT_LINK_WAIT_MS)); /* not heard either */
    at.deaf = false;
    until_interests(4);
    until_named("+a +b +c ");
    run_on();
    assert_int_equal(at.interests, 4);
}

static void as_soon_as_somebody_listens_everybody_is_asked_for_and_back(void **state) {
    (void)state;
    watch_a_and_b();
    listen_with(1);
    assert_true(at.all && !at.by_user);
    (void)snprintf(at.unsaid, sizeof at.unsaid, "c");
    say_view("a", 5, true, true);
    run_on();
    assert_string_equal(at.named, "");
    assert_string_equal(at.told, "a:online* ");
    assert_int_equal(at.settled, 1);
    listen_with(0);
    run_on();
    assert_true(at.by_user && !at.all);
    assert_string_equal(at.named, "+a +b ");
    assert_int_equal(watch_view_round(fanout_link_view(at.link)), 0);
}

static void one_who_listens_now_and_then_is_not_asked_for_each_time(void **state) {
    (void)state;
    watch_a_and_b();
    listen_with(1);
    say_view("a", 5, true, true);
    for (int i = 0; i < 3; i++) {
        at.listeners = 0;
        fanout_link_interest_changed(at.link, (log_position){EPOCH, 0});
        at.listeners = 1;
        fanout_link_interest_changed(at.link, (log_position){EPOCH, 0});
    }
    run_on();
    assert_int_equal(at.interests, 3);
    say_update(1, "b", 6, ZP__STATUS__STATUS_BUSY);
    run_on();
    assert_string_equal(at.told, "a:online* b:busy ");
}

static void a_fanout_that_takes_no_users_is_asked_for_everybody_until_it_does(void **state) {
    (void)state;
    watch_a_and_b();
    at.beat_takes_users = false;
    until_interests(3);
    assert_true(at.all && !at.by_user);
    say_view("a", 5, true, true);
    run_on();
    assert_int_equal(at.settled, 1);
    at.beat_takes_users = true;
    until_interests(4);
    run_on();
    assert_true(at.by_user);
    assert_string_equal(at.named, "+a +b ");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fanout_link_fixture_open, fanout_link_fixture_close)
    const struct CMUnitTest tests[] = {
        TEST(while_users_are_watched_by_name_only_they_are_asked_for),
        TEST(what_comes_by_user_is_told_as_it_is_with_its_position),
        TEST(after_a_gap_everybody_is_named_again),
        TEST(what_the_fanout_did_not_hear_is_found_by_its_beats),
        TEST(as_soon_as_somebody_listens_everybody_is_asked_for_and_back),
        TEST(one_who_listens_now_and_then_is_not_asked_for_each_time),
        TEST(a_fanout_that_takes_no_users_is_asked_for_everybody_until_it_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Time: the service clock, leases, the grace of lost edges, the sweep (tick.lua, beat.lua, leave.lua,
 * join.lua). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/presence-core/scripts_fixture.h"

static int with_two_edges(void **state) {
    redis_fresh(state);
    return join("e1", "ws-edge-1", "-") && join("e2", "ws-edge-2", "-") ? 0 : -1;
}

static long long service_now(void) {
    return ask_number("HGET presence:clock now");
}

static void the_clock_advances_by_real_time_but_never_by_more_than_a_second(void **state) {
    (void)state;
    tick();
    long long before = service_now();
    usleep(50000);
    tick();
    long long passed = service_now() - before;
    assert_true(passed >= 49 && passed < 1000);
    ask("HINCRBY presence:clock at -3600000"); /* an hour without a tick */
    before = service_now();
    tick();
    assert_int_equal(service_now() - before, 1000);
    before = service_now();
    tick(); /* ticks that queued up behind it add nothing */
    tick();
    assert_true(service_now() - before < 500);
}

static void the_clock_never_goes_back(void **state) {
    (void)state;
    tick();
    ask("HINCRBY presence:clock at 3600000"); /* real time was set back */
    long long before = service_now();
    tick();
    assert_int_equal(service_now(), before);
}

static void a_beat_renews_a_lease(void **state) {
    (void)state;
    pass_ms(LEASE - 1000);
    assert_true(beat("e1"));
    pass_ms(LEASE - 1000);
    assert_true(say("e1", "123", 1, "o"));
    assert_false(say("e2", "123", 1, "o"));
}

static void a_beat_that_was_long_under_way_renews_nothing(void **state) {
    (void)state;
    assert_true(beat_numbered("e1", 7));
    pass_ms(LEASE - 1000);
    assert_true(beat_numbered("e1", 7)); /* by another core, which stood still */
    assert_true(beat_numbered("e1", 6));
    assert_true(beat_numbered("e2", 1)); /* e2's own */
    pass_ms(1000);
    assert_false(beat_numbered("e1", 8));
    assert_true(beat_numbered("e2", 2));
}

static void nothing_is_left_of_the_beats_of_an_edge_that_ended(void **state) {
    (void)state;
    assert_true(beat("e1"));
    assert_int_equal(ask_number("HEXISTS presence:beats e1"), 1);
    pass_ms(LEASE);
    tick();
    assert_int_equal(ask_number("HEXISTS presence:beats e1"), 0);
}

static void a_beat_does_not_bring_a_lease_back(void **state) {
    (void)state;
    ask("HINCRBY presence:clock now %d", LEASE + 1); /* before any tick has seen it */
    assert_false(beat("e1"));
    assert_false(beat("stranger"));
    assert_true(beat("-")); /* a process without a lease */
    tick();
    assert_false(beat("e1"));
}

static void users_of_a_lost_edge_go_offline_after_lease_and_grace(void **state) {
    (void)state;
    say("e1", "123", 1, "o");
    pass_ms(LEASE + 1);
    assert_string_equal(answer_text(2), "1"); /* suspended */
    assert_string_equal(shown("123"), "o");
    assert_int_equal(ask_number("ZCARD presence:ends"), 1);
    pass_ms(GRACE - 2000);
    assert_string_equal(shown("123"), "o");
    pass_ms(2000);
    assert_string_equal(shown("123"), "f");
    assert_int_equal(records_count(), 1);
    assert_non_null(strstr(record_text(0), " edge-lost - 123"));
    assert_consistent("123");
    assert_int_equal(ask_number("ZCARD presence:ends"), 0);
    assert_int_equal(ask_number("EXISTS presence:edge:e1"), 0);
    assert_string_equal(ask("ZSCORE presence:edges e1"), "");
    pass_ms(100000);
    assert_int_equal(records_count(), 0); /* exactly one offline */
    assert_int_equal(present_seq(), 2);
}

static void reappearing_elsewhere_within_the_grace_makes_no_transition(void **state) {
    (void)state;
    say("e1", "123", 1, "o");
    ask("ZADD presence:edges 0 e1");
    tick();
    assert_true(beat("e2"));
    say("e2", "123", 1, "o");
    assert_int_equal(records_count(), 0);
    ask("ZADD presence:edges 100000 e2");
    pass_ms(GRACE + 1);
    assert_int_equal(records_count(), 0);
    assert_string_equal(shown("123"), "o");
    assert_int_equal(ask_number("HEXISTS presence:meta:123 e/e1"), 0);
    assert_int_equal(ask_number("ZCARD presence:ends"), 0);
    assert_int_equal(present_seq(), 1);
}

static void leaving_starts_the_grace_at_once(void **state) {
    (void)state;
    say("e1", "123", 1, "o");
    assert_true(leave("e1"));
    assert_true(leave("e1"));
    assert_false(say("e1", "123", 2, "o"));
    assert_false(beat("e1"));
    tick();
    assert_int_equal(ask_number("ZCARD presence:ends"), 1);
    ask("ZADD presence:edges 1000000 e2");
    pass_ms(GRACE + 1);
    assert_string_equal(shown("123"), "f");
}

static void leaving_before_any_tick_still_ends(void **state) {
    (void)state;
    say("e1", "123", 1, "o");
    ask("DEL presence:clock");
    leave("e1");
    run(SCRIPT_TICK, "0", STEP, NULL); /* no grace: the smallest ends_at there is */
    run(SCRIPT_TICK, "0", STEP, NULL);
    assert_string_equal(shown("123"), "f");
}

static void a_join_said_again_keeps_what_was_said(void **state) {
    (void)state;
    say_more("e1", "-", 1, "123", 2, 0, "o");
    assert_true(join("e1", "ws-edge-1", "-"));
    say("e1", "123", 1, "-");
    assert_string_equal(shown("123"), "o"); /* its floor and its statements stand */
}

static void a_join_that_was_long_under_way_brings_nobody_back(void **state) {
    (void)state;
    say("e1", "123", 1, "o");
    ask("HINCRBY presence:clock now %d", LEASE + 1);
    assert_false(join("e1", "ws-edge-1", "-")); /* before a tick has seen the end of its lease */
    tick();
    assert_false(join("e1", "ws-edge-1", "-"));
    assert_false(say("e1", "123", 2, "o"));
    pass_ms(GRACE + 1);
    assert_string_equal(shown("123"), "f");
}

static void what_is_remembered_of_ended_incarnations_is_bounded(void **state) {
    (void)state;
    pass_ms(LEASE + 1);
    assert_int_equal(ask_number("HLEN presence:incarnations"), 2);
    pass_ms(60000);
    assert_true(join("e3", "ws-edge-1", "-"));
    assert_int_equal(ask_number("HLEN presence:incarnations"), 1);
}

static void a_sweep_goes_in_bounded_steps_and_says_that_more_is_due(void **state) {
    (void)state;
    char user[16];
    for (int i = 0; i < 25; i++) {
        (void)snprintf(user, sizeof user, "u%d", i);
        say("e1", user, (uint64_t)i + 1, "o");
    }
    leave("e1");
    ask("ZADD presence:edges 1000000 e2");
    long long suspended = 0;
    int steps = 0;
    do {
        run(SCRIPT_TICK, GRACE_MS, "10", NULL);
        assert_true(answer_number(2) <= 10);
        suspended += answer_number(2);
        assert_true(steps++ < 10);
    } while (strcmp(answer_text(4), "1") == 0);
    assert_int_equal(suspended, 25);
    assert_int_equal(steps, 3);
    ask("HINCRBY presence:clock now %d", GRACE + 1);
    size_t ended = 0;
    do {
        run(SCRIPT_TICK, GRACE_MS, "10", NULL);
        assert_true(records_count() <= 10);
        assert_true(steps++ < 10);
        ended += records_count();
    } while (strcmp(answer_text(4), "1") == 0);
    assert_int_equal(ended, 25);
    assert_int_equal(ask_number("ZCARD presence:online"), 0);
    assert_int_equal(ask_number("ZCARD presence:ends"), 0);
}

static void suspending_and_ending_share_one_step(void **state) {
    (void)state;
    char user[16];
    for (int i = 0; i < 12; i++) {
        (void)snprintf(user, sizeof user, "u%d", i);
        say(i % 2 == 0 ? "e1" : "e2", user, (uint64_t)i + 1, "o");
    }
    leave("e1");
    tick();
    ask("HINCRBY presence:clock now %d", GRACE + 1); /* now e2 is lost as well */
    run(SCRIPT_TICK, GRACE_MS, "10", NULL);
    assert_int_equal(answer_number(2), 6);
    assert_int_equal(records_count(), 4);
    assert_int_equal(answer_number(4), 1);
}

static void the_index_of_ends_may_lag_low_and_the_sweep_corrects_it(void **state) {
    (void)state;
    say("e1", "123", 1, "o");
    ask("ZADD presence:ends 1 123"); /* nothing of the user ends */
    tick();
    assert_int_equal(records_count(), 0);
    assert_int_equal(ask_number("ZCARD presence:ends"), 0);
    assert_string_equal(shown("123"), "o");
}

static void last_seen_survives_the_loss_of_the_edge(void **state) {
    (void)state;
    say_more("e1", "-", 0, "123", 1, 20000, "o");
    touch("e1", "123", 7000);
    long long active_at = ask_number("GET presence:user:123");
    leave("e1");
    tick();
    pass_ms(GRACE + 1);
    assert_int_equal(ask_number("HGET presence:meta:123 lastSeen"), active_at);
}

static void without_a_mirror_last_seen_is_not_before_the_last_transition(void **state) {
    (void)state;
    say("e1", "123", 1, "o");
    long long since = ask_number("HGET presence:meta:123 since");
    leave("e1");
    tick();
    ask("DEL presence:user:123");
    pass_ms(GRACE + 1);
    assert_string_equal(shown("123"), "f");
    assert_int_equal(ask_number("HGET presence:meta:123 lastSeen"), since);
}

static void a_status_of_a_lost_edge_ends_with_it(void **state) {
    (void)state;
    say("e1", "123", 1, "b");
    say("e2", "123", 1, "o");
    leave("e1");
    ask("ZADD presence:edges 1000000 e2");
    tick();
    assert_string_equal(shown("123"), "b");
    pass_ms(GRACE + 1);
    assert_string_equal(shown("123"), "o");
    assert_int_equal(records_count(), 1);
    assert_non_null(strstr(record_text(0), " b o "));
    assert_int_equal(number_after(record_text(0), 4), ask_number("GET presence:user:123"));
    assert_consistent("123");
}

static void when_what_hid_them_ends_they_appear(void **state) {
    (void)state;
    say("e1", "123", 1, "i");
    say("e2", "123", 1, "o");
    assert_string_equal(shown("123"), "f");
    leave("e1");
    ask("ZADD presence:edges 1000000 e2");
    tick();
    pass_ms(GRACE + 1);
    assert_string_equal(shown("123"), "o");
    assert_consistent("123");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup(name, with_two_edges)
    const struct CMUnitTest tests[] = {
        TEST(the_clock_advances_by_real_time_but_never_by_more_than_a_second),
        TEST(the_clock_never_goes_back),
        TEST(a_beat_renews_a_lease),
        TEST(a_beat_that_was_long_under_way_renews_nothing),
        TEST(nothing_is_left_of_the_beats_of_an_edge_that_ended),
        TEST(a_beat_does_not_bring_a_lease_back),
        TEST(users_of_a_lost_edge_go_offline_after_lease_and_grace),
        TEST(reappearing_elsewhere_within_the_grace_makes_no_transition),
        TEST(leaving_starts_the_grace_at_once),
        TEST(leaving_before_any_tick_still_ends),
        TEST(a_join_said_again_keeps_what_was_said),
        TEST(a_join_that_was_long_under_way_brings_nobody_back),
        TEST(what_is_remembered_of_ended_incarnations_is_bounded),
        TEST(a_sweep_goes_in_bounded_steps_and_says_that_more_is_due),
        TEST(suspending_and_ending_share_one_step),
        TEST(the_index_of_ends_may_lag_low_and_the_sweep_corrects_it),
        TEST(last_seen_survives_the_loss_of_the_edge),
        TEST(without_a_mirror_last_seen_is_not_before_the_last_transition),
        TEST(a_status_of_a_lost_edge_ends_with_it),
        TEST(when_what_hid_them_ends_they_appear),
    };
    return cmocka_run_group_tests(tests, redis_start, redis_stop);
}

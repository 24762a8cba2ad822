/* epoch.lua: when the data may be lost, a new epoch begins, and is rebuilt. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/presence-core/scripts_fixture.h"

static bool is_rebuilding(void) {
    return ask_number("EXISTS presence:rebuild") == 1;
}

static int with_an_edge(void **state) {
    redis_fresh(state);
    return join("e1", "ws-edge-1", "-") && say("e1", "123", 1, "o") ? 0 : -1;
}

static void asking_again_begins_nothing(void **state) {
    (void)state;
    uint64_t epoch = present_epoch();
    assert_false(check_epoch("run-1", false, epoch, 1, true, NULL));
    assert_int_equal(present_epoch(), epoch);
    assert_string_equal(answer_text(1), "1");
}

static void data_that_is_gone_begins_an_epoch_above_all_that_were_seen(void **state) {
    (void)state;
    uint64_t epoch = present_epoch();
    ask("FLUSHALL");
    assert_true(check_epoch("run-1", false, epoch + 1000000000, 7, true, NULL));
    assert_int_equal(present_epoch(), epoch + 1000000001);
    assert_int_equal(present_seq(), 7); /* numbers keep rising, too */
}

static void another_run_of_redis_begins_an_epoch(void **state) {
    (void)state;
    uint64_t epoch = present_epoch();
    assert_true(check_epoch("run-2", false, epoch, 1, true, NULL));
    assert_true(present_epoch() > epoch);
    assert_false(check_epoch("run-2", false, epoch, 1, true, NULL)); /* the next core finds it begun */
}

static void a_number_below_one_that_was_seen_begins_an_epoch(void **state) {
    (void)state;
    uint64_t epoch = present_epoch();
    assert_false(check_epoch("run-1", false, epoch, 1, true, NULL));
    assert_true(check_epoch("run-1", false, epoch, 2, true, NULL));
    assert_true(present_epoch() > epoch);
    assert_int_equal(present_seq(), 2);
    epoch = present_epoch();
    assert_true(
        check_epoch("run-1", false, epoch + 5, 0, true, NULL)); /* so does an epoch nobody knows here */
    assert_true(present_epoch() > epoch + 5);
}

static void a_change_of_role_begins_one_epoch_however_many_cores_saw_it(void **state) {
    (void)state;
    uint64_t epoch = present_epoch();
    assert_true(check_epoch("run-1", true, epoch, 1, true, NULL));
    assert_true(present_epoch() > epoch);
    assert_false(check_epoch("run-1", true, epoch, 1, true, NULL)); /* another core, a moment later */
}

static void a_lost_number_is_found_in_the_log(void **state) {
    (void)state;
    ask("DEL presence:seq");
    assert_true(check_epoch("run-2", false, 0, 0, true, NULL));
    assert_int_equal(present_seq(), 1);
    assert_true(join("e9", "ws-edge-1", "-"));
    assert_true(say("e9", "other", 1, "o"));
    assert_int_equal(present_seq(), 2);
}

static void the_log_goes_on_in_the_new_epoch(void **state) {
    (void)state;
    ask("FLUSHALL");
    check_epoch("run-1", false, present_epoch(), 41, true, NULL);
    join("e2", "ws-edge-1", "-");
    say("e2", "123", 1, "o");
    assert_int_equal(present_seq(), 42);
    run(SCRIPT_REPLAY, "42", "100", "100", NULL);
    assert_int_equal(records_count(), 1);
}

static void it_is_rebuilt_when_every_edge_has_announced(void **state) {
    (void)state;
    join("e2", "ws-edge-2", "-");
    assert_true(check_epoch("run-2", false, present_epoch(), 1, true, NULL));
    assert_true(is_rebuilding());
    assert_true(join("e3", "ws-edge-1", "e1"));
    say_more("e3", "e1", 0, "123", 1, 0, "o");
    assert_true(announced("e3", "e1"));
    assert_true(is_rebuilding()); /* ws-edge-2 has yet to */
    join("e4", "ws-edge-2", "e2");
    announced("e4", "e2");
    tick();
    assert_false(is_rebuilding());
    assert_string_equal(shown("123"), "o");
    assert_int_equal(present_seq(), 1);
}

static void it_is_not_rebuilt_before_what_nobody_says_any_more_has_ended(void **state) {
    (void)state;
    for (int i = 0; i < 150; i++) { /* more than a tick ends */
        char user[24];
        (void)snprintf(user, sizeof user, "gone-%d", i);
        say("e1", user, (uint64_t)i + 1, "o");
    }
    check_epoch("run-2", false, present_epoch(), 150, true, NULL);
    join("e2", "ws-edge-1", "e1");
    announced("e2", "e1"); /* nobody is there any more */
    tick();
    assert_true(is_rebuilding());
    for (int i = 0; i < 5 && is_rebuilding(); i++) {
        tick();
    }
    assert_false(is_rebuilding());
    assert_int_equal(ask_number("ZCARD presence:online"), 0);
}

static void nobody_is_ended_before_all_have_announced(void **state) {
    (void)state;
    join("e2", "ws-edge-2", "-");
    say("e1", "mover", 1, "o"); /* and goes to e2, and redis is set back to here */
    check_epoch("run-2", false, present_epoch(), 1, true, NULL);
    join("e3", "ws-edge-1", "e1");
    announced("e3", "e1");
    tick();
    run(SCRIPT_EXAMINE, "mover", NULL);
    assert_string_equal(shown("mover"), "o");
    join("e4", "ws-edge-2", "e2");
    say_more("e4", "e2", 0, "mover", 1, 0, "o");
    announced("e4", "e2");
    tick();
    tick();
    assert_false(is_rebuilding());
    assert_string_equal(shown("mover"), "o");
    assert_int_equal(ask_number("HGET presence:meta:mover seq"), 2); /* never offline */
    assert_int_equal(ask_number("HEXISTS presence:meta:mover e/e1"), 0);
}

/* The data is gone; ws-edge-1 has said all that it has, ws-edge-2 has yet to. */
static void begin_rebuild_with_ws_edge_2_missing(const char *user) {
    join("e2", "ws-edge-2", "-");
    say("e1", user, 1, "o");
    say("e2", user, 1, "o");
    check_epoch("run-2", false, present_epoch(), 1, true, NULL);
    ask("DEL presence:online presence:ends presence:edge:e1 presence:edge:e2");
    ask("DEL presence:meta:device presence:user:device");
    join("e3", "ws-edge-1", "e1");
    say_more("e3", "e1", 0, user, 1, 0, "o");
    announced("e3", "e1");
}

static void who_closes_a_device_before_all_have_announced_has_not_left(void **state) {
    (void)state;
    begin_rebuild_with_ws_edge_2_missing("device");
    assert_true(say_more("e3", "e1", 0, "device", 2, 0, "-"));
    tick();
    run(SCRIPT_EXAMINE, "device", NULL);
    assert_string_equal(shown("device"), "o");
    join("e4", "ws-edge-2", "e2");
    say_more("e4", "e2", 0, "device", 1, 0, "o");
    announced("e4", "e2");
    tick();
    tick();
    assert_false(is_rebuilding());
    assert_string_equal(shown("device"), "o");
    assert_int_equal(ask_number("HGET presence:meta:device seq"), 3); /* online anew, and no more */
    assert_int_equal(ask_number("ZCARD presence:ends"), 0);
    assert_consistent("device");
}

static void who_closes_their_last_one_then_leaves_when_all_have(void **state) {
    (void)state;
    begin_rebuild_with_ws_edge_2_missing("device");
    assert_true(say_more("e3", "e1", 0, "device", 2, 0, "-")); /* whyever: its reason is not "closed" */
    assert_int_equal(records_count(), 0);
    assert_string_equal(shown("device"), "o");
    join("e4", "ws-edge-2", "e2");
    announced("e4", "e2");
    tick();
    assert_int_equal(records_count(), 1);
    assert_non_null(strstr(record_text(0), " closed ws-edge-1 device"));
    assert_false(is_rebuilding());
    assert_string_equal(shown("device"), "f");
    assert_consistent("device");
}

static void with_everything_lost_those_who_were_heard_are_awaited(void **state) {
    (void)state;
    ask("FLUSHALL");
    check_epoch("run-1", false, present_epoch(), 1, true, "e1");
    assert_true(is_rebuilding());
    assert_false(beat("e1"));
    assert_true(join("e2", "ws-edge-1", "e1"));
    assert_true(say_more("e2", "e1", 0, "123", 1, 0, "o"));
    assert_int_equal(records_count(), 1);
    assert_true(announced("e2", "e1"));
    tick();
    assert_false(is_rebuilding());
}

static void with_nobody_to_await_there_is_nothing_to_rebuild(void **state) {
    (void)state;
    ask("FLUSHALL");
    check_epoch("run-1", false, 0, 0, true, NULL);
    assert_false(is_rebuilding());
}

static void a_core_that_has_just_started_waits_a_lease_for_edges_that_it_cannot_know(void **state) {
    (void)state;
    ask("FLUSHALL");
    check_epoch("run-1", false, 0, 0, false, NULL);
    assert_true(is_rebuilding());
    pass_ms(LEASE - 1500);
    assert_true(is_rebuilding());
    pass_ms(1600);
    assert_false(is_rebuilding());
}

static void a_core_that_has_just_started_waits_even_when_all_that_it_knows_have_announced(void **state) {
    (void)state;
    ask("FLUSHALL");
    check_epoch("run-1", false, 0, 0, false, "e1");
    join("e2", "ws-edge-1", "e1");
    announced("e2", "e1");
    assert_true(is_rebuilding());
    pass_ms(LEASE + 1);
    assert_false(is_rebuilding());
}

static void an_edge_that_never_comes_back_is_awaited_for_its_lease(void **state) {
    (void)state;
    check_epoch("run-2", false, present_epoch(), 1, true, "heard-once");
    pass_ms(LEASE - 1000);
    assert_true(is_rebuilding());
    pass_ms(1001);
    assert_false(is_rebuilding());
    assert_int_equal(ask_number("EXISTS presence:awaited"), 0);
}

static void an_edge_that_announces_for_longer_than_a_lease_is_awaited_while_it_lives(void **state) {
    (void)state;
    ask("FLUSHALL");
    check_epoch("run-1", false, present_epoch(), 1, true, "e1");
    join("e2", "ws-edge-1", "e1");
    for (int i = 0; i < 6; i++) {
        pass_ms(LEASE / 2);
        beat("e2");
    }
    assert_true(is_rebuilding());
    join("e3", "ws-edge-1", "e2"); /* fenced in the middle: it is e3 now that e1 is awaited from */
    pass_ms(LEASE / 2);
    assert_true(is_rebuilding());
    announced("e3", "e2");
    tick();
    assert_false(is_rebuilding());
}

static void rebuilding_does_not_last_for_ever(void **state) {
    (void)state;
    check_epoch("run-2", false, present_epoch(), 1, true, NULL);
    for (int i = 0; i < 30; i++) { /* it lives, and never announces */
        beat("e1");
        pass_ms(LEASE / 2);
    }
    assert_false(is_rebuilding());
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup(name, with_an_edge)
    const struct CMUnitTest tests[] = {
        TEST(asking_again_begins_nothing),
        TEST(data_that_is_gone_begins_an_epoch_above_all_that_were_seen),
        TEST(another_run_of_redis_begins_an_epoch),
        TEST(a_number_below_one_that_was_seen_begins_an_epoch),
        TEST(a_change_of_role_begins_one_epoch_however_many_cores_saw_it),
        TEST(a_lost_number_is_found_in_the_log),
        TEST(the_log_goes_on_in_the_new_epoch),
        TEST(it_is_rebuilt_when_every_edge_has_announced),
        TEST(with_everything_lost_those_who_were_heard_are_awaited),
        TEST(it_is_not_rebuilt_before_what_nobody_says_any_more_has_ended),
        TEST(nobody_is_ended_before_all_have_announced),
        TEST(who_closes_a_device_before_all_have_announced_has_not_left),
        TEST(who_closes_their_last_one_then_leaves_when_all_have),
        TEST(with_nobody_to_await_there_is_nothing_to_rebuild),
        TEST(a_core_that_has_just_started_waits_a_lease_for_edges_that_it_cannot_know),
        TEST(a_core_that_has_just_started_waits_even_when_all_that_it_knows_have_announced),
        TEST(an_edge_that_never_comes_back_is_awaited_for_its_lease),
        TEST(an_edge_that_announces_for_longer_than_a_lease_is_awaited_while_it_lives),
        TEST(rebuilding_does_not_last_for_ever),
    };
    return cmocka_run_group_tests(tests, redis_start, redis_stop);
}

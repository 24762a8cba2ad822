/* An edge that takes a new incarnation: join.lua with `replaces`, announced.lua, and what the sweep leaves
 * alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/presence-core/scripts_fixture.h"

/* One edge with two users, under the incarnation e1. */
static int with_users(void **state) {
    redis_fresh(state);
    bool done = join("e1", "ws-edge-1", "-") && say("e1", "anna", 1, "o") && say("e1", "bert", 2, "o");
    return done ? 0 : -1;
}

static void the_replaced_incarnation_is_fenced_and_its_users_stay(void **state) {
    (void)state;
    assert_true(join("e2", "ws-edge-1", "e1"));
    assert_false(say("e1", "anna", 3, "-"));
    assert_false(beat("e1"));
    tick();
    assert_string_equal(answer_text(2), "0");
    for (int i = 0; i < 20; i++) { /* announcing may take long: its lease is what counts */
        assert_true(beat("e2"));
        pass_ms(LEASE / 2);
    }
    assert_string_equal(shown("anna"), "o");
    assert_string_equal(shown("bert"), "o");
    assert_int_equal(present_seq(), 2);
}

static void announcing_the_same_users_makes_no_transition(void **state) {
    (void)state;
    join("e2", "ws-edge-1", "e1");
    assert_true(say_more("e2", "e1", 0, "anna", 1, 0, "o"));
    assert_int_equal(records_count(), 0);
    assert_int_equal(ask_number("HEXISTS presence:meta:anna e/e1"), 0);
    assert_int_equal(ask_number("SISMEMBER presence:edge:e1 anna"), 0);
    assert_int_equal(ask_number("SISMEMBER presence:edge:e2 anna"), 1);
    say_more("e2", "e1", 0, "bert", 2, 0, "o");
    assert_true(announced("e2", "e1"));
    tick();
    assert_int_equal(records_count(), 0);
    assert_string_equal(ask("ZSCORE presence:edges e1"), "");
    assert_int_equal(present_seq(), 2);
}

static void what_was_not_announced_ends_at_once(void **state) {
    (void)state;
    join("e2", "ws-edge-1", "e1");
    say_more("e2", "e1", 0, "anna", 1, 0, "o");
    assert_true(announced("e2", "e1"));
    tick();
    assert_int_equal(records_count(), 1);
    assert_string_equal(shown("anna"), "o");
    assert_string_equal(shown("bert"), "f");
    assert_consistent("bert");
}

static void a_status_that_changed_while_fenced_is_taken_over(void **state) {
    (void)state;
    join("e2", "ws-edge-1", "e1");
    say_more("e2", "e1", 0, "anna", 1, 0, "b");
    assert_string_equal(shown("anna"), "b");
    assert_int_equal(records_count(), 1);
    say_more("e2", "e1", 0, "bert", 2, 0, "-");
    assert_string_equal(shown("bert"), "f");
}

static void a_successor_lost_before_announcing_gives_its_users_a_grace(void **state) {
    (void)state;
    join("e2", "ws-edge-1", "e1");
    for (int i = 0; i < 10; i++) {
        beat("e2");
        pass_ms(LEASE / 2);
    }
    pass_ms(LEASE / 2 + 1); /* e2 is lost too */
    assert_string_equal(shown("anna"), "o");
    pass_ms(GRACE - 2000);
    assert_string_equal(shown("anna"),
                        "o"); /* the grace runs from e2's lease, not from when e1 was replaced */
    pass_ms(2000);
    assert_string_equal(shown("anna"), "f");
    assert_string_equal(shown("bert"), "f");
    assert_int_equal(ask_number("ZCARD presence:edges"), 0);
}

static void being_fenced_twice_while_announcing_keeps_everybody(void **state) {
    (void)state;
    join("e2", "ws-edge-1", "e1");
    say_more("e2", "e1", 0, "anna", 1, 0, "o");
    join("e3", "ws-edge-1", "e2");
    run(SCRIPT_TICK, "0", STEP, NULL); /* without any grace */
    run(SCRIPT_TICK, "0", STEP, NULL);
    assert_string_equal(shown("bert"), "o"); /* said by e1 only; e3 is announcing */
    say_more("e3", "e2", 0, "anna", 1, 0, "o");
    say_more("e3", "e2", 0, "bert", 2, 0, "o");
    announced("e3", "e2");
    tick();
    tick();
    assert_int_equal(present_seq(), 2);
    assert_string_equal(shown("anna"), "o");
    assert_string_equal(shown("bert"), "o");
    assert_int_equal(ask_number("ZCARD presence:edges"), 1);
}

static void a_join_said_again_after_announcing_spares_nobody(void **state) {
    (void)state;
    join("e2", "ws-edge-1", "e1");
    say_more("e2", "e1", 0, "anna", 1, 0, "o");
    announced("e2", "e1");
    assert_true(join("e2", "ws-edge-1", "e1"));
    tick();
    assert_string_equal(shown("bert"), "f");
}

/* As below, and it comes last of all. */
static void a_join_that_comes_after_another_has_announced_spares_nobody(void **state) {
    (void)state;
    assert_true(join("e3", "ws-edge-1", "e1"));
    say_more("e3", "e1", 0, "anna", 1, 0, "o");
    assert_true(announced("e3", "e1"));
    assert_true(join("e2", "ws-edge-1", "e1"));
    tick();
    assert_string_equal(shown("anna"), "o");
    assert_string_equal(shown("bert"), "f");
}

/* The edge got no answer, and joined under another incarnation; found by the model. */
static void a_join_that_comes_after_the_one_that_followed_it_spares_nobody(void **state) {
    (void)state;
    assert_true(join("e3", "ws-edge-1", "e1"));
    assert_true(join("e2", "ws-edge-1", "e1"));
    say_more("e3", "e1", 0, "anna", 1, 0, "o");
    assert_true(announced("e3", "e1"));
    tick();
    assert_string_equal(shown("anna"), "o");
    assert_string_equal(shown("bert"), "f");
    assert_consistent("bert");
}

static void replacing_an_incarnation_that_has_ended_takes_its_users_out_of_their_grace(void **state) {
    (void)state;
    pass_ms(LEASE + 1); /* e1 was frozen: both users are in their grace */
    assert_true(join("e2", "ws-edge-1", "e1"));
    say_more("e2", "e1", 0, "anna", 1, 0, "o");
    assert_int_equal(records_count(), 0);
    announced("e2", "e1");
    ask("ZADD presence:edges 1000000 e2");
    pass_ms(GRACE + 1);
    assert_string_equal(shown("anna"), "o");
    assert_string_equal(shown("bert"), "f"); /* closed while nobody listened */
    assert_int_equal(present_seq(), 3);
}

static void announcing_without_a_lease_is_refused(void **state) {
    (void)state;
    assert_false(announced("e2", "e1"));
    tick();
    assert_string_equal(shown("anna"), "o");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup(name, with_users)
    const struct CMUnitTest tests[] = {
        TEST(the_replaced_incarnation_is_fenced_and_its_users_stay),
        TEST(announcing_the_same_users_makes_no_transition),
        TEST(what_was_not_announced_ends_at_once),
        TEST(a_status_that_changed_while_fenced_is_taken_over),
        TEST(a_successor_lost_before_announcing_gives_its_users_a_grace),
        TEST(being_fenced_twice_while_announcing_keeps_everybody),
        TEST(a_join_said_again_after_announcing_spares_nobody),
        TEST(a_join_that_comes_after_another_has_announced_spares_nobody),
        TEST(a_join_that_comes_after_the_one_that_followed_it_spares_nobody),
        TEST(replacing_an_incarnation_that_has_ended_takes_its_users_out_of_their_grace),
        TEST(announcing_without_a_lease_is_refused),
    };
    return cmocka_run_group_tests(tests, redis_start, redis_stop);
}

/* OFFLINE_DEBOUNCE_MS: who is back before it is over never left (statements.lua, lib.lua: `lingers`). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/presence-core/scripts_fixture.h"

static int with_two_edges(void **state) {
    redis_fresh(state);
    return join("e1", "ws-edge-1", "-") && join("e2", "ws-edge-2", "-") ? 0 : -1;
}

/* Leases are renewed meanwhile. */
static void pass_with_edges(long long ms) {
    pass_ms(ms);
    size_t records = records_count();
    assert_true(beat("e1"));
    assert_true(beat("e2"));
    assert_int_equal(records, 0);
}

static void a_close_shows_only_after_the_debounce(void **state) {
    (void)state;
    say("e1", "123", 1, "b");
    assert_true(say_closed("e1", "-", "123", 2));
    assert_int_equal(records_count(), 0);
    assert_string_equal(shown("123"), "b");
    assert_consistent("123");
    assert_int_equal(ask_number("SISMEMBER presence:edge:e1 123"), 0);
    assert_int_equal(ask_number("ZCARD presence:ends"), 1);
    pass_with_edges(DEBOUNCE - 1000);
    assert_string_equal(shown("123"), "b");
    pass_ms(1000);
    assert_int_equal(records_count(), 1);
    assert_non_null(strstr(record_text(0), " 1 closed ws-edge-1 123"));
    assert_string_equal(shown("123"), "f");
    assert_consistent("123");
    assert_int_equal(ask_number("ZCARD presence:ends"), 0);
    pass_ms(1000);
    assert_int_equal(present_seq(), 2); /* one offline */
}

static void who_is_back_on_the_same_edge_never_left(void **state) {
    (void)state;
    say("e1", "123", 1, "o");
    say_closed("e1", "-", "123", 2);
    pass_with_edges(DEBOUNCE - 1000);
    say("e1", "123", 3, "o");
    assert_int_equal(records_count(), 0);
    pass_with_edges(2000);
    assert_string_equal(shown("123"), "o");
    assert_int_equal(present_seq(), 1);
    assert_int_equal(ask_number("ZCARD presence:ends"), 0); /* the sweep has looked */
}

static void who_is_back_on_another_edge_never_left_and_is_as_that_one_says(void **state) {
    (void)state;
    say("e1", "123", 1, "b");
    say_closed("e1", "-", "123", 2);
    say("e2", "123", 1, "a");
    assert_int_equal(records_count(), 1);
    assert_non_null(strstr(record_text(0), "2 b a "));
    pass_with_edges(DEBOUNCE + 1000);
    assert_string_equal(shown("123"), "a");
    assert_consistent("123");
    say("e1", "123", 1, "b"); /* late */
    assert_string_equal(shown("123"), "a");
}

static void closing_twice_does_not_make_it_longer(void **state) {
    (void)state;
    say("e1", "123", 1, "o");
    say_closed("e1", "-", "123", 2);
    pass_with_edges(DEBOUNCE - 1000);
    say_closed("e1", "-", "123", 3); /* its acknowledgement was lost */
    assert_int_equal(records_count(), 0);
    pass_ms(1000);
    assert_int_equal(records_count(), 1);
    assert_string_equal(shown("123"), "f");
}

static void a_new_incarnation_does_not_make_it_longer(void **state) {
    (void)state;
    say("e1", "123", 1, "o");
    say_closed("e1", "-", "123", 2);
    pass_with_edges(DEBOUNCE - 1000);
    assert_true(join("e3", "ws-edge-1", "e1"));
    say_closed("e3", "e1", "123", 1);
    assert_int_equal(records_count(), 0);
    pass_ms(1000);
    assert_int_equal(records_count(), 1);
    assert_string_equal(shown("123"), "f");
    assert_consistent("123");
}

static void what_has_ended_still_refuses_late_statements(void **state) {
    (void)state;
    say("e1", "123", 1, "o");
    say_closed("e1", "-", "123", 3);
    pass_with_edges(DEBOUNCE - 1000);
    say("e1", "123", 2, "o");
    pass_ms(1000);
    assert_string_equal(shown("123"), "f");
    say("e1", "123", 2, "o");
    assert_string_equal(shown("123"), "f");
    assert_int_equal(present_seq(), 2);
}

static void only_the_last_close_is_debounced(void **state) {
    (void)state;
    say("e1", "123", 1, "b");
    say("e2", "123", 1, "o");
    say_closed("e1", "-", "123", 2);
    assert_int_equal(records_count(), 1);
    assert_string_equal(shown("123"), "o");
    say_closed("e2", "-", "123", 2);
    assert_int_equal(records_count(), 0);
    pass_ms(DEBOUNCE);
    assert_string_equal(shown("123"), "f");
    assert_non_null(strstr(record_text(0), " closed ws-edge-2 123"));
}

static void silence_is_not_debounced(void **state) {
    (void)state;
    say("e1", "123", 1, "o");
    run(SCRIPT_STATEMENTS, "e1", "ws-edge-1", "-", "0", DEBOUNCE_MS, NEVER, "123", "2", "pong-timeout",
        "60000", "-", "-", "[]", NULL);
    assert_int_equal(records_count(), 1);
    assert_string_equal(shown("123"), "f");
}

static void who_was_hidden_stays_hidden_and_does_not_linger(void **state) {
    (void)state;
    say("e1", "123", 1, "i");
    say_closed("e1", "-", "123", 2);
    assert_int_equal(ask_number("ZCARD presence:ends"), 0);
    assert_int_equal(present_seq(), 0);
    assert_consistent("123");
}

/* One of several closed last, and what was said before was coalesced with it or lost: found by the model. */
static void say_closed_with(uint64_t number, const char *letters) {
    char number_text[24];
    (void)snprintf(number_text, sizeof number_text, "%llu", (unsigned long long)number);
    run(SCRIPT_STATEMENTS, "e1", "ws-edge-1", "-", "0", DEBOUNCE_MS, NEVER, "123", number_text, "closed", "0",
        "-", letters, "[[\"c\",\"device\",1]]", NULL);
}

static void who_is_back_and_closes_another_device_does_not_linger(void **state) {
    (void)state;
    say("e1", "123", 1, "o");
    say_closed("e1", "-", "123", 2);
    say_closed_with(3, "o"); /* opened two, closed one of them */
    pass_with_edges(DEBOUNCE + 1000);
    assert_string_equal(shown("123"), "o");
    assert_int_equal(present_seq(), 1);
}

static void who_closes_all_but_an_invisible_device_is_hidden_at_once(void **state) {
    (void)state;
    say("e1", "123", 1, "o");
    say_closed_with(2, "i"); /* opened that one, closed this one */
    assert_string_equal(shown("123"), "f");
    assert_int_equal(ask_number("ZCARD presence:ends"), 0);
    say("e1", "123", 3, "io"); /* still hidden, so it was not forgotten */
    assert_int_equal(present_seq(), 2);
    assert_consistent("123");
}

static void an_edge_that_is_lost_meanwhile_changes_nothing(void **state) {
    (void)state;
    say("e1", "123", 1, "o");
    say_closed("e1", "-", "123", 2);
    ask("ZADD presence:edges 0 e1");
    tick();
    assert_string_equal(shown("123"), "o");
    pass_ms(DEBOUNCE);
    assert_string_equal(shown("123"), "f");
    assert_int_equal(present_seq(), 2);
    assert_int_equal(ask_number("HEXISTS presence:meta:123 e/e1"), 0);
    assert_consistent("123");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_close_shows_only_after_the_debounce, with_two_edges),
        cmocka_unit_test_setup(who_is_back_on_the_same_edge_never_left, with_two_edges),
        cmocka_unit_test_setup(who_is_back_on_another_edge_never_left_and_is_as_that_one_says,
                               with_two_edges),
        cmocka_unit_test_setup(closing_twice_does_not_make_it_longer, with_two_edges),
        cmocka_unit_test_setup(a_new_incarnation_does_not_make_it_longer, with_two_edges),
        cmocka_unit_test_setup(what_has_ended_still_refuses_late_statements, with_two_edges),
        cmocka_unit_test_setup(only_the_last_close_is_debounced, with_two_edges),
        cmocka_unit_test_setup(silence_is_not_debounced, with_two_edges),
        cmocka_unit_test_setup(who_was_hidden_stays_hidden_and_does_not_linger, with_two_edges),
        cmocka_unit_test_setup(who_is_back_and_closes_another_device_does_not_linger, with_two_edges),
        cmocka_unit_test_setup(who_closes_all_but_an_invisible_device_is_hidden_at_once, with_two_edges),
        cmocka_unit_test_setup(an_edge_that_is_lost_meanwhile_changes_nothing, with_two_edges),
    };
    return cmocka_run_group_tests(tests, redis_start, redis_stop);
}

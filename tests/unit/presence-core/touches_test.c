/* touches.lua and examine.lua: signs of life, and mirrors that are missing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/presence-core/scripts_fixture.h"

static int with_an_edge(void **state) {
    redis_fresh(state);
    return join("e1", "ws-edge-1", "-") ? 0 : -1;
}

static void a_touch_refreshes_the_mirror_and_makes_no_transition(void **state) {
    (void)state;
    say_more("e1", "-", 0, "123", 1, 30000, "o");
    assert_true(touch("e1", "123", 10));
    assert_true(ask_number("PTTL presence:user:123") > TTL - 2000);
    assert_string_equal(answer_text(2), "0");
    assert_int_equal(present_seq(), 1);
}

static void a_touch_creates_nothing(void **state) {
    (void)state;
    assert_true(touch("e1", "nobody", 0));
    assert_int_equal(ask_number("EXISTS presence:user:nobody presence:meta:nobody"), 0);
    say("e1", "123", 1, "o");
    say("e1", "123", 2, "-");
    assert_true(touch("e1", "123", 0));
    assert_consistent("123");
}

static void a_touch_without_a_lease_is_refused(void **state) {
    (void)state;
    say_more("e1", "-", 0, "123", 1, 30000, "o");
    ask("ZADD presence:edges 0 e1");
    assert_false(touch("e1", "123", 0));
    assert_true(ask_number("PTTL presence:user:123") <= TTL - 30000);
}

static void a_touch_restores_a_mirror_that_is_missing_under_its_connection(void **state) {
    (void)state;
    say("e1", "123", 1, "o");
    ask("DEL presence:user:123");
    assert_true(touch("e1", "123", 1000));
    assert_string_equal(answer_text(2), "1");
    assert_consistent("123");
}

static void a_touch_from_where_the_user_has_left_restores_nothing(void **state) {
    (void)state;
    join("e2", "ws-edge-2", "-");
    say("e1", "123", 1, "-");
    say("e2", "123", 1, "o");
    ask("DEL presence:user:123");
    assert_true(touch("e1", "123", 0));
    assert_false(has_mirror("123"));
}

static void a_hint_restores_the_mirror_of_somebody_connected_and_counts_it(void **state) {
    (void)state;
    say("e1", "123", 1, "o");
    ask("DEL presence:user:123");
    run(SCRIPT_EXAMINE, "123", "nobody", NULL);
    assert_string_equal(answer_text(1), "1");
    assert_int_equal(records_count(), 0);
    assert_consistent("123");
    assert_int_equal(ask_number("GET presence:user:123"), ask_number("HGET presence:meta:123 since"));
    run(SCRIPT_EXAMINE, "123", NULL); /* all is well: nothing to count */
    assert_string_equal(answer_text(1), "0");
}

static void a_hint_about_an_edge_in_its_grace_is_no_anomaly(void **state) {
    (void)state;
    say("e1", "123", 1, "o");
    pass_ms(LEASE + 1);
    ask("DEL presence:user:123");
    run(SCRIPT_EXAMINE, "123", NULL);
    assert_string_equal(answer_text(1), "0");
    assert_consistent("123");
}

static void a_hint_ends_what_is_due(void **state) {
    (void)state;
    say("e1", "123", 1, "o");
    pass_ms(LEASE + 1);
    ask("HINCRBY presence:clock now %d", GRACE);
    run(SCRIPT_EXAMINE, "123", "123", NULL);
    assert_int_equal(records_count(), 1);
    assert_string_equal(shown("123"), "f");
    assert_consistent("123");
    assert_int_equal(ask_number("ZCARD presence:ends"), 0);
}

static void a_hint_about_somebody_invisible_restores_nothing(void **state) {
    (void)state;
    say("e1", "123", 1, "i");
    run(SCRIPT_EXAMINE, "123", NULL);
    assert_consistent("123");
}

static void the_sweep_finds_missing_mirrors_without_a_hint(void **state) {
    (void)state;
    char user[] = "u00";
    for (int i = 0; i < 30; i++) {
        user[1] = (char)('0' + i / 10);
        user[2] = (char)('0' + i % 10);
        say("e1", user, (uint64_t)i + 1, "o");
    }
    ask("DEL presence:user:u03 presence:user:u29");
    /* Ten at a time: three ticks go once around. */
    for (int i = 0; i < 4; i++) {
        run(SCRIPT_TICK, GRACE_MS, "10", NULL);
    }
    assert_consistent("u03");
    assert_consistent("u29");
    ask("DEL presence:user:u00");
    for (int i = 0; i < 4; i++) {
        run(SCRIPT_TICK, GRACE_MS, "10", NULL);
    }
    assert_consistent("u00");
}

static void a_tick_with_step_0_sweeps_nothing(void **state) {
    (void)state;
    say("e1", "123", 1, "o");
    ask("DEL presence:user:123");
    ask("HINCRBY presence:clock now %d", 10 * LEASE + GRACE);
    run(SCRIPT_TICK, GRACE_MS, "0", NULL);
    assert_string_equal(answer_text(4), "0");
    assert_string_equal(shown("123"), "o");
    assert_false(has_mirror("123"));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup(name, with_an_edge)
    const struct CMUnitTest tests[] = {
        TEST(a_touch_refreshes_the_mirror_and_makes_no_transition),
        TEST(a_touch_creates_nothing),
        TEST(a_touch_without_a_lease_is_refused),
        TEST(a_touch_restores_a_mirror_that_is_missing_under_its_connection),
        TEST(a_touch_from_where_the_user_has_left_restores_nothing),
        TEST(a_hint_restores_the_mirror_of_somebody_connected_and_counts_it),
        TEST(a_hint_about_an_edge_in_its_grace_is_no_anomaly),
        TEST(a_hint_ends_what_is_due),
        TEST(a_hint_about_somebody_invisible_restores_nothing),
        TEST(the_sweep_finds_missing_mirrors_without_a_hint),
        TEST(a_tick_with_step_0_sweeps_nothing),
    };
    return cmocka_run_group_tests(tests, redis_start, redis_stop);
}

/* statements.lua: what an edge says of its users, and which transitions come of it. */
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

static void a_connection_makes_one_transition(void **state) {
    (void)state;
    assert_true(say("e1", "123", 1, "o"));
    assert_int_equal(records_count(), 1);
    assert_string_equal(shown("123"), "o");
    assert_consistent("123");
    assert_int_equal(present_seq(), 1);
    assert_int_equal(ask_number("SISMEMBER presence:edge:e1 123"), 1);
    long long ttl = ask_number("PTTL presence:user:123");
    assert_true(ttl > TTL - 2000 && ttl <= TTL);
    assert_int_equal(ask_number("PTTL presence:meta:123"), -1);
}

static void a_record_says_who_from_what_to_what_when_and_why(void **state) {
    (void)state;
    say("e1", "123", 1, "o");
    char expected[128];
    long long at = ask_number("HGET presence:meta:123 since");
    (void)snprintf(expected, sizeof expected, "1 f o %lld %lld 0 connected ws-edge-1 123", at, at);
    assert_string_equal(record_text(0), expected);
}

static void a_repeated_or_older_statement_changes_nothing(void **state) {
    (void)state;
    say("e1", "123", 5, "o");
    assert_true(say("e1", "123", 5, "-"));
    assert_string_equal(answer_text(2), "1");
    assert_int_equal(records_count(), 0);
    assert_true(say("e1", "123", 4, "-"));
    assert_int_equal(records_count(), 0);
    assert_string_equal(shown("123"), "o");
    assert_int_equal(present_seq(), 1);
}

static void a_late_open_does_not_undo_a_close(void **state) {
    (void)state;
    say("e1", "123", 2, "-");
    say("e1", "123", 1, "o");
    assert_string_equal(shown("123"), "f");
    assert_consistent("123");
    assert_int_equal(present_seq(), 0);
}

static void a_statement_below_the_floor_changes_nothing(void **state) {
    (void)state;
    say_more("e1", "-", 10, "other", 11, 0, "o");
    say("e1", "123", 10, "o"); /* the floor is remembered: this message names none */
    assert_string_equal(answer_text(2), "1");
    assert_string_equal(shown("123"), "f");
}

static void the_floor_retires_a_tombstone_and_no_sooner(void **state) {
    (void)state;
    say("e1", "123", 1, "o");
    say("e1", "123", 2, "-");
    say("e2", "123", 1, "o");
    assert_int_equal(ask_number("HEXISTS presence:meta:123 e/e1"), 1); /* a late 1 is still possible */
    say_more("e1", "-", 2, "other", 3, 0, "o");
    say("e2", "123", 2, "o");
    assert_int_equal(ask_number("HEXISTS presence:meta:123 e/e1"), 0);
    say("e1", "123", 1, "b"); /* and is refused by the floor now */
    assert_string_equal(shown("123"), "o");
}

static void tombstones_of_lost_edges_are_retired(void **state) {
    (void)state;
    say("e1", "123", 1, "-");
    ask("ZADD presence:edges 0 e1");
    say("e2", "123", 1, "o");
    assert_int_equal(ask_number("HEXISTS presence:meta:123 e/e1"), 0);
}

static void an_incarnation_without_a_lease_is_refused(void **state) {
    (void)state;
    assert_false(say("stranger", "123", 1, "o"));
    ask("ZADD presence:edges 1 e1");
    assert_false(say("e1", "123", 1, "o"));
    assert_int_equal(ask_number("EXISTS presence:meta:123"), 0);
    assert_int_equal(present_seq(), 0);
}

static void another_epoch_is_an_error_and_changes_nothing(void **state) {
    (void)state;
    ask("SET presence:epoch 1");
    run(SCRIPT_STATEMENTS, "e1", "ws-edge-1", "-", "0", "0", NEVER, "123", "1", "connected", "0", "-", "o",
        "[]", NULL);
    assert_int_equal(answer->type, REDIS_REPLY_ERROR);
    assert_int_equal(strncmp(answer->str, "EPOCH", 5), 0);
    assert_int_equal(ask_number("EXISTS presence:meta:123"), 0);
}

static void closing_one_of_two_devices_keeps_the_user_online(void **state) {
    (void)state;
    say("e1", "123", 1, "oo");
    say("e1", "123", 2, "o");
    assert_int_equal(records_count(), 0);
    say("e2", "123", 1, "o");
    assert_int_equal(records_count(), 0);
    say("e1", "123", 3, "-");
    assert_int_equal(records_count(), 0);
    assert_string_equal(shown("123"), "o");
    assert_int_equal(ask_number("SISMEMBER presence:edge:e1 123"), 0);
    say("e2", "123", 2, "-");
    assert_int_equal(records_count(), 1);
    assert_string_equal(shown("123"), "f");
    assert_int_equal(present_seq(), 2);
}

static void busy_goes_before_online_before_away(void **state) {
    (void)state;
    say("e1", "123", 1, "a");
    assert_string_equal(shown("123"), "a");
    say("e1", "123", 2, "ao");
    assert_string_equal(shown("123"), "o");
    say("e2", "123", 1, "b");
    assert_string_equal(shown("123"), "b");
    assert_int_equal(present_seq(), 3);
    say("e2", "123", 2, "-");
    assert_string_equal(shown("123"), "o");
    assert_consistent("123");
}

static void invisible_looks_like_offline_to_the_byte(void **state) {
    (void)state;
    say_more("e1", "-", 0, "123", 1, 3000, "o");
    long long last_seen = ask_number("GET presence:user:123");
    say_more("e1", "-", 0, "123", 2, 2000, "oi");
    assert_string_equal(shown("123"), "f");
    assert_consistent("123");
    long long frozen = ask_number("HGET presence:meta:123 lastSeen");
    assert_true(frozen >= last_seen);
    /* Neither signs of life nor the end of the connections show. */
    assert_true(touch("e1", "123", 0));
    say("e1", "123", 3, "i");
    say("e1", "123", 4, "-");
    assert_int_equal(records_count(), 0);
    assert_consistent("123");
    assert_int_equal(ask_number("HGET presence:meta:123 lastSeen"), frozen);
    assert_int_equal(present_seq(), 2);
}

static void a_user_who_began_invisible_was_never_seen(void **state) {
    (void)state;
    say("e1", "123", 1, "i");
    assert_int_equal(present_seq(), 0);
    assert_string_equal(ask("HGET presence:meta:123 lastSeen"), "");
    assert_consistent("123");
    assert_int_equal(ask_number("PTTL presence:meta:123"),
                     -1); /* somebody is connected: it must not expire */
    say("e1", "123", 2, "o");
    assert_int_equal(records_count(), 1);
    assert_consistent("123");
}

static void last_seen_is_the_newest_sign_of_life(void **state) {
    (void)state;
    say_more("e1", "-", 0, "123", 1, 9000, "o");
    long long first = ask_number("GET presence:user:123");
    assert_int_equal(first, ask_number("HGET presence:meta:123 since") - 9000);
    touch("e1", "123", 4000);
    long long second = ask_number("GET presence:user:123");
    assert_true(second >= first + 5000);
    touch("e1", "123", 8000); /* older than what is known */
    assert_int_equal(ask_number("GET presence:user:123"), second);
    say_more("e1", "-", 0, "123", 2, 8000, "-");
    assert_int_equal(ask_number("HGET presence:meta:123 lastSeen"), second);
    assert_consistent("123");
}

static void the_mirror_lives_one_ttl_from_the_last_activity(void **state) {
    (void)state;
    say_more("e1", "-", 0, "123", 1, 20000, "o");
    long long ttl = ask_number("PTTL presence:user:123");
    assert_true(ttl > TTL - 22000 && ttl <= TTL - 20000);
}

static void what_is_kept_of_somebody_gone_expires_and_of_somebody_back_does_not(void **state) {
    (void)state;
    say("e1", "123", 1, "o");
    say("e1", "123", 2, "-");
    assert_true(ask_number("PTTL presence:meta:123") > 2591000000LL);
    say("e1", "123", 3, "o");
    assert_int_equal(ask_number("PTTL presence:meta:123"), -1);
    say("e1", "123", 4, "i");
    assert_int_equal(ask_number("PTTL presence:meta:123"), -1);
    say("e1", "123", 5, "-");
    assert_true(ask_number("PTTL presence:meta:123") > 2591000000LL);
}

static void a_spoilt_source_is_dropped_and_stops_nobody(void **state) {
    (void)state;
    say("e1", "123", 1, "o");
    ask("HSET presence:meta:123 e/e1 %s", "spoilt by hand");
    assert_true(say("e2", "123", 1, "o"));
    assert_int_equal(ask_number("HEXISTS presence:meta:123 e/e1"), 0);
    assert_string_equal(shown("123"), "o");
}

static void many_users_in_one_call_are_one_entry_of_the_log(void **state) {
    (void)state;
    run(SCRIPT_STATEMENTS, "e1", "ws-edge-1", "-", "0", "0", NEVER, /* */
        "u1", "1", "connected", "0", "web", "o", "[]",              /* */
        "u2", "2", "connected", "0", "-", "-", "[]",                /* nobody: no transition */
        "u3", "3", "connected", "0", "-", "b", "[]",                /* */
        "u3", "4", "closed", "0", "-", "-", "[]", NULL);            /* the same user twice */
    assert_int_equal(records_count(), 3);
    assert_string_equal(answer_text(1), "3");
    assert_int_equal(ask_number("XLEN presence:log"), 1);
    assert_string_equal(ask("HGET presence:meta:u1 role"), "web");
    assert_consistent("u1");
    assert_consistent("u2");
    assert_consistent("u3");
    assert_int_equal(ask_number("SISMEMBER presence:edge:e1 u3"), 0);
}

static void data_that_was_set_back_leaves_nothing_half_done(void **state) {
    (void)state;
    say("e1", "123", 1, "o");
    say("e1", "other", 2, "o");
    say("e1", "other", 3, "-");
    ask("SET presence:seq 1"); /* the log goes on to 3 */
    assert_true(say("e1", "late", 4, "o"));
    assert_string_equal(shown("late"), "o");
    assert_consistent("late");
    assert_int_equal(ask_number("SISMEMBER presence:edge:e1 late"), 1);
}

static void what_waited_too_long_is_void(void **state) {
    (void)state;
    redisReply *time = redisCommand(redis_link(), "TIME");
    char before[24], after[24];
    long long now_ms = strtoll(time->element[0]->str, NULL, 10) * 1000;
    freeReplyObject(time);
    (void)snprintf(before, sizeof before, "%lld", now_ms - 1000);
    (void)snprintf(after, sizeof after, "%lld", now_ms + 60000);
    run(SCRIPT_STATEMENTS, "e1", "ws-edge-1", "-", "7", "0", before, "123", "8", "connected", "0", "-", "o",
        "[]", NULL);
    assert_string_equal(answer_text(0), "2");
    assert_int_equal(ask_number("EXISTS presence:meta:123"), 0);
    assert_true(say("e1", "123", 1, "o")); /* its floor was not taken either */
    assert_string_equal(shown("123"), "o");
    run(SCRIPT_STATEMENTS, "e1", "ws-edge-1", "-", "0", "0", after, "123", "9", "status-set", "0", "-", "b",
        "[]", NULL);
    assert_string_equal(answer_text(0), "1");
    assert_string_equal(shown("123"), "b");
}

static void a_number_beyond_32_bits_counts(void **state) {
    (void)state;
    say("e1", "123", UINT64_C(9007199254740991), "o");
    say("e1", "123", UINT64_C(9007199254740990), "-");
    assert_string_equal(shown("123"), "o");
    assert_int_equal(strncmp(ask("HGET presence:meta:123 e/e1"), "9007199254740991 0 o ", 21), 0);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup(name, with_two_edges)
    const struct CMUnitTest tests[] = {
        TEST(a_connection_makes_one_transition),
        TEST(a_record_says_who_from_what_to_what_when_and_why),
        TEST(a_repeated_or_older_statement_changes_nothing),
        TEST(a_late_open_does_not_undo_a_close),
        TEST(a_statement_below_the_floor_changes_nothing),
        TEST(the_floor_retires_a_tombstone_and_no_sooner),
        TEST(tombstones_of_lost_edges_are_retired),
        TEST(an_incarnation_without_a_lease_is_refused),
        TEST(another_epoch_is_an_error_and_changes_nothing),
        TEST(closing_one_of_two_devices_keeps_the_user_online),
        TEST(busy_goes_before_online_before_away),
        TEST(invisible_looks_like_offline_to_the_byte),
        TEST(a_user_who_began_invisible_was_never_seen),
        TEST(last_seen_is_the_newest_sign_of_life),
        TEST(the_mirror_lives_one_ttl_from_the_last_activity),
        TEST(what_is_kept_of_somebody_gone_expires_and_of_somebody_back_does_not),
        TEST(a_spoilt_source_is_dropped_and_stops_nobody),
        TEST(many_users_in_one_call_are_one_entry_of_the_log),
        TEST(data_that_was_set_back_leaves_nothing_half_done),
        TEST(what_waited_too_long_is_void),
        TEST(a_number_beyond_32_bits_counts),
    };
    return cmocka_run_group_tests(tests, redis_start, redis_stop);
}

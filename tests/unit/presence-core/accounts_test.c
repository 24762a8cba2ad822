/* account_write, account_read, account_session, account_session_end and account_active: accounts beside
 * presence, once however often they are asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/presence-core/accounts_fixture.h"

static int with_an_edge(void **state) {
    redis_fresh(state);
    return join("e1", "ws-edge-1", "-") ? 0 : -1;
}

static void let_ms_pass(void) {
    usleep(3000);
}

static void who_registers_is_created_and_then_changed_in_what_is_given(void **state) {
    (void)state;
    run(SCRIPT_ACCOUNT_WRITE, HTTP_TTL_MS, FRESHNESS_MS, "tv", fresh_nonce(), "1", "9", "display_name",
        "The TV", NULL);
    assert_string_equal(result_text(), "created");
    assert_int_equal(answer_number(CREATED), 1);
    assert_string_equal(row_column(0, DISPLAY_NAME), "The TV");
    assert_string_equal(row_column(0, DEVICE_TYPE), "smarttv");
    assert_string_equal(row_column(0, METADATA), "{}");
    assert_string_equal(row_column(0, TOTAL_SESSIONS), "0");
    char created_at[24];
    (void)snprintf(created_at, sizeof created_at, "%s", row_column(0, CREATED_AT));
    let_ms_pass();
    run(SCRIPT_ACCOUNT_WRITE, HTTP_TTL_MS, FRESHNESS_MS, "tv", fresh_nonce(), "1", "9", "metadata",
        "{\"a\":1}", NULL);
    assert_string_equal(result_text(), "done");
    assert_int_equal(answer_number(CREATED), 0);
    assert_string_equal(row_column(0, DISPLAY_NAME), "The TV");
    assert_string_equal(row_column(0, METADATA), "{\"a\":1}");
    assert_string_equal(row_column(0, CREATED_AT), created_at);
    assert_true(strcmp(row_column(0, LAST_SEEN), created_at) > 0);
}

static void a_change_alone_creates_nobody(void **state) {
    (void)state;
    run(SCRIPT_ACCOUNT_WRITE, HTTP_TTL_MS, FRESHNESS_MS, "nobody", fresh_nonce(), "0", "9", "display_name",
        "x", NULL);
    assert_string_equal(result_text(), "no-user");
    assert_int_equal(rows_found(), 0);
    assert_string_equal(read_user("nobody"), "no-user");
    assert_int_equal(ask_number("EXISTS presence:account:nobody presence:meta:nobody presence:asked:nobody "
                                "presence:active"),
                     0);
}

static void asked_twice_it_is_carried_out_once_and_answered_the_same(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        run(SCRIPT_ACCOUNT_WRITE, HTTP_TTL_MS, FRESHNESS_MS, "tv", "00000000000000aa", "1", "9",
            "display_name", "first", NULL);
        assert_string_equal(result_text(), "created");
        assert_int_equal(answer_number(CREATED), i == 0);
    }
    run(SCRIPT_ACCOUNT_WRITE, HTTP_TTL_MS, FRESHNESS_MS, "tv", "00000000000000bb", "0", "9", "display_name",
        "second", NULL);
    /* A core that stood still since the first question carries it out now. */
    run(SCRIPT_ACCOUNT_WRITE, HTTP_TTL_MS, FRESHNESS_MS, "tv", "00000000000000aa", "1", "9", "display_name",
        "first", NULL);
    assert_string_equal(result_text(), "created");
    assert_string_equal(row_column(0, DISPLAY_NAME), "second");
    assert_in_range(ask_number("PTTL presence:asked:tv"), 1, 3600000);
}

static void what_was_asked_is_remembered_within_bounds(void **state) {
    (void)state;
    for (int i = 0; i < 40; i++) {
        register_user("tv");
    }
    assert_int_equal(ask_number("STRLEN presence:asked:tv"), 16 * strlen("0123456789abcdef=done ") - 1);
}

static void there_are_no_more_accounts_than_allowed(void **state) {
    (void)state;
    register_user("a");
    run(SCRIPT_ACCOUNT_WRITE, HTTP_TTL_MS, FRESHNESS_MS, "b", fresh_nonce(), "1", "1", NULL);
    assert_string_equal(result_text(), "accounts-full");
    assert_string_equal(read_user("b"), "no-user");
    run(SCRIPT_ACCOUNT_SESSION, "b", fresh_nonce(), "1", "3", "60000", "t", "video_call", "", NULL);
    assert_string_equal(result_text(), "accounts-full");
    assert_int_equal(ask_number("EXISTS presence:session:t presence:sessions:b presence:meta:b"), 0);
    run(SCRIPT_ACCOUNT_WRITE, HTTP_TTL_MS, FRESHNESS_MS, "a", fresh_nonce(), "1", "1", NULL);
    assert_string_equal(result_text(), "done");
}

static void a_look_is_a_sign_of_life_of_the_account_and_not_of_presence(void **state) {
    (void)state;
    register_user("tv");
    uint64_t seq = present_seq();
    char before[24];
    (void)snprintf(before, sizeof before, "%s", row_column(0, LAST_SEEN));
    let_ms_pass();
    assert_string_equal(read_user("tv"), "done");
    assert_true(strcmp(row_column(0, LAST_SEEN), before) > 0);
    assert_string_equal(ask("ZSCORE presence:active tv"), row_column(0, LAST_SEEN));
    assert_string_equal(row_column(0, STATUS), "f");
    assert_string_equal(row_column(0, PRESENCE_LAST_SEEN), "0");
    assert_int_equal(present_seq(), seq);
    assert_false(has_mirror("tv"));
}

static void last_seen_never_goes_back(void **state) {
    (void)state;
    register_user("tv");
    ask("HSET presence:account:tv last_seen 9000000000000");
    ask("ZADD presence:active 9000000000000 tv");
    read_user("tv");
    assert_string_equal(row_column(0, LAST_SEEN), "9000000000000");
    assert_int_equal(ask_number("ZSCORE presence:active tv"), 9000000000000);
}

static void a_profile_shows_presence(void **state) {
    (void)state;
    register_user("tv");
    say("e1", "tv", 1, "o");
    read_user("tv");
    assert_string_equal(row_column(0, STATUS), "o");
    assert_string_equal(row_column(0, IS_ONLINE), "1");
    assert_string_equal(row_column(0, SINCE), ask("HGET presence:meta:tv since"));
    assert_string_equal(row_column(0, PRESENCE_LAST_SEEN), ask("GET presence:user:tv"));
    say("e1", "tv", 2, "b");
    read_user("tv");
    assert_string_equal(row_column(0, STATUS), "b");
    assert_string_equal(row_column(0, IS_ONLINE), "0");
}

/* All that is said of presence, in one text. */
static const char *presence_said(char said[128]) {
    (void)snprintf(said, 128, "%s %s %s %s", row_column(0, STATUS), row_column(0, IS_ONLINE),
                   row_column(0, SINCE), row_column(0, PRESENCE_LAST_SEEN));
    return said;
}

static void invisible_is_to_the_byte_as_if_offline(void **state) {
    (void)state;
    char gone[128], hidden[128];
    register_user("tv");
    say_more("e1", "-", 0, "tv", 1, 5000, "o");
    say_more("e1", "-", 0, "tv", 2, 5000, "-"); /* last seen long before it was closed */
    read_user("tv");
    presence_said(gone);
    say("e1", "tv", 3, "i");
    read_user("tv");
    assert_string_equal(presence_said(hidden), gone);
    say("e1", "tv", 4, "ib");
    read_user("tv");
    assert_string_equal(presence_said(hidden), gone);
}

static void what_is_kept_of_a_registered_user_does_not_expire(void **state) {
    (void)state;
    say("e1", "tv", 1, "o");
    say("e1", "tv", 2, "-");
    assert_true(ask_number("PTTL presence:meta:tv") > 0);
    register_user("tv");
    assert_int_equal(ask_number("PTTL presence:meta:tv"), -1);
    say("e1", "tv", 3, "o");
    say("e1", "tv", 4, "-");
    assert_int_equal(ask_number("PTTL presence:meta:tv"), -1);
    assert_string_equal(shown("tv"), "f");
    assert_consistent("tv");
    say("e1", "stranger", 1, "o");
    say("e1", "stranger", 2, "-");
    assert_true(ask_number("PTTL presence:meta:stranger") > 0);
}

static void a_session_registers_a_stranger_and_is_no_presence(void **state) {
    (void)state;
    uint64_t seq = present_seq();
    assert_string_equal(start_session("tv", fresh_nonce(), "t1"), "done");
    assert_int_equal(answer_number(CREATED), 1);
    assert_string_equal(ask("HGET presence:session:t1 username"), "tv");
    assert_string_equal(ask("HGET presence:session:t1 room_name"), "room");
    assert_in_range(ask_number("PTTL presence:session:t1"), 50000, 60000);
    assert_in_range(ask_number("PTTL presence:sessions:tv"), 50000, 60000);
    assert_string_equal(read_user("tv"), "done");
    assert_string_equal(row_column(0, TOTAL_SESSIONS), "1");
    assert_string_equal(row_column(0, STATUS), "f");
    assert_int_equal(present_seq(), seq);
    assert_false(has_mirror("tv"));
}

static void a_session_that_is_started_twice_is_one(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_string_equal(start_session("tv", "00000000000000cc", "t1"), "done");
    }
    assert_string_equal(end_session("t1"), "done");
    ask("DEL presence:session:t1");
    /* Late, by a core that stood still: it does not come back to life. */
    assert_string_equal(start_session("tv", "00000000000000cc", "t1"), "done");
    assert_int_equal(ask_number("EXISTS presence:session:t1"), 0);
    read_user("tv");
    assert_string_equal(row_column(0, TOTAL_SESSIONS), "1");
}

static void an_end_is_told_again_to_who_asks_again_and_then_forgotten(void **state) {
    (void)state;
    start_session("tv", fresh_nonce(), "t1");
    assert_string_equal(end_session("t1"), "done");
    assert_string_equal(end_session("t1"), "done");
    assert_in_range(ask_number("PTTL presence:session:t1"), 1, 60000);
    assert_string_equal(end_session("another"), "no-session");
    ask("PEXPIRE presence:session:t1 1");
    let_ms_pass();
    assert_string_equal(end_session("t1"), "no-session");
}

static void an_end_does_not_prolong_a_session(void **state) {
    (void)state;
    start_session("tv", fresh_nonce(), "t1");
    ask("PEXPIRE presence:session:t1 5000");
    end_session("t1");
    assert_in_range(ask_number("PTTL presence:session:t1"), 1, 5000);
}

static void beyond_the_limit_the_ended_go_first_and_then_the_oldest(void **state) {
    (void)state;
    const char *tokens[] = {"t1", "t2", "t3", "t4", "t5"};
    for (size_t i = 0; i < 3; i++) {
        start_session("tv", fresh_nonce(), tokens[i]);
        let_ms_pass();
    }
    end_session("t2");
    start_session("tv", fresh_nonce(), "t4");
    assert_int_equal(answer_number(DISPLACED), 0);
    assert_int_equal(ask_number("EXISTS presence:session:t2"), 0);
    assert_int_equal(ask_number("EXISTS presence:session:t1 presence:session:t3 presence:session:t4"), 3);
    let_ms_pass();
    start_session("tv", fresh_nonce(), "t5");
    assert_int_equal(answer_number(DISPLACED), 1);
    assert_int_equal(ask_number("EXISTS presence:session:t1"), 0);
    assert_int_equal(ask_number("ZCARD presence:sessions:tv"), 3);
    assert_string_equal(end_session("t1"), "no-session");
}

static void sessions_that_are_over_make_no_others_end(void **state) {
    (void)state;
    start_session("tv", fresh_nonce(), "t1");
    start_session("tv", fresh_nonce(), "t2");
    start_session("tv", fresh_nonce(), "t3");
    ask("ZINCRBY presence:sessions:tv -60001 t2");
    start_session("tv", fresh_nonce(), "t4");
    assert_int_equal(answer_number(DISPLACED), 0);
    assert_string_equal(ask("ZSCORE presence:sessions:tv t2"), "");
    assert_int_equal(ask_number("EXISTS presence:session:t1"), 1);
}

static void active_is_newest_first_and_bounded(void **state) {
    (void)state;
    const char *users[] = {"a", "b", "c"};
    for (size_t i = 0; i < 3; i++) {
        register_user(users[i]);
        let_ms_pass();
    }
    read_user("a");
    run(SCRIPT_ACCOUNT_ACTIVE, HTTP_TTL_MS, FRESHNESS_MS, "10", NULL);
    assert_int_equal(rows_found(), 3);
    assert_string_equal(row_column(0, USERNAME), "a");
    assert_string_equal(row_column(1, USERNAME), "c");
    assert_string_equal(row_column(0, METADATA), "");
    run(SCRIPT_ACCOUNT_ACTIVE, HTTP_TTL_MS, FRESHNESS_MS, "2", NULL);
    assert_int_equal(rows_found(), 2);
}

static void another_epoch_changes_nothing(void **state) {
    (void)state;
    const char *argv[] = {"1",          TTL_MS, "2592000000",       "1000", HTTP_TTL_MS,
                          FRESHNESS_MS, "tv",   "00000000000000dd", "1",    "9"};
    run_raw(SCRIPT_ACCOUNT_WRITE, 10, argv, NULL);
    assert_int_equal(answer->type, REDIS_REPLY_ERROR);
    assert_int_equal(ask_number("EXISTS presence:account:tv"), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(who_registers_is_created_and_then_changed_in_what_is_given, with_an_edge),
        cmocka_unit_test_setup(a_change_alone_creates_nobody, with_an_edge),
        cmocka_unit_test_setup(asked_twice_it_is_carried_out_once_and_answered_the_same, with_an_edge),
        cmocka_unit_test_setup(what_was_asked_is_remembered_within_bounds, with_an_edge),
        cmocka_unit_test_setup(there_are_no_more_accounts_than_allowed, with_an_edge),
        cmocka_unit_test_setup(a_look_is_a_sign_of_life_of_the_account_and_not_of_presence, with_an_edge),
        cmocka_unit_test_setup(last_seen_never_goes_back, with_an_edge),
        cmocka_unit_test_setup(a_profile_shows_presence, with_an_edge),
        cmocka_unit_test_setup(invisible_is_to_the_byte_as_if_offline, with_an_edge),
        cmocka_unit_test_setup(what_is_kept_of_a_registered_user_does_not_expire, with_an_edge),
        cmocka_unit_test_setup(a_session_registers_a_stranger_and_is_no_presence, with_an_edge),
        cmocka_unit_test_setup(a_session_that_is_started_twice_is_one, with_an_edge),
        cmocka_unit_test_setup(an_end_is_told_again_to_who_asks_again_and_then_forgotten, with_an_edge),
        cmocka_unit_test_setup(an_end_does_not_prolong_a_session, with_an_edge),
        cmocka_unit_test_setup(beyond_the_limit_the_ended_go_first_and_then_the_oldest, with_an_edge),
        cmocka_unit_test_setup(sessions_that_are_over_make_no_others_end, with_an_edge),
        cmocka_unit_test_setup(active_is_newest_first_and_bounded, with_an_edge),
        cmocka_unit_test_setup(another_epoch_changes_nothing, with_an_edge),
    };
    return cmocka_run_group_tests(tests, redis_start, redis_stop);
}

/* logins.lua: of a user's connections the newest stays, whatever order statements come in, and never do all
 * go. With beat.lua, which says again what has not been heard, and tick.lua, which forgets it with the edge.
 */
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

/* Says that these are the user's connections, as [["id","device",opened_at],...]. */
static void state_only(const char *incarnation, const char *replaces, const char *user, const char *number,
                       const char *connections) {
    char letters[8] = {0};
    for (const char *at = connections; *at; at++) {
        if (strncmp(at, "[\"", 2) == 0) {
            letters[strlen(letters)] = 'o';
        }
    }
    run(SCRIPT_STATEMENTS, incarnation, "ws-edge-1", replaces, "0", "0", NEVER, user, number, "connected",
        "0", "-", letters[0] ? letters : "-", connections, NULL);
    assert_string_equal(answer_text(0), "1");
}

static void judge(const char *incarnation, const char *user, const char *number) {
    run(SCRIPT_LOGINS, incarnation, user, number, NULL);
    assert_string_equal(answer_text(0), "1");
}

static void say_all(const char *incarnation, const char *user, const char *number, const char *connections) {
    state_only(incarnation, "-", user, number, connections);
    judge(incarnation, user, number);
}

static char told_text[512];

static void append_told(const char *before, const char *text) {
    size_t len = strlen(told_text);
    (void)snprintf(told_text + len, sizeof told_text - len, "%s%s", before, text);
}

/* Whom the script that ran last tells, as "incarnation user=ids ...;" for each. */
static const char *told(void) {
    told_text[0] = '\0';
    const redisReply *groups = answer->element[2];
    for (size_t i = 0; i + 1 < groups->elements; i += 2) {
        const redisReply *users = groups->element[i + 1];
        append_told("", groups->element[i]->str);
        for (size_t u = 0; u + 1 < users->elements; u += 2) {
            append_told(" ", users->element[u]->str);
            append_told("=", users->element[u + 1]->str);
        }
        append_told(";", "");
    }
    return told_text;
}

static const char *kicks(const char *incarnation, const char *user) {
    return ask("HGET presence:kicks:%s %s", incarnation, user);
}

static void a_single_login_has_nobody_told(void **state) {
    (void)state;
    say_all("e1", "123", "1", "[[\"a\",\"phone\",100]]");
    assert_string_equal(told(), "");
    assert_int_equal(ask_number("EXISTS presence:kicks:e1"), 0);
}

static void a_newer_login_on_another_edge_has_the_older_one_go(void **state) {
    (void)state;
    say_all("e1", "123", "1", "[[\"a\",\"phone\",100]]");
    say_all("e2", "123", "1", "[[\"b\",\"tablet\",200]]");
    assert_string_equal(told(), "e1 123=a;");
    assert_string_equal(kicks("e1", "123"), "a");
    assert_string_equal(kicks("e2", "123"), "");
    assert_string_equal(shown("123"), "o");
}

static void the_kicked_user_never_goes_offline(void **state) {
    (void)state;
    say_all("e1", "123", "1", "[[\"a\",\"phone\",100]]");
    say_all("e2", "123", "1", "[[\"b\",\"tablet\",200]]");
    say_all("e1", "123", "2", "[]");
    assert_string_equal(shown("123"), "o");
    assert_int_equal(present_seq(), 1);
    assert_int_equal(ask_number("EXISTS presence:kicks:e1"), 0); /* it has been heard */
}

static void an_older_statement_that_comes_late_never_wins(void **state) {
    (void)state;
    say_all("e2", "123", "1", "[[\"b\",\"tablet\",200]]");
    say_all("e1", "123", "1", "[[\"a\",\"phone\",100]]");
    assert_string_equal(told(), "e1 123=a;");
    assert_string_equal(kicks("e2", "123"), "");
}

static void of_two_in_the_same_millisecond_exactly_one_stays_in_either_order(void **state) {
    (void)state;
    say_all("e1", "123", "1", "[[\"a\",\"phone\",100]]");
    say_all("e2", "123", "1", "[[\"b\",\"tablet\",100]]");
    assert_string_equal(told(), "e1 123=a;");
    say_all("e2", "456", "2", "[[\"b\",\"tablet\",100]]");
    say_all("e1", "456", "2", "[[\"a\",\"phone\",100]]");
    assert_string_equal(told(), "e1 456=a;");
}

static void who_was_told_to_go_does_not_stay_when_the_newer_one_has_left(void **state) {
    (void)state;
    say_all("e1", "123", "1", "[[\"a\",\"phone\",100]]");
    say_all("e2", "123", "1", "[[\"b\",\"tablet\",200]]");
    say_all("e2", "123", "2", "[]");
    assert_string_equal(kicks("e1", "123"), "a"); /* it may be closing already */
    /* An older one that nobody has told to go is the only one left: it stays. */
    say_all("e2", "123", "3", "[[\"c\",\"watch\",50]]");
    assert_string_equal(kicks("e2", "123"), "");
    assert_string_equal(told(), "e1 123=a;");
}

static void each_new_login_wins_over_all_before_it(void **state) {
    (void)state;
    join("e3", "ws-edge-3", "-");
    say_all("e1", "123", "1", "[[\"a\",\"phone\",100]]");
    say_all("e2", "123", "1", "[[\"b\",\"tablet\",200]]");
    say_all("e1", "123", "2", "[[\"c\",\"phone\",300],[\"a\",\"phone\",100]]"); /* a is still closing */
    assert_string_equal(kicks("e1", "123"), "a");
    assert_string_equal(kicks("e2", "123"), "b");
    say_all("e3", "123", "1", "[[\"d\",\"watch\",400]]");
    assert_string_equal(kicks("e2", "123"), "b");
    assert_string_equal(kicks("e3", "123"), "");
    assert_non_null(strchr(kicks("e1", "123"), 'a'));
    assert_non_null(strchr(kicks("e1", "123"), 'c'));
}

static void two_in_one_statement_leave_the_newer(void **state) {
    (void)state;
    say_all("e1", "123", "1", "[[\"a\",\"phone\",100],[\"b\",\"tablet\",200]]");
    assert_string_equal(told(), "e1 123=a;");
}

static void a_superseded_statement_judges_nobody(void **state) {
    (void)state;
    state_only("e1", "-", "123", "2", "[[\"a\",\"phone\",100]]");
    state_only("e2", "-", "123", "1", "[[\"b\",\"tablet\",200]]");
    judge("e1", "123", "1");
    assert_string_equal(told(), "");
    assert_int_equal(ask_number("EXISTS presence:kicks:e1"), 0);
}

static void a_lost_edge_is_not_told_and_its_connections_do_not_count(void **state) {
    (void)state;
    say_all("e1", "123", "1", "[[\"a\",\"phone\",900]]"); /* newer than what follows, but its edge is lost */
    ask("ZADD presence:edges 0 e1");
    say_all("e2", "123", "1", "[[\"b\",\"phone\",200]]");
    assert_string_equal(told(), "");
    assert_int_equal(ask_number("EXISTS presence:kicks:e1"), 0);
    assert_string_equal(kicks("e2", "123"), "");
}

static void a_new_incarnation_announces_without_a_new_login(void **state) {
    (void)state;
    say_all("e1", "123", "1", "[[\"a\",\"phone\",100]]");
    assert_true(join("e3", "ws-edge-1", "e1"));
    state_only("e3", "e1", "123", "1", "[[\"a\",\"phone\",100]]");
    judge("e3", "123", "1");
    assert_string_equal(told(), "");
}

static void a_kick_that_the_old_incarnation_did_not_hear_the_new_one_does(void **state) {
    (void)state;
    say_all("e1", "123", "1", "[[\"a\",\"phone\",100]]");
    say_all("e2", "123", "1", "[[\"b\",\"tablet\",200]]");
    assert_true(join("e3", "ws-edge-1", "e1"));
    state_only("e3", "e1", "123", "1", "[[\"a\",\"phone\",100]]");
    judge("e3", "123", "1");
    assert_string_equal(told(), "e3 123=a;");
}

static void http_sources_are_no_logins(void **state) {
    (void)state;
    ask("HSET presence:meta:123 http/tv %s", "1 99999 o [[\"tv\",\"tv\",999]]");
    say_all("e1", "123", "1", "[[\"a\",\"phone\",100]]");
    assert_string_equal(told(), "");
}

static void connections_that_cannot_be_read_harm_nobody(void **state) {
    (void)state;
    say_all("e1", "123", "1", "[[\"a\",\"phone\",100]]");
    ask("HSET presence:meta:123 e/e1 %s", "1 0 o {{{");
    say_all("e2", "123", "1", "[[\"b\",\"tablet\",200]]");
    assert_string_equal(told(), "");
}

static void a_beat_says_again_what_has_not_been_heard(void **state) {
    (void)state;
    say_all("e1", "123", "1", "[[\"a\",\"phone\",100]]");
    say_all("e2", "123", "1", "[[\"b\",\"tablet\",200]]");
    run(SCRIPT_BEAT, LEASE_MS, "e1", "ws-edge-1", "{}", "1", "1", NULL);
    assert_int_equal(answer->element[3]->elements, 2);
    assert_string_equal(answer->element[3]->element[0]->str, "123");
    assert_string_equal(answer->element[3]->element[1]->str, "a");
    run(SCRIPT_BEAT, LEASE_MS, "e1", "ws-edge-1", "{}", "0", "1", NULL);
    assert_int_equal(answer->element[3]->elements, 0);
    run(SCRIPT_BEAT, LEASE_MS, "e2", "ws-edge-2", "{}", "1", "1", NULL);
    assert_int_equal(answer->element[3]->elements, 0);
}

static void a_beat_says_a_hundred_at_most(void **state) {
    (void)state;
    for (int i = 0; i < 150; i++) {
        ask("HSET presence:kicks:e1 user%d a", i);
    }
    run(SCRIPT_BEAT, LEASE_MS, "e1", "ws-edge-1", "{}", "1", "1", NULL);
    assert_int_equal(answer->element[3]->elements, 200);
}

static void kicks_of_an_edge_that_is_lost_go_with_it(void **state) {
    (void)state;
    say_all("e1", "123", "1", "[[\"a\",\"phone\",100]]");
    say_all("e2", "123", "1", "[[\"b\",\"tablet\",200]]");
    for (int i = 0; i < 2; i++) {
        pass_ms(LEASE);
        beat("e2");
    }
    pass_ms(LEASE + GRACE);
    assert_int_equal(ask_number("EXISTS presence:kicks:e1"), 0);
}

static void the_fence_and_the_epoch_hold_here_too(void **state) {
    (void)state;
    run(SCRIPT_LOGINS, "stranger", "123", "1", NULL);
    assert_string_equal(answer_text(0), "0");
    ask("SET presence:epoch 1");
    run(SCRIPT_LOGINS, "e1", "123", "1", NULL);
    assert_int_equal(answer->type, REDIS_REPLY_ERROR);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_single_login_has_nobody_told, with_two_edges),
        cmocka_unit_test_setup(a_newer_login_on_another_edge_has_the_older_one_go, with_two_edges),
        cmocka_unit_test_setup(the_kicked_user_never_goes_offline, with_two_edges),
        cmocka_unit_test_setup(an_older_statement_that_comes_late_never_wins, with_two_edges),
        cmocka_unit_test_setup(of_two_in_the_same_millisecond_exactly_one_stays_in_either_order,
                               with_two_edges),
        cmocka_unit_test_setup(who_was_told_to_go_does_not_stay_when_the_newer_one_has_left, with_two_edges),
        cmocka_unit_test_setup(each_new_login_wins_over_all_before_it, with_two_edges),
        cmocka_unit_test_setup(two_in_one_statement_leave_the_newer, with_two_edges),
        cmocka_unit_test_setup(a_superseded_statement_judges_nobody, with_two_edges),
        cmocka_unit_test_setup(a_lost_edge_is_not_told_and_its_connections_do_not_count, with_two_edges),
        cmocka_unit_test_setup(a_new_incarnation_announces_without_a_new_login, with_two_edges),
        cmocka_unit_test_setup(a_kick_that_the_old_incarnation_did_not_hear_the_new_one_does, with_two_edges),
        cmocka_unit_test_setup(http_sources_are_no_logins, with_two_edges),
        cmocka_unit_test_setup(connections_that_cannot_be_read_harm_nobody, with_two_edges),
        cmocka_unit_test_setup(a_beat_says_again_what_has_not_been_heard, with_two_edges),
        cmocka_unit_test_setup(a_beat_says_a_hundred_at_most, with_two_edges),
        cmocka_unit_test_setup(kicks_of_an_edge_that_is_lost_go_with_it, with_two_edges),
        cmocka_unit_test_setup(the_fence_and_the_epoch_hold_here_too, with_two_edges),
    };
    return cmocka_run_group_tests(tests, redis_start, redis_stop);
}

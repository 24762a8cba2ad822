/* The overview's lists: who is named, with what, and who counts as heard from lately (directory.lua). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/presence-core/scripts_fixture.h"

enum { COLUMNS = 6, NAME = 0, DISPLAY_NAME, STATUS, LAST_SEEN, FRESH, FAVOURITE };

static int with_an_edge(void **state) {
    redis_fresh(state);
    return join("e1", "ws-edge-1", "-") ? 0 : -1;
}

static void look(const char *scope, const char *viewer, const char *after, const char *most) {
    run(SCRIPT_DIRECTORY, HTTP_TTL_MS, FRESHNESS_MS, scope, viewer, after, most, NULL);
    assert_int_equal(answer->type, REDIS_REPLY_ARRAY);
}

static size_t rows(void) {
    return answer->element[2]->elements / COLUMNS;
}

static const char *cell(size_t row, size_t column) {
    assert_true(row < rows());
    return answer->element[2]->element[row * COLUMNS + column]->str;
}

static const char *of(const char *user, size_t column) {
    look("one", "", user, "1");
    assert_int_equal(rows(), 1);
    return cell(0, column);
}

static void a_heartbeat_is_fresh_for_a_while_and_a_socket_always(void **state) {
    (void)state;
    heartbeat("tv", "default", "o");
    assert_string_equal(of("tv", FRESH), "1");
    ask("HINCRBY presence:clock now %d", FRESHNESS + 1);
    assert_string_equal(of("tv", FRESH), "1"); /* the real clock has not moved: the lesser silence counts */
    ask("HINCRBY presence:clock now %d", -FRESHNESS - 1);
    ask("HSET presence:meta:tv http/default %s", "1000 30001 o [[\"default\",\"\",1000]]");
    assert_string_equal(of("tv", FRESH), "1"); /* nor has the service clock */
    ask("HINCRBY presence:clock now %d", FRESHNESS + 1);
    assert_string_equal(of("tv", FRESH), "0");
    assert_string_equal(of("tv", STATUS), "o");
    ask("ZADD presence:edges 100000000 e1");
    say("e1", "tv", 1, "a");
    assert_string_equal(of("tv", FRESH), "1");
    assert_string_equal(of("nobody", FRESH), "0");
    assert_string_equal(of("nobody", LAST_SEEN), "0");
}

static void who_is_leaving_is_fresh_until_then(void **state) {
    (void)state;
    heartbeat("tv", "default", "o");
    heartbeat("tv", "default", "f");
    assert_string_equal(of("tv", FRESH), "1");
}

static void who_is_online_comes_by_name_in_pieces(void **state) {
    (void)state;
    const char *const names[] = {"c", "a", "e", "b", "d"};
    for (size_t i = 0; i < 5; i++) {
        heartbeat(names[i], "default", i == 0 ? "a" : "o");
    }
    look("online", "", "", "2");
    assert_int_equal(rows(), 2);
    assert_string_equal(cell(0, NAME), "a");
    assert_string_equal(answer_text(3), "b");
    look("online", "", "b", "2");
    assert_string_equal(cell(0, NAME), "c");
    assert_string_equal(cell(0, STATUS), "a");
    assert_string_equal(answer_text(3), "d");
    look("online", "", "d", "2");
    assert_int_equal(rows(), 1);
    assert_string_equal(answer_text(3), "");
}

static void contacts_are_those_of_the_viewer_with_their_favourites_marked(void **state) {
    (void)state;
    ask("HSET presence:contacts:me b %s a %s c %s", "1 5", "0 6", "1 7");
    ask("HSET presence:account:b display_name Bee last_seen 7000");
    heartbeat("a", "default", "o");
    look("contacts", "me", "", "2");
    assert_int_equal(rows(), 2);
    assert_string_equal(cell(0, NAME), "a");
    assert_string_equal(cell(0, FAVOURITE), "0");
    assert_string_equal(cell(1, DISPLAY_NAME), "Bee");
    assert_string_equal(cell(1, FAVOURITE), "1");
    assert_string_equal(cell(1, LAST_SEEN), "7000");
    assert_string_equal(answer_text(3), "b");
    look("contacts", "me", "b", "2");
    assert_int_equal(rows(), 1);
    assert_string_equal(cell(0, NAME), "c");
    assert_string_equal(answer_text(3), "");
    look("online", "me", "", "2");
    assert_string_equal(cell(0, FAVOURITE), "0");
    look("contacts", "stranger", "", "2");
    assert_int_equal(rows(), 0);
}

static void accounts_come_the_latest_first(void **state) {
    (void)state;
    ask("ZADD presence:active 1 a 3 b 2 c");
    look("active", "", "", "2");
    assert_string_equal(cell(0, NAME), "b");
    assert_string_equal(cell(1, NAME), "c");
    assert_string_equal(answer_text(3), "2");
    look("active", "", "2", "2");
    assert_string_equal(cell(0, NAME), "a");
    assert_string_equal(answer_text(3), "");
}

static void who_is_hidden_looks_as_if_they_were_not_there(void **state) {
    (void)state;
    ask("HSET presence:meta:tv account 1");
    ask("HSET presence:account:tv last_seen 7000");
    assert_string_equal(of("tv", LAST_SEEN), "7000");
    ask("HSET presence:meta:tv lastSeen 6000");
    heartbeat("tv", "default", "i");
    assert_string_equal(of("tv", STATUS), "f");
    assert_string_equal(of("tv", LAST_SEEN), "6000");
    ask("HDEL presence:meta:tv lastSeen");
    assert_string_equal(of("tv", LAST_SEEN),
                        "7000"); /* what they say while they hide is no activity of the account */
    look("online", "", "", "2");
    assert_int_equal(rows(), 0);
}

static void it_says_while_the_data_is_being_rebuilt(void **state) {
    (void)state;
    look("online", "", "", "2");
    assert_int_equal(answer_number(1), 0);
    ask("HSET presence:rebuild deadline 1");
    look("online", "", "", "2");
    assert_int_equal(answer_number(1), 1);
}

#define TEST(name) cmocka_unit_test_setup(name, with_an_edge)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_heartbeat_is_fresh_for_a_while_and_a_socket_always),
        TEST(who_is_leaving_is_fresh_until_then),
        TEST(who_is_online_comes_by_name_in_pieces),
        TEST(contacts_are_those_of_the_viewer_with_their_favourites_marked),
        TEST(accounts_come_the_latest_first),
        TEST(who_is_hidden_looks_as_if_they_were_not_there),
        TEST(it_says_while_the_data_is_being_rebuilt),
    };
    return cmocka_run_group_tests(tests, redis_start, redis_stop);
}

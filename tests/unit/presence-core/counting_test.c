/* How many are shown as what (services.lua): exact after every transition, whatever made it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/presence-core/scripts_fixture.h"

enum { USERS = 6, EDGES = 2, STEPS = 400 };

static unsigned random_state;

static unsigned roll(unsigned sides) {
    random_state = random_state * 1103515245 + 12345;
    return (random_state >> 16) % sides;
}

static const char *user_name(unsigned i) {
    static char names[USERS][8];
    (void)snprintf(names[i], sizeof names[i], "u%u", i);
    return names[i];
}

static int with_edges(void **state) {
    redis_fresh(state);
    return join("e0", "ws-edge-1", "-") && join("e1", "ws-edge-2", "-") ? 0 : -1;
}

/* As services.lua answers: not offline, away, busy. */
static void assert_counts(long long online, long long away, long long busy) {
    run(SCRIPT_SERVICES, "60000", NULL);
    assert_int_equal(answer_number(4), online);
    assert_int_equal(answer_number(6), away);
    assert_int_equal(answer_number(7), busy);
}

/* Held against every user's own status. */
static void assert_exact(void) {
    long long online = 0, away = 0, busy = 0;
    for (unsigned i = 0; i < USERS; i++) {
        char status = shown(user_name(i))[0];
        online += status != 'f';
        away += status == 'a';
        busy += status == 'b';
        assert_consistent(user_name(i));
    }
    assert_counts(online, away, busy);
}

/* Edges and HTTP clients say something, a last connection closes within the debounce, a little time passes.
 */
static void step(uint64_t number) {
    static const char *const letters[] = {"o", "a", "b", "-", "i", "ab", "ao", "aa"};
    static const char *const spoken[] = {"o", "a", "b", "i", "f"};
    const char *edge = roll(EDGES) == 0 ? "e0" : "e1", *user = user_name(roll(USERS));
    switch (roll(5)) {
    case 0:
        heartbeat(user, roll(2) == 0 ? "default" : "page", spoken[roll(5)]);
        break;
    case 1:
        say_closed(edge, "-", user, number);
        break;
    case 2:
        ask("ZADD presence:edges 100000000 e0 100000000 e1");
        pass_ms(roll(DEBOUNCE));
        break;
    default:
        say(edge, user, number, letters[roll(8)]);
        break;
    }
}

static void every_transition_is_counted(void **state) {
    (void)state;
    random_state = 1;
    for (uint64_t number = 1; number <= STEPS; number++) {
        step(number);
        assert_exact();
    }
    /* Both edges are lost, and every HTTP client falls silent: with them goes everybody. */
    ask("ZADD presence:edges 1 e0 1 e1");
    pass_ms(GRACE + 1);
    pass_ms(HTTP_TTL + 1);
    tick();
    assert_exact();
    assert_counts(0, 0, 0);
    assert_int_equal(ask_number("EXISTS presence:away presence:busy"), 0);
}

static void two_changes_of_one_user_in_one_call_count_once(void **state) {
    (void)state;
    run(SCRIPT_STATEMENTS, "e0", "ws-edge-1", "-", "0", "0", NEVER, "u0", "1", "connected", "0", "-", "a",
        "[]", "u0", "2", "status-set", "0", "-", "b", "[]", "u1", "3", "connected", "0", "-", "a", "[]", "u1",
        "4", "closed", "0", "-", "-", "[]", NULL);
    assert_exact();
    assert_counts(1, 0, 1);
}

static void a_new_epoch_counts_from_what_is_announced(void **state) {
    (void)state;
    say("e0", "u0", 1, "a");
    say("e0", "u1", 2, "b");
    uint64_t epoch = present_epoch(), seq = present_seq();
    ask("FLUSHALL");
    assert_true(check_epoch("run-2", false, epoch, seq, true, "e0"));
    assert_counts(0, 0, 0);
    assert_true(join("e2", "ws-edge-1", "e0"));
    say("e2", "u0", 1, "b");
    say("e2", "u2", 2, "o");
    assert_exact();
    assert_counts(2, 0, 1);
}

static void what_somebodys_hand_has_spoilt_is_put_right_by_the_next_ticks(void **state) {
    (void)state;
    say("e0", "u0", 1, "a");
    say("e0", "u1", 2, "b");
    say("e0", "u2", 3, "o");
    ask("DEL presence:away presence:busy"); /* also: data of a version that kept none */
    ask("SADD presence:away u2 u1");
    ask("HINCRBY presence:clock at -1000"); /* they are looked at once a second */
    tick();
    assert_exact();
    assert_counts(3, 1, 1);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup(name, with_edges)
    const struct CMUnitTest tests[] = {
        TEST(every_transition_is_counted),
        TEST(two_changes_of_one_user_in_one_call_count_once),
        TEST(a_new_epoch_counts_from_what_is_announced),
        TEST(what_somebodys_hand_has_spoilt_is_put_right_by_the_next_ticks),
    };
    return cmocka_run_group_tests(tests, redis_start, redis_stop);
}

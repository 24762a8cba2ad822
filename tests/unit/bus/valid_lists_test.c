/* valid: pages of who is online and pieces of the log, as an http-api asks for them, and the figures of a
 * process. Every case starts from a message that is valid and changes one thing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/bus/valid_fixture.h"

static bool core_takes_beat(void) {
    Zp__ApiToCore message = ZP__API_TO_CORE__INIT;
    message.body_case = ZP__API_TO_CORE__BODY_BEAT;
    message.beat = &beat;
    return api_to_core_valid(&message);
}

static void figures_are_few_named_and_bounded(void **state) {
    (void)state;
    Zp__Figure figure = ZP__FIGURE__INIT;
    Zp__Figure *list[VALID_FIGURES_MAX + 1];
    for (size_t i = 0; i < COUNT(list); i++) {
        list[i] = &figure;
    }
    figure.name = "sockets";
    figure.value = LARGEST_NUMBER;
    process.figures = list;
    process.n_figures = VALID_FIGURES_MAX;
    assert_true(core_takes_beat());
    process.n_figures = VALID_FIGURES_MAX + 1;
    assert_false(core_takes_beat());
    process.n_figures = 1;
    figure.value++;
    assert_false(core_takes_beat());
    figure.value = 0;
    char longest[] = "abcdefghijklmnopqrstuvwxyzABCDEF";
    figure.name = longest;
    assert_true(core_takes_beat());
    const char *const bad[] = {"", "a b", "a\"", "users1", "abcdefghijklmnopqrstuvwxyzABCDEFg"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        figure.name = (char *)bad[i];
        assert_false(core_takes_beat());
    }
}

static bool core_takes_query(Zp__OnlineQuery *query) {
    Zp__ApiToCore message = ZP__API_TO_CORE__INIT;
    message.body_case = ZP__API_TO_CORE__BODY_ONLINE_QUERY;
    message.online_query = query;
    return api_to_core_valid(&message);
}

static void a_page_is_asked_behind_a_user_and_bounded(void **state) {
    (void)state;
    Zp__OnlineQuery query = ZP__ONLINE_QUERY__INIT;
    query.most = 1;
    assert_true(core_takes_query(&query));
    query.after = text_of_128;
    query.most = VALID_ONLINE_USERS_MAX;
    assert_true(core_takes_query(&query));
    query.most++;
    assert_false(core_takes_query(&query));
    query.most = 0;
    assert_false(core_takes_query(&query));
    query.most = 1;
    query.after = text_of_129;
    assert_false(core_takes_query(&query));
    query.after = "a\nb";
    assert_false(core_takes_query(&query));
}

static bool api_takes_page(Zp__OnlineReply *reply) {
    Zp__CoreToApi message = ZP__CORE_TO_API__INIT;
    message.body_case = ZP__CORE_TO_API__BODY_ONLINE_REPLY;
    message.online_reply = reply;
    return core_to_api_valid(&message);
}

static void a_page_ascends(void **state) {
    (void)state;
    Zp__OnlineReply reply = ZP__ONLINE_REPLY__INIT;
    Zp__UserState states[] = {ZP__USER_STATE__INIT, ZP__USER_STATE__INIT};
    Zp__OnlineUser users[] = {ZP__ONLINE_USER__INIT, ZP__ONLINE_USER__INIT};
    Zp__OnlineUser *list[] = {&users[0], &users[1]};
    states[0].user_id = "a";
    states[1].user_id = "b";
    users[0].state = &states[0];
    users[1].state = &states[1];
    reply.outcome = ZP__OUTCOME__OUTCOME_OK;
    reply.position = &position;
    reply.users = list;
    reply.n_users = 2;
    assert_true(api_takes_page(&reply));
    states[1].user_id = "a";
    assert_false(api_takes_page(&reply));
    states[1].user_id = "b";
    users[1].state = NULL;
    assert_false(api_takes_page(&reply));
    users[1].state = &states[1];
    reply.position = NULL;
    assert_false(api_takes_page(&reply));
}

static bool api_takes_piece(Zp__ReplayReply *reply) {
    Zp__CoreToApi message = ZP__CORE_TO_API__INIT;
    message.body_case = ZP__CORE_TO_API__BODY_REPLAY_REPLY;
    message.replay_reply = reply;
    return core_to_api_valid(&message);
}

static void a_piece_of_the_log_has_no_hole(void **state) {
    (void)state;
    Zp__ApiToCore question = ZP__API_TO_CORE__INIT;
    Zp__Replay asked = ZP__REPLAY__INIT;
    question.body_case = ZP__API_TO_CORE__BODY_REPLAY;
    question.replay = &asked;
    assert_false(api_to_core_valid(&question)); /* from where? */
    asked.from = &position;
    assert_true(api_to_core_valid(&question));

    Zp__ReplayReply reply = ZP__REPLAY_REPLY__INIT;
    Zp__Transitions transitions = ZP__TRANSITIONS__INIT;
    Zp__Transition items[] = {ZP__TRANSITION__INIT, ZP__TRANSITION__INIT};
    Zp__Transition *list[] = {&items[0], &items[1]};
    for (size_t i = 0; i < COUNT(items); i++) {
        items[i].seq = 5 + i;
        items[i].user_id = "a";
        items[i].to = ZP__STATUS__STATUS_ONLINE;
        items[i].reason = "connected";
    }
    transitions.epoch = 1;
    transitions.first_seq = 5;
    transitions.last_seq = 6;
    transitions.transitions = list;
    transitions.n_transitions = 2;
    reply.outcome = ZP__OUTCOME__OUTCOME_OK;
    reply.position = &position;
    assert_true(api_takes_piece(&reply));
    reply.transitions = &transitions;
    assert_true(api_takes_piece(&reply));
    items[1].seq = 7;
    assert_false(api_takes_piece(&reply));
    items[1].seq = 6;
    transitions.last_seq = 7;
    assert_false(api_takes_piece(&reply));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup(name, reset_shared)
    const struct CMUnitTest tests[] = {
        TEST(figures_are_few_named_and_bounded),
        TEST(a_page_is_asked_behind_a_user_and_bounded),
        TEST(a_page_ascends),
        TEST(a_piece_of_the_log_has_no_hole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

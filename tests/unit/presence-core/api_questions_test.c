/* What http-api asks of a core beside states: pages of who is online, and pieces of the log. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/unit/presence-core/core_fixture.h"

#define OK ZP__OUTCOME__OUTCOME_OK

static const Zp__OnlineReply *online(const char *after, uint32_t most) {
    Zp__ApiToCore message = ZP__API_TO_CORE__INIT;
    Zp__OnlineQuery asked = ZP__ONLINE_QUERY__INIT;
    asked.request_id = 7;
    asked.after = (char *)after;
    asked.most = most;
    message.body_case = ZP__API_TO_CORE__BODY_ONLINE_QUERY;
    message.online_query = &asked;
    const Zp__CoreToApi *answer = ask_core(API_PEER, &message.base);
    assert_int_equal(answer->body_case, ZP__CORE_TO_API__BODY_ONLINE_REPLY);
    assert_int_equal(answer->online_reply->request_id, 7);
    return answer->online_reply;
}

static const Zp__ReplayReply *replay(uint64_t epoch, uint64_t seq) {
    Zp__ApiToCore message = ZP__API_TO_CORE__INIT;
    Zp__Replay asked = ZP__REPLAY__INIT;
    Zp__Position from = ZP__POSITION__INIT;
    from.epoch = epoch;
    from.seq = seq;
    asked.request_id = 8;
    asked.from = &from;
    message.body_case = ZP__API_TO_CORE__BODY_REPLAY;
    message.replay = &asked;
    const Zp__CoreToApi *answer = ask_core(API_PEER, &message.base);
    assert_int_equal(answer->body_case, ZP__CORE_TO_API__BODY_REPLAY_REPLY);
    assert_int_equal(answer->replay_reply->request_id, 8);
    return answer->replay_reply;
}

static void a_page_says_whether_another_follows(void **state) {
    (void)state;
    for (uint64_t i = 1; i <= 4; i++) {
        char user[8];
        (void)snprintf(user, sizeof user, "u%llu", (unsigned long long)i);
        assert_int_equal(
            state_user(INCARNATION, user, i, i == 2 ? ZP__STATUS__STATUS_BUSY : ZP__STATUS__STATUS_ONLINE),
            OK);
    }
    const Zp__OnlineReply *page = online("", 2);
    assert_int_equal(page->outcome, OK);
    assert_int_equal(page->n_users, 2);
    assert_string_equal(page->users[1]->state->user_id, "u2");
    assert_int_equal(page->users[1]->state->status, ZP__STATUS__STATUS_BUSY);
    assert_int_equal(page->total, 4);
    assert_false(page->last);
    page = online("u2", 2); /* exactly the rest */
    assert_int_equal(page->n_users, 2);
    assert_string_equal(page->users[0]->state->user_id, "u3");
    assert_true(page->last);
    page = online("u4", 2);
    assert_int_equal(page->n_users, 0);
    assert_true(page->last);
    assert_int_equal(online("", 0)->outcome, ZP__OUTCOME__OUTCOME_INVALID);
    assert_int_equal(online("", 501)->outcome, ZP__OUTCOME__OUTCOME_INVALID);
    assert_true(online("", 500)->last);
}

static void the_log_is_told_from_where_it_is_asked(void **state) {
    (void)state;
    assert_int_equal(state_user(INCARNATION, "a", 1, ZP__STATUS__STATUS_ONLINE), OK);
    assert_int_equal(state_user(INCARNATION, "a", 2, ZP__STATUS__STATUS_AWAY), OK);
    assert_int_equal(state_user(INCARNATION, "a", 3, ZP__STATUS__STATUS_OFFLINE), OK);
    uint64_t epoch = online("", 1)->position->epoch;
    const Zp__ReplayReply *piece = replay(epoch, 2);
    assert_int_equal(piece->outcome, OK);
    assert_int_equal(piece->position->seq, 3);
    assert_int_equal(piece->transitions->first_seq, 2);
    assert_int_equal(piece->transitions->last_seq, 3);
    assert_int_equal(piece->transitions->transitions[0]->from, ZP__STATUS__STATUS_ONLINE);
    assert_int_equal(piece->transitions->transitions[0]->to, ZP__STATUS__STATUS_AWAY);
    piece = replay(epoch, 4);
    assert_int_equal(piece->outcome, OK);
    assert_null(piece->transitions);
    assert_int_equal(replay(epoch - 1, 1)->outcome, ZP__OUTCOME__OUTCOME_UNAVAILABLE);
    redisReply *reply = redisCommand(redis_of_core(), "XTRIM presence:log MAXLEN 1");
    freeReplyObject(reply);
    assert_int_equal(replay(epoch, 1)->outcome, ZP__OUTCOME__OUTCOME_TRIMMED);
    assert_int_equal(replay(epoch, 3)->outcome, OK);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, core_start, core_stop)
    const struct CMUnitTest tests[] = {
        TEST(a_page_says_whether_another_follows),
        TEST(the_log_is_told_from_where_it_is_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What an edge asks of a core about groups and lists of users, through the process itself. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/unit/presence-core/core_fixture.h"

#define OK ZP__OUTCOME__OUTCOME_OK
#define INVALID ZP__OUTCOME__OUTCOME_INVALID
#define UNAVAILABLE ZP__OUTCOME__OUTCOME_UNAVAILABLE
#define DONE ZP__GROUP_RESULT__GROUP_RESULT_DONE
#define GROUP ZP__ROSTER__KIND__KIND_GROUP
#define CONTACTS ZP__ROSTER__KIND__KIND_CONTACTS

enum { DEFAULT_GROUPS_PER_USER = 100, DEFAULT_GROUP_MEMBERS_MAX = 500 };

/* With one argument or two; `format` as hiredis has it. */
static void command(const char *format, const char *first, const char *second) {
    redisReply *reply = redisCommand(redis_of_core(), format, first, second);
    assert_non_null(reply);
    assert_int_not_equal(reply->type, REDIS_REPLY_ERROR);
    freeReplyObject(reply);
}

static const Zp__GroupChanged *change(const char *user, const char *group, bool joins) {
    Zp__GroupChange body = ZP__GROUP_CHANGE__INIT;
    body.request_id = 11;
    body.user_id = (char *)user;
    body.group_id = (char *)group;
    body.joins = joins;
    Zp__EdgeToCore message = ZP__EDGE_TO_CORE__INIT;
    message.body_case = ZP__EDGE_TO_CORE__BODY_GROUP_CHANGE;
    message.group_change = &body;
    const Zp__CoreToEdge *answer = ask_core(EDGE_PEER, &message.base);
    assert_int_equal(answer->body_case, ZP__CORE_TO_EDGE__BODY_GROUP_CHANGED);
    assert_int_equal(answer->group_changed->request_id, 11);
    return answer->group_changed;
}

static const Zp__RostersReply *ask_rosters(size_t count, Zp__Roster *rosters) {
    static Zp__Roster *pointers[128];
    for (size_t i = 0; i < count; i++) {
        pointers[i] = &rosters[i];
    }
    Zp__RostersQuery body = ZP__ROSTERS_QUERY__INIT;
    body.request_id = 12;
    body.n_rosters = count;
    body.rosters = pointers;
    Zp__EdgeToCore message = ZP__EDGE_TO_CORE__INIT;
    message.body_case = ZP__EDGE_TO_CORE__BODY_ROSTERS_QUERY;
    message.rosters_query = &body;
    const Zp__CoreToEdge *answer = ask_core(EDGE_PEER, &message.base);
    assert_int_equal(answer->body_case, ZP__CORE_TO_EDGE__BODY_ROSTERS_REPLY);
    assert_int_equal(answer->rosters_reply->request_id, 12);
    return answer->rosters_reply;
}

static Zp__Roster roster(Zp__Roster__Kind kind, const char *id, uint64_t version) {
    Zp__Roster made = ZP__ROSTER__INIT;
    made.kind = kind;
    made.id = (char *)id;
    made.version = version;
    return made;
}

static void who_has_joined_is_told_once(void **state) {
    (void)state;
    const Zp__GroupChanged *changed = change("tv", "team", true);
    assert_int_equal(changed->outcome, OK);
    assert_int_equal(changed->result, DONE);
    command("HSET presence:contacts:tv %s %s", "mum", "0 5");
    Zp__Roster asked[] = {roster(GROUP, "nobody", 1), roster(GROUP, "team", 0), roster(CONTACTS, "tv", 0)};
    const Zp__RostersReply *reply = ask_rosters(3, asked);
    assert_int_equal(reply->outcome, OK);
    assert_false(reply->more);
    assert_int_equal(reply->n_rosters, 2);
    assert_int_equal(reply->rosters[0]->kind, GROUP);
    assert_string_equal(reply->rosters[0]->id, "team");
    assert_int_equal(reply->rosters[0]->n_user_ids, 1);
    assert_string_equal(reply->rosters[0]->user_ids[0], "tv");
    assert_int_equal(reply->rosters[1]->kind, CONTACTS);
    assert_string_equal(reply->rosters[1]->id, "tv");
    assert_string_equal(reply->rosters[1]->user_ids[0], "mum");
    asked[1].version = reply->rosters[0]->version;
    asked[2].version = reply->rosters[1]->version;
    assert_int_equal(ask_rosters(3, asked)->n_rosters, 0);
    assert_int_equal(change("tv", "team", false)->result, DONE);
    reply = ask_rosters(3, asked);
    assert_int_equal(reply->n_rosters, 1);
    assert_int_equal(reply->rosters[0]->n_user_ids, 0);
    assert_int_equal(core_metric("zpresence_core_group_changes_total"), 2);
    assert_int_equal(core_metric("zpresence_core_rosters_read_total"), 3);
}

static void a_list_that_was_spoilt_costs_what_was_spoilt(void **state) {
    (void)state;
    command("SADD presence:group:team %s %s", "a", "a\nb");
    Zp__Roster asked[] = {roster(GROUP, "team", 0)};
    const Zp__RostersReply *reply = ask_rosters(1, asked);
    assert_int_equal(reply->outcome, OK);
    assert_int_equal(reply->rosters[0]->n_user_ids, 1);
    assert_string_equal(reply->rosters[0]->user_ids[0], "a");
    command("SET presence:groups:a %s", "x", NULL);
    assert_int_equal(change("a", "other", true)->outcome, UNAVAILABLE);
    assert_int_equal(change("b", "other", true)->outcome, OK);
}

static void what_limits_refuse_is_told_and_counted(void **state) {
    (void)state;
    char name[24];
    for (int i = 0; i < DEFAULT_GROUPS_PER_USER; i++) {
        (void)snprintf(name, sizeof name, "g%d", i);
        command("SADD presence:groups:a %s", name, NULL);
    }
    for (int i = 0; i < DEFAULT_GROUP_MEMBERS_MAX; i++) {
        (void)snprintf(name, sizeof name, "u%d", i);
        command("SADD presence:group:full %s", name, NULL);
    }
    const Zp__GroupChanged *changed = change("a", "team", true);
    assert_int_equal(changed->outcome, OK);
    assert_int_equal(changed->result, ZP__GROUP_RESULT__GROUP_RESULT_TOO_MANY);
    assert_int_equal(change("b", "full", true)->result, ZP__GROUP_RESULT__GROUP_RESULT_FULL);
    assert_int_equal(core_metric("zpresence_core_groups_refused_total"), 1);
    assert_int_equal(core_metric("zpresence_core_group_changes_total"), 0);
}

static void what_is_not_valid_is_answered_so(void **state) {
    (void)state;
    assert_int_equal(change("", "team", true)->outcome, INVALID);
    assert_int_equal(change("a", "te\nam", false)->outcome, INVALID);
    static Zp__Roster asked[101];
    for (size_t i = 0; i < 101; i++) {
        asked[i] = roster(GROUP, "team", 0);
    }
    assert_int_equal(ask_rosters(0, asked)->outcome, INVALID);
    assert_int_equal(ask_rosters(101, asked)->outcome, INVALID);
    assert_int_equal(ask_rosters(100, asked)->outcome, OK);
    asked[99].kind = ZP__ROSTER__KIND__KIND_UNKNOWN;
    assert_int_equal(ask_rosters(100, asked)->outcome, INVALID);
}

static void without_redis_both_are_unavailable(void **state) {
    (void)state;
    Zp__Roster asked[] = {roster(GROUP, "team", 0)};
    redis_signal(SIGSTOP);
    assert_int_equal(change("a", "team", true)->outcome, UNAVAILABLE); /* waited for it, in vain */
    assert_int_equal(ask_rosters(1, asked)->outcome, UNAVAILABLE);     /* and knows it is not there */
    const Zp__GroupChanged *changed = change("a", "team", true);
    assert_int_equal(changed->outcome, UNAVAILABLE);
    assert_int_equal(changed->result, ZP__GROUP_RESULT__GROUP_RESULT_UNKNOWN);
    redis_signal(SIGCONT);
    until_rebuilt();
    assert_int_equal(ask_rosters(1, asked)->outcome, OK);
}

static void data_of_another_epoch_is_unavailable(void **state) {
    (void)state;
    assert_int_equal(change("a", "team", true)->outcome, OK);
    command("INCR %s", "presence:epoch", NULL);
    Zp__Roster asked[] = {roster(GROUP, "team", 0)};
    assert_int_equal(ask_rosters(1, asked)->outcome, UNAVAILABLE);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, core_start, core_stop)
    const struct CMUnitTest tests[] = {
        TEST(who_has_joined_is_told_once),
        TEST(a_list_that_was_spoilt_costs_what_was_spoilt),
        TEST(what_limits_refuse_is_told_and_counted),
        TEST(what_is_not_valid_is_answered_so),
        TEST(without_redis_both_are_unavailable),
        TEST(data_of_another_epoch_is_unavailable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

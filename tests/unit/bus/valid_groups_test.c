/* valid: what an edge and a core may say to each other of groups, and of lists of users. Every case starts
 * from a message that is valid and changes one thing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/bus/valid_fixture.h"

static Zp__GroupChange change;
static Zp__GroupChanged changed;
static Zp__Roster asked, answered;
static Zp__Roster *asked_list[VALID_ROSTERS_MAX + 1], *answered_list[VALID_ROSTERS_MAX + 1];
static char *users[VALID_ROSTER_USERS_MAX + 1];
static Zp__RostersQuery query;
static Zp__RostersReply reply;

static void reset_roster(Zp__Roster *roster, Zp__Roster **list) {
    *roster = (Zp__Roster)ZP__ROSTER__INIT;
    roster->kind = ZP__ROSTER__KIND__KIND_GROUP;
    roster->id = "team";
    for (size_t i = 0; i < VALID_ROSTERS_MAX + 1; i++) {
        list[i] = roster;
    }
}

static int reset_groups(void **state) {
    change = (Zp__GroupChange)ZP__GROUP_CHANGE__INIT;
    change.user_id = "123";
    change.group_id = "team";
    changed = (Zp__GroupChanged)ZP__GROUP_CHANGED__INIT;
    changed.outcome = ZP__OUTCOME__OUTCOME_OK;
    changed.result = ZP__GROUP_RESULT__GROUP_RESULT_DONE;
    reset_roster(&asked, asked_list);
    reset_roster(&answered, answered_list);
    for (size_t i = 0; i < COUNT(users); i++) {
        users[i] = "123";
    }
    answered.version = 1;
    answered.user_ids = users;
    answered.n_user_ids = 1;
    query = (Zp__RostersQuery)ZP__ROSTERS_QUERY__INIT;
    query.n_rosters = 1;
    query.rosters = asked_list;
    reply = (Zp__RostersReply)ZP__ROSTERS_REPLY__INIT;
    reply.outcome = ZP__OUTCOME__OUTCOME_OK;
    reply.n_rosters = 1;
    reply.rosters = answered_list;
    return reset_shared(state);
}

static bool change_accepted(void) {
    Zp__EdgeToCore message = ZP__EDGE_TO_CORE__INIT;
    message.body_case = ZP__EDGE_TO_CORE__BODY_GROUP_CHANGE;
    message.group_change = &change;
    return edge_to_core_valid(&message);
}

static bool query_accepted(void) {
    Zp__EdgeToCore message = ZP__EDGE_TO_CORE__INIT;
    message.body_case = ZP__EDGE_TO_CORE__BODY_ROSTERS_QUERY;
    message.rosters_query = &query;
    return edge_to_core_valid(&message);
}

static bool changed_accepted(void) {
    Zp__CoreToEdge message = ZP__CORE_TO_EDGE__INIT;
    message.body_case = ZP__CORE_TO_EDGE__BODY_GROUP_CHANGED;
    message.group_changed = &changed;
    return core_to_edge_valid(&message);
}

static bool reply_accepted(void) {
    Zp__CoreToEdge message = ZP__CORE_TO_EDGE__INIT;
    message.body_case = ZP__CORE_TO_EDGE__BODY_ROSTERS_REPLY;
    message.rosters_reply = &reply;
    return core_to_edge_valid(&message);
}

static void a_change_names_a_user_and_a_group(void **state) {
    (void)state;
    assert_true(change_accepted());
    char **const NAMES[] = {&change.user_id, &change.group_id};
    for (size_t i = 0; i < COUNT(NAMES); i++) {
        char *before = *NAMES[i];
        *NAMES[i] = text_of_128;
        assert_true(change_accepted());
        char *const BAD[] = {"", "a\nb", "\xff", text_of_129};
        for (size_t j = 0; j < COUNT(BAD); j++) {
            *NAMES[i] = BAD[j];
            assert_false(change_accepted());
        }
        *NAMES[i] = before;
    }
}

static void what_came_of_a_change_is_known_where_it_is_ok(void **state) {
    (void)state;
    for (int result = -1; result <= 4; result++) {
        bool known =
            result >= ZP__GROUP_RESULT__GROUP_RESULT_DONE && result <= ZP__GROUP_RESULT__GROUP_RESULT_NO_ROOM;
        changed.result = (Zp__GroupResult)result;
        assert_int_equal(changed_accepted(), known);
    }
    changed.result = ZP__GROUP_RESULT__GROUP_RESULT_UNKNOWN;
    changed.outcome = ZP__OUTCOME__OUTCOME_UNAVAILABLE;
    assert_true(changed_accepted());
    changed.outcome = ZP__OUTCOME__OUTCOME_UNKNOWN;
    assert_false(changed_accepted());
}

static void a_query_asks_for_1_to_100_lists(void **state) {
    (void)state;
    assert_true(query_accepted());
    query.n_rosters = 0;
    assert_false(query_accepted());
    query.n_rosters = 100;
    assert_true(query_accepted());
    query.n_rosters = 101;
    assert_false(query_accepted());
    query.n_rosters = 100;
    Zp__Roster last = asked;
    last.id = "";
    asked_list[99] = &last;
    assert_false(query_accepted());
}

/* Of a question or of its answer. */
static void check_kind_and_id(Zp__Roster *roster, bool accepted(void)) {
    for (int kind = -1; kind <= 3; kind++) {
        roster->kind = (Zp__Roster__Kind)kind;
        assert_int_equal(accepted(), kind == 1 || kind == 2);
    }
    roster->kind = ZP__ROSTER__KIND__KIND_CONTACTS;
    roster->id = text_of_128;
    assert_true(accepted());
    char *const BAD[] = {"", "a\nb", "\xff", text_of_129};
    for (size_t i = 0; i < COUNT(BAD); i++) {
        roster->id = BAD[i];
        assert_false(accepted());
    }
}

static void a_list_is_asked_for_by_kind_id_and_known_version(void **state) {
    (void)state;
    asked.version = LARGEST_NUMBER;
    assert_true(query_accepted());
    asked.version++;
    assert_false(query_accepted());
    asked.version = 0;
    asked.user_ids = users;
    asked.n_user_ids = 1;
    assert_false(query_accepted());
    asked.n_user_ids = 0;
    check_kind_and_id(&asked, query_accepted);
}

static void a_list_is_answered_with_a_version_and_at_most_1000_users(void **state) {
    (void)state;
    assert_true(reply_accepted());
    answered.version = 0;
    assert_false(reply_accepted());
    answered.version = LARGEST_NUMBER + 1;
    assert_false(reply_accepted());
    answered.version = LARGEST_NUMBER;
    answered.n_user_ids = 0;
    assert_true(reply_accepted());
    answered.n_user_ids = 1000;
    assert_true(reply_accepted());
    users[999] = text_of_129;
    assert_false(reply_accepted());
    users[999] = "";
    assert_false(reply_accepted());
    users[999] = "123";
    answered.n_user_ids = 1001;
    assert_false(reply_accepted());
    answered.n_user_ids = 1;
    check_kind_and_id(&answered, reply_accepted);
}

static void a_reply_has_an_outcome_and_at_most_100_lists(void **state) {
    (void)state;
    reply.n_rosters = 0;
    assert_true(reply_accepted());
    reply.outcome = ZP__OUTCOME__OUTCOME_UNKNOWN;
    assert_false(reply_accepted());
    reply.outcome = ZP__OUTCOME__OUTCOME_UNAVAILABLE;
    assert_true(reply_accepted());
    reply.outcome = ZP__OUTCOME__OUTCOME_OK;
    reply.n_rosters = 100;
    assert_true(reply_accepted());
    reply.n_rosters = 101;
    assert_false(reply_accepted());
    reply.n_rosters = 100;
    Zp__Roster last = answered;
    last.version = 0;
    answered_list[99] = &last;
    assert_false(reply_accepted());
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_change_names_a_user_and_a_group, reset_groups),
        cmocka_unit_test_setup(what_came_of_a_change_is_known_where_it_is_ok, reset_groups),
        cmocka_unit_test_setup(a_query_asks_for_1_to_100_lists, reset_groups),
        cmocka_unit_test_setup(a_list_is_asked_for_by_kind_id_and_known_version, reset_groups),
        cmocka_unit_test_setup(a_list_is_answered_with_a_version_and_at_most_1000_users, reset_groups),
        cmocka_unit_test_setup(a_reply_has_an_outcome_and_at_most_100_lists, reset_groups),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

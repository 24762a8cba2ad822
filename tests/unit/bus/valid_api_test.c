/* valid: heartbeats and directories, between an http-api and a core. Every case starts from a message that is
 * valid and changes one thing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/bus/valid_fixture.h"

static Zp__Heartbeat heartbeat;
static Zp__Heartbeat *heartbeat_list[VALID_HEARTBEATS_MAX + 1];
static Zp__Heartbeats heartbeats;
static Zp__DirectoryQuery query;

static int reset(void **state) {
    zp__heartbeat__init(&heartbeat);
    heartbeat.user_id = "tv";
    heartbeat.socket_id = "default";
    for (size_t i = 0; i < COUNT(heartbeat_list); i++) {
        heartbeat_list[i] = &heartbeat;
    }
    zp__heartbeats__init(&heartbeats);
    heartbeats.api = INCARNATION;
    heartbeats.number = 1;
    heartbeats.heartbeats = heartbeat_list;
    heartbeats.n_heartbeats = 1;
    zp__directory_query__init(&query);
    query.scope = ZP__DIRECTORY_SCOPE__DIRECTORY_ONLINE;
    query.most = 1;
    return reset_shared(state);
}

static bool takes_heartbeats(void) {
    Zp__ApiToCore message = ZP__API_TO_CORE__INIT;
    message.body_case = ZP__API_TO_CORE__BODY_HEARTBEATS;
    message.heartbeats = &heartbeats;
    return api_to_core_valid(&message);
}

static bool takes_query(void) {
    Zp__ApiToCore message = ZP__API_TO_CORE__INIT;
    message.body_case = ZP__API_TO_CORE__BODY_DIRECTORY_QUERY;
    message.directory_query = &query;
    return api_to_core_valid(&message);
}

static void a_message_names_its_api_and_has_a_number_above_the_floor(void **state) {
    (void)state;
    assert_true(takes_heartbeats());
    heartbeats.api = "";
    assert_false(takes_heartbeats());
    heartbeats.api = INCARNATION;
    heartbeats.floor = 1;
    assert_false(takes_heartbeats());
    heartbeats.number = 2;
    assert_true(takes_heartbeats());
    heartbeats.number = LARGEST_NUMBER + 1;
    assert_false(takes_heartbeats());
    heartbeats.number = heartbeats.floor = 0;
    assert_false(takes_heartbeats());
}

static void a_message_has_none_to_a_hundred_heartbeats(void **state) {
    (void)state;
    heartbeats.n_heartbeats = 0;
    assert_true(takes_heartbeats());
    heartbeats.n_heartbeats = VALID_HEARTBEATS_MAX;
    assert_true(takes_heartbeats());
    heartbeats.n_heartbeats++;
    assert_false(takes_heartbeats());
}

static void a_heartbeat_has_a_user_a_name_and_any_status(void **state) {
    (void)state;
    for (int status = -1; status <= 5; status++) {
        heartbeat.status = (Zp__Status)status;
        assert_int_equal(takes_heartbeats(), status >= 0 && status <= 4);
    }
    heartbeat.status = ZP__STATUS__STATUS_ONLINE;
    heartbeat.user_id = "";
    assert_false(takes_heartbeats());
    heartbeat.user_id = text_of_129;
    assert_false(takes_heartbeats());
    heartbeat.user_id = text_of_128;
    assert_true(takes_heartbeats());
    heartbeat.socket_id = "";
    assert_false(takes_heartbeats());
    heartbeat.socket_id = "a b";
    assert_false(takes_heartbeats());
    heartbeat.socket_id = text_of_65;
    assert_false(takes_heartbeats());
    heartbeat.socket_id = "default";
    heartbeat.heard_at_ms = LARGEST_NUMBER + 1;
    assert_false(takes_heartbeats());
}

static void an_answer_says_when_they_were_heard(void **state) {
    (void)state;
    Zp__HeartbeatsReply reply = ZP__HEARTBEATS_REPLY__INIT;
    Zp__CoreToApi message = ZP__CORE_TO_API__INIT;
    message.body_case = ZP__CORE_TO_API__BODY_HEARTBEATS_REPLY;
    message.heartbeats_reply = &reply;
    assert_false(core_to_api_valid(&message));
    reply.outcome = ZP__OUTCOME__OUTCOME_UNAVAILABLE;
    assert_true(core_to_api_valid(&message));
    reply.outcome = ZP__OUTCOME__OUTCOME_OK;
    assert_false(core_to_api_valid(&message));
    reply.position = &position;
    assert_true(core_to_api_valid(&message));
    reply.clock_ms = LARGEST_NUMBER + 1;
    assert_false(core_to_api_valid(&message));
}

static void a_question_has_a_scope_and_what_that_needs(void **state) {
    (void)state;
    assert_true(takes_query());
    query.scope = ZP__DIRECTORY_SCOPE__DIRECTORY_UNKNOWN;
    assert_false(takes_query());
    query.scope = (Zp__DirectoryScope)(ZP__DIRECTORY_SCOPE__DIRECTORY_ONE + 1);
    assert_false(takes_query());
    query.scope = ZP__DIRECTORY_SCOPE__DIRECTORY_CONTACTS;
    assert_false(takes_query());
    query.viewer = "me";
    assert_true(takes_query());
    query.scope = ZP__DIRECTORY_SCOPE__DIRECTORY_ONE;
    assert_false(takes_query());
    query.after = "you";
    assert_true(takes_query());
    query.most = 0;
    assert_false(takes_query());
    query.most = VALID_DIRECTORY_MAX + 1;
    assert_false(takes_query());
    query.most = VALID_DIRECTORY_MAX;
    query.after = text_of_129;
    assert_false(takes_query());
}

static void a_piece_of_a_directory_is_looked_through(void **state) {
    (void)state;
    Zp__DirectoryUser user = ZP__DIRECTORY_USER__INIT;
    Zp__DirectoryUser *users[VALID_DIRECTORY_MAX + 1];
    for (size_t i = 0; i < COUNT(users); i++) {
        users[i] = &user;
    }
    user.user_id = "tv";
    Zp__DirectoryReply reply = ZP__DIRECTORY_REPLY__INIT;
    reply.outcome = ZP__OUTCOME__OUTCOME_OK;
    reply.position = &position;
    reply.users = users;
    reply.n_users = VALID_DIRECTORY_MAX;
    Zp__CoreToApi message = ZP__CORE_TO_API__INIT;
    message.body_case = ZP__CORE_TO_API__BODY_DIRECTORY_REPLY;
    message.directory_reply = &reply;
    assert_true(core_to_api_valid(&message));
    reply.n_users++;
    assert_false(core_to_api_valid(&message));
    reply.n_users = 1;
    user.status = ZP__STATUS__STATUS_INVISIBLE;
    assert_false(core_to_api_valid(&message));
    user.status = ZP__STATUS__STATUS_BUSY;
    user.display_name = "\001";
    assert_false(core_to_api_valid(&message));
    user.display_name = "";
    reply.next = text_of_129;
    assert_false(core_to_api_valid(&message));
    reply.next = text_of_128;
    assert_true(core_to_api_valid(&message));
    user.user_id = "";
    assert_false(core_to_api_valid(&message));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_message_names_its_api_and_has_a_number_above_the_floor, reset),
        cmocka_unit_test_setup(a_message_has_none_to_a_hundred_heartbeats, reset),
        cmocka_unit_test_setup(a_heartbeat_has_a_user_a_name_and_any_status, reset),
        cmocka_unit_test_setup(an_answer_says_when_they_were_heard, reset),
        cmocka_unit_test_setup(a_question_has_a_scope_and_what_that_needs, reset),
        cmocka_unit_test_setup(a_piece_of_a_directory_is_looked_through, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

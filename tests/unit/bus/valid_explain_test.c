/* valid: what a core says of one user (ExplainQuery, ExplainReply). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/bus/valid_fixture.h"

static char text_of_70[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
static Zp__UserState user;
static Zp__Speaker speaker;
static Zp__Transition transition;
static Zp__Position where;
static Zp__ExplainReply reply;
static Zp__Speaker *speakers[VALID_SPEAKERS_MAX + 1];
static Zp__Transition *transitions[VALID_EXPLAINED_MAX + 1];

static int fill(void **state) {
    (void)state;
    where = (Zp__Position)ZP__POSITION__INIT;
    user = (Zp__UserState)ZP__USER_STATE__INIT;
    user.user_id = "123";
    speaker = (Zp__Speaker)ZP__SPEAKER__INIT;
    speaker.source = "e/0123456789abcdef";
    speaker.edge = "ws-edge-1";
    speaker.state = ZP__SPEAKER_STATE__SPEAKER_LEASED;
    speaker.status = ZP__STATUS__STATUS_INVISIBLE;
    transition = (Zp__Transition)ZP__TRANSITION__INIT;
    transition.user_id = "123";
    transition.to = ZP__STATUS__STATUS_ONLINE;
    transition.reason = "connected";
    for (size_t i = 0; i <= VALID_SPEAKERS_MAX; i++) {
        speakers[i] = &speaker;
    }
    for (size_t i = 0; i <= VALID_EXPLAINED_MAX; i++) {
        transitions[i] = &transition;
    }
    reply = (Zp__ExplainReply)ZP__EXPLAIN_REPLY__INIT;
    reply.outcome = ZP__OUTCOME__OUTCOME_OK;
    reply.position = &where;
    reply.user = &user;
    reply.speakers = speakers;
    reply.n_speakers = 1;
    reply.transitions = transitions;
    reply.n_transitions = 1;
    return 0;
}

static bool accepted(void) {
    Zp__CoreToApi message = ZP__CORE_TO_API__INIT;
    message.body_case = ZP__CORE_TO_API__BODY_EXPLAIN_REPLY;
    message.explain_reply = &reply;
    return core_to_api_valid(&message);
}

static void an_answer_that_is_ok_says_of_whom_and_when(void **state) {
    (void)state;
    assert_true(accepted());
    reply.user = NULL;
    assert_false(accepted());
    reply.outcome = ZP__OUTCOME__OUTCOME_UNAVAILABLE;
    assert_true(accepted());
    reply.position = NULL;
    assert_true(accepted());
    reply.outcome = ZP__OUTCOME__OUTCOME_OK;
    reply.user = &user;
    assert_false(accepted());
}

static void lists_are_bounded(void **state) {
    (void)state;
    reply.n_speakers = VALID_SPEAKERS_MAX;
    reply.n_transitions = VALID_EXPLAINED_MAX;
    assert_true(accepted());
    reply.n_transitions++;
    assert_false(accepted());
    reply.n_transitions--;
    reply.n_speakers++;
    assert_false(accepted());
}

static void a_speaker_is_looked_through(void **state) {
    (void)state;
    speaker.state = ZP__SPEAKER_STATE__SPEAKER_UNKNOWN;
    assert_false(accepted());
    fill(NULL);
    speaker.state = (Zp__SpeakerState)(ZP__SPEAKER_STATE__SPEAKER_LINGERS + 1);
    assert_false(accepted());
    fill(NULL);
    speaker.status = ZP__STATUS__STATUS_OFFLINE; /* who is offline is not there */
    assert_false(accepted());
    fill(NULL);
    speaker.source = "";
    assert_false(accepted());
    fill(NULL);
    speaker.source = text_of_70;
    assert_false(accepted());
    fill(NULL);
    speaker.device = "a\nb";
    assert_false(accepted());
    fill(NULL);
    speaker.connection_id = "a b";
    assert_false(accepted());
    fill(NULL);
    speaker.ends_in_ms = (UINT64_C(1) << 53) + 1;
    assert_false(accepted());
}

static void a_transition_is_looked_through(void **state) {
    (void)state;
    transition.to = transition.from;
    assert_false(accepted());
    fill(NULL);
    transition.reason = "Connected";
    assert_false(accepted());
}

static void a_question_names_a_user_and_a_limit(void **state) {
    (void)state;
    Zp__ExplainQuery query = ZP__EXPLAIN_QUERY__INIT;
    Zp__ApiToCore message = ZP__API_TO_CORE__INIT;
    message.body_case = ZP__API_TO_CORE__BODY_EXPLAIN_QUERY;
    message.explain_query = &query;
    query.user_id = "123";
    query.most = VALID_EXPLAINED_MAX;
    assert_true(api_to_core_valid(&message));
    query.most++;
    assert_false(api_to_core_valid(&message));
    query.most = 0;
    assert_false(api_to_core_valid(&message));
    query.most = 1;
    query.user_id = "";
    assert_false(api_to_core_valid(&message));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_answer_that_is_ok_says_of_whom_and_when, fill),
        cmocka_unit_test_setup(lists_are_bounded, fill),
        cmocka_unit_test_setup(a_speaker_is_looked_through, fill),
        cmocka_unit_test_setup(a_transition_is_looked_through, fill),
        cmocka_unit_test_setup(a_question_names_a_user_and_a_limit, fill),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

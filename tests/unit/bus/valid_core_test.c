/* valid: what a core may say, and be asked. Every case starts from a message that is valid and changes one
 * thing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/bus/valid_fixture.h"

static void answers_have_an_outcome(void **state) {
    (void)state;
    Zp__Ack ack = ZP__ACK__INIT;
    Zp__BeatReply reply = ZP__BEAT_REPLY__INIT;
    Zp__TickReply tick = ZP__TICK_REPLY__INIT;
    Zp__CoreToEdge acks = ZP__CORE_TO_EDGE__INIT, replies = ZP__CORE_TO_EDGE__INIT;
    Zp__CoreToWatcher ticks = ZP__CORE_TO_WATCHER__INIT;
    acks.body_case = ZP__CORE_TO_EDGE__BODY_ACK;
    acks.ack = &ack;
    replies.body_case = ZP__CORE_TO_EDGE__BODY_BEAT_REPLY;
    replies.beat_reply = &reply;
    ticks.body_case = ZP__CORE_TO_WATCHER__BODY_TICK_REPLY;
    ticks.tick_reply = &tick;
    for (int outcome = -1; outcome <= 7; outcome++) {
        bool known = outcome >= ZP__OUTCOME__OUTCOME_OK && outcome <= ZP__OUTCOME__OUTCOME_INVALID;
        ack.outcome = reply.outcome = tick.outcome = (Zp__Outcome)outcome;
        assert_int_equal(core_to_edge_valid(&acks), known);
        assert_int_equal(core_to_edge_valid(&replies), known);
        assert_int_equal(core_to_watcher_valid(&ticks), known);
    }
    ack.outcome = reply.outcome = ZP__OUTCOME__OUTCOME_OK;
    position.epoch = LARGEST_NUMBER + 1;
    ack.position = reply.position = &position;
    assert_false(core_to_edge_valid(&acks));
    assert_false(core_to_edge_valid(&replies));
}

static bool edge_takes_kicks(Zp__Kicks *kicks) {
    Zp__CoreToEdge message = ZP__CORE_TO_EDGE__INIT;
    message.body_case = ZP__CORE_TO_EDGE__BODY_KICKS;
    message.kicks = kicks;
    return core_to_edge_valid(&message);
}

static void kicks_name_users_and_their_connections(void **state) {
    (void)state;
    Zp__Kicks kicks = ZP__KICKS__INIT;
    Zp__Kick kick = ZP__KICK__INIT;
    Zp__Kick *list[VALID_KICKS_MAX + 1];
    char *ids[VALID_CONNECTIONS_MAX + 1];
    for (size_t i = 0; i <= VALID_KICKS_MAX; i++) {
        list[i] = &kick;
    }
    for (size_t i = 0; i < COUNT(ids); i++) {
        ids[i] = "1f";
    }
    kick.user_id = "123";
    kick.connection_ids = ids;
    kick.n_connection_ids = VALID_CONNECTIONS_MAX;
    kicks.incarnation = INCARNATION;
    kicks.kicks = list;
    assert_true(edge_takes_kicks(&kicks));
    kicks.n_kicks = VALID_KICKS_MAX;
    assert_true(edge_takes_kicks(&kicks));
    kicks.n_kicks = VALID_KICKS_MAX + 1;
    assert_false(edge_takes_kicks(&kicks));
    kicks.n_kicks = 1;
    kicks.incarnation = "";
    assert_false(edge_takes_kicks(&kicks));
    kicks.incarnation = INCARNATION;
    kick.n_connection_ids = VALID_CONNECTIONS_MAX + 1;
    assert_false(edge_takes_kicks(&kicks));
    kick.n_connection_ids = 0;
    assert_false(edge_takes_kicks(&kicks));
    kick.n_connection_ids = 2;
    ids[1] = "a b";
    assert_false(edge_takes_kicks(&kicks));
    ids[1] = "b";
    kick.user_id = "";
    assert_false(edge_takes_kicks(&kicks));
}

static void an_online_page_is_ascending_and_shows_statuses(void **state) {
    (void)state;
    Zp__CoreToEdge message = ZP__CORE_TO_EDGE__INIT;
    Zp__OnlineReply reply = ZP__ONLINE_REPLY__INIT;
    Zp__UserState states[2] = {ZP__USER_STATE__INIT, ZP__USER_STATE__INIT};
    Zp__OnlineUser users[2] = {ZP__ONLINE_USER__INIT, ZP__ONLINE_USER__INIT};
    Zp__OnlineUser *list[VALID_ONLINE_USERS_MAX + 1] = {&users[0], &users[1]};
    message.body_case = ZP__CORE_TO_EDGE__BODY_ONLINE_REPLY;
    message.online_reply = &reply;
    assert_false(core_to_edge_valid(&message)); /* no outcome */
    reply.outcome = ZP__OUTCOME__OUTCOME_OK;
    assert_false(core_to_edge_valid(&message)); /* no position */
    reply.position = &position;
    assert_true(core_to_edge_valid(&message));
    for (size_t i = 0; i < 2; i++) {
        states[i].user_id = i == 0 ? "a" : "b";
        states[i].status = ZP__STATUS__STATUS_ONLINE;
        users[i].state = &states[i];
        users[i].device = text_of_64;
    }
    reply.users = list;
    reply.n_users = 2;
    assert_true(core_to_edge_valid(&message));
    states[1].user_id = "a";
    assert_false(core_to_edge_valid(&message));
    states[1].user_id = "b";
    users[1].device = text_of_65;
    assert_false(core_to_edge_valid(&message));
    users[1].device = "";
    states[1].status = ZP__STATUS__STATUS_INVISIBLE;
    assert_false(core_to_edge_valid(&message));
    states[1].status = ZP__STATUS__STATUS_BUSY;
    users[1].state = NULL;
    assert_false(core_to_edge_valid(&message));
    users[1].state = &states[1];
    reply.total = LARGEST_NUMBER + 1;
    assert_false(core_to_edge_valid(&message));
    reply.total = 2;
    assert_true(core_to_edge_valid(&message));
    reply.n_users = VALID_ONLINE_USERS_MAX + 1;
    assert_false(core_to_edge_valid(&message));
}

static Zp__Transition transition_of[3];
static Zp__Transition *transition_list[3];
static Zp__Transitions transitions;

static int reset_transitions(void **state) {
    for (size_t i = 0; i < 3; i++) {
        transition_of[i] = (Zp__Transition)ZP__TRANSITION__INIT;
        transition_of[i].seq = 7 + i;
        transition_of[i].user_id = "123";
        transition_of[i].to = ZP__STATUS__STATUS_ONLINE;
        transition_of[i].reason = "connected";
        transition_list[i] = &transition_of[i];
    }
    transitions = (Zp__Transitions)ZP__TRANSITIONS__INIT;
    transitions.epoch = 1;
    transitions.first_seq = 7;
    transitions.last_seq = 9;
    transitions.n_transitions = 3;
    transitions.transitions = transition_list;
    return reset_shared(state);
}

static bool transitions_accepted(void) {
    Zp__CoreBroadcast message = ZP__CORE_BROADCAST__INIT;
    message.body_case = ZP__CORE_BROADCAST__BODY_TRANSITIONS;
    message.transitions = &transitions;
    return core_broadcast_valid(&message);
}

static void transitions_are_numbered_without_a_hole(void **state) {
    (void)state;
    assert_true(transitions_accepted());
    transitions.last_seq = 10;
    assert_false(transitions_accepted());
    transitions.last_seq = 6;
    assert_false(transitions_accepted());
    transitions.last_seq = 9;
    transition_of[1].seq = 9;
    assert_false(transitions_accepted());
    transition_of[1].seq = 8;
    transitions.n_transitions = 2;
    assert_false(transitions_accepted());
    transitions.n_transitions = 0;
    transitions.last_seq = 6;
    assert_false(transitions_accepted());
}

static void transitions_belong_to_an_epoch_and_start_above_0(void **state) {
    (void)state;
    transitions.epoch = 0;
    assert_false(transitions_accepted());
    transitions.epoch = 1;
    transitions.first_seq = 0;
    transitions.last_seq = 0;
    transitions.n_transitions = 1;
    transition_of[0].seq = 0;
    assert_false(transitions_accepted());
    transitions.first_seq = transitions.last_seq = transition_of[0].seq = 1;
    assert_true(transitions_accepted());
}

static void a_transition_goes_from_one_shown_status_to_another(void **state) {
    (void)state;
    for (int from = -1; from <= 5; from++) {
        for (int to = -1; to <= 5; to++) {
            transition_of[2].from = (Zp__Status)from;
            transition_of[2].to = (Zp__Status)to;
            bool shown =
                from >= 0 && from <= ZP__STATUS__STATUS_BUSY && to >= 0 && to <= ZP__STATUS__STATUS_BUSY;
            assert_int_equal(transitions_accepted(), shown && from != to);
        }
    }
    transition_of[2].from = ZP__STATUS__STATUS_OFFLINE;
    transition_of[2].to = ZP__STATUS__STATUS_AWAY;
    transition_of[2].edge = "an edge";
    assert_false(transitions_accepted());
    transition_of[2].edge = "ws-edge-1";
    transition_of[2].reason = "";
    assert_false(transitions_accepted());
}

static void a_beacon_names_a_position(void **state) {
    (void)state;
    Zp__Beacon beacon = ZP__BEACON__INIT;
    Zp__CoreBroadcast message = ZP__CORE_BROADCAST__INIT;
    message.body_case = ZP__CORE_BROADCAST__BODY_BEACON;
    message.beacon = &beacon;
    assert_false(core_broadcast_valid(&message));
    beacon.position = &position;
    assert_true(core_broadcast_valid(&message));
}

static void a_replay_that_is_ok_says_where_the_log_ends(void **state) {
    (void)state;
    Zp__ReplayReply reply = ZP__REPLAY_REPLY__INIT;
    Zp__CoreToFanout message = ZP__CORE_TO_FANOUT__INIT;
    message.body_case = ZP__CORE_TO_FANOUT__BODY_REPLAY_REPLY;
    message.replay_reply = &reply;
    reply.outcome = ZP__OUTCOME__OUTCOME_TRIMMED;
    assert_true(core_to_fanout_valid(&message));
    reply.outcome = ZP__OUTCOME__OUTCOME_OK;
    assert_false(core_to_fanout_valid(&message));
    reply.position = &position;
    assert_true(core_to_fanout_valid(&message));
    reply.transitions = &transitions;
    assert_true(core_to_fanout_valid(&message));
    transitions.last_seq++;
    assert_false(core_to_fanout_valid(&message));
    transitions = (Zp__Transitions)ZP__TRANSITIONS__INIT; /* nothing from there on */
    assert_true(core_to_fanout_valid(&message));
}

static void a_snapshot_ascends_by_user_id(void **state) {
    (void)state;
    Zp__UserState a = ZP__USER_STATE__INIT, b = ZP__USER_STATE__INIT;
    a.user_id = "1";
    b.user_id = "\xc3\xa4";
    a.status = b.status = ZP__STATUS__STATUS_BUSY;
    Zp__UserState *users[] = {&a, &b};
    Zp__SnapshotReply reply = ZP__SNAPSHOT_REPLY__INIT;
    reply.outcome = ZP__OUTCOME__OUTCOME_OK;
    reply.position = &position;
    reply.users = users;
    reply.n_users = 2;
    Zp__CoreToFanout message = ZP__CORE_TO_FANOUT__INIT;
    message.body_case = ZP__CORE_TO_FANOUT__BODY_SNAPSHOT_REPLY;
    message.snapshot_reply = &reply;
    assert_true(core_to_fanout_valid(&message));
    b.user_id = "1";
    assert_false(core_to_fanout_valid(&message));
    b.user_id = "0";
    assert_false(core_to_fanout_valid(&message));
    b.user_id = "2";
    b.status = ZP__STATUS__STATUS_INVISIBLE;
    assert_false(core_to_fanout_valid(&message));
    b.status = ZP__STATUS__STATUS_AWAY;
    reply.position = NULL;
    assert_false(core_to_fanout_valid(&message));
    reply.position = &position;
    reply.n_users = VALID_PIECE_MAX + 1; /* refused before anything is read */
    assert_false(core_to_fanout_valid(&message));
}

static void a_fanout_asks_from_a_position_or_after_a_user(void **state) {
    (void)state;
    Zp__Replay replay = ZP__REPLAY__INIT;
    Zp__Snapshot snapshot = ZP__SNAPSHOT__INIT;
    Zp__FanoutToCore message = ZP__FANOUT_TO_CORE__INIT;
    message.body_case = ZP__FANOUT_TO_CORE__BODY_REPLAY;
    message.replay = &replay;
    assert_false(fanout_to_core_valid(&message));
    replay.from = &position;
    assert_true(fanout_to_core_valid(&message));
    message.body_case = ZP__FANOUT_TO_CORE__BODY_SNAPSHOT;
    message.snapshot = &snapshot;
    assert_true(fanout_to_core_valid(&message));
    snapshot.after = text_of_128;
    assert_true(fanout_to_core_valid(&message));
    snapshot.after = text_of_129;
    assert_false(fanout_to_core_valid(&message));
}

static void transitions_in_a_piece_are_bounded(void **state) {
    (void)state;
    static Zp__Transition long_log[VALID_PIECE_MAX + 1];
    static Zp__Transition *long_list[VALID_PIECE_MAX + 1];
    for (size_t i = 0; i < COUNT(long_log); i++) {
        long_log[i] = transition_of[0];
        long_log[i].seq = 7 + i;
        long_list[i] = &long_log[i];
    }
    transitions.transitions = long_list;
    transitions.n_transitions = VALID_PIECE_MAX;
    transitions.last_seq = 7 + VALID_PIECE_MAX - 1;
    assert_true(transitions_accepted());
    transitions.n_transitions++;
    transitions.last_seq++;
    assert_false(transitions_accepted());
}

static void a_status_query_names_at_most_1000_users(void **state) {
    (void)state;
    char *users[VALID_QUERY_USERS_MAX + 1];
    for (size_t i = 0; i < COUNT(users); i++) {
        users[i] = "123";
    }
    Zp__StatusQuery query = ZP__STATUS_QUERY__INIT;
    query.user_ids = users;
    query.n_user_ids = VALID_QUERY_USERS_MAX;
    Zp__ApiToCore message = ZP__API_TO_CORE__INIT;
    message.body_case = ZP__API_TO_CORE__BODY_STATUS_QUERY;
    message.status_query = &query;
    assert_true(api_to_core_valid(&message));
    query.n_user_ids++;
    assert_false(api_to_core_valid(&message));
    query.n_user_ids = 1;
    users[0] = text_of_129;
    assert_false(api_to_core_valid(&message));
}

static void replies_to_the_api_are_looked_through(void **state) {
    (void)state;
    Zp__UserState user = ZP__USER_STATE__INIT;
    user.user_id = "123";
    Zp__UserState *users[] = {&user};
    Zp__StatusReply reply = ZP__STATUS_REPLY__INIT;
    reply.outcome = ZP__OUTCOME__OUTCOME_OK;
    reply.users = users;
    reply.n_users = 1;
    Zp__CoreToApi message = ZP__CORE_TO_API__INIT;
    message.body_case = ZP__CORE_TO_API__BODY_STATUS_REPLY;
    message.status_reply = &reply;
    assert_true(core_to_api_valid(&message));
    Zp__CoreToEdge to_edge = ZP__CORE_TO_EDGE__INIT;
    to_edge.body_case = ZP__CORE_TO_EDGE__BODY_STATUS_REPLY;
    to_edge.status_reply = &reply;
    assert_false(core_to_edge_valid(&to_edge)); /* positions are compared there: read in no epoch */
    reply.epoch = 1;
    assert_true(core_to_edge_valid(&to_edge));
    user.last_seen_ms = LARGEST_NUMBER + 1;
    assert_false(core_to_api_valid(&message));

    Zp__ServiceState service = ZP__SERVICE_STATE__INIT;
    Zp__ServiceState *services[] = {&service};
    Zp__ServicesReply answer = ZP__SERVICES_REPLY__INIT;
    answer.outcome = ZP__OUTCOME__OUTCOME_OK;
    answer.services = services;
    answer.n_services = 1;
    message.body_case = ZP__CORE_TO_API__BODY_SERVICES_REPLY;
    message.services_reply = &answer;
    assert_false(core_to_api_valid(&message));
    service.process = &process;
    assert_true(core_to_api_valid(&message));
    answer.outcome = ZP__OUTCOME__OUTCOME_UNKNOWN;
    assert_false(core_to_api_valid(&message));
    answer.outcome = ZP__OUTCOME__OUTCOME_OK;
    answer.trouble = "Redis does not answer";
    assert_true(core_to_api_valid(&message));
    answer.trouble = "Redis\ndoes not answer";
    assert_false(core_to_api_valid(&message));
    char too_long[VALID_TROUBLE_MAX_BYTES + 2];
    memset(too_long, 'x', sizeof too_long);
    too_long[VALID_TROUBLE_MAX_BYTES + 1] = '\0';
    answer.trouble = too_long;
    assert_false(core_to_api_valid(&message));
    answer.trouble = "";
    position.seq = LARGEST_NUMBER + 1;
    answer.position = &position;
    assert_false(core_to_api_valid(&message));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(answers_have_an_outcome, reset_shared),
        cmocka_unit_test_setup(kicks_name_users_and_their_connections, reset_shared),
        cmocka_unit_test_setup(an_online_page_is_ascending_and_shows_statuses, reset_shared),
        cmocka_unit_test_setup(transitions_are_numbered_without_a_hole, reset_transitions),
        cmocka_unit_test_setup(transitions_belong_to_an_epoch_and_start_above_0, reset_transitions),
        cmocka_unit_test_setup(a_transition_goes_from_one_shown_status_to_another, reset_transitions),
        cmocka_unit_test_setup(a_beacon_names_a_position, reset_shared),
        cmocka_unit_test_setup(a_replay_that_is_ok_says_where_the_log_ends, reset_transitions),
        cmocka_unit_test_setup(a_snapshot_ascends_by_user_id, reset_shared),
        cmocka_unit_test_setup(a_fanout_asks_from_a_position_or_after_a_user, reset_shared),
        cmocka_unit_test_setup(transitions_in_a_piece_are_bounded, reset_transitions),
        cmocka_unit_test_setup(a_status_query_names_at_most_1000_users, reset_shared),
        cmocka_unit_test_setup(replies_to_the_api_are_looked_through, reset_shared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

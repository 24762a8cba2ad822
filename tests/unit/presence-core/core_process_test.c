/* presence-core as its peers see it: a process with a real Redis behind it. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/presence-core/core_fixture.h"

#define OK ZP__OUTCOME__OUTCOME_OK
#define FENCED ZP__OUTCOME__OUTCOME_FENCED
#define UNAVAILABLE ZP__OUTCOME__OUTCOME_UNAVAILABLE
#define REBUILDING ZP__OUTCOME__OUTCOME_REBUILDING
#define TRIMMED ZP__OUTCOME__OUTCOME_TRIMMED
#define INVALID ZP__OUTCOME__OUTCOME_INVALID
#define ONLINE ZP__STATUS__STATUS_ONLINE
#define AWAY ZP__STATUS__STATUS_AWAY
#define OFFLINE ZP__STATUS__STATUS_OFFLINE

enum { SHORT_MS = 300, LONG_MS = 5000, ATTEMPTS = 200, ATTEMPT_US = 20000 };

static void command(const char *text) {
    redisReply *reply = redisCommand(redis_of_core(), text);
    assert_non_null(reply);
    assert_int_not_equal(reply->type, REDIS_REPLY_ERROR);
    freeReplyObject(reply);
}

static void a_statement_is_broadcast_and_acknowledged_with_its_position(void **state) {
    (void)state;
    assert_int_equal(state_user(INCARNATION, "a user", 1, AWAY), OK);
    const Zp__Transitions *transitions = next_transitions(LONG_MS);
    assert_non_null(transitions);
    assert_int_equal(transitions->n_transitions, 1);
    assert_int_equal(transitions->first_seq, transitions->last_seq);
    const Zp__Transition *transition = transitions->transitions[0];
    assert_string_equal(transition->user_id, "a user");
    assert_int_equal(transition->from, OFFLINE);
    assert_int_equal(transition->to, AWAY);
    assert_string_equal(transition->reason, "connected");
    assert_string_equal(transition->edge, "ws-edge-1");
    uint64_t epoch = transitions->epoch;
    uint64_t seq = transitions->last_seq;
    send_statement(INCARNATION, "a user", 1, AWAY);
    const Zp__CoreToEdge *answer = receive(EDGE_PEER, LONG_MS);
    assert_int_equal(answer->ack->outcome, OK);
    assert_int_equal(answer->ack->position->epoch, epoch);
    assert_int_equal(answer->ack->position->seq, seq);
    assert_null(next_transitions(SHORT_MS)); /* said before: it changed nothing */
}

static void what_is_not_valid_is_answered_so_or_counted_and_ends_nothing(void **state) {
    (void)state;
    long long before = core_metric("zpresence_bus_messages_invalid_total");
    send_bytes(EDGE_PEER, "edge-core/2", str_view_of("x"));
    send_bytes(EDGE_PEER, "edge-core/1", str_view_of("\xff\xff\xff\xff garbage"));
    static char bomb[400000]; /* many times its size when unpacked */
    memcpy(bomb, "\x1a\xfc\xb4\x18", 4);
    for (size_t i = 4; i + 1 < sizeof bomb; i += 2) {
        bomb[i] = 0x32;
        bomb[i + 1] = 0;
    }
    send_bytes(EDGE_PEER, "edge-core/1", str_view_make(bomb, sizeof bomb));
    assert_int_equal(join_as("NOT HEX", ""), INVALID);
    assert_int_equal(state_user(INCARNATION, "", 5, ONLINE), INVALID);
    assert_int_equal(state_user(INCARNATION, "a\nb", 6, ONLINE), INVALID);
    char *too_many[1001];
    for (size_t i = 0; i < 1001; i++) {
        too_many[i] = "u";
    }
    assert_int_equal(query(1001, too_many)->outcome, INVALID);
    assert_true(core_metric("zpresence_bus_messages_invalid_total") >= before + 7);
    assert_int_equal(state_user(INCARNATION, "a user", 7, ONLINE), OK);
}

static void scripts_that_redis_has_forgotten_are_loaded_again(void **state) {
    (void)state;
    command("SCRIPT FLUSH");
    assert_int_equal(state_user(INCARNATION, "a user", 1, ONLINE), OK);
    assert_true(core_metric("zpresence_core_noscript_total") >= 1);
}

static void a_redis_that_pauses_is_waited_for_and_no_more_is_read_meanwhile(void **state) {
    (void)state;
    redis_signal(SIGSTOP);
    for (uint64_t i = 1; i <= 50; i++) {
        send_statement(INCARNATION, "a user", i, i % 2 ? ONLINE : AWAY);
    }
    assert_null(receive(EDGE_PEER, SHORT_MS));
    assert_true(core_metric("zpresence_core_requests_under_way") <= 4);
    redis_signal(SIGCONT);
    for (int i = 0; i < 50; i++) {
        const Zp__CoreToEdge *answer = receive(EDGE_PEER, LONG_MS);
        assert_non_null(answer);
        assert_int_equal(answer->ack->outcome, OK);
    }
    assert_int_equal(core_metric("zpresence_core_redis_connections_lost_total"), 0);
}

static const Zp__ServicesReply *ask_services(void) {
    Zp__ServicesQuery services_query = ZP__SERVICES_QUERY__INIT;
    services_query.request_id = 9;
    Zp__ApiToCore message = ZP__API_TO_CORE__INIT;
    message.body_case = ZP__API_TO_CORE__BODY_SERVICES_QUERY;
    message.services_query = &services_query;
    const Zp__CoreToApi *answer = ask_core(API_PEER, &message.base);
    assert_int_equal(answer->body_case, ZP__CORE_TO_API__BODY_SERVICES_REPLY);
    return answer->services_reply;
}

static Zp__Outcome beat_until_available(void) {
    for (int i = 0; i < ATTEMPTS; i++) {
        Zp__Outcome outcome = beat_as(INCARNATION);
        if (outcome != UNAVAILABLE) {
            return outcome;
        }
        usleep(ATTEMPT_US);
    }
    return UNAVAILABLE;
}

static void a_redis_that_is_silent_for_too_long_is_unavailable(void **state) {
    (void)state;
    redis_signal(SIGSTOP);
    const Zp__ServicesReply *waited = ask_services();
    assert_int_equal(waited->outcome, UNAVAILABLE);
    assert_string_equal(waited->trouble, "Redis does not answer");
    assert_int_equal(state_user(INCARNATION, "a user", 1, ONLINE), UNAVAILABLE);
    assert_string_equal(ask_services()->trouble, "Redis does not answer"); /* given up, and connected anew */
    assert_int_equal(tick_core()->outcome, UNAVAILABLE);
    assert_int_equal(beat_as(INCARNATION), UNAVAILABLE);
    char *ids[] = {"a user"};
    assert_int_equal(query(1, ids)->outcome, UNAVAILABLE);
    redis_signal(SIGCONT);
    assert_int_equal(beat_until_available(), OK); /* no time has passed for its lease */
    assert_int_equal(state_user(INCARNATION, "a user", 1, ONLINE), OK);
}

/* With its four calls under way it had stopped reading: nobody could have been told. */
static void a_silent_redis_is_said_to_everybody_long_before_it_is_given_up(void **state) {
    (void)state;
    redis_signal(SIGSTOP);
    for (uint64_t i = 1; i <= 10; i++) {
        send_statement(INCARNATION, "a user", i, ONLINE);
    }
    usleep(1400000);
    const Zp__ServicesReply *reply = ask_services();
    assert_int_equal(reply->outcome, UNAVAILABLE);
    assert_string_equal(reply->trouble, "Redis does not answer");
    assert_int_equal(tick_core()->outcome, UNAVAILABLE);
    char *ids[] = {"a user"};
    assert_int_equal(query(1, ids)->outcome, UNAVAILABLE);
    assert_int_equal(core_metric("zpresence_core_redis_connections_lost_total"), 0);
    assert_true(core_metric("zpresence_core_requests_under_way") <= 4);

    redis_signal(SIGCONT);
    usleep(300000);
    unsigned done = 0, refused = 0;
    const Zp__CoreToEdge *answer;
    while (done + refused < 10 && (answer = receive(EDGE_PEER, LONG_MS))) {
        done += answer->ack->outcome == OK;
        refused += answer->ack->outcome == UNAVAILABLE;
    }
    assert_int_equal(done, 0); /* those that Redis had already are void by now (ACK_TIMEOUT_MS) */
    assert_int_equal(refused, 10);
    assert_int_equal(beat_until_available(), OK);
    assert_int_equal(state_user(INCARNATION, "a user", 11, ONLINE), OK);
    assert_int_equal(ask_services()->outcome, OK);
    assert_string_equal(ask_services()->trouble, "");
}

static void a_redis_that_comes_back_empty_begins_an_epoch_that_is_rebuilt(void **state) {
    (void)state;
    assert_int_equal(state_user(INCARNATION, "a user", 1, ONLINE), OK);
    usleep(300000); /* so that this core knows everybody who lives */
    assert_int_equal(beat_as(INCARNATION), OK);
    uint64_t epoch = next_transitions(LONG_MS)->epoch;
    redis_kill();
    redis_begin();
    assert_int_equal(beat_until_available(), FENCED);
    char *ids[] = {"a user"};
    assert_int_equal(query(1, ids)->outcome, REBUILDING);
    assert_int_equal(join_as(INCARNATION_2, INCARNATION), OK);
    assert_int_equal(state_user(INCARNATION_2, "a user", 1, ONLINE), OK);
    const Zp__Transitions *transitions = next_transitions(LONG_MS);
    assert_true(transitions->epoch > epoch);
    assert_int_equal(transitions->first_seq, 2); /* numbers keep rising */
    until_rebuilt();
    assert_int_equal(query(1, ids)->users[0]->status, ONLINE);
}

static void data_that_is_flushed_is_noticed_by_the_next_call(void **state) {
    (void)state;
    command("FLUSHALL");
    assert_int_equal(state_user(INCARNATION, "a user", 1, ONLINE), UNAVAILABLE);
    assert_int_equal(beat_until_available(), FENCED);
    assert_true(core_metric("zpresence_core_epochs_begun_total") >= 2);
}

static void a_replica_is_not_written_to_and_a_new_master_begins_an_epoch(void **state) {
    (void)state;
    long long begun = core_metric("zpresence_core_epochs_begun_total");
    command("REPLICAOF 127.0.0.1 1");
    usleep(400000);
    assert_int_equal(state_user(INCARNATION, "a user", 1, ONLINE), UNAVAILABLE);
    command("REPLICAOF NO ONE");
    assert_int_equal(beat_until_available(), OK);
    assert_int_equal(core_metric("zpresence_core_epochs_begun_total"), begun + 1);
}

static void a_query_answers_in_the_order_asked_whatever_is_asked(void **state) {
    (void)state;
    state_user(INCARNATION, "here", 1, AWAY);
    state_user(INCARNATION, "gone", 2, ONLINE);
    state_user(INCARNATION, "gone", 3, OFFLINE);
    char *ids[] = {"gone", "here", "never", "here"};
    const Zp__StatusReply *reply = query(4, ids);
    assert_int_equal(reply->outcome, OK);
    assert_int_equal(reply->n_users, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(reply->users[i]->user_id, ids[i]);
    }
    assert_int_equal(reply->users[0]->status, OFFLINE);
    assert_true(reply->users[0]->last_seen_ms > 0);
    assert_int_equal(reply->users[1]->status, AWAY);
    assert_int_equal(reply->users[1]->last_seen_ms, reply->users[3]->last_seen_ms);
    assert_int_equal(reply->users[2]->last_seen_ms, 0);
    assert_int_equal(reply->users[2]->since_ms, 0);
    assert_int_equal(query(0, ids)->n_users, 0);
}

static const Zp__ReplayReply *replay(uint64_t epoch, uint64_t seq) {
    Zp__Position from = ZP__POSITION__INIT;
    from.epoch = epoch;
    from.seq = seq;
    Zp__Replay body = ZP__REPLAY__INIT;
    body.request_id = 3;
    body.from = &from;
    Zp__FanoutToCore message = ZP__FANOUT_TO_CORE__INIT;
    message.body_case = ZP__FANOUT_TO_CORE__BODY_REPLAY;
    message.replay = &body;
    const Zp__CoreToFanout *answer = ask_core(FANOUT_PEER, &message.base);
    assert_int_equal(answer->body_case, ZP__CORE_TO_FANOUT__BODY_REPLAY_REPLY);
    return answer->replay_reply;
}

static void a_replay_gives_what_the_broadcasts_gave(void **state) {
    (void)state;
    for (uint64_t i = 1; i <= 5; i++) {
        state_user(INCARNATION, "a user", i, i % 2 ? ONLINE : AWAY);
    }
    uint64_t epoch = next_transitions(LONG_MS)->epoch;
    const Zp__ReplayReply *reply = replay(epoch, 3);
    assert_int_equal(reply->outcome, OK);
    assert_int_equal(reply->position->seq, 5);
    assert_int_equal(reply->transitions->first_seq, 3);
    assert_int_equal(reply->transitions->n_transitions, 3);
    reply = replay(epoch, 6);
    assert_int_equal(reply->outcome, OK);
    assert_null(reply->transitions);
    assert_int_equal(replay(epoch, 0)->transitions->first_seq, 1);
    assert_int_equal(replay(epoch - 1, 1)->outcome, UNAVAILABLE);
    command("XTRIM presence:log MAXLEN 2");
    assert_int_equal(replay(epoch, 3)->outcome, TRIMMED);
    assert_int_equal(replay(epoch, 4)->outcome, OK);
    command("DEL presence:log");
    assert_int_equal(replay(epoch, 4)->outcome, TRIMMED);
}

static void a_snapshot_comes_in_pieces(void **state) {
    (void)state;
    char user[128] = "";
    for (uint64_t i = 1; i <= 501; i++) {
        (void)snprintf(user, sizeof user, "user %03u", (unsigned)i);
        assert_int_equal(state_user(INCARNATION, user, i, ONLINE), OK);
    }
    user[0] = '\0';
    size_t seen = 0;
    bool last = false;
    while (!last) {
        Zp__Snapshot body = ZP__SNAPSHOT__INIT;
        body.after = user;
        Zp__FanoutToCore message = ZP__FANOUT_TO_CORE__INIT;
        message.body_case = ZP__FANOUT_TO_CORE__BODY_SNAPSHOT;
        message.snapshot = &body;
        const Zp__CoreToFanout *answer = ask_core(FANOUT_PEER, &message.base);
        const Zp__SnapshotReply *reply = answer->snapshot_reply;
        assert_int_equal(reply->outcome, OK);
        assert_int_equal(reply->position->seq, 501);
        assert_int_equal(reply->users[0]->seq, seen + 1);
        seen += reply->n_users;
        last = reply->last;
        (void)snprintf(user, sizeof user, "%s", reply->users[reply->n_users - 1]->user_id);
    }
    assert_int_equal(seen, 501);
}

static void services_lists_this_core_beside_its_peers(void **state) {
    (void)state;
    assert_int_equal(beat_as(INCARNATION), OK);
    Zp__ServicesQuery body = ZP__SERVICES_QUERY__INIT;
    Zp__ApiToCore message = ZP__API_TO_CORE__INIT;
    message.body_case = ZP__API_TO_CORE__BODY_SERVICES_QUERY;
    message.services_query = &body;
    const Zp__CoreToApi *answer = ask_core(API_PEER, &message.base);
    const Zp__ServicesReply *reply = answer->services_reply;
    assert_int_equal(reply->outcome, OK);
    assert_int_equal(reply->n_services, 2);
    size_t cores = 0;
    for (size_t i = 0; i < reply->n_services; i++) {
        cores += strcmp(reply->services[i]->process->kind, "presence-core") == 0 &&
                 strncmp(reply->services[i]->process->address, "127.0.0.1:", 10) == 0;
    }
    assert_int_equal(cores, 1);
}

static bool are_listed(long long wanted) {
    long long count = -1;
    for (int i = 0; i < ATTEMPTS && count != wanted; i++) {
        redisReply *reply = redisCommand(redis_of_core(), "HLEN presence:services");
        assert_non_null(reply);
        count = reply->integer;
        freeReplyObject(reply);
        usleep(ATTEMPT_US);
    }
    return count == wanted;
}

static void who_says_its_last_beat_is_listed_no_more_and_not_answered(void **state) {
    (void)state;
    assert_int_equal(beat_as(INCARNATION), OK);
    assert_true(are_listed(2));
    Zp__ProcessInfo process = ZP__PROCESS_INFO__INIT;
    process.kind = "ws-edge";
    process.name = "ws-edge-1";
    process.version = "0";
    Zp__Beat beat = ZP__BEAT__INIT;
    beat.process = &process;
    beat.last = true;
    Zp__EdgeToCore message = ZP__EDGE_TO_CORE__INIT;
    message.body_case = ZP__EDGE_TO_CORE__BODY_BEAT;
    message.beat = &beat;
    send_message(EDGE_PEER, &message.base);
    assert_true(are_listed(1));
    assert_null(receive(EDGE_PEER, SHORT_MS));
    assert_int_equal(beat_as(INCARNATION), OK); /* its lease is as it was */
}

static void a_core_that_stops_is_listed_no_more(void **state) {
    (void)state;
    assert_true(are_listed(1));
    core_signal(SIGTERM);
    int status = core_wait();
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_true(are_listed(0));
}

static void lost_edges_end_by_ticks_and_their_end_is_broadcast(void **state) {
    (void)state;
    state_user(INCARNATION, "a user", 1, ONLINE);
    assert_int_equal(next_transitions(LONG_MS)->transitions[0]->to, ONLINE);
    unsigned ended = 0;
    for (int i = 0; i < ATTEMPTS && ended == 0; i++) { /* nobody beats for it */
        const Zp__TickReply *reply = tick_core();
        assert_int_equal(reply->outcome, OK);
        ended += reply->ended;
        usleep(ATTEMPT_US);
    }
    assert_int_equal(ended, 1);
    const Zp__Transitions *transitions = next_transitions(LONG_MS);
    assert_int_equal(transitions->transitions[0]->to, OFFLINE);
    assert_string_equal(transitions->transitions[0]->reason, "edge-lost");
    assert_string_equal(transitions->transitions[0]->edge, "");
    assert_int_equal(state_user(INCARNATION, "a user", 2, ONLINE), FENCED);
}

#ifdef ZPRESENCE_FAULTS
static void a_broadcast_that_is_dropped_is_in_the_log(void **state) {
    (void)state;
    core_arm_fault("drop-pub");
    assert_int_equal(state_user(INCARNATION, "a user", 1, ONLINE), OK);
    assert_null(next_transitions(SHORT_MS));
    assert_int_equal(state_user(INCARNATION, "a user", 2, AWAY), OK);
    const Zp__Transitions *transitions = next_transitions(LONG_MS);
    assert_int_equal(transitions->first_seq, 2);
    assert_int_equal(replay(transitions->epoch, 1)->transitions->n_transitions, 2);
}

static void an_acknowledgement_that_is_lost_may_be_asked_for_again(void **state) {
    (void)state;
    core_arm_fault("drop-ack");
    send_statement(INCARNATION, "a user", 1, ONLINE);
    assert_null(receive(EDGE_PEER, SHORT_MS));
    assert_int_equal(state_user(INCARNATION, "a user", 1, ONLINE), OK);
    assert_int_equal(next_transitions(LONG_MS)->last_seq, 1);
    assert_null(next_transitions(SHORT_MS));
}

static void a_core_that_dies_after_its_script_has_lost_nothing(void **state) {
    (void)state;
    core_arm_fault("after-script");
    send_statement(INCARNATION, "a user", 1, ONLINE);
    assert_true(WIFSIGNALED(core_wait()));
    assert_null(next_transitions(SHORT_MS));
    redisReply *length = redisCommand(redis_of_core(), "XLEN presence:log");
    assert_int_equal(length->integer, 1); /* for whoever asks */
    freeReplyObject(length);
}
#endif

static void what_redis_never_answers_does_not_keep_it_from_stopping(void **state) {
    (void)state;
    redis_signal(SIGSTOP);
    send_statement(INCARNATION, "a user", 1, ONLINE);
    char *ids[] = {"a user"};
    send_query(1, ids);
    Zp__ServicesQuery services_query = ZP__SERVICES_QUERY__INIT;
    services_query.request_id = 9;
    Zp__ApiToCore message = ZP__API_TO_CORE__INIT;
    message.body_case = ZP__API_TO_CORE__BODY_SERVICES_QUERY;
    message.services_query = &services_query;
    send_message(API_PEER, &message.base);
    usleep(200000); /* the keeper asks too */
    core_signal(SIGTERM);
    usleep(50000);
    core_signal(SIGTERM); /* a second one cuts the drain */
    int status = core_wait();
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void what_is_under_way_is_answered_before_it_stops(void **state) {
    (void)state;
    redis_signal(SIGSTOP);
    for (uint64_t i = 1; i <= 3; i++) {
        send_statement(INCARNATION, "a user", i, ONLINE);
    }
    usleep(200000);
    core_signal(SIGTERM);
    usleep(100000);
    redis_signal(SIGCONT);
    for (int i = 0; i < 3; i++) {
        const Zp__CoreToEdge *answer = receive(EDGE_PEER, LONG_MS);
        assert_non_null(answer);
        assert_int_equal(answer->ack->outcome, OK);
    }
    int status = core_wait();
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, core_start, core_stop)
    const struct CMUnitTest tests[] = {
        TEST(a_statement_is_broadcast_and_acknowledged_with_its_position),
        TEST(what_is_not_valid_is_answered_so_or_counted_and_ends_nothing),
        TEST(scripts_that_redis_has_forgotten_are_loaded_again),
        TEST(a_redis_that_pauses_is_waited_for_and_no_more_is_read_meanwhile),
        TEST(a_redis_that_is_silent_for_too_long_is_unavailable),
        cmocka_unit_test_setup_teardown(a_silent_redis_is_said_to_everybody_long_before_it_is_given_up,
                                        core_start_patient, core_stop),
        TEST(a_redis_that_comes_back_empty_begins_an_epoch_that_is_rebuilt),
        TEST(data_that_is_flushed_is_noticed_by_the_next_call),
        TEST(a_replica_is_not_written_to_and_a_new_master_begins_an_epoch),
        TEST(a_query_answers_in_the_order_asked_whatever_is_asked),
        TEST(a_replay_gives_what_the_broadcasts_gave),
        TEST(a_snapshot_comes_in_pieces),
        TEST(services_lists_this_core_beside_its_peers),
        TEST(who_says_its_last_beat_is_listed_no_more_and_not_answered),
        TEST(a_core_that_stops_is_listed_no_more),
        TEST(lost_edges_end_by_ticks_and_their_end_is_broadcast),
#ifdef ZPRESENCE_FAULTS
        TEST(a_broadcast_that_is_dropped_is_in_the_log),
        TEST(an_acknowledgement_that_is_lost_may_be_asked_for_again),
        TEST(a_core_that_dies_after_its_script_has_lost_nothing),
#endif
        TEST(what_redis_never_answers_does_not_keep_it_from_stopping),
        TEST(what_is_under_way_is_answered_before_it_stops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

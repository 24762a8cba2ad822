/* fanout_requests - what a fanout asks to repair its view: pieces of the log (replay_query.c), and of who is
 * there. */
#include "common/log/log.h"
#include "proto/valid.h"
#include "services/presence-core/reply.h"
#include "services/presence-core/requests.h"
#include "services/presence-core/rows.h"

enum { SNAPSHOT_PIECE = 500 }; /* users in one piece: about 4 ms of Redis */

static void fill_snapshot_reply(Zp__CoreToFanout *message, Zp__SnapshotReply *body, uint64_t id,
                                Zp__Outcome outcome, Zp__Position *position) {
    zp__snapshot_reply__init(body);
    body->request_id = id;
    body->outcome = outcome;
    body->position = position;
    zp__core_to_fanout__init(message);
    message->body_case = ZP__CORE_TO_FANOUT__BODY_SNAPSHOT_REPLY;
    message->snapshot_reply = body;
}

static void snapshot_unavailable(request_t *request) {
    Zp__CoreToFanout message;
    Zp__SnapshotReply body;
    Zp__Position position;
    fill_snapshot_reply(&message, &body, request->id, ZP__OUTCOME__OUTCOME_UNAVAILABLE,
                        known_position(request->core, &position));
    request_answer(request, &message.base);
    request_end(request);
}

static void on_snapshot_answer(void *context, call_result result, const script_call_t *call,
                               const redisReply *reply) {
    (void)call;
    request_t *request = context;
    if (request_check_reply(request, result, reply, 3) != ZP_OK) {
        snapshot_unavailable(request);
        return;
    }
    Zp__CoreToFanout message;
    Zp__SnapshotReply body;
    Zp__Position position;
    Zp__UserState states[SNAPSHOT_PIECE];
    Zp__UserState *pointers[SNAPSHOT_PIECE];
    request_position(request, reply->element[0], &position);
    fill_snapshot_reply(&message, &body, request->id, ZP__OUTCOME__OUTCOME_OK, &position);
    if (reply_number(reply->element[1]) != 0) {
        body.outcome = ZP__OUTCOME__OUTCOME_REBUILDING;
    } else {
        const redisReply *columns = reply->element[2];
        body.n_users = rows_read_users(columns, SNAPSHOT_PIECE, states, pointers);
        body.users = pointers;
        /* Where no row of a whole piece can be told, nothing says where the next one begins. */
        body.last = rows_count(columns, USER_COLUMNS) < SNAPSHOT_PIECE || body.n_users == 0;
    }
    request_answer(request, &message.base);
    request_end(request);
}

static void receive_snapshot(const question_t *question, const Zp__Snapshot *snapshot) {
    const presence_core *core = question->core;
    if (!epoch_keeper_is_serving(core->keeper)) {
        Zp__CoreToFanout message;
        Zp__SnapshotReply body;
        Zp__Position position;
        fill_snapshot_reply(&message, &body, snapshot->request_id, ZP__OUTCOME__OUTCOME_UNAVAILABLE,
                            known_position(core, &position));
        question_answer(question, &message.base);
        return;
    }
    request_t *request = request_begin(question, snapshot->request_id);
    script_call_t *call = request_begin_call(request, SCRIPT_SNAPSHOT);
    if (!call) {
        snapshot_unavailable(request);
        return;
    }
    arguments_add(&call->arguments, str_view_of(snapshot->after));
    arguments_add_number(&call->arguments, SNAPSHOT_PIECE);
    script_call_send(call, on_snapshot_answer, request);
}

static void refuse(const question_t *question, const Zp__FanoutToCore *message) {
    question_refuse(question);
    if (message->body_case == ZP__FANOUT_TO_CORE__BODY_REPLAY) {
        replay_query_answer(question, message->replay->request_id, ZP__OUTCOME__OUTCOME_INVALID);
    } else if (message->body_case == ZP__FANOUT_TO_CORE__BODY_SNAPSHOT) {
        Zp__CoreToFanout answer;
        Zp__SnapshotReply reply;
        fill_snapshot_reply(&answer, &reply, message->snapshot->request_id, ZP__OUTCOME__OUTCOME_INVALID,
                            NULL);
        question_answer(question, &answer.base);
    }
}

void fanout_requests_receive(const question_t *question) {
    const Zp__FanoutToCore *message =
        (const Zp__FanoutToCore *)question_unpack(question, &zp__fanout_to_core__descriptor);
    if (!message) {
        return;
    }
    if (!fanout_to_core_valid(message)) {
        refuse(question, message);
        return;
    }
    switch (message->body_case) {
    case ZP__FANOUT_TO_CORE__BODY_BEAT:
        beats_receive(question, message->beat);
        break;
    case ZP__FANOUT_TO_CORE__BODY_REPLAY:
        replay_query_receive(question, message->replay);
        break;
    case ZP__FANOUT_TO_CORE__BODY_SNAPSHOT:
        receive_snapshot(question, message->snapshot);
        break;
    case ZP__FANOUT_TO_CORE__BODY__NOT_SET:
    case _ZP__FANOUT_TO_CORE__BODY__CASE_IS_INT_SIZE:
        break; /* not valid */
    }
}

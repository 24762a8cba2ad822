/* replay_query - a piece of the log, for a fanout that repairs its view, or for an event stream of http-api
 * that goes on where its client was. */
#include "proto/valid.h"
#include "services/presence-core/reply.h"
#include "services/presence-core/requests.h"
#include "services/presence-core/transitions.h"

typedef union envelope {
    Zp__CoreToFanout fanout;
    Zp__CoreToApi api;
} envelope_t;

/* The envelope of whoever asks, around `body`. */
static const ProtobufCMessage *fill(envelope_t *envelope, arrow_t arrow, Zp__ReplayReply *body, uint64_t id,
                                    Zp__Outcome outcome, Zp__Position *position) {
    zp__replay_reply__init(body);
    body->request_id = id;
    body->outcome = outcome;
    body->position = position;
    if (arrow == ARROW_API) {
        zp__core_to_api__init(&envelope->api);
        envelope->api.body_case = ZP__CORE_TO_API__BODY_REPLAY_REPLY;
        envelope->api.replay_reply = body;
        return &envelope->api.base;
    }
    zp__core_to_fanout__init(&envelope->fanout);
    envelope->fanout.body_case = ZP__CORE_TO_FANOUT__BODY_REPLAY_REPLY;
    envelope->fanout.replay_reply = body;
    return &envelope->fanout.base;
}

void replay_query_answer(const question_t *question, uint64_t id, Zp__Outcome outcome) {
    envelope_t envelope;
    Zp__ReplayReply body;
    Zp__Position position;
    question_answer(question, fill(&envelope, question->arrow, &body, id, outcome,
                                   known_position(question->core, &position)));
}

/* Answers are packed before the next is filled: one is enough. */
static transitions_t replayed;

/* Whether the log still reaches back to where the replay begins, in one piece. */
static bool reaches(const request_t *request, uint64_t seq, const redisReply *records) {
    if (records->type != REDIS_REPLY_ARRAY || records->elements == 0) {
        return seq < request->from_seq;
    }
    return transitions_read(&replayed, request->epoch, records) == ZP_OK &&
           replayed.message.first_seq <= request->from_seq;
}

static void on_answer(void *context, call_result result, const script_call_t *call, const redisReply *reply) {
    (void)call;
    request_t *request = context;
    if (request_check_reply(request, result, reply, 2) != ZP_OK) {
        request_unavailable(request, replay_query_answer);
        return;
    }
    envelope_t envelope;
    Zp__ReplayReply body;
    Zp__Position position;
    request_position(request, reply->element[0], &position);
    const ProtobufCMessage *message =
        fill(&envelope, request->arrow, &body, request->id, ZP__OUTCOME__OUTCOME_OK, &position);
    const redisReply *records = reply->element[1];
    if (!reaches(request, position.seq, records)) {
        body.outcome = ZP__OUTCOME__OUTCOME_TRIMMED;
    } else if (records->elements > 0) {
        body.transitions = &replayed.message;
    }
    request_answer(request, message);
    request_end(request);
}

void replay_query_receive(const question_t *question, const Zp__Replay *replay) {
    const presence_core *core = question->core;
    log_position known = epoch_keeper_position(core->keeper);
    if (!epoch_keeper_is_serving(core->keeper) || replay->from->epoch != known.epoch) {
        replay_query_answer(question, replay->request_id, ZP__OUTCOME__OUTCOME_UNAVAILABLE);
        return;
    }
    request_t *request = request_begin(question, replay->request_id);
    request->from_seq = replay->from->seq > 0 ? replay->from->seq : 1; /* numbers begin at 1 */
    script_call_t *call = request_begin_call(request, SCRIPT_REPLAY);
    if (!call) {
        request_unavailable(request, replay_query_answer);
        return;
    }
    arguments_add_number(&call->arguments, request->from_seq);
    arguments_add_number(&call->arguments, REPLAY_ENTRIES);
    arguments_add_number(&call->arguments, REPLAY_ENOUGH);
    script_call_send(call, on_answer, request);
}
